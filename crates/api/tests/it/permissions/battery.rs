//! Every route under every verdict.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::{Verdict, authority, by, verdict_backend, verdict_policy};
use crate::server::{Answer, Server, ServerBuilder};

const ENTITY: &str = "/entities/by-name";

/// What matters of an answer, on one line.
fn summary(answer: &Answer) -> String {
    if !answer.status.is_success() || answer.body.is_empty() {
        return answer.brief();
    }
    let mut body = answer.json();
    shorten(&mut body);
    let tag = if answer.header(header::ETAG).is_some() { " with an entity tag" } else { "" };
    format!("{} {body}{tag}", answer.status.as_u16())
}

/// Entities by their refs, and no random values.
fn shorten(value: &mut Value) {
    let is_entity = value.get("apiVersion").is_some();
    match value {
        Value::Object(members) if is_entity => {
            let part =
                |name: &str| members["metadata"].get(name).and_then(Value::as_str).unwrap_or("default");
            let kind = members["kind"].as_str().unwrap_or_default();
            *value = json!(format!("{kind}:{}/{}", part("namespace"), part("name")).to_lowercase());
        }
        Value::Object(members) => {
            for (name, member) in members {
                if member.is_string() && matches!(name.as_str(), "id" | "nextCursor" | "prevCursor") {
                    *member = json!(format!("[{name}]"));
                }
                shorten(member);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        _ => {}
    }
}

/// The answers to one of every kind of request. Those that change something come last.
async fn battery(server: &Server) -> String {
    let body = |value: Value| Some(value);
    let uids = ["component:default/lights", "api:default/cues"]
        .map(|entity_ref| (server.uid(entity_ref), entity_ref));
    let [(lights_uid, _), (cues_uid, _)] = &uids;
    let location = json!({ "type": "url", "target": "https://host/other.yaml" });
    let cues = json!({ "entityRef": "api:default/cues" });
    let lights = json!({ "entityRef": "component:default/lights" });
    let missing = json!({ "entityRef": "component:default/none" });
    let candidate = json!({ "location": "url:https://host/x", "entity": {
        "apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": { "name": "g" },
        "spec": { "type": "team", "children": [] },
    } });
    let refs = json!({ "entityRefs": ["component:default/lights", "api:default/cues", "api:default/none"] });
    // Registered by hand, whoever may do what.
    let registered = callboard_model::LocationSpec {
        location_type: "url".to_owned(),
        target: "https://host/registered.yaml".to_owned(),
        presence: callboard_model::LocationPresence::Required,
    };
    let registered = server.catalog().add_location(registered, None).await.unwrap().id.to_string();
    let requests = [
        (
            Method::GET,
            "/entities?filter=kind=component,kind=api,kind=group&order=asc:metadata.name".to_owned(),
            None,
        ),
        (Method::GET, "/entities?limit=3&filter=kind=component,kind=api".to_owned(), None),
        (
            Method::GET,
            "/entities/by-query?filter=kind=component,kind=api&orderField=metadata.name,asc&limit=1"
                .to_owned(),
            None,
        ),
        (Method::POST, "/entities/by-query".to_owned(), body(json!({ "query": { "kind": "api" } }))),
        (Method::POST, "/entities/by-refs".to_owned(), body(refs)),
        (Method::GET, format!("{ENTITY}/component/default/lights"), None),
        (Method::GET, format!("{ENTITY}/api/default/cues"), None),
        (Method::GET, format!("/entities/by-uid/{lights_uid}"), None),
        (Method::GET, format!("/entities/by-uid/{cues_uid}"), None),
        (Method::GET, format!("{ENTITY}/component/default/lights/ancestry"), None),
        (Method::GET, format!("{ENTITY}/api/default/cues/ancestry"), None),
        (Method::GET, format!("{ENTITY}/component/default/none/ancestry"), None),
        (
            Method::GET,
            "/entity-facets?facet=spec.type&facet=nope&filter=kind=component,kind=api".to_owned(),
            None,
        ),
        (
            Method::POST,
            "/entity-facets".to_owned(),
            body(json!({ "facets": ["spec.type"], "query": { "kind": "api" } })),
        ),
        (Method::GET, "/locations".to_owned(), None),
        (Method::POST, "/locations/by-query".to_owned(), body(json!({}))),
        (Method::GET, format!("/locations/{registered}"), None),
        (Method::GET, "/locations/by-entity/api/default/cues".to_owned(), None),
        (Method::POST, "/validate-entity".to_owned(), body(candidate)),
        (Method::POST, "/validate-entity".to_owned(), body(json!({ "location": "bad", "entity": {} }))),
        (Method::POST, "/validate-entity".to_owned(), body(json!({ "entity": {} }))),
        (Method::POST, "/analyze-location".to_owned(), body(json!({ "location": location }))),
        (Method::GET, "/.backstage/scheduler/v1/tasks".to_owned(), None),
        (Method::POST, "/.backstage/scheduler/v1/tasks/none/trigger".to_owned(), None),
        (Method::POST, "/.backstage/scheduler/v1/tasks/none/cancel".to_owned(), None),
        (Method::GET, "/entities/unprocessed/pending?owner=nobody".to_owned(), None),
        (Method::GET, "/entities/unprocessed/failed?owner=nobody".to_owned(), None),
        // Mistakes come before the question who may.
        (Method::GET, "/entities?filter=a&offset=x".to_owned(), None),
        (Method::GET, "/entities/by-query?cursor=x".to_owned(), None),
        (Method::POST, "/refresh".to_owned(), body(json!({}))),
        (Method::POST, "/locations".to_owned(), body(json!({}))),
        (Method::POST, "/refresh".to_owned(), body(lights)),
        (Method::POST, "/refresh".to_owned(), body(cues)),
        (Method::POST, "/refresh".to_owned(), body(missing)),
        (
            Method::POST,
            "/locations?dryRun=true".to_owned(),
            body(json!({ "type": "url", "target": "https://host/x.yaml" })),
        ),
        (Method::POST, "/locations".to_owned(), body(location.clone())),
        (
            Method::PUT,
            format!("/locations/{registered}"),
            body(json!({ "type": "url", "target": "https://host/new.yaml" })),
        ),
        (Method::DELETE, format!("/locations/{registered}"), None),
        (Method::DELETE, "/entities/unprocessed/delete/none".to_owned(), None),
        (Method::DELETE, "/entities/by-uid/none".to_owned(), None),
        (Method::DELETE, format!("/entities/by-uid/{cues_uid}"), None),
        (Method::DELETE, format!("/entities/by-uid/{lights_uid}"), None),
    ];
    let mut text = String::new();
    for (method, path, body) in requests {
        let answer = summary(&server.request(method.clone(), &path, body.as_ref()).await);
        let mut line = format!("{method} {path}\n    {answer}\n");
        for (uid, entity_ref) in &uids {
            line = line.replace(uid, entity_ref);
        }
        text += &line.replace(&registered, "[id]");
    }
    text
}

async fn both(verdict: Verdict) -> String {
    let backend = verdict_backend(verdict).await;
    let options = by(authority(&backend, false));
    let by_backend = battery(&Server::theatre_of(ServerBuilder::empty().options(options)).await).await;
    let options = by(verdict_policy(verdict));
    let by_policy = battery(&Server::theatre_of(ServerBuilder::empty().options(options)).await).await;
    assert_eq!(by_backend, by_policy);
    by_backend
}

#[tokio::test]
async fn when_everything_is_allowed() {
    let answers = both(Verdict::Allow).await;
    assert_eq!(answers, battery(&Server::theatre().await).await);
    insta::assert_snapshot!(answers);
}

#[tokio::test]
async fn when_everything_is_denied() {
    insta::assert_snapshot!(both(Verdict::Deny).await);
}

#[tokio::test]
async fn when_it_depends_on_the_entity() {
    insta::assert_snapshot!(both(Verdict::Components).await);
}
