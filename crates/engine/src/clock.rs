//! Where the engine learns what time it is, so that tests can say so.

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment. May stand still or jump, but the engine works best if it grows.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// `from` plus a duration; the end of time if that is beyond it.
pub(crate) fn later(from: Timestamp, by: std::time::Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by).ok().and_then(|by| from.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// A duration before `from`; the beginning of time if that is beyond it.
pub(crate) fn earlier(from: Timestamp, by: std::time::Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by).ok().and_then(|by| from.checked_sub(by).ok()).unwrap_or(Timestamp::MIN)
}
