//! What is asked: every route that reads entities or locations, the queries that clients send most, and those that
//! catalogs are known to be slow at.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::samples::Samples;

/// One request, to be sent many times.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) name: String,
    /// The path of its route, as the document of the API has it.
    pub(crate) route: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Bytes,
}

/// What every server calls by a name of its own.
#[derive(Debug, Clone)]
pub(crate) struct OwnNames {
    /// The uid of the sample.
    pub(crate) uid: String,
    /// The id of the location that the sample comes from.
    pub(crate) location: String,
    /// The cursor of the second page of [`first_page`].
    pub(crate) cursor: String,
}

/// The catalog's prefix of all paths.
const MOUNT: &str = "/api/catalog";

const BY_QUERY: &str = "/entities/by-query";
const FACETS: &str = "/entity-facets";
const BY_NAME: &str = "/entities/by-name/{kind}/{namespace}/{name}";
const IN_ORDER: (&str, &str) = ("orderField", "metadata.name,asc");
const COMPONENTS: (&str, &str) = ("filter", "kind=component");
const WEBSITES: (&str, &str) = ("filter", "spec.type=website");

/// The whole battery, route by route. The first question is that for one entity by its name.
pub(crate) fn questions(samples: &Samples, names: &OwnNames) -> Vec<Question> {
    let mut questions = vec![by_name(samples), by_uid(names), ancestry(samples), by_refs(samples)];
    questions.extend(pages(samples));
    questions.extend(predicates(samples, names));
    questions.extend(facets(samples));
    questions.extend(lists(samples));
    questions.extend(locations(samples, names));
    questions.extend([
        get("unprocessed, pending", "/entities/unprocessed/pending", &[]),
        get("unprocessed, failed", "/entities/unprocessed/failed", &[]),
    ]);
    questions
}

/// One entity, by its name.
pub(crate) fn by_name(samples: &Samples) -> Question {
    get("by-name", BY_NAME, &[]).at(&of_entity("/entities/by-name", samples))
}

/// The page before that of [`OwnNames::cursor`].
pub(crate) fn first_page() -> Question {
    get("page of 20 by name, kind=component", BY_QUERY, &[COMPONENTS, IN_ORDER, ("limit", "20")])
}

fn of_entity(prefix: &str, samples: &Samples) -> String {
    let one = &samples.one;
    format!("{prefix}/{}/{}/{}", one.kind(), one.namespace(), one.name())
}

fn by_uid(names: &OwnNames) -> Question {
    get("by-uid", "/entities/by-uid/{uid}", &[]).at(&format!("/entities/by-uid/{}", names.uid))
}

fn ancestry(samples: &Samples) -> Question {
    let path = format!("{}/ancestry", of_entity("/entities/by-name", samples));
    get("ancestry", "/entities/by-name/{kind}/{namespace}/{name}/ancestry", &[]).at(&path)
}

fn by_refs(samples: &Samples) -> Question {
    post("by-refs, 100", "/entities/by-refs", &json!({ "entityRefs": samples.hundred }))
}

fn pages(samples: &Samples) -> Vec<Question> {
    let share = samples.websites;
    let owned = format!("relations.ownedBy={}", samples.owner);
    let page = |name: &str, parameters: &[(&str, &str)]| get(name, BY_QUERY, parameters);
    vec![
        first_page(),
        page(
            "page of 20 by name, without total",
            &[COMPONENTS, IN_ORDER, ("limit", "20"), ("totalItems", "exclude")],
        ),
        page(&format!("page of 20 by name, {share} match"), &[WEBSITES, IN_ORDER, ("limit", "20")]),
        page(
            "page of 20, some fields",
            &[COMPONENTS, IN_ORDER, ("limit", "20"), ("fields", "kind,metadata.name")],
        ),
        page("page of 20, unfiltered", &[("limit", "20")]),
        page("page of 500, unfiltered", &[("limit", "500")]),
        page(&format!("count of {share}"), &[WEBSITES, ("limit", "0")]),
        page("count of kind=component", &[COMPONENTS, ("limit", "0")]),
        page("count of everything", &[("limit", "0")]),
        page(
            "full text in names, by name",
            &[
                IN_ORDER,
                ("limit", "20"),
                ("fullTextFilterTerm", "ledger"),
                ("fullTextFilterFields", "metadata.name"),
            ],
        ),
        page(
            &format!("full text in three fields, {share} match"),
            &[
                WEBSITES,
                IN_ORDER,
                ("limit", "20"),
                ("fullTextFilterTerm", "77"),
                ("fullTextFilterFields", "metadata.name,metadata.title,metadata.description"),
            ],
        ),
        page("all that one group owns", &[("filter", &owned)]),
    ]
}

