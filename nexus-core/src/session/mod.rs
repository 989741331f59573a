//! Conversations: a [`Session`], its [`Message`]s, and the port that keeps them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::access::{Authorised, RequiredAccess};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::grounding::Citation;
use crate::id::{RunId, SessionId, SubjectId};
use crate::llm::MessageRole;
use crate::principal::TenantId;
use crate::retrieve::analysis::{Language, analyse};

/// A conversation of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub owner: SubjectId,
    /// What people call it: the first question's title, as a rule.
    pub title: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When something was said last.
    pub updated_at: Timestamp,
}

/// Something said in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The run it belongs to.
    pub run: RunId,
    /// By whom.
    pub speaker: MessageRole,
    /// What.
    pub text: String,
    /// What it rests on.
    pub citations: Vec<Citation>,
    /// When.
    pub at: Timestamp,
}

/// Keeps sessions. Messages are added by [`RunStore::advance`](crate::run::RunStore::advance), with the run they
/// belong to.
///
/// # Contract
/// - A session belongs to its tenant and its owner.
/// - Opening a session that exists returns it unchanged; opening another subject's is `NotFound`.
/// - Messages come back in the order in which they were said.
/// - What was said before a run's question is its history, whatever was said since; nothing where the question is not
///   in the session.
/// - A run says nothing in a session that belongs to another subject than its own.
/// - A deleted session is gone with its messages; its runs and their audit chains stay.
/// - Deleting a session needs the required access at the commit: without it nothing changes.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The session with this id and owner, made if there is none.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the id belongs to another subject.
    async fn open_session(&self, tenant: &TenantId, session: Session) -> Result<Session>;

    /// One session.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn session(&self, tenant: &TenantId, id: &SessionId) -> Result<Session>;

    /// The sessions of `owner`, or of everyone, latest first.
    ///
    /// # Errors
    /// Those of a store.
    async fn sessions(
        &self,
        tenant: &TenantId,
        owner: Option<&SubjectId>,
        limit: usize,
    ) -> Result<Vec<Session>>;

    /// The last `limit` messages of a session, oldest first.
    ///
    /// # Errors
    /// Those of a store.
    async fn messages(&self, tenant: &TenantId, id: &SessionId, limit: usize) -> Result<Vec<Message>>;

    /// The last `limit` messages that were said in a session before the question of `run`, oldest first. Unlike
    /// [`messages`](Self::messages), they are the same whenever they are read.
    ///
    /// # Errors
    /// Those of a store.
    async fn history(
        &self,
        tenant: &TenantId,
        id: &SessionId,
        run: &RunId,
        limit: usize,
    ) -> Result<Vec<Message>>;

    /// Removes a session with its messages.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), also when it is another's.
    async fn delete_session(&self, access: &Authorised<RequiredAccess>, id: &SessionId) -> Result<()>;
}

/// From so many content words on, a question is taken to stand alone.
const SELF_CONTAINED_WORDS: usize = 3;

/// The words to search for when `question` is asked after `earlier` messages: a question too short to stand
/// alone, such as "and for managers?", is searched together with the question before it.
pub fn follow_up(question: &str, earlier: &[Message]) -> String {
    let words = analyse(question, Language::detect(question).unwrap_or(Language::English)).len();
    let before = earlier.iter().rev().find(|message| message.speaker == MessageRole::User);
    match before {
        Some(before) if words < SELF_CONTAINED_WORDS => format!("{question}\n{}", before.text),
        Some(_) | None => question.to_owned(),
    }
}
