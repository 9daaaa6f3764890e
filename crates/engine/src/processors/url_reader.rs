//! Reads locations of type `url`, and remembers what an `ETag` stood for.

use std::sync::Arc;

use callboard_model::{EntityError, LocationPresence, LocationRef, LocationSpec};
use callboard_sdk::{
    ChildKey, Emission, EntityParser, Hooks, Processor, ReadContext, ReadError, ReadOptions, SearchFile,
    SearchResponse, UrlReader, async_trait,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::processing::breathe;

pub(crate) const NAME: &str = "url-reader";
/// The key in the processor cache. Another form of the entries needs another key.
const CACHE_KEY: &str = "v2";
/// Messages of hosts can be whole web pages.
const MESSAGE_LIMIT: usize = 5000;
/// Files that are larger are parsed off the runtime's threads.
pub(crate) const SMALL_FILE: usize = 16 * 1024;

pub(crate) struct UrlReaderProcessor {
    reader: Arc<dyn UrlReader>,
    parser: Arc<dyn EntityParser>,
}

/// What the last successful read gave: an `ETag`, and the entities of each file.
#[derive(Serialize, Deserialize)]
struct Remembered {
    etag: String,
    files: Vec<(String, Vec<Value>)>,
}

impl UrlReaderProcessor {
    pub(crate) fn new(reader: Arc<dyn UrlReader>, parser: Arc<dyn EntityParser>) -> Self {
        Self { reader, parser }
    }

    async fn take_up(
        &self,
        location: &LocationSpec,
        response: SearchResponse,
        context: &ReadContext<'_>,
    ) -> Result<(), EntityError> {
        if response.files.is_empty() && location.presence == LocationPresence::Required {
            context.emit.error(EntityError::not_found(format!(
                "Unable to read url, no matching files found for {}",
                location.target
            )));
            return Ok(());
        }
        let mut files = Vec::with_capacity(response.files.len());
        for file in response.files {
            let url = file.url.clone();
            files.push((url, parse(&self.parser, file).await?));
        }
        if let Some(remembered) =
            response.etag.filter(|etag| !etag.is_empty()).and_then(|etag| remember(etag, &files))
        {
            context.cache.set(CACHE_KEY, remembered);
        } else if context.cache.get(CACHE_KEY).is_some_and(|entry| !entry.is_null()) {
            // An `ETag` that the host no longer gives would be sent for ever.
            context.cache.set(CACHE_KEY, Value::Null);
        }
        files
            .into_iter()
            .flat_map(|(_, emissions)| emissions)
            .for_each(|emission| context.emit.emit(emission));
        context.emit.refresh_key(format!("url:{}", location.target));
        Ok(())
    }

    /// Emits once more what was emitted when the `ETag` was new.
    async fn repeat(location: &LocationSpec, context: &ReadContext<'_>) -> Result<(), EntityError> {
        let files = context.cache.get(CACHE_KEY).and_then(|entry| entry.get("files")?.as_array());
        for file in files.into_iter().flatten() {
            let (Some(url), Some(entities)) = (file.get(0).and_then(Value::as_str), file.get(1)) else {
                continue;
            };
            let at = LocationRef::new("url", url)?;
            for (index, entity) in entities.as_array().into_iter().flatten().enumerate() {
                context.emit.entity(at.clone(), entity.clone());
                breathe(index).await;
            }
        }
        context.emit.refresh_key(format!("url:{}", location.target));
        Ok(())
    }
}

#[async_trait]
impl Processor for UrlReaderProcessor {
    fn name(&self) -> &str {
        NAME
    }

    fn display_name(&self) -> &'static str {
        "UrlReaderProcessor"
    }

    fn hooks(&self) -> Hooks {
        Hooks { read_location: true, ..Hooks::NONE }
    }

    async fn read_location(
        &self,
        location: &LocationSpec,
        context: ReadContext<'_>,
    ) -> Result<bool, EntityError> {
        if location.location_type != "url" {
            return Ok(false);
        }
        let etag =
            context.cache.get(CACHE_KEY).and_then(|entry| entry.get("etag")?.as_str().map(str::to_owned));
        match self.reader.search(&location.target, &ReadOptions { etag: etag.clone() }).await {
            Ok(response) => self.take_up(location, response, &context).await?,
            Err(ReadError::NotModified) if etag.is_some() => Self::repeat(location, &context).await?,
            Err(ReadError::NotFound(_)) if location.presence == LocationPresence::Optional => {}
            Err(error) => context.emit.error(failure(&error)),
        }
        Ok(true)
    }
}

fn failure(error: &ReadError) -> EntityError {
    let mut message = format!("Unable to read url, {error}");
    message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
    match error {
        ReadError::NotFound(_) => EntityError::not_found(message),
        _ => EntityError::general(message),
    }
}

async fn parse(parser: &Arc<dyn EntityParser>, file: SearchFile) -> Result<Vec<Emission>, EntityError> {
    let location = LocationRef::new("url", file.url)?;
    if file.data.len() <= SMALL_FILE {
        return Ok(parser.parse(&file.data, &location));
    }
    let parser = Arc::clone(parser);
    tokio::task::spawn_blocking(move || parser.parse(&file.data, &location))
        .await
        .map_err(|_| EntityError::general("the parser panicked"))
}

/// The cache entry; `None` if the files hold anything but entities that can be emitted again just so.
fn remember(etag: String, files: &[(String, Vec<Emission>)]) -> Option<Value> {
    let files = files
        .iter()
        .map(|(url, emissions)| Some((url.clone(), entities(emissions, url)?)))
        .collect::<Option<Vec<_>>>()?;
    serde_json::to_value(Remembered { etag, files }).ok()
}

fn entities(emissions: &[Emission], url: &str) -> Option<Vec<Value>> {
    emissions
        .iter()
        .map(|emission| match emission {
            Emission::Entity { location, entity, key: ChildKey::Location }
                if location.location_type() == "url" && location.target() == url =>
            {
                Some(entity.clone())
            }
            _ => None,
        })
        .collect()
}
