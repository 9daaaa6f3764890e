//! Kinds that exist by configuration alone.

use std::process::{Command, Stdio};
use std::time::Duration;

use callboard_testkit::{Upstream, until};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

fn devices() -> Value {
    json!({
        "id": "devices",
        "addKinds": [{
            "group": "example.com",
            "kind": "Device",
            "versions": [{
                "names": ["v1"],
                "relationFields": [{
                    "path": "spec.owner",
                    "relation": "ownedBy",
                    "defaultKind": "Group",
                    "allowedKinds": ["Group", "User"],
                }],
                "schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": {
                        "spec": {
                            "type": "object",
                            "required": ["serial", "owner"],
                            "properties": { "serial": { "type": "string", "pattern": "^[0-9]+$" } },
                        },
                    },
                },
            }],
        }],
        "addRelationPairs": [{
            "fromKinds": ["Device"],
            "toKinds": ["Group", "User"],
            "forward": { "type": "ownedBy" },
            "reverse": { "type": "ownerOf" },
        }],
    })
}

#[tokio::test]
async fn a_kind_of_the_configuration_is_a_kind_like_any_other() {
    let upstream = Upstream::start().await;
    let device = |name: &str, serial: &str| {
        format!(
            "apiVersion: example.com/v1\nkind: Device\nmetadata: {{ name: {name} }}\n\
             spec: {{ serial: '{serial}', owner: crew }}\n---\n"
        )
    };
    let group = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: { name: crew }\n\
                 spec: { type: team, children: [] }\n";
    upstream.set("all.yaml", device("lamp", "17") + &device("curtain", "x") + group);
    let mut server = crate::server(json!({
        "backend": { "reading": { "allow": [{ "host": upstream.host() }] } },
        "catalog": {
            "rules": [{ "allow": ["Device", "Group"] }],
            "locations": [{ "type": "url", "target": upstream.url("all.yaml") }],
        },
        "callboard": { "modelLayers": ["ai-resources", devices()] },
    }));
    server.start().await;
    until("the relation back", PATIENCE, async || {
        let group = server.json("/entities/by-name/group/default/crew").await?;
        let back = json!({ "type": "ownerOf", "targetRef": "device:default/lamp" });
        group["relations"].as_array()?.contains(&back).then_some(())
    })
    .await;
    let device = server.json("/entities/by-name/device/default/lamp").await.expect("the device");
    assert_eq!(device["relations"], json!([{ "type": "ownedBy", "targetRef": "group:default/crew" }]));
    let failed = until("the other one to fail", PATIENCE, async || {
        let failed = server.json("/entities/unprocessed/failed").await?;
        failed["entities"].as_array().is_some_and(|entities| entities.len() == 1).then_some(failed)
    })
    .await;
    let errors = failed["entities"][0]["errors"].to_string();
    assert!(errors.contains("/spec/serial") && errors.contains("does not match"), "{errors}");
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_layer_that_does_not_fit_keeps_the_server_from_starting() {
    let mut bad = devices();
    bad["addKinds"][0]["versions"][0]["schema"]["properties"]["metadata"] = json!({});
    let server = crate::server(json!({ "callboard": { "modelLayers": [bad] } }));
    let config = server.folder().join("app-config.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_callboard"))
        .args(["serve", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "model layer devices: add version v1 of kind Device: its schema must not declare metadata";
    assert!(message.contains(expected), "{message}");
}
