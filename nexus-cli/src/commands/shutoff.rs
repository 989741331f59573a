//! `nexus shutoff`.

use std::time::Duration;

use nexus_core::ledger::{Stop, StopCause, StopScope};
use nexus_core::{Error, Result};
use serde_json::json;

use crate::args::Shutoff;
use crate::context::{Context, Opened};
use crate::exit::Exit;

pub(super) async fn run(context: &Context<'_>, command: Shutoff) -> Result<Exit> {
    let tenant = context.who.tenant().as_str();
    match command {
        Shutoff::Status => {
            let stops = context.read(async |Opened { nexus, .. }| nexus.stops(&context.who).await).await?;
            status(context, &stops)
        }
        Shutoff::Trip { reason, what, lasts } => {
            let (scope, lasts) =
                (what.scope(tenant), lasts.map(|seconds| Duration::from_secs(seconds.into())));
            let trip = async |Opened { nexus, .. }: &Opened| {
                nexus.trip(&context.who, scope.clone(), &reason, lasts).await
            };
            let stop = context.own_or_make(trip).await?;
            status(context, &[stop])
        }
        Shutoff::Rearm { what } => {
            let scope = what.scope(tenant);
            let rearm = async |Opened { nexus, .. }: &Opened| nexus.rearm(&context.who, &scope).await;
            if !context.own(rearm).await? {
                return Err(Error::not_found(format!("{} was not shut off", named(&scope)))
                    .code("NOT_SHUT_OFF")
                    .hint("`nexus shutoff status` says what is"));
            }
            if context.output.is_json() {
                context.output.document(&json!({ "rearmed": scope }))?;
            } else {
                context.output.line(format_args!("{} may call models again", named(&scope)))?;
            }
            Ok(Exit::Done)
        }
    }
}

fn named(scope: &StopScope) -> String {
    match scope {
        StopScope::Global => "every tenant".to_owned(),
        StopScope::Tenant(tenant) => format!("the tenant {tenant}"),
        StopScope::User(user) => format!("the user {user}"),
    }
}

fn status(context: &Context<'_>, stops: &[Stop]) -> Result<Exit> {
    let output = context.output;
    if output.is_json() {
        output.document(&stops)?;
        return Ok(Exit::Done);
    }
    if stops.is_empty() {
        output.line("nothing is shut off")?;
    }
    for stop in stops {
        let until =
            stop.until.map_or_else(|| "until it is rearmed".to_owned(), |until| format!("until {until}"));
        output.line(format_args!("{} since {}, {until}", stop.sentence(), stop.since))?;
        if let StopCause::Switch { reason } = &stop.cause {
            output.line(format_args!("reason: {reason}"))?;
        }
    }
    Ok(Exit::Done)
}
