//! Adds to components what another system knows of them: how many tickets are open, and who works on them. The
//! tracker is asked in every round, and with its `ETag` only whether anything changed.

use std::process::ExitCode;
use std::sync::Arc;

use callboard::model::{Entity, EntityError, LocationRef};
use callboard::sdk::{
    Hooks, Module, ModuleConfig, ModuleError, ProcessContext, Processor, ReadError, ReadOptions, Registry,
    async_trait,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

const OPEN_TICKETS: &str = "tickets.example.com/open";
/// Another form of what is remembered needs another key.
const CACHE_KEY: &str = "v1";

/// What the tracker says of a project.
#[derive(Serialize, Deserialize)]
struct Project {
    open: u32,
    /// The group that works on its tickets, such as `group:crew`.
    assignee: Option<String>,
}

/// What stands in `tickets`.
#[derive(Deserialize)]
struct Tickets {
    url: String,
}

#[async_trait]
impl Processor for Tickets {
    fn name(&self) -> &'static str {
        "tickets"
    }

    fn hooks(&self) -> Hooks {
        Hooks { post_process: true, ..Hooks::NONE }
    }

    async fn post_process(
        &self,
        mut entity: Entity,
        _location: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        if entity.kind() == "Component"
            && let Some(project) = self.project(entity.name(), context).await?
        {
            entity.set_annotation(OPEN_TICKETS, &project.open.to_string());
            if let Some(assignee) = &project.assignee {
                context.emit.relate(&entity, "ticketsAssignedTo", assignee);
            }
        }
        Ok(entity)
    }
}

impl Tickets {
    /// What the tracker has of this name; `None` if it has nothing.
    async fn project(&self, name: &str, context: ProcessContext<'_>) -> Result<Option<Project>, EntityError> {
        let url = format!("{}/projects/{name}", self.url);
        let (etag, known) = context.cache.get_as::<(Option<String>, Project)>(CACHE_KEY).unzip();
        match (context.reader.read(&url, &ReadOptions::unless(etag.flatten())).await, known) {
            (Err(ReadError::NotModified), Some(known)) => Ok(Some(known)),
            (Err(ReadError::NotFound(_)), _) => Ok(None),
            (answer, _) => {
                let answer = answer?;
                let project: Project = answer.json()?;
                context.cache.set(CACHE_KEY, json!([answer.etag, project]));
                Ok(Some(project))
            }
        }
    }
}

struct TicketsModule;

impl Module for TicketsModule {
    fn name(&self) -> &'static str {
        "tickets"
    }

    fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
        registry.add_processor(Arc::new(config.section::<Tickets>("tickets")?));
        Ok(())
    }
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.add_module(TicketsModule))
}

#[cfg(test)]
mod tests;
