//! Redaction of secrets and escape sequences in logs: [`Redactor`] sits between a subscriber and its output.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use nexus_core::escape::escape_line;

use super::Environment;
use super::env_file::FoundEnvFile;
use crate::Secret;

/// Replacement of a secret.
const HIDDEN: &str = "[hidden]";
/// Length below which a secret may be an ordinary word, in bytes.
const SHORTEST: usize = 4;
/// Suffixes of the names of secret variables.
const SECRET_NAMES: [&str; 6] = ["_KEY", "_SECRET", "_TOKEN", "_PASSWORD", "_KEYS_JSON", "_CREDENTIALS"];

/// Redactor of log lines: removes known secrets, and the passwords of URLs such as `postgres://nexus:password@db`.
/// Clones share the secrets.
///
/// ```
/// use nexus_providers::bootstrap::Redactor;
///
/// let redactor = Redactor::default();
/// redactor.hide([&"sk-0123456789".into()]);
/// assert_eq!(redactor.clean("key=sk-0123456789"), "key=[hidden]");
/// assert_eq!(redactor.clean("at postgres://nexus:pw@db/nexus"), "at postgres://nexus:[hidden]@db/nexus");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Arc<RwLock<Vec<Secret>>>,
}

impl Redactor {
    /// Creates a redactor of the variables whose names mark them as secret, such as `OPENAI_API_KEY`.
    pub fn of(env: &Environment) -> Self {
        let redactor = Self::default();
        redactor.learn(env);
        redactor
    }

    /// Adds the variables of `env` whose names mark them as secret.
    pub fn learn(&self, env: &Environment) {
        let secret = |name: &&str| SECRET_NAMES.iter().any(|end| name.ends_with(end));
        let values = env.names().filter(secret).filter_map(|name| env.text(name).ok().flatten());
        self.hide(&values.map(Secret::new).collect::<Vec<Secret>>());
        self.hide(env.found().into_iter().flat_map(FoundEnvFile::keys));
    }

    /// Adds secrets.
    pub fn hide<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        let mut known = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        let long = |secret: &&Secret| secret.expose().len() >= SHORTEST;
        for secret in secrets.into_iter().filter(long) {
            // A log shows a secret of several lines in its escaped form.
            if let Cow::Owned(escaped) = escape_line(secret.expose()) {
                known.push(Secret::new(escaped));
            }
            known.push(secret.clone());
        }
        // Longer secrets come first, since a part of a secret would leave the rest of it.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        known.dedup_by(|a, b| a.expose() == b.expose());
    }

    /// Returns `line` without secrets.
    pub fn clean<'l>(&self, line: &'l str) -> Cow<'l, str> {
        let known = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let mut clean = Cow::Borrowed(line);
        for secret in known.iter().filter(|secret| line.contains(secret.expose())) {
            clean = Cow::Owned(clean.replace(secret.expose(), HIDDEN));
        }
        match without_passwords(&clean) {
            Some(without) => Cow::Owned(without),
            None => clean,
        }
    }

    /// Returns a factory of writers for a subscriber: each cleans whole lines and writes them to an output of `make`.
    pub fn writer<W: Write>(
        &self,
        colours: Colours,
        make: impl Fn() -> W + Send + Sync + 'static,
    ) -> impl Fn() -> Redacting<W> + Send + Sync + 'static {
        let redactor = self.clone();
        move || Redacting { redactor: redactor.clone(), colours, inner: make() }
    }
}

/// Treatment of colour sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Kept. The formatter keeps colour sequences out of values.
    Kept,
    /// Escaped like all other sequences.
    Escaped,
}

