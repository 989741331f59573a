use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn terms(language: Language, text: &str) -> Vec<String> {
    analyse(text, language).into_iter().map(|token| token.term).collect()
}

#[track_caller]
fn check(language: Language, text: &str, expected: &[&str]) {
    assert_eq!(terms(language, text), expected);
}

#[track_caller]
fn share_a_term(language: Language, one: &str, other: &str) {
    let other = terms(language, other);
    assert!(terms(language, one).iter().any(|term| other.contains(term)), "{one} against {other:?}");
}

#[test]
fn english_words_are_stemmed_and_stop_words_left_out() {
    check(Language::English, "The Policies and the retention of RECORDS.", &["polici", "retent", "record"]);
}

#[test]
fn an_unknown_language_is_treated_as_english() {
    let text = "The Policies, naïve and not";
    assert_eq!(analyse(text, Language::Undetermined), analyse(text, Language::English));
}

#[test]
fn spellings_of_one_word_fold_together() {
    check(Language::English, "ﬁle ＦＩＬＥ file ﬁ\u{AD}le", &["file"; 4]);
    check(Language::French, "Élève E\u{301}le\u{300}ve", &["elev", "elev"]);
    check(Language::Spanish, "retención retencion", &["retencion", "retencion"]);
    share_a_term(Language::Arabic, "إسلام", "اسلام");
    share_a_term(Language::Russian, "отчёт", "отчет");
    share_a_term(Language::Turkish, "ILIK", "ılık");
}

#[test]
fn numbers_and_identifiers_stay_what_they_are() {
    check(Language::English, "ISO27001, GPT-4 and 12.5", &["iso27001", "gpt", "4", "12", "5"]);
    check(Language::German, "DIN4711", &["din4711", "~din4711"]);
}

#[test]
fn parts_of_compounds_are_found() {
    share_a_term(Language::German, "Frist", "Kündigungsfrist");
    share_a_term(Language::Russian, "перевозка", "грузоперевозки");
    assert_eq!(terms(Language::English, "deadlines"), ["deadlin"]);
}

#[test]
fn words_come_without_their_parts() {
    let terms = |text| words(text, Language::German).into_iter().map(|token| token.term).collect::<Vec<_>>();
    assert_eq!(terms("Die Fristen von 2024"), ["die", "frist", "von", "2024"]);
}

#[test]
fn scripts_without_spaces_become_pairs() {
    check(Language::Chinese, "保存期", &["保", "保存", "存", "存期", "期"]);
    check(Language::Japanese, "きろく", &["きろ", "ろく"]);
    check(Language::Korean, "문", &["문"]);
    check(Language::Thai, "ที่ดิน", &["ที่ดิ", "ดิน"]);
    check(Language::Chinese, "GDPR第5条 policies", &["gdpr", "第", "5", "条", "polici"]);
}

#[test]
fn spans_and_positions_point_into_the_text() {
    let text = "of Überblick 2";
    let found = analyse(text, Language::English);
    let placed: Vec<_> = found.iter().map(|t| (t.position, text.get(t.span.clone()).unwrap())).collect();
    assert_eq!(placed, [(1, "Überblick"), (1, "Überblick"), (2, "2")]);
}

#[test]
fn what_folds_to_nothing_is_no_term() {
    check(Language::English, "\u{1EE5F}: a\u{640}b", &["ab"]);
}

#[test]
fn endless_words_are_cut() {
    let found = terms(Language::English, &"7e".repeat(9_999));
    assert_eq!(found.iter().map(String::len).collect::<Vec<_>>(), [MAX_TERM_BYTES]);
}

#[test]
fn a_question_weighs_a_term_as_often_as_it_says_it() {
    let found = terms_for_query("Records of the record, and keeping", &[Language::English]);
    assert_eq!(found, [("record".to_owned(), 2.0), ("keep".to_owned(), 1.0)]);
    assert!(terms_for_query("", &[Language::English]).is_empty());
    assert!(terms_for_query("record", &[]).is_empty());
}

