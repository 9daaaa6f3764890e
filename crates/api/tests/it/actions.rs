use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, header};
use callboard_api::{Actions, AuthPolicy, Authentication};
use callboard_auth::{AuthSettings, Authenticator, ExternalAccess, JwksSource, LoadError, SystemClock};
use callboard_sdk::{
    Action, ActionAttributes, ActionCall, ActionCaller, ActionDescription, ActionError, ActionExample,
};
use serde_json::{Value, json};

use crate::openapi;
use crate::server::{Answer, Server, ServerBuilder};

const ANYBODY: &str = "token-of-anybody";
const READER: &str = "token-for-reading";

/// Nobody here has keys elsewhere.
struct NoKeys;

#[async_trait]
impl JwksSource for NoKeys {
    async fn load(&self, _: &str) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::new("there are none"))
    }
}

/// Tokens are known, and not needed.
fn authentication() -> Authentication {
    let entry = |token: &str, restrictions: Value| {
        let options = json!({ "token": token, "subject": "ci" });
        json!({ "type": "static", "options": options, "accessRestrictions": restrictions })
    };
    let reading = json!([{ "plugin": "catalog", "permissionAttribute": { "action": "read" } }]);
    let external = ExternalAccess::parse(&[entry(ANYBODY, json!([])), entry(READER, reading)]).unwrap();
    let settings = AuthSettings { plugin: "catalog".to_owned(), external, ..AuthSettings::default() };
    let authenticator = Authenticator::new(settings, Arc::new(NoKeys), Arc::new(SystemClock));
    Authentication {
        policy: AuthPolicy::Optional,
        authenticator: Arc::new(authenticator),
        ..Authentication::default()
    }
}

async fn theatre() -> Server {
    Server::theatre_of(ServerBuilder::empty().options(|options| options.authentication = authentication()))
        .await
}

async fn invoke(server: &Server, token: Option<&str>, action: &str, input: &Value) -> Answer {
    let path = format!("/api/catalog/.backstage/actions/v1/actions/{action}/invoke");
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    server.send(request.body(Body::from(input.to_string())).unwrap()).await
}

/// The output of an action that goes well.
async fn output(server: &Server, action: &str, input: Value) -> Value {
    let answer = invoke(server, Some(ANYBODY), action, &input).await;
    assert_eq!(answer.status, 200, "{action} {input}: {}", answer.text());
    answer.json()["output"].clone()
}

async fn refused(server: &Server, action: &str, input: Value) -> String {
    invoke(server, Some(ANYBODY), action, &input).await.brief()
}

