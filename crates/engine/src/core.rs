//! What all parts of a running engine share.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use callboard_index::IndexReader;
use callboard_model::LocationKey;
use callboard_model::layers::CompiledModel;
use callboard_store::{ChangeSequence, Conflict, MutationReport, ProviderName, Store};
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::database_state::DatabaseWatch;
use crate::events::Events;
use crate::measurements::Measurements;
use crate::processing::arrivals::Arrivals;
use crate::processing::backlog::Backlog;
use crate::processing::pipeline::Pipeline;
use crate::processing::settled_runs::SettledRuns;
use crate::scheduling::Scheduler;
use crate::scm_events::ScmEventBus;
use crate::settings::EngineSettings;
use crate::stitching::hand_off::HandOff;

/// How long an acknowledged write may take to show in the index before the caller is let go all the same.
const INDEX_PATIENCE: Duration = Duration::from_secs(10);

/// How long filling the index anew may take before whoever asked for it goes on.
const REFILL_PATIENCE: Duration = Duration::from_mins(5);

/// Asks for the index to be filled anew.
#[derive(Default)]
pub(crate) struct Refills {
    /// How often that was asked for.
    asked: AtomicU64,
    /// Up to which of these requests it was done.
    done: watch::Sender<u64>,
}

impl Refills {
    /// The last request, unless it was answered.
    pub(crate) fn open(&self) -> Option<u64> {
        let asked = self.asked.load(Ordering::Acquire);
        (asked > *self.done.borrow()).then_some(asked)
    }

    /// All requests up to this one are answered.
    pub(crate) fn answered(&self, request: u64) {
        self.done.send_replace(request);
    }
}

/// Wakes the loops as soon as there is work for them.
#[derive(Default)]
pub(crate) struct Signals {
    pub(crate) processing: Notify,
    pub(crate) stitching: Notify,
    pub(crate) index: Notify,
}

pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: EngineSettings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pipeline: Pipeline,
    /// The kinds and relations that are installed, but for those that a processor knows.
    pub(crate) model: Option<CompiledModel>,
    pub(crate) index: IndexReader,
    pub(crate) hand_off: HandOff,
    pub(crate) settled: SettledRuns,
    pub(crate) backlog: Backlog,
    pub(crate) arrivals: Arrivals,
    /// How far the index has come.
    pub(crate) indexed: watch::Sender<ChangeSequence>,
    pub(crate) signals: Signals,
    pub(crate) refills: Refills,
    pub(crate) scheduler: Scheduler,
    pub(crate) measurements: Measurements,
    pub(crate) events: Events,
    pub(crate) scm_events: Arc<ScmEventBus>,
    /// The large sources of this node.
    pub(crate) incremental: HashSet<ProviderName>,
    pub(crate) ready: AtomicBool,
    pub(crate) database: Arc<DatabaseWatch>,
}

impl Core {
    /// Ends when the index has come so far, or with `false` when the time is over.
    pub(crate) async fn wait_for(&self, sequence: ChangeSequence, timeout: Duration) -> bool {
        self.signals.index.notify_one();
        let mut indexed = self.indexed.subscribe();
        let reached = indexed.wait_for(|reached| *reached >= sequence);
        tokio::time::timeout(timeout, reached).await.is_ok_and(|reached| reached.is_ok())
    }

    /// Has the index filled anew from the store. Ends when it is, or with `false` when that takes too long.
    pub(crate) async fn refill_index(&self) -> bool {
        let request = self.refills.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.signals.index.notify_one();
        let mut done = self.refills.done.subscribe();
        let answered = done.wait_for(|done| *done >= request);
        tokio::time::timeout(REFILL_PATIENCE, answered).await.is_ok_and(|answered| answered.is_ok())
    }

    /// To be called after every change of claims: wakes who has to know, and lets the change be seen.
    pub(crate) async fn changed(&self, report: &MutationReport) {
        report.conflicts.iter().for_each(Self::log_conflict);
        self.made_visible(report.sequence).await;
    }

    /// Wakes all loops, and waits until the index shows what was written.
    pub(crate) async fn made_visible(&self, sequence: ChangeSequence) {
        self.signals.processing.notify_one();
        self.signals.stitching.notify_one();
        if self.is_ready() && self.settings.role.serves() && !self.wait_for(sequence, INDEX_PATIENCE).await {
            tracing::warn!("a change was written, but the index does not show it yet");
        }
    }

    pub(crate) fn log_conflict(conflict: &Conflict) {
        let key = |key: &Option<LocationKey>| key.as_ref().map(ToString::to_string);
        tracing::warn!(
            entity = %conflict.entity_ref,
            source = ?conflict.source,
            rejected = key(&conflict.rejected_key),
            holder = key(&conflict.holder_key),
            "two sources claim one entity; the one that has it keeps it"
        );
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}
