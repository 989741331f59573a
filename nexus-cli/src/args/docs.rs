//! `nexus docs`.

use clap::Subcommand;
use nexus_core::access::{Grantee, Permission};
use nexus_core::document::DocumentStatus;
use nexus_core::{CorpusId, DocumentId, GrantId, Timestamp};

use super::{Chunking, Removal};

const EXAMPLES_GRANT: &str = "\
Permissions: read, write (and read), delete, reindex, owner (all of them, and granting).

Examples:
  nexus docs grant handbook/leave.md role:reader read
  nexus docs grant handbook/leave.md user:ada owner
  nexus docs grant handbook/leave.md group:finance write --expires 2027-01-01T00:00:00Z";

#[derive(Debug, Subcommand)]
pub(crate) enum Docs {
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
        /// Maximum number of entries [default: all]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
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
    /// Chunk documents again, from their raw bytes
    ///
    /// A document stays searchable with its old passages until the new ones are published.
    Reindex {
        /// The documents
        #[arg(required = true, value_name = "DOCUMENT")]
        documents: Vec<DocumentId>,
        #[command(flatten)]
        chunking: Chunking,
    },
    /// List the permissions on a document
    Grants {
        /// The document
        document: DocumentId,
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
    Revoke {
        /// The document
        document: DocumentId,
        /// The grant's id, as `nexus docs grants` shows it
        grant: GrantId,
        #[command(flatten)]
        removal: Removal,
    },
}
