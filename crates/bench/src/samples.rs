//! What questions name of a made-up catalog: some of its entities, and values that some of them have.

use anyhow::{Context as _, Result};
use callboard_model::EntityRef;
use callboard_synthetic::{Descriptors, SyntheticCatalog};
use serde_json::{Value, json};

/// How many locations are registered.
const LOCATIONS: usize = 20;
/// The number of the first component among a hundred descriptors.
const COMPONENT: usize = 30;

/// The entities and values that a catalog is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Samples {
    /// Some component.
    pub(crate) one: EntityRef,
    /// Refs of a hundred entities, fewer if the catalog is smaller.
    pub(crate) hundred: Vec<String>,
    /// Names of up to 14 components.
    pub(crate) few: Vec<String>,
    /// The ref of a group that owns something.
    pub(crate) owner: String,
    /// The share of entities whose `spec.type` is `website`.
    pub(crate) websites: &'static str,
    /// Two branches of a predicate that match some 0.2 % each.
    pub(crate) branches: Value,
    /// The URLs that some entities say they come from; the one above says the first.
    pub(crate) origins: Vec<String>,
}

impl Samples {
    /// Of the catalog that a database is filled with.
    pub(crate) fn of_catalog(catalog: SyntheticCatalog) -> Result<Self> {
        let size = catalog.size;
        let place = size / 2;
        let origins = (0..LOCATIONS).map(|n| origin(&catalog.entity(place + n)));
        Ok(Self {
            one: catalog.entity_ref(place),
            hundred: (0..100).map(|n| catalog.entity_ref(n * size / 100).to_string()).collect(),
            few: (0..14)
                .map(|n| SyntheticCatalog::name(n * (size / 400).max(1) * 20 % size.max(1)))
                .collect(),
            owner: catalog.owner(place),
            websites: "6 %",
            branches: json!({ "$any": [
                { "metadata.tags": "tag-17", "spec.lifecycle": "deprecated" },
                { "spec.type": "rare" },
            ] }),
            origins: origins.collect::<Result<_>>()?,
        })
    }

    /// Of the descriptors that a provider emits.
    pub(crate) fn of_descriptors(set: Descriptors) -> Result<Self> {
        let size = set.size.max(1);
        let component = |number: usize| set.descriptor((number / 100 * 100 + COMPONENT + 20) % size);
        let one = component(size / 2);
        let few = (0..14).map(|n| Ok(entity_ref(&component(n * size / 14))?.name().to_owned()));
        let hundred =
            (0..100).map(|n| Ok(entity_ref(&set.descriptor((n * size / 100 + n) % size))?.to_string()));
        let origins = (0..LOCATIONS).map(|n| origin(&component(size / 2 + n * 100)));
        Ok(Self {
            one: entity_ref(&one)?,
            hundred: hundred.collect::<Result<_>>()?,
            few: few.collect::<Result<_>>()?,
            owner: one["spec"]["owner"].as_str().context("a component without an owner")?.to_owned(),
            websites: "9 %",
            branches: json!({ "$any": [
                { "metadata.tags": "tag-017", "spec.lifecycle": "deprecated" },
                { "spec.type": "s3-bucket" },
            ] }),
            origins: origins.collect::<Result<_>>()?,
        })
    }
}

fn entity_ref(descriptor: &Value) -> Result<EntityRef> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("an entity without a name");
    let metadata = &descriptor["metadata"];
    let (kind, namespace) = (text(&descriptor["kind"])?, text(&metadata["namespace"])?);
    Ok(EntityRef::new(&kind, &namespace, &text(&metadata["name"])?))
}

fn origin(entity: &Value) -> Result<String> {
    let origin = entity["metadata"]["annotations"]["backstage.io/managed-by-origin-location"].as_str();
    let url = origin.and_then(|origin| origin.strip_prefix("url:"));
    Ok(url.context("an entity that comes from no URL")?.to_owned())
}
