//! Another descriptor format, beside native documents in one file.

use std::sync::Arc;

use callboard_engine::YamlParser;
use callboard_model::{EntityError, LocationRef};
use callboard_sdk::{Emission, EntityParser};
use serde_json::{Value, json};

use crate::support::{World, generated};

/// Takes documents of the form `{ id, type, author }` as components, and all others as they are.
struct CompanyParser {
    standard: YamlParser,
}

impl EntityParser for CompanyParser {
    fn parse(&self, data: &[u8], location: &LocationRef) -> Vec<Emission> {
        self.standard.parse_with(data, location, |document| {
            if document.get("apiVersion").is_some() {
                return Ok(document);
            }
            component(&document).ok_or_else(|| EntityError::input("a document without id, type or author"))
        })
    }
}

fn component(document: &Value) -> Option<Value> {
    Some(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": document.get("id")?, "namespace": "default" },
        "spec": { "type": document.get("type")?, "owner": document.get("author")?, "lifecycle": "experimental" },
    }))
}

async fn world(file: &str) -> World {
    let mut world = World::with_locations(&["catalog.yaml"]).await;
    world.registry.set_parser(Arc::new(CompanyParser { standard: YamlParser::new(false) }));
    world.host.set("catalog.yaml", file);
    world.start().await
}

const BOTH: &str = "id: my-service\ntype: service\nauthor: user@backstage.com\n---\n---\n\
                    apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: native }\n\
                    spec: { type: website, lifecycle: production, owner: crew }\n";

#[tokio::test]
async fn native_and_custom_documents_stand_in_one_file() {
    let world = world(BOTH).await;
    world.until_there(&["component:default/my-service", "component:default/native"]).await;
    let custom = world.entity("component:default/my-service").unwrap();
    assert_eq!(custom["spec"]["lifecycle"], "experimental");
    assert_eq!(custom["relations"][0]["targetRef"], "group:default/user@backstage.com");
    let annotations = &custom["metadata"]["annotations"];
    assert_eq!(annotations["backstage.io/managed-by-location"], "url:https://host/s/catalog.yaml");
    assert_eq!(world.entity("component:default/native").unwrap()["spec"]["type"], "website");
    world.stop().await;
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_an_error_of_its_location() {
    let world = world(&format!("{BOTH}---\nowner: nobody\n---\n{{")).await;
    let errors = world.until_unprocessed(&generated("catalog.yaml")).await;
    assert!(errors.iter().any(|error| error.contains("without id, type or author at url:")), "{errors:?}");
    assert!(errors.iter().any(|error| error.contains("YAML")), "{errors:?}");
    world.stop().await;
}
