//! `nexus kill-switch`, earlier `nexus shutoff`.

use std::time::Duration;

use clap::{Args, Subcommand};
use nexus_core::ledger::{KillSwitch, KillSwitchCause, KillSwitchScope};
use nexus_core::{Error, Result};
use serde_json::json;

use super::pages::{ALL, PageArgs};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::left_jobs;

const EXAMPLES: &str = "\
Calls in flight finish; no call begins until the scope is rearmed.

Examples:
  nexus kill-switch status
  nexus kill-switch trip \"invoice looks wrong\"
  nexus kill-switch trip --only-user bob --for 3600 \"runaway script\"
  nexus kill-switch rearm";

/// `nexus kill-switch`.
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub(crate) enum KillSwitchCommand {
    /// Show the tripped kill switches, with their time and reason, in order of scope
    Status {
        #[command(flatten)]
        page: PageArgs<ALL>,
    },
    /// Trip the kill switch: refuse calls to models
    #[command(after_long_help = EXAMPLES)]
    Trip {
        /// Reason, which `nexus kill-switch status` shows
        reason: String,
        #[command(flatten)]
        scope: ScopeArgs,
        /// Duration [default: until it is rearmed]
        #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
        lasts: Option<u32>,
    },
    /// Rearm the kill switch: admit calls to models again
    #[command(after_long_help = EXAMPLES)]
    Rearm {
        #[command(flatten)]
        scope: ScopeArgs,
    },
}

/// Scope of a kill switch: the tenant by default.
#[derive(Debug, Args)]
pub(crate) struct ScopeArgs {
    /// Every tenant
    #[arg(long, conflicts_with = "only_user")]
    everything: bool,
    /// One user of the tenant
    #[arg(long, value_name = "ID")]
    only_user: Option<String>,
}

impl ScopeArgs {
    /// Returns the scope for a caller of `tenant`.
    fn of(&self, tenant: &str) -> KillSwitchScope {
        match (&self.only_user, self.everything) {
            (Some(user), _) => KillSwitchScope::User(user.clone()),
            (None, true) => KillSwitchScope::Global,
            (None, false) => KillSwitchScope::Tenant(tenant.to_owned()),
        }
    }
}

pub(super) async fn run(context: &Context<'_>, command: KillSwitchCommand) -> Result<Exit> {
    let tenant = context.caller.tenant_id();
    match command {
        KillSwitchCommand::Status { page } => {
            let read = async |OpenStore { nexus, .. }: &OpenStore| {
                let read = |page| nexus.kill_switches(&context.caller, page);
                page.read(read, |_, kill_switch| kill_switch.scope.key()).await
            };
            let tripped = context.with_reader(read).await?;
            status(context, &tripped.entries)?;
            tripped.tell(context.output);
            Ok(Exit::Done)
        }
        KillSwitchCommand::Trip { reason, scope, lasts } => {
            let (scope, lasts) = (scope.of(tenant), lasts.map(|seconds| Duration::from_secs(seconds.into())));
            let trip = async |OpenStore { nexus, .. }: &OpenStore| {
                let kill_switch = nexus.trip(&context.caller, scope.clone(), &reason, lasts).await?;
                // A tripped switch refuses the embeddings of jobs, which would fail.
                left_jobs::tell_of_rest(context, nexus).await;
                Ok(kill_switch)
            };
            let kill_switch = context.with_writer_no_jobs_or_create(trip).await?;
            status(context, &[kill_switch])
        }
        KillSwitchCommand::Rearm { scope } => {
            let scope = scope.of(tenant);
            let rearm =
                async |OpenStore { nexus, .. }: &OpenStore| nexus.rearm(&context.caller, &scope).await;
            if !context.with_writer(rearm).await? {
                return Err(Error::not_found(format!("the kill switch of {} is not tripped", named(&scope)))
                    .with_code("KILL_SWITCH_NOT_SET")
                    .with_hint("`nexus kill-switch status` lists the tripped ones"));
            }
            if context.output.is_json() {
                context.output.json(&json!({ "rearmed": scope }))?;
            } else {
                context.output.line(format_args!("{} may call models again", named(&scope)))?;
            }
            Ok(Exit::Done)
        }
    }
}

fn named(scope: &KillSwitchScope) -> String {
    match scope {
        KillSwitchScope::Global => "every tenant".to_owned(),
        KillSwitchScope::Tenant(tenant) => format!("the tenant {tenant}"),
        KillSwitchScope::User(user) => format!("the user {user}"),
    }
}

fn status(context: &Context<'_>, tripped: &[KillSwitch]) -> Result<Exit> {
    let output = context.output;
    if output.is_json() {
        output.json(&tripped)?;
        return Ok(Exit::Done);
    }
    if tripped.is_empty() {
        output.line("no kill switch is tripped")?;
    }
    for kill_switch in tripped {
        let until = kill_switch
            .until
            .map_or_else(|| "until it is rearmed".to_owned(), |until| format!("until {until}"));
        output.line(format_args!("{} since {}, {until}", kill_switch.sentence(), kill_switch.since))?;
        if let KillSwitchCause::Switch { reason } = &kill_switch.cause {
            output.line(format_args!("reason: {reason}"))?;
        }
    }
    Ok(Exit::Done)
}
