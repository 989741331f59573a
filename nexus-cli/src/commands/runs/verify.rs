//! `nexus runs verify`.

use clap::Args;
use nexus_core::audit::{Status, Verification};
use nexus_core::{Nexus, Result};
use serde::Serialize;

use super::super::pages::read_all;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::count;

const ABOUT: &str = "\
Verifies the signed records of a run, a call or an ingestion job: that no record was changed, added, moved or removed \
since it was written, that a key in your key ring signed it, and that the stored texts are those that it fingerprints.

`ok` means complete and unchanged; `open` means unchanged so far, because the run continues or its process died; \
`erased` means that texts were erased on purpose, as a further record tells. `content_changed` names the texts that differ. \
Everything else ends with exit code 6 and names the first record that is wrong. Works while another process uses the \
data directory.";

const EXAMPLES: &str = "\
Examples:
  nexus runs verify 0199c2a4-…
  nexus runs verify --all
  nexus runs verify --all --json | jq .unsound";

/// Check signed records
#[derive(Debug, Args)]
#[command(long_about = ABOUT, after_long_help = EXAMPLES)]
#[group(required = true, multiple = false)]
pub(crate) struct VerifyArgs {
    /// The run or job
    run: Option<String>,
    /// Check all records of the tenant, and its limits, ledger, runs, messages and documents against them
    #[arg(long)]
    all: bool,
}

/// Verdict on all chains of a tenant.
#[derive(Debug, Default, Serialize)]
struct Summary {
    chains: u64,
    ok: u64,
    open: u64,
    erased: u64,
    records: u64,
    /// Verdict on limits and corrections, for callers who see all of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<&'static str>,
    /// Number of stored objects without a record, and of documents that were removed without one, each of which `unsound`
    /// names, for the same callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmatched: Option<u64>,
    unsound: Vec<Verification>,
}

impl Summary {
    fn add(&mut self, verification: Verification) {
        self.chains += 1;
        self.records += verification.entries;
        match verification.status {
            Status::Ok => self.ok += 1,
            Status::Open => self.open += 1,
            Status::Erased => self.erased += 1,
            Status::Unverifiable
            | Status::Noncanonical
            | Status::Tampered
            | Status::Reordered
            | Status::Forked
            | Status::Truncated
            | Status::ContentChanged => self.unsound.push(verification),
        }
    }
}

pub(super) async fn run(context: &Context<'_>, verify: VerifyArgs) -> Result<Exit> {
    context
        .with_reader(async |OpenStore { nexus, .. }| match &verify.run {
            Some(run) => one(context, nexus, run).await,
            None => all(context, nexus).await,
        })
        .await
}

async fn one(context: &Context<'_>, nexus: &Nexus, run: &str) -> Result<Exit> {
    let verification = nexus.verify(&context.caller, run, None).await?;
    if context.output.is_json() {
        context.output.json(&verification)?;
    } else {
        context.output.line(verdict(&verification))?;
        for finding in &verification.content {
            let state = finding.state.as_str();
            context.output.line(format_args!("  {}: {state}", finding.content))?;
        }
        let left = verification.not_checked.iter();
        left.clone().try_for_each(|what| context.output.line(format_args!("  not checked: {what}")))?;
    }
    Ok(if verification.status.is_sound() { Exit::Done } else { Exit::Unverified })
}

fn verdict(verification: &Verification) -> String {
    let records = count(verification.entries, "record");
    let what = match (verification.reason, verification.first_bad) {
        (Some(reason), _) if !verification.content.is_empty() => {
            let content = verification.content.iter().map(|finding| finding.content).collect::<Vec<_>>();
            format!(": {reason}: {}", content.join(", "))
        }
        (Some(reason), Some(seq)) => format!(": record {seq}: {reason}"),
        (Some(reason), None) => format!(": {reason}"),
        (None, _) => String::new(),
    };
    format!("{} {}, {records}{what}", verification.run, verification.status.as_str())
}

/// Lists all chains before one is verified: where reads are recorded, each verification makes a further chain.
async fn chains(context: &Context<'_>, nexus: &Nexus) -> Result<Vec<String>> {
    let read = |page| nexus.chains(&context.caller, page);
    read_all(read, |_, chain| chain.clone()).await
}

async fn all(context: &Context<'_>, nexus: &Nexus) -> Result<Exit> {
    let mut summary = Summary::default();
    for chain in chains(context, nexus).await? {
        summary.add(nexus.verify(&context.caller, &chain, None).await?);
    }
    if let Some(settings) = nexus.verify_settings(&context.caller, None).await? {
        summary.settings = Some(settings.status.as_str());
        summary.unsound.extend(Some(settings).filter(|settings| !settings.status.is_sound()));
    }
    if let Some(unmatched) = nexus.verify_objects(&context.caller).await? {
        summary.unmatched = Some(unmatched.len() as u64);
        summary.unsound.extend(unmatched);
    }
    if context.output.is_json() {
        context.output.json(&summary)?;
    } else {
        summary.unsound.iter().try_for_each(|verification| context.output.line(verdict(verification)))?;
        let Summary { chains, ok, open, erased, records, unsound, .. } = &summary;
        let (chains, records) = (count(*chains, "chain"), count(*records, "record"));
        let bad = unsound.len();
        let erased = if *erased == 0 { String::new() } else { format!(", {erased} erased") };
        context
            .output
            .line(format_args!("{chains}, {records}: {ok} ok, {open} open{erased}, {bad} not sound"))?;
    }
    Ok(if summary.unsound.is_empty() { Exit::Done } else { Exit::Unverified })
}
