//! Locations of a type of one's own, `system-x`, whose targets are the API of System-X. The processor for the type
//! `cached-system-x` asks only whether anything changed, as long as nothing has.

use std::process::ExitCode;
use std::sync::Arc;

use callboard::model::{EntityError, LocationSpec};
use callboard::sdk::{Hooks, Processor, ReadContext, ReadError, ReadOptions, async_trait};
use serde_json::{Value, json};

struct SystemX;

#[async_trait]
impl Processor for SystemX {
    fn name(&self) -> &'static str {
        "system-x"
    }

    fn hooks(&self) -> Hooks {
        Hooks { read_location: true, ..Hooks::NONE }
    }

    async fn read_location(
        &self,
        location: &LocationSpec,
        context: ReadContext<'_>,
    ) -> Result<bool, EntityError> {
        if location.location_type != "system-x" {
            return Ok(false);
        }
        let answer = context.reader.read(&location.target, &ReadOptions::default()).await?;
        for entity in answer.json::<Vec<Value>>()? {
            context.emit.entity_from(location, entity);
        }
        Ok(true)
    }
}

/// Another form of what is remembered needs another key.
const CACHE_KEY: &str = "v1";

struct CachedSystemX;

#[async_trait]
impl Processor for CachedSystemX {
    fn name(&self) -> &'static str {
        "cached-system-x"
    }

    fn hooks(&self) -> Hooks {
        Hooks { read_location: true, ..Hooks::NONE }
    }

    async fn read_location(
        &self,
        location: &LocationSpec,
        context: ReadContext<'_>,
    ) -> Result<bool, EntityError> {
        if location.location_type != "cached-system-x" {
            return Ok(false);
        }
        let (etag, known) = context.cache.get_as::<(Option<String>, Vec<Value>)>(CACHE_KEY).unzip();
        let options = ReadOptions::unless(etag.flatten());
        let entities = match (context.reader.read(&location.target, &options).await, known) {
            (Err(ReadError::NotModified), Some(known)) => known,
            (answer, _) => {
                let answer = answer?;
                let entities = answer.json()?;
                context.cache.set(CACHE_KEY, json!([answer.etag, entities]));
                entities
            }
        };
        for entity in entities {
            context.emit.entity_from(location, entity);
        }
        Ok(true)
    }
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.add_processor(Arc::new(SystemX)).add_processor(Arc::new(CachedSystemX)))
}
