//! Whether more waits to be processed than is taken up at a time, and what stitching makes of that.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Stitching waits no longer than this for more to be processed.
const LONGEST_HOLD: Duration = Duration::from_secs(5);
/// It waits at least as long as that: some thousand entities are processed meanwhile.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);

/// Since when the queue of what is new, changed or asked for has been longer than what is taken up at a time.
///
/// What is stitched before its neighbours were processed has to be stitched again after each of them. So while much is
/// to be processed, stitching waits; the longer that lasts the longer, that it is not done too often, but never long.
#[derive(Debug)]
pub(crate) struct Backlog(watch::Sender<Option<Instant>>);

impl Default for Backlog {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Backlog {
    /// There is more than was taken up.
    pub(crate) fn begin(&self) {
        self.0.send_if_modified(|since| {
            let news = since.is_none();
            since.get_or_insert_with(Instant::now);
            news
        });
    }

    /// All that there was has been taken up.
    pub(crate) fn end(&self) {
        self.0.send_if_modified(|since| since.take().is_some());
    }

    /// Whether there is more than was taken up.
    pub(crate) fn lasts(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Ends when stitching is to go on that had caught up with its marks at `caught_up`.
    pub(crate) async fn hold(&self, caught_up: Instant) {
        let mut watched = self.0.subscribe();
        let since = *watched.borrow_and_update();
        let Some(since) = since else { return };
        let over = watched.wait_for(Option::is_none);
        // Nobody is left to say that it is over: then nothing is to be waited for.
        let _ = tokio::time::timeout_at(hold_until(since, caught_up), over).await;
    }
}

/// Twice as long as the backlog has lasted so far, within limits.
fn hold_until(since: Instant, caught_up: Instant) -> Instant {
    let lasted = caught_up.saturating_duration_since(since);
    caught_up.max(since) + (2 * lasted).clamp(SHORTEST_HOLD, LONGEST_HOLD)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Backlog, LONGEST_HOLD, SHORTEST_HOLD, hold_until};

    #[test]
    fn stitching_waits_longer_the_longer_the_backlog_lasts() {
        let since = Instant::now();
        let seconds = Duration::from_secs;
        assert_eq!(hold_until(since + seconds(1), since), since + seconds(1) + SHORTEST_HOLD);
        assert_eq!(hold_until(since, since + seconds(2)), since + seconds(6));
        assert_eq!(hold_until(since, since + seconds(60)), since + seconds(60) + LONGEST_HOLD);
    }

    #[tokio::test]
    async fn stitching_waits_for_nothing_without_a_backlog() {
        let backlog = Backlog::default();
        backlog.hold(Instant::now()).await;
        backlog.begin();
        assert!(backlog.lasts());
        backlog.end();
        assert!(!backlog.lasts());
        backlog.hold(Instant::now()).await;
    }

    #[tokio::test]
    async fn stitching_goes_on_when_the_backlog_is_over() {
        let backlog = Backlog::default();
        backlog.begin();
        // Long ago and far ahead: only the end of the backlog can end this.
        let caught_up = Instant::now() + Duration::from_hours(1);
        tokio::join!(backlog.hold(caught_up), async { backlog.end() });
    }
}
