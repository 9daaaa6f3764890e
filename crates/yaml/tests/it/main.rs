//! Tests of `callboard-yaml` through its public interface, one file per feature.

#![expect(clippy::expect_used, reason = "helpers of tests, which clippy does not take for tests")]
#![expect(clippy::format_collect, clippy::format_push_string, reason = "short beats fast in tests")]

mod anchors;
mod documents;
mod errors;
mod hostile;
mod keys;
mod limits;
mod positions;
mod properties;
mod scalars;

use callboard_yaml::{Options, YamlError, load};
use serde_json::Value;

/// The values of all documents, broken ones as their error.
fn values(input: &str) -> Vec<Result<Value, YamlError>> {
    let documents = load(input.as_bytes(), &Options::default()).expect("the input is within the limits");
    documents.into_iter().map(|document| document.content.map(|content| content.value)).collect()
}

/// The value of the only document.
fn value(input: &str) -> Value {
    let mut documents = values(input);
    assert_eq!(documents.len(), 1, "documents in {input:?}");
    documents.remove(0).expect("the document is sound")
}

/// The error of the only document, as it is displayed.
fn error(input: &str) -> String {
    let mut documents = values(input);
    assert_eq!(documents.len(), 1, "documents in {input:?}");
    documents.remove(0).expect_err("the document is broken").to_string()
}
