//! The step that only Location entities have: reading what their targets point at.

use callboard_model::{Entity, EntityError, LocationPresence, LocationSpec};
use callboard_sdk::{Emit, ReadContext};
use serde_json::Value;

use super::hook;
use super::memory::Question;
use super::pipeline::{Pipeline, RunContext};
use super::run_cache::RunCache;

impl Pipeline {
    /// Reads every target. An error at any of them makes the whole run fail, but the others are still looked at.
    pub(crate) async fn read_targets(
        &self,
        entity: &Entity,
        context: &RunContext,
        emit: &Emit,
        cache: &mut RunCache,
    ) -> Result<(), EntityError> {
        let text = |field: &str| entity.spec().and_then(|spec| spec.get(field)?.as_str());
        let own_type = context.location.location_type();
        let location_type = text("type").unwrap_or(own_type);
        let presence = match text("presence") {
            Some("optional") => LocationPresence::Optional,
            _ => LocationPresence::Required,
        };
        if location_type != own_type && !self.allows_type(location_type) {
            emit.error(EntityError::input(self.allowed_types_message()));
            return Ok(());
        }
        for target in targets(entity) {
            if location_type == "file" && target.ends_with('/') {
                emit.error(EntityError::input(format!(
                    "A location of type file must not end with a path separator, as {target} does"
                )));
                continue;
            }
            let target = self.absolute(target, location_type, context);
            let location = LocationSpec { location_type: location_type.to_owned(), target, presence };
            self.read(&location, emit, cache).await?;
        }
        Ok(())
    }

    /// Whether locations of this type may be registered, and named by a Location of another type.
    pub(crate) fn allows_type(&self, location_type: &str) -> bool {
        self.allowed_location_types.iter().any(|allowed| allowed == location_type)
    }

    pub(crate) fn allowed_types_message(&self) -> String {
        let types = Value::from(self.allowed_location_types.clone());
        format!("Registered locations must be of an allowed type {types}")
    }

    fn absolute(&self, target: &str, location_type: &str, context: &RunContext) -> String {
        let base = &context.location;
        match location_type {
            _ if location_type != base.location_type() => target.to_owned(),
            "file" => crate::file_path::resolve(target, base.target()),
            "url" => self.reader.resolve(target, base.target()).unwrap_or_else(|_| target.to_owned()),
            _ => target.to_owned(),
        }
    }

    async fn read(
        &self,
        location: &LocationSpec,
        emit: &Emit,
        cache: &mut RunCache,
    ) -> Result<(), EntityError> {
        let LocationSpec { location_type, target, .. } = location;
        for link in self.chain.iter().filter(|link| link.hooks.read_location) {
            let cache = cache.of_target(link.processor.name(), target);
            let question = link.memory.is_some().then(|| Question::ReadLocation(location.clone()));
            let call = async |emit: &Emit| {
                let context = ReadContext { emit, parser: &*self.parser, reader: &*self.reader, cache };
                let read = hook::call(link.timeout, link.processor.read_location(location, context)).await;
                read.map_err(|error| link.failed(&format!("reading {location_type}:{target}"), error))
            };
            if link.remembering_responsibility(question, emit, call).await? {
                return Ok(());
            }
        }
        Err(EntityError::input(format!(
            "No processor was able to handle reading of {location_type}:{target}"
        )))
    }
}

/// `spec.target` and then `spec.targets`.
fn targets(entity: &Entity) -> impl Iterator<Item = &str> {
    let field = |name: &str| entity.spec().and_then(|spec| spec.get(name));
    let one = field("target").and_then(Value::as_str);
    let many = field("targets").and_then(Value::as_array);
    one.into_iter()
        .chain(many.into_iter().flatten().filter_map(Value::as_str))
        .filter(|target| !target.is_empty())
}
