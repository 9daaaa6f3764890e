//! Users from a staff directory, with a link to write to them.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use callboard::sdk::{
    DeferredEntity, EntityMutation, EntityProvider, Module, ModuleConfig, ModuleError, ProviderConnection,
    ProviderError, ReadOptions, Registry, TaskSchedule, async_trait,
};
use serde::Deserialize;
use serde_json::json;

/// Somebody in the directory.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    display_name: String,
    email: String,
    photo_url: Option<String>,
    slack_user_id: Option<String>,
}

/// What stands in `catalog.providers.hrUsers`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StaffDirectory {
    url: String,
    slack_team: String,
}

#[async_trait]
impl EntityProvider for StaffDirectory {
    fn name(&self) -> &'static str {
        "hr-users"
    }

    fn schedule(&self) -> Option<TaskSchedule> {
        Some(TaskSchedule::every(Duration::from_hours(1), Duration::from_mins(5)))
    }

    async fn refresh(&self, connection: &dyn ProviderConnection) -> Result<(), ProviderError> {
        let staff = connection.url_reader().read(&self.url, &ReadOptions::default()).await?;
        let staff: Vec<Person> = staff.json()?;
        let users = staff.iter().map(|person| self.user(person)).collect::<Result<_, _>>()?;
        connection.apply_mutation(EntityMutation::Full(users)).await?;
        Ok(())
    }
}

impl StaffDirectory {
    fn user(&self, person: &Person) -> Result<DeferredEntity, ProviderError> {
        let slack = |id| {
            let url = format!("slack://user?team={}&id={id}", self.slack_team);
            json!({ "url": url, "title": "Slack", "icon": "message" })
        };
        let links: Vec<_> = person.slack_user_id.iter().filter(|id| !id.is_empty()).map(slack).collect();
        let user = json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "User",
            // Zoë O'Neil is zoe-o-neil.
            "metadata": { "name": slug::slugify(&person.display_name), "title": person.display_name, "links": links },
            "spec": {
                "profile": {
                    "displayName": person.display_name,
                    "email": person.email,
                    "picture": person.photo_url.as_deref().unwrap_or("https://hr.example.com/nobody.png"),
                },
                "memberOf": [],
            },
        });
        Ok(DeferredEntity::read_from(&format!("hr-users:{}", self.url), user)?.with_key("hr-users"))
    }
}

struct HrUsers;

impl Module for HrUsers {
    fn name(&self) -> &'static str {
        "hr-users"
    }

    fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
        registry.add_provider(Arc::new(config.section::<StaffDirectory>("catalog.providers.hrUsers")?));
        Ok(())
    }
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.add_module(HrUsers))
}
