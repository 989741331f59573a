//! Lexicon of the extractive answerer: words that say little of a question's subject, and words that name the expected
//! kind of answer.

use crate::language::Language;
use crate::retrieve::analysis::is_function_word;

/// Weight of a word that asks rather than names, such as `meaning` in "the meaning of probation".
const ASKING: f32 = 0.3;
/// Weight of a word that asks for a measure: the answer gives the measure and rarely says the word.
const MEASURE: f32 = 0.1;
/// Weight of a pair of Hiragana: mostly grammar.
const HIRAGANA: f32 = 0.2;

/// Returns the share of the question's subject that `word` carries, from 0 to 1.
pub(super) fn salience(word: &str, language: Language) -> f32 {
    let lower = word.to_lowercase();
    if is_function_word(&lower, language) || lower.contains(HAN_PARTICLES) {
        0.0
    } else if holds(asking(language), &lower) {
        ASKING
    } else if holds(MEASURES, &lower) {
        MEASURE
    } else if lower.chars().all(|c| matches!(c, '\u{3040}'..='\u{309F}')) {
        HIRAGANA
    } else {
        1.0
    }
}

/// Characters that make a pair of Han characters grammar: "is", "of", question words.
const HAN_PARTICLES: [char; 18] = [
    '是', '的', '了', '吗', '嗎', '呢', '么', '麼', '哪', '谁', '誰', '怎', '几', '幾', '何', '多', '什',
    '甚',
];

fn holds(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|entry| entry == word)
}

/// Returns the asking words of `language`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "languages without a list of their own share the English one"
)]
fn asking(language: Language) -> &'static str {
    match language {
        Language::German => {
            "bedeutet bedeutung bedeuten gibt heißt name beschreibe erkläre nenne unterschied art"
        }
        Language::French => "signifie définition nom décris explique liste différence type",
        Language::Spanish => "significa definición nombre describe explica lista diferencia tipo",
        Language::Italian => "significa definizione nome descrivi spiega elenca differenza tipo",
        Language::Portuguese => "significa definição nome descreva explique liste diferença tipo",
        Language::Dutch => "betekent betekenis naam beschrijf verschil soort",
        Language::Russian => "значит называется опишите объясните разница",
        Language::Chinese => "意思 介绍 描述 解释 区别",
        Language::Japanese => "意味 説明 違い",
        Language::Korean => "",
        Language::Arabic => "معنى تعريف",
        _ => ENGLISH_ASKING,
    }
}

const ENGLISH_ASKING: &str = "actually called come comes consider considered deal define defined definition describe \
    described description difference different example examples exactly explain explained explanation find go goes \
    happen happened happens kind kinds know known last lasts list listed look made make makes making mean meaning means meant name \
    named names purpose reason say says show shows stand stands take taken takes thing things type types use used uses \
    using way ways work works";

/// Words for quantities: "what is the length of" asks the same as "how long", and the answer rarely says the word.
const MEASURES: &str = "age amount cost depth distance duration height length limit maximum minimum number percentage price \
    quantity size speed sum weight width alter anzahl betrag dauer gewicht größe höhe kosten länge preis coût distance \
    durée hauteur limite longueur montant nombre poids prix taille altura cantidad costo distancia duración longitud \
    límite número peso precio tamaño altezza durata lunghezza numero prezzo duração preço quantidade tamanho aantal bedrag \
    duur gewicht hoogte lengte prijs";

/// Expected kind of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// A name.
    Person,
    /// A place.
    Place,
    /// A date, a year, a time of day.
    Time,
    /// A number.
    Number,
    /// Anything.
    Anything,
}

const TIMES: &str =
    "when wann quand cuándo cuando quando wanneer когда متى 何时 什么时候 哪一年 哪年 いつ 何年 언제";
const PERSONS: &str = "who whom whose wer wen wem wessen qui quién quiénes quien chi quem wie кто кого кому 谁 誰 だれ 누가 누구";
const PLACES: &str =
    "where wo wohin woher où dónde donde dove onde waar где куда откуда أين 哪里 哪裡 どこ 어디";
const NUMBERS: &str = "wieviel combien cuánto cuántos cuánta cuántas quanto quanti quante quantos quantas hoeveel сколько كم 多少 几 幾 \
    いくつ いくら 何人 얼마 몇";

