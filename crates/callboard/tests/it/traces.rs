//! Traces: taken up from requests, passed on with calls, sent to a collector.

use std::collections::HashMap;
use std::time::Duration;

use callboard_testkit::ServerProcess;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const CATALOG: &str = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: lights }\n\
    spec: { type: service, lifecycle: production, owner: stagehands }\n";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const PATIENCE: Duration = Duration::from_mins(1);
const SERVER: u64 = 2;
const CLIENT: u64 = 3;

/// Everything that the server knows outside of itself: a collector, a permission backend, a host with a file.
async fn outside() -> MockServer {
    let server = MockServer::start().await;
    let allow = |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let items = body["items"].as_array().unwrap().iter();
        let items: Vec<_> = items.map(|item| json!({ "id": item["id"], "result": "ALLOW" })).collect();
        ResponseTemplate::new(200).set_body_json(json!({ "items": items }))
    };
    let answers = [
        Mock::given(method("POST")).and(path("/v1/traces")).respond_with(ResponseTemplate::new(200)),
        Mock::given(method("POST")).and(path("/api/permission/authorize")).respond_with(allow),
        Mock::given(method("GET"))
            .and(path("/catalog.yaml"))
            .respond_with(ResponseTemplate::new(200).set_body_string(CATALOG)),
    ];
    for answer in answers {
        answer.mount(&server).await;
    }
    server
}

fn server(outside: &MockServer) -> ServerProcess {
    let file = format!("{}/catalog.yaml", outside.uri());
    let mut server = crate::server(json!({
        "backend": {
            "baseUrl": outside.uri(),
            "reading": { "allow": [{ "host": outside.address().to_string() }] },
        },
        "permission": { "enabled": true },
        "catalog": { "locations": [{ "type": "url", "target": file }] },
    }));
    server.set_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &outside.uri());
    server.set_variable("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=stage");
    server
}

