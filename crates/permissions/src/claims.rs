//! What a user can say of themselves: who they are, and to which groups they belong.

use std::collections::BTreeSet;

use callboard_auth::{Principal, UserPrincipal};
use callboard_index::IndexReader;
use serde_json::Value;

use crate::authority::Caller;

/// The relation from a user to their groups.
const MEMBER_OF: &str = "memberOf";

impl Caller<'_> {
    /// Entity refs in lower case: the user's own, those that their token names, and the groups that the catalog says they
    /// are members of. Empty for those who are no users.
    pub(crate) fn claims(&self) -> BTreeSet<String> {
        let Principal::User(UserPrincipal { entity_ref, ownership_refs, .. }) = self.principal else {
            return BTreeSet::new();
        };
        let own = entity_ref.to_lowercase();
        let mut claims: BTreeSet<String> = ownership_refs.iter().map(|claim| claim.to_lowercase()).collect();
        claims.extend(groups_of(self.index, &own));
        claims.insert(own);
        claims
    }
}

fn groups_of(index: &IndexReader, user: &str) -> Vec<String> {
    let Some(hit) = index.read().by_ref(user) else { return Vec::new() };
    let entity: Value = serde_json::from_slice(&hit.body).unwrap_or_default();
    let relations = entity["relations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let groups = relations.iter().filter(|relation| relation["type"] == MEMBER_OF);
    groups.filter_map(|relation| relation["targetRef"].as_str()).map(str::to_lowercase).collect()
}
