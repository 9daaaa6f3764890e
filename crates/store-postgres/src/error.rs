use std::time::Duration;

use callboard_store::StoreError;
use thiserror::Error;

/// What is to be done about a failure of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Two transactions got in each other's way; this one was taken back.
    Deadlock,
    /// The connection broke, or the server is about to stop or to start.
    Reconnect,
    /// The server can only be read, as one that another has taken over from: another connection may reach the other.
    ReconnectElsewhere,
    /// It was waited for long enough, or the server is short of something; the caller may try later.
    Later,
    /// There is no room left; the caller may try later.
    Room,
    /// There is none.
    None,
}

/// The connection broke while a transaction was being committed: it may have been.
#[derive(Debug, Error)]
#[error("the connection broke during a commit, which may or may not have come through")]
pub(crate) struct CommitUnknown(#[source] sqlx::Error);

/// Not even the time limit of statements, which the server keeps, ended a call: the server is gone without a word.
#[derive(Debug, Error)]
#[error("the database did not answer for {} s", .0.as_secs())]
pub(crate) struct Unanswered(pub(crate) Duration);

/// Which kind of error a failure of the database is.
pub(crate) fn database_error(error: sqlx::Error) -> StoreError {
    match remedy_of(&error) {
        Remedy::None => StoreError::Refused(error.into()),
        Remedy::Deadlock | Remedy::Reconnect | Remedy::Later => StoreError::Unavailable(error.into()),
        Remedy::ReconnectElsewhere | Remedy::Room => StoreError::Unwritable(error.into()),
    }
}

/// The same for a failure to commit.
pub(crate) fn commit_error(error: sqlx::Error) -> StoreError {
    match remedy_of(&error) {
        Remedy::Reconnect => StoreError::Unavailable(CommitUnknown(error).into()),
        _ => database_error(error),
    }
}

/// Whether a commit may have come through in spite of this error.
pub(crate) fn is_commit_unknown(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(source) if source.is::<CommitUnknown>())
}

/// What to do about a failed call before the caller hears of it.
pub(crate) fn remedy(error: &StoreError) -> Remedy {
    let (StoreError::Unavailable(source) | StoreError::Unwritable(source)) = error else {
        return Remedy::None;
    };
    source.downcast_ref::<sqlx::Error>().map_or(Remedy::None, remedy_of)
}

fn remedy_of(error: &sqlx::Error) -> Remedy {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Remedy::Later,
        sqlx::Error::Io(_)
        // What a connection says whose other end was cut off between two messages.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::BeginFailed => Remedy::Reconnect,
        sqlx::Error::Database(failure) => match failure.code().as_deref() {
            // Serialization failure, deadlock, lock not available in time.
            Some("40001" | "40P01" | "55P03") => Remedy::Deadlock,
            // Too many connections, the server stops, crashed or is starting, a connection was idle for too long.
            Some("53300" | "57P01" | "57P02" | "57P03" | "57P05") => Remedy::Reconnect,
            // A transaction that only reads: a failover left such a server, or somebody made this one so.
            Some("25006") => Remedy::ReconnectElsewhere,
            Some("53100") => Remedy::Room,
            // A statement took too long; the server is out of memory.
            Some("57014" | "53200") => Remedy::Later,
            Some(code) if code.starts_with("08") => Remedy::Reconnect,
            _ => Remedy::None,
        },
        _ => Remedy::None,
    }
}
