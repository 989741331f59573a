//! Evaluates the extractive answerer: `answers DATA`; `answers DATA --fit` prints weights fitted anew.
//!
//! Questions of `clapnq_dev` (Wikipedia; half of them have no answer in their original passage, which is in the
//! collection and looks right) and of `pubmedqa` (the gold answer is the conclusion removed from its abstract) are
//! asked over the five passages that BM25 finds in the collection.
//!
//! Weights and threshold were fitted on the questions at even indexes of `clapnq_dev`, and on near misses made of them;
//! the tables are of those at odd indexes. Columns: the gold document is among the quoted ones; a gold sentence is quoted; recall,
//! precision and F1 of the gold answer's terms; words quoted.

#![expect(clippy::print_stdout, reason = "the table is what the program is for")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nexus_benches::answers::{Passages, Said, Score, best_by_bm25, extractive, lead};
use nexus_benches::dataset::{Dataset, Document, Question};
use nexus_benches::fit::{Example, fit};
use nexus_benches::metrics::share;
use nexus_benches::near_misses::{Exchanged, near_misses};
use nexus_benches::{Table, percentiles, short};
use nexus_core::llm::extractive::{DEFAULT_THRESHOLD, NAMES, WEIGHTS};

/// Thresholds of the trade-off curve, in hundredths.
const THRESHOLDS: std::ops::RangeInclusive<u8> = 4..=14;

/// Numbers of filler documents.
const FILLER: [usize; 4] = [0, 30, 400, 4_000];

fn main() -> Result<()> {
    let root = PathBuf::from(std::env::args().nth(1).context("usage: answers DATA [--fit]")?);
    if std::env::args().nth(2).as_deref() == Some("--fit") {
        return fitted(&root.join("clapnq_dev"));
    }
    let (clapnq, pubmedqa) = (Asked::read(&root.join("clapnq_dev"))?, Asked::read(&root.join("pubmedqa"))?);
    for asked in [&clapnq, &pubmedqa] {
        asked.quality();
    }
    let elsewhere: Vec<f32> =
        clapnq.questions.iter().map(|question| pubmedqa.answer(&question.text).confidence).collect();
    trade_off(&clapnq, &pubmedqa, &elsewhere);
    near(&clapnq);
    filler(&clapnq, &root)?;
    let mut times: Vec<_> =
        pubmedqa.questions.iter().map(|question| pubmedqa.answer(&question.text).took).collect();
    let times = percentiles(&mut times);
    println!("\nan answer from five passages: p50 {}, p99 {}", short(times.p50), short(times.p99));
    Ok(())
}

/// Collection with its questions.
struct Asked {
    name: String,
    documents: Vec<Document>,
    passages: Passages,
    questions: Vec<Question>,
}

impl Asked {
    fn read(folder: &Path) -> Result<Self> {
        let Dataset { name, documents, questions, .. } = Dataset::read(folder)?;
        let passages = Passages::of(&documents)?;
        Ok(Self { name, documents, passages, questions: questions.into_iter().skip(1).step_by(2).collect() })
    }

    fn answer(&self, question: &str) -> Said {
        extractive(question, &self.passages.search(question))
    }

    fn having(&self, answer: bool) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(move |question| question.answerable.unwrap_or(true) == answer)
    }

    fn confidences(&self, answerable: bool) -> Vec<f32> {
        self.having(answerable).map(|question| self.answer(&question.text).confidence).collect()
    }

    fn quality(&self) {
        let names = [
            "first sentence of the best passage",
            "its first three sentences",
            "its whole text",
            "best sentence by BM25",
            "best three sentences by BM25",
            "extractive, always answering",
            "extractive, when it answers",
        ];
        let mut scores = vec![Score::default(); names.len()];
        for question in self.having(true) {
            let evidence = self.passages.search(&question.text);
            let said = extractive(&question.text, &evidence);
            let answers = [
                Some(lead(&evidence, 1)),
                Some(lead(&evidence, 3)),
                Some(lead(&evidence, usize::MAX)),
                Some(best_by_bm25(&question.text, &evidence, 1)),
                Some(best_by_bm25(&question.text, &evidence, 3)),
                Some(said.clone()),
                Some(said).filter(|said| said.confidence >= DEFAULT_THRESHOLD),
            ];
            for (score, said) in scores.iter_mut().zip(&answers) {
                if let Some(said) = said {
                    score.add(question, said);
                }
            }
        }
        let columns = ["answer", "document", "sentence", "recall", "precision", "F1", "words"];
        let table = Table::new(format!("{}, {} questions", self.name, self.having(true).count()), columns);
        let rows = names.iter().zip(&scores);
        rows.fold(table, |table, (name, score)| {
            table.row(std::iter::once((*name).to_owned()).chain(score.cells()))
        })
        .print();
    }
}

