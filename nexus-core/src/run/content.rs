//! Stored texts of a run, [`RunContents`], and their comparison with the signed record of the run.
//!
//! The record of a run holds fingerprints of its principal, its question, its passages, its answer, its citations, its speech and its
//! journal, salted with the salt that is stored with the run. The comparison computes them again from the stored texts.

use serde::Serialize;
use serde_json::Value;

use super::event::{Answer, EventBody};
use super::model::{Ask, Outcome, Run};
use super::store::Journal;
use crate::audit::{ContentFinding, ContentState, Digest, Kind, RecordedFacts, actor};
use crate::grounding::{Citation, Evidence};
use crate::id::SessionId;
use crate::llm::{MessageRole, TextMark};
use crate::session::Message;
use crate::speech::Speech;

/// Texts of a run as a store holds them: all that a user can be shown of it.
#[derive(Clone, Debug)]
pub struct RunContents {
    /// The run; `None` where it was removed.
    pub run: Option<Run>,
    /// The passages in its prompt; `None` where they were erased, or none were found yet.
    pub evidence: Option<Vec<Evidence>>,
    /// Its whole journal.
    pub journal: Journal,
    /// Its messages in its session, in order.
    pub messages: Vec<Message>,
    /// Speech of its answer.
    pub audio: Option<Speech>,
}

/// Digest of a journal, event by event. It depends on the events and their order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalDigest(Digest);

impl Default for JournalDigest {
    fn default() -> Self {
        Self(Digest::of([]))
    }
}

impl JournalDigest {
    /// Returns the digest of the journal with one more event.
    pub(crate) fn with(self, event: &EventBody) -> Self {
        let mut bytes = self.0.as_bytes().to_vec();
        bytes.extend_from_slice(json(event).as_bytes());
        Self(Digest::of(bytes))
    }

    /// Returns the digest of the journal with further events.
    pub(crate) fn with_all<'e>(self, events: impl IntoIterator<Item = &'e EventBody>) -> Self {
        events.into_iter().fold(self, Self::with)
    }
}

/// Fingerprints of a run, salted: after erasure of the run no text can be guessed from them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fingerprints<'r>(pub(crate) &'r str);

impl Fingerprints<'_> {
    /// Returns the fingerprint of the question.
    pub(crate) fn question(self, ask: &Ask) -> Digest {
        self.of("question", &ask.question)
    }

    /// Returns the fingerprint of the question with its options and the title of the run.
    pub(crate) fn request(self, run: &Run) -> Digest {
        self.of("request", &json(&(&run.ask, &run.title)))
    }

    /// Returns the fingerprint of the principal with all its attributes, of the run's id and its rules of release.
    pub(crate) fn principal(self, run: &Run) -> Digest {
        self.of("principal", &json(&(&run.id, &run.principal, &run.answers)))
    }

    /// Returns the fingerprint of the passages, with the names and places that are shown beside them.
    pub(crate) fn evidence(self, evidence: &[Evidence]) -> Digest {
        self.of("evidence", &json(evidence))
    }

    /// Returns the fingerprint of the text of an answer.
    pub(crate) fn answer(self, text: &str) -> Digest {
        self.of("answer", text)
    }

    /// Returns the fingerprint of the citations of an answer.
    pub(crate) fn citations(self, citations: &[Citation]) -> Digest {
        self.of("citations", &json(citations))
    }

    /// Returns the fingerprint of speech.
    pub(crate) fn audio(self, speech: &Speech) -> Digest {
        self.of("audio", &format!("{} {}", speech.mime, Digest::of(&speech.bytes)))
    }

    /// Returns the fingerprint of a whole journal.
    pub(crate) fn journal(self, digest: JournalDigest) -> Digest {
        self.of("journal", &digest.0.to_string())
    }

    fn of(self, what: &str, text: &str) -> Digest {
        Digest::salted(&format!("run/{what}"), self.0, text)
    }
}

/// Returns the JSON of a value, in the order of its fields.
fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Facts that the records of a run's chain hold, by kind of record.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordedRun {
    actor: String,
    request: Option<String>,
    policy: String,
    began: String,
    ended: Option<String>,
    opened: Option<Value>,
    shown: Option<Value>,
    closed: Option<Value>,
}

impl RecordedRun {
    /// Reads the records of a run's chain; `None` for the chain of a call, a job or a change.
    pub(crate) fn read(facts: impl IntoIterator<Item = RecordedFacts>) -> Option<Self> {
        let mut record = Self::default();
        facts.into_iter().for_each(|fact| record.add(fact));
        recorded(record.opened.as_ref(), "question_commit").is_some().then_some(record)
    }

