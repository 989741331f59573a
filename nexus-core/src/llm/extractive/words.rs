//! The few words this answerer knows: those that say nothing of a question's subject, and those that say what
//! kind of answer it wants.
//!
//! How rare a word is can be counted only in the passages at hand, which are few and all about the question. A word
//! such as `many` or `does`, absent from them, would look like the rarest of all; hence these lists.

use crate::retrieve::analysis::Language;

/// What a word weighs that asks rather than names, such as `meaning` in "the meaning of probation".
const ASKING: f32 = 0.3;
/// What a pair of Hiragana weighs: mostly grammar.
const HIRAGANA: f32 = 0.2;

/// How much `word`, as a question says it, says of the question's subject: from 0, nothing, to 1.
pub(super) fn salience(word: &str, language: Language) -> f32 {
    let lower = word.to_lowercase();
    let (functions, asking) = lists(language);
    if holds(functions, &lower) || lower.contains(HAN_PARTICLES) {
        0.0
    } else if holds(asking, &lower) {
        ASKING
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

/// A language's words of no subject, and its words that ask.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "languages without a list of their own share the English one"
)]
fn lists(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::German => {
            (GERMAN, "bedeutet bedeutung bedeuten gibt heißt name beschreibe erkläre nenne unterschied art")
        }
        Language::French => (FRENCH, "signifie définition nom décris explique liste différence type"),
        Language::Spanish => (SPANISH, "significa definición nombre describe explica lista diferencia tipo"),
        Language::Italian => (ITALIAN, "significa definizione nome descrivi spiega elenca differenza tipo"),
        Language::Portuguese => {
            (PORTUGUESE, "significa definição nome descreva explique liste diferença tipo")
        }
        Language::Dutch => (DUTCH, "betekent betekenis naam beschrijf verschil soort"),
        Language::Russian => (RUSSIAN, "значит называется опишите объясните разница"),
        Language::Chinese => (CHINESE, "意思 介绍 描述 解释 区别"),
        Language::Japanese => (JAPANESE, "意味 説明 違い"),
        Language::Korean => (KOREAN, ""),
        Language::Arabic => (ARABIC, "معنى تعريف"),
        _ => (ENGLISH, ENGLISH_ASKING),
    }
}

const ENGLISH: &str = "a about above after all also am among an and any anyone anything are as at be because been before \
    being below between both but by can cannot could d did do does doing don down during each else ever for from further \
    get gets getting give given got had has have having he her here hers him his how i if in into is isn it its itself \
    just ll m many may me might more most much must my no nor not now of off often on once one only onto or other our \
    out over own please re s same shall she should so some someone something such t tell than that the their them then \
    there these they this those through to too under until up upon us ve very was we were what when where whether which \
    while who whom whose why will with within without would you your";
const ENGLISH_ASKING: &str = "actually called come comes consider considered deal define defined definition describe \
    described description difference different example examples exactly explain explained explanation find go goes \
    happen happened happens kind kinds know known last lasts list listed look made make makes making mean meaning means meant name \
    named names purpose reason say says show shows stand stands take taken takes thing things type types use used uses \
    using way ways work works";
const GERMAN: &str = "aber alle als am an auch auf aus bei bin bis bist da dann das dass dem den der des die dies diese dieser \
    dieses doch du durch ein eine einem einen einer eines er es für haben habe hat hatte hatten ich ihr ihre im in ist ja \
    kann kein keine können man mehr mein meine mich mir mit muss müssen nach nicht noch nur oder ob sehr sein seine sich \
    sie sind so soll um und uns unser unsere unter vom von vor wann war waren warum was welche welchem welchen welcher \
    welches wem wen wenn wer werden wessen weshalb wie wieso wieviel viel viele lange wird wir wo wofür woher wohin wurde \
    wurden zu zum zur über";
