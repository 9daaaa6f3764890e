//! The payloads of the catalog's own events.

use callboard_sdk::Event;
use serde_json::{Value, json};

use super::CatalogEvent;

impl CatalogEvent {
    /// The event as subscribers get it.
    pub(crate) fn to_event(&self) -> Event {
        let payload = match self {
            Self::ProcessingFailed { entity_ref, location, errors } => {
                let mut payload = json!({ "entity": entity_ref.as_str(), "errors": errors.as_ref() });
                if let Some(location) = location {
                    payload["location"] = location.as_str().into();
                }
                payload
            }
            Self::Conflict { entity_ref, rejected_key, holder_key, unprocessed_entity, at } => json!({
                "unprocessedEntity": unprocessed_entity
                    .as_deref()
                    .and_then(|json| serde_json::from_slice::<Value>(json).ok()),
                "entityRef": entity_ref.as_str(),
                "newLocationKey": rejected_key.as_str(),
                "existingLocationKey": holder_key.as_ref().map(callboard_model::LocationKey::as_str),
                "lastConflictAt": at.to_string(),
            }),
            Self::RemovalRefused { provider, removed, total, at } => json!({
                "provider": provider,
                "removed": removed,
                "total": total,
                "at": at.to_string(),
            }),
        };
        Event::new(self.topic(), payload)
    }
}
