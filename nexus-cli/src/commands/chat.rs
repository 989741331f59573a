//! `nexus chat`: an interactive conversation, line by line.

use std::io::{self, BufRead, IsTerminal as _, Read as _};

use clap::Args;
use nexus_core::grounding::Citation;
use nexus_core::{Error, ErrorKind, Nexus, Result, SessionId};
use tokio::sync::mpsc;

use super::filters::Filters;
use super::{render_answer, standard_input};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;

const ABOUT: &str = "\
Holds a conversation: each line is a question, and a short one such as \"and for managers?\" is understood together \
with the question before it.

`/sources` lists the quotations of the last answer, `/quit` or the end of input ends the conversation. The \
conversation is stored: `--session` continues it, and `nexus sessions show` prints it.";

const EXAMPLES: &str = "\
Examples:
  nexus chat --corpus handbook
  nexus chat --corpus handbook --session 0199c2a4-…";

/// Hold a conversation
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    narrowing: Filters,
    /// The conversation to continue [default: a new one]
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
}

/// State of a conversation between two lines.
struct Conversation<'a> {
    context: &'a Context<'a>,
    nexus: &'a Nexus,
    chat: &'a ChatArgs,
    session: Option<SessionId>,
    sources: Vec<Citation>,
    exit: Exit,
}

pub(super) async fn run(context: &Context<'_>, chat: ChatArgs) -> Result<Exit> {
    context
        .with_writer(async |OpenStore { nexus, .. }| {
            let session = chat.session.clone();
            let (sources, exit) = (Vec::new(), Exit::Done);
            Conversation { context, nexus, chat: &chat, session, sources, exit }.hold().await
        })
        .await
}

impl Conversation<'_> {
    async fn hold(mut self) -> Result<Exit> {
        let mut lines = lines()?;
        loop {
            self.prompt();
            // An interrupt between questions ends the conversation; during an answer it cancels the run.
            let mut listener = self.context.interrupts.listen();
            let line = tokio::select! {
                line = lines.recv() => line,
                () = listener.interrupted() => return Ok(Exit::Cancelled),
            };
            drop(listener);
            match line.transpose()?.as_deref().map(str::trim) {
                None | Some("/quit") => return Ok(self.exit),
                Some("") => {}
                Some("/sources") => render_answer::sources(self.context.output, &self.sources)?,
                Some(question) => self.ask(question.to_owned()).await?,
            }
            if self.exit == Exit::Cancelled {
                return Ok(self.exit);
            }
        }
    }

    fn prompt(&self) {
        if std::io::stdin().is_terminal() && !self.context.output.is_json() {
            self.context.output.question("> ");
        }
    }

    async fn ask(&mut self, question: String) -> Result<()> {
        let output = self.context.output;
        let mut builder = self.chat.narrowing.apply(self.nexus.ask(&self.context.caller, question));
        if let Some(session) = &self.session {
            builder = builder.session(session.clone());
        }
        let run = match builder.start().await {
            Ok(run) => run,
            // An invalid line does not end the conversation.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                output.error(&error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.session = Some(run.session_id().clone());
        let told = render_answer::follow(self.context, self.nexus, &run, |event| {
            if output.is_json() { output.json_line(event) } else { render_answer::stream(output, event) }
        })
        .await?;
        if !output.is_json() {
            render_answer::end(output, &told)?;
        }
        self.exit = Exit::from(&told.outcome);
        self.sources = told.answer.citations;
        Ok(())
    }
}

/// Starts a thread that reads the lines of standard input, and that may outlive the conversation.
fn lines() -> Result<mpsc::Receiver<Result<String>>> {
    let (sender, receiver) = mpsc::channel(1);
    let read = move || {
        let mut input = std::io::stdin().lock();
        while let Some(line) = next_line(&mut input).transpose() {
            let line = line.map_err(|error| unreadable().because(error));
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("input".to_owned())
        .spawn(read)
        .map_err(|error| unreadable().because(error))?;
    Ok(receiver)
}

/// Reads the next line, and of one over the limit only as much as is needed to refuse it.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let longest = standard_input::LONGEST_QUESTION;
    let mut line = Vec::new();
    if input.take(longest).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let mut rest = Vec::new();
    let mut whole = line.last() == Some(&b'\n') || (line.len() as u64) < longest;
    while !whole {
        rest.clear();
        input.take(longest).read_until(b'\n', &mut rest)?;
        whole = rest.last().is_none_or(|last| *last == b'\n');
    }
    let text = String::from_utf8_lossy(&line);
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Unavailable, "cannot read standard input")
}
