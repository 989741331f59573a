//! Options, confirmation and dry run of every command that removes something.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal as _};

use clap::Args;
use nexus_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::standard_input::off_thread;
use crate::context::{Context, OpenStore};
use crate::output::announce;

/// Options of a removal.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Removing")]
pub(crate) struct Removal {
    /// List the objects to remove, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Skip the confirmation, asked on a terminal only
    #[arg(long, short)]
    yes: bool,
}

/// Object to remove, as text and as JSON.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) words: String,
    pub(super) json: Value,
}

/// Step before a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// Dry run: the targets are listed, and nothing is removed.
    Instead,
    /// Confirmation on the terminal.
    Question,
    Nothing,
}

fn before(removal: Removal, terminal: bool) -> Before {
    match removal {
        Removal { dry_run: true, .. } => Before::Instead,
        Removal { yes: false, .. } if terminal => Before::Question,
        Removal { .. } => Before::Nothing,
    }
}

/// Returns whether to remove the objects that `targets` finds. A dry run lists them and stops; a terminal lists them and
/// asks for confirmation, unless there is nothing to remove. The store is closed while the question waits.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) with `NOT_CONFIRMED` for any answer except yes.
pub(super) async fn may_go_on(
    context: &Context<'_>,
    removal: Removal,
    targets: impl AsyncFnOnce(&OpenStore) -> Result<Vec<Target>>,
) -> Result<bool> {
    let before = before(removal, io::stdin().is_terminal());
    if before == Before::Nothing {
        return Ok(true);
    }
    let targets = context.with_reader(targets).await?;
    let output = context.output;
    if targets.is_empty() {
        return nothing(context).map(|()| false);
    }
    if before == Before::Instead {
        for Target { words, json } in targets {
            if output.is_json() {
                output.json_line(&serde_json::json!({ "would_remove": json }))?;
            } else {
                output.line(format_args!("would remove {words}"))?;
            }
        }
        return Ok(false);
    }
    output.question(question(&targets));
    let agreed = off_thread(|| Ok(is_yes(&mut io::stdin().lock()))).await?;
    if agreed { Ok(true) } else { Err(not_confirmed()) }
}

/// Reports that there is nothing to remove.
fn nothing(context: &Context<'_>) -> Result<()> {
    const NOTHING: &str = "there is nothing to remove";
    if context.output.is_json() {
        announce(true, NOTHING);
        return Ok(());
    }
    context.output.line(NOTHING)
}

fn question(targets: &[Target]) -> impl Display {
    let mut question = String::new();
    for target in targets {
        question.push_str("remove ");
        question.push_str(&target.words);
        question.push('\n');
    }
    question + "remove? [y/N] "
}

/// Returns whether the next line confirms. The end of the input does not.
fn is_yes(answer: &mut impl BufRead) -> bool {
    let mut line = String::new();
    let read = io::Read::take(answer, 16).read_line(&mut line);
    read.is_ok() && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn not_confirmed() -> Error {
    Error::new(ErrorKind::Conflict, "nothing was removed")
        .with_code("NOT_CONFIRMED")
        .with_hint("answer `y`, or use `--yes`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_asked_unless_it_is_told_yes_and_a_script_never_is() {
        let removal = |dry_run, yes| Removal { dry_run, yes };
        assert_eq!(before(removal(false, false), true), Before::Question);
        assert_eq!(before(removal(false, true), true), Before::Nothing);
        assert_eq!(before(removal(false, false), false), Before::Nothing);
        for (yes, terminal) in [(false, false), (false, true), (true, false), (true, true)] {
            assert_eq!(before(removal(true, yes), terminal), Before::Instead);
        }
    }

    #[test]
    fn only_yes_is_a_yes() {
        for yes in ["y\n", "Y\n", "yes\n", " YES \n", "y"] {
            assert!(is_yes(&mut yes.as_bytes()), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yesterday\n", "yes and a very long line that goes on and on\n"] {
            assert!(!is_yes(&mut no.as_bytes()), "{no:?}");
        }
    }
}
