//! General words of English: words that a paraphrase replaces, beside words that name the subject of a question.
//!
//! A sentence may answer without a general word of the question, and hardly without a specific one: "What do I have to
//! bring on my first day?" is answered without "bring", "How are beehives insured?" not without "beehives". The list is
//! hand-made, from words that are common in any subject.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::language::Language;
use crate::retrieve::analysis::words;

/// Returns whether `term`, a stem of English, is general.
pub(super) fn is_general(term: &str) -> bool {
    static STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| stems(GENERAL));
    STEMS.contains(term)
}

/// Returns whether `term`, a stem of English, is of a common word, and so of no name.
pub(super) fn is_common(term: &str) -> bool {
    static STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let lines = include_str!("common_words.txt").lines();
        lines.filter(|line| !line.starts_with('#')).flat_map(stems).collect()
    });
    STEMS.contains(term)
}

fn stems(words_of_list: &str) -> HashSet<String> {
    words(words_of_list, Language::English).into_iter().map(|token| token.term).collect()
}

const GENERAL: &str = "able accept access accord account achieve act action active activity actual add additional address \
    affect age agree aim allow allowed alone already also always amount announce annual another answer apart appear apply \
    appoint approach appropriate approve approval area arrange arrive article ask aspect assign assume attempt attend available \
    average aware away back bad bank base based basic basis bear become before begin beginning behind believe belong \
    benefit best better big bit block body book born both bottom bring build building built business buy calculate \
    carry case catch categories cause center central century certain chance change character characteristic charge check choice choose \
    city claim class clear close code collect color colour combine common community company compare compared complete \
    component concern condition conduct connect consequence consist constitute contact contain content continue contribute control convert correct cost count \
    country couple course cover create created current currently customer cut daily data date day days deal decide \
    decision deep define degree deliver demand depend describe design designed despite determine develop developed development direct direction \
    discover discuss display divide document done down draw drive drop due during duty early earn easy edit effect effective \
    element employ employed employee employees enable end ends enough ensure enter entire entry equal especially establish established event \
    eventually exact exactly exist expect experience expire express extend extent face fact factor fail fall famous far fast feature \
    feel field figure file fill film final finally finish firm fit follow following force form formed former found founded \
    free full function further future gain gather general generate give given go goal good government grant great group grow \
    guide half hand handle happen hard head hear help hide high highest history hold home hot hour hours house human idea \
    identify immediately impact imply important improve include included including increase indicate individual influence inform information initial inside instead \
    intend interest introduce introduced invent involve involved issue issued item items job join joined keep kept key kind know known \
    lack land language large largest last late later launch law lay lead leader leading learn least leave led left legal less let \
    letter level lie life light like likely limit line list listen little live local locate located location long longer \
    look lose lost lot low lower lowest main mainly maintain major make male man manage manager manner many mark match material matter mean \
    means measure meet meeting member men mention merge method middle mind minimum minute minutes miss model modern moment money month months \
    move movie movement must name named natural nature near nearly necessary need needed never new next normal normally note notice number \
    object obtain occur occurs offer office officially often old oldest only open opened operate operation opinion option order ordinary organization \
    origin original originally originate other otherwise outside overall own owner part particular party pass past pay paid payment people per percent \
    perform performed perhaps period permit person physical pick picture piece place plan play played player point popular population portray position \
    possible power present prevent previous price primary principle problem procedure process produce produced product production program prohibited \
    project proper protect prove provide provided public publish published purpose put qualify quality question quick quite raise range rank rate \
    reach read ready real reality really reason receive received recent recently record refer region register regular relate \
    related relation release released remain remove replace report represent request require required requirement reserve respond response responsible rest \
    result results retain return reveal right rise role room round rule run same save say scale scene schedule school season second section secure see \
    seen select sell send sense separate series serve service set settle several shape share short show shown sign signed significant similar \
    simple single site situation size small solve song sort sound source space speak special specific spend split spread staff stage stand standard \
    star start started state states status stay step stop store story strong structure study style subject submit succeed successful such \
    suggest suitable supply support sure surface system take taken talk target task team tell term terms test theme theory think thought \
    time times title today together told took top topic total toward town track transfer travel treat tree true try turn tv type typical typically \
    under understand unit united until upper use used useful user usual usually valid value various vary version video view visit voice wait walk \
    want war warn watch water way week weeks weight well went whole wide win woman women won word words work worked worker working world worth \
    write writing written wrote wrong year years yet young";
