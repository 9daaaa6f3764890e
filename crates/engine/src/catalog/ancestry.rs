//! From an entity up to where it came from.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use callboard_model::EntityRef;
use callboard_store::StoreError;

use crate::core::Core;

/// How many levels of parents are followed. Real ones are a handful; more would be a loop in the data.
const MAX_LEVELS: usize = 256;

/// An entity on the way up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AncestryItem {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// The final entity, as clients get it.
    pub entity: Bytes,
    /// The entities that emitted it and are final themselves.
    pub parent_refs: Vec<EntityRef>,
}

/// Every final entity above one, with its parents.
struct Family {
    entities: HashMap<EntityRef, Bytes>,
    parents: HashMap<EntityRef, Vec<EntityRef>>,
}

pub(super) async fn ancestry(
    core: &Core,
    entity_ref: &EntityRef,
) -> Result<Option<Vec<AncestryItem>>, StoreError> {
    let family = Family::of(core, entity_ref).await?;
    if !family.entities.contains_key(entity_ref) {
        return Ok(None);
    }
    Ok(Some(family.depth_first(entity_ref)))
}

impl Family {
    /// Asks level by level, so that the number of statements is the height, not the number of entities.
    async fn of(core: &Core, entity_ref: &EntityRef) -> Result<Self, StoreError> {
        let mut family = Self { entities: HashMap::new(), parents: HashMap::new() };
        let mut level = vec![entity_ref.clone()];
        for _ in 0..MAX_LEVELS {
            family.look_up(core, &level);
            level.retain(|entity_ref| family.entities.contains_key(entity_ref));
            if level.is_empty() {
                break;
            }
            let mut above = Vec::new();
            for (child, parent) in core.store.parents(&level).await? {
                if !family.entities.contains_key(&parent) && !above.contains(&parent) {
                    above.push(parent.clone());
                }
                family.parents.entry(child).or_default().push(parent);
            }
            level = above;
        }
        Ok(family)
    }

    fn look_up(&mut self, core: &Core, refs: &[EntityRef]) {
        let index = core.index.read();
        for entity_ref in refs {
            if let Some(hit) = index.by_ref(entity_ref.as_str()) {
                self.entities.insert(entity_ref.clone(), hit.body);
            }
        }
    }

    fn depth_first(&self, entity_ref: &EntityRef) -> Vec<AncestryItem> {
        let mut items = Vec::with_capacity(self.entities.len());
        let mut seen = HashSet::from([entity_ref]);
        let mut todo = vec![entity_ref];
        while let Some(current) = todo.pop() {
            let Some(entity) = self.entities.get(current) else { continue };
            let parents = self.parents.get(current).map(Vec::as_slice).unwrap_or_default();
            let parents: Vec<&EntityRef> =
                parents.iter().filter(|parent| self.entities.contains_key(*parent)).collect();
            items.push(AncestryItem {
                entity_ref: current.clone(),
                entity: entity.clone(),
                parent_refs: parents.iter().copied().cloned().collect(),
            });
            // The store names the latest first, and the last one pushed is the next one popped.
            todo.extend(parents.into_iter().rev().filter(|parent| seen.insert(parent)));
        }
        items
    }
}
