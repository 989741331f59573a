//! Speech: silence of the right length and format. The vendor bills characters, and its reply reports no usage unless
//! it is a stream of events.

use axum::response::Response;
use serde_json::{Value, json};

use crate::ask::{text, tokens};
use crate::call::{Call, Stopped};
use crate::log::Billed;
use crate::refusal::Refusal;
use crate::vector::base64;
use crate::wire::event;

/// Sample rate of OpenAI's PCM: 24,000 samples of 16 bits a second, one channel.
const RATE: u32 = 24_000;
const SAMPLE_BYTES: u32 = 2;
/// Samples per character: 60 ms.
const SAMPLES: u32 = RATE * 60 / 1000;
/// Upper bound on the vendor's input.
const LONGEST: usize = 4096;
/// Length of a frame of MPEG-1 layer III at 128 kbit/s and 44.1 kHz, without padding.
const FRAME: usize = 417;
/// Bytes of audio per event.
const PIECE: usize = 4096;

/// Answers `POST /v1/audio/speech`.
pub(super) async fn answer(mut call: Call) -> Response {
    match body(&mut call) {
        Ok((media, body, billed)) => call.answer(media, body, billed).await,
        Err(refusal) => call.refuse(&refusal),
    }
}

fn body(call: &mut Call) -> Result<(&'static str, Vec<u8>, Billed), Stopped> {
    let request = call.json()?;
    let events = text(&request, "stream_format") == "sse";
    call.begin(text(&request, "model"), events)?;
    let characters = text(&request, "input").chars().count();
    if !(1..=LONGEST).contains(&characters) {
        return Err(Box::new(Refusal::field("input", "must have from 1 to 4096 characters")));
    }
    if request.get("voice").is_none_or(Value::is_null) {
        return Err(Box::new(Refusal::field("voice", "a voice is required")));
    }
    let (media, audio) = match text(&request, "response_format") {
        "" | "mp3" => ("audio/mpeg", mp3(characters)),
        "wav" => ("audio/wav", wav(characters)),
        "pcm" => ("audio/pcm", pcm(characters)),
        _ => return Err(Box::new(Refusal::field("response_format", "must be mp3, wav or pcm here"))),
    };
    let (input, output) = (tokens(characters), audio.len() as u64 / 1000 + 1);
    let billed = Billed { input, audio_out: output, characters: characters as u64, ..Billed::default() };
    if !events {
        return Ok((media, audio, billed));
    }
    let framing = call.script.faults.framing;
    let mut out = Vec::new();
    for piece in audio.chunks(PIECE) {
        let data = json!({ "type": "speech.audio.delta", "audio": base64(piece) });
        event(framing, None, data.to_string().as_bytes(), &mut out);
    }
    let usage = json!({ "input_tokens": input, "output_tokens": output, "total_tokens": input + output });
    let done = json!({ "type": "speech.audio.done", "usage": usage });
    event(framing, None, done.to_string().as_bytes(), &mut out);
    Ok(("text/event-stream; charset=utf-8", out, billed))
}

/// Returns silent samples.
fn pcm(characters: usize) -> Vec<u8> {
    vec![0; characters * (SAMPLES * SAMPLE_BYTES) as usize]
}

/// Returns the samples behind a RIFF header.
fn wav(characters: usize) -> Vec<u8> {
    let samples = pcm(characters);
    let length = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(44 + samples.len());
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + length).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes()); // PCM
    out.extend_from_slice(&1_u16.to_le_bytes()); // one channel
    out.extend_from_slice(&RATE.to_le_bytes());
    out.extend_from_slice(&(RATE * SAMPLE_BYTES).to_le_bytes());
    out.extend_from_slice(&2_u16.to_le_bytes()); // bytes a sample
    out.extend_from_slice(&16_u16.to_le_bytes()); // bits a sample
    out.extend_from_slice(b"data");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&samples);
    out
}

/// Returns frames with empty side information, which every decoder plays as silence: two a character.
fn mp3(characters: usize) -> Vec<u8> {
    let mut frame = vec![0; FRAME];
    for (place, byte) in frame.iter_mut().zip([0xff, 0xfb, 0x90, 0xc4]) {
        *place = byte;
    }
    frame.repeat(characters * 2)
}
