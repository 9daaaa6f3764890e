//! Replaces `{ $key: value }` in an entity by what a resolver makes of it, e.g. the text of another file.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callboard_model::{Entity, EntityError, LocationRef};
use callboard_sdk::{
    Emit, Hooks, PlaceholderContext, PlaceholderResolver, ProcessContext, Processor, ReadError, ReadOptions,
    UrlReader, async_trait,
};
use serde_json::{Map, Value};

use super::{local_file, placeholder_resolvers};
use crate::processing::hook;

pub(crate) const NAME: &str = "PlaceholderProcessor";

pub(crate) struct PlaceholderProcessor {
    reader: Arc<dyn UrlReader>,
    resolvers: HashMap<String, Resolver>,
    local_files: bool,
}

struct Resolver {
    resolver: Arc<dyn PlaceholderResolver>,
    /// Built-in ones have none: each of their reads is bounded, and waiting for a turn is not their fault.
    timeout: Option<Duration>,
}

impl PlaceholderProcessor {
    /// The built-in resolvers, and `others`, which may stand in for them and have `timeout` each time. With
    /// `local_files`, entities from files may refer to files beside theirs.
    pub(crate) fn new(
        reader: Arc<dyn UrlReader>,
        others: impl IntoIterator<Item = (String, Arc<dyn PlaceholderResolver>)>,
        timeout: Duration,
        local_files: bool,
    ) -> Self {
        let built_in = placeholder_resolvers::built_in().into_iter();
        let resolvers = built_in
            .map(|(key, resolver)| (key, Resolver { resolver, timeout: None }))
            .chain(
                others
                    .into_iter()
                    .map(|(key, resolver)| (key, Resolver { resolver, timeout: Some(timeout) })),
            )
            .collect();
        Self { reader, resolvers, local_files }
    }

    /// The key, without its `$`, and the value of a placeholder.
    fn placeholder<'v>(&self, value: &'v Value) -> Option<(&'v str, &'v Value)> {
        let (key, value) = only_entry(value)?;
        let key = key.strip_prefix('$')?;
        self.resolvers.contains_key(key).then_some((key, value))
    }

    async fn resolve(&self, value: &Value, context: &Context<'_>) -> Result<Value, EntityError> {
        let Some((key, argument)) = self.placeholder(value) else { return Ok(value.clone()) };
        let Some(Resolver { resolver, timeout }) = self.resolvers.get(key) else { return Ok(value.clone()) };
        hook::call(*timeout, resolver.resolve(key, argument, context)).await
    }
}

#[async_trait]
impl Processor for PlaceholderProcessor {
    fn name(&self) -> &str {
        NAME
    }

    fn hooks(&self) -> Hooks {
        Hooks { pre_process: true, ..Hooks::NONE }
    }

    async fn pre_process(
        &self,
        entity: Entity,
        location: &LocationRef,
        _origin: &LocationRef,
        given: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        let mut paths = Vec::new();
        if !has_dollar_key(entity.as_map()) {
            for (key, value) in entity.as_map() {
                find_placeholders(value, &mut vec![Step::Key(key)], &mut paths, &|value| {
                    self.placeholder(value).is_some()
                });
            }
        }
        if paths.is_empty() {
            return Ok(entity);
        }

        let local_files = self.local_files && location.location_type() == "file";
        let context = Context { reader: &*self.reader, location, emit: given.emit, local_files };
        let mut resolved = Vec::with_capacity(paths.len());
        let document = Value::Object(entity.as_map().clone());
        for path in paths {
            if let Some(placeholder) = at(&document, &path) {
                let value = self.resolve(placeholder, &context).await?;
                resolved.push((path.into_iter().map(Step::to_owned).collect::<Vec<_>>(), value));
            }
        }

        let mut document = entity.into_value();
        for (path, value) in resolved {
            if let Some(place) = at_mut(&mut document, &path) {
                *place = value;
            }
        }
        Ok(Entity::from_value(document)?)
    }
}

