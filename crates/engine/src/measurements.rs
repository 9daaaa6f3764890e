//! What the engine counts and times. It goes through a facade: who collects it is of no interest here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use callboard_index::FacetQuery;
use callboard_store::{
    ChangeSequence, DueEntity, ProcessingOutcome, StitchCommit, StitchOutcome, StoreError,
};
use jiff::Timestamp;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::catalog::Catalog;
use crate::core::Core;

/// How old what is looked up in all of the catalog may be.
const FRESH: Duration = Duration::from_secs(10);

/// Looks at the catalog as a whole, not too often.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    last: Mutex<Option<Instant>>,
    /// The kinds that were ever seen: one that has gone has zero entities.
    kinds: Mutex<BTreeSet<String>>,
}

impl Measurements {
    /// Whether it is time to look again. If so, others need not.
    fn are_due(&self) -> bool {
        let mut last = self.last.lock();
        let due = last.is_none_or(|last| last.elapsed() >= FRESH);
        if due {
            *last = Some(Instant::now());
        }
        due
    }

    fn show_kinds(&self, counts: &BTreeMap<String, u64>) {
        let mut kinds = self.kinds.lock();
        kinds.extend(counts.keys().cloned());
        for kind in &*kinds {
            let entities = counts.get(kind).copied().unwrap_or_default();
            gauge!("catalog_entities_count", "kind" => kind.clone()).set(count(entities));
        }
    }
}

/// Says what each of the engine's metrics means.
pub fn describe_metrics() {
    describe_counter!("catalog_processed_entities_count", "Entities processed, by what that came to");
    describe_histogram!("catalog_processing_duration_seconds", "Processing of one entity as a whole");
    describe_histogram!("catalog_processors_duration_seconds", "All processors on one entity");
    describe_histogram!("catalog_processing_queue_delay_seconds", "How late entities are taken up");
    describe_gauge!(
        "catalog_processing_queue_length",
        "Entities new, changed or asked for, not processed since"
    );
    describe_counter!("catalog_stitched_entities_count", "Entities stitched, by what that came to");
    describe_histogram!("catalog_stitching_duration_seconds", "Stitching of one batch of entities");
    describe_gauge!("catalog_stitching_queue_length", "Entities marked to be stitched");
    describe_histogram!("catalog_store_batch_duration_seconds", "One batch of the database, by operation");
    describe_gauge!("catalog_entities_count", "Entities, by kind");
    describe_gauge!("catalog_relations_count", "Relations of all entities");
    describe_gauge!("catalog_registered_locations_count", "Locations that were registered");
    describe_gauge!("catalog_orphans_count", "Entities that no source claims");
    describe_counter!(
        "catalog_removals_refused_total",
        "Changes refused because they would remove too much, by provider"
    );
    describe_counter!("catalog_events_delivered_total", "Events, by subscriber and by what came of it");
    describe_counter!("catalog_events_scm_messages_total", "Events of source code hosts, by what they say");
    describe_counter!("catalog_events_scm_actions_total", "What was done about events of source code hosts");
    describe_gauge!("catalog_index_position", "The place in the change log that the index has reached");
    describe_gauge!(
        "catalog_index_changes_behind",
        "Places of the change log that the index has not reached yet"
    );
    describe_gauge!("catalog_index_terms", "Distinct pairs of key and value in the index");
    describe_gauge!("catalog_index_memory_bytes", "Memory of the index, estimated, by part");
}

/// Times a batch of the database.
pub(crate) async fn timed<T>(operation: &'static str, batch: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let result = batch.await;
    histogram!("catalog_store_batch_duration_seconds", "operation" => operation).record(started.elapsed());
    result
}

/// Entities were taken up.
pub(crate) fn taken_up(batch: &[DueEntity], now: Timestamp) {
    let delays = histogram!("catalog_processing_queue_delay_seconds");
    for due in batch {
        delays.record(Duration::try_from(now.duration_since(due.due_since)).unwrap_or_default());
    }
}

