//! Conversations: a [`Session`], its [`Message`]s, and the port that stores them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::access::{Authorised, RequiredAccess};
use crate::audit::UnsealedRecords;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::grounding::Citation;
use crate::id::{RunId, SessionId, SubjectId};
use crate::llm::{MessageRole, TextMark, with_reference};
use crate::page::{Page, invalid_cursor};
use crate::principal::TenantId;

/// Conversation of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// The owner.
    pub owner: SubjectId,
    /// The title: as a rule, that of the first question.
    pub title: String,
    /// The creation time.
    pub created_at: Timestamp,
    /// The time of the latest message.
    pub updated_at: Timestamp,
}

impl Session {
    /// Returns the key in a list of sessions: the time of the latest message and the id, as `2026-03-01T09:30:00Z/ID`. A
    /// message that is added between two pages gives the session another key, at the beginning of the list.
    pub fn key(&self) -> String {
        format!("{}/{}", self.updated_at, self.id)
    }

    /// Parses a key into the time and the id.
    ///
    /// # Errors
    /// Those of [`invalid_cursor`].
    pub fn parse_key(key: &str) -> Result<(Timestamp, &str)> {
        let (at, id) = key.split_once('/').ok_or_else(invalid_cursor)?;
        Ok((at.parse().map_err(|_| invalid_cursor())?, id))
    }
}

/// Message of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The run that the message belongs to.
    pub run: RunId,
    /// The role of the author.
    #[serde(rename = "speaker")]
    pub role: MessageRole,
    /// The text.
    pub text: String,
    /// The citations.
    pub citations: Vec<Citation>,
    /// The mark of a text that is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<TextMark>,
    /// The time.
    pub at: Timestamp,
}

impl Message {
    /// Returns the key in the list of a session's messages: the run and the author, as `RUN/user`. A run adds at most one
    /// message of each author.
    pub fn key(&self) -> String {
        format!("{}/{}", self.run, self.role.as_str())
    }
}

/// Port that stores sessions. [`RunStore::advance`](crate::run::RunStore::advance) adds messages, together with their
/// run.
///
/// # Contract
/// - A session belongs to its tenant and its owner.
/// - Opening a session that exists returns it unchanged.
/// - Opening a session of another subject is `NotFound`.
/// - Lists of messages are latest first; a page continues after its cursor and repeats and skips nothing.
/// - The messages before a run's question are its history, whatever was added since; a question that is not in
///   the session has no history.
/// - A run adds no message to a session of another subject.
/// - A deleted session is gone with its messages; its runs and their audit chains stay.
/// - Deleting a session needs the required access at the commit: without it nothing changes.
/// - Lists of sessions are in order of the latest message, latest first; a page continues after its cursor and repeats
///   and skips nothing.
/// - A deleted session and its audit record commit together; a refused deletion leaves no record.
#[async_trait]
pub trait SessionStore: std::fmt::Debug + Send + Sync {
    /// Returns the session with this id and owner, and creates it if there is none.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the id belongs to another subject.
    async fn open_session(&self, tenant: &TenantId, session: Session) -> Result<Session>;

    /// Returns one session.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    async fn session(&self, tenant: &TenantId, id: &SessionId) -> Result<Session>;

    /// Returns a page of the sessions of `owner`, or of every subject: that with the latest message first, and of equally
    /// late ones the greatest id. The key is [`Session::key`].
    ///
    /// # Errors
    /// Those of [`invalid_cursor`].
    async fn sessions(
        &self,
        tenant: &TenantId,
        owner: Option<&SubjectId>,
        page: &Page,
    ) -> Result<Vec<Session>>;

    /// Returns a page of the messages of a session, the last added first. The key is [`Message::key`].
    ///
    /// # Errors
    /// Those of [`invalid_cursor`], also for a message that is gone.
    async fn messages(&self, tenant: &TenantId, id: &SessionId, page: &Page) -> Result<Vec<Message>>;

    /// Returns the last `limit` messages of a session before the question of `run`, oldest first. Unlike
    /// [`messages`](Self::messages), every call returns the same.
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
    /// [`NotFound`](crate::ErrorKind::NotFound), also for a session of another subject.
    async fn delete_session(
        &self,
        access: &Authorised<RequiredAccess>,
        id: &SessionId,
        audit: UnsealedRecords,
    ) -> Result<()>;
}

/// Returns the search text of a `question` after `earlier` messages: with the questions that it refers to.
pub fn follow_up(question: &str, earlier: &[Message]) -> String {
    let asked = earlier.iter().filter(|message| message.role == MessageRole::User);
    let asked: Vec<&str> = asked.map(|message| message.text.as_str()).collect();
    with_reference(question, &asked)
}
