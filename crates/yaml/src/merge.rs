//! The merge key `<<`: pours the entries of other mappings into the mapping it stands in.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{
    mapping::Mapping,
    position::{Positions, Step, key_hash},
};

/// What `<<` names is neither a mapping nor a sequence of mappings.
#[derive(Debug)]
pub(crate) struct NotAMapping;

/// Pours `value`, a mapping or a sequence of mappings whose records begin at index `record`, into
/// `target`. Entries that are already there stay.
pub(crate) fn pour(
    value: Value,
    target: &mut Mapping,
    positions: &mut Positions,
    record: usize,
) -> Result<(), NotAMapping> {
    let poured = Positions(positions.0.split_off(record));
    match value {
        Value::Object(entries) => pour_mapping(entries, target, positions, &poured, 0),
        Value::Array(items) => {
            let first_item = 1;
            let places: Vec<usize> =
                poured.children(first_item, poured.0.len()).map(|(index, _)| index).collect();
            for (item, place) in items.into_iter().zip(places) {
                let Value::Object(entries) = item else { return Err(NotAMapping) };
                pour_mapping(entries, target, positions, &poured, place);
            }
        }
        _ => return Err(NotAMapping),
    }
    Ok(())
}

fn pour_mapping(
    entries: Map<String, Value>,
    target: &mut Mapping,
    positions: &mut Positions,
    poured: &Positions,
    place: usize,
) {
    let end = poured.0.get(place).map_or(place, |record| place + record.size);
    let by_hash: HashMap<u64, usize> = poured
        .children(place + 1, end)
        .filter_map(|(index, record)| match record.step {
            Step::Key { hash, .. } => Some((hash, index)),
            Step::Root | Step::Item(_) => None,
        })
        .collect();
    for (key, value) in entries {
        let index = by_hash.get(&key_hash(&key)).copied();
        if target.merge(key, value)
            && let Some(index) = index
            && let Some(record) = poured.0.get(index)
        {
            positions.0.extend_from_slice(poured.0.get(index..index + record.size).unwrap_or_default());
        }
    }
}
