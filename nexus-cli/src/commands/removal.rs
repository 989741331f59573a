//! Removing with care: what would go is said first where somebody is there to read it.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal as _};

use nexus_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::off_thread;
use crate::args::Removal;
use crate::context::{Context, OpenStore};
use crate::output::announce;

/// Something that would be removed, in words and as JSON.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) words: String,
    pub(super) json: Value,
}

/// What comes before a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// It is only said what would go.
    Instead,
    /// Somebody is asked.
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

/// Whether the removal may go on: what `targets` finds is listed for a dry run, which is all then, and before the
/// question. Where there is nothing to remove, that is said and nobody is asked. The store is not held while somebody
/// thinks.
///
/// # Errors
/// [`Conflict`](ErrorKind::Conflict) with `NOT_CONFIRMED` when the answer is anything but yes.
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

/// Says that nothing would go.
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

/// Whether the next line agrees. The end of the input does not.
fn is_yes(answer: &mut impl BufRead) -> bool {
    let mut line = String::new();
    let read = io::Read::take(answer, 16).read_line(&mut line);
    read.is_ok() && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn not_confirmed() -> Error {
    Error::new(ErrorKind::Conflict, "nothing was removed")
        .code("NOT_CONFIRMED")
        .hint("answer `y`, or say `--yes`")
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
