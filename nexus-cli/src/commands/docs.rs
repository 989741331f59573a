//! `nexus docs`.

use clap::Subcommand;
use nexus_core::access::{Grant, Grantee, Permission};
use nexus_core::document::store::DocumentQuery;
use nexus_core::document::{Document, DocumentStatus, Passage};
use nexus_core::{CorpusId, DocumentId, Error, GrantId, Nexus, Page, Result, Timestamp};
use serde_json::json;

use super::chunking::Chunking;
use super::pages::{ALL, Listed, PageArgs, read_all};
use super::removal::{Removal, Target, may_go_on};
use super::table::Table;
use super::{batch, warnings};
use crate::context::{Context, OpenStore};
use crate::exit::Exit;
use crate::left_jobs;
use crate::terminal::size;

const EXAMPLES_GRANT: &str = "\
Permissions: read, write (and read), delete, reindex, owner (all of them, and granting).

Examples:
  nexus docs grant handbook/leave.md role:reader read
  nexus docs grant handbook/leave.md user:ada owner
  nexus docs grant handbook/leave.md group:finance write --expires 2027-01-01T00:00:00Z";

const EXAMPLES_REVOKE: &str = "\
Examples:
  nexus docs revoke handbook/leave.md role:reader read
  nexus docs revoke handbook/leave.md 0199c2a4-…   # by the id that `nexus docs grants` shows";

#[derive(Debug, Subcommand)]
pub(crate) enum DocsCommand {
    /// List the documents that you may read, in order of id
    List {
        /// Only those of this corpus
        #[arg(long, short, value_name = "ID")]
        corpus: Option<CorpusId>,
        /// Only those of this status: queued, processing, succeeded, failed
        #[arg(long)]
        status: Option<DocumentStatus>,
        /// Only those with this label; may be repeated
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        /// Only those whose reader has changed since they were read; `reindex --outdated` reads them again
        #[arg(long)]
        outdated: bool,
        #[command(flatten)]
        page: PageArgs<ALL>,
    },
    /// Show a document, and with `--passages` its indexed text
    Show {
        /// The document
        document: DocumentId,
        /// Print its passages too
        #[arg(long)]
        passages: bool,
    },
    /// Remove a document with its passages and grants
    Rm {
        /// The documents
        #[arg(required = true, value_name = "DOCUMENT")]
        documents: Vec<DocumentId>,
        #[command(flatten)]
        removal: Removal,
    },
    /// Read and chunk documents again, from their raw bytes
    ///
    /// A document stays searchable with its old passages until the new ones are published. Records of earlier questions
    /// keep the hashes of the passages that they showed.
    Reindex {
        /// The documents
        #[arg(required_unless_present = "outdated", value_name = "DOCUMENT")]
        documents: Vec<DocumentId>,
        /// All documents whose reader has changed since they were read
        #[arg(long, conflicts_with = "documents")]
        outdated: bool,
        #[command(flatten)]
        chunking: Chunking,
    },
    /// List the permissions on a document, in order of creation
    Grants {
        /// The document
        document: DocumentId,
        #[command(flatten)]
        page: PageArgs<ALL>,
    },
    /// Grant a permission on a document
    #[command(after_long_help = EXAMPLES_GRANT)]
    Grant {
        /// The document
        document: DocumentId,
        /// Grantee: `role:NAME`, `user:ID`, `group:ID` or `api_key:ID`
        #[arg(value_name = "WHO")]
        grantee: Grantee,
        /// Permission: read, write, delete, reindex or owner
        permission: Permission,
        /// Time at which the grant expires [default: never]
        #[arg(long, value_name = "TIME")]
        expires: Option<Timestamp>,
    },
    /// Revoke a permission; takes effect with the next search
    #[command(after_long_help = EXAMPLES_REVOKE)]
    Revoke {
        /// The document
        document: DocumentId,
        /// Grantee as in `docs grant`, or the id of the grant as `docs grants` shows it
        #[arg(value_name = "WHO|GRANT")]
        of: String,
        /// Permission of the grantee
        permission: Option<Permission>,
        #[command(flatten)]
        removal: Removal,
    },
}

