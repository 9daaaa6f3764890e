use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use callboard_duration::ConfigDuration;
use callboard_model::EntityRef;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::{DeferredEntity, Event, ProviderError, RemovalGuards, UrlReader};

/// A source of entities that is too large to be held in memory, and is read page by page.
///
/// It is read in *passes*. A pass consists of short *bursts* of pages, with pauses between them. After each page
/// it is written down where the next one begins, so that a restart goes on there. At the end of a pass, what was not
/// on any page of it is removed.
///
/// ```
/// use std::time::Duration;
/// use callboard_sdk::{
///     Burst, DeferredEntity, IncrementalEntityProvider, Page, ProviderError, async_trait,
/// };
/// # struct Client;
/// # impl Client {
/// #     async fn services(&self, _page: u32) -> Result<(Vec<serde_json::Value>, bool), ProviderError> {
/// #         Ok((Vec::new(), false))
/// #     }
/// # }
///
/// struct Services;
///
/// #[async_trait]
/// impl IncrementalEntityProvider for Services {
///     type Cursor = u32;
///     type Context = Client;
///
///     fn name(&self) -> &str {
///         "services"
///     }
///
///     async fn around(&self, burst: Burst<'_, Self>) -> Result<(), ProviderError> {
///         let client = Client;
///         burst.run(&client).await
///         // What has to be torn down, is here.
///     }
///
///     async fn next(&self, client: &Client, cursor: Option<u32>) -> Result<Page<u32>, ProviderError> {
///         let page = cursor.unwrap_or(1);
///         let (services, more) = client.services(page).await?;
///         let entities = services.into_iter().map(|service| {
///             Ok(DeferredEntity::read_from("services:all", service)?)
///         });
///         let entities = entities.collect::<Result<Vec<_>, ProviderError>>()?;
///         Ok(if more { Page::More { entities, cursor: page + 1 } } else { Page::Last { entities } })
///     }
/// }
/// ```
#[async_trait]
pub trait IncrementalEntityProvider: Send + Sync + Sized + 'static {
    /// Says where a page begins. It is kept as JSON over restarts.
    type Cursor: Serialize + DeserializeOwned + Send + Sync;
    /// What a burst needs: a client, a session.
    type Context: Send + Sync;

    /// A unique name that stays the same over restarts.
    fn name(&self) -> &str;

    /// Makes what a burst needs, runs it, and takes it down again.
    ///
    /// # Errors
    ///
    /// What the burst says, or whatever kept it from beginning. It is tried again after a pause.
    async fn around(&self, burst: Burst<'_, Self>) -> Result<(), ProviderError>;

    /// Reads one page; the first one without a cursor. The same page may be asked for again after a crash.
    ///
    /// # Errors
    ///
    /// The page cannot be read; it is asked for again after a pause. With [`CancelIngestion`], the pass is given up
    /// and a new one begins.
    async fn next(
        &self,
        context: &Self::Context,
        cursor: Option<Self::Cursor>,
    ) -> Result<Page<Self::Cursor>, ProviderError>;

    /// The topics of events that change the source between its pages; none by default.
    fn event_topics(&self) -> Vec<String> {
        Vec::new()
    }

    /// Says what an event changes, if it changes anything.
    ///
    /// # Errors
    ///
    /// Logged; the event does not come again, and the next pass makes up for it.
    async fn on_event(&self, _event: &Event) -> Result<Option<IncrementalChange>, ProviderError> {
        Ok(None)
    }
}

/// What an event changes in a large source.
#[derive(Debug, Default)]
pub struct IncrementalChange {
    /// New or changed entities.
    pub added: Vec<DeferredEntity>,
    /// Those to be removed.
    pub removed: Vec<EntityRef>,
}

/// One page of a large source.
#[derive(Debug)]
pub enum Page<C> {
    /// There are more.
    More {
        /// What is on it.
        entities: Vec<DeferredEntity>,
        /// Where the next one begins.
        cursor: C,
    },
    /// It is the last one.
    Last {
        /// What is on it.
        entities: Vec<DeferredEntity>,
    },
}

/// Said by a provider whose pass has no sense any more: it is given up, and a new one begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Error)]
#[error("CANCEL")]
pub struct CancelIngestion;

/// How a large source is read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "WrittenOptions")]
pub struct IncrementalOptions {
    /// The pause between two bursts.
    pub burst_interval: Duration,
    /// How long a burst may take: after each page it is looked whether the time is over.
    pub burst_length: Duration,
    /// The pause between two passes.
    pub rest_length: Duration,
    /// The pauses after failures in a row; the last one repeats.
    pub backoff: Vec<Duration>,
    /// What is not removed at the end of a pass.
    pub guards: RemovalGuards,
}