fn predicates(samples: &Samples, names: &OwnNames) -> Vec<Question> {
    let ordered = |limit: usize| {
        json!({ "query": samples.branches, "limit": limit,
            "orderBy": [{ "field": "metadata.name", "order": "asc" }] })
    };
    vec![
        post("20 of ordered $any", BY_QUERY, &ordered(20)),
        post("2000 of ordered $any", BY_QUERY, &ordered(2000)),
        post(
            "second page of 20 by name, kind=component",
            BY_QUERY,
            &json!({ "cursor": names.cursor, "limit": 20 }),
        ),
    ]
}

fn facets(samples: &Samples) -> Vec<Question> {
    let share = samples.websites;
    vec![
        get(
            &format!("facet spec.lifecycle, {share} match"),
            FACETS,
            &[("facet", "spec.lifecycle"), WEBSITES],
        ),
        get(
            &format!("facet relations.ownedBy, {share} match"),
            FACETS,
            &[("facet", "relations.ownedBy"), WEBSITES],
        ),
        get(
            "facet kind, spec.type, metadata.tags, all",
            FACETS,
            &[("facet", "kind"), ("facet", "spec.type"), ("facet", "metadata.tags")],
        ),
        post(
            "facet spec.type, 14 match",
            FACETS,
            &json!({ "facets": ["spec.type"], "query": { "metadata.name": { "$in": samples.few } } }),
        ),
    ]
}

fn lists(samples: &Samples) -> Vec<Question> {
    let share = samples.websites;
    let list = |name: &str, parameters: &[(&str, &str)]| get(name, "/entities", parameters);
    vec![
        list("list of 100 by ref", &[COMPONENTS, ("limit", "100"), ("offset", "0")]),
        list(&format!("stream of {share}"), &[WEBSITES]),
        list(
            &format!("stream of {share}, some fields"),
            &[WEBSITES, ("fields", "kind,metadata.namespace,metadata.name")],
        ),
    ]
}

fn locations(samples: &Samples, names: &OwnNames) -> Vec<Question> {
    const BY_ENTITY: &str = "/locations/by-entity/{kind}/{namespace}/{name}";
    let first = samples.origins.first();
    vec![
        get("locations", "/locations", &[]),
        post("locations, as a page", "/locations/by-query", &json!({})),
        post("location by its target", "/locations/by-query", &json!({ "query": { "target": first } })),
        get("location by its id", "/locations/{id}", &[]).at(&format!("/locations/{}", names.location)),
        get("location of an entity", BY_ENTITY, &[]).at(&of_entity("/locations/by-entity", samples)),
    ]
}

impl Question {
    /// The same with the parameters of the path filled in.
    fn at(self, path: &str) -> Self {
        Self { path: format!("{MOUNT}{path}"), ..self }
    }
}

fn get(name: &str, route: &'static str, parameters: &[(&str, &str)]) -> Question {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let query = query.finish();
    let separator = if query.is_empty() { "" } else { "?" };
    Question {
        name: name.to_owned(),
        route,
        method: Method::GET,
        path: format!("{MOUNT}{route}{separator}{query}"),
        body: Bytes::new(),
    }
}

fn post(name: &str, route: &'static str, body: &Value) -> Question {
    Question {
        name: name.to_owned(),
        route,
        method: Method::POST,
        path: format!("{MOUNT}{route}"),
        body: Bytes::from(body.to_string()),
    }
}
