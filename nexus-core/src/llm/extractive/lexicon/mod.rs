//! Lexicon of the extractive answerer: words that say little of a question's subject, and words that name the expected
//! kind of answer.

mod expected;
mod general;
mod modifiers;
mod synonyms;

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::language::Language;
use crate::retrieve::analysis::is_function_word;

pub(super) use expected::{Expected, is_number_word, is_time_unit, is_unit};
pub(super) use modifiers::{Modifier, attributes, modifiers, modifiers_in_text, negates, plain_words};
pub(super) use synonyms::synonyms;

/// Weight of a word that asks rather than names, such as `meaning` in "the meaning of probation".
const ASKING: f32 = 0.3;
/// Weight of a word that asks for a measure: the answer gives the measure and rarely says the word.
const MEASURE: f32 = 0.1;
/// Weight of a pair of Hiragana: mostly grammar.
const HIRAGANA: f32 = 0.2;

/// Weight of a general word beside a specific one.
const GENERAL: f32 = 0.6;

/// Returns the share of the question's subject that `word` carries, from 0 to 1; `term` is its stem.
pub(super) fn salience(word: &str, term: &str, language: Language) -> f32 {
    let lower = word.to_lowercase();
    if is_function_word(&lower, language) || lower.contains(HAN_PARTICLES) {
        0.0
    } else if asking(language).contains(lower.as_str()) {
        ASKING
    } else if expected::DIMENSIONS.contains(lower.as_str()) {
        MEASURE
    } else if lower.chars().all(|c| matches!(c, '\u{3040}'..='\u{309F}')) {
        HIRAGANA
    } else if language == Language::English && general::is_general(term) {
        GENERAL
    } else {
        1.0
    }
}

/// Returns whether a word of English names something: it is neither common nor a word of a list.
pub(super) fn is_specific(word: &str, term: &str) -> bool {
    let lower = word.to_lowercase();
    let is_known = general::is_general(term)
        || general::is_common(term)
        || expected::DIMENSIONS.contains(lower.as_str());
    !is_known && !ENGLISH_ASKING.contains(lower.as_str()) && lower.chars().count() > 2
}

/// Characters that make a pair of Han characters grammar: "is", "of", question words.
const HAN_PARTICLES: [char; 18] = [
    '是', '的', '了', '吗', '嗎', '呢', '么', '麼', '哪', '谁', '誰', '怎', '几', '幾', '何', '多', '什',
    '甚',
];

/// Set of words in lower case.
type Words = LazyLock<HashSet<&'static str>>;