/// Bursts of 3 s, as often, once a day; after failures 1, 5 and 30 min, then 3 h; everything is removed.
impl Default for IncrementalOptions {
    fn default() -> Self {
        Self {
            burst_interval: Duration::from_secs(3),
            burst_length: Duration::from_secs(3),
            rest_length: Duration::from_hours(24),
            backoff: [1, 5, 30, 180].map(Duration::from_mins).to_vec(),
            guards: RemovalGuards::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct WrittenOptions {
    burst_interval: Option<ConfigDuration>,
    burst_length: Option<ConfigDuration>,
    rest_length: Option<ConfigDuration>,
    backoff: Option<Vec<ConfigDuration>>,
    #[serde(flatten)]
    guards: RemovalGuards,
}

impl From<WrittenOptions> for IncrementalOptions {
    fn from(written: WrittenOptions) -> Self {
        let default = Self::default();
        let or = |written: Option<ConfigDuration>, default| written.map_or(default, ConfigDuration::get);
        Self {
            burst_interval: or(written.burst_interval, default.burst_interval),
            burst_length: or(written.burst_length, default.burst_length),
            rest_length: or(written.rest_length, default.rest_length),
            backoff: written
                .backoff
                .map_or(default.backoff, |backoff| backoff.into_iter().map(ConfigDuration::get).collect()),
            guards: written.guards,
        }
    }
}

/// One burst, for [`IncrementalEntityProvider::around`] to run.
pub struct Burst<'a, P> {
    provider: &'a P,
    pages: &'a mut dyn PageSink,
}

impl<P: IncrementalEntityProvider> Burst<'_, P> {
    /// Reads URLs with the access that the configuration gives.
    pub fn url_reader(&self) -> Arc<dyn UrlReader> {
        self.pages.url_reader()
    }

    /// Reads pages until the burst has taken long enough, or there are no more.
    ///
    /// # Errors
    ///
    /// A page could not be read or written.
    pub async fn run(self, context: &P::Context) -> Result<(), ProviderError> {
        loop {
            let cursor = self.pages.cursor().map(serde_json::from_value).transpose()?;
            let page = match self.provider.next(context, cursor).await? {
                Page::More { entities, cursor } => {
                    WrittenPage { entities, cursor: Some(serde_json::to_value(cursor)?) }
                }
                Page::Last { entities } => WrittenPage { entities, cursor: None },
            };
            if !self.pages.take(page).await? {
                return Ok(());
            }
        }
    }
}

/// A page whose cursor is JSON.
#[derive(Debug)]
pub struct WrittenPage {
    /// What is on it.
    pub entities: Vec<DeferredEntity>,
    /// Where the next one begins; `None` after the last.
    pub cursor: Option<Value>,
}

/// Takes pages. The engine implements it.
#[async_trait]
pub trait PageSink: Send {
    /// Reads URLs with the access that the configuration gives.
    fn url_reader(&self) -> Arc<dyn UrlReader>;

    /// Where the next page begins; `None` for the first.
    fn cursor(&self) -> Option<Value>;

    /// Writes a page; returns whether to go on with the next.
    ///
    /// # Errors
    ///
    /// It could not be written; the page has to be read again.
    async fn take(&mut self, page: WrittenPage) -> Result<bool, ProviderError>;
}

/// A large source without the types of its cursor and context: what the engine sees.
#[async_trait]
pub trait IncrementalSource: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// Reads pages into the sink, until that has enough.
    ///
    /// # Errors
    ///
    /// A page could not be read or written.
    async fn burst(&self, pages: &mut dyn PageSink) -> Result<(), ProviderError>;

    /// The topics of events that it wants to hear of.
    fn event_topics(&self) -> Vec<String>;

    /// What an event changes.
    ///
    /// # Errors
    ///
    /// It cannot say.
    async fn on_event(&self, event: &Event) -> Result<Option<IncrementalChange>, ProviderError>;
}

/// A large source, and how it is read.
#[derive(Clone)]
pub struct IncrementalRegistration {
    /// The source.
    pub source: Arc<dyn IncrementalSource>,
    /// How it is read.
    pub options: IncrementalOptions,
}

impl IncrementalRegistration {
    /// Puts a provider and its options together.
    pub fn new(provider: impl IncrementalEntityProvider, options: IncrementalOptions) -> Self {
        Self { source: Arc::new(Source(provider)), options }
    }
}

struct Source<P>(P);

#[async_trait]
impl<P: IncrementalEntityProvider> IncrementalSource for Source<P> {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn burst(&self, pages: &mut dyn PageSink) -> Result<(), ProviderError> {
        self.0.around(Burst { provider: &self.0, pages }).await
    }

    fn event_topics(&self) -> Vec<String> {
        self.0.event_topics()
    }

    async fn on_event(&self, event: &Event) -> Result<Option<IncrementalChange>, ProviderError> {
        self.0.on_event(event).await
    }
}
