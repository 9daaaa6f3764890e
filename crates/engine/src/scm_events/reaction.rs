//! What the catalog does about events of source code hosts.

use std::collections::BTreeSet;
use std::sync::Arc;

use callboard_index::{ListQuery, Predicate, Scalar};
use callboard_model::{EntityRef, LocationPresence, LocationSpec, annotation};
use callboard_sdk::ScmEvent;
use callboard_store::{RegisteredLocation, StoreError};

use super::place::Place;
use crate::catalog::{Catalog, LocationError};
use crate::core::Core;
use crate::processing::emissions::shortened;

/// The type of the locations that are on source code hosts.
const URL: &str = "url";

/// Acts on a batch of events: first locations go, then they move, and then entities are read again.
pub(super) async fn react(core: &Arc<Core>, events: &[ScmEvent]) -> Result<(), StoreError> {
    let wanted = core.settings.scm_events;
    let catalog = Catalog::new(Arc::clone(core));
    let mut changes = Changes::default();
    let mut news = News::default();
    for event in events {
        match event {
            ScmEvent::LocationUpdated { url } if wanted.refresh => news.files.push(url),
            ScmEvent::RepositoryUpdated { url } if wanted.refresh => news.folders.push(url),
            ScmEvent::LocationDeleted { url } if wanted.unregister => changes.deleted.push(url),
            ScmEvent::RepositoryDeleted { url } if wanted.unregister => changes.emptied.push(url),
            ScmEvent::LocationMoved { from_url, to_url } if wanted.move_locations => {
                changes.moved.push((from_url, to_url));
            }
            ScmEvent::RepositoryMoved { from_url, to_url } if wanted.move_locations => {
                changes.relocated.push((from_url, to_url));
            }
            // What is new is for others to find; the rest is not wanted.
            _ => {}
        }
    }
    if !changes.is_empty() {
        changes.make(core, &catalog).await?;
    }
    if !news.is_empty() {
        news.spread(core).await?;
    }
    Ok(())
}

/// What becomes of registered locations.
#[derive(Default)]
struct Changes<'a> {
    deleted: Vec<&'a str>,
    emptied: Vec<&'a str>,
    moved: Vec<(&'a str, &'a str)>,
    relocated: Vec<(&'a str, &'a str)>,
}

impl Changes<'_> {
    fn is_empty(&self) -> bool {
        self.deleted.is_empty()
            && self.emptied.is_empty()
            && self.moved.is_empty()
            && self.relocated.is_empty()
    }

    async fn make(&self, core: &Core, catalog: &Catalog) -> Result<(), StoreError> {
        let emptied: Vec<Place> = self.emptied.iter().filter_map(|url| Place::parse(url)).collect();
        for location in registered(core).await? {
            let is_in =
                |folder: &Place| Place::parse(&location.target).is_some_and(|place| folder.contains(&place));
            if self.deleted.contains(&location.target.as_str()) || emptied.iter().any(is_in) {
                unregister(catalog, &location).await?;
            }
        }
        if self.moved.is_empty() && self.relocated.is_empty() {
            return Ok(());
        }
        for location in registered(core).await? {
            if let Some(target) = self.new_target(&location.target) {
                relocate(catalog, &location, target).await?;
            }
        }
        Ok(())
    }

    fn new_target(&self, target: &str) -> Option<String> {
        let exact = self.moved.iter().find(|(from, _)| *from == target).map(|(_, to)| (*to).to_owned());
        exact.or_else(|| {
            let place = Place::parse(target)?;
            self.relocated.iter().find_map(|(from, to)| Place::parse(from)?.moved(&place, &Place::parse(to)?))
        })
    }
}

async fn registered(core: &Core) -> Result<Vec<RegisteredLocation>, StoreError> {
    let mut locations = core.store.locations().await?;
    locations.retain(|location| location.location_type == URL);
    Ok(locations)
}

async fn unregister(catalog: &Catalog, location: &RegisteredLocation) -> Result<(), StoreError> {
    match catalog.unregister(location.id).await {
        Ok(()) => {
            acted("delete", 1);
            Ok(())
        }
        // Somebody else was faster.
        Err(LocationError::NotFound(_)) => Ok(()),
        Err(LocationError::Store(error)) => Err(error),
        Err(error) => {
            tracing::warn!(target = location.target, %error, "a location could not be unregistered");
            Ok(())
        }
    }
}

