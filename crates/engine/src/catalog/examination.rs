//! Whether what is stored, and what is in memory, is as it has to be.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use callboard_index::{ExaminationPlace, IndexedEntity};
use callboard_model::EntityRef;
use callboard_store::{FinalDocument, QueueDepth, Repair, Store, StoreError, Violation};
use jiff::Timestamp;
use serde_json::Value;

use super::Catalog;
use crate::stitching::assemble::is_hash_of;

/// How many final entities are looked at together.
const PAGE: usize = 500;
/// How many are compared with the index while nobody can change it.
const COMPARED_AT_ONCE: usize = 32;
/// How long the index may take to catch up before it is compared.
const CATCH_UP: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    /// Where an invariant does not hold: those of the store, and
    ///
    /// - `final-body`: a final entity can be read, is JSON that names the entity and its uid, and has the hash that is
    ///   stored with it;
    /// - `index`: the index holds exactly the final entities of the store, byte for byte, and finds each by what
    ///   follows from its JSON, and by nothing else.
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
    let wrong = wrong_documents(store).await?;
    violations.extend(wrong.into_iter().map(|(_, violation)| violation));
    Ok(Examination { violations, depth: store.queue_depth().await? })
}

/// Mends what can be mended in a store. What has to be processed is queued: an engine does the rest.
///
/// # Errors
///
/// [`StoreError`]. What was mended before stays so.
pub async fn repair_store(store: &dyn Store, now: Timestamp) -> Result<Vec<Repair>, StoreError> {
    let mut repairs = store.repair(now).await?;
    let refs: Vec<EntityRef> = wrong_documents(store).await?.into_iter().map(|(name, _)| name).collect();
    let mut times = 0;
    for refs in refs.chunks(PAGE) {
        times += store.renew(refs, now).await?;
    }
    if times > 0 {
        let action = "dropped a final form, and queued its entity";
        let times = u64::try_from(times).unwrap_or(u64::MAX);
        repairs.push(Repair { invariant: "final-body", action, times });
    }
    Ok(repairs)
}

/// The final entities that are not as they have to be.
async fn wrong_documents(store: &dyn Store) -> Result<Vec<(EntityRef, Violation)>, StoreError> {
    let mut wrong = Vec::new();
    let mut after: Option<EntityRef> = None;
    loop {
        let page = store.final_documents(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(wrong) };
        after = Some(last.entity_ref.clone());
        wrong.extend(
            off_the_runtime(move || page.iter().filter_map(wrong_document).collect::<Vec<_>>()).await?,
        );
    }
}

impl Catalog {
    /// Examines the store and the index.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn examine(&self) -> Result<Examination, StoreError> {
        let mut examination = examine_store(&*self.core.store).await?;
        let violation = |detail| Violation { invariant: "index", detail };
        examination.violations.extend(self.lasting_differences().await?.into_iter().map(violation));
        Ok(examination)
    }

    /// Mends what can be mended in the store. The index follows, and is filled anew if it is not what the store says.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. What was mended before stays so.
    pub async fn repair(&self) -> Result<Vec<Repair>, StoreError> {
        let mut repairs = repair_store(&*self.core.store, self.core.clock.now()).await?;
        let head = self.core.store.head().await?;
        self.core.made_visible(head).await;
        if !self.lasting_differences().await?.is_empty() && self.core.refill_index().await {
            repairs.push(Repair { invariant: "index", action: "filled the index anew", times: 1 });
        }
        Ok(repairs)
    }

    /// Where the index is not what the store says, and does not become it.
    async fn lasting_differences(&self) -> Result<Vec<String>, StoreError> {
        if !self.core.settings.role.serves() {
            return Ok(Vec::new());
        }
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
        Ok(details)
    }

    /// Where the index is not what the store says.
    async fn differences(&self) -> Result<HashSet<String>, StoreError> {
        let mut differences = HashSet::new();
        let mut stored = 0;
        let mut after: Option<EntityRef> = None;
        loop {
            let page = self.core.store.final_documents(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.entity_ref.clone());
            stored += page.len();
            let index = self.core.index.clone();
            let faults = move || {
                let derived: Vec<_> = page.into_iter().filter_map(derive).collect();
                let mut faults = Vec::new();
                for some in derived.chunks(COMPARED_AT_ONCE) {
                    let view = index.read();
                    for entity in some {
                        match entity {
                            Ok(entity) => faults.extend(view.faults_of(entity)),
                            Err(fault) => faults.push(fault.clone()),
                        }
                    }
                }
                faults
            };
            differences.extend(off_the_runtime(faults).await?);
        }
        let index = self.core.index.clone();
        if index.read().len() > stored {
            differences.insert("there are entities that the store does not have".to_owned());
        }
        let strays = move || {
            let (mut strays, mut place) = (Vec::new(), ExaminationPlace::default());
            while index.read().stray_postings(&mut place, &mut strays) {}
            strays
        };
        differences.extend(off_the_runtime(strays).await?);
        Ok(differences)
    }
}

/// Runs what takes its time.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(error.into()))
}

/// What the index has to know of a final entity, or why that cannot be; `None` if it cannot be read, which is said
/// elsewhere.
fn derive(document: FinalDocument) -> Option<Result<IndexedEntity, String>> {
    let body = document.body.ok()?;
    let entity: Value = serde_json::from_slice(&body).ok()?;
    let indexed = IndexedEntity::new(
        document.entity_ref.clone(),
        &document.uid.to_string(),
        Bytes::from_owner(body),
        &entity,
    );
    Some(indexed.map_err(|error| format!("{} cannot be indexed: {error}", document.entity_ref)))
}

fn wrong_document(document: &FinalDocument) -> Option<(EntityRef, Violation)> {
    let fault = fault_of(document)?;
    let detail = format!("the final form of {} {fault}", document.entity_ref);
    Some((document.entity_ref.clone(), Violation { invariant: "final-body", detail }))
}

fn fault_of(document: &FinalDocument) -> Option<String> {
    let body = match &document.body {
        Ok(body) => body,
        Err(error) => return Some(format!("cannot be read: {error}")),
    };
    let body: Value = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => return Some(format!("is no JSON: {error}")),
    };
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let namespace = text("/metadata/namespace").unwrap_or("default");
    let named = match (text("/kind"), text("/metadata/name")) {
        (Some(kind), Some(name)) => Some(EntityRef::new(kind, namespace, name)),
        _ => None,
    };
    if named.as_ref() != Some(&document.entity_ref) {
        return Some("names another entity".to_owned());
    }
    if text("/metadata/uid") != Some(document.uid.to_string().as_str()) {
        return Some("has another uid".to_owned());
    }
    if !document.hash.is_some_and(|hash| is_hash_of(&hash, body)) {
        return Some("has not the hash that is stored with it".to_owned());
    }
    None
}

#[cfg(test)]
mod tests;
