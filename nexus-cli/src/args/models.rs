//! `nexus providers` and `nexus models`.

use clap::{Args, Subcommand};

const ABOUT_CHECK: &str = "\
Makes one tiny call to each configured provider, all at once, and says what came of it. The calls are real: they are \
priced, limited, recorded and billed like any other. Nobody else is asked in a provider's place, and nothing is tried \
again.

Without names, every provider is called that a section of `nexus.toml`, a route or `LLM_PROVIDER` names. The exit code \
is 1 if any of them fails.";

const EXAMPLES_CHECK: &str = "\
Examples:
  nexus providers check
  OPENAI_API_KEY=… nexus providers check openai
  LLM_PROVIDER=fake nexus providers check   # the scripted provider, without a key";

/// `nexus providers`.
#[derive(Debug, Subcommand)]
pub(crate) enum Providers {
    /// Call each configured provider once, and say what came of it
    #[command(long_about = ABOUT_CHECK, after_long_help = EXAMPLES_CHECK)]
    Check(Check),
}

/// Which providers to call.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only these
    #[arg(value_name = "PROVIDER")]
    pub(crate) providers: Vec<String>,
}
