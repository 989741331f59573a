//! Embeddings without a model: a text's vector is the sum of its words' vectors, which come from hashes.
//!
//! Equal texts have equal vectors, texts that share words are near each other, and nothing depends on the machine:
//! each word adds whole numbers, and only the last division has a fraction.

/// Upper bound on the dimensions.
pub(crate) const MOST: usize = 16_384;

/// Returns the unit vector of `text`.
pub(crate) fn embed(text: &str, dimensions: usize) -> Vec<f32> {
    let mut sums = vec![0_i32; dimensions];
    let mut words = 0;
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        add(&word.to_lowercase(), &mut sums);
        words += 1;
    }
    if words == 0 || sums.iter().all(|sum| *sum == 0) {
        add(text, &mut sums);
    }
    let squares: f64 = sums.iter().map(|sum| f64::from(*sum).powi(2)).sum();
    let length = squares.sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "vendors send single precision")]
    let unit = |sum: &i32| (f64::from(*sum) / length) as f32;
    sums.iter().map(unit).collect()
}

/// Adds 1 to or subtracts 1 from each dimension, by the word's hash.
fn add(word: &str, sums: &mut [i32]) {
    let mut state = hash(word);
    for part in sums.chunks_mut(64) {
        let bits = next(&mut state);
        for (bit, sum) in part.iter_mut().enumerate() {
            *sum += if bits >> bit & 1 == 1 { 1 } else { -1 };
        }
    }
}

/// Returns the 64-bit FNV-1a hash.
fn hash(word: &str) -> u64 {
    word.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns the next word of the generator `SplitMix64`.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Encodes bytes in base64 with padding, RFC 4648 section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
