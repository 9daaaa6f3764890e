//! Location refs, script URLs, generated names.

use callboard_model::{
    EntityError, LocationKey, LocationPresence, LocationRef, LocationSpec, generated_location_name,
    is_script_url,
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

#[rstest]
#[case("url:https://a.test/x.yaml", "url", "https://a.test/x.yaml")]
#[case("file:/data/a:b.yaml", "file", "/data/a:b.yaml")]
#[case(" url : x ", "url", "x")]
#[case("\u{feff}url:\u{a0}x\n", "url", "x")]
#[case("url:not a url", "url", "not a url")]
#[case("HTTP://a", "HTTP", "//a")]
fn reads_type_and_target(#[case] input: &str, #[case] location_type: &str, #[case] target: &str) {
    let location: LocationRef = input.parse().unwrap();
    assert_eq!((location.location_type(), location.target()), (location_type, target));
    assert_eq!(location.to_string(), format!("{location_type}:{target}"));
}

#[rstest]
#[case(
    "nope",
    "Unable to parse location ref 'nope', expected '<type>:<target>', e.g. 'url:https://host/path'"
)]
#[case("", "Unable to parse location ref '', expected '<type>:<target>', e.g. 'url:https://host/path'")]
#[case(
    "url:",
    "Unable to parse location ref 'url:', expected '<type>:<target>', e.g. 'url:https://host/path'"
)]
#[case(":x", "Unable to parse location ref ':x', expected '<type>:<target>', e.g. 'url:https://host/path'")]
#[case(
    "url: ",
    "Unable to parse location ref 'url: ', expected '<type>:<target>', e.g. 'url:https://host/path'"
)]
#[case(
    "https://a.test/x",
    "Invalid location ref 'https://a.test/x', please prefix it with 'url:', e.g. 'url:https://a.test/x'"
)]
#[case("http:x", "Invalid location ref 'http:x', please prefix it with 'url:', e.g. 'url:http:x'")]
#[case("url:javascript:x", "Invalid location ref 'url:javascript:x', target is a javascript: URL")]
fn rejects_other_texts(#[case] input: &str, #[case] expected: &str) {
    let error = EntityError::from(LocationRef::parse(input).unwrap_err());
    assert_eq!((&*error.name, &*error.message), ("TypeError", expected));
}

#[rstest]
#[case("", "x", "Unable to stringify location ref, empty type")]
#[case("url", "", "Unable to stringify location ref, empty target")]
#[case("url", "JavaScript:x", "Invalid location ref 'url:JavaScript:x', target is a javascript: URL")]
fn parts_are_checked_too(#[case] location_type: &str, #[case] target: &str, #[case] expected: &str) {
    assert_eq!(LocationRef::new(location_type, target).unwrap_err().to_string(), expected);
}

#[rstest]
#[case("javascript:alert(1)", true)]
#[case("JavaScript:", true)]
#[case("\u{0}\u{1f} javascript:", true)]
#[case("j\ra\nv\tascript\r\n\t:", true)]
#[case("javascript", false)]
#[case("java script:", false)]
#[case("xjavascript:", false)]
#[case("\u{a0}javascript:", false)]
#[case("https://a.test/javascript:", false)]
#[case("ｊavascript:", false)]
#[case("", false)]
fn recognises_script_urls(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(is_script_url(text), expected);
}

#[test]
fn generated_names_hash_the_location() {
    assert_eq!(
        generated_location_name("url", "https://a.test/x.yaml"),
        "generated-1d3e08117404c7eb2053cd03a1b1352dca8d29c1"
    );
}

#[test]
fn location_specs_as_json() {
    let spec: LocationSpec = serde_json::from_value(json!({ "type": "url", "target": "x" })).unwrap();
    assert_eq!(spec.presence, LocationPresence::Required);
    assert_eq!(LocationPresence::Optional.as_str(), "optional");
    let optional = LocationSpec { presence: LocationPresence::Optional, ..spec };
    assert_eq!(
        serde_json::to_value(&optional).unwrap(),
        json!({ "type": "url", "target": "x", "presence": "optional" })
    );
}

#[test]
fn a_location_can_be_a_key() {
    let location = LocationRef::new("url", "x").unwrap();
    assert_eq!(LocationKey::from(&location), LocationKey::new("url:x"));
}

proptest! {
    #[test]
    fn location_refs_round_trip(input in "[ a-z:]{0,4}:\\PC{0,12}") {
        if let Ok(location) = LocationRef::parse(&input) {
            prop_assert_eq!(LocationRef::parse(&location.to_string()).unwrap(), location);
        }
    }
}
