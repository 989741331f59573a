//! Fields that a reload does not replace: a change of them is logged, because it needs a restart.

use std::collections::BTreeSet;

use nexus_providers::bootstrap::{self, Environment, Field, variables};

/// Fields and sections that only a start reads.
const READ_AT_START: [&str; 11] = [
    "data",
    "tenant",
    "user",
    "roles",
    "groups",
    "cache.enabled",
    "cache.max_mb",
    "audit",
    "retention",
    "documents",
    "server",
];

/// Variable without a field that a reload reads: the path of the configuration file.
const READ_ANEW: &str = "NEXUS_CONFIG";

/// Returns the effective fields that only a start reads, and the variables of that kind.
pub(crate) fn read_at_start(config: &bootstrap::Config, env: &Environment) -> Vec<Field> {
    let fields = config.fields().into_iter().filter(|field| section(&field.path).is_some());
    fields.chain(variables(env).into_iter().filter(|variable| variable.path != READ_ANEW)).collect()
}

/// Returns the differences between two such lists: fields by their paths, sections as `[server]`.
pub(crate) fn changed(before: &[Field], after: &[Field]) -> BTreeSet<String> {
    let value = |fields: &[Field], path: &str| {
        fields.iter().find(|field| field.path == path).map(|field| field.value.clone())
    };
    let paths = before.iter().chain(after).map(|field| field.path.as_str());
    let differ = paths.filter(|path| value(before, path) != value(after, path));
    differ.map(|path| section(path).unwrap_or_else(|| path.to_owned())).collect()
}

/// Returns the entry of [`READ_AT_START`] to which a path belongs, as displayed.
fn section(path: &str) -> Option<String> {
    let entry = READ_AT_START.iter().find(|entry| {
        path.strip_prefix(**entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })?;
    Some(if *entry == path { path.to_owned() } else { format!("[{entry}]") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, env: &Environment) -> Vec<Field> {
        read_at_start(&bootstrap::Config::parse(text, env).unwrap(), env)
    }

    #[test]
    fn a_change_of_what_is_read_at_the_start_is_told_by_section_and_nothing_else_is() {
        let env = Environment::from([("HOME", "/h")]);
        let changes = |before: &str, after: &str| {
            changed(&of(before, &env), &of(after, &env)).into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(changes("", "[retention]\nruns_days = 30\njobs_days = 10"), "[retention]");
        assert_eq!(changes("", "[audit]\nreads = 'all'"), "[audit]");
        assert_eq!(
            changes("[server]\nidle_ms = 1", "tenant = 'acme'\n[cache]\nmax_mb = 9"),
            "[server] cache.max_mb tenant"
        );
        assert_eq!(changes("", "[retention]\njobs_days = 90"), "", "the default, written down");
        let anew = "[llm]\nmax_tokens = 9\n[limits]\nuser_monthly_usd = 1\n[cache]\nanswers_seconds = 0";
        assert_eq!(changes("", anew), "");
        let more = Environment::from([("HOME", "/h"), ("RUN_MAX_CONCURRENCY", "9"), ("NEXUS_CONFIG", "f")]);
        assert_eq!(
            changed(&of("", &env), &of("", &more)),
            BTreeSet::from(["RUN_MAX_CONCURRENCY".to_owned()])
        );
    }
}
