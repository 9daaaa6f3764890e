use serde_json::Value;

/// What an entity is known by, and the entity without what differs between any two catalogs: its uid, and the tag that
/// comes from it.
pub fn comparable(mut entity: Value) -> (String, Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let namespace = entity["metadata"]["namespace"].as_str().unwrap_or("default").to_lowercase();
    let key = format!("{}:{namespace}/{}", text(&entity["kind"]), text(&entity["metadata"]["name"]));
    if let Some(metadata) = entity["metadata"].as_object_mut() {
        metadata.remove("uid");
        metadata.remove("etag");
    }
    (key, entity)
}
