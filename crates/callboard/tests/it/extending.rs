//! Programs that add extensions of their own, and what they are told when something is wrong.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use callboard::Callboard;
use callboard::config::{Config, ConfigSources, load};
use callboard::sdk::{
    Action, ActionAttributes, ActionCall, ActionDescription, ActionError, EntityProvider, Module,
    ModuleConfig, ModuleError, Registry, Task, TaskSchedule, async_trait,
};
use serde::Deserialize;
use serde_json::{Value, json};

struct Named(String);

impl EntityProvider for Named {
    fn name(&self) -> &str {
        &self.0
    }

    fn schedule(&self) -> Option<TaskSchedule> {
        Some(TaskSchedule::manual(Duration::from_mins(1)))
    }
}

fn named(name: &str) -> Arc<dyn EntityProvider> {
    Arc::new(Named(name.to_owned()))
}

#[derive(Deserialize)]
struct FrobsConfig {
    url: String,
    #[expect(dead_code, reason = "only whether it can be read counts")]
    schedule: Option<TaskSchedule>,
}

/// A provider for each of `catalog.providers.frobs`.
struct Frobs;

impl Module for Frobs {
    fn name(&self) -> &'static str {
        "frobs"
    }

    fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
        for (id, frobs) in config.instances::<FrobsConfig>("catalog.providers.frobs", "url")? {
            if !frobs.url.starts_with("https:") {
                let path = format!("catalog.providers.frobs.{id}.url");
                return Err(config.error(&path, "expected an https URL").into());
            }
            registry.add_provider(named(&format!("frobs-{id}")));
        }
        Ok(())
    }
}

fn config(folder: &Path, text: &str) -> Config {
    let file = folder.join("app-config.yaml");
    std::fs::write(&file, text).unwrap();
    load(&ConfigSources { files: vec![file], ..ConfigSources::default() }).unwrap()
}

/// Why a server with this configuration cannot be built, without the folder's name.
async fn refusal(text: &str, extend: impl FnOnce(Callboard) -> Callboard) -> String {
    let folder = tempfile::tempdir().unwrap();
    let builder = extend(Callboard::builder(config(folder.path(), text)).port(0));
    match builder.build().await {
        Ok(_) => "it is built".to_owned(),
        Err(error) => format!("{error:#}").replace(&format!("{}/", folder.path().display()), ""),
    }
}

#[tokio::test]
async fn schedules_of_the_configuration_are_checked_with_file_and_line() {
    let text = "catalog:\n  providers:\n    frobs:\n      schedule:\n        frequency: often\n        timeout: 1m\n";
    let message = refusal(text, |builder| builder.add_provider(named("frobs"))).await;
    insta::assert_snapshot!(message, @"app-config.yaml:5: catalog.providers.frobs.schedule.frequency: expected a duration such as 30m, PT5M or { minutes: 30 }, found the text \"often\"");
}

/// Does nothing, under a name.
struct Idle(&'static str);

#[async_trait]
impl Action for Idle {
    fn description(&self) -> ActionDescription {
        ActionDescription {
            name: self.0.to_owned(),
            title: "Idle".to_owned(),
            description: "Does nothing.".to_owned(),
            attributes: ActionAttributes::default(),
            input: json!({ "type": "object" }),
            output: json!({ "type": "object" }),
            ..ActionDescription::default()
        }
    }

    async fn call(&self, _: ActionCall) -> Result<Value, ActionError> {
        Ok(json!({}))
    }
}

#[tokio::test]
async fn actions_have_names_of_their_own() {
    let idle = |name| Arc::new(Idle(name));
    assert_eq!(refusal("{}", |builder| builder.add_action(idle("idle"))).await, "it is built");
    insta::assert_snapshot!(
        refusal("{}", |builder| builder.add_action(idle("idle")).add_action(idle("idle"))).await,
        @"there are two actions named idle, one of them perhaps built in"
    );
    insta::assert_snapshot!(
        refusal("{}", |builder| builder.add_action(idle("validate-entity"))).await,
        @"there are two actions named validate-entity, one of them perhaps built in"
    );
}

#[tokio::test]
async fn modules_read_their_own_settings() {
    let one = "catalog:\n  providers:\n    frobs:\n      url: https://x\n";
    assert_eq!(refusal(one, |builder| builder.add_module(Frobs)).await, "it is built");

    let wrong_type = "catalog:\n  providers:\n    frobs:\n      a.b:\n        url: 5\n";
    insta::assert_snapshot!(
        refusal(wrong_type, |builder| builder.add_module(Frobs)).await,
        @"the module frobs: app-config.yaml:5: catalog.providers.frobs.\"a.b\".url: expected a text, found the number 5"
    );
    let wrong_schedule = "catalog:\n  providers:\n    frobs:\n      a:\n        url: https://x\n        schedule: { frequency: 1m }\n";
    insta::assert_snapshot!(
        refusal(wrong_schedule, |builder| builder.add_module(Frobs)).await,
        @"the module frobs: app-config.yaml:6: catalog.providers.frobs.a.schedule.timeout: required, but not given"
    );
    let wrong_value = "catalog:\n  providers:\n    frobs:\n      a:\n        url: http://x\n";
    insta::assert_snapshot!(
        refusal(wrong_value, |builder| builder.add_module(Frobs)).await,
        @"the module frobs: app-config.yaml:5: catalog.providers.frobs.a.url: expected an https URL, found the text \"http://x\""
    );
}

#[tokio::test]
async fn guards_of_the_configuration_are_checked() {
    let text = "catalog:\n  providerOptions:\n    frobs:\n      rejectRemovalsAbovePercentage: 120\n";
    insta::assert_snapshot!(
        refusal(text, |builder| builder).await,
        @"app-config.yaml:4: catalog.providerOptions.frobs.rejectRemovalsAbovePercentage: expected a number from 0 to 100, found the number 120"
    );
    let text = "callboard:\n  removalGuards:\n    rejectEmptySourceCollections: perhaps\n";
    insta::assert_snapshot!(
        refusal(text, |builder| builder).await,
        @"app-config.yaml:3: callboard.removalGuards.rejectEmptySourceCollections: expected true or false, found the text \"perhaps\""
    );
}

#[tokio::test]
async fn of_two_with_one_name_both_are_named() {
    let text = "catalog:\n  providers:\n    frobs:\n      a:\n        url: https://x\n";
    let extend = |builder: Callboard| builder.add_provider(named("frobs-a")).add_module(Frobs);
    insta::assert_snapshot!(
        refusal(text, extend).await,
        @"two providers are named frobs-a, registered by the module frobs and the program; one of them needs another name"
    );
    let extend = |builder: Callboard| builder.add_provider(named("DefaultLocationStore"));
    insta::assert_snapshot!(
        refusal("{}", extend).await,
        @"two providers are named DefaultLocationStore, registered by Callboard itself and the program; one of them needs another name"
    );
    let task = || Task::new("t", TaskSchedule::manual(Duration::from_mins(1)), || async { Ok(()) });
    insta::assert_snapshot!(
        refusal("{}", |builder| builder.add_task(task()).add_task(task())).await,
        @"two tasks are named t, registered by the program; one of them needs another name"
    );
}
