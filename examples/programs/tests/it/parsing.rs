use callboard_testkit::until;
use serde_json::json;

use crate::{PATIENCE, entity, failure, program};

#[tokio::test]
async fn files_in_the_format_of_the_company() {
    let mut server = program(env!("CARGO_BIN_EXE_company-format"), "company-format");
    server.start().await;
    let service = entity(&server, "component/default/my-service").await;
    assert_eq!(service["spec"], json!({ "type": "service", "owner": "makers", "lifecycle": "experimental" }));
    entity(&server, "component/default/native").await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_kind_of_ones_own_with_its_relations() {
    let mut server = program(env!("CARGO_BIN_EXE_devices"), "devices");
    server.start().await;
    until("the relation back", PATIENCE, async || {
        let crew = server.json("/entities/by-name/group/default/crew").await?;
        let back = json!({ "type": "ownerOf", "targetRef": "device:default/lamp" });
        crew["relations"].as_array()?.contains(&back).then_some(())
    })
    .await;
    let error = failure(&server).await;
    assert!(error.contains("/spec/serial") && error.contains("does not match"), "{error}");
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_kind_that_needs_no_program() {
    let mut server = program(env!("CARGO_BIN_EXE_frobs"), "configured-devices");
    server.start().await;
    until("the relation back", PATIENCE, async || {
        let crew = server.json("/entities/by-name/group/default/crew").await?;
        let back = json!({ "type": "ownerOf", "targetRef": "device:default/lamp" });
        crew["relations"].as_array()?.contains(&back).then_some(())
    })
    .await;
    assert!(server.stop().await.success());
}
