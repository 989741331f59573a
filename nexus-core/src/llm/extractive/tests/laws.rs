//! Laws of the answerer over generated corpora, with fixed seeds.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::super::{DEFAULT_THRESHOLD, Selection, select};
use crate::grounding::{Evidence, tests::evidence};

const SUBJECTS: [&str; 8] = ["Bergen", "Oslo", "Trieste", "Hamburg", "Lyon", "Porto", "Gdansk", "Malmö"];
const PROPERTIES: [(&str, &str); 14] = [
    ("How many desks does the {} office have?", "The {} office has {n} desks."),
    ("What is the hotel limit in {}?", "The hotel limit in {} is {n} euros a night."),
    ("When did the {} plant open?", "The {} plant opened in March 19{n} and makes valves."),
    (
        "How long is the notice period of the {} contract?",
        "The notice period of the {} contract is {n} days.",
    ),
    ("What is the rent of the {} warehouse?", "The rent of the {} warehouse is {n} euros a month."),
    ("Who leads the {} team?", "The {} team is led by Ingrid Solheim{n}."),
    ("Wie viele Schreibtische hat das Büro in {}?", "Das Büro in {} hat {n} Schreibtische."),
    ("Wann wurde das Werk in {} eröffnet?", "Das Werk in {} wurde im März 19{n} eröffnet."),
    ("Combien de bureaux a le site de {} ?", "Le site de {} a {n} bureaux."),
    ("Quand le site de {} a-t-il ouvert ?", "Le site de {} a ouvert en mars 19{n}."),
    ("¿Cuántas mesas tiene la oficina de {}?", "La oficina de {} tiene {n} mesas."),
    ("¿Cuándo abrió la oficina de {}?", "La oficina de {} abrió en marzo de 19{n}."),
    ("Quante scrivanie ha l'ufficio di {}?", "L'ufficio di {} ha {n} scrivanie."),
    ("Quando ha aperto l'ufficio di {}?", "L'ufficio di {} ha aperto nel marzo 19{n}."),
];
const FILLER: [&str; 10] = [
    "The canteen serves soup on Fridays.",
    "Windows are cleaned twice a year by a firm from the neighbourhood.",
    "Die Werkstatt am Hafen öffnet jeden Morgen um sieben Uhr, und der Meister prüft zuerst die Maschinen.",
    "Le port du village ouvre chaque matin à sept heures et le maître vérifie d'abord les machines.",
    "El taller del puerto abre cada mañana a las siete y el maestro revisa primero las máquinas.",
    "Printers stand on each floor, and paper lies in the cupboard beside them.",
    "A General Services unit keeps a book of all works.",
    "Mail is collected at noon. It leaves the building an hour later.",
    "| Item | Colour |\n|---|---|\n| chair | green |",
    "All visitors wear a badge that the porter hands out.",
];

fn named(name: &str, text: &str) -> Evidence {
    Evidence { source_name: name.to_owned(), heading_path: vec!["Notes".to_owned()], ..evidence(text) }
}

/// Case: the question, the passage that answers it, and other passages.
#[derive(Debug, Clone)]
struct Case {
    question: String,
    answer: String,
    value: String,
    wrong: String,
    others: Vec<Evidence>,
}

fn cases() -> impl Strategy<Value = Case> {
    let parts = (
        0..PROPERTIES.len(),
        0..SUBJECTS.len(),
        1..SUBJECTS.len(),
        11..99_u32,
        prop::collection::vec(0..FILLER.len(), 0..5),
    );
    parts.prop_map(|(property, subject, step, number, filler)| {
        let (question, sentence) = PROPERTIES[property];
        let (subject, other) = (SUBJECTS[subject], SUBJECTS[(subject + step) % SUBJECTS.len()]);
        let say = |subject: &str, number: u32| {
            let number = if sentence.contains("led by") {
                ["a", "b", "c"][number as usize % 3].to_owned()
            } else {
                number.to_string()
            };
            sentence.replace("{}", subject).replace("{n}", &number)
        };
        let others = filler.into_iter().map(|at| named(&format!("filler{at}.md"), FILLER[at])).collect();
        Case {
            question: question.replace("{}", subject),
            answer: say(subject, number),
            value: say(subject, number),
            wrong: say(other, 110 - number),
            others,
        }
    })
}

