//! `nexus ledger reconcile`.

use nexus_core::Result;

use crate::args::Reconcile;
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::terminal::usd;

pub(super) async fn run(context: &Context<'_>, what: &Reconcile) -> Result<Exit> {
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