pub(super) async fn run(context: &Context<'_>, command: DocsCommand) -> Result<Exit> {
    match command {
        DocsCommand::List { corpus, status, tags, outdated, page } => {
            let query = DocumentQuery { corpus, status, tags, ..DocumentQuery::default() };
            let list = async |OpenStore { nexus, .. }: &OpenStore| {
                let documents = if outdated {
                    outdated_documents(context, nexus, &query, &page).await
                } else {
                    documents(context, nexus, &query, &page).await
                };
                list(context, &documents?)
            };
            context.with_reader(list).await
        }
        DocsCommand::Show { document, passages } => {
            context.with_reader(async |opened| show(context, opened, &document, passages).await).await
        }
        DocsCommand::Rm { documents, removal } => {
            let targets = async |opened: &OpenStore| targets(context, opened, &documents).await;
            if !may_go_on(context, removal, targets).await? {
                return Ok(Exit::Done);
            }
            context.with_writer_no_jobs(async |opened| remove(context, opened, &documents).await).await
        }
        DocsCommand::Reindex { documents, outdated, chunking } => {
            let chunking = chunking.config()?;
            let reindex = async |OpenStore { nexus, .. }: &OpenStore| {
                let documents = if outdated {
                    let (query, page) = (DocumentQuery::default(), PageArgs::default());
                    let found = outdated_documents(context, nexus, &query, &page).await?;
                    found.entries.into_iter().map(|document| document.id).collect()
                } else {
                    documents.clone()
                };
                Box::pin(batch::reindex(context, nexus, documents, chunking)).await
            };
            context.with_writer_no_jobs(reindex).await
        }
        DocsCommand::Grants { document, page } => {
            context.with_reader(async |opened| grants(context, opened, &document, &page).await).await
        }
        DocsCommand::Grant { document, grantee, permission, expires } => {
            let grant = async |OpenStore { nexus, .. }: &OpenStore| {
                nexus.grant(&context.caller, &document, grantee.clone(), permission, expires).await
            };
            granted(context, &context.with_writer(grant).await?)
        }
        DocsCommand::Revoke { document, of, permission, removal } => {
            let of = GrantName::parse(&of, permission)?;
            let targets = async |OpenStore { nexus, .. }: &OpenStore| {
                let grant = of.id(context, nexus, &document).await?;
                let found = nexus.removable_grant(&context.caller, &document, &grant).await?;
                let words = format!("the permission {} of {} on {document}", found.permission, found.grantee);
                Ok(vec![Target { words, json: json!({ "grant": found }) }])
            };
            if !may_go_on(context, removal, targets).await? {
                return Ok(Exit::Done);
            }
            let revoke = async |OpenStore { nexus, .. }: &OpenStore| {
                let grant = of.id(context, nexus, &document).await?;
                nexus.revoke(&context.caller, &document, &grant).await
            };
            granted(context, &context.with_writer(revoke).await?)
        }
    }
}

/// Name of a grant on a document: its id, or its grantee with the permission, of which there is one at most.
enum GrantName {
    Id(GrantId),
    Of(Grantee, Permission),
}

impl GrantName {
    fn parse(of: &str, permission: Option<Permission>) -> Result<Self> {
        match (permission, of.contains(':')) {
            (Some(permission), _) => Ok(Self::Of(of.parse()?, permission)),
            (None, false) => Ok(Self::Id(GrantId::parse(of)?)),
            (None, true) => Err(Error::invalid(format!("the permission of `{of}` to revoke is missing"))
                .with_code("PERMISSION_MISSING")
                .with_hint("add it, as in `nexus docs revoke DOCUMENT role:reader read`")),
        }
    }