#[tokio::test]
async fn all_are_listed() {
    let server = ServerBuilder::empty().start().await;
    let listed = server.get("/.backstage/actions/v1/actions?ignored=1").await;
    let summary: Vec<Value> = listed.json()["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| json!([action["id"], action["pluginId"], action["attributes"]]))
        .collect();
    insta::assert_json_snapshot!(summary);
}

#[tokio::test]
async fn callers_have_to_be_somebody() {
    let server = theatre().await;
    let anonymous = invoke(&server, None, "catalog:get-catalog-entity", &json!({ "name": "ada" })).await;
    assert_eq!(
        anonymous.brief(),
        "403 NotAllowedError: Actions must be invoked by an authenticated principal, not an anonymous request"
    );
    let unknown = refused(&server, "catalog:nope", json!({})).await;
    assert_eq!(unknown, "404 NotFoundError: Action \"catalog:nope\" not found");
}

#[tokio::test]
async fn inputs_have_to_fit() {
    let server = theatre().await;
    let cases = [
        ("catalog:get-catalog-entity", json!({})),
        ("catalog:get-catalog-entity", json!({ "name": 1 })),
        ("catalog:get-catalog-entity", json!({ "name": "ada", "nope": 1 })),
        ("catalog:query-catalog-entities", json!({ "limit": 0 })),
        ("catalog:query-catalog-entities", json!({ "orderFields": { "field": "kind" } })),
        ("catalog:unregister-entity", json!({ "type": { "locationId": "a", "locationUrl": "b" } })),
        ("catalog:validate-entity", json!([])),
    ];
    for (action, input) in cases {
        let refusal = refused(&server, action, input.clone()).await;
        let expected = format!("400 InputError: Invalid input to action \"{action}\"; caused by ");
        assert!(refusal.starts_with(&expected), "{input}: {refusal}");
    }
}

#[tokio::test]
async fn one_entity() {
    let server = theatre().await;
    let entity =
        output(&server, "catalog:get-catalog-entity", json!({ "name": "ADA", "kind": "user" })).await;
    assert_eq!(entity, server.get("/entities/by-name/user/default/ada").await.json());
    let refreshed = output(&server, "catalog:refresh-catalog-entity", json!({ "name": "curtain" })).await;
    assert_eq!(refreshed, json!({ "entityRef": "component:props/curtain" }));
    for action in ["catalog:get-catalog-entity", "catalog:refresh-catalog-entity"] {
        assert_eq!(
            refused(&server, action, json!({ "name": "ada", "namespace": "props" })).await,
            "400 InputError: No entity found with name \"ada\""
        );
    }
}

#[tokio::test]
async fn several_entities_of_one_name() {
    const TWINS: &str = r"
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: twin }
spec: { type: service, lifecycle: production, owner: me }
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: { name: twin }
spec: { type: openapi, lifecycle: production, owner: me, definition: none }
";
    let builder = ServerBuilder::empty().options(|options| options.authentication = authentication());
    let server = builder.location("https://host/twins.yaml", TWINS).start().await;
    server
        .until("both are there", |catalog| {
            let index = catalog.index().read();
            index.by_ref("component:default/twin").is_some() && index.by_ref("api:default/twin").is_some()
        })
        .await;
    let refusal = refused(&server, "catalog:get-catalog-entity", json!({ "name": "twin" })).await;
    assert!(
        refusal.starts_with("409 ConflictError: Multiple entities found with name \"twin\""),
        "{refusal}"
    );
    assert!(refusal.contains("api:default/twin") && refusal.contains("component:default/twin"), "{refusal}");
    let api = output(&server, "catalog:get-catalog-entity", json!({ "name": "twin", "kind": "API" })).await;
    assert_eq!(api["kind"], "API");
}

#[tokio::test]
async fn queries() {
    let server = theatre().await;
    let query = async |input: Value| output(&server, "catalog:query-catalog-entities", input).await;
    let order = json!([{ "field": "metadata.name", "order": "desc" }]);
    let owned = json!({ "relations.ownedBy": "group:default/stagehands" });
    let first =
        query(json!({ "query": owned, "fields": ["metadata.name"], "orderFields": order, "limit": 2 })).await;
    assert_eq!(
        first["items"],
        json!([{ "metadata": { "name": "Lights" } }, { "metadata": { "name": "curtain" } }])
    );
    assert_eq!((&first["totalItems"], &first["hasMoreEntities"]), (&json!(3), &json!(true)));
    let second = query(json!({ "cursor": first["nextPageCursor"], "fields": ["kind"] })).await;
    assert_eq!(second, json!({ "items": [{ "kind": "API" }], "totalItems": 3, "hasMoreEntities": false }));
    let single = json!({ "field": "metadata.name", "order": "asc" });
    let found = query(json!({ "orderFields": single, "fullTextFilter": { "term": "stage" } })).await;
    assert_eq!(found["items"][0]["metadata"]["name"], "stagehands");
    let refusal =
        refused(&server, "catalog:query-catalog-entities", json!({ "query": { "kind": null } })).await;
    assert!(refusal.starts_with("400 InputError: Invalid query"), "{refusal}");
}

