//! Expected kind of an answer, and the spans of a sentence that are of this kind.

use std::ops::Range;

use super::{Words, holds, is_calendar, is_unspaced, words_of};

/// Expected kind of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Expected {
    /// Name or role of a person or a group.
    Person,
    /// Place.
    Place,
    /// Date, time of day, or an event that something depends on.
    Time,
    /// Date or time of day of something past.
    PastTime,
    /// Number with a unit of time.
    Duration,
    /// Number.
    Number,
    /// Number or a repetition, such as "weekly".
    Frequency,
    /// Reason or purpose.
    Reason,
    /// Yes or no: a statement on the subject.
    Polar,
    /// Anything.
    Anything,
}

static TIMES: Words = Words::new(|| {
    words_of(
        "when wann quand cuándo cuando quando wanneer когда متى 何时 什么时候 哪一年 哪年 いつ 何年 언제",
    )
});
static PERSONS: Words = Words::new(|| {
    words_of(
        "who whom whose wer wen wem wessen qui quién quiénes quien chi quem wie кто кого кому 谁 誰 だれ 누가 누구",
    )
});
static PLACES: Words = Words::new(|| {
    words_of("where wo wohin woher où dónde donde dove onde waar где куда откуда أين 哪里 哪裡 どこ 어디")
});
static NUMBERS: Words = Words::new(|| {
    words_of(
        "wieviel wieviele combien cuánto cuántos cuánta cuántas quanto quanta quanti quante quantos quantas hoeveel сколько كم 多少 几 幾 \
    いくつ いくら 何人 얼마 몇",
    )
});
static REASONS: Words = Words::new(|| {
    words_of("why warum weshalb wieso pourquoi perché waarom почему لماذا 为什么 為什麼 なぜ 왜")
});
static POLAR: Words = Words::new(|| {
    words_of(
        "is are was were do does did can could may must should shall will would has have had am \
    ist sind war waren kann können darf dürfen muss müssen hat haben gibt wird werden soll sollen \
    puis peut peuvent dois doit è ci sono posso può puede pueden hay es son está kan mag moet heeft zijn",
    )
});
/// Words for quantities: "what is the length of" asks the same as "how long", and the answer rarely says the word.
pub(super) static DIMENSIONS: Words = Words::new(|| {
    words_of(
        "age amount cost depth distance duration height length maximum minimum number percentage period price quantity size speed sum temperature \
    weight width alter anzahl betrag dauer gewicht größe höhe kosten länge preis coût distance durée hauteur longueur montant nombre poids prix \
    taille altura cantidad costo coste distancia duración longitud número peso precio tamaño altezza durata lunghezza numero prezzo duração preço \
    quantidade tamanho aantal bedrag duur gewicht hoogte lengte prijs",
    )
});
/// Words for things that are a quantity: the answer is a number, and says the word.
static AMOUNTS: Words = Words::new(|| {
    words_of(
        "allowance balance budget capacity charge deposit fee fees fine limit rate rent revenue salary toll total wage turnover frist gehalt miete gebühr umsatz \
    limite tarif loyer salaire límite tarifa alquiler salario tariffa affitto stipendio tarifa aluguel salário huur loon tarief",
    )
});