    async fn id(&self, context: &Context<'_>, nexus: &Nexus, document: &DocumentId) -> Result<GrantId> {
        let (grantee, permission) = match self {
            Self::Id(id) => return Ok(id.clone()),
            Self::Of(grantee, permission) => (grantee, *permission),
        };
        let read = |page| nexus.grants(&context.caller, document, page);
        let grants = read_all(read, |_, grant: &Grant| grant.id.to_string()).await?;
        let found =
            grants.into_iter().find(|grant| grant.grantee == *grantee && grant.permission == permission);
        found.map(|grant| grant.id).ok_or_else(|| {
            Error::not_found(format!("{grantee} has no grant of {permission} on the document"))
                .with_code("GRANT_NOT_FOUND")
                .with_hint("`nexus docs grants` lists the grants of a document")
        })
    }
}

/// Reads all documents of `query`.
pub(super) async fn all(
    context: &Context<'_>,
    nexus: &Nexus,
    query: &DocumentQuery,
) -> Result<Vec<Document>> {
    let page = PageArgs::<ALL>::default();
    documents(context, nexus, query, &page).await.map(|documents| documents.entries)
}

async fn documents(
    context: &Context<'_>,
    nexus: &Nexus,
    query: &DocumentQuery,
    page: &PageArgs<ALL>,
) -> Result<Listed<Document>> {
    let read = async |page| {
        let query = DocumentQuery { page, ..query.clone() };
        nexus.documents(&context.caller, &query).await
    };
    page.read(read, |_, document| document.id.to_string()).await
}

/// Returns the documents of `query` whose reader has changed since they were read.
async fn outdated_documents(
    context: &Context<'_>,
    nexus: &Nexus,
    query: &DocumentQuery,
    page: &PageArgs<ALL>,
) -> Result<Listed<Document>> {
    let mut outdated = all(context, nexus, query).await?;
    outdated.retain(|document| document.outdated);
    let read = async |page: Page| {
        let after = page.after.as_deref();
        let following =
            outdated.iter().filter(|document| after.is_none_or(|after| document.id.as_str() > after));
        Ok(following.take(page.limit).cloned().collect())
    };
    page.read(read, |_, document| document.id.to_string()).await
}

