//! Sum of the store ports, which a store crate implements on one type, for construction: [`Store`].

use crate::access::GrantStore;
use crate::admin::AdminResourceStore;
use crate::audit::AuditChain;
use crate::corpus::CorpusStore;
use crate::document::{BlobStore, DocumentStore, JobQueue};
use crate::ledger::{LedgerStore, QuotaStore};
use crate::price::PriceStore;
use crate::retention::RetentionStore;
use crate::retrieve::Retriever;
use crate::run::RunStore;
use crate::session::SessionStore;
use crate::stats::StatsStore;
use crate::system::SystemStore;
use crate::transfer::TransferStore;

macro_rules! sum_of_ports {
    ($($port:ident),+ $(,)?) => {
        /// Store: all persistent data of Nexus, behind one type. Every type with all store ports is one. The builder
        /// takes it apart: each use case holds the ports that it needs.
        pub trait Store: $($port +)+ std::fmt::Debug + 'static {}

        impl<T: $($port +)+ std::fmt::Debug + 'static> Store for T {}
    };
}

sum_of_ports!(
    AdminResourceStore,
    AuditChain,
    BlobStore,
    CorpusStore,
    DocumentStore,
    GrantStore,
    JobQueue,
    LedgerStore,
    PriceStore,
    QuotaStore,
    RetentionStore,
    Retriever,
    RunStore,
    SessionStore,
    StatsStore,
    SystemStore,
    TransferStore,
);
