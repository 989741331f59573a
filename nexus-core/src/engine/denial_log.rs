//! Log of denials: counts equal ones within a second, and leaves one signed record of them.
//!
//! A denial is answered without waiting for its record. The first of its kind opens a window; the record is written when
//! the window ends, or when Nexus ends before that. A process that is killed loses the windows that are open, which
//! hold the denials of its last second.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::runtime::Handle;

use crate::audit::{AuditChain, Draft, Kind, Payload, Sealer, UnsealedRecords, actor};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::IdSource;
use crate::policy::{Decision, Operation, Resource};
use crate::principal::Principal;
use crate::store_retry::within;
use crate::task_group::TaskGroup;

/// Audit event of denials.
const DENIED: Kind = Kind::new("policy.denied");

/// Time within which equal denials are one record.
const WINDOW: Duration = Duration::from_secs(1);

/// Maximum number of open windows. Beyond it a denial is recorded before it is answered.
const MAX_WINDOWS: usize = 1_024;

/// Maximum number of resources that a record names. Its count includes the denials on others.
const MAX_RESOURCES: usize = 32;

/// Timeout for writing a record, after which the denial is logged instead.
const DEADLINE: Duration = Duration::from_secs(5);

/// Denial of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Denial {
    pub(crate) caller: Principal,
    pub(crate) action: &'static str,
    pub(crate) resource: Resource,
    /// The effect of the decision, or `error` when the policy could not decide.
    pub(crate) effect: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) code: &'static str,
    pub(crate) rules: Vec<String>,
    pub(crate) policy_version: String,
    pub(crate) at: Timestamp,
}

impl Denial {
    /// Creates the denial of a decision that does not allow the operation now.
    pub(crate) fn new(
        caller: &Principal,
        operation: &Operation,
        resource: &Resource,
        decision: &Decision,
        at: Timestamp,
    ) -> Self {
        Self {
            caller: caller.clone(),
            action: operation.action.as_str(),
            resource: resource.clone(),
            effect: decision.effect.as_str(),
            reason: decision.reason.as_str(),
            code: decision.code().unwrap_or_default(),
            rules: decision.rules.clone(),
            policy_version: decision.policy_version.clone(),
            at,
        }
    }

    fn key(&self) -> Key {
        let Self { caller, action, code, rules, policy_version, .. } = self;
        let (tenant, actor) = (caller.tenant().to_string(), actor(caller));
        Key { tenant, actor, action, code, rules: rules.clone(), policy_version: policy_version.clone() }
    }
}

/// Parts in which equal denials agree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    tenant: String,
    actor: String,
    action: &'static str,
    code: &'static str,
    rules: Vec<String>,
    policy_version: String,
}

/// Equal denials within one window.
#[derive(Debug)]
struct Window {
    first: Denial,
    last: Timestamp,
    count: u64,
    resources: Vec<(&'static str, Option<String>)>,
}

impl Window {
    fn new(first: Denial) -> Self {
        let resources = vec![(first.resource.kind, first.resource.id.clone())];
        Self { last: first.at, first, count: 1, resources }
    }

    fn add(&mut self, denial: Denial) {
        (self.last, self.count) = (denial.at, self.count.saturating_add(1));
        let resource = (denial.resource.kind, denial.resource.id);
        if self.resources.len() < MAX_RESOURCES && !self.resources.contains(&resource) {
            self.resources.push(resource);
        }
    }

    fn facts(&self) -> Payload {
        let named = |(kind, id): &(&str, Option<String>)| {
            let facts = Payload::new().token("kind", kind);
            id.iter().fold(facts, |facts, id| facts.token("id", id))
        };
        Payload::new()
            .token("action", self.first.action)
            .token("effect", self.first.effect)
            .token("reason", self.first.reason)
            .token("code", self.first.code)
            .tokens("rules", &self.first.rules)
            .nested_list("resources", self.resources.iter().map(named))
            .count("count", self.count)
            .time("last", self.last)
    }

