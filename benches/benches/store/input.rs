//! Input: real texts and vectors where a folder is given, synthetic ones otherwise.

use std::path::Path;

use nexus_benches::dataset::{Dataset, Vectors};

/// Texts, vectors and questions.
pub(crate) struct Input {
    pub(crate) passages: Vec<String>,
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) questions: Vec<String>,
    pub(crate) query_vectors: Vec<Vec<f32>>,
}

/// Words in a passage.
const WORDS: usize = 90;

impl Input {
    pub(crate) fn read(data: Option<&Path>, count: usize) -> Self {
        let mut random = Random(42);
        let (words, questions) = match data {
            Some(data) => real(data),
            None => made(&mut random),
        };
        let stride = (words.len().saturating_sub(WORDS) / count).max(1);
        let passages: Vec<String> =
            words.windows(WORDS).step_by(stride).take(count).map(|window| window.join(" ")).collect();
        let (mut vectors, query_vectors) = match data {
            Some(data) => {
                let read = |name| Vectors::read_f16(&data.join("vectors").join(name)).expect("vectors");
                let rows = |vectors: Vectors| vectors.rows().map(<[f32]>::to_vec).collect::<Vec<_>>();
                (rows(read("chunks.f16.npy")), rows(read("queries.f16.npy")))
            }
            None => (random.vectors(count), random.vectors(200)),
        };
        // More passages than vectors: the same vectors again, each slightly perturbed.
        let known = vectors.len();
        for place in known..count {
            let noisy = vectors
                .get(place % known)
                .expect("a vector")
                .iter()
                .map(|number| number + 0.02 * random.normal());
            vectors.push(unit(noisy.collect()));
        }
        vectors.truncate(passages.len());
        Self { passages, vectors, questions, query_vectors }
    }
}

fn real(data: &Path) -> (Vec<String>, Vec<String>) {
    let mut words = Vec::new();
    for name in ["scifact", "cranfield", "cisi", "npl", "pubmedqa", "clapnq_dev"] {
        let set = Dataset::read(&data.join(name)).expect("a collection");
        words.extend(
            set.documents.iter().flat_map(|document| {
                document.whole().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
            }),
        );
    }
    let scifact = Dataset::read(&data.join("scifact")).expect("scifact");
    let test = |question: &&nexus_benches::dataset::Question| question.split.as_deref() == Some("test");
    (words, scifact.questions.iter().filter(test).map(|question| question.text.clone()).collect())
}

/// Returns words by Zipf's law, and questions of twelve of them.
fn made(random: &mut Random) -> (Vec<String>, Vec<String>) {
    let word = |random: &mut Random| {
        let rank = (random.uniform() * 11.0).exp();
        format!("w{rank:.0}")
    };
    let words = (0..2_000_000).map(|_| word(random)).collect();
    let questions = (0..300).map(|_| (0..12).map(|_| word(random)).collect::<Vec<_>>().join(" ")).collect();
    (words, questions)
}

/// Small random number generator with the same numbers in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    pub(crate) fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    fn vectors(&mut self, count: usize) -> Vec<Vec<f32>> {
        (0..count).map(|_| unit((0..384).map(|_| self.normal()).collect())).collect()
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    for number in &mut vector {
        *number /= length;
    }
    vector
}
