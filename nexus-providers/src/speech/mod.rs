//! Text-to-speech without a vendor: [`OfflineSpeech`].

mod tones;

pub use tones::OfflineSpeech;
