//! Judged collection: documents, questions, judgements and, where it has them, vectors.
//!
//! A collection is a folder with `corpus.jsonl` (`{id, title, text}`), `queries.jsonl` (`{id, text, …}`) and, for
//! ranking, `qrels.tsv` (`query_id  doc_id  score`, one header line). Each file may be compressed, as `NAME.zst`.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Document of a collection.
#[derive(Clone, Debug, Deserialize)]
pub struct Document {
    /// Id of the document.
    pub id: String,
    /// Title; may be empty.
    #[serde(default)]
    pub title: String,
    /// Text of the document.
    pub text: String,
    /// Language, where the collection has several.
    #[serde(default)]
    pub lang: Option<String>,
}

impl Document {
    /// Returns title and text, joined.
    pub fn whole(&self) -> String {
        if self.title.is_empty() { self.text.clone() } else { format!("{}\n\n{}", self.title, self.text) }
    }
}

/// Question of a collection.
#[derive(Clone, Debug, Deserialize)]
pub struct Question {
    /// Id of the question.
    pub id: String,
    /// Text of the question.
    pub text: String,
    /// Split of the collection that it belongs to.
    #[serde(default)]
    pub split: Option<String>,
    /// Language, where the collection has several.
    #[serde(default)]
    pub lang: Option<String>,
    /// Document that answers the question, where there is just one.
    #[serde(default)]
    pub doc_id: Option<String>,
    /// Gold answers.
    #[serde(default)]
    pub answers: Vec<String>,
    /// Sentences of `doc_id` that annotators chose as its answer, a list each.
    #[serde(default)]
    pub selected_sentences: Vec<Vec<String>>,
    /// Whether there is an answer, where the collection says.
    #[serde(default)]
    pub answerable: Option<bool>,
    /// Passages of `doc_id` that answer the question, as ranges of characters.
    #[serde(default)]
    pub spans: Vec<(usize, usize)>,
}

impl Question {
    /// Returns the answering passages as ranges of characters.
    pub fn char_spans(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.spans.iter().map(|(start, end)| *start..*end)
    }
}

/// Relevance judgements of a question, by document.
pub type Judgements = HashMap<String, u32>;

/// Judged collection.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// Name of its folder.
    pub name: String,
    /// Documents, in the order of the file.
    pub documents: Vec<Document>,
    /// Questions, in the order of the file.
    pub questions: Vec<Question>,
    /// Judgements by question. Empty where the collection has none.
    pub judgements: BTreeMap<String, Judgements>,
}

impl Dataset {
    /// Returns whether `folder` holds a collection with relevance judgements.
    pub fn is_judged(folder: &Path) -> bool {
        ["corpus.jsonl", "queries.jsonl", "qrels.tsv"].iter().all(|name| open(folder, name).is_ok())
    }

    /// Reads the collection in `folder`.
    ///
    /// # Errors
    /// When a file is missing (other than the judgements) or not in the form of this module.
    pub fn read(folder: &Path) -> Result<Self> {
        let judged = open(folder, "qrels.tsv").is_ok();
        Ok(Self {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            documents: json_lines(folder, "corpus.jsonl")?,
            questions: json_lines(folder, "queries.jsonl")?,
            judgements: if judged { judgements(folder)? } else { BTreeMap::new() },
        })
    }

    /// Returns the judged questions; those of the split `test` only, where there is one.
    pub fn judged_questions(&self) -> Vec<&Question> {
        let has_test = self.questions.iter().any(|question| question.split.as_deref() == Some("test"));
        self.questions
            .iter()
            .filter(|question| !has_test || question.split.as_deref() == Some("test"))
            .filter(|question| {
                self.judgements.get(&question.id).is_some_and(|j| j.values().any(|gain| *gain > 0))
            })
            .collect()
    }

    /// Returns the part in `lang` of a collection in several languages.
    #[must_use]
    pub fn in_language(&self, lang: &str) -> Self {
        let is = |found: &Option<String>| found.as_deref() == Some(lang);
        Self {
            name: format!("{} {lang}", self.name),
            documents: self.documents.iter().filter(|document| is(&document.lang)).cloned().collect(),
            questions: self.questions.iter().filter(|question| is(&question.lang)).cloned().collect(),
            judgements: self.judgements.clone(),
        }
    }