#[tokio::test]
async fn validation_never_fails() {
    let server = theatre().await;
    let validate =
        async |entity: &str| output(&server, "catalog:validate-entity", json!({ "entity": entity })).await;
    let good = "{ apiVersion: backstage.io/v1alpha1, kind: Component, metadata: { name: a }, \
                spec: { type: service, lifecycle: production, owner: me } }";
    let valid = validate(good).await;
    assert_eq!(
        (&valid["isValid"], &valid["isValidYaml"], &valid["errors"]),
        (&json!(true), &json!(true), &json!([]))
    );
    assert_eq!(valid["entity"]["metadata"]["name"], "a");
    let invalid = validate(&good.replace("name: a", "name: a b")).await;
    assert_eq!((&invalid["isValid"], &invalid["isValidYaml"]), (&json!(false), &json!(true)));
    assert!(invalid["errors"][0].as_str().unwrap().contains("metadata.name"), "{invalid}");
    for (text, problem) in
        [("{", "YAML"), ("", "no entity"), (&format!("{good}\n---\n{good}"), "2 entities"), ("5", "object")]
    {
        let unreadable = validate(text).await;
        assert_eq!(
            (&unreadable["isValid"], &unreadable["isValidYaml"]),
            (&json!(false), &json!(false)),
            "{text}"
        );
        assert!(unreadable["errors"][0].as_str().unwrap().contains(problem), "{text}: {unreadable}");
    }
}

#[tokio::test]
async fn registration() {
    let server = theatre().await;
    let url = "https://host/One.yaml";
    let registered = output(&server, "catalog:register-entity", json!({ "locationUrl": url })).await;
    let id = registered["locationId"].as_str().unwrap();
    assert_eq!(server.get(&format!("/locations/{id}")).await.json()["target"], url);
    assert_eq!(
        refused(&server, "catalog:register-entity", json!({ "locationUrl": url })).await,
        "409 ConflictError: Location url:https://host/One.yaml already exists"
    );
    assert_eq!(
        refused(&server, "catalog:register-entity", json!({ "locationUrl": "nowhere" })).await,
        "400 InputError: \"nowhere\" is not a URL"
    );
    let by_url = json!({ "type": { "locationUrl": "HTTPS://HOST/one.YAML" } });
    assert_eq!(output(&server, "catalog:unregister-entity", by_url.clone()).await, json!({}));
    assert_eq!(
        refused(&server, "catalog:unregister-entity", by_url).await,
        "404 NotFoundError: Location with URL HTTPS://HOST/one.YAML not found"
    );
    assert_eq!(
        refused(&server, "catalog:unregister-entity", json!({ "type": { "locationId": id } })).await,
        format!("404 NotFoundError: Found no location with ID {id}")
    );
}

#[tokio::test]
async fn permissions_hold() {
    let server = theatre().await;
    let as_reader =
        async |action: &str, input: Value| invoke(&server, Some(READER), action, &input).await.brief();
    assert_eq!(as_reader("catalog:get-catalog-entity", json!({ "name": "ada" })).await, "200");
    assert_eq!(as_reader("catalog:query-catalog-entities", json!({})).await, "200");
    let refused = [
        ("catalog:refresh-catalog-entity", json!({ "name": "ada" })),
        ("catalog:register-entity", json!({ "locationUrl": "https://host/one.yaml" })),
        ("catalog:unregister-entity", json!({ "type": { "locationId": "x" } })),
        ("catalog:validate-entity", json!({ "entity": "" })),
    ];
    for (action, input) in refused {
        assert_eq!(as_reader(action, input).await, "403 NotAllowedError: ", "{action}");
    }
}

/// That inputs fit their schemas is checked at the start; here it is whether they make sense.
#[tokio::test]
async fn examples_can_be_called() {
    let server = theatre().await;
    let listed = server.get("/.backstage/actions/v1/actions").await.json();
    let mut called = 0;
    for action in listed["actions"].as_array().unwrap() {
        let id = action["id"].as_str().unwrap();
        for example in action["examples"].as_array().into_iter().flatten() {
            let answer = invoke(&server, Some(ANYBODY), id, &example["input"]).await;
            // What they name is not in this catalog.
            let is_missing = answer.text().contains("booking-service") || answer.status == 404;
            assert!(answer.status == 200 || is_missing, "{id} {example}: {}", answer.text());
            called += 1;
        }
    }
    assert!(called > 6, "{called}");
    openapi::check(
        &openapi::document(&server).await,
        "get",
        "/api/catalog/.backstage/actions/v1/actions",
        &server.get("/.backstage/actions/v1/actions").await,
    );
}

