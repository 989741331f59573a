//! Text-to-speech substitute that plays tones: [`OfflineSpeech`].

use async_trait::async_trait;
use nexus_core::Result;
use nexus_core::speech::{Speech, SpeechSynthesizer, check_text};

/// Samples per second.
const RATE: u32 = 16_000;
/// Samples per word, a tenth of a second.
const WORD: usize = 1_600;
/// Upper bound on the words that sound, which keeps the file small.
const WORDS: usize = 20;
/// Amplitude of a tone, of 32,767.
const LOUD: u32 = 8_000;

/// Speech synthesizer that plays a tone for each word. **It says nothing**: equal words have equal tones, and that is
/// all.
///
/// It exercises the path of audio without a vendor, a key or a network. Equal texts give equal bytes on every
/// machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfflineSpeech;

#[async_trait]
impl SpeechSynthesizer for OfflineSpeech {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn model(&self) -> &'static str {
        "tones"
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn speak(&self, text: &str) -> Result<Speech> {
        check_text(text)?;
        let samples: Vec<i16> = text.split_whitespace().take(WORDS).flat_map(tone).collect();
        Ok(Speech { bytes: wav(&samples), mime: "audio/wav".to_owned() })
    }
}

/// Returns a triangle wave between 200 and 711 Hz that depends on the word. Integers round alike on every machine.
fn tone(word: &str) -> impl Iterator<Item = i16> {
    let hash = word.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let hertz = 200 + hash % 512;
    (0..WORD).scan(0_u32, move |phase, _| {
        *phase = (*phase + hertz) % RATE;
        // Rises from silence and falls back within one period.
        let height = (*phase).min(RATE - *phase) * 2 * LOUD / RATE;
        i16::try_from(height).ok()
    })
}

/// Returns a RIFF file of 16-bit mono PCM.
fn wav(samples: &[i16]) -> Vec<u8> {
    const HEADER: u32 = 36;
    const BYTES: u32 = 2;
    let data = u32::try_from(samples.len()).unwrap_or(u32::MAX / BYTES - HEADER) * BYTES;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((HEADER + data).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1_u16, 1].map(u16::to_le_bytes).as_flattened());
    file.extend([RATE, RATE * BYTES].map(u32::to_le_bytes).as_flattened());
    file.extend([2_u16, 16].map(u16::to_le_bytes).as_flattened());
    file.extend(b"data");
    file.extend(data.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn number(bytes: &[u8]) -> usize {
        bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    #[test]
    fn the_file_is_a_wav_of_one_channel_with_sixteen_bits() {
        let speech = block_on(OfflineSpeech.speak("two words")).unwrap();
        let file = &speech.bytes;
        assert_eq!(
            (speech.mime.as_str(), &file[..4], &file[8..16]),
            ("audio/wav", &b"RIFF"[..], &b"WAVEfmt "[..])
        );
        assert_eq!(number(&file[4..8]), file.len() - 8);
        let format = [number(&file[20..22]), number(&file[22..24]), number(&file[24..28])];
        assert_eq!(format, [1, 1, 16_000]);
        assert_eq!([number(&file[28..32]), number(&file[32..34]), number(&file[34..36])], [32_000, 2, 16]);
        assert_eq!((&file[36..40], number(&file[40..44])), (&b"data"[..], file.len() - 44));
        assert_eq!(file.len() - 44, 2 * 2 * WORD);
    }

    #[test]
    fn equal_texts_sound_equal_and_others_do_not() {
        let say = |text| block_on(OfflineSpeech.speak(text)).unwrap().bytes;
        assert_eq!(say("one two"), say("one two"));
        assert_ne!(say("one two"), say("one three"));
        assert!(say("one").iter().skip(44).any(|byte| *byte != 0));
    }

    #[test]
    fn a_long_text_makes_a_short_file() {
        let file = block_on(OfflineSpeech.speak(&"word ".repeat(800))).unwrap().bytes;
        assert_eq!(file.len(), 44 + 2 * WORD * WORDS);
    }

    #[test]
    fn nothing_is_not_spoken() {
        assert_eq!(block_on(OfflineSpeech.speak(" ")).unwrap_err().code(), "INVALID_SPEECH");
    }
}
