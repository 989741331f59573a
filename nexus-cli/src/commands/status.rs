//! `nexus status`.

use nexus_core::{Result, Status};
use serde_json::json;

use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::output::Output;
use crate::terminal::count;

pub(super) async fn run(context: &Context<'_>) -> Result<Exit> {
    let status =
        context.with_reader(async |OpenStore { nexus, .. }| nexus.status(&context.caller).await).await?;
    if context.output.is_json() {
        let caller = json!({
            "tenant": context.caller.tenant_id(),
            "user": context.caller.subject(),
            "roles": context.caller.role_names().collect::<Vec<_>>(),
            "groups": context.caller.group_names().collect::<Vec<_>>(),
        });
        context
            .output
            .json(&json!({ "status": status, "principal": caller, "configuration": context.config_dir }))?;
    } else {
        print(context, context.output, &status)?;
    }
    Ok(Exit::Done)
}

fn print(context: &Context<'_>, output: &Output, status: &Status) -> Result<()> {
    let held = &status.store;
    let caller = &context.caller;
    let roles: Vec<&str> = caller.role_names().collect();
    let vectors =
        held.vectors.iter().map(|(model, number)| format!("{} by {model}", count(*number, "vector")));
    let vectors = vectors.fold(String::new(), |all, some| format!("{all}, {some}"));
    let outdated = match status.documents_outdated {
        0 => String::new(),
        number => format!(", {number} outdated (`nexus docs reindex --outdated`)"),
    };
    let documents = format!(
        "{}, {} being ingested, {} failed{outdated}; {}{vectors}",
        held.documents,
        held.documents_in_flight,
        held.documents_failed,
        count(held.passages, "passage"),
    );
    let more = if held.is_longer { " or more" } else { "" };
    let records = held.audit_records.map(|records| format!("{records}{more}, ")).unwrap_or_default();
    let rows = [
        ("version", status.version.to_owned()),
        ("store", held.store.clone()),
        ("you", format!("{} of the tenant {}, {}", caller.subject(), caller.tenant_id(), roles.join(", "))),
        ("answers", format!("{} {}", status.llm_provider, status.llm_model)),
        ("search", search(status)),
        ("corpora", held.corpora.to_string()),
        ("documents", documents),
        ("runs", format!("{}{more}, {} not over", held.runs, held.runs_unfinished)),
        ("records", format!("{records}signed with the key {}", status.audit_key)),
        ("policy", status.policy_version.clone()),
        ("settings", context.config_dir.display().to_string()),
    ];
    rows.iter().try_for_each(|(name, value)| output.line(format_args!("{name:<10} {value}")))
}

fn search(status: &Status) -> String {
    match (&status.embedding_model, status.embedding_is_semantic) {
        (None, _) => "lexical: no embedder is configured, so words and their stems are compared, not meaning"
            .to_owned(),
        (Some(model), true) => format!("{}: words, and meaning by {model}", status.search_mode),
        (Some(model), false) => {
            format!("{}: words, and vectors by {model}, which does not model meaning", status.search_mode)
        }
    }
}
