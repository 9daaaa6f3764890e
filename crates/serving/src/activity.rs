//! What a connection is doing, and whether it has done nothing for too long.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::settings::ServingSettings;

/// For how long a closed connection is listened to, so that its client can read the answer before it is told that
/// nobody listens.
const LINGER: Duration = Duration::from_millis(500);

/// Shared by the socket, which sees bytes, the requests, and whoever watches over the connection.
#[derive(Debug)]
pub(crate) struct Activity {
    head_timeout: Duration,
    idle_timeout: Duration,
    stall_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests that are being answered.
    open: u32,
    /// Requests so far.
    requests: u32,
    /// Since when no request is open.
    idle_since: Instant,
    /// When the first byte after that came.
    head_since: Option<Instant>,
    /// Since when the client takes nothing of what is sent.
    blocked_since: Option<Instant>,
    /// Since when the connection is closed on this side.
    closed_since: Option<Instant>,
}

/// What to do with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Patience,
    /// There was no request for long enough; it may be ended in good order.
    Idle,
    /// The client was too slow, for this reason.
    Overdue(&'static str),
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenRequest {
    activity: std::sync::Arc<Activity>,
    /// Which one it is of its connection, from 1.
    pub(crate) number: u32,
}

impl Activity {
    pub(crate) fn new(settings: &ServingSettings, now: Instant) -> Self {
        let state = State {
            open: 0,
            requests: 0,
            idle_since: now,
            head_since: None,
            blocked_since: None,
            closed_since: None,
        };
        Self {
            head_timeout: settings.head_timeout,
            idle_timeout: settings.idle_timeout,
            stall_timeout: settings.stall_timeout,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn begin_request(self: &std::sync::Arc<Self>) -> OpenRequest {
        let mut state = self.state.lock();
        state.open += 1;
        state.requests = state.requests.saturating_add(1);
        OpenRequest { activity: std::sync::Arc::clone(self), number: state.requests }
    }

    /// Bytes came.
    pub(crate) fn received(&self) {
        let mut state = self.state.lock();
        if state.open == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    /// The client takes nothing.
    pub(crate) fn blocked(&self) {
        let mut state = self.state.lock();
        if state.blocked_since.is_none() {
            state.blocked_since = Some(Instant::now());
        }
    }

    /// The client took something.
    pub(crate) fn sent(&self) {
        self.state.lock().blocked_since = None;
    }

    /// Nothing more is sent, and what comes is thrown away.
    pub(crate) fn closed(&self) {
        self.state.lock().closed_since.get_or_insert_with(Instant::now);
    }

    /// Whether the client had its chance to read the last answer.
    pub(crate) fn verdict(&self, now: Instant) -> Verdict {
        let state = self.state.lock();
        let is_over =
            |since: Option<Instant>, limit: Duration| since.is_some_and(|since| now >= since + limit);
        if is_over(state.closed_since, LINGER) {
            return Verdict::Overdue("closing");
        }
        if is_over(state.blocked_since, self.stall_timeout) {
            return Verdict::Overdue("stalled");
        }
        if state.open > 0 {
            return Verdict::Patience;
        }
        if is_over(state.head_since, self.head_timeout) {
            return Verdict::Overdue("head");
        }
        let is_silent = state.head_since.is_none();
        if is_silent && state.requests == 0 && now >= state.idle_since + self.head_timeout {
            return Verdict::Overdue("silent");
        }
        if is_silent && state.requests > 0 && now >= state.idle_since + self.idle_timeout {
            return Verdict::Idle;
        }
        Verdict::Patience
    }

    /// When to ask for the verdict again. Nothing can become overdue unseen for longer than the shortest limit.
    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        let state = self.state.lock();
        let shortest = self.head_timeout.min(self.idle_timeout).min(self.stall_timeout).min(LINGER * 10);
        let mut next = now + shortest.max(Duration::from_millis(10));
        let ends = [
            state.closed_since.map(|since| since + LINGER),
            state.blocked_since.map(|since| since + self.stall_timeout),
            (state.open == 0).then_some(()).and(state.head_since).map(|since| since + self.head_timeout),
        ];
        for end in ends.into_iter().flatten() {
            next = next.min(end);
        }
        next
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut state = self.activity.state.lock();
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            state.idle_since = Instant::now();
            state.head_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn second(count: u32) -> Duration {
        Duration::from_secs(count.into())
    }

    #[tokio::test(start_paused = true)]
    async fn patience_depends_on_what_is_waited_for() {
        let settings = ServingSettings {
            head_timeout: second(10),
            idle_timeout: second(3),
            stall_timeout: second(20),
            ..ServingSettings::default()
        };
        let start = Instant::now();
        let activity = Arc::new(Activity::new(&settings, start));
        let verdict = |passed: u32| activity.verdict(start + second(passed));

        assert_eq!((verdict(9), verdict(10)), (Verdict::Patience, Verdict::Overdue("silent")));
        tokio::time::advance(second(5)).await;
        activity.received();
        assert_eq!((verdict(14), verdict(15)), (Verdict::Patience, Verdict::Overdue("head")));
        let request = activity.begin_request();
        assert_eq!(verdict(1000), Verdict::Patience);
        activity.blocked();
        assert_eq!((verdict(24), verdict(25)), (Verdict::Patience, Verdict::Overdue("stalled")));
        activity.sent();
        drop(request);
        assert_eq!((verdict(7), verdict(8)), (Verdict::Patience, Verdict::Idle));
        activity.received();
        assert_eq!((verdict(14), verdict(15)), (Verdict::Patience, Verdict::Overdue("head")));
        activity.closed();
        assert_eq!(verdict(6), Verdict::Overdue("closing"));
    }
}
