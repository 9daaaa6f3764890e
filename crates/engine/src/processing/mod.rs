//! From a claimed document to outcomes: the steps of one run, and the loop that runs them for all that is due.

pub(crate) mod chain;
pub(crate) mod committer;
pub(crate) mod emissions;
pub(crate) mod hook;
pub(crate) mod in_flight;
pub(crate) mod location_step;
pub(crate) mod outcome;
pub(crate) mod pipeline;
pub(crate) mod reads;
pub(crate) mod run_cache;
pub(crate) mod work_loop;
