//! One schema laid over another.

use serde_json::Value;

/// Objects are merged key by key and `null` deletes a key; a part with another `type` replaces the whole; anything
/// else replaces what was there.
pub(super) fn merge(base: &mut Value, change: &Value) {
    let (Value::Object(base_members), Value::Object(changes)) = (&mut *base, change) else {
        *base = change.clone();
        return;
    };
    let is_other_type = match (base_members.get("type"), changes.get("type")) {
        (Some(present), Some(wanted)) => present != wanted,
        _ => false,
    };
    if is_other_type {
        *base = change.clone();
        return;
    }
    for (key, value) in changes {
        match (value, base_members.get_mut(key)) {
            (Value::Null, _) => {
                base_members.shift_remove(key);
            }
            // These hold values of instances, which are no schemas.
            (_, Some(present)) if key != "const" && key != "default" => merge(present, value),
            _ => {
                base_members.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merge;

    #[test]
    fn one_lies_over_the_other() {
        let cases = [
            (
                json!({ "a": { "b": 1, "c": 2 } }),
                json!({ "a": { "c": 3 } }),
                json!({ "a": { "b": 1, "c": 3 } }),
            ),
            (json!({ "a": 1, "b": 2 }), json!({ "a": null }), json!({ "b": 2 })),
            (
                json!({ "type": "string", "minLength": 1 }),
                json!({ "type": "array" }),
                json!({ "type": "array" }),
            ),
            (json!({ "enum": [1, 2] }), json!({ "enum": [3] }), json!({ "enum": [3] })),
            (json!({ "const": { "a": 1 } }), json!({ "const": { "b": 2 } }), json!({ "const": { "b": 2 } })),
        ];
        for (mut base, change, expected) in cases {
            merge(&mut base, &change);
            assert_eq!(base, expected);
        }
    }
}
