//! `nexus budget`.

use nexus_core::quota::{Cap, Limit, LimitKey, LimitMode, Meter, ScopeKind, Window};
use nexus_core::{Error, LimitStatus, NanoUsd, Result};
use serde_json::json;

use super::removal::{Target, may_go_on};
use super::table::Table;
use crate::args::{Budget, LimitOf, LimitSet};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;

pub(super) async fn run(context: &Context<'_>, command: Budget) -> Result<Exit> {
    match command {
        Budget::Show { of: user } => {
            let limits = async |OpenStore { nexus, .. }: &OpenStore| {
                nexus.limits(&context.caller, user.as_deref()).await
            };
            show(context, &context.with_reader(limits).await?)
        }
        Budget::Set(set) => {
            let limit = limit(&set)?;
            context
                .with_writer_or_create(async |OpenStore { nexus, .. }| {
                    nexus.set_limit(&context.caller, &limit).await
                })
                .await?;
            report(
                context,
                &json!({ "set": limit }),
                &format!("set to {}", amount(&limit.subject, limit.cap)),
            )
        }
        Budget::Remove { of, removal } => {
            let subject = subject(&of)?;
            let targets = async |OpenStore { nexus, .. }: &OpenStore| {
                let found =
                    nexus.removable_limit(&context.caller, &subject).await?.ok_or_else(no_such_limit)?;
                let words = described(&found, context.caller.tenant().as_str());
                Ok(vec![Target { words, json: json!({ "limit": found }) }])
            };
            if !may_go_on(context, removal, targets).await? {
                return Ok(Exit::Done);
            }
            let remove = async |OpenStore { nexus, .. }: &OpenStore| {
                nexus.remove_limit(&context.caller, &subject).await
            };
            if !context.with_writer(remove).await? {
                return Err(no_such_limit());
            }
            report(
                context,
                &json!({ "removed": subject }),
                "removed; the limit of the configuration applies again",
            )
        }
    }
}

fn no_such_limit() -> Error {
    Error::not_found("no such limit was set")
        .code("LIMIT_NOT_FOUND")
        .hint("`nexus budget show` lists limits; change those of the configuration in `nexus.toml`")
}

fn subject(of: &LimitOf) -> Result<LimitKey> {
    let unknown = || Error::unexpected("cannot parse the scope or meter of the limit");
    Ok(LimitKey {
        scope: of.scope().ok_or_else(unknown)?,
        id: of.id.clone(),
        model: of.model.clone(),
        meter: of.meter().ok_or_else(unknown)?,
        window: of.per,
    })
}

fn limit(set: &LimitSet) -> Result<Limit> {
    let cap = match (&set.usd, set.cap) {
        (Some(usd), _) if usd == "unlimited" => Cap::Unlimited,
        (Some(usd), _) => Cap::money(NanoUsd::parse_usd(usd)?),
        (None, Some(cap)) => Cap::try_from(cap)?,
        (None, None) => return Err(Error::invalid("a limit needs `--usd`, or `--meter` and `--cap`")),
    };
    let mode = if set.shadow { LimitMode::Shadow } else { LimitMode::Enforce };
    Ok(Limit { subject: subject(&set.of)?, cap, mode })
}

/// Describes a limit by its scope, window, model and mode, for the tenant `tenant`.
fn described(limit: &Limit, tenant: &str) -> String {
    let LimitKey { scope, id, model, meter, window } = &limit.subject;
    let cap = match (limit.cap, meter) {
        (Cap::Limited(cap), _) => number(&limit.subject, cap),
        (Cap::Unlimited, Meter::Money) => "unlimited USD".to_owned(),
        (Cap::Unlimited, Meter::Calls) => "unlimited calls".to_owned(),
        (Cap::Unlimited, Meter::Tokens) => "unlimited tokens".to_owned(),
        (Cap::Unlimited, Meter::CostUnits) => "unlimited units".to_owned(),
    };
    let per = if *window == Window::Total { "in all".to_owned() } else { format!("per {window}") };
    let whose = match (id, scope) {
        (Some(id), _) => format!("the {scope} {id}"),
        (None, ScopeKind::Tenant) => format!("the tenant {tenant}"),
        (None, _) => format!("each {scope}"),
    };
    let model = model.as_ref().map_or_else(String::new, |model| format!(", for the model {model}"));
    let mode = if limit.mode == LimitMode::Shadow { ", which is only recorded" } else { "" };
    format!("the limit of {cap} {per} of {whose}{model}{mode}")
}

/// Formats a cap in the unit of its meter.
fn amount(subject: &LimitKey, cap: Cap) -> String {
    match cap {
        Cap::Unlimited => "unlimited".to_owned(),
        Cap::Limited(cap) => number(subject, cap),
    }
}

fn number(subject: &LimitKey, number: u64) -> String {
    match subject.meter {
        Meter::Money => usd(NanoUsd::from_nanos(i64::try_from(number).unwrap_or(i64::MAX))),
        Meter::Calls => format!("{number} calls"),
        Meter::Tokens => format!("{number} tokens"),
        Meter::CostUnits => format!("{number} units"),
    }
}

fn show(context: &Context<'_>, limits: &[LimitStatus]) -> Result<Exit> {
    if context.output.is_json() {
        context.output.json(&limits)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["SCOPE", "COUNTED FOR", "MODEL", "PER", "CAP", "USED", "ENDS", "MODE"]);
    for LimitStatus { limit, counted_for, used, resets_at, .. } in limits {
        let subject = &limit.subject;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([
            subject.scope.to_string(),
            or_dash(counted_for.clone()),
            subject.model.clone().unwrap_or_else(|| "all".to_owned()),
            subject.window.to_string(),
            amount(subject, limit.cap),
            or_dash(used.map(|used| number(subject, used))),
            or_dash(resets_at.map(|at| at.to_string())),
            match limit.mode {
                LimitMode::Enforce => "enforced".to_owned(),
                LimitMode::Shadow => "only recorded".to_owned(),
            },
        ]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    Ok(Exit::Done)
}

fn report(context: &Context<'_>, json: &serde_json::Value, line: &str) -> Result<Exit> {
    let output = context.output;
    let said = if output.is_json() { output.json(json) } else { output.line(line) };
    said.map(|()| Exit::Done)
}
