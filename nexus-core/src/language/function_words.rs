//! Function words: without them, the words of a question name its subject.
//!
//! Their frequency cannot tell where texts are few: a word such as `many` or `does`, absent from them, would look like
//! the rarest of all; hence these lists.

use super::Language;

/// Returns whether `word` is a function word of `language`: an article, pronoun, auxiliary or question word. Languages
/// without a list of their own share the English one.
pub fn is_function_word(word: &str, language: Language) -> bool {
    let lower = word.to_lowercase();
    list(language).unwrap_or(ENGLISH).split_ascii_whitespace().any(|entry| entry == lower)
}

/// Returns whether `language` has a list of its own.
pub(crate) fn has_function_words(language: Language) -> bool {
    list(language).is_some()
}

fn list(language: Language) -> Option<&'static str> {
    Some(match language {
        Language::German => GERMAN,
        Language::French => FRENCH,
        Language::Spanish => SPANISH,
        Language::Italian => ITALIAN,
        Language::Portuguese => PORTUGUESE,
        Language::Dutch => DUTCH,
        Language::Russian => RUSSIAN,
        Language::Chinese => CHINESE,
        Language::Japanese => JAPANESE,
        Language::Korean => KOREAN,
        Language::Arabic => ARABIC,
        Language::English => ENGLISH,
        Language::Danish
        | Language::Greek
        | Language::Finnish
        | Language::Hungarian
        | Language::Norwegian
        | Language::Romanian
        | Language::Swedish
        | Language::Tamil
        | Language::Thai
        | Language::Turkish
        | Language::Undetermined => return None,
    })
}

const ENGLISH: &str = "a about above after all also am among an and any anyone anything are as at be because been before \
    being below between both but by can cannot could d did do does doing don down during each else ever for from further \
    get gets getting give given got had has have having he her here hers him his how i if in into is isn it its itself \
    just ll m many may me might more most much must my no nor not now of off often on once one only onto or other our \
    out over own please re s same shall she should so some someone something such t tell than that the their them then \
    there these they this those through to too under until up upon us ve very was we were what when where whether which \
    while who whom whose why will with within without would you your";
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