impl Expected {
    /// Returns the kind that `question` expects, by its question words.
    pub(super) fn of(question: &str) -> Self {
        let lower = question.to_lowercase();
        let words: Vec<&str> =
            lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let asks = |list: &str| {
            list.split_ascii_whitespace().any(|entry| {
                if entry.chars().all(is_unspaced) {
                    lower.contains(entry)
                } else {
                    words.iter().take(6).any(|word| *word == entry)
                }
            })
        };
        let pair = |first: &str, second: &[&str]| {
            words.windows(2).any(|pair| matches!(pair, [a, b] if *a == first && second.contains(b)))
        };
        if pair(
            "how",
            &[
                "many", "much", "long", "old", "far", "often", "tall", "large", "big", "high", "deep",
                "fast", "late", "early",
            ],
        ) || pair("wie", &["viel", "viele", "lange", "oft", "hoch", "groß", "alt", "weit"])
            || asks(NUMBERS)
            || asks(MEASURES)
        {
            Self::Number
        } else if asks(TIMES)
            || pair("what", &["year", "date", "day", "month", "time"])
            || pair("which", &["year", "date", "day", "month"])
        {
            Self::Time
        } else if asks(PERSONS) && !words.contains(&"wie") {
            Self::Person
        } else if asks(PLACES) {
            Self::Place
        } else {
            Self::Anything
        }
    }

    /// Returns whether `sentence` holds an answer of this kind.
    pub(super) fn is_in(self, sentence: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Number => has_number(sentence),
            Self::Time => has_time(sentence),
            Self::Person => names(sentence).next().is_some() || sentence.chars().any(is_unspaced),
            Self::Place => {
                names(sentence).next().is_some() || sentence.chars().any(is_unspaced) || has_place(sentence)
            }
        }
    }
}

fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7FF | 0x0600..=0x06FF)
}

const NUMBER_WORDS: &str = "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred hundreds \
    thousand million billion dozen half quarter once twice both double several none zwei drei vier fünf sechs sieben acht \
    neun zehn elf zwölf hundert tausend deux trois quatre cinq sept huit neuf dix cent mille dos tres cuatro cinco seis \
    siete ocho nueve diez cien mil due tre quattro cinque sei sette otto nove dieci dois três \
    quatro sete oito nove dez twee drie vijf zes zeven negen tien honderd duizend every daily weekly monthly yearly annually \
    täglich wöchentlich monatlich jährlich";
const TIME_WORDS: &str = "january february march april may june july august september october november december monday tuesday \
    wednesday thursday friday saturday sunday today yesterday tomorrow noon midnight morning evening spring summer autumn \
    winter century januar februar märz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag \
    sonntag janvier février mars avril juin juillet août septembre octobre novembre décembre lundi mardi mercredi jeudi \
    vendredi enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre";
const PLACE_WORDS: &str = "room floor building office street city town country north south east west region county state river \
    station house hall desk raum büro straße stadt land bureau rue ville oficina calle ciudad ufficio via città folder";

fn has_number(sentence: &str) -> bool {
    sentence.chars().any(char::is_numeric) || has_word(sentence, NUMBER_WORDS)
}

fn has_time(sentence: &str) -> bool {
    sentence.chars().any(char::is_numeric) || has_word(sentence, TIME_WORDS)
}

fn has_place(sentence: &str) -> bool {
    has_word(sentence, PLACE_WORDS)
}

fn has_word(sentence: &str, list: &str) -> bool {
    let mut words = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.any(|word| holds(list, &word.to_lowercase()))
}

/// Returns the capitalised words after the first.
fn names(sentence: &str) -> impl Iterator<Item = &str> {
    let words = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.skip(1).filter(|word| word.starts_with(char::is_uppercase) && word.chars().nth(1).is_some())
}

/// Returns whether `sentence` certainly has no number; number words are known only in Latin letters.
pub(super) fn lacks_number(sentence: &str) -> bool {
    let is_latin = |c: char| !c.is_alphabetic() || u32::from(c) < 0x250;
    sentence.chars().all(is_latin) && !has_number(sentence)
}

/// Returns whether `sentence` begins with a reference to the text before it.
pub(super) fn points_back(sentence: &str) -> bool {
    let first =
        sentence.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    holds(BACK_POINTERS, &first.to_lowercase())
        || BACK_POINTERS_UNSPACED.iter().any(|word| sentence.starts_with(word))
}

const BACK_POINTERS: &str = "he her hers him his it its she such that their them these they this those dies diese dieser dieses er es sie \
    ihr ihre il elle ils elles ce cette ces cela esto este esta ella ellos questo questa essa ele ela isso deze dit он она \
    они оно это этот эта эти его ее их";
const BACK_POINTERS_UNSPACED: &[&str] =
    &["它", "他", "她", "这", "這", "该", "これ", "それ", "この", "その", "هذا", "هذه", "وهو", "وهي"];
