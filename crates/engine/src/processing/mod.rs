//! From a claimed document to outcomes: the steps of one run, and the loop that runs them for all that is due.

pub(crate) mod arrivals;
pub(crate) mod backlog;
pub(crate) mod chain;
pub(crate) mod committer;
pub(crate) mod emissions;
pub(crate) mod hook;
pub(crate) mod in_flight;
pub(crate) mod location_step;
pub(crate) mod memory;
pub(crate) mod outcome;
pub(crate) mod pipeline;
pub(crate) mod reads;
pub(crate) mod run_cache;
pub(crate) mod settled_runs;
pub(crate) mod work_loop;

/// After so many items of a long list, others get their turn on the thread.
const BREATH: usize = 128;

/// To be called after each item of a list that may be long.
pub(crate) async fn breathe(index: usize) {
    if index % BREATH == BREATH - 1 {
        tokio::task::yield_now().await;
    }
}