    fn add(&mut self, RecordedFacts { kind, actor, corr, policy_ver, ts, payload }: RecordedFacts) {
        self.policy = policy_ver;
        if kind == Kind::CHAIN_OPEN.as_str() {
            (self.actor, self.request, self.began) = (actor, corr, ts);
        } else if kind == Kind::CHAIN_CLOSE.as_str() {
            self.ended = Some(ts);
        }
        match kind.as_str() {
            "run.open" => self.opened = Some(payload),
            "passages.shown" => self.shown = Some(payload),
            "run.close" => self.closed = Some(payload),
            _ => {}
        }
    }

    /// Returns whether the run is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Returns the id of the run's session.
    pub(crate) fn session(&self) -> Option<SessionId> {
        recorded(self.opened.as_ref(), "session").and_then(|id| SessionId::parse(id).ok())
    }

    /// Returns whether the record has a fingerprint of the whole principal. That of an earlier version does not.
    pub(crate) fn has_principal(&self) -> bool {
        recorded(self.opened.as_ref(), "principal_commit").is_some()
    }

    /// Returns whether the record has the fingerprints of all texts. That of an earlier version does not.
    pub(crate) fn is_complete(&self) -> bool {
        recorded(self.opened.as_ref(), "request_commit").is_some()
    }
}

fn recorded<'v>(payload: Option<&'v Value>, name: &str) -> Option<&'v str> {
    payload?.get(name)?.as_str()
}

fn texts(payload: &Value, name: &str) -> Vec<String> {
    let list = payload.get(name).and_then(Value::as_array).into_iter().flatten();
    list.map(|value| value.as_str().unwrap_or_default().to_owned()).collect()
}

/// Compares the stored texts of a run with its record. `is_erased` and `is_session_erased` say that a genuine record
/// tells of the erasure of the run's texts, or of its session.
pub(crate) fn compare(
    record: &RecordedRun,
    contents: &RunContents,
    is_erased: bool,
    is_session_erased: bool,
) -> Vec<ContentFinding> {
    let gone = |is_erased| if is_erased { ContentState::Erased } else { ContentState::Missing };
    let mut found = Findings(Vec::new());
    let Some(run) = &contents.run else {
        found.add("run", gone(is_erased));
        return found.0;
    };
    let prints = Fingerprints(&run.salt);
    let opened = record.opened.as_ref();
    found.same("question", opened, "question_commit", || prints.question(&run.ask));
    found.same("request", opened, "request_commit", || prints.request(run));
    found.same("principal", opened, "principal_commit", || prints.principal(run));
    found.origin(record, run);

    match (&record.shown, &contents.evidence) {
        (None, None) => {}
        (None, Some(evidence)) if evidence.is_empty() => {}
        (None, Some(_)) => found.add("passages", ContentState::Added),
        (Some(shown), None) if texts(shown, "passages").is_empty() => {}
        (Some(_), None) => found.add("passages", gone(is_erased)),
        (Some(shown), Some(evidence)) => {
            found.passages(shown, evidence);
            found.same("sources", Some(shown), "evidence_commit", || prints.evidence(evidence));
        }
    }

    let answer = match &contents.journal {
        Journal::Pruned => {
            found.add("journal", gone(is_erased));
            None
        }
        Journal::Events(events) if events.is_empty() => {
            found.add("journal", ContentState::Missing);
            None
        }
        Journal::Events(events) if record.is_closed() => {
            let bodies = || events.iter().map(|event| &event.body);
            let digest = JournalDigest::default().with_all(bodies());
            found.same("journal", record.closed.as_ref(), "journal_commit", || prints.journal(digest));
            found.outcome(record, run, bodies().next_back());
            Some(bodies().rev().find_map(EventBody::final_answer).cloned().unwrap_or_default())
        }
        Journal::Events(_) => None,
    };
    if let Some(Answer { text, citations, .. }) = &answer {
        let closed = record.closed.as_ref();
        found.same("answer", closed, "answer_commit", || prints.answer(text));
        found.same("citations", closed, "citations_commit", || prints.citations(citations));
    }
    found.messages(record, run, &contents.messages, gone(is_session_erased));

    match (recorded(record.closed.as_ref(), "audio_commit"), &contents.audio) {
        (Some(_), None) => found.add("speech", gone(is_erased)),
        (Some(commit), Some(speech)) if commit == prints.audio(speech).to_string() => {}
        (Some(_), Some(_)) => found.add("speech", ContentState::Changed),
        (None, Some(_)) if record.is_closed() && record.is_complete() => {
            found.add("speech", ContentState::Added);
        }
        (None, _) => {}
    }
    found.0
}

