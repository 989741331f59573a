//! Numbers in words of several languages, in lower case: from 0 to 99, with hundreds and thousands in English.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Words of one language.
struct Words {
    /// Words from 0 to 19, or as many as the language has that are no composition.
    small: &'static [&'static str],
    /// Words for 20, 30, … 90.
    tens: [&'static str; 8],
    /// Composition of tens and units in one word.
    compose: Option<fn(tens: &str, unit: &str) -> String>,
}

const LANGUAGES: [Words; 6] = [
    Words {
        small: &[
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ],
        tens: ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
        compose: None,
    },
    Words {
        small: &[
            "null",
            "ein",
            "zwei",
            "drei",
            "vier",
            "fünf",
            "sechs",
            "sieben",
            "acht",
            "neun",
            "zehn",
            "elf",
            "zwölf",
            "dreizehn",
            "vierzehn",
            "fünfzehn",
            "sechzehn",
            "siebzehn",
            "achtzehn",
            "neunzehn",
        ],
        tens: ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"],
        compose: Some(|tens, unit| format!("{unit}und{tens}")),
    },
    Words {
        small: &[
            "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze",
            "douze", "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
        ],
        tens: ["vingt", "trente", "quarante", "cinquante", "soixante", "septante", "huitante", "nonante"],
        compose: None,
    },
    Words {
        small: &[
            "cero",
            "uno",
            "dos",
            "tres",
            "cuatro",
            "cinco",
            "seis",
            "siete",
            "ocho",
            "nueve",
            "diez",
            "once",
            "doce",
            "trece",
            "catorce",
            "quince",
            "dieciséis",
            "diecisiete",
            "dieciocho",
            "diecinueve",
        ],
        tens: ["veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"],
        compose: None,
    },
    Words {
        small: &[
            "zero",
            "uno",
            "due",
            "tre",
            "quattro",
            "cinque",
            "sei",
            "sette",
            "otto",
            "nove",
            "dieci",
            "undici",
            "dodici",
            "tredici",
            "quattordici",
            "quindici",
            "sedici",
            "diciassette",
            "diciotto",
            "diciannove",
        ],
        tens: ["venti", "trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta"],
        compose: Some(|tens, unit| format!("{tens}{unit}")),
    },
    Words {
        small: &[
            "nul",
            "een",
            "twee",
            "drie",
            "vier",
            "vijf",
            "zes",
            "zeven",
            "acht",
            "negen",
            "tien",
            "elf",
            "twaalf",
            "dertien",
            "veertien",
            "vijftien",
            "zestien",
            "zeventien",
            "achttien",
            "negentien",
        ],
        tens: ["twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"],
        compose: Some(|tens, unit| format!("{unit}en{tens}")),
    },
];

/// Other words for the same numbers.
const OTHERS: [(&str, u32); 12] = [
    ("eine", 1),
    ("einen", 1),
    ("einem", 1),
    ("einer", 1),
    ("eines", 1),
    ("dreissig", 30),
    ("une", 1),
    ("una", 1),
    ("dozen", 12),
    ("dutzend", 12),
    ("a", 1),
    ("an", 1),
];

static NUMBERS: LazyLock<HashMap<String, u32>> = LazyLock::new(|| {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    for language in &LANGUAGES {
        for (number, word) in (0..).zip(language.small) {
            numbers.entry((*word).to_owned()).or_insert(number);
        }
        for (ten, tens) in (2..).zip(language.tens) {
            numbers.insert(tens.to_owned(), ten * 10);
            for (unit, word) in (0..10).zip(language.small).skip(1) {
                if let Some(compose) = language.compose {
                    numbers.insert(compose(tens, word), ten * 10 + unit);
                }
            }
        }
    }
    numbers.extend(OTHERS.map(|(word, number)| (word.to_owned(), number)));
    numbers
});

/// Returns the number for a word in lower case.
pub(super) fn number(word: &str) -> Option<u32> {
    NUMBERS.get(word).copied()
}

/// Returns the factor for a word in lower case that multiplies the number before it.
pub(super) fn multiplier(word: &str) -> Option<f64> {
    match word {
        "hundred" => Some(1e2),
        "thousand" | "k" | "tsd" | "tausend" | "mille" | "mil" | "mila" | "duizend" => Some(1e3),
        "million" | "millions" | "mio" | "millionen" | "mln" | "millones" | "milioni" | "miljoen" => {
            Some(1e6)
        }
        "billion" | "billions" | "bn" | "mrd" | "milliarde" | "milliarden" | "milliards" | "miliardi"
        | "miljard" => Some(1e9),
        _ => None,
    }
}
