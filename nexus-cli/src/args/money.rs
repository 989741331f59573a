//! `nexus usage`, `nexus pricing`, `nexus budget` and `nexus shutoff`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use nexus_core::ledger::{KillSwitchScope, UsageBy};
use nexus_core::quota::{Meter, ScopeKind, Window};
use nexus_core::{NanoUsd, Timestamp};
use serde::de::DeserializeOwned;

use super::Removal;

const EXAMPLES_USAGE: &str = "\
Examples:
  nexus usage                                   # this month, by user
  nexus usage --by model --day 2026-03-01
  nexus usage --by org --month 2026-03 --json
  nexus usage --by tenant --from 2026-01-01 --to 2026-03-31";

const EXAMPLES_PRICING: &str = "\
Prices are dollars for a million tokens. A price is never changed: a later one replaces it from its own time on, and \
earlier charges stay.

Examples:
  nexus pricing list --provider openai
  nexus pricing set --provider openai --model gpt-4o --input 2.50 --output 10 --cache-read 1.25";

const EXAMPLES_BUDGET: &str = "\
A limit that is set here overrides the configuration's until it is removed. 0 allows nothing; `unlimited` allows \
everything.

Examples:
  nexus budget show
  nexus budget set --scope user --per month --usd 10
  nexus budget set --scope user --id bob --per day --meter calls --cap 100
  nexus budget set --scope tenant --per month --usd 500 --shadow   # record, but do not refuse
  nexus budget rm --scope user --per month";

const EXAMPLES_SHUTOFF: &str = "\
Calls in flight finish; no call begins until the scope is rearmed.

Examples:
  nexus shutoff status
  nexus shutoff trip \"invoice looks wrong\"
  nexus shutoff trip --only-user bob --for 3600 \"runaway script\"
  nexus shutoff rearm";

/// Sum up consumption
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES_USAGE)]
pub(crate) struct Usage {
    /// Key to sum by; without the role admin only your own sum by user
    #[arg(long, value_enum, default_value_t = By::User)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) period: Period,
}

/// Key of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Tenant,
    Org,
    User,
    Model,
}

impl From<By> for UsageBy {
    fn from(by: By) -> Self {
        match by {
            By::Tenant => Self::Tenant,
            By::Org => Self::Organisation,
            By::User => Self::User,
            By::Model => Self::Model,
        }
    }
}

/// Range of days.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which days [default: this month]")]
pub(crate) struct Period {
    /// One day, as 2026-03-01
    #[arg(long, conflicts_with_all = ["month", "from", "to"])]
    pub(crate) day: Option<String>,
    /// One month, as 2026-03
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub(crate) month: Option<String>,
    /// From this day on
    #[arg(long, value_name = "DAY", requires = "to")]
    pub(crate) from: Option<String>,
    /// Up to and including this day
    #[arg(long, value_name = "DAY", requires = "from")]
    pub(crate) to: Option<String>,
}

/// `nexus pricing`.
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES_PRICING)]
pub(crate) enum Pricing {
    /// List current and future prices
    List {
        /// Only those of this type of provider
        #[arg(long)]
        provider: Option<String>,
        /// Only those of this model
        #[arg(long)]
        model: Option<String>,
    },
    /// Add a price, for every tenant
    #[command(after_long_help = EXAMPLES_PRICING)]
    Set(Box<PriceSet>),
}

/// Price to add.
#[derive(Debug, Args)]
pub(crate) struct PriceSet {
    /// The type of the provider, or the name of one that is `openai_compatible`
    #[arg(long)]
    pub(crate) provider: String,
    /// The model, or `*` for any of the provider
    #[arg(long)]
    pub(crate) model: String,
    /// Prompt tokens
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    pub(crate) input: NanoUsd,
    /// Tokens of the answer
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    pub(crate) output: NanoUsd,
    /// Prompt tokens read from the vendor's cache [default: as input]
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    pub(crate) cache_read: Option<NanoUsd>,
    /// Prompt tokens written to the vendor's cache for minutes [default: as input]
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    pub(crate) cache_write_5m: Option<NanoUsd>,
    /// Prompt tokens written to the vendor's cache for an hour [default: as for minutes]
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    pub(crate) cache_write_1h: Option<NanoUsd>,
    /// Tokens of thinking [default: as output]
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    pub(crate) reasoning: Option<NanoUsd>,
    /// Time from which it applies, as 2026-03-01T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// Source of the price, as records show it [default: the current day]
    #[arg(long, value_name = "NAME")]
    pub(crate) price_version: Option<String>,
}