#[tokio::test]
async fn the_model_is_what_is_installed() {
    let server = theatre().await;
    let answer = output(&server, "catalog:get-catalog-model-description", json!({})).await;
    let description = answer["description"].as_str().unwrap();
    insta::assert_snapshot!("model", description);
    let builder = ServerBuilder::empty().settings(|settings| settings.template_kind = true);
    let server = builder.options(|options| options.authentication = authentication()).start().await;
    let answer = output(&server, "catalog:get-catalog-model-description", json!({})).await;
    assert!(answer["description"].as_str().unwrap().contains("## Template"));
}

/// Says who calls, and what it was given.
struct Echo(&'static str, Value);

#[async_trait]
impl Action for Echo {
    fn description(&self) -> ActionDescription {
        ActionDescription {
            name: self.0.to_owned(),
            title: "Echo".to_owned(),
            description: "Says what it was given.".to_owned(),
            attributes: ActionAttributes { read_only: true, ..ActionAttributes::default() },
            input: self.1.clone(),
            output: json!({}),
            examples: vec![ActionExample {
                title: "A greeting".to_owned(),
                description: Some("In one word.".to_owned()),
                input: json!({ "text": "hello" }),
                output: Some(json!({ "caller": "ci" })),
            }],
        }
    }

    async fn call(&self, call: ActionCall) -> Result<Value, ActionError> {
        match call.input["text"].as_str() {
            Some("fail") => Err(ActionError::Failed("it broke".into())),
            Some("conflict") => Err(ActionError::Conflict("it is there".to_owned())),
            _ => {
                let ActionCaller::Service(caller) = call.caller else { panic!("a person") };
                Ok(json!({ "caller": caller, "input": call.input, "secrets": call.secrets }))
            }
        }
    }
}

#[tokio::test]
async fn actions_of_ones_own() {
    let schema = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
    let echo: Arc<dyn Action> = Arc::new(Echo("echo", schema));
    let builder = ServerBuilder::empty().options(|options| {
        options.authentication = authentication();
        options.actions = Actions::new(&[Arc::clone(&echo)]).unwrap();
    });
    let server = builder.start().await;
    let listed = server.get("/.backstage/actions/v1/actions").await.json();
    let examples = json!([{
        "title": "A greeting", "description": "In one word.", "input": { "text": "hello" },
        "output": { "caller": "ci" },
    }]);
    assert_eq!(listed["actions"].as_array().unwrap().last().unwrap()["examples"], examples);
    let path = "/api/catalog/.backstage/actions/v2/actions/catalog:echo/invoke";
    let body = json!({ "input": { "text": "hello" }, "secrets": { "key": "s" } });
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {ANYBODY}"));
    let answer = server.send(request.body(Body::from(body.to_string())).unwrap()).await.json();
    let expected = json!({ "caller": "ci", "input": { "text": "hello" }, "secrets": { "key": "s" } });
    assert_eq!(answer["output"], expected);
    assert_eq!(
        refused(&server, "catalog:echo", json!({ "text": "conflict" })).await,
        "409 ConflictError: it is there"
    );
    let failed = refused(&server, "catalog:echo", json!({ "text": "fail" })).await;
    assert!(failed.starts_with("500 Error: An internal error occurred"), "{failed}");
    let unfit = refused(&server, "catalog:echo", json!({ "text": 5 })).await;
    assert!(unfit.starts_with("400 InputError: Invalid input"), "{unfit}");

    let twice = Actions::new(&[Arc::clone(&echo), echo]).unwrap_err();
    assert_eq!(twice.to_string(), "there are two actions named echo, one of them perhaps built in");
    let built_in: Arc<dyn Action> = Arc::new(Echo("validate-entity", json!({})));
    assert!(Actions::new(&[built_in]).is_err());
    let senseless: Arc<dyn Action> = Arc::new(Echo("odd", json!({ "type": "nonsense" })));
    let problem = Actions::new(&[senseless]).unwrap_err().to_string();
    assert!(problem.starts_with("the action odd has no good schema"), "{problem}");
    let other = json!({ "type": "object", "properties": { "text": { "type": "number" } } });
    let unfit: Arc<dyn Action> = Arc::new(Echo("unfit", other));
    let problem = Actions::new(&[unfit]).unwrap_err().to_string();
    assert!(
        problem.starts_with("the action unfit does not take the input of its example \"A greeting\": "),
        "{problem}"
    );
}
