//! Entities from the frobs service, read again from time to time. There is a provider for each environment in the
//! configuration, with the schedule that stands there.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use callboard::sdk::{
    DeferredEntity, EntityMutation, EntityProvider, Module, ModuleConfig, ModuleError, ProviderConnection,
    ProviderError, ReadOptions, Registry, TaskSchedule, async_trait,
};
use serde::Deserialize;
use serde_json::json;

/// What the service says of a frob.
#[derive(Deserialize)]
struct Frob {
    id: String,
    team: String,
}

struct FrobsProvider {
    name: String,
    url: String,
    schedule: TaskSchedule,
}

#[async_trait]
impl EntityProvider for FrobsProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn schedule(&self) -> Option<TaskSchedule> {
        Some(self.schedule.clone())
    }

    async fn refresh(&self, connection: &dyn ProviderConnection) -> Result<(), ProviderError> {
        let answer = connection.url_reader().read(&self.url, &ReadOptions::default()).await?;
        let frobs: Vec<Frob> = answer.json()?;
        tracing::info!(provider = self.name, frobs = frobs.len(), "the service was read");
        let entities = frobs.iter().map(|frob| self.entity(frob)).collect::<Result<_, _>>()?;
        connection.apply_mutation(EntityMutation::Full(entities)).await?;
        Ok(())
    }
}

impl FrobsProvider {
    fn entity(&self, frob: &Frob) -> Result<DeferredEntity, ProviderError> {
        let entity = json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": { "name": frob.id },
            "spec": { "type": "frob", "lifecycle": "production", "owner": frob.team },
        });
        Ok(DeferredEntity::read_from(&format!("url:{}", self.url), entity)?.with_key(&self.name))
    }
}

/// What stands in `catalog.providers.frobs`, for each environment.
#[derive(Deserialize)]
struct FrobsConfig {
    url: String,
    schedule: Option<TaskSchedule>,
}

struct Frobs;

impl Module for Frobs {
    fn name(&self) -> &'static str {
        "frobs"
    }

    fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
        let default = TaskSchedule::every(Duration::from_mins(30), Duration::from_mins(10));
        for (environment, frobs) in config.instances::<FrobsConfig>("catalog.providers.frobs", "url")? {
            registry.add_provider(Arc::new(FrobsProvider {
                name: format!("frobs-{environment}"),
                url: frobs.url,
                schedule: frobs.schedule.unwrap_or_else(|| default.clone()),
            }));
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.add_module(Frobs))
}

#[cfg(test)]
mod tests;