/// `nexus budget`.
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES_BUDGET)]
pub(crate) enum Budget {
    /// Show the effective limits, and how much of them is used
    Show {
        /// User whose counters to show [default: yours]
        #[arg(long, value_name = "USER")]
        of: Option<String>,
    },
    /// Set a limit of the tenant
    #[command(after_long_help = EXAMPLES_BUDGET)]
    Set(LimitSet),
    /// Remove a limit that was set
    #[command(name = "rm", after_long_help = EXAMPLES_BUDGET)]
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
    pub(crate) of: LimitOf,
    /// Cap in dollars, or `unlimited`
    #[arg(long, conflicts_with_all = ["cap", "meter"], required_unless_present = "cap")]
    pub(crate) usd: Option<String>,
    /// Cap of another meter; -1 is unlimited
    #[arg(long, value_name = "N", requires = "meter", allow_negative_numbers = true)]
    pub(crate) cap: Option<i64>,
    /// Record refusals without enforcing them
    #[arg(long)]
    pub(crate) shadow: bool,
}

/// Scope, model, window and meter of a limit.
#[derive(Debug, Args)]
pub(crate) struct LimitOf {
    /// Scope whose consumption is counted
    #[arg(long, value_parser = scopes())]
    pub(crate) scope: String,
    /// Id within the scope [default: a limit for each]
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Model [default: all models together]
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Window: minute, hour, day, month, total, or seconds such as 90s
    #[arg(long, value_name = "WINDOW")]
    pub(crate) per: Window,
    /// Meter, if not money
    #[arg(long, value_parser = PossibleValuesParser::new(["calls", "tokens", "cost_units"]))]
    pub(crate) meter: Option<String>,
}

impl LimitOf {
    /// Returns the scope.
    pub(crate) fn scope(&self) -> Option<ScopeKind> {
        word(&self.scope)
    }

    /// Returns the meter.
    pub(crate) fn meter(&self) -> Option<Meter> {
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

/// `nexus shutoff`.
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES_SHUTOFF)]
pub(crate) enum Shutoff {
    /// Show the tripped kill switches, with their time and reason
    Status,
    /// Trip the kill switch: refuse calls to models
    #[command(after_long_help = EXAMPLES_SHUTOFF)]
    Trip {
        /// Reason, which `nexus shutoff status` shows
        reason: String,
        #[command(flatten)]
        what: Shut,
        /// Duration [default: until it is rearmed]
        #[arg(long = "for", value_name = "SECONDS")]
        lasts: Option<u32>,
    },
    /// Rearm the kill switch: admit calls to models again
    #[command(after_long_help = EXAMPLES_SHUTOFF)]
    Rearm {
        #[command(flatten)]
        what: Shut,
    },
}

/// Scope of a kill switch: the tenant by default.
#[derive(Debug, Args)]
pub(crate) struct Shut {
    /// Every tenant
    #[arg(long, conflicts_with = "only_user")]
    pub(crate) everything: bool,
    /// One user of the tenant
    #[arg(long, value_name = "ID")]
    pub(crate) only_user: Option<String>,
}

impl Shut {
    /// Returns the scope for a caller of `tenant`.
    pub(crate) fn scope(&self, tenant: &str) -> KillSwitchScope {
        match (&self.only_user, self.everything) {
            (Some(user), _) => KillSwitchScope::User(user.clone()),
            (None, true) => KillSwitchScope::Global,
            (None, false) => KillSwitchScope::Tenant(tenant.to_owned()),
        }
    }
}
