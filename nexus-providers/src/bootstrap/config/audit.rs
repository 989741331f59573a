//! `[audit]`: audit records.

use nexus_core::audit::RecordedReads;
use serde::Deserialize;

/// Settings of audit records.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Reads that leave a record: `none` by default, `documents` or `all`.
    pub reads: Option<RecordedReads>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::{Config, Environment, settings};

    #[test]
    fn recorded_reads_are_none_documents_or_all() {
        let reads = |text: &str, env: &Environment| {
            Config::parse(text, env).and_then(|config| settings(&config, env)).map(|said| said.recorded_reads)
        };
        let (silent, all) =
            (Environment::from([("", ""); 0]), Environment::from([("NEXUS__AUDIT__READS", "all")]));
        let documents = "[audit]\nreads = \"documents\"";
        assert_eq!(reads("", &silent).unwrap(), RecordedReads::None);
        assert_eq!(reads(documents, &silent).unwrap(), RecordedReads::Documents);
        assert_eq!(reads(documents, &all).unwrap(), RecordedReads::All);
        reads("[audit]\nreads = \"some\"", &silent).unwrap_err();
    }
}