impl Expected {
    /// Returns the kind that `question` expects, by its question words.
    pub(in super::super) fn of(question: &str) -> Self {
        let lower = question.to_lowercase();
        let words: Vec<&str> = words(&lower).collect();
        let asks = |list: &Words, within: usize| {
            words.iter().take(within).any(|word| list.contains(word))
                || list.iter().any(|entry| entry.chars().all(is_unspaced) && lower.contains(entry))
        };
        let pair = |first: &str, second: &[&str]| {
            words.windows(2).any(|pair| matches!(pair, [a, b] if *a == first && second.contains(b)))
        };
        let begins = words.first().copied().unwrap_or_default();
        let is_german_who = begins == "wie" && !pair("wie", &["is", "zijn", "was", "heeft", "kan", "moet"]);
        if asks(&REASONS, 6)
            || words.starts_with(&["por", "qué"])
            || words.starts_with(&["por", "que"])
            || pair("what", &["caused", "causes"])
        {
            Self::Reason
        } else if pair("how", &["often", "frequently"]) || pair("wie", &["oft", "häufig"]) {
            Self::Frequency
        } else if pair("how", &["long"]) && !asks(&LONG_THINGS, 20)
            || pair("wie", &["lang", "lange"])
            || pair("hoe", &["lang"])
            || pair("combien", &["de"]) && words.contains(&"temps")
            || pair("cuánto", &["tiempo"])
            || pair("quanto", &["tempo"])
        {
            Self::Duration
        } else if pair(
            "how",
            &[
                "many", "much", "old", "far", "tall", "large", "big", "high", "deep", "fast", "heavy",
                "wide", "late", "early", "long",
            ],
        ) || pair(
            "wie",
            &[
                "viel", "viele", "vielen", "hoch", "groß", "alt", "weit", "schwer", "teuer", "schnell",
                "breit", "tief",
            ],
        ) || pair("hoe", &["hoog", "groot", "oud", "ver", "duur", "veel"])
            || asks(&NUMBERS, 6)
            || is_measure_question(&words)
            || holds(&WHICH_MEASURE, begins) && words.iter().any(|word| holds(&MEASURE_VERBS, word))
        {
            Self::Number
        } else if asks(&TIMES, 6)
            || pair("what", &["year", "date", "day", "month", "time"])
            || pair("which", &["year", "date", "day", "month"])
        {
            let is_past = pair("when", &["did", "was", "were"])
                || pair("wann", &["wurde", "wurden", "war", "hat", "haben"])
                || pair("what", &["year"])
                || pair("which", &["year"]);
            if is_past { Self::PastTime } else { Self::Time }
        } else if asks(&PERSONS, 6) && !is_german_who && !pair("qui", &["est"])
            || pair("qui", &["est", "a", "signe"])
        {
            Self::Person
        } else if asks(&PLACES, 6) {
            Self::Place
        } else if holds(&POLAR, begins) && !words.iter().take(8).any(|word| holds(&WHICH, word))
            || lower.starts_with("est-ce")
        {
            Self::Polar
        } else {
            Self::Anything
        }
    }

    /// Returns whether a sentence without a span of this kind cannot answer.
    pub(in super::super) fn is_typed(self) -> bool {
        !matches!(self, Self::Anything | Self::Polar)
    }

    /// Returns whether `sentence` holds an answer of this kind beside the words of `asked`, those of the question in
    /// lower case. Scripts that this module knows little of always do.
    pub(in super::super) fn is_in(self, sentence: &str, asked: &dyn Fn(&str) -> bool) -> bool {
        if sentence.chars().any(|c| c.is_alphabetic() && u32::from(c) >= 0x250) {
            return true;
        }
        match self {
            Self::Anything | Self::Polar => true,
            Self::Number => has_count(sentence, asked),
            Self::Duration => has_duration(sentence, asked),
            Self::Frequency => has_count(sentence, asked) || has_word(sentence, &FREQUENCIES, &|_| false),
            Self::PastTime => has_date(sentence, asked),
            Self::Time => {
                has_date(sentence, asked)
                    || has_duration(sentence, asked)
                    || has_word(sentence, &OCCASIONS, &|_| false)
            }
            Self::Person => has_name(sentence, asked) || has_word(sentence, &ROLES, asked),
            Self::Place => {
                has_name(sentence, asked)
                    || has_word(sentence, &PLACE_WORDS, asked)
                    || has_room(sentence, asked)
            }
            Self::Reason => has_word(sentence, &REASON_WORDS, &|_| false),
        }
    }
}

static LONG_THINGS: Words = Words::new(|| {
    words_of("meter metre bridge river road tunnel inches feet kilometers kilometres cable wall rope")
});
static WHICH_MEASURE: Words = Words::new(|| {
    words_of("what whats which wie was welche welcher welches quel quelle que qué cuál che qual wat hoe")
});
/// Verbs whose object is a measure: "what does it cost".
static MEASURE_VERBS: Words = Words::new(|| {
    words_of(
        "cost costs weigh weighs earn earns kostet kosten wiegt wiegen verdient verdienen coûte coûtent pèse pèsent cuesta cuestan pesa pesan \
    gana ganan costa costano pesano guadagna guadagnano custa custam kost weegt verdient verdienen",
    )
});
static WHICH: Words = Words::new(|| words_of("what which who how when where why was welche welcher welches"));

