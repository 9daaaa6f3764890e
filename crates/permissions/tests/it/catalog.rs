//! An index with entities, and callers of it.

use std::sync::Arc;

use bytes::Bytes;
use callboard_auth::{Principal, ServicePrincipal};
use callboard_index::{Change, Index, IndexReader, IndexedEntity, share};
use callboard_model::EntityRef;
use callboard_permissions::{PermissionAuthority, Permissions, RuleSet, Session};
use serde_json::Value;

/// An index that holds these.
pub(crate) fn index_of(entities: &[Value]) -> IndexReader {
    let changes: Vec<Change> = entities.iter().map(change).collect();
    let (mut writer, reader) = share(Index::new());
    writer.apply(changes, 1);
    reader
}

fn change(entity: &Value) -> Change {
    let entity_ref = ref_of(entity);
    let body = Bytes::from(entity.to_string());
    let uid = format!("uid-of-{entity_ref}");
    Change::Upsert(IndexedEntity::new(entity_ref, &uid, body, entity).unwrap())
}

pub(crate) fn ref_of(entity: &Value) -> EntityRef {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let namespace = entity["metadata"]["namespace"].as_str().unwrap_or("default");
    EntityRef::new(&text(&entity["kind"]), namespace, &text(&entity["metadata"]["name"]))
}

pub(crate) fn service(subject: &str) -> Principal {
    Principal::Service(ServicePrincipal { subject: subject.to_owned(), restriction: None })
}

pub(crate) fn session(
    authority: Arc<dyn PermissionAuthority>,
    principal: Principal,
    index: &IndexReader,
) -> Session {
    Session::new(Permissions { authority, rules: Arc::new(RuleSet::default()) }, principal, index.clone())
}
