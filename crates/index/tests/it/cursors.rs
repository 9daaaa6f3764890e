//! What cursors look like, and which are accepted.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use callboard_index::{AfterCursor, Cursor, FullText, OrderField, Predicate};
use rstest::rstest;
use serde_json::{Value, json};

fn cursor() -> Cursor {
    Cursor {
        order_fields: vec![OrderField::asc("metadata.Name"), OrderField::desc("kind")],
        order_field_values: vec![Some("artist-web".to_owned()), Some("f5a7b3e8".to_owned())],
        is_previous: false,
        query: Some(Predicate::equals("kind", "component")),
        full_text: Some(FullText::default()),
        first_sort_field_values: Some(vec![Some("a?>~ü".to_owned()), None]),
        total_items: Some(3),
    }
}

fn json_of(cursor: &Cursor) -> Value {
    serde_json::from_slice(&STANDARD.decode(cursor.encode()).unwrap()).unwrap()
}

fn decoded(value: &Value) -> Result<Cursor, String> {
    Cursor::decode(&STANDARD.encode(value.to_string())).map_err(|error| error.to_string())
}

#[test]
fn encoded_form() {
    insta::assert_snapshot!(json_of(&cursor()), @r#"{"orderFields":[{"field":"metadata.Name","order":"asc"},{"field":"kind","order":"desc"}],"isPrevious":false,"query":{"kind":"component"},"fullTextFilter":{"term":""},"orderFieldValues":["artist-web","f5a7b3e8"],"firstSortFieldValues":["a?>~ü",null],"totalItems":3}"#);
}

#[test]
fn what_is_absent_leaves_no_key() {
    let bare =
        Cursor { query: None, full_text: None, first_sort_field_values: None, total_items: None, ..cursor() };
    insta::assert_snapshot!(json_of(&bare), @r#"{"orderFields":[{"field":"metadata.Name","order":"asc"},{"field":"kind","order":"desc"}],"isPrevious":false,"orderFieldValues":["artist-web","f5a7b3e8"]}"#);
}

#[test]
fn every_kind_of_base64_is_read() {
    let text = json_of(&cursor()).to_string();
    let standard = STANDARD.encode(&text);
    let url_safe = URL_SAFE_NO_PAD.encode(&text);
    assert_ne!(standard, url_safe);
    for encoded in [&standard, &url_safe, standard.trim_end_matches('='), &format!("{url_safe}\n")] {
        assert_eq!(Cursor::decode(encoded).unwrap(), cursor());
    }
}

#[test]
fn a_direction_may_be_missing() {
    let value =
        json!({ "orderFields": [{ "field": "kind" }], "orderFieldValues": ["a", "b"], "isPrevious": true });
    let cursor = decoded(&value).unwrap();
    assert_eq!(cursor.order_fields, [OrderField::asc("kind")]);
    assert!(cursor.is_previous);
    assert_eq!(json_of(&cursor)["orderFields"], json!([{ "field": "kind", "order": "asc" }]));
}

#[rstest]
#[case(json!({ "key": "kind", "values": ["a"] }), json!({ "kind": "a" }))]
#[case(json!({ "key": "kind", "values": ["a", "b"] }), json!({ "kind": { "$in": ["a", "b"] } }))]
#[case(json!({ "key": "kind", "values": [] }), json!({ "kind": { "$in": [] } }))]
#[case(json!({ "key": "kind" }), json!({ "kind": { "$exists": true } }))]
#[case(json!({ "not": { "key": "kind" } }), json!({ "$not": { "kind": { "$exists": true } } }))]
#[case(json!({ "anyOf": [{ "allOf": [{ "key": "a" }, { "key": "b", "values": ["c"] }] }] }), json!({ "$any": [{ "$all": [{ "a": { "$exists": true } }, { "b": "c" }] }] }))]
fn filter_trees_of_older_cursors_are_read(#[case] filter: Value, #[case] expected: Value) {
    let mut value =
        json!({ "orderFields": [], "orderFieldValues": ["u"], "isPrevious": false, "filter": filter });
    assert_eq!(decoded(&value).unwrap().query.unwrap().to_json(), expected);
    value["query"] = json!({ "x": 1 });
    assert_eq!(decoded(&value).unwrap().query.unwrap().to_json(), json!({ "$all": [{ "x": 1 }, expected] }));
}

#[test]
fn refusals() {
    let complete = json!({ "orderFields": [], "orderFieldValues": [], "isPrevious": false });
    let with = |key: &str, value: Value| {
        let mut changed = complete.clone();
        changed[key] = value;
        changed
    };
    assert!(decoded(&complete).is_ok());
    let refused = [
        json!({}),
        json!(null),
        json!([]),
        json!({ "orderFields": [] }),
        json!({ "orderFields": [], "orderFieldValues": [] }),
        with("orderFields", json!("kind")),
        with("orderFields", json!(["kind"])),
        with("orderFields", json!([{ "field": "kind", "order": "up" }])),
        with("orderFieldValues", json!([1])),
        with("isPrevious", json!("no")),
        with("query", json!({ "$foo": 1 })),
        with("query", json!("x")),
        with("query", json!({ "metadata.links": { "$contains": { "a": 1 } } })),
        with("filter", json!({ "nope": 1 })),
        with("fullTextFilter", json!("x")),
        with("fullTextFilter", json!({ "term": 1 })),
        with("fullTextFilter", json!({ "term": "x", "fields": "kind" })),
        with("firstSortFieldValues", json!("x")),
        with("totalItems", json!("3")),
    ];
    let mut messages: Vec<String> = refused
        .iter()
        .map(|value| format!("{value}\n  {}", decoded(value).expect_err(&value.to_string())))
        .collect();
    for text in ["", "x", "%%%", "aGVsbG8=", "e30"] {
        messages.push(format!("{text:?}\n  {}", Cursor::decode(text).unwrap_err()));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_deep_predicate_does_not_exhaust_the_stack() {
    let depth = 100_000;
    let query = format!("{}{{}}{}", "{\"$not\":".repeat(depth), "}".repeat(depth));
    let text =
        format!("{{\"orderFields\":[],\"orderFieldValues\":[],\"isPrevious\":false,\"query\":{query}}}");
    assert!(Cursor::decode(&STANDARD.encode(text)).is_err());
}

#[rstest]
#[case("eyJsaW1pdCI6NSwib2Zmc2V0Ijo1fQ==", Some(5), Some(5))]
#[case("eyJsaW1pdCI6NSwib2Zmc2V0Ijo1fQ", Some(5), Some(5))]
#[case("e30=", None, None)]
fn after(#[case] text: &str, #[case] limit: Option<usize>, #[case] offset: Option<usize>) {
    assert_eq!(AfterCursor::decode(text).unwrap(), AfterCursor { limit, offset });
}

#[test]
fn after_encoded_form() {
    assert_eq!(AfterCursor { limit: Some(5), offset: Some(5) }.encode(), "eyJsaW1pdCI6NSwib2Zmc2V0Ijo1fQ==");
}

#[rstest]
#[case("x")]
#[case("eyJsaW1pdCI6IngifQ==")]
#[case("eyJvZmZzZXQiOiJ4In0=")]
#[case("bnVsbA==")]
#[case("eyJsaW1pdCI6LTF9")]
#[case("eyJsaW1pdCI6MS41fQ==")]
fn after_refusals(#[case] text: &str) {
    assert_eq!(
        AfterCursor::decode(text).unwrap_err().to_string(),
        "Malformed after cursor, could not be parsed"
    );
}
