//! Synonyms: words of which one answers for another, and irregular forms that stemming does not unite.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::language::Language;
use crate::retrieve::analysis::words;

/// Returns the terms that may stand for `term` in texts of `language`.
pub(in super::super) fn synonyms(term: &str, language: Language) -> &'static [String] {
    static ENGLISH_TABLE: LazyLock<Table> = LazyLock::new(|| table(ENGLISH, Language::English));
    static GERMAN_TABLE: LazyLock<Table> = LazyLock::new(|| table(GERMAN, Language::German));
    let table = match language {
        Language::English | Language::Undetermined => &ENGLISH_TABLE,
        Language::German => &GERMAN_TABLE,
        Language::Arabic
        | Language::Chinese
        | Language::Danish
        | Language::Dutch
        | Language::Finnish
        | Language::French
        | Language::Greek
        | Language::Hungarian
        | Language::Italian
        | Language::Japanese
        | Language::Korean
        | Language::Norwegian
        | Language::Portuguese
        | Language::Romanian
        | Language::Russian
        | Language::Spanish
        | Language::Swedish
        | Language::Tamil
        | Language::Thai
        | Language::Turkish => return &[],
    };
    table.get(term).map_or(&[], Vec::as_slice)
}

type Table = HashMap<String, Vec<String>>;

fn table(lines: &str, language: Language) -> Table {
    let mut table = Table::new();
    for line in lines.split('/') {
        let terms: Vec<String> = words(line, language).into_iter().map(|token| token.term).collect();
        for term in &terms {
            let others = terms.iter().filter(|other| *other != term).cloned();
            table.entry(term.clone()).or_default().extend(others);
        }
    }
    table
}

const ENGLISH: &str = "meet met meeting / begin began begun start commence launch / buy bought purchase procure acquire / \
    pay paid payment payable / leave left depart / holiday vacation / hold held / keep kept retain retention preserve store / \
    sell sold sale / send sent submit / write wrote written author / speak spoke spoken / take took taken / \
    give gave given grant / lead led head chair / lose lost / win won / build built construct / make made manufacture produce / \
    teach taught / think thought / bring brought / catch caught / choose chose chosen select / drive drove driven / \
    fall fell fallen / fly flew flown / forget forgot forgotten / grow grew grown / know knew known / rise rose risen raise increase / \
    run ran / see saw seen / sing sang sung / sink sank sunk / steal stole stolen / swim swam / tell told / wear wore worn / \
    find found discover / feed fed / fight fought / go went gone / come came / become became / draw drew drawn / eat ate eaten / \
    die dead death died / live life lived / end expire terminate termination expiry finish / cancel cancellation terminate / \
    found establish create form / cost price fee charge rate / price costs / salary wage pay remuneration compensation / \
    staff employee worker personnel colleague / company firm employer organisation organization business / boss manager supervisor lead / \
    laptop notebook computer / phone telephone mobile / car vehicle / client customer / supplier vendor / rent lease tenancy / \
    tenant lessee renter / landlord lessor / refund reimburse reimbursement repay / return send back / deliver delivery ship shipping shipment dispatch / \
    allow permit may allowed permitted / forbid prohibit ban forbidden prohibited / need require required requirement must necessary / \
    approve approval authorise authorize sign / apply request application / fix repair resolve / error fault failure / \
    delete remove erase deletion removal / change modify alter replace / backup copies / guarantee warranty / invoice bill / \
    work job / quit resign resignation / hire recruit employ / dismiss fire dismissal / illness sick sickness ill / kid child children / \
    doctor physician / located situated location based lies / movie film / place took / reply respond response answer / answer respond / \
    replace swap exchange renew / password passphrase / meal food lunch / fine penalty / attend visit / office site branch / headquarters hq / \
    maximum limit / use used usage / live reside residence / start date begins / discount rebate reduction / deadline due / \
    weekly week / monthly month / yearly annual annually year / daily day / home remote remotely / play portray played / \
    origin originate come / name called named / mean meaning refer / kid child / big large / small little / \
    photo photograph picture / invent invention / age old / high height tall / long length / wide width / deep depth / heavy weight weigh / \
    parking park / bicycle bike / entitle entitled receive get / carry transfer / expense expenses cost / contact reach / speed fast";
const GERMAN: &str = "kündigen kündigung / gehalt lohn vergütung / urlaub ferien / mitarbeiter beschäftigte angestellte arbeitnehmer / \
    firma unternehmen betrieb / kosten preis gebühr kostet / beginnen beginn anfang startet / enden ende endet ablauf / \
    chef vorgesetzte leiter / krank krankheit arbeitsunfähigkeit / auto fahrzeug wagen / kaufen kauf / mieten miete / aufbewahren aufbewahrung aufbewahrt / \
    dauern dauer dauert beträgt / erstatten erstattung erstattet / liefern lieferung lieferzeit / genehmigen genehmigung genehmigt / \
    öffnen geöffnet öffnungszeiten / schließen geschlossen / zahlen zahlung bezahlt / büro geschäftsstelle / heißen name";