fn quoted(selection: &Selection, evidence: &[Evidence]) -> Vec<String> {
    selection
        .quotes
        .iter()
        .filter_map(|quote| evidence[quote.passage].text.get(quote.range.clone()).map(str::to_owned))
        .collect()
}

/// Returns the quotes, or nothing for an abstention.
fn answer(question: &str, evidence: &[Evidence]) -> Vec<String> {
    let selection = select(question, evidence);
    if selection.confidence < DEFAULT_THRESHOLD { Vec::new() } else { quoted(&selection, evidence) }
}

fn config() -> Config {
    Config { cases: 256, rng_seed: RngSeed::Fixed(13), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn other_documents_change_neither_the_sentences_nor_the_abstention(case in cases(), has_answer: bool) {
        let passage = named("answer.md", if has_answer { &case.answer } else { "Nothing of interest happened on the way home." });
        let alone = answer(&case.question, std::slice::from_ref(&passage));
        prop_assert_eq!(alone.is_empty(), !has_answer, "{} {:?}", case.question, alone);
        let mut among = case.others.clone();
        among.insert(among.len() / 2, passage);
        prop_assert_eq!(alone, answer(&case.question, &among), "{}", case.question);
    }

    #[test]
    fn the_order_of_the_passages_changes_nothing(case in cases(), by in 0_usize..6) {
        let mut passages = case.others.clone();
        passages.push(named("answer.md", &case.answer));
        passages.push(named("wrong.md", &case.wrong));
        let before = answer(&case.question, &passages);
        let length = passages.len();
        passages.rotate_left(by % length);
        prop_assert_eq!(&before, &answer(&case.question, &passages));
        passages.reverse();
        prop_assert_eq!(before, answer(&case.question, &passages));
    }

    #[test]
    fn a_score_of_the_search_changes_nothing(case in cases(), score in 0.0_f32..100.0) {
        let mut passages = case.others.clone();
        passages.push(named("answer.md", &case.answer));
        let before = select(&case.question, &passages);
        for passage in &mut passages {
            passage.score = score;
        }
        prop_assert_eq!(before, select(&case.question, &passages));
    }

    #[test]
    fn a_wrong_value_of_another_subject_is_never_quoted(case in cases(), before: bool, together: bool) {
        let wrong = case.wrong.clone();
        let texts = match (together, before) {
            (true, true) => vec![format!("{wrong} {}", case.answer)],
            (true, false) => vec![format!("{} {wrong}", case.answer)],
            (false, true) => vec![wrong.clone(), case.answer.clone()],
            (false, false) => vec![case.answer.clone(), wrong.clone()],
        };
        let mut passages: Vec<Evidence> = (0..).zip(&texts).map(|(at, text)| named(&format!("d{at}.md"), text)).collect();
        passages.extend(case.others.clone());
        let said = answer(&case.question, &passages);
        prop_assert_eq!(said, vec![case.value.clone()], "{}", case.question);
        let neighbour = answer(&case.question, &[named("wrong.md", &wrong)]);
        prop_assert!(neighbour.is_empty(), "{} {:?}", case.question, neighbour);
    }

    #[test]
    fn a_foreign_page_never_changes_the_reading_of_a_question(case in cases(), filler in 2_usize..5) {
        let passages = [named("answer.md", &case.answer)];
        let mixed = [named("answer.md", &case.answer), named("other.md", FILLER[filler])];
        prop_assert_eq!(answer(&case.question, &passages), answer(&case.question, &mixed));
    }

    #[test]
    fn a_question_with_its_subject_exchanged_is_not_answered(case in cases(), step in 1_usize..8) {
        let subject = SUBJECTS.iter().position(|subject| case.question.contains(subject)).unwrap();
        let question = case.question.replace(SUBJECTS[subject], SUBJECTS[(subject + step) % SUBJECTS.len()]);
        let passages = [named("answer.md", &case.answer)];
        prop_assert!(answer(&question, &passages).is_empty(), "{}", question);
    }
}
