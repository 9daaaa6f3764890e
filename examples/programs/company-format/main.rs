//! Descriptor files in a format of the company's own, beside native ones, also in one file.

use std::process::ExitCode;
use std::sync::Arc;

use callboard::engine::YamlParser;
use callboard::model::{EntityError, LocationRef};
use callboard::sdk::{Emission, EntityParser};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a document in the company's format holds.
#[derive(Deserialize)]
struct Service {
    id: String,
    r#type: String,
    author: String,
}

struct CompanyFormat {
    yaml: YamlParser,
}

impl EntityParser for CompanyFormat {
    fn parse(&self, data: &[u8], location: &LocationRef) -> Vec<Emission> {
        self.yaml.parse_with(data, location, |document| {
            if document.get("apiVersion").is_some() {
                return Ok(document);
            }
            let service: Service =
                serde_json::from_value(document).map_err(|error| EntityError::input(error.to_string()))?;
            Ok(component(&service))
        })
    }
}

fn component(service: &Service) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": service.id },
        "spec": { "type": service.r#type, "owner": service.author, "lifecycle": "experimental" },
    })
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.parser(Arc::new(CompanyFormat { yaml: YamlParser::new(false) })))
}
