//! `nexus providers`.

use std::time::Instant;

use clap::{Args, Subcommand};
use futures::future::join_all;
use nexus_core::gateway::{CallReceipt, Models};
use nexus_core::{Nexus, Principal, Result};
use nexus_providers::bootstrap::{Config, LlmConfig, configured, routing};
use serde_json::{Value, json};

use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;

const ABOUT_CHECK: &str = "\
Makes one tiny call to each configured provider, concurrently, and reports the results. The calls are real: they are \
priced, recorded and billed like any other, and booked to Nexus itself, within the tenant's limits and outside those of \
users. There are no fallbacks and no retries.

Without names, it calls every provider that a section of `nexus.toml`, a route or `LLM_PROVIDER` names. The exit code \
is 1 if any of them fails.";

const EXAMPLES_CHECK: &str = "\
Examples:
  nexus providers check
  OPENAI_API_KEY=… nexus providers check openai
  LLM_PROVIDER=fake nexus providers check   # the scripted provider, without a key";

/// `nexus providers`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersCommand {
    /// Call each configured provider once, and report the result
    #[command(long_about = ABOUT_CHECK, after_long_help = EXAMPLES_CHECK)]
    Check(CheckArgs),
}

/// Arguments of `nexus providers check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Only these
    #[arg(value_name = "PROVIDER")]
    pub(super) providers: Vec<String>,
}

pub(super) async fn run(context: &Context<'_>, command: ProvidersCommand) -> Result<Exit> {
    match command {
        ProvidersCommand::Check(check) => self::check(context, check).await,
    }
}

async fn check(context: &Context<'_>, check: CheckArgs) -> Result<Exit> {
    let names = if check.providers.is_empty() {
        configured(&context.config).into_iter().collect()
    } else {
        check.providers
    };
    // A check has no fallbacks, so there are no routes, and no retries: a transient error counts as a failure.
    let mut config: Config = context.config.clone();
    config.llm = LlmConfig::default();
    config.tenants.values_mut().for_each(|tenant| tenant.route = None);
    let mut settings = config.gateway_settings()?;
    settings.retry.attempts = 1;
    let alone = routing(&config, &names).await?;
    let called = context
        .with_writer_or_create(async |OpenStore { nexus, .. }| {
            let (routing, settings) = (alone.clone().into(), settings.clone().into());
            nexus.reconfigure(Models { routing, settings, ..nexus.models() })?;
            Ok(join_all(names.iter().map(|name| call(nexus, &context.caller, name))).await)
        })
        .await?;
    let exit = exit(&called);
    if context.output.is_json() {
        context.output.json(&called.iter().map(Called::json).collect::<Vec<Value>>())?;
    } else {
        called.iter().try_for_each(|called| called.print(context))?;
    }
    Ok(exit)
}

/// Returns a denial if every check was denied, and a failure for any other failure.
fn exit(called: &[Called]) -> Exit {
    let is_denied = |called: &Called| {
        called.result.as_ref().is_err_and(|error| error.kind() == nexus_core::ErrorKind::Denied)
    };
    if called.iter().all(|called| called.result.is_ok()) {
        Exit::Done
    } else if called.iter().all(is_denied) {
        Exit::Denied
    } else {
        Exit::Failed
    }
}

/// Result of one call.
struct Called {
    name: String,
    result: Result<CallReceipt>,
    milliseconds: u128,
}

async fn call(nexus: &Nexus, caller: &Principal, name: &str) -> Called {
    let begun = Instant::now();
    let result = nexus.check_provider(caller, name).await;
    Called { name: name.to_owned(), result, milliseconds: begun.elapsed().as_millis() }
}

impl Called {
    fn json(&self) -> Value {
        match &self.result {
            Ok(receipt) => json!({
                "provider": self.name, "ok": true, "model": receipt.model, "cost_nano_usd": receipt.cost,
                "call": receipt.call, "milliseconds": self.milliseconds,
            }),
            Err(error) => json!({
                "provider": self.name, "ok": false, "milliseconds": self.milliseconds,
                "error": {
                    "code": error.code(), "message": error.message(), "hint": error.hint(),
                },
            }),
        }
    }

    fn print(&self, context: &Context<'_>) -> Result<()> {
        match &self.result {
            Ok(receipt) => context.output.line(format_args!(
                "ok      {}: {} answered for {}",
                self.name,
                receipt.model,
                usd(receipt.cost)
            )),
            Err(error) => {
                tracing::info!(provider = self.name, error = %error.report(), "a provider failed its check");
                context.output.line(format_args!("failed  {}: {error} ({})", self.name, error.code()))?;
                error.hint().map_or(Ok(()), |hint| context.output.line(format_args!("        hint: {hint}")))
            }
        }
    }
}
