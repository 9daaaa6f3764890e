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
        description: "The server starts or stops, its database is not there or cannot be written to, or the request took too long.",
        error: ("ServiceUnavailableError", "Service has not started up yet"),
        needs_body: false,
    },
];

/// The key of [`passed_on`] in the document.
const PASSED_ON: &str = "PassedOn";

/// The responses that operations refer to.
pub(super) fn responses() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let refusals = REFUSALS
        .iter()
        .map(|refusal| (refusal.key.to_owned(), RefOr::T(response(refusal.description, example(refusal)))));
    refusals.chain([(PASSED_ON.to_owned(), RefOr::T(passed_on()))])
}

/// Adds to an operation what it can be refused with, but for statuses that it describes itself.
pub(super) fn add(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    for refusal in REFUSALS.iter().filter(|refusal| has_body || !refusal.needs_body) {
        let reference = RefOr::Ref(Ref::new(format!("#/components/responses/{}", refusal.key)));
        operation.responses.responses.entry(refusal.status.to_string()).or_insert(reference);
    }
    let reference = RefOr::Ref(Ref::new(format!("#/components/responses/{PASSED_ON}")));
    operation.responses.responses.entry("default".to_owned()).or_insert(reference);
}

fn response(description: &str, example: Value) -> Response {
    let mut content =
        Content::new(Some(RefOr::Ref::<utoipa::openapi::Schema>(Ref::from_schema_name("Error"))));
    content.example = Some(example);
    ResponseBuilder::new().description(description).content("application/json", content).build()
}

/// What the permission backend answers in place of a decision goes to the caller, with whatever status it has.
fn passed_on() -> Response {
    let cause = json!({ "name": "Unknown", "message": "Request failed with 502 Bad Gateway, no answer" });
    let example = json!({
        "error": {
            "name": "ResponseError",
            "message": "Request failed with 502 Bad Gateway",
            "statusCode": 502,
            "statusText": "Bad Gateway",
            "cause": cause,
            "body": { "error": cause, "response": { "statusCode": 502 } },
        },
        "request": { "method": "GET", "url": "/entities" },
        "response": { "statusCode": 502 },
    });
    let description = "The permission backend refused to decide. Its status is passed on, whichever it is, also one that is listed \
                       here with another meaning.";
    response(description, example)
}

fn example(refusal: &Refusal) -> Value {
    let (name, message) = refusal.error;
    json!({
        "error": { "name": name, "message": message },
        "request": { "method": "GET", "url": "/entities?bogus=1" },
        "response": { "statusCode": refusal.status },
    })
}