/// Returns whether a question asks for a measure by its name: "what is the price of".
fn is_measure_question(words: &[&str]) -> bool {
    static BEFORE: Words = Words::new(|| {
        words_of(
            "what what's whats which is are was were the a an das die der den dem ist sind hoch wie lautet lauten welche welcher welches welchen quel quelle est le la les l \
        cuál es el qual è il lo o a wat de het hoe current annual monthly minimum maximum total average normal standard aktuelle s",
        )
    });
    let Some(at) = words.iter().take(8).position(|word| holds(&DIMENSIONS, word) || holds(&AMOUNTS, word))
    else {
        return false;
    };
    let before = words.get(..at).unwrap_or_default();
    let asked = before.first().is_some_and(|word| holds(&WHICH_MEASURE, word));
    // "What is the hotel limit": up to two words of the subject may stand before the measure.
    asked
        && before.iter().filter(|word| !holds(&BEFORE, word)).count() <= 2
        && before.iter().any(|word| holds(&BEFORE_BE, word))
}

static BEFORE_BE: Words = Words::new(|| {
    words_of("is are was were ist sind war lautet lauten hoch est es è é s what's whats sono sont son zijn")
});

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn has_word(sentence: &str, list: &Words, asked: &dyn Fn(&str) -> bool) -> bool {
    words(sentence).any(|word| {
        let lower = word.to_lowercase();
        list.contains(lower.as_str()) && !asked(&lower)
    })
}

/// Words of a sentence with their byte ranges, decimals and thousands joined to their number.
fn parts(sentence: &str) -> Vec<(&str, Range<usize>)> {
    let mut parts: Vec<(&str, Range<usize>)> = Vec::new();
    let mut start = None;
    let bytes = sentence.len();
    let chars: Vec<(usize, char)> = sentence.char_indices().collect();
    for (place, (at, c)) in chars.iter().enumerate() {
        let digit = |offset: Option<usize>| {
            offset.and_then(|o| chars.get(o)).is_some_and(|(_, c)| c.is_ascii_digit())
        };
        let joins = matches!(c, '.' | ',' | ':') && digit(place.checked_sub(1)) && digit(Some(place + 1));
        if c.is_alphanumeric() || joins {
            start.get_or_insert(*at);
        } else if let Some(from) = start.take() {
            parts.push((sentence.get(from..*at).unwrap_or_default(), from..*at));
        }
    }
    if let Some(from) = start {
        parts.push((sentence.get(from..).unwrap_or_default(), from..bytes));
    }
    parts
}

fn is_digits(word: &str) -> bool {
    word.starts_with(|c: char| c.is_numeric())
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && word.parse::<u32>().is_ok_and(|year| (1_000..2_100).contains(&year))
}

/// Returns whether a number is a part of a date: a year, or a day beside a month.
fn is_of_date(parts: &[(&str, Range<usize>)], place: usize) -> bool {
    let word = |at: Option<usize>| {
        at.and_then(|at| parts.get(at)).map(|(word, _)| word.to_lowercase()).unwrap_or_default()
    };
    let own = word(Some(place));
    let near = |at: Option<usize>| is_month(&word(at));
    is_year(&own)
        && !is_unit(&word(Some(place + 1)))
        && !is_currency(&word(Some(place + 1)))
        && !is_currency(&word(place.checked_sub(1)))
        || near(place.checked_sub(1)) && !is_unit(&word(Some(place + 1)))
        || near(Some(place + 1))
            && parts.get(place + 1).is_none_or(|(word, _)| *word != "may" && *word != "mar")
        || own.matches('.').count() == 2
        || own.contains(':')
}

/// Returns whether `sentence` holds a number that is no part of a date or of a name in the question.
fn has_count(sentence: &str, asked: &dyn Fn(&str) -> bool) -> bool {
    let parts = parts(sentence);
    parts.iter().enumerate().any(|(place, (word, range))| {
        let lower = word.to_lowercase();
        let before = sentence.get(..range.start).and_then(|text| text.chars().next_back());
        let is_code = before.is_some_and(|c| matches!(c, '-' | '_' | '/' | '#'))
            && sentence
                .get(..range.start.saturating_sub(1))
                .is_some_and(|text| text.ends_with(char::is_alphabetic));
        let is_number = is_digits(word) && !is_of_date(&parts, place) && !is_code;
        (is_number || holds(&NUMBER_WORDS, &lower)) && !asked(&lower)
    })
}

fn has_duration(sentence: &str, asked: &dyn Fn(&str) -> bool) -> bool {
    let parts = parts(sentence);
    let lower: Vec<String> = parts.iter().map(|(word, _)| word.to_lowercase()).collect();
    let is_amount = |word: &String| (is_digits(word) || holds(&NUMBER_WORDS, word)) && !asked(word);
    let by_unit = lower.iter().enumerate().any(|(at, word)| {
        let before = lower.get(at.saturating_sub(4)..at).unwrap_or_default();
        is_time_unit(word) && before.iter().any(is_amount)
    });
    let joined = lower.iter().any(|word| {
        is_digits(word) && is_time_unit(word.trim_start_matches(|c: char| c.is_numeric() || c == '.'))
    });
    let from_to = lower.iter().filter(|word| is_year(word) && !asked(word)).count() > 1;
    by_unit || joined || from_to || has_word(sentence, &ENDLESS, asked)
}

