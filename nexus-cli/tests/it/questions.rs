//! Natural questions over varied documents, and cases of neighbouring facts, asked of the offline answerer.
//!
//! `fixtures/questions/NAME.tsv` holds a kind (`answer` or `none`), a question, and words of the answer. Both sets
//! were looked at while the answerer was made: `tuned` throughout, `held` for two rules.

use std::path::{Path, PathBuf};

use crate::bench::Bench;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/questions")
}

/// Counts of a set.
#[derive(Debug, Default)]
struct Counts {
    answerable: usize,
    right: usize,
    wrong: Vec<String>,
    unanswerable: usize,
    answered: Vec<String>,
}

fn ask_all(name: &str) -> Counts {
    let bench = Bench::new();
    let folder = fixtures().join(name);
    bench.run(&["ingest", folder.to_str().unwrap(), "--corpus", "c"]).ends(0);
    let questions = std::fs::read_to_string(fixtures().join(format!("{name}.tsv"))).unwrap();
    let mut counts = Counts::default();
    for line in questions.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let said = bench.run(&["ask", "--corpus", "c", fields[1]]);
        let has_answered = said.code == Some(0);
        if fields[0] == "answer" {
            let is_right = said.out.contains(fields[2]);
            counts.answerable += 1;
            counts.right += usize::from(has_answered && is_right);
            counts.wrong.extend((has_answered && !is_right).then(|| fields[1].to_owned()));
        } else {
            counts.unanswerable += 1;
            counts.answered.extend(has_answered.then(|| fields[1].to_owned()));
        }
    }
    counts
}

#[test]
fn natural_questions_are_answered_rightly_or_not_at_all() {
    for name in ["tuned", "held"] {
        let counts = ask_all(name);
        assert!(counts.right * 100 >= counts.answerable * 75, "{name} {counts:#?}");
        assert!(counts.wrong.len() * 100 <= counts.answerable * 5, "{name} {counts:#?}");
        assert!(counts.answered.len() * 100 <= counts.unanswerable * 10, "{name} {counts:#?}");
    }
}

/// Asks over documents of their own, each a name and a text. The answer holds `expected`; without it, there is none.
#[track_caller]
fn check(documents: &[(&str, &str)], question: &str, expected: Option<&str>) {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("case")).unwrap();
    for (name, text) in documents {
        bench.write(&format!("case/{name}"), text);
    }
    bench.run(&["ingest", "case", "--corpus", "c"]).ends(0);
    let said = bench.run(&["ask", "--corpus", "c", question]).ends(if expected.is_some() { 0 } else { 3 });
    assert!(said.out.contains(expected.unwrap_or_default()), "{said:#?}");
}

#[test]
fn a_neighbouring_fact_is_no_answer() {
    let people = [
        (
            "company.md",
            "# Northwind Tools\n\nNorthwind Tools was founded in 1962 by Anders Vik. Ingrid Solheim has led the company since \
             2021. The travel allowance is 45 euros a day.",
        ),
        (
            "leave.md",
            "# Leave\n\nEmployees get 27 days of paid leave a year. Sick leave of more than three days needs a note.",
        ),
        (
            "board.md",
            "# Board\n\nThe board met on 4 June 2024 in Bergen. The next meeting is on 9 September 2026.",
        ),
        (
            "faq.md",
            "# FAQ\n\nWho chairs the board? When does the board meet?\n\nQ: How many members has the board?\nA: Seven members.",
        ),
    ];
    check(&people, "What is the salary of Ingrid Solheim?", None);
    check(&people, "How many days of unpaid leave do employees get?", None);
    check(&people, "When did the board meet?", Some("4 June 2024"));
    let car = [(
        "car.md",
        "# News\n\nThe Berlin office opened in March 2019. The contract with Acme ends on 30 June 2027.",
    )];
    check(&car, "When did the Paris office open?", None);
    check(&car, "When does the contract with Bolt end?", None);
    check(&car, "Who signed the contract with Acme?", None);
    let memo =
        [("memo.txt", "There were 20,000 bottles of water and 200 laptops delivered on January 23, 2023.")];
    check(&memo, "How many tents were delivered on January 23, 2023?", None);
    check(&memo, "How many laptops were delivered on January 23, 2024?", None);
    check(&memo, "How many laptops were delivered on January 23, 2023?", Some("200 laptops"));
    let parts = [
        ("n1.txt", "Note 13331. The part number is PN-13331. It costs 51 euros and lies on shelf 1."),
        ("n5.txt", "Note 13335. The part number is PN-13335. It costs 55 euros and lies on shelf 5."),
    ];
    check(&parts, "What does PN-13335 cost?", Some("It costs 55 euros"));
}

