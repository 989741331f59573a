//! Ingestion jobs that a stopped process left: the next command that owns the store finishes them.

use nexus_core::ingest::JobCounts;
use nexus_core::{Nexus, Result};
use tokio::sync::oneshot;

use crate::context::Context;
use crate::terminal::count;

/// Hint for documents that failed.
const FAILED: &str = "`nexus docs list --status failed` lists them, and `nexus docs show` gives the reason";

/// Finishes the jobs before the work of a command. After an interrupt, jobs in progress are finished and no further one
/// begins.
pub(crate) async fn before(context: &Context<'_>, nexus: &Nexus) -> Result<JobCounts> {
    let mut listener = context.interrupts.listen();
    let counts = nexus.run_pending_jobs().until(listener.interrupted()).await?;
    tell(context, counts);
    if listener.was_interrupted() {
        tell_of_rest(context, nexus).await;
    }
    Ok(counts)
}

/// Runs `work`, and the jobs beside it. They outlast the work unless it fails or an interrupt comes; then jobs in
/// progress are finished and no further one begins.
pub(crate) async fn beside<T>(
    context: &Context<'_>,
    nexus: &Nexus,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let (ended, work_ended) = oneshot::channel();
    let work = async {
        let done = work.await;
        // The jobs may be over already.
        let _ = ended.send(done.is_ok());
        done
    };
    let stop = async {
        if work_ended.await == Ok(true) {
            tell_of_wait(context, nexus).await;
            context.interrupts.listen().interrupted().await;
        }
    };
    let (done, counts) = futures::join!(work, nexus.run_pending_jobs().until(stop));
    match counts {
        Ok(counts) => {
            tell(context, counts);
            if counts.all() > 0 {
                tell_of_rest(context, nexus).await;
            }
        }
        Err(error) => {
            let message = format_args!("cannot finish documents of an earlier command: {}", error.message());
            context.output.warning(message, "the next command that writes tries again");
        }
    }
    done
}

/// Reports jobs that ended, failures apart.
fn tell(context: &Context<'_>, counts: JobCounts) {
    let JobCounts { succeeded, failed } = counts;
    if succeeded > 0 {
        context
            .output
            .note(format_args!("finished {} left by an earlier command", count(succeeded, "document")));
    }
    if failed > 0 {
        let documents = count(failed, "document");
        context.output.warning(format_args!("{documents} left by an earlier command failed"), FAILED);
    }
}

/// Reports that the command waits for jobs.
async fn tell_of_wait(context: &Context<'_>, nexus: &Nexus) {
    if let Some(documents) = in_flight(context, nexus).await {
        context.output.note(format_args!("finishing {documents} left by an earlier command"));
    }
}

/// Reports the documents that are left to the next command.
pub(crate) async fn tell_of_rest(context: &Context<'_>, nexus: &Nexus) {
    if let Some(documents) = in_flight(context, nexus).await {
        context
            .output
            .note(format_args!("{documents} left to the next command that writes, such as `nexus ask`"));
    }
}

/// Returns the number of documents in flight that the caller may see, in words; `None` if there is none, or the caller
/// may not read the status.
async fn in_flight(context: &Context<'_>, nexus: &Nexus) -> Option<String> {
    let status = nexus.status(&context.caller).await.ok()?;
    let documents = status.store.documents_in_flight;
    (documents > 0).then(|| count(documents, "document"))
}