struct Findings(Vec<ContentFinding>);

impl Findings {
    fn add(&mut self, content: &'static str, state: ContentState) {
        if !self.0.iter().any(|known| known.content == content) {
            self.0.push(ContentFinding { content, state });
        }
    }

    /// Compares a text with its fingerprint, where the record has one.
    fn same(
        &mut self,
        content: &'static str,
        payload: Option<&Value>,
        name: &str,
        now: impl FnOnce() -> Digest,
    ) {
        if recorded(payload, name).is_some_and(|then| then != now().to_string()) {
            self.add(content, ContentState::Changed);
        }
    }

    /// Compares who asked, by which request, in which session, under which policy, and when.
    fn origin(&mut self, record: &RecordedRun, run: &Run) {
        let session = record.session();
        let completed = run.completed_at.map(|at| at.to_string());
        for (content, is_same) in [
            ("principal", record.actor == actor(&run.principal)),
            ("request_id", record.request.as_deref() == Some(run.request_id.as_str())),
            ("session", session.is_none_or(|session| session == run.session_id)),
            ("policy", record.policy == run.policy_version),
            ("times", (&record.began, &record.ended) == (&run.created_at.to_string(), &completed)),
        ] {
            if !is_same {
                self.add(content, ContentState::Changed);
            }
        }
    }

    /// Compares the shown passages by document and hash of the text, in order.
    fn passages(&mut self, shown: &Value, evidence: &[Evidence]) {
        let then = (texts(shown, "documents"), texts(shown, "passages"));
        let documents = evidence.iter().map(|shown| shown.passage.document.to_string()).collect();
        let now: (Vec<_>, Vec<_>) =
            (documents, evidence.iter().map(|shown| Digest::of(&shown.text).to_string()).collect());
        match now.1.len().cmp(&then.1.len()) {
            std::cmp::Ordering::Less => self.add("passages", ContentState::Missing),
            std::cmp::Ordering::Greater => self.add("passages", ContentState::Added),
            std::cmp::Ordering::Equal if now != then => self.add("passages", ContentState::Changed),
            std::cmp::Ordering::Equal => {}
        }
    }

    /// Compares the outcome of the record, of the run and of its last event.
    fn outcome(&mut self, record: &RecordedRun, run: &Run, last: Option<&EventBody>) {
        let Some(outcome) = run.outcome() else { return self.add("outcome", ContentState::Missing) };
        let is_of_event = match (last, outcome) {
            (Some(EventBody::Done { outcome: told }), outcome) => told == outcome,
            (Some(EventBody::Error(told)), Outcome::Failed { failure }) => told == failure,
            _ => false,
        };
        if !is_of_event || recorded(record.closed.as_ref(), "outcome") != Some(outcome.as_str()) {
            self.add("outcome", ContentState::Changed);
        }
    }

    /// Compares the run's messages in its session: its question, and its answer once there is one.
    fn messages(&mut self, record: &RecordedRun, run: &Run, messages: &[Message], gone: ContentState) {
        let prints = Fingerprints(&run.salt);
        let (asked, said): (Vec<_>, Vec<_>) =
            messages.iter().partition(|message| message.role == MessageRole::User);
        match asked.as_slice() {
            [] => return self.add("messages", gone),
            [question] if question.text == run.ask.question && question.citations.is_empty() => {}
            [_] => self.add("messages", ContentState::Changed),
            [_, _, ..] => self.add("messages", ContentState::Added),
        }
        let Some(closed) = &record.closed else { return };
        let nothing = prints.answer("").to_string();
        let has_answer = recorded(Some(closed), "answer_commit").is_some_and(|commit| commit != nothing);
        match (said.as_slice(), has_answer) {
            ([], false) => {}
            ([], true) => self.add("messages", ContentState::Missing),
            ([answer], true) => {
                self.same("messages", Some(closed), "answer_commit", || prints.answer(&answer.text));
                self.same("messages", Some(closed), "citations_commit", || {
                    prints.citations(&answer.citations)
                });
                let mark = match run.outcome() {
                    Some(Outcome::Uncited) => Some(TextMark::Uncited),
                    Some(Outcome::Incomplete { .. }) => Some(TextMark::Incomplete),
                    _ => None,
                };
                if answer.mark != mark {
                    self.add("messages", ContentState::Changed);
                }
            }
            ([_, ..], false) | ([_, _, ..], true) => self.add("messages", ContentState::Added),
        }
    }
}
