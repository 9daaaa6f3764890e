//! The error of a processing run.

use std::error::Error;

use callboard_model::EntityError;
use rstest::rstest;
use serde_json::json;

#[rstest]
#[case(EntityError::input("m"), "InputError: m")]
#[case(EntityError::not_found("m"), "NotFoundError: m")]
#[case(EntityError::not_allowed("m"), "NotAllowedError: m")]
#[case(EntityError::conflict("m"), "ConflictError: m")]
#[case(EntityError::type_error("m"), "TypeError: m")]
#[case(EntityError::general("m"), "Error: m")]
#[case(EntityError::new("OwnError", "m"), "OwnError: m")]
#[case(EntityError::general(""), "Error")]
#[case(EntityError::new("", "m"), "m")]
fn names_are_part_of_the_text(#[case] error: EntityError, #[case] expected: &str) {
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_cause_is_in_the_text_and_in_the_chain() {
    let cause = EntityError::general("boom");
    let error = EntityError::input("Processor P threw").caused_by(cause.clone());
    assert_eq!(error.message, "Processor P threw; caused by Error: boom");
    assert_eq!(error.source().unwrap().to_string(), "Error: boom");
    assert_eq!(EntityError::input("").caused_by(cause).message, "caused by Error: boom");
}

#[test]
fn as_json() {
    let error = EntityError::input("outer")
        .with_detail("code", "E1")
        .caused_by(EntityError::general("inner").with_detail("path", json!(["a"])));
    let written = serde_json::to_string(&error).unwrap();
    assert_eq!(
        written,
        r#"{"name":"InputError","message":"outer; caused by Error: inner","code":"E1","cause":{"name":"Error","message":"inner","path":["a"]}}"#
    );
    assert_eq!(serde_json::from_str::<EntityError>(&written).unwrap(), error);
}

#[test]
fn results_stay_small() {
    assert!(size_of::<EntityError>() <= 64);
}
