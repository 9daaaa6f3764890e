//! Leaves a program alone that fails again and again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Circuit {
    limit: u32,
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Circuit {
    pub(super) fn new(limit: u32, open_for: Duration) -> Self {
        Self { limit: limit.max(1), open_for, state: Mutex::default() }
    }

    /// Whether a call may be made. When the rest is over, one call is let through; the others wait for how it ends.
    pub(super) fn lets_through(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            None => true,
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                state.open_until = Some(Instant::now() + self.open_for);
                true
            }
        }
    }

    pub(super) fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// Whether this failure opened the circuit.
    pub(super) fn failed(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures += 1;
        if state.failures < self.limit {
            return false;
        }
        let was_closed = state.open_until.is_none();
        state.open_until = Some(Instant::now() + self.open_for);
        was_closed
    }
}
