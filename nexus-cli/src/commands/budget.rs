//! `nexus budget`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use nexus_core::quota::{Cap, Limit, LimitKey, LimitMode, Meter, ScopeKind, Window};
use nexus_core::{Error, LimitStatus, NanoUsd, Result};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::pages::{ALL, Listed, PageArgs};
use super::removal::{Removal, Target, may_go_on};
use super::table::Table;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;

const EXAMPLES: &str = "\
A limit that is set here overrides the configuration's until it is removed. 0 allows nothing; `unlimited` allows \
everything. With `--id` it replaces the limit of each for this one, higher or lower.

Examples:
  nexus budget show
  nexus budget set --scope user --per month --usd 10
  nexus budget set --scope user --id bob --per month --usd 50      # bob alone, instead of the limit above
  nexus budget set --scope tenant --per month --usd 500 --shadow   # record, but do not refuse
  nexus budget rm --scope user --per month";

/// `nexus budget`.
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub(crate) enum BudgetCommand {
    /// Show the effective limits, and how much of them is used
    Show {
        /// User whose counters to show [default: yours]
        #[arg(long, value_name = "USER")]
        of: Option<String>,
        #[command(flatten)]
        page: PageArgs<ALL>,
    },
    /// Set a limit of the tenant
    #[command(after_long_help = EXAMPLES)]
    Set(LimitSet),
    /// Remove a limit that was set
    #[command(name = "rm", after_long_help = EXAMPLES)]
    Remove {
        #[command(flatten)]
        of: LimitOf,
        #[command(flatten)]
        removal: Removal,
    },
}

/// Limit to set.
#[derive(Debug, Args)]
pub(crate) struct LimitSet {
    #[command(flatten)]
    of: LimitOf,
    /// Cap in dollars, or `unlimited`
    #[arg(long, conflicts_with_all = ["cap", "meter"], required_unless_present = "cap")]
    usd: Option<String>,
    /// Cap of another meter; -1 is unlimited
    #[arg(long, value_name = "N", requires = "meter", allow_negative_numbers = true)]
    cap: Option<i64>,
    /// Record refusals without enforcing them
    #[arg(long)]
    shadow: bool,
}

/// Scope, model, window and meter of a limit.
#[derive(Debug, Args)]
pub(crate) struct LimitOf {
    /// Scope whose consumption is counted
    #[arg(long, value_parser = scopes())]
    scope: String,
    /// Id within the scope [default: a limit for each]
    #[arg(long)]
    id: Option<String>,
    /// Model [default: all models together]
    #[arg(long)]
    model: Option<String>,
    /// Window: minute, hour, day, month, total, or seconds such as 90s
    #[arg(long, value_name = "WINDOW")]
    per: Window,
    /// Meter, if not money
    #[arg(long, value_parser = PossibleValuesParser::new(["calls", "tokens", "cost_units"]))]
    meter: Option<String>,
}

impl LimitOf {
    /// Returns the scope.
    fn scope(&self) -> Option<ScopeKind> {
        word(&self.scope)
    }

    /// Returns the meter.
    fn meter(&self) -> Option<Meter> {
        self.meter.as_deref().map_or(Some(Meter::Money), word)
    }
}

fn scopes() -> PossibleValuesParser {
    let all = [
        ScopeKind::Tenant,
        ScopeKind::Organisation,
        ScopeKind::User,
        ScopeKind::Investigation,
        ScopeKind::Run,
    ];
    PossibleValuesParser::new(all.map(ScopeKind::as_str))
}

/// Parses a variant by its JSON name.
fn word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

pub(super) async fn run(context: &Context<'_>, command: BudgetCommand) -> Result<Exit> {
    match command {
        BudgetCommand::Show { of: user, page } => {
            let limits = async |OpenStore { nexus, .. }: &OpenStore| {
                let read = |page| nexus.limits(&context.caller, user.as_deref(), page);
                page.read(read, |_, limit| limit.key()).await
            };
            show(context, &context.with_reader(limits).await?)
        }
        BudgetCommand::Set(set) => {
            let limit = limit(&set)?;
            context
                .with_writer_or_create(async |OpenStore { nexus, .. }| {
                    nexus.set_limit(&context.caller, &limit).await
                })
                .await?;
            let line = format!("set to {}", amount(&limit.subject, limit.cap));
            context.output.json_or_line(&json!({ "set": limit }), line)?;
            Ok(Exit::Done)
        }
        BudgetCommand::Remove { of, removal } => {
            let subject = subject(&of)?;
            let targets = async |OpenStore { nexus, .. }: &OpenStore| {
                let found =
                    nexus.removable_limit(&context.caller, &subject).await?.ok_or_else(no_such_limit)?;
                let words = described(&found, context.caller.tenant_id());
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
            let line = "removed; the limit of the configuration applies again";
            context.output.json_or_line(&json!({ "removed": subject }), line)?;
            Ok(Exit::Done)
        }
    }
}

fn no_such_limit() -> Error {
    Error::not_found("no such limit was set")
        .with_code("LIMIT_NOT_FOUND")
        .with_hint("`nexus budget show` lists limits; change those of the configuration in `nexus.toml`")
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

fn show(context: &Context<'_>, limits: &Listed<LimitStatus>) -> Result<Exit> {
    if context.output.is_json() {
        context.output.json(&limits.entries)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["SCOPE", "COUNTED FOR", "MODEL", "PER", "CAP", "USED", "ENDS", "MODE"]);
    for LimitStatus { limit, counted_for, used, resets_at, .. } in &limits.entries {
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
    limits.tell(context.output);
    Ok(Exit::Done)
}
