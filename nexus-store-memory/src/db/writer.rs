//! Writer thread with group commit.
//!
//! Jobs that arrive while the disk is busy with one commit share the next, and every caller is answered after the
//! commit that holds its job. In a group each job runs between a savepoint and its release; a single job needs none.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nexus_core::{Error, Result};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::checkpoint::{Checkpointer, checkpoint};
use super::{Answer, guarded, join};
use crate::error::{closed, sql_code};

/// Upper bound on the jobs of one commit, which bounds the wait of the first.
const GROUP: usize = 256;

/// Upper bound on the time that a group waits for returning callers.
const MAX_GROUP_WAIT: Duration = Duration::from_millis(1);

/// Time without work after which the thread checkpoints the log.
const IDLE: Duration = Duration::from_millis(250);

/// Access of a job to its transaction: the connection, and hooks that run after the commit.
pub(crate) struct Write<'a> {
    connection: &'a Connection,
    after: RefCell<Vec<Hook>>,
}

type Hook = Box<dyn FnOnce(&Connection)>;

impl Write<'_> {
    /// Registers `hook` to run once the transaction is durable; a transaction that fails never runs it.
    pub(crate) fn after_commit(&self, hook: impl FnOnce(&Connection) + 'static) {
        self.after.borrow_mut().push(Box::new(hook));
    }
}

