use super::*;

#[track_caller]
fn check(language: Language, text: &str, expected: &[&str]) {
    let tokens = analyse(text, language);
    assert_eq!(tokens.iter().map(|token| token.term.as_str()).collect::<Vec<_>>(), expected);
}

#[test]
fn english_words_are_stemmed_and_stop_words_left_out() {
    check(Language::English, "The Policies and the retention of RECORDS.", &["polici", "retent", "record"]);
    check(Language::Undetermined, "The Policies", &["the", "policies"]);
}
