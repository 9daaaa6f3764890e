//! What stitching derived of an entity, on its way past the store to the index. Deriving search terms is the
//! larger part of the work for a final entity, and need not be done twice on the node that stitched it.

use std::collections::HashMap;

use callboard_index::IndexedEntity;
use callboard_model::EntityRef;
use parking_lot::Mutex;

/// How many entities may be on their way; the index derives what does not fit by itself.
const CAPACITY: usize = 4096;

#[derive(Default)]
pub(crate) struct HandOff(Mutex<HashMap<EntityRef, IndexedEntity>>);

impl HandOff {
    /// Puts entities that are about to be written.
    pub(crate) fn put(&self, entities: impl IntoIterator<Item = IndexedEntity>) {
        let mut waiting = self.0.lock();
        for entity in entities {
            if waiting.len() >= CAPACITY {
                // Left over from writes that failed, or the index is far behind; either way they are dispensable.
                waiting.clear();
            }
            waiting.insert(entity.entity_ref.clone(), entity);
        }
    }

    /// Takes an entity, if this is what was made of it.
    pub(crate) fn take(&self, entity_ref: &EntityRef, body: &[u8]) -> Option<IndexedEntity> {
        self.0.lock().remove(entity_ref).filter(|entity| entity.body == body)
    }
}
