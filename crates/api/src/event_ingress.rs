//! Which events may come in over HTTP, and how their senders prove who they are.

use std::fmt;
use std::sync::Arc;

use callboard_sdk::{IngressRejection, IngressRequest, IngressValidator};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The topics that events may come in for, and who looks at the requests.
#[derive(Clone, Default)]
pub struct EventIngress {
    /// Topics; any other is not found.
    pub topics: Vec<String>,
    /// Look at requests first. All validators of a topic must let a request pass.
    pub validators: Vec<Arc<dyn IngressValidator>>,
}

impl EventIngress {
    pub(crate) fn validate(&self, request: &IngressRequest<'_>) -> Result<(), IngressRejection> {
        let mut validators = self.validators.iter().filter(|validator| validator.topic() == request.topic);
        validators.try_for_each(|validator| validator.validate(request))
    }

    /// The topics that everyone can publish to who reaches the server.
    pub fn open_topics(&self) -> impl Iterator<Item = &str> {
        let is_open = |topic: &&String| !self.validators.iter().any(|validator| validator.topic() == *topic);
        self.topics.iter().filter(is_open).map(String::as_str)
    }
}

impl fmt::Debug for EventIngress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventIngress").field("topics", &self.topics).finish_non_exhaustive()
    }
}

/// Lets requests pass that carry an HMAC-SHA256 of their body, as GitHub signs its web hooks.
pub struct SignatureValidator {
    topic: String,
    header: String,
    prefix: String,
    /// Keys may have any length, so there always is one; without, nothing would pass.
    key: Option<Hmac<Sha256>>,
}

impl SignatureValidator {
    /// Looks for `sha256=<hex>` in `x-hub-signature-256`.
    pub fn new(topic: impl Into<String>, secret: &str) -> Self {
        Self::with_header(topic, secret, "x-hub-signature-256", "sha256=")
    }

    /// Looks for `<prefix><hex>` in a header of another name.
    pub fn with_header(topic: impl Into<String>, secret: &str, header: &str, prefix: &str) -> Self {
        let (header, prefix) = (header.to_ascii_lowercase(), prefix.to_owned());
        Self { topic: topic.into(), header, prefix, key: Hmac::new_from_slice(secret.as_bytes()).ok() }
    }
}

impl IngressValidator for SignatureValidator {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn validate(&self, request: &IngressRequest<'_>) -> Result<(), IngressRejection> {
        let signature = request.header(&self.header).and_then(|value| value.strip_prefix(&self.prefix));
        let signature = signature.and_then(from_hexadecimal).ok_or_else(refused)?;
        let mut expected = self.key.clone().ok_or_else(refused)?;
        expected.update(request.body);
        // Compares in constant time.
        expected.verify_slice(&signature).map_err(|_| refused())
    }
}

/// Lets requests pass that have a secret in a header, as GitLab sends its web hooks.
pub struct HeaderTokenValidator {
    topic: String,
    header: String,
    /// Of [`PROBE`], with the secret as key.
    expected: Option<Hmac<Sha256>>,
}

/// Signed with what came and with what is expected, so that they can be compared in constant time.
const PROBE: &[u8] = b"token";

impl HeaderTokenValidator {
    /// Looks for the secret in a header of this name.
    pub fn new(topic: impl Into<String>, secret: &str, header: &str) -> Self {
        Self { topic: topic.into(), header: header.to_ascii_lowercase(), expected: probe(secret) }
    }
}

impl IngressValidator for HeaderTokenValidator {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn validate(&self, request: &IngressRequest<'_>) -> Result<(), IngressRejection> {
        let given = request.header(&self.header).and_then(probe).ok_or_else(refused)?;
        let expected = self.expected.clone().ok_or_else(refused)?;
        expected.verify(&given.finalize().into_bytes()).map_err(|_| refused())
    }
}

fn probe(secret: &str) -> Option<Hmac<Sha256>> {
    let mut signed = Hmac::new_from_slice(secret.as_bytes()).ok()?;
    signed.update(PROBE);
    Some(signed)
}

fn refused() -> IngressRejection {
    IngressRejection { status: 403, payload: serde_json::json!({ "message": "invalid signature" }) }
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digits = |at: usize| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (0..text.len()).step_by(2).map(digits).collect()
}
