//! What stitching derived and wrote, on its way past the store to the index. On the node that stitched them, entities
//! need neither be read again nor understood again.

use std::collections::VecDeque;
use std::time::Duration;

use callboard_index::IndexedEntity;
use callboard_store::ChangeSequence;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// How many entities may be on their way, of some 4 KB each; the index reads what does not fit from the store, and has to
/// understand it anew. While a large catalog comes in, it is some ten thousand behind at times.
const CAPACITY: usize = 32_768;

/// While more than this are on their way, stitching waits: the index would have to read the rest from the store, which
/// costs more than it takes to stitch it.
const ENOUGH: usize = CAPACITY / 2;

/// A part of the change log: all that is in it after one place and up to another.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) after: ChangeSequence,
    pub(crate) last: ChangeSequence,
    /// In any order, each once.
    pub(crate) entities: Vec<IndexedEntity>,
}

#[derive(Default)]
pub(crate) struct HandOff {
    waiting: Mutex<Waiting>,
    taken: Notify,
}

#[derive(Default)]
struct Waiting {
    blocks: VecDeque<Block>,
    /// How many blocks are being written at this moment.
    coming: usize,
}

/// A block that is being written.
pub(crate) struct Coming<'a>(&'a HandOff);

impl HandOff {
    /// Says that a block will be put, or not, when what this returns is gone.
    pub(crate) fn announce(&self) -> Coming<'_> {
        self.waiting.lock().coming += 1;
        Coming(self)
    }

    /// Whether more is about to come.
    pub(crate) fn is_coming(&self) -> bool {
        self.waiting.lock().coming > 0
    }

    /// Whether there is a block that begins after `reached`.
    pub(crate) fn has_next(&self, reached: ChangeSequence) -> bool {
        self.waiting.lock().blocks.iter().any(|block| block.after == reached)
    }

    /// Ends when little is on its way, or the index has been waited for long enough.
    pub(crate) async fn has_room(&self, patience: Duration) {
        let room = async {
            loop {
                let taken = self.taken.notified();
                if self.waiting.lock().size() <= ENOUGH {
                    return;
                }
                taken.await;
            }
        };
        let _ = tokio::time::timeout(patience, room).await;
    }

    /// Puts what was written.
    pub(crate) fn put(&self, block: Block) {
        let mut waiting = self.waiting.lock();
        if waiting.size() + block.entities.len() > CAPACITY {
            // The index is far behind; it finds all of this in the store.
            waiting.blocks.clear();
        }
        waiting.blocks.push_back(block);
    }

    /// Takes the block that begins after `reached`. What came before that is forgotten.
    pub(crate) fn take_next(&self, reached: ChangeSequence) -> Option<Block> {
        let mut waiting = self.waiting.lock();
        waiting.blocks.retain(|block| block.after >= reached);
        let place = waiting.blocks.iter().position(|block| block.after == reached);
        let next = place.and_then(|place| waiting.blocks.remove(place));
        drop(waiting);
        self.taken.notify_waiters();
        next
    }
}

impl Waiting {
    fn size(&self) -> usize {
        self.blocks.iter().map(|block| block.entities.len()).sum()
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().coming -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use callboard_index::IndexedEntity;
    use callboard_model::EntityRef;
    use callboard_store::ChangeSequence;
    use serde_json::json;

    use super::{Block, CAPACITY, ENOUGH, HandOff};

    const LONG: Duration = Duration::from_hours(1);

    fn block(size: usize, after: u64, last: u64) -> Block {
        let entity = |number| {
            let entity = json!({ "kind": "Component", "metadata": { "name": format!("e{number}") } });
            let name = EntityRef::new("component", "default", &format!("e{number}"));
            IndexedEntity::new(name, "uid", Bytes::from(entity.to_string()), &entity).unwrap()
        };
        let (after, last) = (ChangeSequence(after), ChangeSequence(last));
        Block { after, last, entities: (0..size).map(entity).collect() }
    }

    #[test]
    fn blocks_come_in_the_order_of_their_places_and_without_gaps() {
        let hand_off = HandOff::default();
        let next = |reached| hand_off.take_next(ChangeSequence(reached)).map(|block| block.last.0);
        hand_off.put(block(3, 5, 9));
        assert_eq!(next(4), None, "there is something else before it");
        hand_off.put(block(2, 2, 4));
        assert_eq!(next(2), Some(4));
        assert_eq!(next(5), Some(9));
        assert_eq!(next(9), None);
    }

    #[test]
    fn what_the_index_has_reached_otherwise_is_forgotten() {
        let hand_off = HandOff::default();
        hand_off.put(block(3, 5, 8));
        assert!(hand_off.take_next(ChangeSequence(6)).is_none(), "the index is in the middle of it");
        assert!(hand_off.take_next(ChangeSequence(5)).is_none(), "and it stays forgotten");
    }

    #[test]
    fn an_index_that_is_far_behind_reads_from_the_store() {
        let hand_off = HandOff::default();
        let size = CAPACITY / 3;
        for number in 1..=4 {
            let last = number * size as u64;
            hand_off.put(block(size, last - size as u64, last));
        }
        assert!(hand_off.take_next(ChangeSequence(0)).is_none());
    }

    #[tokio::test]
    async fn room_is_waited_for_until_the_index_has_taken_what_is_there() {
        let hand_off = HandOff::default();
        hand_off.put(block(ENOUGH, 0, 1));
        hand_off.has_room(LONG).await;
        hand_off.put(block(1, 1, 2));
        let mut room = Box::pin(hand_off.has_room(LONG));
        assert!(futures::poll!(&mut room).is_pending());
        assert!(hand_off.take_next(ChangeSequence(0)).is_some());
        assert!(futures::poll!(&mut room).is_ready());
    }

    #[tokio::test]
    async fn an_index_that_stands_still_holds_nothing_up() {
        let hand_off = HandOff::default();
        hand_off.put(block(ENOUGH + 1, 0, 1));
        hand_off.has_room(Duration::ZERO).await;
    }

    #[test]
    fn what_is_being_written_is_known() {
        let hand_off = HandOff::default();
        let coming = hand_off.announce();
        assert!(hand_off.is_coming());
        drop(coming);
        assert!(!hand_off.is_coming());
    }
}
