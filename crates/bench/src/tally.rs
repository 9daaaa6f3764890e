//! How much is in an answer, so that two catalogs can be told to have answered the same.

use std::fmt::{self, Display, Formatter};

use serde_json::Value;

/// What can be counted in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Entities, locations, or values of facets.
    items: usize,
    /// What the answer says there is in all; of facets, the sum of all counts.
    total: Option<u64>,
}

impl Tally {
    /// Counts in the body of an answer. `None` if it is no JSON.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        if let Some(facets) = body["facets"].as_object() {
            let counts = || facets.values().filter_map(Value::as_array).flatten();
            let total = counts().filter_map(|value| value["count"].as_u64()).sum();
            return Some(Self { items: counts().count(), total: Some(total) });
        }
        let list = [&body, &body["items"], &body["entities"]].into_iter().find_map(Value::as_array);
        // What was not found has its place in some lists.
        let items = list.map_or(1, |list| list.iter().filter(|item| !item.is_null()).count());
        Some(Self { items, total: body["totalItems"].as_u64() })
    }
}

impl Display for Tally {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.total {
            Some(total) => write!(formatter, "{} of {total}", self.items),
            None => write!(formatter, "{}", self.items),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Tally;

    #[rstest]
    #[case::list(r#"[{"kind": "User"}, {"kind": "User"}]"#, "2")]
    #[case::page(r#"{"items": [{"kind": "User"}], "totalItems": 7, "pageInfo": {}}"#, "1 of 7")]
    #[case::by_refs(r#"{"items": [null, {"kind": "User"}, null]}"#, "1")]
    #[case::entity(r#"{"kind": "User"}"#, "1")]
    #[case::facets(
        r#"{"facets": {"kind": [{"value": "User", "count": 3}, {"value": "API", "count": 4}], "spec.type": []}}"#,
        "2 of 7"
    )]
    #[case::unprocessed(r#"{"type": "failed", "entities": [{}, {}, {}]}"#, "3")]
    fn what_is_in_an_answer_is_counted(#[case] body: &str, #[case] expected: &str) {
        assert_eq!(Tally::of(body.as_bytes()).unwrap().to_string(), expected);
    }

    #[test]
    fn what_is_no_json_has_no_tally() {
        assert_eq!(Tally::of(b"<html>"), None);
    }
}
