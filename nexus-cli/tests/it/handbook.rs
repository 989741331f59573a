//! The handbook that the project ships, asked as a newcomer would ask it.

use std::path::{Path, PathBuf};

use crate::bench::{Bench, Said};

/// Folder of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The handbook beside other documents: the project's own book.
fn handbook() -> Bench {
    let bench = Bench::new();
    let (handbook, book) = (root().join("examples/handbook"), root().join("docs"));
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

/// Returns the commands that `make demo` runs, each with its expected exit code and its arguments.
fn demo() -> Vec<(i32, Vec<String>)> {
    let script = std::fs::read_to_string(root().join("scripts/demo.sh")).unwrap();
    let commands = script.lines().filter_map(|line| line.strip_prefix("show ")).map(|command| {
        let (code, command) = command.split_once(' ').unwrap();
        let (bare, quoted) = command.split_once('"').unwrap_or((command, ""));
        let question = quoted.strip_suffix('"').map(str::to_owned);
        let arguments = bare.split_whitespace().map(str::to_owned).chain(question).collect();
        (code.parse().unwrap(), arguments)
    });
    commands.collect()
}

#[test]
fn the_demo_ingests_the_handbook_alone_and_answers_its_questions_with_sources() {
    let (bench, demo) = (Bench::new(), demo());
    let (_, ingest) = demo.first().unwrap();
    assert_eq!(ingest.join(" "), "ingest examples/handbook --corpus handbook");
    let mut asked = Vec::new();
    for (code, arguments) in &demo {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let said = Said::from(
            bench
                .command(&arguments)
                .current_dir(root())
                .env("NEXUS_DATA", bench.path("demo"))
                .output()
                .unwrap(),
        );
        let said = said.ends(*code);
        match arguments[0] {
            "ingest" => {
                assert_eq!(said.out.lines().count(), 2, "a line for the folder, and the sum: {said:#?}");
                assert!(said.out.contains("examples/handbook: 13 done, 0 unchanged, 0 failed"), "{said:#?}");
            }
            "ask" if *code == 0 => assert!(said.out.contains("\n[1] "), "no source: {said:#?}"),
            _ => {}
        }
        if arguments[0] == "ask" {
            asked.push(*code);
        }
    }
    assert_eq!(asked, [0, 0, 3]);
    assert_eq!(demo.last().unwrap().1.join(" "), "runs verify --all");
}

/// The questions of examples of `nexus ask`: what stands in quotes after it and ends as a question does. Help is wrapped.
fn questions(text: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let quoted = text.split("nexus ask").skip(1).flat_map(|example| example.split('"').skip(1).step_by(2));
    quoted.filter(|quoted| quoted.ends_with('?')).map(str::to_owned).collect()
}

#[test]
fn every_question_that_is_shown_as_an_example_is_answered_from_the_handbook() {
    let bench = Bench::new();
    let root = root();
    bench.run(&["ingest", root.join("examples/handbook").to_str().unwrap(), "--corpus", "handbook"]).ends(0);
    let help = |command: &[&str]| bench.run(&[command, &["--help"]].concat()).ends(0).out;
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let mut asked = 0;
    for text in [read("README.md"), help(&[]), help(&["ask"]), read("scripts/demo.sh")] {
        let questions: Vec<String> = questions(&text);
        for question in questions.iter().filter(|question| !question.contains("gym")) {
            let said = bench.run(&["ask", "--corpus", "handbook", "--json", question]).ends(0).json();
            let citations = said["answer"]["citations"].as_array().unwrap();
            assert!(!citations.is_empty(), "{question} {said:#}");
            asked += 1;
        }
    }
    let server = read("docs/server.md");
    let message = server.split("\"message\": \"").nth(1).unwrap().split('"').next().unwrap();
    bench.run(&["ask", "--corpus", "handbook", message]).ends(0);
    assert!(asked >= 11, "only {asked} examples were found");
}