fn has_date(sentence: &str, asked: &dyn Fn(&str) -> bool) -> bool {
    let parts = parts(sentence);
    parts.iter().enumerate().any(|(place, (word, _))| {
        let lower = word.to_lowercase();
        let is_date = is_digits(word) && (is_of_date(&parts, place) || is_clock_or_ordinal(&lower));
        let is_named = (is_month(&lower) && lower != "may" && lower != "mar" || holds(&DAY_WORDS, &lower))
            && word.chars().nth(2).is_some();
        let at_month = lower == "may" && *word == "May" && parts.len() > 1;
        (is_date || is_named || at_month) && !asked(&lower)
    })
}

fn is_clock_or_ordinal(word: &str) -> bool {
    let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
    matches!(letters, "th" | "st" | "nd" | "rd" | "s" | "am" | "pm" | "h") || word.contains(':')
}

fn has_name(sentence: &str, asked: &dyn Fn(&str) -> bool) -> bool {
    words(sentence).enumerate().any(|(place, word)| {
        let lower = word.to_lowercase();
        let is_capitalised = word.starts_with(char::is_uppercase) && word.chars().nth(1).is_some();
        let follows = place > 0
            || words(sentence).nth(1).is_some_and(|next| {
                next.starts_with(char::is_uppercase) && next.chars().nth(1).is_some_and(char::is_lowercase)
            });
        is_capitalised
            && follows
            && !asked(&lower)
            && !is_calendar(&lower)
            && !is_currency(&lower)
            && !crate::retrieve::analysis::is_function_word(&lower, crate::language::Language::English)
    })
}

/// Returns whether a word with a digit, such as `4.17` or `B12`, may be a room.
fn has_room(sentence: &str, asked: &dyn Fn(&str) -> bool) -> bool {
    let mut words = words(sentence).map(str::to_lowercase).peekable();
    let mut found = false;
    while let Some(word) = words.next() {
        if holds(&PREPOSITIONS, &word) && words.peek().is_some_and(|next| !asked(next)) {
            found = true;
        }
    }
    found
}

/// Returns whether `word` is a number in words.
pub(in super::super) fn is_number_word(word: &str) -> bool {
    holds(&NUMBER_WORDS, word)
}

/// Returns whether `word` is a unit of time.
pub(in super::super) fn is_time_unit(word: &str) -> bool {
    holds(&TIME_UNITS, word)
}

/// Returns whether `word` is a unit.
pub(in super::super) fn is_unit(word: &str) -> bool {
    is_time_unit(word) || holds(&UNITS, word)
}

pub(in super::super) fn is_currency(word: &str) -> bool {
    holds(&CURRENCIES, word)
}

/// Returns whether `word` is a day of the week or of the year.
pub(super) fn is_day(word: &str) -> bool {
    holds(&DAY_WORDS, word)
}

/// Returns whether `word` is the name of a month.
pub(in super::super) fn is_month(word: &str) -> bool {
    holds(&MONTHS, word)
}