/// Writer behind a [`Redactor`]. Each write must be a whole line, as `tracing` writes them: a secret split over two
/// writes is not recognised, and control characters within a line are escaped, line breaks included.
#[derive(Debug)]
pub struct Redacting<W> {
    redactor: Redactor,
    colours: Colours,
    inner: W,
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let line = self.redactor.clean(&line);
        let (line, end) = line.strip_suffix('\n').map_or((&*line, ""), |line| (line, "\n"));
        let line = match self.colours {
            Colours::Kept => escape_but_colours(line),
            Colours::Escaped => escape_line(line),
        };
        self.inner.write_all(format!("{line}{end}").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Escapes the control characters of `line`, except in colour sequences, such as `ESC [ 2 m`.
fn escape_but_colours(line: &str) -> Cow<'_, str> {
    let mut parts = line.split("\u{1b}[");
    let mut escaped = escape_line(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let parameters = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        let is_colour = parameters.starts_with('m');
        escaped.push_str(if is_colour { "\u{1b}[" } else { "\\u{1b}[" });
        escaped.push_str(&escape_line(part));
    }
    Cow::Owned(escaped)
}

/// Replaces the password of each `scheme://user:password@host`, and everything before the `@` where it has no colon,
/// by `[hidden]`; `None` without a replacement.
///
/// A password may hold any character but white space and quotation marks, so the last `@` before one of those counts.
fn without_passwords(text: &str) -> Option<String> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
        let address = after.split(ends).next().unwrap_or_default();
        clean.push_str(before);
        clean.push_str("://");
        rest = after;
        if let Some((credentials, _)) = address.rsplit_once('@') {
            if let Some((user, _)) = credentials.split_once(':') {
                clean.push_str(user);
                clean.push(':');
            }
            clean.push_str(HIDDEN);
            rest = after.get(credentials.len()..).unwrap_or_default();
        }
    }
    if clean.is_empty() || !clean.contains(HIDDEN) {
        return None;
    }
    clean.push_str(rest);
    Some(clean)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(line: &str, clean: &str) {
        assert_eq!(Redactor::default().clean(line), clean);
    }

    #[test]
    fn passwords_of_urls_are_hidden_and_the_rest_is_kept() {
        check("to postgres://u:p@h/db?x=1, then", "to postgres://u:[hidden]@h/db?x=1, then");
        check("\"redis://:p/w@h\" http://h/path", "\"redis://:[hidden]@h\" http://h/path");
        check("https://token@h and amqp://a:b@c@d", "https://[hidden]@h and amqp://a:[hidden]@d");
        check("http://127.0.0.1:8080/v1 and a@b:c", "http://127.0.0.1:8080/v1 and a@b:c");
    }

    #[test]
    fn variables_that_are_secret_by_name_are_hidden_before_anything_is_read() {
        let env = Environment::from([("X_API_KEY", "abcdef"), ("MODEL", "gpt-4o"), ("MY_TOKEN", "abc")]);
        let redactor = Redactor::of(&env);
        assert_eq!(redactor.clean("abcdef abc gpt-4o"), "[hidden] abc gpt-4o");
    }

    #[test]
    fn a_secret_of_several_lines_is_hidden_as_a_log_shows_it() {
        let redactor = Redactor::default();
        redactor.hide([&Secret::new("{\n\t\"k0\": \"swordfish\"\n}")]);
        let error = nexus_core::Error::invalid("no").with("json", "{\n\t\"k0\": \"swordfish\"\n}");
        assert_eq!(redactor.clean(&error.report()), "INVALID_INPUT: no json=[hidden]");
    }

    #[test]
    fn a_secret_within_another_does_not_leave_the_rest_of_it() {
        let redactor = Redactor::default();
        redactor.hide([&Secret::new("secret"), &Secret::new("secret-and-more")]);
        assert_eq!(redactor.clean("secret-and-more, secret"), "[hidden], [hidden]");
    }

    #[test]
    fn what_is_learnt_later_is_hidden_by_writers_made_before() {
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
        let redactor = Redactor::default();
        let make = redactor.writer(Colours::Escaped, || Kept);
        redactor.hide([&Secret::new("swordfish")]);
        make().write_all(b"the word is swordfish\n").unwrap();
        assert_eq!(*LINES.lock().unwrap(), b"the word is [hidden]\n");
    }

    #[track_caller]
    fn check_written(colours: Colours, line: &str, expected: &str) {
        let mut written = Redacting { redactor: Redactor::default(), colours, inner: Vec::new() };
        written.write_all(line.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(written.inner).unwrap(), expected);
    }

    #[test]
    fn a_line_stays_one_line_without_escape_sequences() {
        let forged = "a `\u{1b}[31m\n2026 INFO forged\u{1b}]0;title\u{7}` \u{202e}\r\n";
        let escaped = "a `\\u{1b}[31m\\n2026 INFO forged\\u{1b}]0;title\\u{7}` \\u{202e}\\r\n";
        check_written(Colours::Escaped, forged, escaped);
        check_written(Colours::Kept, forged, &escaped.replace("\\u{1b}[31m", "\u{1b}[31m"));
        check_written(
            Colours::Kept,
            "\u{1b}[2J\u{1b}[2;31m\u{1b}[0m\u{1b}",
            "\\u{1b}[2J\u{1b}[2;31m\u{1b}[0m\\u{1b}",
        );
    }

    proptest! {
        #[test]
        fn no_secret_survives_wherever_it_stands(
            before in ".{0,20}", secret in "[a-zA-Z0-9_-]{8,40}", after in ".{0,20}",
        ) {
            let redactor = Redactor::default();
            redactor.hide([&Secret::new(secret.clone())]);
            let line = format!("{before}{secret}{after}");
            prop_assert!(!redactor.clean(&line).contains(&secret));
        }
    }
}
