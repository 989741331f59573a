//! Playback of a reply: [`Player`] is the body of a response, with all faults of the script.
//!
//! The player updates the bill as it plays. A frame counts once its last byte is handed to the connection, so every
//! frame that a client has read was counted before; a player dropped before its end had a client that left.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream::unfold;
use tokio::time::sleep;

use crate::connection::Line;
use crate::log::{Billed, Outcome, Ticket};
use crate::reply::Reply;
use crate::script::{After, Script, Which};
use crate::wire::{Step, Wire, steps};

/// End of a body that is not complete.
#[derive(Debug)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the script breaks the connection here")
    }
}

impl std::error::Error for Broken {}

/// State that holds once the pending bytes are handed over.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    frames: u64,
    thought: u64,
    said: u64,
    usage: bool,
    end: Option<Outcome>,
}

/// Body to play.
enum Piece {
    /// Stream, one step after the other.
    Steps { reply: Box<Reply>, wire: Box<dyn Wire>, steps: std::vec::IntoIter<Step> },
    /// Complete body, of which the second half may have to wait.
    Whole { rest: Option<(Bytes, Mark)> },
}

/// Body of a response in progress.
pub(crate) struct Player {
    piece: Piece,
    script: Script,
    ticket: Ticket,
    line: Arc<Line>,
    pending: Bytes,
    mark: Mark,
    /// Frames of content made so far.
    content: usize,
    /// Tokens of reasoning and of text so far.
    thought: u64,
    said: u64,
    /// Bytes handed over so far.
    sent: usize,
}

impl Player {
    /// Plays `reply` as a stream on `wire`.
    pub(crate) fn stream(
        reply: Reply,
        wire: Box<dyn Wire>,
        script: Script,
        mut ticket: Ticket,
        line: Arc<Line>,
    ) -> Body {
        ticket.bill(reply.billed_after(0, 0));
        let steps = steps(&reply, &script, wire.as_ref()).into_iter();
        let piece = Piece::Steps { reply: Box::new(reply), wire, steps };
        Self::play(piece, script, ticket, line, Bytes::new(), Mark::default())
    }

    /// Plays a body that is already written and billed.
    pub(crate) fn whole(
        mut bytes: Bytes,
        frames: u64,
        usage: bool,
        mut script: Script,
        ticket: Ticket,
        line: Arc<Line>,
    ) -> Body {
        let last = Mark { frames, usage, end: Some(Outcome::Completed), ..Mark::default() };
        let (rest, mark) = match script.faults.after {
            None => (None, last),
            Some(_) => (Some((bytes.split_off(bytes.len() / 2), last)), Mark::default()),
        };
        // The frames of a unary reply are its halves.
        script.faults.after = script.faults.after.map(|(_, after)| (0, after));
        Self::play(Piece::Whole { rest }, script, ticket, line, bytes, mark)
    }

