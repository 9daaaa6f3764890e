use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use callboard::engine::Clock;
use jiff::Timestamp;

/// A clock that the test can put ahead. It begins at the start of 2030, and goes on as clocks do: the catalog lets
/// some changes wait for a few milliseconds.
///
/// ```
/// use std::time::Duration;
/// use callboard::engine::Clock as _;
/// use callboard_testkit::FakeClock;
///
/// let clock = FakeClock::default();
/// clock.advance(Duration::from_secs(366 * 24 * 3600));
/// assert!(clock.now().to_string().starts_with("2031-01-02T00:"));
/// ```
#[derive(Debug)]
pub struct FakeClock {
    made: Instant,
    /// What it showed when it was made, and what the test added since.
    beginning: Mutex<Timestamp>,
}

impl Default for FakeClock {
    fn default() -> Self {
        let beginning = "2030-01-01T00:00:00Z".parse().expect("a time");
        Self { made: Instant::now(), beginning: Mutex::new(beginning) }
    }
}

impl FakeClock {
    /// Lets so much time pass. What is due then is done at once.
    pub fn advance(&self, time: Duration) {
        *self.lock() += time;
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        self.beginning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.lock() + self.made.elapsed()
    }
}
