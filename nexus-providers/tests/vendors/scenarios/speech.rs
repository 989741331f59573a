//! Contract of `SpeechSynthesizer`: one scenario for each of its lines.

use nexus_core::llm::ProviderErrorKind;
use nexus_core::speech::{MAX_SPOKEN_CHARS, Speech, SpeechSynthesizer};

use super::{Scenarios, scenarios};
use crate::fixture::World;

pub(super) const SCENARIOS: Scenarios = scenarios![
    self::the_result_is_a_whole_file_of_its_media_type,
    self::a_text_that_is_empty_or_too_long_is_refused_before_anything_is_sent,
    self::an_error_carries_the_provider_error_kind_that_decides_retry_and_fallback,
];

impl World {
    /// Returns the vendor's synthesizer with a model that follows `directives`.
    fn synthesizer(&self, directives: &str) -> Box<dyn SpeechSynthesizer> {
        self.vendor.speech.unwrap()(self, directives)
    }

    /// Returns the vendor's synthesizer, and the one that needs no vendor.
    fn synthesizers(&self) -> Vec<Box<dyn SpeechSynthesizer>> {
        vec![
            self.synthesizer(""),
            #[cfg(feature = "speech")]
            Box::new(nexus_providers::speech::OfflineSpeech),
        ]
    }
}

/// Returns whether the bytes begin like a file of the media type, and reach its end where the file names it.
fn is_whole(speech: &Speech) -> bool {
    let bytes = speech.bytes.as_slice();
    match speech.mime.as_str() {
        // A frame of MPEG audio begins with eleven ones, a file may begin with a tag.
        "audio/mpeg" => bytes.starts_with(b"ID3") || (bytes[0] == 0xFF && bytes[1] >= 0xE0),
        "audio/wav" => {
            let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
            bytes.starts_with(b"RIFF") && length as usize + 8 == bytes.len()
        }
        other => panic!("{other} is not expected"),
    }
}

async fn the_result_is_a_whole_file_of_its_media_type(world: &World) {
    for synthesizer in world.synthesizers() {
        let speech = synthesizer.speak("The Nile flows north.").await.unwrap();
        assert!(is_whole(&speech), "{}: {} bytes", synthesizer.name(), speech.bytes.len());
    }
    world.synthesizer("cut").speak("a river").await.unwrap_err();
}

async fn a_text_that_is_empty_or_too_long_is_refused_before_anything_is_sent(world: &World) {
    for synthesizer in world.synthesizers() {
        for text in [String::new(), " \n".to_owned(), "a".repeat(MAX_SPOKEN_CHARS + 1)] {
            let error = synthesizer.speak(&text).await.unwrap_err();
            assert_eq!(error.code(), "INVALID_SPEECH", "{}", synthesizer.name());
        }
    }
    assert!(world.server.requests().is_empty());
}

async fn an_error_carries_the_provider_error_kind_that_decides_retry_and_fallback(world: &World) {
    for (directives, kind) in [
        ("401", ProviderErrorKind::Authentication),
        ("429", ProviderErrorKind::RateLimited),
        ("503", ProviderErrorKind::Overloaded),
        ("cut", ProviderErrorKind::Truncated),
    ] {
        let error = world.synthesizer(directives).speak("a river").await.unwrap_err();
        assert_eq!(ProviderErrorKind::of(&error), Some(kind), "{directives}: {error:?}");
    }
}
