//! From the refs in a spec to relations.

use serde_json::Value;

use super::RelationField;
use crate::{CompoundEntityRef, Entity, EntityError, RefDefaults, RefError, Relation, canonical, parse_ref};

/// Appends both directions of every relation that the fields of the entity's spec announce.
pub(super) fn collect(
    entity: &Entity,
    fields: &[RelationField],
    found: &mut Vec<Relation>,
) -> Result<(), EntityError> {
    let Some(spec) = entity.spec() else { return Ok(()) };
    let own_ref = entity.compound_ref();
    for field in fields {
        let defaults = RefDefaults { kind: field.default_kind, namespace: Some(&own_ref.namespace) };
        for target in targets(spec.get(field.field)) {
            let target_ref = read_target(target, &defaults)?;
            found.push(Relation {
                source: own_ref.clone(),
                relation_type: field.outgoing.to_owned(),
                target: target_ref.clone(),
            });
            found.push(Relation {
                source: target_ref,
                relation_type: field.incoming.to_owned(),
                target: own_ref.clone(),
            });
        }
    }
    Ok(())
}

/// One value or a list of them; nothing when there is no value to speak of.
fn targets(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(targets)) => targets,
        Some(target) if !is_falsy(target) => std::slice::from_ref(target),
        _ => &[],
    }
}

/// Reads a ref in either of its forms. Fields that no rule covers may hold anything at all.
fn read_target(target: &Value, defaults: &RefDefaults<'_>) -> Result<CompoundEntityRef, RefError> {
    if let Value::String(text) = target {
        return parse_ref(text, defaults);
    }
    if is_falsy(target) {
        return Err(RefError::Empty);
    }
    let part = |key: &str| match target.get(key) {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_str().unwrap_or_default()),
    };
    let given = |part: Option<&str>| part.filter(|part| !part.is_empty()).map(str::to_owned);
    let json = || String::from_utf8(canonical::to_json_bytes(target)).unwrap_or_default();

    let kind = given(part("kind").or(defaults.kind)).ok_or_else(|| RefError::MissingKind(json()))?;
    let namespace = given(part("namespace").or(Some(defaults.namespace_or_default())))
        .ok_or_else(|| RefError::MissingNamespace(json()))?;
    let name = given(part("name")).ok_or_else(|| RefError::MissingName(json()))?;
    Ok(CompoundEntityRef { kind, namespace, name })
}

/// What JavaScript takes for false, which Backstage takes for absent.
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    }
}