/// One step from a value to one inside it.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

enum OwnedStep {
    Key(String),
    Index(usize),
}

impl Step<'_> {
    fn to_owned(self) -> OwnedStep {
        match self {
            Step::Key(key) => OwnedStep::Key(key.to_owned()),
            Step::Index(index) => OwnedStep::Index(index),
        }
    }
}

fn find_placeholders<'v>(
    value: &'v Value,
    path: &mut Vec<Step<'v>>,
    found: &mut Vec<Vec<Step<'v>>>,
    is_placeholder: &impl Fn(&Value) -> bool,
) {
    match value {
        Value::Object(object) => {
            if has_dollar_key(object) {
                // With a `$` key it is a placeholder or left as it is, but not looked into.
                if is_placeholder(value) {
                    found.push(path.clone());
                }
                return;
            }
            for (key, inner) in object {
                path.push(Step::Key(key));
                find_placeholders(inner, path, found, is_placeholder);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                path.push(Step::Index(index));
                find_placeholders(inner, path, found, is_placeholder);
                path.pop();
            }
        }
        _ => {}
    }
}

fn has_dollar_key(object: &Map<String, Value>) -> bool {
    object.keys().any(|key| key.starts_with('$'))
}

fn at<'v>(document: &'v Value, path: &[Step<'_>]) -> Option<&'v Value> {
    path.iter().try_fold(document, |value, step| match *step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

fn at_mut<'v>(document: &'v mut Value, path: &[OwnedStep]) -> Option<&'v mut Value> {
    path.iter().try_fold(document, |value, step| match step {
        OwnedStep::Key(key) => value.get_mut(key.as_str()),
        OwnedStep::Index(index) => value.get_mut(*index),
    })
}

fn only_entry(value: &Value) -> Option<(&String, &Value)> {
    let mut entries = value.as_object()?.iter();
    entries.next().filter(|_| entries.next().is_none())
}

struct Context<'a> {
    reader: &'a dyn UrlReader,
    location: &'a LocationRef,
    emit: &'a Emit,
    /// Whether relative targets are files beside the entity's own.
    local_files: bool,
}

#[async_trait]
impl PlaceholderContext for Context<'_> {
    fn base_url(&self) -> &str {
        self.location.target()
    }

    fn resolve_url(&self, target: &str) -> Result<String, EntityError> {
        let base = self.location.target();
        let url = match url::Url::parse(target) {
            Ok(_) => target.to_owned(),
            Err(_) if self.local_files => {
                return local_file::resolve(target, self.location).map(|path| format!("file:{path}"));
            }
            Err(_) => self
                .reader
                .resolve(target, base)
                .map_err(|error| EntityError::type_error(error.to_string()))?,
        };
        let repository = |url: &str| self.reader.scm_file(url)?.repository;
        if let (Some(of_base), Some(of_target)) = (repository(base), repository(&url))
            && of_base != of_target
        {
            return Err(EntityError::general(
                "Placeholder may only reference files from the same repository as the entity",
            ));
        }
        Ok(url)
    }

    async fn read(&self, url: &str) -> Result<Bytes, EntityError> {
        if self.local_files
            && let Some(path) = url.strip_prefix("file:")
        {
            self.emit.refresh_key(url);
            return local_file::read(path, self.location).await;
        }
        let response = self.reader.read(url, &ReadOptions::default()).await.map_err(read_error)?;
        self.emit.refresh_key(format!("url:{url}"));
        Ok(response.data)
    }

    fn emit(&self) -> &Emit {
        self.emit
    }
}

fn read_error(error: ReadError) -> EntityError {
    match error {
        ReadError::NotModified => EntityError::new("NotModifiedError", error.to_string()),
        ReadError::NotFound(message) => EntityError::not_found(message),
        ReadError::NotAllowed(message) => EntityError::not_allowed(message),
        ReadError::Failed(message) => EntityError::general(message),
    }
}
