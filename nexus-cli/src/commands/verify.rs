//! `nexus runs verify`.

use nexus_core::audit::{Status, Verification};
use nexus_core::{Nexus, Result};
use serde::Serialize;

use crate::args::Verify;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::count;

/// Number of chains per page.
const PAGE: usize = 1_000;

/// Verdict on all chains of a tenant.
#[derive(Debug, Default, Serialize)]
struct Summary {
    chains: u64,
    ok: u64,
    open: u64,
    records: u64,
    unsound: Vec<Verification>,
}

impl Summary {
    fn add(&mut self, verification: Verification) {
        self.chains += 1;
        self.records += verification.entries;
        match verification.status {
            Status::Ok => self.ok += 1,
            Status::Open => self.open += 1,
            Status::Unverifiable
            | Status::Noncanonical
            | Status::Tampered
            | Status::Reordered
            | Status::Forked
            | Status::Truncated => self.unsound.push(verification),
        }
    }
}

pub(super) async fn run(context: &Context<'_>, verify: Verify) -> Result<Exit> {
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
        let left = verification.not_checked.iter();
        left.clone().try_for_each(|what| context.output.line(format_args!("  not checked: {what}")))?;
    }
    Ok(if verification.status.is_sound() { Exit::Done } else { Exit::Unverified })
}

fn verdict(verification: &Verification) -> String {
    let records = count(verification.entries, "record");
    let what = match (verification.reason, verification.first_bad) {
        (Some(reason), Some(seq)) => format!(": record {seq}: {reason}"),
        (Some(reason), None) => format!(": {reason}"),
        (None, _) => String::new(),
    };
    format!("{} {}, {records}{what}", verification.run, verification.status.as_str())
}

async fn all(context: &Context<'_>, nexus: &Nexus) -> Result<Exit> {
    let (mut summary, mut after) = (Summary::default(), None);
    loop {
        let chains = nexus.chains(&context.caller, after, PAGE).await?;
        for chain in &chains {
            summary.add(nexus.verify(&context.caller, chain, None).await?);
        }
        after = chains.last().cloned();
        if after.is_none() {
            break;
        }
    }
    if context.output.is_json() {
        context.output.json(&summary)?;
    } else {
        summary.unsound.iter().try_for_each(|verification| context.output.line(verdict(verification)))?;
        let Summary { chains, ok, open, records, unsound } = &summary;
        let (chains, records) = (count(*chains, "chain"), count(*records, "record"));
        let bad = unsound.len();
        context.output.line(format_args!("{chains}, {records}: {ok} ok, {open} open, {bad} not sound"))?;
    }
    Ok(if summary.unsound.is_empty() { Exit::Done } else { Exit::Unverified })
}
