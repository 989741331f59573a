//! Words whose letters are spaced out: `A s s e m b l y` is one word.

use super::words::Word;

/// Minimum number of letters that stand apart.
const LETTERS: usize = 4;

/// Joins the letters of spaced words. The words of a line come from left to right.
pub(super) fn close_up(row: Vec<Word>) -> Vec<Word> {
    let mut closed = Vec::with_capacity(row.len());
    let mut run: Vec<Word> = Vec::new();
    for word in row {
        if run.last().is_some_and(|last| !continues(last, &word)) {
            closed.extend(join(std::mem::take(&mut run)));
        }
        run.push(word);
    }
    closed.extend(join(run));
    closed
}

/// Returns whether a word may continue a run of letters.
fn continues(last: &Word, word: &Word) -> bool {
    let gap = word.left - last.right;
    let size = last.size.max(word.size);
    let alike = (last.size / word.size - 1.0).abs() < 0.1 && is_level(last) && is_level(word);
    alike && is_short(last) && is_short(word) && gap < 2.0 * size
}

fn is_level(word: &Word) -> bool {
    word.shift == super::words::Shift::Level
}

/// Returns whether a word is one letter, or two that overlap.
fn is_short(word: &Word) -> bool {
    let count = word.text.chars().count();
    (1..=2).contains(&count)
        && word.text.chars().all(|c| c.is_alphabetic() || (count == 1 && ".,:;!?&'’".contains(c)))
}

fn join(run: Vec<Word>) -> Vec<Word> {
    let single = run.iter().filter(|word| word.text.chars().count() == 1).count();
    if single < LETTERS || single * 3 < run.len() * 2 {
        return run;
    }
    let breaks = breaks(&run);
    let mut words: Vec<Word> = Vec::new();
    for (word, begins) in run.iter().zip(&breaks) {
        match words.last_mut().filter(|_| !begins) {
            Some(last) => last.append(word),
            None => words.push(word.clone()),
        }
    }
    if words.iter().all(|word| is_word(&word.text)) && words.iter().any(|word| word.text.chars().count() >= 3)
    {
        words
    } else {
        run
    }
}

/// Returns for each letter whether it begins a word.
fn breaks(run: &[Word]) -> Vec<bool> {
    let pairs = || run.iter().zip(run.iter().skip(1));
    let gaps: Vec<f64> = pairs().map(|(a, b)| b.left - a.right).collect();
    let steps: Vec<f64> = pairs().map(|(a, b)| b.left - a.left).collect();
    let blanks: Vec<bool> = pairs().map(|(a, b)| a.blank_right || b.blank_left).collect();
    let blank_count = blanks.iter().filter(|blank| **blank).count();
    let (gap, step) = (median(&gaps), median(&steps));
    let size = run.first().map_or(0.0, |word| word.size);
    let told = blank_count > 0 && blank_count * 2 <= blanks.len();
    let begins = gaps.iter().zip(&steps).zip(&blanks).map(|((own_gap, own_step), blank)| {
        let wide = *own_gap > 1.7 * gap + 0.1 * size && *own_step > 1.4 * step;
        if told { *blank } else { wide }
    });
    std::iter::once(true).chain(begins).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Returns whether letters may be a word rather than the letters of a list or formula.
fn is_word(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
    let lower = letters.iter().skip(1).all(|c| !c.is_uppercase());
    let upper = letters.iter().all(|c| !c.is_lowercase());
    let is_vowel = |c: &char| "aeiouyäöüáéíóúàèìòùâêîôûåæø".contains(c.to_lowercase().next().unwrap_or(*c));
    let latin = letters.iter().all(|c| c.is_ascii() || is_vowel(c));
    let vowels = letters.iter().filter(|c| is_vowel(c)).count();
    let in_order = letters.len() > 2
        && letters.iter().zip(letters.iter().skip(1)).all(|(a, b)| u32::from(*b) == u32::from(*a) + 1);
    !letters.is_empty()
        && (lower || upper)
        && !in_order
        && (!latin
            || letters.len() < 3
            || vowels > 0 && vowels < letters.len() && vowels * 6 >= letters.len())
}