    fn drafts(&self, chain: &str) -> Vec<Draft> {
        let Denial { caller, policy_version, at, .. } = &self.first;
        Draft::single_event(caller, chain, DENIED, policy_version, *at, self.facts())
    }
}

/// Effect of a denial on the windows.
enum Counted {
    /// It opened a window, which the caller ends.
    Opened(Key),
    /// It is counted in an open window.
    Again,
    /// No further window can be opened.
    Full(Box<Window>),
}

/// Log of denials.
pub(crate) struct DenialLog {
    chain: Arc<dyn AuditChain>,
    sealer: Arc<Sealer>,
    ids: Arc<dyn IdSource>,
    windows: Mutex<BTreeMap<Key, Window>>,
}

impl DenialLog {
    /// Creates a log whose records `chain` stores.
    pub(crate) fn new(chain: Arc<dyn AuditChain>, sealer: Arc<Sealer>, ids: Arc<dyn IdSource>) -> Self {
        Self { chain, sealer, ids, windows: Mutex::default() }
    }

    /// Notes a denial. Never fails: a denial that cannot be recorded is logged.
    pub(crate) async fn note(self: &Arc<Self>, tasks: &TaskGroup, denial: Denial) {
        match self.count(denial) {
            Counted::Again => {}
            Counted::Full(window) => self.record(vec![*window]).await,
            Counted::Opened(key) => {
                // The task holds no strong reference, so that the log ends with its Nexus.
                let (log, stopping) = (Arc::downgrade(self), tasks.stopping());
                tasks.spawn(async move {
                    tokio::select! {
                        () = stopping => {}
                        () = tokio::time::sleep(WINDOW) => {}
                    }
                    if let Some(log) = log.upgrade() {
                        log.end(&key).await;
                    }
                });
            }
        }
    }

    /// Records all open windows.
    pub(crate) async fn flush(&self) {
        let windows = std::mem::take(&mut *self.lock());
        self.record(windows.into_values().collect()).await;
    }

    async fn end(&self, key: &Key) {
        let window = self.lock().remove(key);
        self.record(window.into_iter().collect()).await;
    }

    fn count(&self, denial: Denial) -> Counted {
        let (mut windows, key) = (self.lock(), denial.key());
        if let Some(window) = windows.get_mut(&key) {
            window.add(denial);
            return Counted::Again;
        }
        let window = Window::new(denial);
        if windows.len() >= MAX_WINDOWS {
            return Counted::Full(Box::new(window));
        }
        windows.insert(key.clone(), window);
        Counted::Opened(key)
    }

    async fn record(&self, windows: Vec<Window>) {
        if windows.is_empty() {
            return;
        }
        let recorded = within(DEADLINE, self.chain.append(self.drafts(&windows))).await;
        warn_of_lost(&windows, &recorded.map(drop));
    }

    fn drafts(&self, windows: &[Window]) -> UnsealedRecords {
        let drafts = windows.iter().flat_map(|window| window.drafts(&self.ids.next())).collect();
        UnsealedRecords::new(Arc::clone(&self.sealer), drafts)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs the denials that could not be recorded.
fn warn_of_lost(windows: &[Window], recorded: &Result<()>) {
    let Err(error) = recorded else { return };
    for Window { first, count, .. } in windows {
        tracing::warn!(
            tenant = %first.caller.tenant(),
            actor = actor(&first.caller),
            action = first.action,
            kind = first.resource.kind,
            id = first.resource.id,
            code = first.code,
            rules = ?first.rules,
            count,
            error = %error.report(),
            "a denial is not recorded"
        );
    }
}

impl Drop for DenialLog {
    /// Passes the open windows to the store, without waiting for their commit. Outside of a runtime, which a store may
    /// need, they are logged.
    fn drop(&mut self) {
        let windows: Vec<Window> = std::mem::take(&mut *self.lock()).into_values().collect();
        if windows.is_empty() {
            return;
        }
        if Handle::try_current().is_err() {
            let lost = Error::new(ErrorKind::Unavailable, "Nexus was dropped outside of the runtime");
            return warn_of_lost(&windows, &Err(lost.with_hint("call `Nexus::shutdown` first")));
        }
        // The first poll hands the records over; a store commits them even when the future is dropped.
        if let Some(Err(error)) = self.chain.append(self.drafts(&windows)).now_or_never() {
            warn_of_lost(&windows, &Err(error));
        }
    }
}

impl fmt::Debug for DenialLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenialLog").field("open", &self.lock().len()).finish_non_exhaustive()
    }
}