fn words_of(list: &'static str) -> HashSet<&'static str> {
    list.split_ascii_whitespace().collect()
}

fn holds(list: &Words, word: &str) -> bool {
    list.contains(word)
}

/// Returns the asking words of `language`.
fn asking(language: Language) -> &'static HashSet<&'static str> {
    match language {
        Language::German
        | Language::French
        | Language::Spanish
        | Language::Italian
        | Language::Portuguese
        | Language::Dutch
        | Language::Russian
        | Language::Chinese
        | Language::Japanese
        | Language::Korean
        | Language::Arabic => &ASKING_ELSEWHERE,
        Language::English
        | Language::Undetermined
        | Language::Danish
        | Language::Finnish
        | Language::Greek
        | Language::Hungarian
        | Language::Norwegian
        | Language::Romanian
        | Language::Swedish
        | Language::Tamil
        | Language::Thai
        | Language::Turkish => &ENGLISH_ASKING,
    }
}

static ASKING_ELSEWHERE: Words = Words::new(|| {
    words_of(
        "bedeutet bedeutung bedeuten gibt heißt name beschreibe erkläre nenne unterschied art lang lautet hoch beträgt dauert \
    signifie définition nom décris explique liste différence type dure \
    significa definición nombre describe explica lista diferencia tipo dura \
    definizione nome descrivi spiega elenca differenza definição descreva explique liste diferença \
    betekent betekenis naam beschrijf verschil soort duurt \
    значит называется опишите объясните разница 意思 介绍 描述 解释 区别 意味 説明 違い معنى تعريف",
    )
});

static ENGLISH_ASKING: Words = Words::new(|| {
    words_of(
        "actually call called come comes consider considered deal define defined definition describe \
    described description difference different does example examples exactly explain explained explanation find function go goes \
    happen happened happens kind kinds know known last lasts list listed long look made make makes making mean meaning means meant name \
    named names purpose real reason role say says show shows stand stands take taken takes tell thing things type types use used uses \
    using way ways work works",
    )
});

/// Returns whether `word` asks rather than names, in any language.
pub(super) fn asks(word: &str) -> bool {
    holds(&ENGLISH_ASKING, word)
}

/// Returns whether `word` is a month or a day of the week.
pub(super) fn is_calendar(word: &str) -> bool {
    expected::is_month(word) || expected::is_day(word)
}

/// Returns 1 for words that say that something replaces another, -1 for those that say that it is replaced, else 0.
pub(super) fn replaces(words: &[String]) -> i8 {
    let is_replaced = |at: usize| {
        words
            .get(at + 1)
            .is_some_and(|next| matches!(next.as_str(), "by" | "durch" | "par" | "por" | "da" | "door"))
    };
    let said = |list: &Words| words.iter().enumerate().find(|(_, word)| holds(list, word)).map(|(at, _)| at);
    match (said(&REPLACES), said(&OBSOLETE)) {
        (Some(at), _) if is_replaced(at) => -1,
        (Some(_), _) => 1,
        (None, Some(_)) => -1,
        (None, None) => 0,
    }
}

/// Returns whether words say from when something holds.
pub(super) fn takes_effect(words: &[String]) -> bool {
    words.iter().any(|word| holds(&EFFECT, word))
}

static REPLACES: Words = Words::new(|| {
    words_of(
        "replaces replaced supersedes superseded supersede replacing superseding amends ersetzt ersetzen remplace remplacé sustituye sustituido \
    reemplaza sostituisce sostituito substitui substituído vervangt vervangen",
    )
});
static OBSOLETE: Words = Words::new(|| {
    words_of(
        "obsolete withdrawn outdated abgelöst aufgehoben ungültig abrogé derogado abrogato revogado vervallen",
    )
});
static EFFECT: Words = Words::new(|| {
    words_of(
        "effective valid dated version issued revised updated approved adopted since gültig stand gilt fassung ab vigueur valable version vigente vigor \
    válido vigore valido versione versão geldig versie",
    )
});

/// Returns whether `text` says that something is not so.
pub(super) fn is_negated(text: &str) -> bool {
    let words = plain_words(text);
    words.iter().enumerate().any(|(at, word)| {
        let next = words.get(at + 1).map_or("", String::as_str);
        holds(&NEGATIONS, word) && !holds(&AFTER_BOUNDS, next)
    })
}

/// Returns whether `word` is a verb before which a sentence names its subject.
pub(super) fn is_auxiliary(word: &str) -> bool {
    holds(&AUXILIARIES, word)
}

static AUXILIARIES: Words = Words::new(|| {
    words_of(
        "is are was were has have had may must can will shall should est sont a ont es son era fue è sono ha hanno é são tem heeft zijn was kan moet",
    )
});
/// Returns whether `word` asks how many, by itself.
pub(super) fn asks_how_many(word: &str) -> bool {
    matches!(
        word,
        "wieviele" | "cuántos" | "cuántas" | "quanti" | "quante" | "quantos" | "quantas" | "hoeveel"
    )
}

/// Returns whether `word` asks who.
pub(super) fn asks_who(word: &str) -> bool {
    matches!(word, "who" | "wer" | "qui" | "quién" | "chi" | "quem" | "wie")
}

/// Returns whether `word` asks what.
pub(super) fn asks_what(word: &str) -> bool {
    matches!(word, "what" | "which" | "was" | "welche" | "wie" | "quel" | "quelle" | "cuál" | "qual" | "wat")
}

/// Returns whether `word` is a form of "to be".
pub(super) fn is_copula(word: &str) -> bool {
    matches!(word, "is" | "are" | "was" | "were" | "ist" | "sind" | "est" | "sont" | "es" | "son" | "è")
}

/// Returns whether `word` joins a property to its subject, as "of" does.
pub(super) fn is_of(word: &str) -> bool {
    matches!(word, "of" | "for" | "von" | "für" | "de" | "di" | "van")
}

/// Returns whether `word` stands for people or occasions, which an answer counts by other words.
pub(super) fn is_people(word: &str) -> bool {
    matches!(word, "people" | "persons" | "times" | "personen" | "leute")
}

/// Returns whether `word` is an auxiliary verb of German.
pub(super) fn is_german_auxiliary(word: &str) -> bool {
    matches!(
        word,
        "hat"
            | "haben"
            | "hatte"
            | "wurde"
            | "wird"
            | "werden"
            | "ist"
            | "sind"
            | "war"
            | "darf"
            | "muss"
            | "kann"
            | "soll"
    )
}

/// Returns whether `word` is a preposition of German that a name may follow.
pub(super) fn is_german_preposition(word: &str) -> bool {
    holds(&GERMAN_PREPOSITIONS, word)
}

static GERMAN_PREPOSITIONS: Words = Words::new(|| {
    words_of("in mit von bei aus nach für zu gegen ohne durch über um an auf zwischen vor hinter neben unter")
});
static NEGATIONS: Words = Words::new(|| {
    words_of(
        "not no never cannot cant dont doesnt didnt isnt arent wasnt werent wont mustnt neither nor except excluding excluded \
    nicht kein keine keinen keiner nie niemals außer ne pas aucun aucune jamais non nunca ningún ninguna nessun nessuna niet geen nooit não nenhum",
    )
});
/// Words after which a negation bounds a number: "no later than".
static AFTER_BOUNDS: Words = Words::new(|| words_of("later earlier less more fewer only exceed longer"));

fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7FF | 0x0600..=0x06FF | 0x0E00..=0x0E7F)
}

