//! Test replay of recorded streams through a decoder and an assembler, split at every byte.

use std::collections::VecDeque;

use nexus_core::Error;
use nexus_core::llm::{CompletionEvent, ProviderErrorKind};

use super::{Assembler, Decoder};

/// Returns the events of a stream that arrives in `reads` and then ends, and its error.
pub(crate) fn replay<D, A>(
    mut decoder: D,
    mut assembler: A,
    reads: &[&[u8]],
) -> (Vec<CompletionEvent>, Option<Error>)
where
    D: Decoder,
    A: Assembler<Frame = D::Frame>,
{
    let (mut frames, mut pieces) = (VecDeque::new(), VecDeque::new());
    let mut ended = Ok(());
    for read in reads {
        assert_eq!(decoder.push(read, &mut frames), Ok(()));
        ended = assemble(&mut frames, &mut assembler, &mut pieces);
        if ended.is_err() || is_finished(&pieces) {
            return (pieces.into(), ended.err());
        }
    }
    decoder.finish(&mut frames);
    let last = assemble(&mut frames, &mut assembler, &mut pieces);
    match last {
        Err(error) if ProviderErrorKind::of(&error) != Some(ProviderErrorKind::Protocol) => {
            ended = Err(error);
        }
        _ if is_finished(&pieces) => {}
        _ => ended = assembler.end(&mut pieces),
    }
    (pieces.into(), ended.err())
}

fn assemble<A: Assembler>(
    frames: &mut VecDeque<A::Frame>,
    assembler: &mut A,
    pieces: &mut VecDeque<CompletionEvent>,
) -> nexus_core::Result<()> {
    while !is_finished(pieces)
        && let Some(frame) = frames.pop_front()
    {
        assembler.frame(frame, pieces)?;
    }
    Ok(())
}

fn is_finished(pieces: &VecDeque<CompletionEvent>) -> bool {
    matches!(pieces.back(), Some(CompletionEvent::Finish(_)))
}

/// Checks that a complete stream gives the same events however it is split, and that no prefix of it counts as
/// complete; returns the events.
#[track_caller]
pub(crate) fn whole<D, A>(
    stream: &str,
    decoder: impl Fn() -> D,
    assembler: impl Fn() -> A,
) -> Vec<CompletionEvent>
where
    D: Decoder,
    A: Assembler<Frame = D::Frame>,
{
    let bytes = stream.as_bytes();
    let read = |reads: &[&[u8]]| replay(decoder(), assembler(), reads);
    let (pieces, error) = read(&[bytes]);
    assert!(error.is_none(), "{:?}", error.map(|error| error.report()));
    assert!(matches!(pieces.last(), Some(CompletionEvent::Finish(_))), "{pieces:?}");
    assert_eq!(read(&bytes.chunks(1).collect::<Vec<_>>()).0, pieces, "byte by byte");
    for at in 0..bytes.len() {
        let (before, after) = bytes.split_at(at);
        assert_eq!(read(&[before, after]).0, pieces, "split at {at}");
        let (cut, error) = read(&[before]);
        let is_whole = matches!(cut.last(), Some(CompletionEvent::Finish(_)));
        let expected = (!is_whole).then_some(ProviderErrorKind::Truncated);
        assert_eq!(error.and_then(|error| ProviderErrorKind::of(&error)), expected, "cut at {at}");
        assert!(pieces.starts_with(&cut), "cut at {at}: {cut:?}");
        assert!(!is_whole || cut == pieces, "cut at {at}");
    }
    pieces
}
