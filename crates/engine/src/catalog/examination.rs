//! Whether what is stored, and what is in memory, is as it has to be.

use std::collections::HashSet;
use std::time::Duration;

use callboard_model::EntityRef;
use callboard_store::{FinalEntity, QueueDepth, Repair, Store, StoreError, Violation};
use serde_json::Value;

use super::Catalog;

/// How many final entities are looked at together.
const PAGE: usize = 500;
/// How long the index may take to catch up before it is compared.
const CATCH_UP: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    /// Where an invariant does not hold: those of the store, and
    ///
    /// - `final-body`: a final entity is JSON that names the entity and its uid;
    /// - `index`: the index holds exactly the final entities of the store, byte for byte.
    pub violations: Vec<Violation>,
    /// How much there is, and how much work waits.
    pub depth: QueueDepth,
}

/// Examines a store that no engine needs to run on.
///
/// # Errors
///
/// [`StoreError`].
pub async fn examine_store(store: &dyn Store) -> Result<Examination, StoreError> {
    let mut violations = store.violations().await?;
    let mut after: Option<EntityRef> = None;
    loop {
        let page = store.final_entities(after.as_ref(), PAGE).await?;
        violations.extend(page.iter().filter_map(wrong_body));
        match page.into_iter().next_back() {
            Some(last) => after = Some(last.entity_ref),
            None => break,
        }
    }
    Ok(Examination { violations, depth: store.queue_depth().await? })
}

impl Catalog {
    /// Examines the store and the index.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn examine(&self) -> Result<Examination, StoreError> {
        let mut examination = examine_store(&*self.core.store).await?;
        let mut wrong = self.differences().await?;
        if !wrong.is_empty() {
            // What changed just now is not wrong: it has to differ twice, and the index gets its time.
            let head = self.core.store.head().await?;
            self.wait_for(head, CATCH_UP).await;
            let again = self.differences().await?;
            wrong.retain(|difference| again.contains(difference));
        }
        let mut details: Vec<String> = wrong.into_iter().collect();
        details.sort();
        let violation = |detail| Violation { invariant: "index", detail };
        examination.violations.extend(details.into_iter().map(violation));
        Ok(examination)
    }

    /// Mends what can be mended in the store. The index follows.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing was changed then.
    pub async fn repair(&self) -> Result<Vec<Repair>, StoreError> {
        let repairs = self.core.store.repair(self.core.clock.now()).await?;
        let head = self.core.store.head().await?;
        self.core.made_visible(head).await;
        Ok(repairs)
    }

    /// Where the index is not what the store says.
    async fn differences(&self) -> Result<HashSet<String>, StoreError> {
        let mut differences = HashSet::new();
        let mut stored = 0;
        let mut after: Option<EntityRef> = None;
        loop {
            let page = self.core.store.final_entities(after.as_ref(), PAGE).await?;
            stored += page.len();
            {
                let index = self.core.index.read();
                for entity in &page {
                    match index.by_ref(entity.entity_ref.as_str()) {
                        None => _ = differences.insert(format!("{} is missing", entity.entity_ref)),
                        Some(hit) if *hit.body != *entity.body => {
                            differences.insert(format!("{} is not the stored one", entity.entity_ref));
                        }
                        Some(_) => {}
                    }
                }
            }
            match page.into_iter().next_back() {
                Some(last) => after = Some(last.entity_ref),
                None => break,
            }
        }
        let indexed = self.core.index.read().len();
        if indexed > stored {
            differences.insert("there are entities that the store does not have".to_owned());
        }
        Ok(differences)
    }
}

fn wrong_body(entity: &FinalEntity) -> Option<Violation> {
    let fault = match serde_json::from_slice::<Value>(&entity.body) {
        Err(error) => format!("is no JSON: {error}"),
        Ok(body) => {
            let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
            let namespace = text("/metadata/namespace").unwrap_or("default");
            let named = match (text("/kind"), text("/metadata/name")) {
                (Some(kind), Some(name)) => Some(EntityRef::new(kind, namespace, name)),
                _ => None,
            };
            if named.as_ref() != Some(&entity.entity_ref) {
                "names another entity".to_owned()
            } else if text("/metadata/uid") != Some(entity.uid.to_string().as_str()) {
                "has another uid".to_owned()
            } else {
                return None;
            }
        }
    };
    let detail = format!("the final form of {} {fault}", entity.entity_ref);
    Some(Violation { invariant: "final-body", detail })
}
