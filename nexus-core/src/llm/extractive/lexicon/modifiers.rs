//! Modifiers: words that change which fact a sentence states, in groups that exclude each other.
//!
//! A sentence about paid leave does not answer a question about unpaid leave. A marked modifier, such as `unpaid`, must
//! stand in the sentence; for an unmarked one, such as `paid`, it suffices that the sentence holds none that excludes it.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Modifier of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Modifier {
    group: usize,
    slot: usize,
}

struct Slot {
    is_marked: bool,
    words: Vec<Vec<&'static str>>,
    others: Vec<Vec<&'static str>>,
}

/// Returns the modifiers of a question, given as its [`plain_words`].
pub(in super::super) fn modifiers(words: &[String]) -> Vec<Modifier> {
    found(words, |slot| slot.words.iter().any(|phrase| holds(words, phrase)))
}

/// Returns the modifiers of a text, given as its [`plain_words`]; other words may say the same there.
pub(in super::super) fn modifiers_in_text(words: &[String]) -> Vec<Modifier> {
    found(words, |slot| slot.words.iter().chain(&slot.others).any(|phrase| holds(words, phrase)))
}

fn found(words: &[String], is_in: impl Fn(&Slot) -> bool) -> Vec<Modifier> {
    if !words.iter().any(|word| FIRST_WORDS.contains(word.as_str())) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (group, slots) in GROUPS.iter().enumerate() {
        let held = (0..).zip(slots).filter(|(_, slot)| is_in(slot));
        let held = held.map(|(slot, of)| {
            let is_opposite = slots.len() == 2 && of.is_negated(words);
            Modifier { group, slot: if is_opposite { 1 - slot } else { slot } }
        });
        found.extend(held);
    }
    found.dedup();
    found
}

impl Slot {
    /// Returns whether each of its words in `words` follows a negation: "not paid" says the opposite of "paid".
    fn is_negated(&self, words: &[String]) -> bool {
        let mut places = words
            .iter()
            .enumerate()
            .filter(|(_, word)| self.words.iter().any(|phrase| phrase.as_slice() == [word.as_str()]))
            .map(|(place, _)| place)
            .peekable();
        let negates = |place: usize| {
            let before = place.checked_sub(1).and_then(|place| words.get(place));
            before.is_some_and(|word| negates(word))
        };
        places.peek().is_some() && places.all(negates)
    }
}

/// Returns whether `word` turns the modifier after it into its opposite.
pub(in super::super) fn negates(word: &str) -> bool {
    NEGATIONS.contains(&word)
}

const NEGATIONS: [&str; 7] = ["not", "no", "nicht", "non", "pas", "não", "niet"];

/// Returns the modifiers of a text, given as its [`plain_words`], each with the word after it: what it modifies.
pub(in super::super) fn attributes(words: &[String]) -> Vec<(Modifier, &str)> {
    let pairs =
        words.windows(2).filter_map(|pair| if let [word, noun] = pair { Some((word, noun)) } else { None });
    pairs
        .flat_map(|(word, noun)| {
            modifiers(std::slice::from_ref(word)).into_iter().map(move |modifier| (modifier, noun.as_str()))
        })
        .collect()
}

impl Modifier {
    /// Returns whether texts must hold the modifier to be about the same.
    pub(in super::super) fn is_marked(self) -> bool {
        GROUPS.get(self.group).and_then(|slots| slots.get(self.slot)).is_some_and(|slot| slot.is_marked)
    }

    /// Returns whether `other` excludes this modifier.
    pub(in super::super) fn is_excluded_by(self, other: Self) -> bool {
        self.group == other.group && self.slot != other.slot
    }
}

/// Returns the words of `text` in lower case; parts joined by a hyphen are one word.
pub(in super::super) fn plain_words(text: &str) -> Vec<String> {
    let is_joint = |c: char| matches!(c, '-' | '‑' | '\'' | '’');
    let words = text.split(|c: char| !c.is_alphanumeric() && !is_joint(c));
    let words =
        words.map(|word| word.chars().filter(|c| !is_joint(*c)).flat_map(char::to_lowercase).collect());
    words.filter(|word: &String| !word.is_empty()).collect()
}

fn holds(words: &[String], phrase: &[&str]) -> bool {
    words.windows(phrase.len()).any(|window| window.iter().zip(phrase).all(|(word, part)| word == part))
}

static FIRST_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let phrases = GROUPS.iter().flatten().flat_map(|slot| slot.words.iter().chain(&slot.others));
    phrases.filter_map(|phrase| phrase.first().copied()).collect()
});

