//! From an answer's bytes to the pieces of a [`Completion`].

use std::collections::VecDeque;

use futures::stream;
use nexus_core::llm::{CompletionEvent, CompletionStream, ProviderErrorKind};
use nexus_core::{Error, Result};

use super::VendorResponse;

/// A frame is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameTooLong;

/// Finds frames in bytes. Pure: what it gives does not depend on how the bytes were read.
pub(crate) trait Decoder: Send {
    /// What it finds.
    type Frame: Send;

    /// Takes the next bytes, and adds the frames that they complete.
    ///
    /// # Errors
    /// [`FrameTooLong`]; the decoder is of no use afterwards.
    fn push(&mut self, bytes: &[u8], frames: &mut VecDeque<Self::Frame>) -> Result<(), FrameTooLong>;

    /// The stream has ended: adds the frame that lacks nothing but its end, which may be a broken one.
    fn finish(&mut self, frames: &mut VecDeque<Self::Frame>);
}

/// Finds pieces in frames: what a vendor's frames mean.
pub(crate) trait Assembler: Send {
    /// What it reads.
    type Frame;

    /// Takes the next frame, and adds the pieces that it completes. [`Piece::Finish`] ends the stream: nothing is read
    /// after it. A frame that cannot be parsed must leave no trace.
    ///
    /// # Errors
    /// [`Fault::Protocol`] for a frame that cannot be parsed; the vendor's own error for a frame that carries one.
    fn frame(&mut self, frame: Self::Frame, pieces: &mut VecDeque<CompletionEvent>) -> Result<()>;

    /// The stream has ended, cleanly or not. Adds what is left, [`Piece::Finish`] last, if the vendor said that the
    /// answer is whole.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if it did not.
    fn end(&mut self, pieces: &mut VecDeque<CompletionEvent>) -> Result<()>;
}

/// The pieces of `answer`. Dropping them closes the connection.
///
/// Pieces that came whole before a failure are given before it. An answer that breaks off after the vendor said that
/// it is whole is whole, though its usage may be missing.
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
    /// Nothing once it was read to its end, or as far as it is wanted.
    answer: Option<VendorResponse>,
    decoder: D,
    assembler: A,
    frames: VecDeque<D::Frame>,
    pieces: VecDeque<CompletionEvent>,
    /// What comes after the pieces.
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
            self.answer.as_ref().map(|answer| answer.vendor().protocol("a frame is too long"))
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

    /// The answer has ended; `cut` says how it broke off, if it did.
    fn finish(&mut self, cut: Option<Error>) {
        self.decoder.finish(&mut self.frames);
        let last = match self.assemble() {
            // The last frame was cut off: it is not there.
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
