//! Entity refs: identity, parsing, defaults.

use std::collections::{BTreeMap, HashMap};

use callboard_model::{CompoundEntityRef, EntityError, EntityRef, RefDefaults, RefError, parse_ref};
use proptest::prelude::*;
use rstest::rstest;

const DEFAULT_KIND: RefDefaults<'_> = RefDefaults { kind: Some("K"), namespace: None };

#[rstest]
#[case("a", "K", "default", "a")]
#[case("k:a", "k", "default", "a")]
#[case("ns/a", "K", "ns", "a")]
#[case("k:ns/a", "k", "ns", "a")]
#[case("k:n:a", "k", "default", "n:a")]
#[case("k:ns/a/b", "k", "ns", "a/b")]
#[case("ns/k:a", "K", "ns", "k:a")]
#[case("Kind:Ns/Näme with spaces", "Kind", "Ns", "Näme with spaces")]
fn reads_short_forms(#[case] input: &str, #[case] kind: &str, #[case] namespace: &str, #[case] name: &str) {
    let parsed = parse_ref(input, &DEFAULT_KIND).unwrap();
    assert_eq!((&*parsed.kind, &*parsed.namespace, &*parsed.name), (kind, namespace, name));
}

#[rstest]
#[case("", "Error: Entity reference must not be empty")]
#[case("a:", "TypeError: Entity reference \"a:\" was not on the form [<kind>:][<namespace>/]<name>")]
#[case("/a", "TypeError: Entity reference \"/a\" was not on the form [<kind>:][<namespace>/]<name>")]
#[case("k:/a", "TypeError: Entity reference \"k:/a\" was not on the form [<kind>:][<namespace>/]<name>")]
#[case(":::", "TypeError: Entity reference \":::\" was not on the form [<kind>:][<namespace>/]<name>")]
#[case("ns/", "TypeError: Entity reference \"ns/\" was not on the form [<kind>:][<namespace>/]<name>")]
fn rejects_empty_parts(#[case] input: &str, #[case] expected: &str) {
    let error = parse_ref(input, &DEFAULT_KIND).unwrap_err();
    assert_eq!(EntityError::from(error).to_string(), expected);
}

#[rstest]
#[case(None)]
#[case(Some(""))]
fn needs_a_kind_from_somewhere(#[case] default_kind: Option<&str>) {
    let error = parse_ref("ns/a\"b", &RefDefaults { kind: default_kind, namespace: None }).unwrap_err();
    assert_eq!(
        EntityError::from(error).to_string(),
        r#"Error: Entity reference "ns/a\"b" had missing or empty kind (e.g. did not start with "component:" or similar)"#
    );
}

#[rstest]
#[case(Some("mine"), "mine")]
#[case(Some(""), "default")]
#[case(None, "default")]
fn takes_the_namespace_from_the_context(#[case] default: Option<&str>, #[case] expected: &str) {
    let parsed = parse_ref("k:a", &RefDefaults { kind: None, namespace: default }).unwrap();
    assert_eq!(parsed.namespace, expected);
}

#[rstest]
#[case("Component", "default", "Web-Site", "component:default/web-site")]
#[case("K", "N", "A:B/C", "k:n/a:b/c")]
#[case("ÄÖ", "default", "ΟΔΥΣΣΕΥΣ", "äö:default/οδυσσευς")]
// The sigma ends its part, whatever follows in the whole ref.
#[case("ΑΣ", "b", "c", "ας:b/c")]
fn identity_is_lower_case(
    #[case] kind: &str,
    #[case] namespace: &str,
    #[case] name: &str,
    #[case] expected: &str,
) {
    let entity_ref = EntityRef::new(kind, namespace, name);
    assert_eq!(entity_ref.as_str(), expected);
    assert_eq!(entity_ref.to_string(), expected);
    assert_eq!(format!("{entity_ref:?}"), format!("{expected:?}"));
    assert_eq!(entity_ref.kind(), kind.to_lowercase());
    assert_eq!(entity_ref.namespace(), namespace.to_lowercase());
    assert_eq!(entity_ref.name(), name.to_lowercase());
}

#[rstest]
#[case("component:default/a", "component:default/a")]
#[case("Component:Default/A", "component:default/a")]
#[case("k:n/a:b/c", "k:n/a:b/c")]
fn reads_canonical_refs_back(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(EntityRef::parse_canonical(text).unwrap().as_str(), expected);
}

#[rstest]
#[case("")]
#[case("a")]
#[case("k:a")]
#[case("n/a")]
#[case("k:/a")]
#[case(":n/a")]
#[case("k:n/")]
fn canonical_refs_have_three_parts(#[case] text: &str) {
    assert_eq!(EntityRef::parse_canonical(text), Err(RefError::Malformed(text.to_owned())));
    assert!(text.parse::<EntityRef>().is_err());
}

#[test]
fn refs_work_as_keys_and_as_json() {
    let entity_ref = EntityRef::new("API", "default", "a");
    let by_ref = HashMap::from([(entity_ref.clone(), 1)]);
    assert_eq!(by_ref.get("api:default/a"), Some(&1));
    let ordered = BTreeMap::from([(entity_ref.clone(), 1)]);
    assert_eq!(ordered.get("api:default/a"), Some(&1));

    assert_eq!(serde_json::to_string(&entity_ref).unwrap(), r#""api:default/a""#);
    assert_eq!(serde_json::from_str::<EntityRef>(r#""API:default/A""#).unwrap(), entity_ref);
    assert!(serde_json::from_str::<EntityRef>(r#""a""#).is_err());
}

proptest! {
    #[test]
    fn compound_refs_round_trip(kind in "[A-Za-z]{1,9}", namespace in "[a-zA-Z0-9-]{1,9}", name in "[^:/][\\PC]{0,12}") {
        let compound = CompoundEntityRef { kind: kind.clone(), namespace: namespace.clone(), name: name.clone() };
        let written = format!("{kind}:{namespace}/{name}");
        prop_assert_eq!(&parse_ref(&written, &RefDefaults::default()).unwrap(), &compound);

        let entity_ref = compound.to_entity_ref();
        prop_assert_eq!(&EntityRef::parse_canonical(entity_ref.as_str()).unwrap(), &entity_ref);
        prop_assert_eq!(EntityRef::new(entity_ref.kind(), entity_ref.namespace(), entity_ref.name()), entity_ref);
    }

    #[test]
    fn any_text_is_a_ref_or_an_error(input in "\\PC{0,12}|[ak:/]{0,8}") {
        if let Ok(parsed) = parse_ref(&input, &DEFAULT_KIND) {
            prop_assert!(!parsed.kind.is_empty() && !parsed.namespace.is_empty() && !parsed.name.is_empty());
            prop_assert!(input.ends_with(&parsed.name));
        }
    }
}