    fn play(
        piece: Piece,
        script: Script,
        ticket: Ticket,
        line: Arc<Line>,
        pending: Bytes,
        mark: Mark,
    ) -> Body {
        let player =
            Self { piece, script, ticket, line, pending, mark, content: 0, thought: 0, said: 0, sent: 0 };
        Body::from_stream(unfold(Box::new(player), |mut player| async move {
            player.next().await.map(|bytes| (bytes, player))
        }))
    }

    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            if !self.pending.is_empty() {
                return Some(self.hand_over().await);
            }
            if self.mark.end.is_some() {
                return None;
            }
            match self.advance().await {
                Ok(true) => {}
                Ok(false) => {
                    self.finish(Outcome::Completed);
                    return None;
                }
                Err(broken) => return Some(Err(broken)),
            }
        }
    }

    /// Returns the next bytes: all that are pending, or the part that byte faults leave of them.
    async fn hand_over(&mut self) -> Result<Bytes, Broken> {
        let mut count = self.pending.len();
        if let Some(pause) = self.script.faults.drip {
            if self.sent > 0 {
                self.line.flushed().await;
                wait(pause).await;
            }
            count = 1;
        }
        if let Some(most) = self.script.faults.cut_byte {
            count = count.min(most.saturating_sub(self.sent));
            if count == 0 {
                return Err(self.break_off().await);
            }
        }
        let bytes = self.pending.split_to(count);
        self.sent += count;
        if self.pending.is_empty() {
            self.account();
        }
        Ok(bytes)
    }

    /// Records the effect of the bytes that were handed over.
    fn account(&mut self) {
        let mark = self.mark;
        self.content += usize::try_from(mark.frames).unwrap_or(usize::MAX);
        self.thought += mark.thought;
        self.said += mark.said;
        if mark.usage {
            self.ticket.usage_sent();
        }
        if let Some(outcome) = mark.end {
            self.finish(outcome);
        }
        self.mark = Mark { end: mark.end, ..Mark::default() };
    }

    fn finish(&mut self, outcome: Outcome) {
        self.bill(outcome);
        self.ticket.finish(outcome);
    }

    fn bill(&mut self, outcome: Outcome) {
        self.ticket.frames(self.content as u64);
        if let Piece::Steps { reply, .. } = &self.piece {
            let billed = match outcome {
                Outcome::Completed => reply.billed,
                Outcome::UnderWay | Outcome::Refused | Outcome::Failed | Outcome::Cut | Outcome::Aborted => {
                    reply.billed_after(self.thought, self.said)
                }
            };
            self.ticket.bill(billed);
        }
    }

    async fn break_off(&mut self) -> Broken {
        self.line.flushed().await;
        self.finish(Outcome::Cut);
        Broken
    }

    /// Makes the next bytes pending. Returns false when there are none.
    async fn advance(&mut self) -> Result<bool, Broken> {
        let step = match &mut self.piece {
            Piece::Whole { rest } => {
                let rest = rest.take();
                let Some((bytes, mark)) = rest else { return Ok(false) };
                (self.pending, self.mark) = (bytes, mark);
                if let Some((_, after)) = self.script.faults.after {
                    return self.strike(after).await;
                }
                return Ok(true);
            }
            Piece::Steps { reply, steps, .. } => match steps.next() {
                Some(step) => (step, step.content(reply), steps.len() == 0),
                None => return Ok(false),
            },
        };
        let (step, content, last) = step;
        if content.is_some() {
            let faults = &self.script.faults;
            wait(if self.content == 0 { faults.first_after } else { faults.pace }).await;
            if let Some((frame, after)) = self.script.faults.after
                && frame == self.content
            {
                // A stall happens once; every other fault is the end.
                self.script.faults.after = None;
                if after == After::Error {
                    self.fail();
                    return Ok(true);
                }
                self.strike(after).await?;
            }
        }
        self.write(step, content, last);
        Ok(true)
    }

    async fn strike(&mut self, after: After) -> Result<bool, Broken> {
        match after {
            After::Cut | After::Error => return Err(self.break_off().await),
            After::Reset => {
                let _ = self.break_off().await;
                self.line.reset();
                pending::<()>().await;
            }
            After::Stall(time) => {
                self.line.flushed().await;
                match time {
                    Some(time) => sleep(time).await,
                    None => pending().await,
                }
            }
        }
        Ok(true)
    }

    /// Ends the stream with the vendor's error event.
    fn fail(&mut self) {
        let Piece::Steps { wire, .. } = &mut self.piece else { return };
        let mut out = Vec::new();
        wire.error(&mut out);
        self.pending = out.into();
        self.mark = Mark { end: Some(Outcome::Failed), ..Mark::default() };
    }

    fn write(&mut self, step: Step, content: Option<(u64, u64)>, last: bool) {
        let Piece::Steps { reply, wire, .. } = &mut self.piece else { return };
        let faults = &self.script.faults;
        let (thought, said) = content.unwrap_or_default();
        let so_far: Billed = reply.billed_after(self.thought + thought, self.said + said);
        let mut out = Vec::with_capacity(512);
        let mut usage = false;
        if content.is_some() && faults.malformed == Some(self.content) {
            wire.frame("{\"scripted\": malformed", &mut out);
        } else {
            usage = wire.step(reply, step, &so_far, &mut out);
        }
        if content.is_some() && doubled(faults.duplicate, self.content) {
            usage |= wire.step(reply, step, &so_far, &mut out);
        }
        if faults.framing.unknown && content.is_some() {
            wire.unknown(&mut out);
        }
        if last && faults.framing.open_end {
            let end = out.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
            out.truncate(end);
        }
        self.pending = out.into();
        let frames = u64::from(content.is_some());
        self.mark = Mark { frames, thought, said, usage, end: last.then_some(Outcome::Completed) };
    }
}

/// Sleeps, except for zero: the timer's least is a millisecond.
pub(crate) async fn wait(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

fn doubled(which: Option<Which>, frame: usize) -> bool {
    match which {
        None => false,
        Some(Which::All) => true,
        Some(Which::One(wanted)) => wanted == frame,
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.bill(Outcome::Aborted);
    }
}
