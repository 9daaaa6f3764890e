use async_trait::async_trait;

use crate::{Event, SubscriberError};

/// Something that happened to a file or a repository on a source code host, whichever host it is. URLs are as in the
/// targets of locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScmEvent {
    /// There is a new file.
    LocationCreated {
        /// The file.
        url: String,
    },
    /// A file has another content.
    LocationUpdated {
        /// The file.
        url: String,
    },
    /// A file is gone.
    LocationDeleted {
        /// The file.
        url: String,
    },
    /// A file is at another place.
    LocationMoved {
        /// The file, as it was.
        from_url: String,
        /// The file, as it is.
        to_url: String,
    },
    /// There is a new repository.
    RepositoryCreated {
        /// The repository, or a folder of it.
        url: String,
    },
    /// Something in a repository is different, and nobody says what.
    RepositoryUpdated {
        /// The repository, or a folder of it.
        url: String,
    },
    /// A repository is gone.
    RepositoryDeleted {
        /// The repository, or a folder of it.
        url: String,
    },
    /// A repository has another name or owner.
    RepositoryMoved {
        /// The repository, or a folder of it, as it was.
        from_url: String,
        /// The repository, or a folder of it, as it is.
        to_url: String,
    },
}

impl ScmEvent {
    /// The name that events of this kind have elsewhere, such as `location.updated`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LocationCreated { .. } => "location.created",
            Self::LocationUpdated { .. } => "location.updated",
            Self::LocationDeleted { .. } => "location.deleted",
            Self::LocationMoved { .. } => "location.moved",
            Self::RepositoryCreated { .. } => "repository.created",
            Self::RepositoryUpdated { .. } => "repository.updated",
            Self::RepositoryDeleted { .. } => "repository.deleted",
            Self::RepositoryMoved { .. } => "repository.moved",
        }
    }
}

/// Is told of what happens on source code hosts, as the catalog itself is: a provider that finds repositories, for
/// instance. Events come in batches.
#[async_trait]
pub trait ScmEventSubscriber: Send + Sync {
    /// A unique, stable name.
    fn id(&self) -> &str;

    /// Takes a batch of events. It has 30 s for it.
    ///
    /// # Errors
    ///
    /// Logged; the events do not come again.
    async fn on_events(&self, events: &[ScmEvent]) -> Result<(), SubscriberError>;
}

/// Where events of source code hosts are handed in.
#[async_trait]
pub trait ScmEvents: Send + Sync {
    /// Has the catalog act on events, as far as `catalog.scmEvents` allows, and tells all subscribers. Returns when all
    /// of them are done; what fails is logged.
    async fn publish(&self, events: &[ScmEvent]);
}

/// Understands the web hooks of a kind of source code host. They come in as [events](Event) over HTTP, with the headers of
/// the request as metadata.
///
/// ```
/// use callboard_sdk::{Event, ScmEvent, ScmEventTranslator};
///
/// /// A host that tells of one changed file at a time.
/// struct Forge(Vec<String>);
///
/// impl ScmEventTranslator for Forge {
///     fn id(&self) -> &str {
///         "forge"
///     }
///
///     fn topics(&self) -> &[String] {
///         &self.0
///     }
///
///     fn translate(&self, event: &Event) -> Vec<ScmEvent> {
///         let url = event.payload["changed"].as_str();
///         url.map(|url| ScmEvent::LocationUpdated { url: url.to_owned() }).into_iter().collect()
///     }
/// }
///
/// let event = Event::new("forge", serde_json::json!({ "changed": "https://forge.example.com/a.yaml" }));
/// assert_eq!(Forge(vec!["forge".to_owned()]).translate(&event)[0].name(), "location.updated");
/// ```
pub trait ScmEventTranslator: Send + Sync {
    /// A unique, stable name.
    fn id(&self) -> &str;

    /// The topics that the web hooks come in under.
    fn topics(&self) -> &[String];

    /// What an event says; nothing if it is of no concern here.
    fn translate(&self, event: &Event) -> Vec<ScmEvent>;
}
