//! Log on standard error: without secrets, and with one line per event, even if a value holds line breaks.

use std::fmt;
use std::io::{self, IsTerminal as _};

use nexus_core::escape::escape_line;
use nexus_core::{Error, Result};
use nexus_providers::bootstrap::{Colours, Environment, Redactor};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging to standard error at the levels of `RUST_LOG`, by default `info`.
///
/// # Errors
/// [`InvalidInput`](nexus_core::ErrorKind::InvalidInput) for a `RUST_LOG` that does not parse.
pub(crate) fn begin(env: &Environment, redactor: &Redactor) -> Result<()> {
    let wanted = match env.text("RUST_LOG")? {
        Some(wanted) => wanted.parse::<Targets>().map_err(|error| {
            Error::invalid("cannot parse `RUST_LOG`")
                .with_code("INVALID_SETTING")
                .with_hint("try `info`")
                .because(error)
        })?,
        None => Targets::new().with_default(LevelFilter::INFO),
    };
    let is_terminal = io::stderr().is_terminal();
    let colours = if is_terminal { Colours::Kept } else { Colours::Escaped };
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(EscapedFields::default())
        .with_writer(redactor.writer(colours, io::stderr))
        .with_ansi(is_terminal);
    tracing_subscriber::registry().with(lines).with(wanted).init();
    Ok(())
}

/// Field formatter that escapes control characters of values. On a terminal the line around them has colours, so the
/// writer behind it cannot distinguish an escape sequence of the formatter from one of a value.
#[derive(Debug, Default)]
struct EscapedFields(DefaultFields);

impl<'writer> FormatFields<'writer> for EscapedFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut plain = String::new();
        self.0.format_fields(Writer::new(&mut plain), fields)?;
        writer.write_str(&escape_line(&plain))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

    struct Kept;

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            LINES.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_coloured_line_has_no_escape_sequence_of_a_value() {
        let lines = tracing_subscriber::fmt::layer()
            .fmt_fields(EscapedFields::default())
            .with_writer(Redactor::default().writer(Colours::Kept, || Kept))
            .with_ansi(true);
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("span", name = %"\u{1b}[35mof the span\n");
            let _entered = span.enter();
            tracing::info!(name = %"\u{1b}[35mof the event\n", "\u{1b}[35mof the message\n");
        });
        let lines = String::from_utf8(LINES.lock().unwrap().clone()).unwrap();
        assert!(lines.contains("\u{1b}[32m"), "the level is green: {lines:?}");
        assert!(!lines.contains("\u{1b}[35m") && lines.matches('\n').count() == 1, "{lines:?}");
        assert_eq!(lines.matches("b}[35m").count() + lines.matches("x1b[35m").count(), 3, "{lines:?}");
    }
}
