//! Where this crate learns what time it is, so that tests can say so.

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
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

/// Whether less than `duration` has passed since `moment`. A clock that was set back counts as time that passed, so
/// that nothing waits for the lost time.
pub(crate) fn is_within(duration: jiff::SignedDuration, moment: Timestamp, now: Timestamp) -> bool {
    let passed = now.duration_since(moment);
    !passed.is_negative() && passed < duration
}
