//! What can be seen of the model, as a store shows it.

use std::collections::BTreeSet;

use callboard_model::EntityRef;

use crate::{ClaimSource, ProviderName};

use super::model::Model;

impl Model {
    pub(super) fn orphans(&self) -> BTreeSet<EntityRef> {
        let claimed: BTreeSet<&EntityRef> = self.claims.keys().map(|(claimed, _)| claimed).collect();
        self.entities.keys().filter(|entity| !claimed.contains(entity)).cloned().collect()
    }

    pub(super) fn providers(&self) -> Vec<ProviderName> {
        let names = self.claims.keys().filter_map(|(_, by)| match by {
            ClaimSource::Provider(name) => Some(name.clone()),
            ClaimSource::Entity(_) => None,
        });
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The entities whose claims on this one win.
    pub(super) fn parents(&self, child: &EntityRef) -> BTreeSet<EntityRef> {
        let Some(key) = self.entities.get(child).map(|entity| &entity.key) else { return BTreeSet::new() };
        let winning =
            self.claims.iter().filter(|((claimed, _), claim)| claimed == child && claim.key == *key);
        let parents = winning.filter_map(|((_, by), _)| match by {
            ClaimSource::Entity(parent) => Some(parent.clone()),
            ClaimSource::Provider(_) => None,
        });
        parents.collect()
    }

    /// The (type, target) of each relation that starts at an entity.
    pub(super) fn relations(&self, source: &EntityRef) -> BTreeSet<(String, EntityRef)> {
        let all = self.entities.values().flat_map(|entity| &entity.relations);
        let own = all.filter(|relation| relation.source == *source);
        own.map(|relation| (relation.relation_type.to_string(), relation.target.clone())).collect()
    }
}
