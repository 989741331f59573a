//! Who speaks without a vendor: [`OfflineSpeech`].

mod offline;

pub use offline::OfflineSpeech;