/// All processors have run on an entity.
pub(crate) fn processors_ran(is_ok: bool, started: Instant) {
    let result = if is_ok { "ok" } else { "failed" };
    histogram!("catalog_processors_duration_seconds", "result" => result).record(started.elapsed());
}

/// An entity was processed; without an outcome, the server itself failed.
pub(crate) fn processed(outcome: Option<&ProcessingOutcome>, started: Instant) {
    let result = match outcome {
        Some(ProcessingOutcome::Unchanged) => "unchanged",
        Some(ProcessingOutcome::Succeeded { .. }) => "changed",
        Some(ProcessingOutcome::Failed { .. }) => "errors",
        None => "failed",
    };
    counter!("catalog_processed_entities_count", "result" => result).increment(1);
    histogram!("catalog_processing_duration_seconds", "result" => result).record(started.elapsed());
}

/// Routine refreshes came to nothing new, as it was known that they would.
pub(crate) fn settled(count: usize) {
    if count > 0 {
        counter!("catalog_processed_entities_count", "result" => "unchanged").increment(count as u64);
    }
}

/// A batch was stitched, and is about to be written.
pub(crate) fn stitched(commits: &[StitchCommit], started: Instant) {
    for commit in commits {
        let result = match commit.outcome {
            StitchOutcome::Unchanged => "unchanged",
            StitchOutcome::Changed { .. } => "changed",
            StitchOutcome::Failed { .. } => "error",
        };
        counter!("catalog_stitched_entities_count", "result" => result).increment(1);
    }
    histogram!("catalog_stitching_duration_seconds").record(started.elapsed());
}

/// The index has reached a place in the change log.
pub(crate) fn index_reached(sequence: ChangeSequence) {
    gauge!("catalog_index_position").set(count(sequence.0));
}

/// Counts what is in the catalog, if that was not done just before.
///
/// # Errors
///
/// The database failed; what the index tells is counted all the same.
pub(crate) async fn measure(core: &Core, catalog: Catalog) -> Result<(), StoreError> {
    if !core.is_ready() || !core.measurements.are_due() {
        return Ok(());
    }
    // It goes through all of the index, which takes a while for a large one.
    let kinds = tokio::task::spawn_blocking(move || measure_index(&catalog)).await.unwrap_or_default();
    core.measurements.show_kinds(&kinds);
    let depth = core.store.queue_depth().await?;
    gauge!("catalog_processing_queue_length").set(count(depth.urgent));
    gauge!("catalog_stitching_queue_length").set(count(depth.stitch_marks));
    gauge!("catalog_orphans_count").set(count(depth.orphans));
    let (head, reached) = (core.store.head().await?, *core.indexed.borrow());
    gauge!("catalog_index_changes_behind").set(count(head.0.saturating_sub(reached.0)));
    let locations = core.store.locations().await?;
    gauge!("catalog_registered_locations_count").set(count(locations.len() as u64));
    Ok(())
}

/// Returns how many entities there are of each kind.
fn measure_index(catalog: &Catalog) -> BTreeMap<String, u64> {
    let index = catalog.index().read();
    let kinds = FacetQuery { facets: vec!["kind".to_owned()], ..FacetQuery::default() };
    let kinds = index.facets(&kinds).into_iter().flat_map(|facet| facet.values);
    let kinds = kinds.map(|kind| (kind.value.to_lowercase(), kind.count)).collect();
    gauge!("catalog_relations_count").set(count(index.count_terms("relations.")));
    let usage = index.memory_usage();
    gauge!("catalog_index_terms").set(count(usage.terms as u64));
    let parts = [
        ("bodies", usage.body_bytes),
        ("entities", usage.entity_bytes),
        ("term_lists", usage.term_list_bytes),
        ("texts", usage.text_bytes),
        ("postings", usage.postings_bytes),
        ("keys", usage.key_bytes),
    ];
    for (part, bytes) in parts {
        gauge!("catalog_index_memory_bytes", "part" => part).set(count(bytes as u64));
    }
    kinds
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and nobody counts further")]
fn count(number: u64) -> f64 {
    number as f64
}