#[test]
fn identifiers_are_compared_whole() {
    let releases = [
        (
            "rel.md",
            "# Releases\n\nThe printer was repaired. C++ and C# and .NET 8 are supported, and so is R.",
        ),
        ("old.md", "# Older\n\nVersion 14 existed. Languages like C and Pascal are not supported."),
    ];
    check(&releases, "Is C++ supported?", Some("C++ and C# and .NET 8 are supported, and so is R."));
    check(&releases, "Is .NET 8 supported?", Some("C++ and C# and .NET 8 are supported, and so is R."));
}

#[test]
fn a_page_in_another_language_changes_no_answer() {
    let ledgers = "# Retention\n\nAll general ledgers must be retained for not less than seven years from the annual report.";
    let workshop = "# Werkstatt\n\nDie Abteilung General Services führt ein Buch über alle Arbeiten, das dem Leiter vorgelegt wird.";
    let lease = "# Vertrag\n\nDie Kündigungsfrist beträgt drei Monate zum Quartalsende. Die Probezeit dauert sechs Monate.";
    let all = [("a.md", ledgers), ("b.md", workshop), ("c.md", lease)];
    check(&all, "How long must general ledgers be retained?", Some("seven years"));
    check(&all, "Wie lang ist die Kündigungsfrist?", Some("drei Monate"));
}

#[test]
fn of_contradicting_documents_both_are_quoted_the_replacing_one_first() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("case")).unwrap();
    let policy = |year: u32, limit: u32, note: &str| {
        format!(
            "# Travel policy {year}\n\nEffective 1 January {year}. {note}The hotel limit is {limit} euros a night. Trains run daily."
        )
    };
    bench.write("case/a.md", &policy(2019, 110, ""));
    bench.write("case/b.md", &policy(2025, 165, "This replaces the policy of 2019. "));
    bench.run(&["ingest", "case", "--corpus", "c"]).ends(0);
    let said = bench.run(&["ask", "--corpus", "c", "What is the hotel limit?"]).ends(0);
    let at = |words: &str| said.out.find(words).unwrap_or_else(|| panic!("no {words} in {said:#?}"));
    assert!(at("165 euros") < at("110 euros") && at("1 January 2025") < at("1 January 2019"), "{said:#?}");
    assert!(said.out.contains("a.md") && said.out.contains("b.md"));
}

#[test]
fn a_follow_up_is_searched_with_what_it_refers_to_and_the_record_says_so() {
    let limits =
        "# Limits\n\nThe hotel limit in London is 220 pounds. The hotel limit in Zurich is 260 francs.";
    let grenzen = "# Grenzen\n\nDie Hotelgrenze in London beträgt 220 Pfund. Die Hotelgrenze in Zürich beträgt 260 Franken.";
    let limiti = "# Limiti\n\nIl limite per l'hotel a Londra è di 220 sterline. Il limite per l'hotel a Zurigo è di 260 franchi.";
    for (text, first, second) in [
        (limits, "What is the hotel limit in London?", "And in Zurich?"),
        (grenzen, "Wie hoch ist die Hotelgrenze in London?", "Und in Zürich?"),
        (limiti, "Qual è il limite per l'hotel a Londra?", "E a Zurigo?"),
    ] {
        let bench = Bench::new();
        bench.write("limits.md", text);
        bench.run(&["ingest", "limits.md", "--corpus", "c"]).ends(0);
        bench.run(&["ask", "--corpus", "c", "--session", "s", first]).ends(0);
        let said = bench.run(&["ask", "--corpus", "c", "--session", "s", second]).ends(0);
        assert!(said.out.contains("260") && !said.out.contains("220"), "{said:#?}");
        bench.run(&["ask", "--corpus", "c", "--session", "t", first]).ends(0);
        let events =
            bench.run(&["ask", "--corpus", "c", "--session", "t", "--json", "--events", second]).ends(0);
        assert!(events.out.contains(&format!(r#""search_text":"{second}\n{first}""#)), "{events:#?}");
    }
}

#[test]
fn an_abstention_shows_the_nearest_passage_as_no_answer() {
    let bench = Bench::ingested();
    let question = "How many days of unpaid annual leave do employees have?";
    let said = bench.run(&["ask", "--corpus", "handbook", question]).ends(3);
    assert!(said.out.contains("nearest passage, not an answer: [1] leave.md — “"), "{said:#?}");
    let said = bench.run(&["ask", "--corpus", "handbook", "--json", question]).ends(3);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["answer"]["nearest"]["source_name"], "leave.md");
    assert_eq!(
        (json["answer"]["text"].as_str(), json["answer"]["citations"].as_array().map(Vec::len)),
        (Some(""), Some(0))
    );
}
