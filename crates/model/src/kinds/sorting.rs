//! The order of the refs in a spec.

use serde_json::Value;

use crate::{Entity, javascript};

const SORTED_FIELDS: [&str; 7] =
    ["providesApis", "consumesApis", "dependsOn", "dependencyOf", "memberOf", "children", "members"];

/// Sorts the lists of refs in the spec, so that their order in the source makes no difference.
///
/// Holds for all kinds. Lists with anything but texts are left alone.
pub fn sort_relation_lists(entity: &mut Entity) {
    let Some(spec) = entity.spec_mut() else { return };
    for field in SORTED_FIELDS {
        let Some(Value::Array(items)) = spec.get_mut(field) else { continue };
        if items.iter().all(Value::is_string) {
            items.sort_by(|left, right| javascript::compare_strings(text(left), text(right)));
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
