//! `$text`, `$json` and `$yaml`.

use std::sync::Arc;

use bytes::Bytes;
use callboard_model::EntityError;
use callboard_sdk::{PlaceholderContext, PlaceholderResolver, async_trait};
use callboard_yaml::{Options, load};
use serde_json::Value;

/// The resolvers by key, without `$`.
pub(crate) fn built_in() -> Vec<(String, Arc<dyn PlaceholderResolver>)> {
    [("text", Format::Text), ("json", Format::Json), ("yaml", Format::Yaml)]
        .into_iter()
        .map(|(key, format)| (key.to_owned(), Arc::new(FileContent(format)) as Arc<dyn PlaceholderResolver>))
        .collect()
}

#[derive(Clone, Copy)]
enum Format {
    Text,
    Json,
    Yaml,
}

/// The content of the file that the placeholder names.
struct FileContent(Format);

#[async_trait]
impl PlaceholderResolver for FileContent {
    async fn resolve(
        &self,
        key: &str,
        value: &Value,
        context: &dyn PlaceholderContext,
    ) -> Result<Value, EntityError> {
        let url = resolve_url(key, value, context)?;
        let data = context.read(&url).await.map_err(|error| {
            EntityError::general(format!("Placeholder ${key} could not read location {url}, {error}"))
        })?;
        match self.0 {
            Format::Text => Ok(Value::String(text(&data))),
            Format::Json => json(&data).map_err(|reason| failed_to_parse(key, "JSON", &url, &reason)),
            Format::Yaml => yaml(&data).map_err(|reason| failed_to_parse(key, "YAML", &url, &reason)),
        }
    }
}

fn resolve_url(key: &str, value: &Value, context: &dyn PlaceholderContext) -> Result<String, EntityError> {
    let Some(target) = value.as_str() else {
        return Err(EntityError::general(format!(
            "Placeholder ${key} expected a string value parameter, in the form of an absolute URL or a relative path"
        )));
    };
    context.resolve_url(target).map_err(|error| {
        let base = context.base_url();
        EntityError::general(format!(
            "Placeholder ${key} could not form a URL out of {base} and {target}, {error}"
        ))
    })
}

fn text(data: &Bytes) -> String {
    String::from_utf8_lossy(data).into_owned()
}

fn json(data: &Bytes) -> Result<Value, String> {
    serde_json::from_slice(data).map_err(|error| error.to_string())
}

fn yaml(data: &Bytes) -> Result<Value, String> {
    let options = Options { positions: false, ..Options::default() };
    let mut documents = load(data, &options).map_err(|error| error.to_string())?;
    if documents.len() > 1 {
        return Err(format!("expected exactly one document, found {}", documents.len()));
    }
    let document = documents.pop().ok_or("expected exactly one document, found none")?;
    document.content.map(|content| content.value).map_err(|error| error.to_string())
}

fn failed_to_parse(key: &str, format: &str, url: &str, reason: &str) -> EntityError {
    EntityError::general(format!("Placeholder ${key} failed to parse {format} data at {url}, {reason}"))
}
