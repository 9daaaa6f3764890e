//! What has been taken up and is not written yet. One entity is never processed twice at the same time, so
//! that an older state of its source cannot be written over a newer one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use callboard_model::EntityRef;
use callboard_store::DueEntity;
use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct InFlight {
    /// With an entity, the run that has to wait until the present one is written.
    entities: Mutex<HashMap<EntityRef, Option<DueEntity>>>,
    computing: AtomicUsize,
    waiting_urgent: AtomicUsize,
    waiting_routine: AtomicUsize,
    freed: Notify,
}

impl InFlight {
    /// Takes entities up. Those that are in flight already are kept for later.
    pub(crate) fn admit(&self, batch: Vec<DueEntity>) -> Vec<DueEntity> {
        let mut entities = self.entities.lock();
        let mut admitted = Vec::with_capacity(batch.len());
        for due in batch {
            if let Some(parked) = entities.get_mut(&due.entity_ref) {
                *parked = Some(due);
            } else {
                entities.insert(due.entity_ref.clone(), None);
                admitted.push(due);
            }
        }
        self.computing.fetch_add(admitted.len(), Ordering::Relaxed);
        admitted
    }

    /// Forgets entities whose outcome is written; returns those among them that are to run once more.
    pub(crate) fn finish<'a>(&self, refs: impl Iterator<Item = &'a EntityRef>) -> Vec<DueEntity> {
        let mut again = Vec::new();
        let mut entities = self.entities.lock();
        for entity_ref in refs {
            if let Some(Some(mut due)) = entities.remove(entity_ref) {
                // What was stored when it was taken up is not what is stored now.
                due.result_hash = None;
                entities.insert(due.entity_ref.clone(), None);
                again.push(due);
            }
        }
        drop(entities);
        self.computing.fetch_add(again.len(), Ordering::Relaxed);
        self.freed.notify_one();
        again
    }

    /// How many entities are in flight.
    pub(crate) fn len(&self) -> usize {
        self.entities.lock().len()
    }

    /// How many are neither written nor waiting for I/O.
    pub(crate) fn outstanding(&self) -> usize {
        let waiting =
            self.waiting_urgent.load(Ordering::Relaxed) + self.waiting_routine.load(Ordering::Relaxed);
        self.len().saturating_sub(waiting)
    }

    /// How many are being computed, without those that wait for I/O.
    pub(crate) fn computing(&self) -> usize {
        self.computing.load(Ordering::Relaxed)
    }

    /// Says that so many are no longer being computed: they have an outcome, or wait for I/O.
    pub(crate) fn computed(&self, count: usize) {
        self.computing.fetch_sub(count, Ordering::Relaxed);
    }

    /// Counts one that waits for I/O, until [`InFlight::end_waiting`].
    pub(crate) fn begin_waiting(&self, urgent: bool) {
        self.waiting(urgent).fetch_add(1, Ordering::Relaxed);
        self.freed.notify_one();
    }

    pub(crate) fn end_waiting(&self, urgent: bool) {
        self.waiting(urgent).fetch_sub(1, Ordering::Relaxed);
    }

    fn waiting(&self, urgent: bool) -> &AtomicUsize {
        if urgent { &self.waiting_urgent } else { &self.waiting_routine }
    }

    pub(crate) fn waiting_routine(&self) -> usize {
        self.waiting_routine.load(Ordering::Relaxed)
    }

    /// Ends when there may be room for more.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use callboard_model::EntityRef;
    use callboard_store::{Document, DocumentHash, DueEntity, Uid};
    use jiff::Timestamp;

    use super::InFlight;

    fn due(name: &str, due_since: i64) -> DueEntity {
        let hash = DocumentHash::new([1; 16]);
        DueEntity {
            entity_ref: EntityRef::new("component", "default", name),
            uid: Uid::from_bytes([1; 16]),
            document: Document { json: [].into(), hash },
            location_key: None,
            result_hash: Some(hash),
            cache: None,
            due_since: Timestamp::from_second(due_since).unwrap(),
            urgent: true,
        }
    }

    #[test]
    fn one_entity_is_in_flight_once_and_what_came_meanwhile_runs_after_it() {
        let in_flight = InFlight::default();
        assert_eq!(in_flight.admit(vec![due("a", 1), due("b", 1)]).len(), 2);
        assert!(in_flight.admit(vec![due("a", 2)]).is_empty());
        assert!(in_flight.admit(vec![due("a", 3)]).is_empty(), "the latest counts");
        assert_eq!((in_flight.len(), in_flight.computing()), (2, 2));

        in_flight.computed(2);
        let refs = ["a", "b"].map(|name| EntityRef::new("component", "default", name));
        let again = in_flight.finish(refs.iter());
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].due_since.as_second(), 3);
        assert_eq!(again[0].result_hash, None, "what is stored has changed since it was taken up");
        assert_eq!((in_flight.len(), in_flight.computing()), (1, 1));
        in_flight.computed(1);
        assert!(in_flight.finish(refs.iter()).is_empty());
        assert_eq!(in_flight.len(), 0);
    }
}
