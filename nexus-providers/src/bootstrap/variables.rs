//! Variables of the programs, and the permissions of each in a found `.env`.
//!
//! A folder's `.env` comes from the author of the folder, so each variable has a permission here; a variable without
//! a row belongs to another program.

/// Permission of a variable in a `.env` found in the working directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InFoundFile {
    /// A vendor's key, used where no stronger source has one.
    Key,
    /// A model name, used where no stronger source has one.
    Model,
    /// The provider of answers, used together with that vendor's key.
    Provider,
    /// Ignored with a warning.
    Ignored,
    /// Ignored silently, because every program has it.
    System,
}

use InFoundFile::{Ignored, Key, Model, Provider, System};

/// Prefix of all other variables of Nexus.
const PREFIX: &str = "NEXUS_";

/// Every variable that the programs, or their libraries, read.
pub(super) const VARIABLES: [(&str, InFoundFile); 58] = [
    // Vendors.
    ("OPENAI_API_KEY", Key),
    ("ANTHROPIC_API_KEY", Key),
    ("GEMINI_API_KEY", Key),
    ("OLLAMA_API_KEY", Key),
    ("GEMINI_MODEL", Model),
    ("OPENAI_TTS_MODEL", Model),
    ("LLM_PROVIDER", Provider),
    ("OPENAI_BASE_URL", Ignored),
    ("OPENAI_ORG_ID", Ignored),
    ("ANTHROPIC_BASE_URL", Ignored),
    ("OLLAMA_HOST", Ignored),
    ("FAKE_PROVIDER_URL", Ignored),
    ("GOOGLE_CLOUD_PROJECT", Ignored),
    ("GOOGLE_CLOUD_LOCATION", Ignored),
    ("VERTEX_LOCATION", Ignored),
    ("GOOGLE_APPLICATION_CREDENTIALS", Ignored),
    ("TTS_PROVIDER", Ignored),
    ("OPENAI_TTS_VOICE", Ignored),
    // Calls.
    ("EXT_CALL_TIMEOUT_MS", Ignored),
    ("EXT_RETRY_MAX_ATTEMPTS", Ignored),
    ("EXT_RETRY_BACKOFF_MS", Ignored),
    ("CB_FAILURE_THRESHOLD", Ignored),
    ("CB_OPEN_SECONDS", Ignored),
    ("CB_HALF_OPEN_TRIALS", Ignored),
    ("RATE_LIMIT_WINDOW_S", Ignored),
    ("COST_ESTIMATOR_TOKEN_CHARS_RATIO", Ignored),
    // Principal, directories, and keys.
    ("NEXUS_CONFIG", Ignored),
    ("NEXUS_CONFIG_DIR", Ignored),
    ("NEXUS_DATA", Ignored),
    ("NEXUS_TENANT", Ignored),
    ("NEXUS_USER", Ignored),
    ("NEXUS_ROLE", Ignored),
    ("NEXUS_LISTEN", Ignored),
    ("NEXUS_ENV_FILE", Ignored),
    ("NEXUS_NO_ENV_FILE", Ignored),
    ("AUDIT_KEYS_JSON", Ignored),
    ("AUDIT_SECRET", Ignored),
    ("NEXUS_SEAL_KEY", Ignored),
    // The engine.
    ("RUN_MAX_CONCURRENCY", Ignored),
    ("INGEST_MAX_CONCURRENCY", Ignored),
    ("INGEST_EXECUTION_MODE", Ignored),
    ("DEBUG_EVENTS", Ignored),
    ("RUST_LOG", Ignored),
    // Connections to vendors, which the HTTP client reads from the process.
    ("HTTPS_PROXY", Ignored),
    ("https_proxy", Ignored),
    ("HTTP_PROXY", Ignored),
    ("http_proxy", Ignored),
    ("ALL_PROXY", Ignored),
    ("all_proxy", Ignored),
    ("NO_PROXY", Ignored),
    ("no_proxy", Ignored),
    ("SSL_CERT_FILE", Ignored),
    ("SSL_CERT_DIR", Ignored),
    // The system's.
    ("CI", System),
    ("HOME", System),
    ("LOGNAME", System),
    ("USER", System),
    ("XDG_CONFIG_HOME", System),
];

/// Returns the names of the programs' variables, without those whose names are paths of fields.
pub fn variable_names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name)
}

/// Variables that libraries read from the process itself, so that no file can set them.
const OF_PROCESS: [&str; 10] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Returns the permission of `name` in a found `.env`; `None` for a variable of another program.
pub(super) fn in_found_file(name: &str) -> Option<InFoundFile> {
    let row = VARIABLES.iter().find(|(known, _)| *known == name);
    row.map(|(_, decision)| *decision).or_else(|| name.starts_with(PREFIX).then_some(Ignored))
}

/// Whether only the environment of the process can set `name`.
pub(super) fn is_of_process(name: &str) -> bool {
    OF_PROCESS.contains(&name)
}