fn list(context: &Context<'_>, documents: &Listed<Document>) -> Result<Exit> {
    if context.output.is_json() {
        context.output.json(&documents.entries)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["STATUS", "PASSAGES", "SIZE", "DOCUMENT"]);
    for document in &documents.entries {
        let passages = document.passages.to_string();
        table.row([status(document), passages, size(document.size_bytes), document.id.to_string()]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    documents.tell(context.output);
    Ok(Exit::Done)
}

async fn show(context: &Context<'_>, opened: &OpenStore, id: &DocumentId, passages: bool) -> Result<Exit> {
    let (nexus, output) = (&opened.nexus, context.output);
    let document = nexus.document(&context.caller, id).await?;
    let texts = if passages { texts(context, nexus, id).await? } else { Vec::new() };
    if output.is_json() {
        let passages = passages.then_some(&texts);
        output.json(&json!({ "document": document, "passages": passages }))?;
        return Ok(Exit::Done);
    }
    describe(context, &document)?;
    texts
        .iter()
        .try_for_each(|passage| output.lines(format_args!("\n#{} {}", passage.key.index, passage.text)))?;
    Ok(Exit::Done)
}

fn status(document: &Document) -> String {
    let outdated = if document.outdated { ", outdated" } else { "" };
    format!("{}{outdated}", document.status.as_str())
}

/// Reads all passages of a document, in reading order.
async fn texts(context: &Context<'_>, nexus: &Nexus, id: &DocumentId) -> Result<Vec<Passage>> {
    let read = |page| nexus.passages(&context.caller, id, page);
    read_all(read, |_, passage| passage.key.index.to_string()).await
}

fn describe(context: &Context<'_>, document: &Document) -> Result<()> {
    let tags: Vec<&str> = document.tags.iter().map(String::as_str).collect();
    let facts = serde_json::to_string(&document.metadata).unwrap_or_default();
    let failure = document.failure.as_ref();
    let failure = failure.map(|failure| format!("{}: {}", failure.code, failure.message)).unwrap_or_default();
    let report = document.report.clone().unwrap_or_default();
    let warnings = warnings::of(Some(&report));
    let own_facts = Some(&report.facts).filter(|facts| !facts.is_empty());
    let own_facts = own_facts.and_then(|facts| serde_json::to_string(facts).ok()).unwrap_or_default();
    let rows = [
        ("document", document.id.to_string()),
        ("name", document.name.clone()),
        ("title", report.title.unwrap_or_default()),
        ("corpus", document.corpus_id.to_string()),
        ("status", status(document)),
        ("failure", failure),
        ("type", document.content_type.clone()),
        ("size", size(document.size_bytes)),
        ("pages", report.pages.map(|pages| pages.to_string()).unwrap_or_default()),
        ("language", document.language.to_string()),
        ("version", document.version.to_string()),
        ("passages", document.passages.to_string()),
        ("tags", tags.join(", ")),
        ("facts", facts),
        ("own facts", own_facts),
        ("sha-256", document.content_hash.clone()),
        ("created", format!("{} by {}", document.created_at, document.created_by)),
        ("changed", document.updated_at.to_string()),
    ];
    let shown = rows.iter().filter(|(_, value)| !value.is_empty());
    shown.clone().try_for_each(|(name, value)| context.output.line(format_args!("{name:<10} {value}")))?;
    warnings::lines(&warnings).try_for_each(|warning| context.output.line(warning))
}

/// Returns the documents as targets of a removal; the first that the caller may not remove is an error.
async fn targets(context: &Context<'_>, opened: &OpenStore, ids: &[DocumentId]) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for id in ids {
        let document = opened.nexus.removable_document(&context.caller, id).await?;
        let (passages, bytes) = (document.passages, document.size_bytes);
        let words = format!("{id} (passages: {passages}, size: {})", size(bytes));
        let json = json!({ "document": id, "passages": passages, "size_bytes": bytes });
        targets.push(Target { words, json });
    }
    Ok(targets)
}

async fn remove(context: &Context<'_>, opened: &OpenStore, documents: &[DocumentId]) -> Result<Exit> {
    // A document whose job is in flight cannot be removed.
    left_jobs::before(context, &opened.nexus).await?;
    if context.interrupts.was_interrupted() {
        return Ok(Exit::Cancelled);
    }
    for document in documents {
        opened.nexus.delete_document(&context.caller, document).await?;
        removed(context, document.as_str())?;
    }
    Ok(Exit::Done)
}

/// Reports a removal.
pub(super) fn removed(context: &Context<'_>, id: &str) -> Result<Exit> {
    if context.output.is_json() {
        context.output.json_line(&json!({ "removed": id }))?;
    } else {
        context.output.line(format_args!("removed {id}"))?;
    }
    Ok(Exit::Done)
}

async fn grants(
    context: &Context<'_>,
    opened: &OpenStore,
    document: &DocumentId,
    page: &PageArgs<ALL>,
) -> Result<Exit> {
    let read = |page| opened.nexus.grants(&context.caller, document, page);
    let grants = page.read(read, |_, grant| grant.id.to_string()).await?;
    if context.output.is_json() {
        context.output.json(&grants.entries)?;
        return Ok(Exit::Done);
    }
    print(context, &grants.entries)?;
    grants.tell(context.output);
    Ok(Exit::Done)
}

fn granted(context: &Context<'_>, grant: &Grant) -> Result<Exit> {
    if context.output.is_json() {
        context.output.json(grant)?;
        return Ok(Exit::Done);
    }
    print(context, std::slice::from_ref(grant))
}

fn print(context: &Context<'_>, grants: &[Grant]) -> Result<Exit> {
    let mut table = Table::new(["GRANT", "WHO", "MAY", "ENDS", "GIVEN BY"]);
    for grant in grants {
        let until = grant.expires_at.map_or_else(|| "when revoked".to_owned(), |at| at.to_string());
        let (caller, may) = (grant.grantee.to_string(), grant.permission.to_string());
        table.row([grant.id.to_string(), caller, may, until, grant.granted_by.to_string()]);
    }
    table.lines().try_for_each(|line| context.output.line(line))?;
    Ok(Exit::Done)
}
