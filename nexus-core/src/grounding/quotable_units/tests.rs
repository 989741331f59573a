use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found: Vec<_> = sentences(text).into_iter().filter_map(|s| text.get(s.range)).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn kinds(text: &str) -> Vec<(String, SentenceKind)> {
    sentences(text).into_iter().map(|s| (text.get(s.range).unwrap().to_owned(), s.kind)).collect()
}

#[test]
fn abbreviations_initials_and_decimals_do_not_end_a_sentence() {
    check(
        "Dr. J. R. Smith met Mr. Ito vs. Acme Inc. in May. It cost 3.5 million.",
        &["Dr. J. R. Smith met Mr. Ito vs. Acme Inc. in May.", "It cost 3.5 million."],
    );
    check(
        "See e.g. Fig. 3 and No. 7. The rest follows.",
        &["See e.g. Fig. 3 and No. 7.", "The rest follows."],
    );
    check(
        "Am 3. Oktober war z. B. die Frist vorbei. Danach nicht.",
        &["Am 3. Oktober war z. B. die Frist vorbei.", "Danach nicht."],
    );
}

#[test]
fn an_abbreviation_may_end_a_sentence_before_an_opener() {
    check(
        "She joined Acme Inc. The firm grew in the U.S. It left.",
        &["She joined Acme Inc.", "The firm grew in the U.S.", "It left."],
    );
}

#[test]
fn a_full_stop_may_begin_a_word() {
    check("C# and .NET 8 are supported. So is R.", &["C# and .NET 8 are supported.", "So is R."]);
}

#[test]
fn a_wrapped_line_goes_on_and_a_quotation_mark_stays() {
    check(
        "The term ends\nin May. He said \"stop.\" Then he left.",
        &["The term ends\nin May.", "He said \"stop.\"", "Then he left."],
    );
}

#[test]
fn each_script_ends_its_sentences_its_own_way() {
    check("保存期間は十年です。その後は削除します。", &["保存期間は十年です。", "その後は削除します。"]);
    check("试用期是多久？六个月！", &["试用期是多久？", "六个月！"]);
    check("ما هي المدة؟ ستة أشهر.", &["ما هي المدة؟", "ستة أشهر."]);
    check("यह पहला है। यह दूसरा है।", &["यह पहला है।", "यह दूसरा है।"]);
}

#[test]
fn items_headings_and_prose_are_told_apart() {
    use SentenceKind::{Heading, Item, Prose};
    let found = kinds(
        "# Leave\n\nWho may go:\n\n- Staff, after a year. Always.\n- Interns\n  on request\n\nAnnual leave\n\nIt lasts a month.",
    );
    let kinds: Vec<_> = found.iter().map(|(text, kind)| (text.as_str(), kind.clone())).collect();
    assert_eq!(
        kinds,
        [
            ("Leave", Heading),
            ("Who may go:", Heading),
            ("Staff, after a year.", Item),
            ("Always.", Item),
            ("Interns\n  on request", Item),
            ("Annual leave", Heading),
            ("It lasts a month.", Prose),
        ]
    );
}

#[test]
fn a_numbered_heading_is_no_step_of_a_list() {
    use SentenceKind::{Heading, Item, Prose};
    let found = kinds("1. Scope\n\nIt holds for all.\n\n1. Open the form\n\n2. Sign it\n\n3. Send it");
    let found: Vec<_> = found.iter().map(|(text, kind)| (text.as_str(), kind.clone())).collect();
    assert_eq!(
        found,
        [
            ("Scope", Heading),
            ("It holds for all.", Prose),
            ("Open the form", Item),
            ("Sign it", Item),
            ("Send it", Item),
        ]
    );
}

#[test]
fn a_line_that_is_all_there_is_states_something() {
    assert_eq!(kinds("Ten years")[0].1, SentenceKind::Prose);
    assert_eq!(kinds("Owner: Ada\nTerm: 2 years")[1], ("Term: 2 years".to_owned(), SentenceKind::Item));
}

#[test]
fn rows_know_their_header() {
    let row = |header| SentenceKind::Row { header };
    assert_eq!(
        kinds("| Name | Days |\n|---|--:|\n| Ada | 30 |\n| Bob | 28 |"),
        [("| Ada | 30 |".to_owned(), row(Some(0..15))), ("| Bob | 28 |".to_owned(), row(Some(0..15))),]
    );
    assert_eq!(kinds("name,team,days\nAda,core,30")[0], ("Ada,core,30".to_owned(), row(Some(0..14))));
    assert_eq!(kinds("| Ada | 30 |\n| Bob | 28 |")[0].1, row(None));
}

#[test]
fn code_is_quoted_by_line() {
    let text = "Run it:\n\n```\nlet a = 1;\nlet b = 2;\n```\n";
    assert_eq!(
        kinds(text)[1..],
        [("let a = 1;".to_owned(), SentenceKind::Code), ("let b = 2;".to_owned(), SentenceKind::Code),]
    );
}

proptest! {
    #[test]
    fn sentences_are_slices_in_order(text in "([A-Za-z.!?,;:|#\\-* \n\té。]|Mr\\. |1\\. |```\n){0,80}") {
        let mut end = 0;
        for Sentence { range, .. } in sentences(&text) {
            prop_assert!(range.start >= end && range.start < range.end);
            let slice = text.get(range.clone());
            prop_assert_eq!(slice.map(str::trim), slice);
            end = range.end;
        }
    }

    #[test]
    fn any_text_has_sentences(text in ".{0,200}") {
        for Sentence { range, .. } in sentences(&text) {
            prop_assert!(text.get(range).is_some());
        }
    }
}
