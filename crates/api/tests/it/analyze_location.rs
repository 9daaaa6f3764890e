use std::sync::Arc;

use async_trait::async_trait;
use callboard_api::ScmKind;
use callboard_sdk::{
    AnalysisError, AnalysisRequest, FieldState, FoundEntity, GeneratedEntity, GeneratedField,
    LocationAnalysis, LocationAnalyzer, ScmLocationAnalyzer,
};
use serde_json::{Value, json};

use crate::server::ServerBuilder;

#[tokio::test]
async fn annotations_follow_the_integrations() {
    let builder = ServerBuilder::empty().options(|options| {
        options.integrations.insert("git.acme.test".to_owned(), ScmKind::Gitlab);
    });
    let server = builder.start().await;
    let cases = [
        ("https://github.com/acme/shop/blob/main/x.yaml", json!({ "github.com/project-slug": "acme/shop" })),
        ("https://git.acme.test/acme/group/shop", json!({ "gitlab.com/project-slug": "acme/group/shop" })),
        ("https://bitbucket.org/acme/shop", Value::Null),
        ("git@github.com:acme/shop.git", Value::Null),
    ];
    for (target, expected) in cases {
        let body = json!({ "location": { "type": "url", "target": target } });
        let answer = server.post("/analyze-location", &body).await.json();
        let metadata = &answer["generateEntities"][0]["entity"]["metadata"];
        assert_eq!(
            (metadata["name"].as_str(), &metadata["annotations"]),
            (Some("shop"), &expected),
            "{target}"
        );
    }
    let body = json!({ "location": { "type": "url", "target": "https://github.com/acme/shop" } });
    insta::assert_snapshot!("analysis", server.post("/analyze-location", &body).await.snapshot());
}

#[tokio::test]
async fn refused() {
    let server = ServerBuilder::empty().start().await;
    let cases = [
        (json!({}), "400 InputError: request/body must have required property 'location'"),
        (
            json!({ "location": { "type": "url", "target": "x", "presence": "optional" } }),
            "400 InputError: request/body/location must NOT have additional properties",
        ),
        (
            json!({ "location": { "type": "url", "target": "not a url" } }),
            "400 InputError: The given location.target is not a URL",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(server.post("/analyze-location", &body).await.brief(), expected, "{body}");
    }
}

const SHOP: &str = r"
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: shop }
spec: { type: service, lifecycle: production, owner: me }
";

fn of(target: &str, file_name: Option<&str>) -> Value {
    let mut body = json!({ "location": { "type": "url", "target": target } });
    if let Some(file_name) = file_name {
        body["catalogFilename"] = json!(file_name);
    }
    body
}

/// Of each existing entity: where it is, its name, and whether the catalog has it.
fn existing(answer: &Value) -> Vec<Value> {
    let files = answer["existingEntityFiles"].as_array().unwrap().iter();
    files
        .map(|file| {
            json!([file["location"]["target"], file["entity"]["metadata"]["name"], file["isRegistered"]])
        })
        .collect()
}

#[tokio::test]
async fn repositories_are_searched_where_the_reader_can() {
    let known = "https://repositories/acme/shop/catalog-info.yaml";
    let builder = ServerBuilder::empty()
        .location(known, SHOP)
        .file("https://repositories/acme/till/catalog-info.yaml", &SHOP.replace("shop", "till"))
        .file("https://repositories/acme/till/other.yaml", "broken: [");
    let server = builder.start().await;
    server
        .until("it is read", |catalog| catalog.index().read().by_ref("component:default/shop").is_some())
        .await;
    let analyze = async |target: &str, file_name: Option<&str>| {
        let answer = server.post("/analyze-location", &of(target, file_name)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let shop = analyze("https://repositories/acme/shop", None).await;
    assert_eq!(existing(&shop), [json!([known, "shop", true])]);
    assert_eq!(shop["generateEntities"], json!([]));
    let till = analyze("https://repositories/acme/till", None).await;
    assert_eq!(existing(&till), [json!(["https://repositories/acme/till/catalog-info.yaml", "till", false])]);
    // Nothing of that name, nothing that can be read, nobody who could look: the address is left.
    for (target, file_name) in [
        ("https://repositories/acme/till", Some("nope.yaml")),
        ("https://repositories/acme/till", Some("other.yaml")),
        ("https://unreadable/acme/till", None),
        ("https://elsewhere/acme/till", None),
    ] {
        let answer = analyze(target, file_name).await;
        assert_eq!(existing(&answer), Vec::<Value>::new(), "{target}");
        assert_eq!(answer["generateEntities"][0]["entity"]["metadata"]["name"], "till", "{target}");
    }
}

/// Finds an entity in every repository of one host.
struct Finder;

#[async_trait]
impl ScmLocationAnalyzer for Finder {
    fn supports(&self, url: &str) -> bool {
        url.starts_with("https://finder/")
    }

    async fn analyze(
        &self,
        url: &str,
        catalog_filename: Option<&str>,
    ) -> Result<Vec<FoundEntity>, AnalysisError> {
        if url.ends_with("/broken") {
            return Err(AnalysisError::Failed("no answer".into()));
        }
        let url = format!("{url}/{}", catalog_filename.unwrap_or("none-given"));
        Ok(vec![FoundEntity { url, entity: json!({ "metadata": { "name": "found" } }) }])
    }
}

#[tokio::test]
async fn analyzers_of_ones_own_come_first() {
    let builder =
        ServerBuilder::empty().options(|options| options.location_analyzers.scm.push(Arc::new(Finder)));
    let server = builder.start().await;
    let answer =
        server.post("/analyze-location", &of("https://finder/acme/shop", Some("x.yaml"))).await.json();
    assert_eq!(existing(&answer), [json!(["https://finder/acme/shop/x.yaml", "found", false])]);
    let broken = server.post("/analyze-location", &of("https://finder/broken", None)).await;
    assert_eq!(broken.status, 500);
    let other = server.post("/analyze-location", &of("https://github.com/acme/shop", None)).await.json();
    assert_eq!(other["generateEntities"][0]["entity"]["metadata"]["name"], "shop");
}

/// Says what it was asked.
struct Replacement;

#[async_trait]
impl LocationAnalyzer for Replacement {
    async fn analyze(&self, request: &AnalysisRequest) -> Result<LocationAnalysis, AnalysisError> {
        if request.target.is_empty() {
            return Err(AnalysisError::Input("there is nothing to look at".to_owned()));
        }
        let field = GeneratedField {
            field: "spec.owner".to_owned(),
            state: FieldState::NeedsUserInput,
            value: None,
            description: format!("{} {}", request.location_type, request.target),
        };
        let generated = GeneratedEntity { entity: json!({ "kind": "Component" }), fields: vec![field] };
        Ok(LocationAnalysis { generate_entities: vec![generated], ..LocationAnalysis::default() })
    }
}

#[tokio::test]
async fn all_of_it_can_be_replaced() {
    let builder = ServerBuilder::empty()
        .options(|options| options.location_analyzers.replacement = Some(Arc::new(Replacement)));
    let server = builder.start().await;
    let answer = server.post("/analyze-location", &of("not a url", None)).await;
    assert_eq!(
        answer.json(),
        json!({
            "existingEntityFiles": [],
            "generateEntities": [{
                "entity": { "kind": "Component" },
                "fields": [{
                    "field": "spec.owner",
                    "state": "needsUserInput",
                    "value": null,
                    "description": "url not a url",
                }],
            }],
        })
    );
    let refused = server.post("/analyze-location", &of("", None)).await;
    assert_eq!(refused.brief(), "400 InputError: there is nothing to look at");
}
