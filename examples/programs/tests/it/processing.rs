use callboard_testkit::{Upstream, until};
use serde_json::{Value, json};

use crate::{PATIENCE, entity, failure, program};

fn component(name: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name },
        "spec": { "type": "service", "lifecycle": "production", "owner": "makers" },
    })
}

#[tokio::test]
async fn system_x_is_asked_again_and_only_whether_anything_changed() {
    let upstream = Upstream::start().await;
    upstream.set("api/v2", json!([component("plain")]).to_string());
    upstream.set("api/v3", json!([component("cached"), component("other")]).to_string());
    let mut server = program(env!("CARGO_BIN_EXE_system-x"), "system-x");
    server.set_variable("SYSTEM_X_HOST", &upstream.host());
    server.start().await;
    entity(&server, "component/default/plain").await;
    entity(&server, "component/default/cached").await;
    entity(&server, "component/default/other").await;
    until("both to be asked again", PATIENCE, async || {
        (upstream.reads("api/v2") > 1 && upstream.unchanged("api/v3") > 1).then_some(())
    })
    .await;
    assert_eq!((upstream.unchanged("api/v2"), upstream.reads("api/v3")), (0, 1));
    // What was not sent again is still there, and a change is seen.
    entity(&server, "component/default/other").await;
    upstream.set("api/v3", json!([component("cached"), component("new")]).to_string());
    entity(&server, "component/default/new").await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn tickets_of_components_are_asked_for_and_only_whether_anything_changed() {
    let upstream = Upstream::start().await;
    upstream.set("projects/shop", json!({ "open": 3, "assignee": "group:crew" }).to_string());
    let mut server = program(env!("CARGO_BIN_EXE_tickets"), "tickets");
    server.set_variable("TICKETS_HOST", &upstream.host());
    server.start().await;
    entity(&server, "component/default/unheard-of").await;
    let shop = entity(&server, "component/default/shop").await;
    assert_eq!(shop["metadata"]["annotations"]["tickets.example.com/open"], "3");
    let relation = json!({ "type": "ticketsAssignedTo", "targetRef": "group:default/crew" });
    assert!(shop["relations"].as_array().unwrap().contains(&relation), "{shop}");
    until("it to be asked again", PATIENCE, async || (upstream.unchanged("projects/shop") > 1).then_some(()))
        .await;
    assert_eq!(upstream.reads("projects/shop"), 1);
    let open = async |number: &str| {
        until("the other number", PATIENCE, async || {
            let shop = server.json("/entities/by-name/component/default/shop").await?;
            (shop["metadata"]["annotations"]["tickets.example.com/open"] == number).then_some(())
        })
        .await;
    };
    open("3").await;
    upstream.set("projects/shop", json!({ "open": 4 }).to_string());
    open("4").await;
    // A tracker that fails takes nothing away: the last good state stays, with the error beside it.
    upstream.fail("projects/shop", reqwest::StatusCode::INTERNAL_SERVER_ERROR);
    until("the error beside it", PATIENCE, async || {
        let shop = server.json("/entities/by-name/component/default/shop").await?;
        shop["status"]["items"].to_string().contains("projects/shop").then_some(())
    })
    .await;
    open("4").await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_component_that_nobody_pays_for_is_refused() {
    let mut server = program(env!("CARGO_BIN_EXE_cost-centres"), "cost-centres");
    server.start().await;
    entity(&server, "component/default/paid").await;
    let error = failure(&server).await;
    assert!(error.contains("a component needs the annotation example.com/cost-centre"), "{error}");
    assert_eq!(server.json("/entities/by-name/component/default/unpaid").await, None);
    assert!(server.stop().await.success());
}
