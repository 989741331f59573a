//! Who speaks without a vendor: [`OfflineSpeech`].

mod tones;

pub use tones::OfflineSpeech;