static TIME_UNITS: Words = Words::new(|| {
    words_of(
        "second seconds minute minutes hour hours day days night nights week weeks month months quarter quarters year years decade decades century centuries \
    h min mins hrs yrs \
    sekunde sekunden stunde stunden tag tage tagen woche wochen monat monate monaten jahr jahre jahren minuten \
    seconde secondes heure heures jour jours semaine semaines mois an ans année années trimestre \
    segundo segundos minuto minutos hora horas día días semana semanas mes meses año años \
    secondo secondi ora ore giorno giorni settimana settimane mese mesi anno anni minuti \
    dia dias mês ano anos uur dag dagen weken maand maanden jaar jaren minuut",
    )
});
static UNITS: Words = Words::new(|| {
    words_of(
        "mm cm m km kg g mg lb lbs oz ft mi mph kmh l ml gb mb kb tb kw kwh mw v a w hz ghz mhz px th st nd rd s am pm \
    metres meters feet inches miles kilometres kilometers litres liters tons tonnes percent prozent euro euros dollars pounds",
    )
});
static CURRENCIES: Words = Words::new(|| {
    words_of("euro euros eur usd dollar dollars pound pounds gbp chf franken francs yen cents pence")
});
static MONTHS: Words = Words::new(|| {
    words_of(
        "january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec \
    januar februar märz mai juni juli oktober dezember \
    janvier février mars avril juin juillet août septembre octobre novembre décembre \
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre \
    gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre \
    janeiro fevereiro março maio junho julho setembro outubro novembro dezembro \
    januari februari maart mei augustus",
    )
});
static DAY_WORDS: Words = Words::new(|| {
    words_of(
        "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays weekdays noon midnight spring summer autumn winter century easter christmas \
    montag dienstag mittwoch donnerstag freitag samstag sonntag montags dienstags mittwochs donnerstags freitags samstags werktags \
    lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo \
    lunedì martedì mercoledì giovedì venerdì sabato domenica segunda terça quarta quinta sexta maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    )
});
static OCCASIONS: Words = Words::new(|| {
    words_of(
        "when before after until once during from day days date week weeks month months year years hour hours while daily weekly monthly quarterly annually yearly every morning evening today tomorrow immediately end beginning start \
    sobald vor nach bis während täglich wöchentlich monatlich jährlich jeden ende anfang avant après chaque fin début antes después cada dopo prima ogni fine depois na elke einde soon within first",
    )
});
static FREQUENCIES: Words = Words::new(|| {
    words_of(
        "every each daily weekly monthly quarterly yearly annually annual hourly once twice always never per biannually biennially continuously \
    täglich wöchentlich monatlich jährlich jeden jede jedes einmal zweimal chaque par fois cada vez veces ogni volta elke keer per",
    )
});
static ENDLESS: Words = Words::new(|| {
    words_of("permanently indefinitely forever unlimited lifetime unbefristet dauerhaft lebenslang until bis")
});
static NUMBER_WORDS: Words = Words::new(|| {
    words_of(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds \
    thousand thousands million billion dozen half quarter once twice both double several none no unlimited free zwei drei vier fünf sechs sieben acht \
    neun zehn elf zwölf hundert tausend ein eine einen deux trois quatre cinq sept huit neuf dix onze douze cent mille dos tres cuatro cinco seis \
    siete ocho nueve diez cien mil due tre quattro cinque sei sette otto nove dieci dois três \
    quatro sete oito nove dez twee drie vijf zes zeven negen tien honderd duizend kostenlos gratis",
    )
});
static ROLES: Words = Words::new(|| {
    words_of(
        "manager managers director directors team department officer officers head board committee chief president secretary minister chair chairman chairwoman lead leads leader supervisor \
    employee employees staff anyone everyone everybody person people member members user users customer customers student students owner owners holder administrator admin administrators \
    engineer engineers accountant assistant auditor auditors doctor nurse lawyer counsel captain tenant landlord seller buyer supplier contractor council court judge parents shareholders partners \
    finance hr security reception helpdesk desk he she they him her group crew company firm organisation organization agency authority ministry \
    commission union club association institute university government \
    gruppe firma gesellschaft behörde verband verein groupe société entreprise association grupo empresa asociación gruppo azienda società \
    leiter leiterin geschäftsführer geschäftsführerin vorstand abteilung vorgesetzte vorgesetzter mitarbeiter mitarbeiterin hausmeister mieter vermieter betriebsrat personalabteilung \
    directeur directrice responsable chef équipe direction salarié jefe jefa equipo directora dirección empleado direttore direttrice responsabile dipendente diretor diretora chefe equipe directeur manager afdeling medewerker leidinggevende",
    )
});
static PLACE_WORDS: Words = Words::new(|| {
    words_of(
        "room floor building office street city town country north south east west region county state river \
    station house hall desk portal intranet cabinet drawer shelf folder website page raum büro straße stadt land bureau rue ville oficina calle ciudad ufficio via città here there home online",
    )
});
static PREPOSITIONS: Words = Words::new(|| {
    words_of(
        "in at on near under behind beside inside outside from to through between above im am an auf bei unter hinter neben aus dans sur à sous en sobre nel nella su sotto no na em op bij onder",
    )
});
static REASON_WORDS: Words = Words::new(|| {
    words_of(
        "because since due reason reasons result results therefore thus hence cause caused causes causing so that order to for purpose aim aims intended prevent protect avoid ensure allow owing thanks help \
    weil da damit um wegen deshalb daher aufgrund grund zweck car parce afin puisque raison cause pour porque debido razón para perché poiché causa motivo per omdat doordat wegens want zodat om",
    )
});