fn trade_off(clapnq: &Asked, pubmedqa: &Asked, elsewhere: &[f32]) {
    let columns =
        ["threshold", "clapnq unanswerable", "other subject", "clapnq answerable", "pubmedqa answerable"];
    let (without, with) = (clapnq.confidences(false), clapnq.confidences(true));
    let medical = pubmedqa.confidences(true);
    let table = Table::new("Share of questions abstained from (right, right, wrong, wrong)", columns);
    let table = THRESHOLDS.map(|step| f32::from(step) * 0.05).fold(table, |table, threshold| {
        let abstained = |confidences: &[f32]| {
            let count = confidences.iter().filter(|confidence| **confidence < threshold).count();
            format!("{:.3}", share(count, confidences.len()))
        };
        let default = if (threshold - DEFAULT_THRESHOLD).abs() < 0.01 { " (default)" } else { "" };
        let cells = [without.as_slice(), elsewhere, &with, &medical].map(abstained);
        table.row(std::iter::once(format!("{threshold:.2}{default}")).chain(cells))
    });
    table.print();
    println!("\nan answerable question outranks an unanswerable one: {:.3} of pairs", auc(&with, &without));
}

/// Prints how often near misses are answered.
fn near(asked: &Asked) {
    let misses = near_misses(&asked.questions, &asked.documents);
    let table = Table::new("Near misses answered (wrong)", ["exchanged", "questions", "answered"]);
    let row = |table: Table, name: &str, kind: Option<Exchanged>| {
        let of_kind: Vec<_> =
            misses.iter().filter(|(other, _)| kind.is_none_or(|kind| kind == *other)).collect();
        let answered = of_kind
            .iter()
            .filter(|(_, miss)| asked.answer(&miss.text).confidence >= DEFAULT_THRESHOLD)
            .count();
        table.row([
            name.to_owned(),
            of_kind.len().to_string(),
            format!("{:.3}", share(answered, of_kind.len())),
        ])
    };
    let table = row(table, "entity", Some(Exchanged::Entity));
    let table = row(table, "number", Some(Exchanged::Number));
    let table = row(table, "modifier", Some(Exchanged::Modifier));
    row(table, "all", None).print();
}

/// Prints how often filler documents push the gold passage out of those shown, and change an answer from it.
fn filler(asked: &Asked, root: &Path) -> Result<()> {
    let answerable: Vec<&Question> = asked.having(true).collect();
    let is_gold =
        |document: &&Document| answerable.iter().any(|q| q.doc_id.as_deref() == Some(document.id.as_str()));
    let gold: Vec<Document> = asked.documents.iter().filter(is_gold).cloned().collect();
    let Ok(Dataset { documents: filler, .. }) = Dataset::read(&root.join("scifact")) else { return Ok(()) };
    let alone = Passages::of(&gold)?;
    let columns = ["filler documents", "passage shown", "same answer, if shown"];
    let mut table = Table::new("Filler documents beside those of the questions", columns);
    for count in FILLER {
        let mut documents = gold.clone();
        documents.extend(filler.iter().take(count).cloned());
        let passages = Passages::of(&documents)?;
        let shown: Vec<&&Question> = answerable
            .iter()
            .filter(|q| q.doc_id.as_ref().is_some_and(|id| passages.shown(&q.text).contains(id)))
            .collect();
        let quotes = |passages: &Passages, question: &Question| {
            let said = extractive(&question.text, &passages.search(&question.text));
            Some(said.quotes).filter(|_| said.confidence >= DEFAULT_THRESHOLD)
        };
        let same = shown.iter().filter(|q| quotes(&passages, q) == quotes(&alone, q)).count();
        let cells = [share(shown.len(), answerable.len()), share(same, shown.len())]
            .map(|share| format!("{share:.3}"));
        table = table.row(std::iter::once(count.to_string()).chain(cells));
    }
    table.print();
    Ok(())
}

/// Prints the weights of the answerer, and those fitted anew on the questions at even indexes.
fn fitted(folder: &Path) -> Result<()> {
    let Dataset { documents, questions, .. } = Dataset::read(folder)?;
    let passages = Passages::of(&documents)?;
    let questions: Vec<Question> = questions.into_iter().step_by(2).collect();
    let misses = near_misses(&questions, &documents);
    let missed = misses.iter().map(|(_, miss)| Example::near_miss(miss, &passages.search(&miss.text)));
    let asked = questions.iter().map(|question| Example::of(question, &passages.search(&question.text)));
    let weights = fit(&asked.chain(missed).collect::<Vec<_>>());
    let table = Table::new("Weights", ["feature", "weight", "fitted anew"]);
    let rows = NAMES.iter().zip(WEIGHTS).zip(weights);
    rows.fold(table, |table, ((name, weight), fitted)| {
        table.row([(*name).to_owned(), format!("{weight:.1}"), format!("{fitted:.2}")])
    })
    .print();
    Ok(())
}

/// Returns the share of correctly ordered pairs; ties count half.
fn auc(with: &[f32], without: &[f32]) -> f64 {
    let pairs = || with.iter().flat_map(|a| without.iter().map(move |b| a.total_cmp(b)));
    let (won, tied) =
        (pairs().filter(|order| order.is_gt()).count(), pairs().filter(|order| order.is_eq()).count());
    share(2 * won + tied, 2 * with.len() * without.len())
}
