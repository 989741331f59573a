//! Completion events from the bytes of a response.

use std::collections::VecDeque;

use futures::stream;
use nexus_core::llm::{CompletionEvent, CompletionStream, ProviderErrorKind};
use nexus_core::{Error, Result};

use super::VendorResponse;

/// Error for a frame beyond the size limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameTooLong;

/// Incremental decoder of bytes to frames. Pure: its output does not depend on the splitting of the bytes.
pub(crate) trait Decoder: Send {
    /// Frame of the wire.
    type Frame: Send;

    /// Decodes the next bytes and appends the frames that they complete.
    ///
    /// # Errors
    /// [`FrameTooLong`]; the decoder is unusable afterwards.
    fn push(&mut self, bytes: &[u8], frames: &mut VecDeque<Self::Frame>) -> Result<(), FrameTooLong>;

    /// Ends the stream and appends a last frame without terminator, which may be malformed.
    fn finish(&mut self, frames: &mut VecDeque<Self::Frame>);
}

/// Assembler of a vendor's frames to completion events.
pub(crate) trait Assembler: Send {
    /// Frame of the wire.
    type Frame;

    /// Reads the next frame and appends the events that it completes. [`CompletionEvent::Finish`] ends the stream:
    /// nothing is read after it. A malformed frame must leave no trace.
    ///
    /// # Errors
    /// [`ProviderErrorKind::Protocol`] for a malformed frame; the vendor's own error for a frame that carries one.
    fn frame(&mut self, frame: Self::Frame, pieces: &mut VecDeque<CompletionEvent>) -> Result<()>;

    /// Ends the stream, cleanly or not. Appends the remaining events, [`CompletionEvent::Finish`] last, if the vendor
    /// declared the answer complete.
    ///
    /// # Errors
    /// [`ProviderErrorKind::Truncated`] otherwise.
    fn end(&mut self, pieces: &mut VecDeque<CompletionEvent>) -> Result<()>;
}

/// Returns the completion events of `answer`. Dropping the stream closes the connection.
///
/// Complete events before a failure precede its error. An answer that breaks off after the vendor declared it
/// complete is complete, though its usage may be missing.
pub(crate) fn completion<D, A>(answer: VendorResponse, decoder: D, assembler: A) -> CompletionStream
where
    D: Decoder + 'static,
    A: Assembler<Frame = D::Frame> + 'static,
{
    let reading = Reading {
        answer: Some(answer),
        decoder,
        assembler,
        frames: VecDeque::new(),
        pieces: VecDeque::new(),
        failed: None,
    };
    Box::pin(stream::unfold(reading, |mut reading| async move {
        reading.next().await.map(|piece| (piece, reading))
    }))
}

struct Reading<D: Decoder, A> {
    /// `None` after its end, or after the last wanted event.
    answer: Option<VendorResponse>,
    decoder: D,
    assembler: A,
    frames: VecDeque<D::Frame>,
    pieces: VecDeque<CompletionEvent>,
    /// Error that follows the events.
    failed: Option<Error>,
}

impl<D: Decoder, A: Assembler<Frame = D::Frame>> Reading<D, A> {
    async fn next(&mut self) -> Option<Result<CompletionEvent>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                if matches!(piece, CompletionEvent::Finish(_)) {
                    self.stop(None);
                }
                return Some(Ok(piece));
            }
            if let Some(error) = self.failed.take() {
                self.answer = None;
                return Some(Err(error));
            }
            let answer = self.answer.as_mut()?;
            match answer.chunk().await {
                Ok(Some(bytes)) => self.read(bytes.as_ref()),
                Ok(None) => self.finish(None),
                Err(error) if ProviderErrorKind::of(&error) == Some(ProviderErrorKind::Truncated) => {
                    self.finish(Some(error));
                }
                Err(error) => self.stop(Some(error)),
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        let decoded = self.decoder.push(bytes, &mut self.frames);
        let too_long = decoded.err().and_then(|FrameTooLong| {
            self.answer.as_ref().map(|answer| answer.vendor().protocol("a frame exceeds the size limit"))
        });
        let assembled = self.assemble();
        if let Err(error) = assembled.and(too_long.map_or(Ok(()), Err)) {
            self.stop(Some(error));
        }
    }

    fn assemble(&mut self) -> Result<()> {
        while let Some(frame) = self.frames.pop_front() {
            self.assembler.frame(frame, &mut self.pieces)?;
            if matches!(self.pieces.back(), Some(CompletionEvent::Finish(_))) {
                self.frames.clear();
            }
        }
        Ok(())
    }

    /// Ends the answer; `cut` is the error of a broken connection.
    fn finish(&mut self, cut: Option<Error>) {
        self.decoder.finish(&mut self.frames);
        let last = match self.assemble() {
            // The last frame is incomplete, and dropped.
            Err(error) if ProviderErrorKind::of(&error) == Some(ProviderErrorKind::Protocol) => Ok(()),
            other => other,
        };
        let finished = matches!(self.pieces.back(), Some(CompletionEvent::Finish(_)));
        let ended = last.and_then(|()| {
            if finished {
                return Ok(());
            }
            self.assembler.end(&mut self.pieces).map_err(|error| cut.unwrap_or(error))
        });
        self.stop(ended.err());
    }

    fn stop(&mut self, failed: Option<Error>) {
        self.answer = None;
        self.failed = failed;
    }
}
