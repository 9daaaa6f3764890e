use callboard_testkit::{Upstream, until};
use serde_json::{Value, json};
use wiremock::matchers::{bearer_token, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{PATIENCE, entity, guide, program, run_commands};

#[tokio::test]
async fn frobs_of_all_environments_by_the_schedules_of_the_configuration() {
    let upstream = Upstream::start().await;
    upstream.set("production/data", json!([{ "id": "grinder", "team": "makers" }]).to_string());
    upstream.set("staging/data", json!([{ "id": "mixer", "team": "makers" }]).to_string());
    let mut server = program(env!("CARGO_BIN_EXE_frobs"), "frobs");
    server.set_variable("FROBS_HOST", &upstream.host());
    server.start().await;
    entity(&server, "component/default/grinder").await;
    let mixer = entity(&server, "component/default/mixer").await;
    let location = format!("url:{}", upstream.url("staging/data"));
    assert_eq!(mixer["metadata"]["annotations"]["backstage.io/managed-by-location"], location);
    let tasks = server.json("/.backstage/scheduler/v1/tasks").await.unwrap();
    let frequency = |id: &str| {
        let task = tasks["tasks"].as_array()?.iter().find(|task| task["taskId"] == id)?;
        task["settings"]["cadence"].as_str()
    };
    assert_eq!(frequency("frobs-production:refresh"), Some("PT1H"), "{tasks:#}");
    assert_eq!(frequency("frobs-staging:refresh"), Some("PT30M"), "{tasks:#}");

    let log = server.log();
    assert!(log.contains("the service was read") && log.contains("frobs-staging"), "{log}");

    // The service has lost what it had.
    upstream.set("production/data", "[]");
    let trigger = server.post("/.backstage/scheduler/v1/tasks/frobs-production:refresh/trigger", &json!({}));
    assert!(trigger.send().await.unwrap().status().is_success());
    until("the removal to be refused", PATIENCE, async || {
        let refused = server.json("/providers/refused-removals").await?;
        (refused["items"][0]["provider"] == "frobs-production").then_some(())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    for commands in guide::commands("docs/extending.md") {
        let answer = run_commands(&server, &commands, folder.path(), ("NO", "variable")).await;
        assert!(answer.contains("frobs-production"), "{answer}");
    }
    let again = server.post("/.backstage/scheduler/v1/tasks/frobs-production:refresh/trigger", &json!({}));
    assert!(again.send().await.unwrap().status().is_success());
    until("the confirmed removal", PATIENCE, async || {
        let gone = server.get("/entities/by-name/component/default/grinder").send().await.ok()?;
        (gone.status() == 404).then_some(())
    })
    .await;
    entity(&server, "component/default/mixer").await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn users_of_the_staff_directory() {
    let upstream = Upstream::start().await;
    let staff = json!([
        {
            "displayName": "Zoë O'Neil", "slackUserId": "U42", "jobTitle": "Prompter",
            "photoUrl": "https://hr.example.com/zoe.png", "address": "Attic", "email": "zoe@example.com",
        },
        { "displayName": "Bo", "slackUserId": null, "email": "bo@example.com" },
        { "displayName": "Al", "slackUserId": "", "email": "al@example.com" },
    ]);
    upstream.set("staff", staff.to_string());
    let mut server = program(env!("CARGO_BIN_EXE_hr-users"), "hr-users");
    server.set_variable("HR_HOST", &upstream.host());
    server.start().await;
    let zoe = entity(&server, "user/default/zoe-o-neil").await;
    assert_eq!(zoe["metadata"]["title"], "Zoë O'Neil");
    let link = json!({ "url": "slack://user?team=T0123&id=U42", "title": "Slack", "icon": "message" });
    assert_eq!(zoe["metadata"]["links"], json!([link]));
    let profile = json!({
        "displayName": "Zoë O'Neil", "email": "zoe@example.com", "picture": "https://hr.example.com/zoe.png",
    });
    assert_eq!((&zoe["spec"]["profile"], &zoe["spec"]["memberOf"]), (&profile, &json!([])));
    for path in ["user/default/bo", "user/default/al"] {
        assert_eq!(entity(&server, path).await["metadata"]["links"], json!([]), "{path}");
    }
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn services_of_an_api_with_pages() {
    let upstream = MockServer::start().await;
    let answer = async |page: u32, body: Value| {
        let mock = Mock::given(path(format!("/services/{page}"))).and(bearer_token("services-token"));
        mock.respond_with(ResponseTemplate::new(200).set_body_json(body)).mount(&upstream).await;
    };
    for page in 1..=3 {
        let items: Vec<Value> =
            (0..2).map(|item| json!({ "name": format!("service-{page}-{item}") })).collect();
        answer(page, json!({ "items": items, "totalPages": 3 })).await;
    }
    let mut server = program(env!("CARGO_BIN_EXE_services"), "services");
    server.set_variable("SERVICES_HOST", &upstream.address().to_string());
    server.set_variable("SERVICES_TOKEN", "services-token");
    server.start().await;
    for page in 1..=3 {
        entity(&server, &format!("component/default/service-{page}-1")).await;
    }
    until("the pass to end", PATIENCE, async || {
        let provider = server.json("/incremental/providers/services").await?;
        (provider["status"]["current_action"] == "resting").then_some(())
    })
    .await;
    // Most is gone at the next pass: a guard keeps what is there.
    upstream.reset().await;
    answer(1, json!({ "items": [{ "name": "service-1-0" }], "totalPages": 1 })).await;
    let start = server.post("/incremental/providers/services/start", &json!({})).send().await.unwrap();
    assert!(start.status().is_success());
    until("the removal to be refused", PATIENCE, async || {
        let refused = server.json("/providers/refused-removals").await?;
        refused["items"].as_array()?.first().map(|_| ())
    })
    .await;
    entity(&server, "component/default/service-3-1").await;
    assert!(server.stop().await.success());
}