const FRENCH: &str = "a ai ainsi au aux avec avait ce ces cet cette combien comment d dans de depuis des donc du elle elles en est \
    et eu fait ils il j je l la le les leur leurs lui m ma mais me mes moi mon n ne nos notre nous on ont ou où par pas \
    pendant peut peuvent plus pour pourquoi qu quand que quel quelle quelles quels qui quoi s sa sans se ses si son sont \
    sur t ta te tes toi ton tous tout tu un une vos votre vous y à été était";
const SPANISH: &str = "a al como con cuando cuanto cuanta cuantos cuantas cuál cuáles cuándo cuánta cuántas cuánto cuántos cómo de \
    del dónde donde el ella ellos en era eran es esta este esto fue fueron ha han hay la las le les lo los me mi mis más \
    no nos nuestra nuestro o para pero por porque puede pueden que qué quien quién quiénes se ser si sin sobre son su sus \
    también te tiene tienen tu tus un una uno y ya yo";
const ITALIAN: &str = "a ai al alla alle anche che chi ci come con così cosa cui da dal dalla dei del della delle di do dove e è era \
    erano essere fu ha hanno ho i il in io l la le lo loro ma mi mio nei nel nella non o per perché più può quale quali \
    quando quanta quante quanti quanto questa questo se si sono su sua sue sui sul sulla suo tra un una uno vi";
const PORTUGUESE: &str = "a ao aos as com como da das de do dos e é ela ele em era eram essa esse esta este eu foi foram há isso já \
    lhe mais mas me meu minha muito na nas no nos não o onde os ou para pela pelo por porque pode podem qual quais quando \
    quanta quantas quanto quantos que quem se sem ser seu sua são também te tem têm um uma você";
const DUTCH: &str = "aan als bij dat de den der des die dit door een en er had hebben heeft het hij hoe hoeveel hun ik in is je kan \
    kunnen lang maar me met mijn moet na naar niet nog of om ons onze ook op over te toen tot u uit van veel voor waar \
    waarom wanneer was wat we welk welke werd wie wij worden wordt zal ze zich zij zijn zo";
const RUSSIAN: &str = "а был была были было быть в вам вас весь во вот все всего вы где да для до его ее если есть еще же за и из \
    или им их к как какая какие какой какое каких какова каково когда ко кого кому кто куда ли меня мне может можно мы на \
    над не нет ни но о об он она они оно от откуда по под после почему при с сколько со так также там то того тоже только \
    у уже чего чей чем что чтобы эта эти это этот я является";
const CHINESE: &str = "什么 什麼 甚麼 怎么 怎麼 怎样 么样 如何 何时 何人 何处 哪里 哪裡 哪些 哪个 哪一 哪年 哪种 多少 几个 几年 几次 \
    为什 為什 是什 是谁 谁是 是否 么时 时候 是多 有多 有哪 有几 的是 了多 在哪 么是 少个 一个 的 了 是 在 吗 呢 有 和 与";
const JAPANESE: &str = "です すか ます した して った いつ どこ だれ 誰が 何で なに なぜ どの どう いく くら くつ らい ですか は何 何人 \
    何年 何が 何を のは とは ため まし ませ の は が を に で と も か";
const KOREAN: &str = "무엇 엇인 인가 가요 언제 누가 누구 어디 어떻 떻게 어떤 얼마 왜 입니 습니 니까 나요";
const ARABIC: &str = "ما ماذا من متى أين كم كيف لماذا هل هو هي في على إلى عن مع هذا هذه ذلك التي الذي كان كانت أن إن أو و قد لا أي لم بين";

/// What the answer to a question should hold.
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
    /// What `question` expects, by its question words.
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

    /// Whether `sentence` holds such a thing.
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
    siete ocho nueve diez cien mil due tre quattro cinque sei sette otto nove dieci";
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

/// Capitalised words after the first.
fn names(sentence: &str) -> impl Iterator<Item = &str> {
    let words = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.skip(1).filter(|word| word.starts_with(char::is_uppercase) && word.chars().nth(1).is_some())
}

/// Whether `sentence` begins by pointing at what was said before it.
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
