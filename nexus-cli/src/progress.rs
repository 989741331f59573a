//! Progress of a long command: a bar on a terminal, lines in a pipe, nothing with JSON.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};
use nexus_core::Result;
use nexus_core::escape::escape_line;

use crate::output::Output;

/// Progress display.
#[derive(Debug)]
pub(crate) enum Progress<'a> {
    /// Bar; `verbose` prints the lines of items above it.
    Bar {
        bar: ProgressBar,
        output: &'a Output,
        verbose: bool,
    },
    Lines(&'a Output),
    Silent,
}

impl<'a> Progress<'a> {
    /// Starts the display of `total` items.
    pub(crate) fn new(output: &'a Output, total: usize, verbose: bool) -> Self {
        if output.is_json() {
            return Self::Silent;
        }
        if !(std::io::stdout().is_terminal() && std::io::stderr().is_terminal()) {
            return Self::Lines(output);
        }
        let bar = ProgressBar::new(total as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {eta} left  {wide_msg}") {
            bar.set_style(style);
        }
        Self::Bar { bar, output, verbose }
    }

    /// Reports one finished item, with its line if it has one. A bar shows only the lines that are `notable`.
    pub(crate) fn done(&self, name: &str, line: Option<&String>, notable: bool) -> Result<()> {
        if let Self::Bar { bar, verbose, .. } = self {
            bar.set_message(escape_line(name).into_owned());
            bar.inc(1);
            if !verbose && !notable {
                return Ok(());
            }
        }
        line.map_or(Ok(()), |line| self.line(line))
    }

    /// Prints a line, above the bar if there is one.
    pub(crate) fn line(&self, line: &str) -> Result<()> {
        // A file name may hold a line break, which must not begin a line of its own.
        match self {
            Self::Bar { bar, output, .. } => bar.suspend(|| output.line(escape_line(line))),
            Self::Lines(output) => output.line(escape_line(line)),
            Self::Silent => Ok(()),
        }
    }

    /// Runs `say`, which prints to standard error, without disturbing the bar.
    pub(crate) fn aside(&self, say: impl FnOnce()) {
        match self {
            Self::Bar { bar, .. } => bar.suspend(say),
            Self::Lines(_) | Self::Silent => say(),
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}
