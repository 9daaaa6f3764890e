//! What is asked: the queries that clients send most, and those that catalogs are known to be slow at.

use bytes::Bytes;
use callboard_synthetic::SyntheticCatalog;
use hyper::Method;
use serde_json::{Value, json};
use url::form_urlencoded;

/// One request, to be sent many times.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Bytes,
}

/// The catalog's prefix of all paths.
const MOUNT: &str = "/api/catalog";

/// The whole battery. The first question is that for one entity by its name.
pub(crate) fn questions(catalog: SyntheticCatalog) -> Vec<Question> {
    let mut questions = vec![by_name(catalog)];
    questions.extend(pages());
    questions.extend(facets(catalog));
    questions.extend(look_ups(catalog));
    questions
}

fn by_name(catalog: SyntheticCatalog) -> Question {
    let entity_ref = catalog.entity_ref(catalog.size / 2);
    let path = format!("/entities/by-name/{}/default/{}", entity_ref.kind(), entity_ref.name());
    get("by-name", &path, &[])
}

fn pages() -> Vec<Question> {
    const QUERY: &str = "/entities/by-query";
    let by_name = ("orderField", "metadata.name,asc");
    let component = ("filter", "kind=component");
    let website = ("filter", "spec.type=website");
    // Two sets of about 0.2 % each.
    let branches = json!({ "$any": [
        { "metadata.tags": "tag-17", "spec.lifecycle": "deprecated" },
        { "spec.type": "rare" },
    ] });
    let ordered = |limit: usize| {
        json!({ "query": branches, "limit": limit,
            "orderBy": [{ "field": "metadata.name", "order": "asc" }] })
    };
    vec![
        get("page of 20 by name, kind=component", QUERY, &[component, by_name, ("limit", "20")]),
        get(
            "page of 20 by name, without total",
            QUERY,
            &[component, by_name, ("limit", "20"), ("totalItems", "exclude")],
        ),
        get("page of 20 by name, 6 % match", QUERY, &[website, by_name, ("limit", "20")]),
        get(
            "page of 20, some fields",
            QUERY,
            &[component, by_name, ("limit", "20"), ("fields", "kind,metadata.name")],
        ),
        get("page of 20, unfiltered", QUERY, &[("limit", "20")]),
        get("page of 500, unfiltered", QUERY, &[("limit", "500")]),
        get("count of 6 %", QUERY, &[website, ("limit", "0")]),
        get("count of kind=component", QUERY, &[component, ("limit", "0")]),
        get("count of everything", QUERY, &[("limit", "0")]),
        get(
            "full text in names, by name",
            QUERY,
            &[
                by_name,
                ("limit", "20"),
                ("fullTextFilterTerm", "player"),
                ("fullTextFilterFields", "metadata.name"),
            ],
        ),
        get(
            "full text in three fields, 6 % match",
            QUERY,
            &[
                website,
                by_name,
                ("limit", "20"),
                ("fullTextFilterTerm", "77"),
                ("fullTextFilterFields", "metadata.name,metadata.title,metadata.description"),
            ],
        ),
        post("20 of ordered $any", QUERY, &ordered(20)),
        post("2000 of ordered $any", QUERY, &ordered(2000)),
    ]
}

fn facets(catalog: SyntheticCatalog) -> Vec<Question> {
    const FACETS: &str = "/entity-facets";
    let website = ("filter", "spec.type=website");
    let few: Vec<String> = (0..14)
        .map(|n| SyntheticCatalog::name(n * (catalog.size / 400).max(1) * 20 % catalog.size))
        .collect();
    vec![
        post(
            "facet spec.type, 14 match",
            FACETS,
            &json!({ "facets": ["spec.type"], "query": { "metadata.name": { "$in": few } } }),
        ),
        get("facet spec.lifecycle, 6 % match", FACETS, &[("facet", "spec.lifecycle"), website]),
        get("facet relations.ownedBy, 6 % match", FACETS, &[("facet", "relations.ownedBy"), website]),
        get(
            "facet kind, spec.type, metadata.tags, all",
            FACETS,
            &[("facet", "kind"), ("facet", "spec.type"), ("facet", "metadata.tags")],
        ),
    ]
}

fn look_ups(catalog: SyntheticCatalog) -> Vec<Question> {
    let entity_ref = |n: usize| catalog.entity_ref(n).to_string();
    let hundred: Vec<String> = (0..100).map(|n| entity_ref(n * catalog.size / 100)).collect();
    let one = catalog.entity_ref(catalog.size / 2);
    let owner = catalog.owner(catalog.size / 2);
    let filter = format!("relations.ownedBy={owner}");
    let ancestry = format!("/entities/by-name/{}/default/{}/ancestry", one.kind(), one.name());
    vec![
        post("by-refs, 100", "/entities/by-refs", &json!({ "entityRefs": hundred })),
        get("all that one group owns", "/entities/by-query", &[("filter", &filter)]),
        get(
            "list of 100 by ref",
            "/entities",
            &[("filter", "kind=component"), ("limit", "100"), ("offset", "0")],
        ),
        get("ancestry", &ancestry, &[]),
    ]
}

fn get(name: &str, path: &str, parameters: &[(&str, &str)]) -> Question {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let query = query.finish();
    let separator = if query.is_empty() { "" } else { "?" };
    Question {
        name: name.to_owned(),
        method: Method::GET,
        path: format!("{MOUNT}{path}{separator}{query}"),
        body: Bytes::new(),
    }
}

fn post(name: &str, path: &str, body: &Value) -> Question {
    Question {
        name: name.to_owned(),
        method: Method::POST,
        path: format!("{MOUNT}{path}"),
        body: Bytes::from(body.to_string()),
    }
}
