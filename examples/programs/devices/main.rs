//! A kind of one's own, with its schema and its relations, by a layer of the model. The same can be said in the
//! configuration, without a program.

use std::process::ExitCode;

use callboard::model::layers::{KindDeclaration, LayerRelationField, ModelLayer, VersionDeclaration};
use serde_json::json;

fn devices() -> ModelLayer {
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": ["serial", "owner"],
                "properties": {
                    "serial": { "type": "string", "pattern": "^[0-9]+$" },
                    "owner": { "type": "string", "minLength": 1 },
                },
            },
        },
    });
    let owner = LayerRelationField::new("spec.owner", "ownedBy").default_kind("Group");
    let device = KindDeclaration::new("example.com", "Device")
        .version(VersionDeclaration::new("v1", schema).relation(owner));
    ModelLayer::new("devices").add_kind(device).add_relation_pair(
        "ownedBy",
        "ownerOf",
        &["Device"],
        &["Group"],
    )
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.add_model_layer(devices()))
}