impl Deref for Write<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// Queued job: runs in the group's transaction and returns how to answer.
type WriteJob = Box<dyn FnOnce(Result<&Write<'_>>) -> JobResult + Send>;

struct JobResult {
    failed: bool,
    answer: Box<dyn FnOnce(Result<()>)>,
}

/// Handle of the thread.
#[derive(Debug)]
pub(crate) struct Writer {
    members: Mutex<Option<Sender<WriteJob>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread, which owns `connection`, and `beside` for checkpoints of the log if there is one.
    pub(crate) fn start(mut connection: Connection, beside: Option<Connection>) -> Result<Self> {
        let checkpointer = beside.map(|beside| Checkpointer::start(&mut connection, beside)).transpose()?;
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("nexus-writer".to_owned())
            .spawn(move || serve(&connection, &receiver, checkpointer))
            .map_err(|source| Error::unexpected("could not start the writer thread").because(source))?;
        Ok(Self { members: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    /// Queues `work`.
    pub(crate) fn write<T, F>(&self, work: F) -> Result<Answer<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let member: WriteJob = Box::new(move |write| {
            let result = write.and_then(|write| guarded(|| work(write)));
            let failed = result.is_err();
            let answer = move |committed: Result<()>| {
                // The caller may have gone away, which does not undo the commit.
                let _ = sender.send(result.and_then(|value| committed.map(|()| value)));
            };
            JobResult { failed, answer: Box::new(answer) }
        });
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.as_ref().ok_or_else(closed)?.send(member).map_err(|_| closed())?;
        Ok(receiver)
    }

    /// Waits until the thread has finished its queued work and ended.
    pub(crate) fn close(&self) {
        drop(self.members.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.into_iter().for_each(join);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn serve(connection: &Connection, members: &Receiver<WriteJob>, mut checkpointer: Option<Checkpointer>) {
    let mut tidy = true;
    let mut last = PreviousBatch::default();
    loop {
        let first = match next(members, tidy) {
            Ok(member) => member,
            Err(RecvTimeoutError::Timeout) => {
                checkpoint(connection, "PASSIVE");
                tidy = true;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        tidy = false;
        let group = collect_batch(first, members, &last);
        let (size, start) = (group.len(), Instant::now());
        commit_group(connection, group);
        if let Some(checkpointer) = &mut checkpointer {
            checkpointer.committed(connection);
        }
        last = PreviousBatch { size, took: start.elapsed() };
    }
    drop(checkpointer);
    checkpoint(connection, "TRUNCATE");
}

/// Size and commit time of the previous group.
#[derive(Default)]
struct PreviousBatch {
    size: usize,
    took: Duration,
}

/// Collects the jobs of a group. Callers that were just answered return within microseconds, and would wait for the
/// next commit if this one left them out: so the group waits until it is as large as the last one, for a quarter of
/// the last commit's time at most, and never longer than [`MAX_GROUP_WAIT`]. A single caller does not wait.
fn collect_batch(first: WriteJob, members: &Receiver<WriteJob>, last: &PreviousBatch) -> Vec<WriteJob> {
    let mut group = vec![first];
    let deadline = Instant::now() + MAX_GROUP_WAIT.min(last.took / 4);
    while group.len() < GROUP {
        let before = group.len();
        group.extend(members.try_iter().take(GROUP - before));
        if group.len() > before {
            std::thread::yield_now();
            continue;
        }
        if group.len() >= last.size {
            break;
        }
        match members.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(member) => group.push(member),
            Err(_) => break,
        }
    }
    group
}

fn next(members: &Receiver<WriteJob>, tidy: bool) -> Result<WriteJob, RecvTimeoutError> {
    if tidy { members.recv().map_err(|_| RecvTimeoutError::Disconnected) } else { members.recv_timeout(IDLE) }
}

fn commit_group(connection: &Connection, members: Vec<WriteJob>) {
    let mut ran = Vec::new();
    let mut hooks = Vec::new();
    let mut transaction = execute(connection, "BEGIN IMMEDIATE");
    let is_alone = members.len() == 1;
    for member in members {
        let write = Write { connection, after: RefCell::default() };
        let run = if is_alone { run_alone } else { run_member };
        let one = run(&write, member, &mut transaction);
        if !one.failed {
            hooks.append(&mut write.after.borrow_mut());
        }
        ran.push(one);
    }
    let end = if is_alone && ran.iter().all(|one| one.failed) { "ROLLBACK" } else { "COMMIT" };
    let committed = transaction.and_then(|()| execute(connection, end));
    match &committed {
        Ok(()) => hooks.into_iter().for_each(|hook| hook(connection)),
        // Fails when SQLite rolled back by itself, with the same effect.
        Err(_) => drop(execute(connection, "ROLLBACK")),
    }
    for one in ran {
        let committed = match &committed {
            Ok(()) => Ok(()),
            Err(failure) => Err(failure.to_error()),
        };
        (one.answer)(committed);
    }
}

/// Runs one job between a savepoint and its release. `transaction` becomes an error when SQLite rolled the whole
/// transaction back, as it does on a full disk; then no job of the group reports success.
fn run_member(write: &Write<'_>, member: WriteJob, transaction: &mut Result<(), Failure>) -> JobResult {
    if transaction.is_ok() {
        *transaction = execute(write, "SAVEPOINT member");
    }
    if let Err(failure) = transaction {
        return member(Err(failure.to_error()));
    }
    let ran = member(Ok(write));
    *transaction = end_member(write, ran.failed);
    ran
}

/// Runs a single job, whose failure rolls the transaction back.
fn run_alone(write: &Write<'_>, member: WriteJob, transaction: &mut Result<(), Failure>) -> JobResult {
    if let Err(failure) = transaction {
        return member(Err(failure.to_error()));
    }
    let ran = member(Ok(write));
    if write.is_autocommit() {
        *transaction = Err(Failure::lost());
    }
    ran
}

fn end_member(write: &Write<'_>, failed: bool) -> Result<(), Failure> {
    if write.is_autocommit() {
        return Err(Failure::lost());
    }
    if failed {
        execute(write, "ROLLBACK TO member")?;
    }
    execute(write, "RELEASE member")
}

fn execute(connection: &Connection, statement: &str) -> Result<(), Failure> {
    connection
        .prepare_cached(statement)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(|source| Failure { code: source.sqlite_error_code(), cause: source.to_string() })
}

/// Cause of a failed transaction, in a form that every job can report.
struct Failure {
    code: Option<ErrorCode>,
    cause: String,
}

impl Failure {
    fn lost() -> Self {
        Self { code: Some(ErrorCode::SystemIoFailure), cause: "the transaction was rolled back".to_owned() }
    }

    fn to_error(&self) -> Error {
        sql_code(self.code).with("cause", &self.cause)
    }
}

#[cfg(test)]
mod tests {
    use nexus_core::ErrorKind;

    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE kept (number INTEGER PRIMARY KEY)").unwrap();
        Writer::start(connection, None).unwrap()
    }

    fn add(write: &Write<'_>, number: i64) -> Result<()> {
        write.execute("INSERT INTO kept (number) VALUES (?1)", [number]).map(drop).map_err(crate::error::sql)
    }

    fn kept(writer: &Writer) -> Vec<i64> {
        let read = |write: &Write<'_>| {
            let mut statement = write.prepare("SELECT number FROM kept ORDER BY number").unwrap();
            Ok(statement.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect())
        };
        writer.write(read).unwrap().blocking_recv().unwrap().unwrap()
    }

    #[test]
    fn a_failing_member_undoes_its_own_work_and_no_other() {
        let writer = writer();
        let answers: Vec<_> = (0..200)
            .map(|number| {
                let work = move |write: &Write<'_>| {
                    add(write, number)?;
                    match number % 4 {
                        1 => Err(Error::invalid("no")),
                        2 => add(write, number), // the same key twice
                        3 => panic!("in the middle"),
                        _ => Ok(()),
                    }
                };
                writer.write(work).unwrap()
            })
            .collect();
        let results: Vec<_> = answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect();
        for (number, result) in results.iter().enumerate() {
            assert_eq!(result.is_ok(), number % 4 == 0, "{number}");
        }
        assert_eq!(kept(&writer), (0..200).step_by(4).collect::<Vec<i64>>());
    }

    #[test]
    fn hooks_run_after_the_commit_and_only_then() {
        let writer = writer();
        let (sender, receiver) = channel();
        for (number, fails) in [(1, false), (2, true)] {
            let sender = sender.clone();
            let work = move |write: &Write<'_>| {
                write.after_commit(move |connection| {
                    sender.send((number, connection.is_autocommit())).unwrap();
                });
                add(write, number)?;
                if fails { Err(Error::invalid("no")) } else { Ok(()) }
            };
            let _ = writer.write(work).unwrap().blocking_recv().unwrap();
        }
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [(1, true)]);
    }

    #[test]
    fn a_lost_transaction_is_an_error_for_everyone_in_it() {
        let writer = writer();
        let lost = writer.write(|write| {
            add(write, 1)?;
            // SQLite does this by itself on a full disk.
            write.execute_batch("ROLLBACK").map_err(crate::error::sql)
        });
        let error = lost.unwrap().blocking_recv().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(kept(&writer), Vec::<i64>::new());
    }

    #[test]
    fn work_that_was_handed_over_is_done_before_the_writer_ends() {
        let writer = writer();
        let answers: Vec<_> =
            (0..50).map(|number| writer.write(move |write| add(write, number)).unwrap()).collect();
        writer.close();
        assert!(answers.into_iter().all(|answer| answer.blocking_recv().unwrap().is_ok()));
        assert_eq!(writer.write(|write| add(write, 99)).err().unwrap().code(), "STORE_CLOSED");
    }
}
