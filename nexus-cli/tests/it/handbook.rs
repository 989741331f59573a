//! The handbook that the project ships, asked as a newcomer would ask it.

use std::path::Path;

use crate::bench::Bench;

/// The handbook beside the project's own book, as `make demo` ingests them.
fn handbook() -> Bench {
    let bench = Bench::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (handbook, book) = (root.join("examples/handbook"), root.join("docs"));
    let folders = [handbook.to_str().unwrap(), book.to_str().unwrap()];
    bench.run(&["ingest", folders[0], folders[1], "--corpus", "handbook"]).ends(0);
    bench
}

#[test]
fn the_handbook_answers_what_it_says() {
    let bench = handbook();
    for (question, answer) in [
        ("How many unused days of annual leave carry over to the next year?", "Up to 5 unused days"),
        ("How soon must a lost or stolen laptop be reported?", "within 1 hour"),
        ("What is the minimum length of a password?", "at least 14 characters"),
        ("How long is the probation period?", "lasts two months"),
        ("How long must backups be kept?", "35 days"),
        ("May I work from another country?", "up to 30 days"),
    ] {
        let said = bench.run(&["ask", "--corpus", "handbook", question]).ends(0);
        assert!(said.out.contains(answer), "{question} {said:#?}");
    }
}

#[test]
fn the_handbook_does_not_answer_what_it_does_not_say() {
    let bench = handbook();
    for question in [
        "Does the company pay for a gym membership?",
        "What is the salary of the chief executive officer?",
        "How many employees work in Leeds?",
        "What is the capital of Mongolia?",
    ] {
        bench.run(&["ask", "--corpus", "handbook", question]).ends(3);
    }
}
