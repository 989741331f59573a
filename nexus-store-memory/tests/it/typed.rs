//! Search finds what was typed: identifiers, numbers, phrases, spellings and names, in small corpora of one kind each.

use nexus_core::retrieve::Retrieved;
use nexus_core::search::Search;
use nexus_core::{CorpusId, Nexus};
use nexus_store_memory::MemoryStore;
use serde_json::json;

use crate::journey::{admin, ingest, nexus};

async fn corpus(documents: &[(&str, &str)]) -> Nexus {
    let nexus = nexus(&MemoryStore::default());
    nexus.create_corpus(&admin(), CorpusId::parse("handbook").unwrap(), "Handbook", json!({})).await.unwrap();
    for (name, text) in documents {
        ingest(&nexus, &admin(), name, text).await;
    }
    nexus
}

async fn search(nexus: &Nexus, text: &str) -> Retrieved {
    nexus.search(&admin(), Search::new(CorpusId::parse("handbook").unwrap(), text)).await.unwrap()
}

async fn names(nexus: &Nexus, text: &str) -> Vec<String> {
    search(nexus, text).await.hits.into_iter().map(|hit| hit.source_name).collect()
}

/// Checks that each search finds the document of that name first.
async fn check(documents: &[(&str, &str)], searches: &[(&str, &str)]) {
    let nexus = corpus(documents).await;
    let mut wrong = Vec::new();
    for (text, first) in searches {
        let found = names(&nexus, text).await;
        if found.first().is_none_or(|found| found != first) {
            wrong.push(format!("{text}: {found:?}, not {first}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Text of many words that are in no search.
fn padding(words: usize) -> String {
    (0..words).map(|word| format!("filler{word}")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_passage_with_the_identifier_comes_before_those_with_its_parts() {
    let identifiers = [
        ("CVE-2024-1234", "CVE 2024: 1234 hosts, CVE-2023-1234, CVE-2024-12345 and 2024 CVE 1234 CVE 2024"),
        ("KX/90210", "KX KX 90210, KX-90210X, 90210/KX and KX/902101"),
        ("PO-881-3306", "PO 881, PO-881-33061, PO-3306-881 and 3306 PO 881 3306 PO"),
        ("14.2.1.0", "14.2.1.01, 14.2.1, 14.2.0.1 and 0 1 2 14 14.2 1.0"),
        ("ERR_CONN_RESET", "err conn reset, ERR_CONN, CONN_RESET and the err of a conn after a reset"),
        ("C++", "C C C, C+, C or C plus plus C"),
        ("C#", "C C C, C sharp, #C and # C"),
        (".NET", "net net net, NET and the net of a net"),
        ("jane.doe@example.com", "jane doe at example com, jane@example.com, doe jane example com example"),
        ("/etc/nexus/main.toml", "etc nexus main toml, /etc/nexus/other.toml, main.toml of nexus in etc"),
        ("main-2.tar.gz", "main 2 tar gz, main-3.tar.gz and tar gz main 2 gz"),
        ("getUserById", "get the user by id, user id, getUser, byId, get get user user id id"),
        ("RT-55", "RT RT 55, RT-555, 55 RT and RT 55 RT"),
        ("R&D", "R D R D, D&R, r and d"),
        ("4711-0815-X", "4711 0815 X, 4711-0815-Y, X 0815 4711"),
        ("std::vec::Vec", "std vec Vec vec std vec"),
        ("2001:db8::8a2e", "2001 db8 8a2e db8 2001 8a2e"),
    ];
    let mut wrong = Vec::new();
    for (identifier, parts) in identifiers {
        let long = format!("{} It names {identifier}. {}", padding(150), padding(150));
        let nexus = corpus(&[("scattered.txt", parts), ("more.txt", parts), ("exact.txt", &long)]).await;
        let asked = [
            identifier.to_owned(),
            identifier.to_lowercase(),
            format!("„{identifier}“?").replace(['„', '“'], ""),
            format!("({identifier}),"),
            format!("What is {identifier}?"),
            format!("Was ist {identifier} und wo steht es?"),
        ];
        for text in asked {
            let found = names(&nexus, &text).await;
            if found.first().is_none_or(|found| found != "exact.txt") {
                wrong.push(format!("{text}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn an_identifier_is_found_within_longer_strings_and_other_spellings() {
    check(
        &[
            ("german.txt", "Die CVE-2024-1234-Lücke betrifft alle C++-Compiler und die .NET-Entwickler."),
            ("mail.txt", "Write to mailto:jane@example.org or <bob@example.org>."),
            ("path.txt", "The log is in /var/log/nexus/error.log; see docs\\guide\\setup.md."),
            ("version.txt", "Fixed in v14.2.1.0 and in C++17."),
            ("hyphen.txt", "Order PO‑881‑3306 is late."),
            ("iso.txt", "The audit follows ISO27001."),
            ("din.txt", "The screw follows DIN 4711."),
            ("snake.txt", "def get_order_by_number(self): return None"),
            ("http.txt", "class HTTPServer accepts connections"),
            ("other.txt", "Order 881, 3306 of the net; errors, logs, the guide, get a number, example org."),
        ],
        &[
            ("CVE-2024-1234", "german.txt"),
            (".NET", "german.txt"),
            ("jane@example.org", "mail.txt"),
            ("error.log", "path.txt"),
            ("nexus/error.log", "path.txt"),
            ("setup.md", "path.txt"),
            ("14.2.1.0", "version.txt"),
            ("V14.2.1.0", "version.txt"),
            ("PO-881-3306", "hyphen.txt"),
            ("ISO 27001", "iso.txt"),
            ("ISO-27001", "iso.txt"),
            ("DIN4711", "din.txt"),
            ("getOrderByNumber", "snake.txt"),
            ("get order by number", "snake.txt"),
            ("http server", "http.txt"),
            ("httpserver", "http.txt"),
        ],
    )
    .await;
}

#[tokio::test]
async fn names_of_files_and_titles_are_searched() {
    check(
        &[
            ("PO-881-3306_invoice.txt", "Two pumps, payable in thirty days."),
            ("travel-policy.md", "# Reimbursement\n\nTrains come first."),
            ("other.txt", "Pumps and trains, PO 881 and 3306, payable in days."),
        ],
        &[
            ("PO-881-3306", "PO-881-3306_invoice.txt"),
            ("travel-policy.md", "travel-policy.md"),
            ("travel policy", "travel-policy.md"),
            ("reimbursement", "travel-policy.md"),
            ("invoice", "PO-881-3306_invoice.txt"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_number_is_found_in_all_its_notations() {
    let notations =
        ["2,400,500", "2.400.500", "2 400 500", "2400500", "2'400'500", "2\u{202F}400\u{202F}500"];
    for stored in notations {
        let text = format!("The grant is {stored} in all.");
        let nexus = corpus(&[
            ("right.txt", &text),
            ("parts.txt", "Of 2 grants, 400 or 500 in all; 500, 400, 2."),
            ("other.txt", "The grant is 2,400,501 or 24,005.00 in all."),
        ])
        .await;
        for typed in notations {
            for text in [typed.to_owned(), format!("grant of {typed}")] {
                let found = names(&nexus, &text).await;
                assert_eq!(found.first().map(String::as_str), Some("right.txt"), "{text} for {stored}");
            }
        }
    }
}

#[tokio::test]
async fn decimals_and_thousands_stay_apart() {
    check(
        &[
            ("small.txt", "A dose of 1.25 mg."),
            ("large.txt", "A run of 125 steps."),
            ("comma.txt", "Ein Wert von 3,75 Metern."),
        ],
        &[("1.25", "small.txt"), ("1,25", "small.txt"), ("125", "large.txt"), ("3.75", "comma.txt")],
    )
    .await;
}

#[tokio::test]
async fn a_date_is_found_in_all_its_notations() {
    let notations = ["5 March 2024", "March 5, 2024", "2024-03-05", "5. März 2024"];
    for stored in notations {
        let text = format!("Signed on {stored} by both.");
        let nexus = corpus(&[
            ("right.txt", &text),
            ("parts.txt", "In March and März 2024, 5 of 3 and 05 of 03 signed; March 2024."),
        ])
        .await;
        for typed in notations {
            let found = names(&nexus, &format!("signed {typed}")).await;
            assert_eq!(found.first().map(String::as_str), Some("right.txt"), "{typed} for {stored}");
        }
    }
}

#[tokio::test]
async fn quotation_marks_make_a_phrase_and_neighbours_count_without_them() {
    let nexus = corpus(&[
        ("apart.txt", "The price is net, the net is a price, price price net net net."),
        ("together.txt", &format!("{} The net price is due.", padding(8))),
    ])
    .await;
    assert_eq!(names(&nexus, "\"net price\"").await, ["together.txt"]);
    assert_eq!(names(&nexus, "“net price”").await, ["together.txt"]);
    assert_eq!(names(&nexus, "\"net prices\" due").await, ["together.txt"]);
    assert!(names(&nexus, "\"price due\"").await.is_empty());
    check(
        &[
            ("apart.txt", "The river has a bank, and a holiday follows."),
            ("together.txt", "A bank holiday follows, and the river has it."),
        ],
        &[("bank holiday", "together.txt")],
    )
    .await;
}

#[tokio::test]
async fn spellings_of_one_word_find_each_other() {
    let long = format!(
        "{} Herr Müller unterschreibt die Verträge für das Haus. {}",
        "Die Akte liegt bei der Verwaltung. ".repeat(40),
        "Das ist alles. ".repeat(20)
    );
    check(
        &[
            ("mueller.txt", &long),
            ("pieces.txt", "Keller, Teller und Heller sind in der Küche; der Keller ist voller Teller."),
            ("groesse.txt", "Die Größe der Wohnung an der Hauptstraße beträgt achtzig Quadratmeter."),
            ("aarhus.txt", "Færgen fra Århus sejler kl. 9, og billetten til Malmö koster 200 kroner."),
            ("cafe.txt", "L'entreprise a ouvert un café près de l'école d'été."),
            ("turkish.txt", "Işık sokağı İstanbul'dadır ve ılık bir yerdir."),
            ("old.txt", "Das Haus iſt alt und das Waſſer iſt kalt."),
        ],
        &[
            ("Mueller", "mueller.txt"),
            ("Müller", "mueller.txt"),
            ("Muller", "mueller.txt"),
            ("MÜLLER", "mueller.txt"),
            ("Groesse", "groesse.txt"),
            ("GRÖSSE", "groesse.txt"),
            ("hauptstrasse", "groesse.txt"),
            ("Hauptstraße", "groesse.txt"),
            ("Aarhus", "aarhus.txt"),
            ("Arhus", "aarhus.txt"),
            ("Malmoe", "aarhus.txt"),
            ("cafe", "cafe.txt"),
            ("entreprise", "cafe.txt"),
            ("ecole", "cafe.txt"),
            ("istanbul", "turkish.txt"),
            ("ISIK", "turkish.txt"),
            ("Wasser", "old.txt"),
        ],
    )
    .await;
}

#[tokio::test]
async fn scripts_without_spaces_are_searched_by_their_characters() {
    check(
        &[
            ("thai.txt", "ระยะเวลาทดลองงานคือหกเดือน พนักงานได้รับวันหยุดสิบวัน"),
            ("thai-other.txt", "ราคาตั๋วเรือคือสองร้อยบาทต่อคน"),
            ("chinese.txt", "试用期为六个月。员工每年有十天假期。"),
            ("chinese-other.txt", "船票价格为每人二百元。"),
            ("japanese.txt", "試用期間は六か月です。きろくは十年間ほぞんします。"),
            ("khmer.txt", "រយៈពេលសាកល្បងគឺប្រាំមួយខែ"),
            ("lao.txt", "ໄລຍະທົດລອງງານແມ່ນຫົກເດືອນ"),
            ("korean.txt", "수습 기간은 육 개월입니다."),
        ],
        &[
            ("ระยะเวลาทดลองงานนานเท่าไร", "thai.txt"),
            ("ราคาตั๋วเรือเท่าไร", "thai-other.txt"),
            ("试用期是多久？", "chinese.txt"),
            ("船票多少钱？", "chinese-other.txt"),
            ("試用期間は何か月ですか", "japanese.txt"),
            ("សាកល្បង", "khmer.txt"),
            ("ທົດລອງງານ", "lao.txt"),
            ("수습 기간은 얼마입니까?", "korean.txt"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_foreign_document_does_not_change_the_order_of_the_others() {
    let english = [
        ("ledgers.txt", "All general ledgers must be retained for seven years after the annual report."),
        ("leave.txt", "Annual leave is retained for a year; the general rule is in the report."),
        ("rules.txt", "The general rules of the house are in the annual handbook."),
    ];
    let foreign = [
        (
            "de.txt",
            "Die Abteilung General Services führt ein Buch über alle Arbeiten, das am Ende des Monats vorgelegt wird.",
        ),
        (
            "fr.txt",
            "Le directeur général présente le rapport annuel à l'assemblée générale des actionnaires de la société.",
        ),
        (
            "pt.txt",
            "O general apresenta o relatório anual e as contas da empresa a todos os sócios em março.",
        ),
    ];
    for text in
        ["How long must general ledgers be retained?", "general ledgers", "annual report", "General rules"]
    {
        let alone = names(&corpus(&english).await, text).await;
        for document in foreign {
            let mixed = names(&corpus(&[&english[..], &[document]].concat()).await, text).await;
            let rest: Vec<_> = mixed.into_iter().filter(|name| name != document.0).collect();
            assert_eq!(rest, alone, "{text} beside {}", document.0);
        }
    }
}

#[tokio::test]
async fn a_single_hit_has_a_score_above_zero() {
    let nexus = corpus(&[("leave.txt", "Thirty days of leave.")]).await;
    let hit = &search(&nexus, "leave").await.hits[0];
    assert!(hit.score > 0.1, "{hit:?}");
    assert_eq!(hit.score.to_bits(), hit.lexical.unwrap().score.to_bits());
}
