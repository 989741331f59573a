//! `nexus providers` and `nexus models`.

use clap::{Args, Subcommand};

const ABOUT_CHECK: &str = "\
Makes one tiny call to each configured provider, concurrently, and reports the results. The calls are real: they are \
priced, limited, recorded and billed like any other. There are no fallbacks and no retries.

Without names, it calls every provider that a section of `nexus.toml`, a route or `LLM_PROVIDER` names. The exit code \
is 1 if any of them fails.";

const EXAMPLES_CHECK: &str = "\
Examples:
  nexus providers check
  OPENAI_API_KEY=… nexus providers check openai
  LLM_PROVIDER=fake nexus providers check   # the scripted provider, without a key";

/// `nexus providers`.
#[derive(Debug, Subcommand)]
pub(crate) enum Providers {
    /// Call each configured provider once, and report the result
    #[command(long_about = ABOUT_CHECK, after_long_help = EXAMPLES_CHECK)]
    Check(Check),
}

/// Arguments of `nexus providers check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only these
    #[arg(value_name = "PROVIDER")]
    pub(crate) providers: Vec<String>,
}