/// Returns whether `sentence`, of `language`, begins with a reference to the text before it.
pub(super) fn points_back(sentence: &str, language: Language) -> bool {
    holds(back_pointers(language), &first_word(sentence))
        || BACK_POINTERS_UNSPACED.iter().any(|word| sentence.starts_with(word))
}

/// Returns whether `sentence`, of `language`, lists what the sentence before it names: "these include".
pub(super) fn enumerates(sentence: &str, language: Language) -> bool {
    let words = plain_words(sentence);
    points_back(sentence, language) && words.iter().skip(1).take(2).any(|word| holds(&INCLUSIONS, word))
}

fn first_word(sentence: &str) -> String {
    let mut words = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.next().unwrap_or_default().to_lowercase()
}

/// Returns the words of `language` that refer to what was said before. What is one in a language may be an article or a
/// verb in another: `il`, `es`.
fn back_pointers(language: Language) -> &'static Words {
    match language {
        Language::German => &GERMAN_POINTERS,
        Language::French => &FRENCH_POINTERS,
        Language::Spanish => &SPANISH_POINTERS,
        Language::Italian => &ITALIAN_POINTERS,
        Language::Portuguese => &PORTUGUESE_POINTERS,
        Language::Dutch => &DUTCH_POINTERS,
        Language::Russian => &RUSSIAN_POINTERS,
        Language::English
        | Language::Undetermined
        | Language::Arabic
        | Language::Chinese
        | Language::Danish
        | Language::Finnish
        | Language::Greek
        | Language::Hungarian
        | Language::Japanese
        | Language::Korean
        | Language::Norwegian
        | Language::Romanian
        | Language::Swedish
        | Language::Tamil
        | Language::Thai
        | Language::Turkish => &ENGLISH_POINTERS,
    }
}

static ENGLISH_POINTERS: Words = Words::new(|| {
    words_of(
        "he her hers him his it its she such that their theirs them then these they this those both here",
    )
});
static GERMAN_POINTERS: Words = Words::new(|| {
    words_of("er es sie ihr ihre dies diese dieser dieses dazu darunter dabei damit dafür dort")
});
static FRENCH_POINTERS: Words =
    Words::new(|| words_of("il elle ils elles ce cette ces cela celui celle ceux celles"));
static SPANISH_POINTERS: Words =
    Words::new(|| words_of("él ella ellos ellas este esta estos estas esto ese esa esos esas eso"));
static ITALIAN_POINTERS: Words =
    Words::new(|| words_of("esso essa essi esse lui lei loro questo questa questi queste ciò"));
static PORTUGUESE_POINTERS: Words =
    Words::new(|| words_of("ele ela eles elas este esta estes estas isto esse essa esses essas isso"));
static DUTCH_POINTERS: Words = Words::new(|| words_of("hij zij ze deze dit die dat daar hiertoe"));
static RUSSIAN_POINTERS: Words = Words::new(|| words_of("он она они оно это этот эта эти его ее их"));
/// Verbs by which a sentence lists what it points back at.
static INCLUSIONS: Words = Words::new(|| {
    words_of(
        "include includes comprise comprises are gehören gehört zählen zählt umfassen umfasst sind comprennent comprend incluent sont incluyen \
    comprenden comprende son includono comprendono sono incluem compreendem são omvatten behoren zijn",
    )
});
const BACK_POINTERS_UNSPACED: &[&str] =
    &["它", "他", "她", "这", "這", "该", "これ", "それ", "この", "その", "هذا", "هذه", "وهو", "وهي"];