    /// Returns the languages of its documents.
    pub fn languages(&self) -> Vec<String> {
        let mut found: Vec<String> =
            self.documents.iter().filter_map(|document| document.lang.clone()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Vectors, one per row.
#[derive(Clone, Debug, Default)]
pub struct Vectors {
    /// Length of each vector.
    pub dimension: usize,
    values: Vec<f32>,
}

impl Vectors {
    /// Reads a two-dimensional, C-ordered, half-precision `NumPy` array.
    ///
    /// # Errors
    /// When the file cannot be read or is another kind of array.
    pub fn read_f16(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let (header, data) =
            npy(&bytes).with_context(|| format!("{} is not a version 1 array", path.display()))?;
        ensure!(
            header.contains("'<f2'") && header.contains("'fortran_order': False"),
            "not half precision: {header}"
        );
        let shape = header.split_once('(').and_then(|(_, rest)| rest.split_once(')')).context("no shape")?.0;
        let sides =
            shape.split(',').map(|side| side.trim().parse::<usize>()).collect::<Result<Vec<_>, _>>()?;
        let [rows, dimension] = sides[..] else { anyhow::bail!("not two-dimensional: {shape}") };
        let values: Vec<f32> =
            data.as_chunks::<2>().0.iter().map(|pair| half(u16::from_le_bytes(*pair))).collect();
        ensure!(values.len() == rows * dimension, "the array is cut off");
        Ok(Self { dimension, values })
    }

    /// Returns the rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension.max(1))
    }
}

/// Vectors by the id of their document or question.
pub type VectorsById = HashMap<String, Vec<f32>>;

/// Reads the vectors of a collection: of its documents in order, and of its questions by id.
///
/// # Errors
/// When an existing file cannot be read. `None` when there are no vectors.
pub fn vectors(folder: &Path) -> Result<Option<(Vectors, VectorsById)>> {
    let ids = folder.join("lsa384_query_ids.txt");
    if !ids.exists() {
        return Ok(None);
    }
    let documents = Vectors::read_f16(&folder.join("lsa384_docs.f16.npy"))?;
    let questions = Vectors::read_f16(&folder.join("lsa384_queries.f16.npy"))?;
    let ids = fs::read_to_string(ids)?;
    let by_id = ids.lines().map(str::to_owned).zip(questions.rows().map(<[f32]>::to_vec)).collect();
    Ok(Some((documents, by_id)))
}

fn npy(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00")?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (header, data) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// Converts a half-precision number to single precision.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF));
    match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        0x1F => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

fn json_lines<T: for<'a> Deserialize<'a>>(folder: &Path, name: &str) -> Result<Vec<T>> {
    let lines = open(folder, name)?.lines().map(|line| Ok(line?)).collect::<Result<Vec<_>>>()?;
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    filled.map(|line| serde_json::from_str(line).with_context(|| format!("{name}: {line:.80}"))).collect()
}

fn judgements(folder: &Path) -> Result<BTreeMap<String, Judgements>> {
    let mut judgements: BTreeMap<String, Judgements> = BTreeMap::new();
    for line in open(folder, "qrels.tsv")?.lines().skip(1) {
        let line = line?;
        let mut cells = line.split('\t');
        let (Some(question), Some(document), Some(gain)) = (cells.next(), cells.next(), cells.next()) else {
            anyhow::bail!("qrels.tsv: not three columns: {line}");
        };
        judgements.entry(question.to_owned()).or_default().insert(document.to_owned(), gain.trim().parse()?);
    }
    Ok(judgements)
}

fn open(folder: &Path, name: &str) -> Result<Box<dyn BufRead>> {
    if let Ok(plain) = File::open(folder.join(name)) {
        return Ok(Box::new(BufReader::new(plain)));
    }
    let path = folder.join(format!("{name}.zst"));
    let packed = File::open(&path)
        .with_context(|| format!("neither {name} nor {name}.zst in {}", folder.display()))?;
    let unpacked =
        ruzstd::decoding::StreamingDecoder::new(packed).with_context(|| path.display().to_string())?;
    Ok(Box::new(BufReader::new(Box::new(unpacked) as Box<dyn Read>)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_exactly() {
        for (bits, value) in [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7BFF, 65504.0),
        ] {
            assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:#x}");
        }
    }

    #[test]
    fn a_collection_is_read_and_its_test_questions_chosen() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("corpus.jsonl"), "{\"id\":\"d\",\"title\":\"T\",\"text\":\"x\"}\n")
            .unwrap();
        let questions = "{\"id\":\"1\",\"text\":\"a\",\"split\":\"train\"}\n{\"id\":\"2\",\"text\":\"b\",\"split\":\"test\"}\n";
        fs::write(folder.path().join("queries.jsonl"), questions).unwrap();
        assert!(!Dataset::is_judged(folder.path()));
        fs::write(folder.path().join("qrels.tsv"), "query_id\tdoc_id\tscore\n1\td\t1\n2\td\t3\n").unwrap();
        assert!(Dataset::is_judged(folder.path()));
        let dataset = Dataset::read(folder.path()).unwrap();
        assert_eq!(dataset.documents[0].whole(), "T\n\nx");
        assert_eq!(dataset.judged_questions().iter().map(|q| q.id.as_str()).collect::<Vec<_>>(), ["2"]);
        assert_eq!(dataset.judgements["2"]["d"], 3);
    }
}