#[test]
fn other_languages_only_add_stems_to_a_question_in_a_known_one() {
    let question = "What does the policy say about the retention of personnel records?";
    let own = LexicalQuery::read(question, &[Language::English]);
    let all = LexicalQuery::read(question, &[Language::German, Language::Undetermined, Language::French]);
    assert!(own.words.iter().all(|word| all.words.contains(word)));
    assert!(all.words.iter().all(|word| !word.term.starts_with('~')), "{all:?}");
    let asks = ["what", "the", "of"];
    assert!(all.words.iter().all(|word| !asks.contains(&word.term.as_str())), "{all:?}");
    assert_eq!(own.exact, all.exact);
    let pairs = |query: &LexicalQuery| -> Vec<[String; 2]> {
        let term = |place: usize| query.words[place].term.clone();
        query.pairs.iter().map(|pair| [term(pair.first), term(pair.second)]).collect()
    };
    assert_eq!(pairs(&own), pairs(&all));
}

#[test]
fn a_question_that_may_be_in_any_language_is_read_in_each() {
    let found = terms_for_query("Siemens", &[Language::English, Language::German]);
    let of = |term: &str| found.iter().find(|(found, _)| found == term).map(|(_, weight)| *weight);
    assert_eq!((of("siemen"), of("~mens")), (Some(1.0), Some(0.5)));
}

#[test]
fn languages_are_recognised_and_short_texts_are_not_guessed() {
    let german =
        "Die Aufbewahrungsfrist für Rechnungen beträgt zehn Jahre und beginnt mit dem Ende des Jahres.";
    assert_eq!(Language::detect(german), Some(Language::German));
    assert_eq!(Language::detect("保存期間は十年です。記録はここにあります。"), Some(Language::Japanese));
    assert_eq!(Language::detect("Total 12.50"), None);
    assert_eq!(Language::detect(""), None);
}

#[test]
fn languages_go_by_their_codes() {
    for language in Language::ALL {
        let json = serde_json::to_string(language).unwrap();
        assert_eq!(serde_json::from_str::<Language>(&json).unwrap(), *language, "{json}");
    }
    assert_eq!(Language::parse("pt-BR").unwrap(), Language::Portuguese);
    assert_eq!(Language::parse("nb").unwrap(), Language::Norwegian);
    assert_eq!(Language::parse("xx").unwrap_err().code(), "UNKNOWN_LANGUAGE");
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,12}",
        "[a-zA-Z0-9' .-]{0,20}",
        "[ء-ي\u{64B}-\u{652}]{1,12}",
        "[а-яё]{1,14}",
        "[\u{B85}-\u{BCD}]{1,10}",
        "[α-ώ]{1,12}",
        "[一-龥ぁ-んァ-ヶ가-힣ก-๛]{1,8}",
        "[a-zßäöüçşğıőűåøæ]{1,18}",
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_text_is_analysed_in_every_language(text in texts()) {
        for language in Language::ALL {
            let tokens = analyse(&text, *language);
            for token in &tokens {
                prop_assert!(!token.term.is_empty() && token.term.len() <= 2 * MAX_TERM_BYTES, "{token:?}");
                prop_assert!(text.get(token.span.clone()).is_some_and(|part| !part.is_empty()));
            }
            prop_assert!(tokens.is_sorted_by_key(|token| (token.position, token.span.start)));
        }
    }

    #[test]
    fn what_stands_beside_a_text_does_not_change_its_terms(one in texts(), other in texts()) {
        for language in [Language::English, Language::German, Language::Chinese] {
            let apart = [terms(language, &one), terms(language, &other)].concat();
            prop_assert_eq!(terms(language, &format!("{one}\n{other}")), apart);
        }
    }

    #[test]
    fn a_text_is_found_by_its_own_words(text in texts()) {
        let asked = LexicalQuery::read_in(None, &text, &[Language::English]).words;
        for token in analyse(&text, Language::English) {
            let asked = asked.iter().map(|word| (&word.term, word.weight));
            prop_assert!(asked.into_iter().any(|(term, weight)| *term == token.term && weight >= 1.0));
        }
    }
}

#[test]
fn the_subject_of_a_question_is_what_it_names() {
    let check = |question, expected| assert_eq!(strip_question_words(question), expected, "{question}");
    check("How soon must a lost or stolen laptop be reported?", "lost stolen laptop reported");
    check("How many unused days of annual leave carry over?", "unused days annual leave carry");
    check("Wie lange dauert die Probezeit?", "dauert Probezeit");
    check("Combien de jours de congé ai-je ?", "jours congé");
    check("¿Cuántos días de vacaciones tengo?", "días vacaciones tengo");
    check("What happened in May?", "happened May");
    check("Hvad står der om at have en have?", "Hvad står der om at have en have?");
    check("试用期是多久？", "试用期是多久");
    check("retention of invoices", "retention invoices");
    check("Who is it?", "Who is it?");
    check("", "");
}