/// Groups; slots are separated by `|`, words by spaces, words of a phrase by `_`; `!` marks a slot. Words after a comma
/// say the same in a text, and modify nothing in a question.
static GROUPS: LazyLock<Vec<Vec<Slot>>> = LazyLock::new(|| {
    let slot = |text: &'static str| {
        let text = text.trim();
        let is_marked = text.starts_with('!');
        let (words, others) = text.split_once(',').unwrap_or((text, ""));
        let phrases = |list: &'static str| -> Vec<Vec<&'static str>> {
            list.trim_start_matches('!')
                .split_ascii_whitespace()
                .map(|phrase| phrase.split('_').collect())
                .collect()
        };
        Slot { is_marked, words: phrases(words), others: phrases(others) }
    };
    LIST.lines().map(|group| group.split('|').map(slot).collect()).collect()
});

const LIST: &str = "!unpaid without_pay ohne_bezahlung ohne_lohn unbezahlt unbezahlter unbezahlten unbezahlte sans_solde sans_salaire sin_sueldo senza_stipendio senza_retribuzione onbetaald | paid bezahlt bezahlter bezahlten bezahlte \
payé payés payée payées rémunéré rémunérés pagado pagados pagada pagadas remunerado retribuito retribuiti retribuita retribuite pagato pagate betaald
!minimum min minimal lowest shortest fewest smallest mindest minimale minimales mínimo mínima minimo minima , least mindestens wenigstens no_less not_less no_fewer not_fewer mindestlänge | \
!maximum max maximal most highest longest largest maximale maximales höchst máximo máxima massimo massima , limit up_to no_more not_exceed not_more cap höchstens bis_zu at_most cannot_exceed exceed
!gross brutto brut bruto lordo | !net netto neto líquido
!domestic inland inländisch nacional nazionale , national | !international overseas internationale internationaux internacional internacionales internazionale internazionali ausländisch , abroad foreign worldwide ausland auslands intercontinental
!internal interne internen interno interna | !external extern externe externen externo esterno
!parttime part_time teilzeit temps_partiel tiempo_parcial tempo_parziale | fulltime full_time vollzeit temps_plein tiempo_completo tempo_pieno
!temporary fixedterm fixed_term befristet befristete befristeten temporaire temporal temporaneo | permanent openended open_ended unbefristet unbefristete
!refundable | !nonrefundable non_refundable
!optional voluntary freiwillig | mandatory compulsory obligatory verpflichtend
!maternity mutterschutz maternité maternidad maternità | !paternity vaterschaft vaterschaftsurlaub paternité paternidad paternità , paternal | !parental elternzeit , parents | !sick krank , sickness illness ill krankheit krankheits | !bereavement trauer | !sabbatical
first erste ersten erster erstes première premier primero primera primo , 1st | !second zweite zweiten zweiter deuxième segundo segunda secondo seconda , 2nd | \
!third dritte dritten dritter troisième tercero tercera tercer terzo terza , 3rd | !fourth vierte vierten quatrième cuarto quarto , 4th | !fifth fünfte cinquième quinto , 5th
!male men männlich , man boys his | !female women weiblich , woman girls her
!public öffentlich öffentliche | !private privat private
!indoor innenbereich | !outdoor outdoors außenbereich
!northern north nord nördliche norte | !southern south süd südliche sud | !eastern east ost östliche este | !western west westliche ouest oeste ovest
!inbound incoming eingehend | !outbound outgoing ausgehend
!adult adults erwachsene adulte adultes adulto adultos adulti | !child children kids kinder enfant enfants niño niños bambino bambini | !senior seniors senioren , pensioners
!monthly monatlich monatliche , month monat mois mes mese mês maand | !quarterly vierteljährlich , quarter quartal | !weekly wöchentlich , week woche semaine semana settimana week | !hourly stündlich , hour stunde heure hora ora uur
!weekday weekdays werktags , monday friday | !weekend weekends wochenende , saturday sunday saturdays sundays samstag sonntag
!encrypted verschlüsselt | !unencrypted unverschlüsselt
!former previous previously ehemalige frühere | current currently present aktuelle | !next nächste upcoming
before vor prior | after nach following
above over exceeding über | below under unter
winner won | loser lost
born geboren | died dead gestorben
!oldest earliest älteste , first | !newest latest youngest neueste , last recent
!import imports importing , imported | !export exports exporting , exported
!arrival arrive arrives ankunft , arrived lands landing | !departure depart departs abfahrt , leaves departs departed
open opens opened öffnet eröffnet , opening | close closes closed schließt geschlossen , closing shuts
begin begins start starts began started beginnt | end ends expire expires ended expired endet
buyer buyers käufer | seller sellers verkäufer
landlord lessor vermieter | tenant lessee mieter
husband | wife
father | mother
brother | sister
cause causes | prevent prevents
deposit | withdrawal
!summer sommer verano , june july august | !winter hiver invierno inverno , december january february
!morning morgens , am | !afternoon nachmittags , pm | !evening abends , pm
economy | !business_class | !first_class
hardcover | paperback
!front | !rear , back
!manual manually , hand | !automatic automatically
allowed permitted erlaubt | forbidden prohibited banned verboten
included inclusive | excluded exclusive";
