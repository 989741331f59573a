//! `nexus ledger reconcile`.

use clap::{ArgGroup, Args};
use nexus_core::ledger::VendorBill;
use nexus_core::{NanoUsd, Result, Usage};

use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;

pub(super) const ABOUT: &str = "\
Corrects the estimated charge of an attempt, such as one of unknown outcome, to the amount of the vendor's bill. The \
entry stays; another one with the difference is added, on the same day. Budgets and sums follow. A correction can be \
corrected again.";

/// Attempt, and the amounts of the vendor's bill for it.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("bill").required(true).args(["not_billed", "input_tokens", "cost"]))]
pub(crate) struct ReconcileArgs {
    /// The call's id, as `nexus ledger list` shows it
    call: String,
    /// Which attempt of the call [default: the one that was estimated]
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// The vendor did not bill it
    #[arg(long)]
    not_billed: bool,
    /// The vendor billed so many tokens of the prompt
    #[arg(long, value_name = "N", requires = "output_tokens")]
    input_tokens: Option<u64>,
    /// And so many of the answer
    #[arg(long, value_name = "N", requires = "input_tokens")]
    output_tokens: Option<u64>,
    /// The vendor billed so much money
    #[arg(long, value_name = "USD", value_parser = NanoUsd::parse_usd)]
    cost: Option<NanoUsd>,
    /// Why, for those who read the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl ReconcileArgs {
    /// Returns the vendor's bill.
    fn bill(&self) -> VendorBill {
        let tokens = self.input_tokens.zip(self.output_tokens);
        let usage = tokens.map(|(input_uncached, output_text)| {
            VendorBill::Usage(Usage { input_uncached, output_text, ..Usage::default() })
        });
        self.cost.map(VendorBill::Money).or(usage).unwrap_or(VendorBill::Nothing)
    }
}

pub(super) async fn run(context: &Context<'_>, what: &ReconcileArgs) -> Result<Exit> {
    let bill = what.bill();
    let reconcile = async |OpenStore { nexus, .. }: &OpenStore| {
        nexus.reconcile(&context.caller, &what.call, what.attempt, bill, &what.reason).await
    };
    let line = context.with_writer(reconcile).await?;
    if context.output.is_json() {
        context.output.json(&line)?;
        return Ok(Exit::Done);
    }
    let before = line.correction.as_ref().map(|correction| correction.charged_before.money);
    let before = before.map(|money| format!(", was {}", usd(money))).unwrap_or_default();
    context.output.line(format_args!(
        "attempt {} of {} now costs {}{before}; the correction is ledger entry {}",
        line.attempt,
        line.call,
        usd(line.charged.money),
        line.seq,
    ))?;
    Ok(Exit::Done)
}
