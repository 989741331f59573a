//! The variables that the shells read, and what each may do in a `.env` that was found by itself.
//!
//! A folder's `.env` comes from the author of the folder. So each variable has a decision here; a variable without a row
//! is another program's.

/// What a variable may do in a `.env` that was found in the working directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InFoundFile {
    /// It is a vendor's key, and taken where no stronger source has one.
    Key,
    /// It names a model, and is taken where no stronger source names one.
    Model,
    /// It names who answers, and is taken beside that vendor's key.
    Provider,
    /// It is ignored, and the user is told.
    Ignored,
    /// It is ignored without a word: every program has it.
    System,
}

use InFoundFile::{Ignored, Key, Model, Provider, System};

/// How the names of all other variables begin that are Nexus's own.
const PREFIX: &str = "NEXUS_";

/// Every variable that the shells read, or that the libraries below them do.
pub(super) const VARIABLES: [(&str, InFoundFile); 57] = [
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
    // How calls are made.
    ("EXT_CALL_TIMEOUT_MS", Ignored),
    ("EXT_RETRY_MAX_ATTEMPTS", Ignored),
    ("EXT_RETRY_BACKOFF_MS", Ignored),
    ("CB_FAILURE_THRESHOLD", Ignored),
    ("CB_OPEN_SECONDS", Ignored),
    ("CB_HALF_OPEN_TRIALS", Ignored),
    ("RATE_LIMIT_WINDOW_S", Ignored),
    ("COST_ESTIMATOR_TOKEN_CHARS_RATIO", Ignored),
    // Who acts, where, and what signs.
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
    // The engine.
    ("RUN_MAX_CONCURRENCY", Ignored),
    ("INGEST_MAX_CONCURRENCY", Ignored),
    ("INGEST_EXECUTION_MODE", Ignored),
    ("DEBUG_EVENTS", Ignored),
    ("RUST_LOG", Ignored),
    // The way to vendors, which the HTTP client reads from the process.
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

/// The names of the variables that the programs read, besides those whose names are paths of fields.
pub fn variable_names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name)
}

/// The variables that libraries read from the process itself, so that no file of variables can set them.
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

/// What `name` may do in a found `.env`; nothing for a variable of another program.
pub(super) fn in_found_file(name: &str) -> Option<InFoundFile> {
    let row = VARIABLES.iter().find(|(known, _)| *known == name);
    row.map(|(_, decision)| *decision).or_else(|| name.starts_with(PREFIX).then_some(Ignored))
}

/// Whether only the environment of the process can set `name`.
pub(super) fn is_of_process(name: &str) -> bool {
    OF_PROCESS.contains(&name)
}
