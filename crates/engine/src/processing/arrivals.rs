//! Entities that a mutation of this node made, and took up at once: they need neither be found in the queue nor read again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use callboard_store::{DueEntity, ProviderMutation, TakeUp};
use jiff::Timestamp;
use parking_lot::Mutex;

/// How much may wait here or be about to come, as bytes of documents. What is beyond it waits in the queue, as what other nodes made does.
const CAPACITY: usize = 64 << 20;

#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// Whether there is somebody who processes what arrives.
    open: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    /// What is about to come included.
    bytes: usize,
}

/// Room that is kept for what a mutation takes up, until this is gone.
pub(crate) struct Room<'a> {
    arrivals: &'a Arrivals,
    pub(crate) take_up: TakeUp,
    bytes: usize,
}

/// What one mutation took up.
#[derive(Debug)]
struct Batch {
    entities: VecDeque<DueEntity>,
    lease_until: Timestamp,
}

impl Arrivals {
    /// From now on what arrives is processed here.
    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Room for as much as there is of what this mutation makes, to be taken up with a lease until `lease_until`.
    pub(crate) fn room_for(&self, mutation: &ProviderMutation, lease_until: Timestamp) -> Room<'_> {
        let (ProviderMutation::Full(claims) | ProviderMutation::Delta { added: claims, .. }) = mutation;
        let size: usize = claims.iter().map(|claim| claim.document.json.len()).sum();
        let is_open = self.open.load(Ordering::Acquire);
        let mut waiting = self.waiting.lock();
        let free = if is_open { CAPACITY.saturating_sub(waiting.bytes) } else { 0 };
        let bytes = size.min(free);
        waiting.bytes += bytes;
        drop(waiting);
        // Which of them are new is not known yet; they will be of about the same size.
        let limit = if size <= free { claims.len() } else { free / (size / claims.len()).max(1) };
        Room { arrivals: self, take_up: TakeUp { limit, lease_until }, bytes }
    }

    fn add(&self, entities: Vec<DueEntity>, lease_until: Timestamp) {
        if entities.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        waiting.bytes += entities.iter().map(size).sum::<usize>();
        waiting.batches.push_back(Batch { entities: entities.into(), lease_until });
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().batches.is_empty()
    }

    /// Takes up to `limit` entities out, in the order in which they came. Those whose lease is over by `now` are in the
    /// queue again, and left to it.
    pub(crate) fn take(&self, limit: usize, now: Timestamp) -> Vec<DueEntity> {
        let mut waiting = self.waiting.lock();
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some(batch) = waiting.batches.front_mut()
        {
            let is_over = batch.lease_until <= now;
            let count = if is_over { batch.entities.len() } else { limit - taken.len() };
            let entities: Vec<DueEntity> = batch.entities.drain(..count.min(batch.entities.len())).collect();
            if batch.entities.is_empty() {
                waiting.batches.pop_front();
            }
            waiting.bytes -= entities.iter().map(size).sum::<usize>();
            if !is_over {
                taken.extend(entities);
            }
        }
        taken
    }
}

impl Room<'_> {
    /// Adds what the mutation took up.
    pub(crate) fn fill(self, entities: Vec<DueEntity>) {
        self.arrivals.add(entities, self.take_up.lease_until);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.arrivals.waiting.lock().bytes -= self.bytes;
    }
}

fn size(due: &DueEntity) -> usize {
    due.document.json.len()
}

#[cfg(test)]
mod tests {
    use callboard_model::EntityRef;
    use callboard_store::{Document, DocumentHash, DueEntity, NewClaim, ProviderMutation, Uid};
    use jiff::Timestamp;

    use super::{Arrivals, CAPACITY};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn document(size: usize) -> Document {
        Document { json: vec![b' '; size].into(), hash: DocumentHash::new([1; 16]) }
    }

    fn due(name: &str, size: usize) -> DueEntity {
        DueEntity {
            entity_ref: EntityRef::new("component", "default", name),
            uid: Uid::from_bytes([1; 16]),
            document: document(size),
            location_key: None,
            result_hash: None,
            cache: None,
            due_since: at(0),
            urgent: true,
        }
    }

    fn mutation(sizes: &[usize]) -> ProviderMutation {
        let claim = |size: &usize| NewClaim {
            entity_ref: EntityRef::new("component", "default", "a"),
            location_key: None,
            document: document(*size),
        };
        ProviderMutation::Full(sizes.iter().map(claim).collect())
    }

    fn names(entities: &[DueEntity]) -> Vec<&str> {
        entities.iter().map(|due| due.entity_ref.name()).collect()
    }

    fn limit(arrivals: &Arrivals, sizes: &[usize]) -> usize {
        arrivals.room_for(&mutation(sizes), at(9)).take_up.limit
    }

    #[test]
    fn nothing_is_taken_up_where_nobody_processes() {
        let arrivals = Arrivals::default();
        assert_eq!(limit(&arrivals, &[1, 1]), 0);
        arrivals.open();
        assert_eq!(limit(&arrivals, &[1, 1]), 2);
        assert_eq!(limit(&arrivals, &[]), 0);
    }

    #[test]
    fn no_more_is_taken_up_than_there_is_room_for() {
        let arrivals = Arrivals::default();
        arrivals.open();
        let large = CAPACITY / 4;
        assert_eq!(limit(&arrivals, &[large; 10]), 4);
        let room = arrivals.room_for(&mutation(&[large; 3]), at(9));
        assert_eq!(limit(&arrivals, &[large; 10]), 1, "the others are about to come");
        room.fill(vec![due("a", large), due("b", large)]);
        assert_eq!(limit(&arrivals, &[large; 10]), 2, "there were no more");
        arrivals.take(1, at(1));
        assert_eq!(limit(&arrivals, &[large; 10]), 3);
        arrivals.take(2, at(1));
        assert_eq!(limit(&arrivals, &[large; 10]), 4);
    }

    #[test]
    fn entities_come_out_in_order_unless_their_lease_is_over() {
        let arrivals = Arrivals::default();
        arrivals.add(vec![due("a", 1), due("b", 1), due("c", 1)], at(5));
        arrivals.add(vec![due("d", 1), due("e", 1)], at(9));
        assert_eq!(names(&arrivals.take(2, at(4))), ["a", "b"]);
        assert_eq!(names(&arrivals.take(9, at(5))), ["d", "e"], "the queue has the third");
        assert!(arrivals.take(9, at(5)).is_empty());
        assert_eq!(arrivals.waiting.lock().bytes, 0);
    }
}