/// The new one comes before the old one goes: if this is cut off, none is lost.
async fn relocate(
    catalog: &Catalog,
    location: &RegisteredLocation,
    target: String,
) -> Result<(), StoreError> {
    let spec = LocationSpec { location_type: URL.to_owned(), target, presence: LocationPresence::Required };
    match catalog.register(spec.clone(), None).await {
        Ok(_) | Err(LocationError::AlreadyExists(_)) => {}
        Err(LocationError::Store(error)) => return Err(error),
        Err(error) => {
            tracing::warn!(from = location.target, to = spec.target, %error, "a location could not be moved");
            return Ok(());
        }
    }
    match catalog.unregister(location.id).await {
        Ok(()) | Err(LocationError::NotFound(_)) => {}
        Err(LocationError::Store(error)) => return Err(error),
        Err(error) => {
            tracing::warn!(target = location.target, %error, "a location could not be unregistered");
        }
    }
    acted("move", 1);
    Ok(())
}

/// What has to be read again.
#[derive(Default)]
struct News<'a> {
    files: Vec<&'a str>,
    folders: Vec<&'a str>,
}

impl News<'_> {
    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.folders.is_empty()
    }

    async fn spread(&self, core: &Core) -> Result<(), StoreError> {
        let files: BTreeSet<String> = self.files.iter().flat_map(|url| spellings(url)).collect();
        let folders: Vec<&str> =
            self.folders.iter().copied().filter(|url| !url.contains(['?', '#'])).collect();
        let keys: Vec<String> = files.iter().map(|url| shortened(format!("{URL}:{url}"))).collect();
        let now = core.clock.now();
        let mut count = core.store.refresh_by_keys(&keys, now).await?;
        let mut refs = from_there(core, &files, &folders);
        let places: Vec<Place> = folders.iter().filter_map(|url| Place::parse(url)).collect();
        for location in registered(core).await? {
            let is_in =
                |folder: &Place| Place::parse(&location.target).is_some_and(|place| folder.contains(&place));
            if files.contains(&location.target) || places.iter().any(is_in) {
                refs.insert(location.entity_ref);
            }
        }
        let refs: Vec<EntityRef> = refs.into_iter().collect();
        count += core.store.refresh_entities(&refs, now).await?;
        if count > 0 {
            acted("refresh", count as u64);
            core.signals.processing.notify_one();
        }
        Ok(())
    }
}

/// A file can be named by two words, and locations have either.
fn spellings(url: &str) -> Vec<String> {
    let other = if url.contains("/blob/") {
        url.replacen("/blob/", "/tree/", 1)
    } else {
        url.replacen("/tree/", "/blob/", 1)
    };
    if other == url { vec![other] } else { vec![url.to_owned(), other] }
}

/// Entities that were read from some files or below some folders, and locations that lead there.
fn from_there(core: &Core, files: &BTreeSet<String>, folders: &[&str]) -> BTreeSet<EntityRef> {
    let field = |name: &str| format!("metadata.annotations.{name}");
    let annotations = [annotation::MANAGED_BY_LOCATION, annotation::MANAGED_BY_ORIGIN_LOCATION].map(field);
    let mut alternatives = Vec::new();
    let values: Vec<Scalar> = files.iter().map(|url| Scalar::from(format!("{URL}:{url}").as_str())).collect();
    for annotation in &annotations {
        alternatives.push(Predicate::is_in(annotation, values.clone()));
    }
    for folder in folders.iter().flat_map(|url| spellings(url.trim_end_matches('/'))) {
        let folder = format!("{folder}/");
        for annotation in &annotations {
            alternatives.push(Predicate::has_prefix(annotation, &format!("{URL}:{folder}")));
        }
        for target in ["spec.target", "spec.targets"] {
            let leads_there = Predicate::has_prefix(target, &folder);
            alternatives.push(Predicate::equals("kind", Scalar::from("location")).and(leads_there));
        }
    }
    let query = ListQuery { predicate: Some(Predicate::Any(alternatives)), ..ListQuery::default() };
    core.index.read().list(&query).items.into_iter().map(|hit| hit.entity_ref).collect()
}

fn acted(action: &'static str, times: u64) {
    metrics::counter!("catalog_events_scm_actions_total", "action" => action).increment(times);
}
