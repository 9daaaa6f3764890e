//! Tests of the processor by itself, without a program or a network.

use callboard_testkit::{FakeFiles, ProcessorRun};
use serde_json::{Value, json};

use super::Tickets;

const SHOP: &str = "https://tickets.example.com/projects/shop";

fn tickets() -> Tickets {
    Tickets { url: "https://tickets.example.com".to_owned() }
}

fn component(name: &str) -> Value {
    json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": { "name": name } })
}

#[tokio::test]
async fn what_the_tracker_knows_is_added() {
    let files = FakeFiles::default();
    files.set_json(SHOP, &json!({ "open": 3, "assignee": "group:crew" }));
    let tickets = tickets();
    let mut run = ProcessorRun::new(&tickets).files(&files);
    let shop = run.process(component("shop")).await;
    assert_eq!(shop.entity.unwrap()["metadata"]["annotations"]["tickets.example.com/open"], "3");
    assert_eq!(shop.relations, ["component:default/shop ticketsAssignedTo group:default/crew"]);

    let other = run.process(component("other")).await;
    assert!(
        other.errors.is_empty() && other.relations.is_empty(),
        "the tracker need not know all: {other:?}"
    );

    files.set(SHOP, "<html>We are closed</html>");
    assert_eq!(run.process(component("shop")).await.errors.len(), 1);
}