/// The `traceparent` of every request that came to a path.
fn passed_on(requests: &[Request], to: &str) -> Vec<String> {
    let requests = requests.iter().filter(|request| request.url.path() == to);
    requests
        .filter_map(|request| Some(request.headers.get("traceparent")?.to_str().ok()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_collector_is_told_of_requests_and_of_calls_to_other_hosts() {
    let outside = outside().await;
    let mut server = server(&outside);
    server.start().await;
    let request = server.get("/entities/by-query?limit=1");
    let answer = request.header("traceparent", format!("00-{TRACE}-{CALLER}-01")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let entity = "/entities/by-name/component/default/lights";
    callboard_testkit::until("the entity", PATIENCE, async || server.json(entity).await).await;
    assert!(server.stop().await.success());

    let requests = outside.received_requests().await.unwrap();
    let exports = requests.iter().filter(|request| request.url.path() == "/v1/traces");
    let exports: Vec<Export> = exports.map(|request| Export::read(&request.body)).collect();
    let resource = &exports[0].resource;
    assert_eq!(resource["service.name"], "callboard");
    assert_eq!(resource["deployment.environment.name"], "stage");
    let spans: Vec<&Span> = exports.iter().flat_map(|export| &export.spans).collect();
    let of_trace =
        |trace: &str| -> Vec<&Span> { spans.iter().copied().filter(|span| span.trace == trace).collect() };

    let request =
        of_trace(TRACE).into_iter().find(|span| span.kind == SERVER).expect("the span of the request");
    assert_eq!(request.parent, CALLER);
    assert_eq!(request.name, "GET /api/catalog/entities/by-query");
    assert_eq!(request.attributes["http.route"], "/api/catalog/entities/by-query");
    assert_eq!(request.attributes["url.path"], "/api/catalog/entities/by-query");
    assert_eq!(request.attributes["http.response.status_code"], "200");
    let call = of_trace(TRACE)
        .into_iter()
        .find(|span| span.kind == CLIENT)
        .expect("the call of the permission backend");
    assert_eq!((call.parent.as_str(), call.name.as_str()), (request.id.as_str(), "POST"));
    assert_eq!(call.attributes["server.address"], "127.0.0.1");
    assert_eq!(of_trace(TRACE).len(), 2);
    let asked = passed_on(&requests, "/api/permission/authorize");
    assert!(asked.contains(&format!("00-{TRACE}-{}-01", call.id)), "{asked:?}");

    // Nobody asked for it: it begins a trace.
    let read = passed_on(&requests, "/catalog.yaml");
    let [_, trace, id, _] = read[0].split('-').collect::<Vec<_>>().try_into().unwrap();
    let call = of_trace(trace)[0];
    assert_eq!((call.id.as_str(), call.parent.as_str(), call.kind), (id, "", CLIENT));
    let log = server.log();
    assert!(log.contains("traces are sent to the collector") && !log.contains("otel."), "{log}");
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nobody_up() {
    let outside = outside().await;
    let mut server = server(&outside);
    server.set_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    server.start().await;
    assert_eq!(server.get("/entities").send().await.unwrap().status(), 200);
    assert!(server.stop().await.success());
    let log = server.log();
    assert_eq!(log.matches("traces cannot be sent to the collector").count(), 1, "{log}");
}

#[tokio::test]
async fn another_protocol_is_refused() {
    let outside = outside().await;
    let mut server = server(&outside);
    server.set_variable("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    server.spawn();
    callboard_testkit::until("the refusal", PATIENCE, async || {
        server.log().contains("OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\"").then_some(())
    })
    .await;
}

/// What a collector is sent, as far as it is looked at here.
#[derive(Default)]
struct Export {
    resource: HashMap<String, String>,
    spans: Vec<Span>,
}

#[derive(Default)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    kind: u64,
    attributes: HashMap<String, String>,
}

impl Export {
    /// An `ExportTraceServiceRequest`.
    fn read(request: &[u8]) -> Self {
        let mut export = Self::default();
        for resource_spans in nested(request, 1) {
            for resource in nested(resource_spans, 1) {
                export.resource.extend(attributes(resource, 1));
            }
            for scope_spans in nested(resource_spans, 2) {
                export.spans.extend(nested(scope_spans, 2).into_iter().map(Span::read));
            }
        }
        export
    }
}

impl Span {
    fn read(span: &[u8]) -> Self {
        let mut read = Self { attributes: attributes(span, 9), ..Self::default() };
        for (number, value) in fields(span) {
            match (number, value) {
                (1, Field::Bytes(id)) => read.trace = hexadecimal(id),
                (2, Field::Bytes(id)) => read.id = hexadecimal(id),
                (4, Field::Bytes(id)) => read.parent = hexadecimal(id),
                (5, Field::Bytes(name)) => read.name = text(name),
                (6, Field::Number(kind)) => read.kind = kind,
                _ => {}
            }
        }
        read
    }
}

/// A list of `KeyValue`.
fn attributes(message: &[u8], number: u64) -> HashMap<String, String> {
    let attribute = |pair: &[u8]| {
        let value = nested(pair, 2).into_iter().flat_map(fields).map(|(_, value)| match value {
            Field::Bytes(bytes) => text(bytes),
            Field::Number(number) => number.to_string(),
        });
        (nested(pair, 1).into_iter().map(text).collect(), value.collect())
    };
    nested(message, number).into_iter().map(attribute).collect()
}

/// A field of a message of Protocol Buffers.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn nested(message: &[u8], wanted: u64) -> Vec<&[u8]> {
    let bytes = |(number, field)| match field {
        Field::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    };
    fields(message).into_iter().filter_map(bytes).collect()
}

fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = variable_length(&mut message);
        let field = match tag & 7 {
            0 => Field::Number(variable_length(&mut message)),
            1 => Field::Bytes(message.split_off(..8).expect("eight bytes")),
            2 => {
                let length = usize::try_from(variable_length(&mut message)).expect("a length");
                Field::Bytes(message.split_off(..length).expect("as many bytes as announced"))
            }
            5 => Field::Bytes(message.split_off(..4).expect("four bytes")),
            other => panic!("a field of the unknown type {other}"),
        };
        found.push((tag >> 3, field));
    }
    found
}

fn variable_length(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *message.split_off_first().expect("another byte");
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
