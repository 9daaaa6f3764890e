//! How requests fail, whatever they ask for.

use serde_json::{Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

/// A status that many routes answer.
struct Refusal {
    status: u16,
    /// Of the response in the document.
    key: &'static str,
    description: &'static str,
    /// The error in the example.
    error: (&'static str, &'static str),
    /// Whether only requests with a body are refused so.
    needs_body: bool,
}

const REFUSALS: [Refusal; 8] = [
    Refusal {
        status: 400,
        key: "BadRequest",
        description: "A parameter or the body is not what it has to be.",
        error: ("InputError", "Unknown query parameter 'bogus'"),
        needs_body: false,
    },
    Refusal {
        status: 401,
        key: "Unauthorized",
        description: "There is no token, or it is not accepted.",
        error: ("AuthenticationError", "Missing credentials"),
        needs_body: false,
    },
    Refusal {
        status: 403,
        key: "Forbidden",
        description: "The caller must not do this, or the catalog is read-only.",
        error: ("NotAllowedError", ""),
        needs_body: false,
    },
    Refusal {
        status: 408,
        key: "RequestTimeout",
        description: "The body did not arrive in time.",
        error: ("RequestTimeoutError", "the request body did not arrive in time"),
        needs_body: true,
    },
    Refusal {
        status: 413,
        key: "PayloadTooLarge",
        description: "The body is larger than the server reads.",
        error: ("PayloadTooLargeError", "request entity too large"),
        needs_body: true,
    },
    Refusal {
        status: 429,
        key: "TooManyRequests",
        description: "The client made too many requests. The header `retry-after` says for how long to wait.",
        error: ("Error", "Too many requests, please try again later"),
        needs_body: false,
    },
    Refusal {
        status: 500,
        key: "InternalError",
        description: "The server failed. What happened is in its log, under the id in the message.",
        error: ("Error", "An internal error occurred logId=3f0c9a5e-5e0e-4b43-9f0c-2f6a3a1f7b11"),
        needs_body: false,
    },
    Refusal {
        status: 503,
        key: "Unavailable",
        description: "The server starts or stops, its database is not there, or the request took too long.",
        error: ("ServiceUnavailableError", "Service has not started up yet"),
        needs_body: false,
    },
];

/// The responses that operations refer to.
pub(super) fn responses() -> impl Iterator<Item = (String, RefOr<Response>)> {
    REFUSALS.iter().map(|refusal| (refusal.key.to_owned(), RefOr::T(response(refusal))))
}

/// Adds to an operation what it can be refused with, but for statuses that it describes itself.
pub(super) fn add(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    for refusal in REFUSALS.iter().filter(|refusal| has_body || !refusal.needs_body) {
        let reference = RefOr::Ref(Ref::new(format!("#/components/responses/{}", refusal.key)));
        operation.responses.responses.entry(refusal.status.to_string()).or_insert(reference);
    }
}

fn response(refusal: &Refusal) -> Response {
    let mut content =
        Content::new(Some(RefOr::Ref::<utoipa::openapi::Schema>(Ref::from_schema_name("Error"))));
    content.example = Some(example(refusal));
    ResponseBuilder::new().description(refusal.description).content("application/json", content).build()
}

fn example(refusal: &Refusal) -> Value {
    let (name, message) = refusal.error;
    json!({
        "error": { "name": name, "message": message },
        "request": { "method": "GET", "url": "/entities?bogus=1" },
        "response": { "statusCode": refusal.status },
    })
}
