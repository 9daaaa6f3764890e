use async_trait::async_trait;
use serde_json::{Map, Value};

/// Something that happened, in a form that also other systems understand.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What kind of thing, e.g. `experimental.catalog.errors`.
    pub topic: String,
    /// What happened. Its shape follows from the topic.
    pub payload: Value,
    /// What came along, e.g. the headers of the request that brought it.
    pub metadata: Map<String, Value>,
}

impl Event {
    /// An event without metadata.
    pub fn new(topic: impl Into<String>, payload: Value) -> Self {
        Self { topic: topic.into(), payload, metadata: Map::new() }
    }
}

/// Whatever kept a subscriber from taking an event.
pub type SubscriberError = Box<dyn std::error::Error + Send + Sync>;

/// Is told of events of some topics, one after the other and in their order: of each event once, on one of the servers
/// that share a database. It never holds up who publishes.
///
/// Events wait in the database, for a day by default. Only an event that a subscriber has in its hands when its server
/// ends without notice comes again.
///
/// ```
/// use callboard_sdk::{Event, EventSubscriber, SubscriberError, async_trait};
///
/// /// Prints what fails.
/// struct Failures {
///     topics: Vec<String>,
/// }
///
/// #[async_trait]
/// impl EventSubscriber for Failures {
///     fn id(&self) -> &str {
///         "failures"
///     }
///
///     fn topics(&self) -> &[String] {
///         &self.topics
///     }
///
///     async fn on_event(&self, event: &Event) -> Result<(), SubscriberError> {
///         println!("{}", event.payload);
///         Ok(())
///     }
/// }
///
/// let failures = Failures { topics: vec!["experimental.catalog.errors".to_owned()] };
/// assert_eq!(failures.topics().len(), 1);
/// ```
#[async_trait]
pub trait EventSubscriber: Send + Sync {
    /// A unique, stable name: what it has had already is known by it.
    fn id(&self) -> &str;

    /// The topics it wants to hear of.
    fn topics(&self) -> &[String];

    /// Takes one event. It has 30 s for it.
    ///
    /// # Errors
    ///
    /// Logged and counted; the event does not come again.
    async fn on_event(&self, event: &Event) -> Result<(), SubscriberError>;
}

/// Where events are handed in.
pub trait EventBus: Send + Sync {
    /// Hands an event to everyone who subscribed to its topic. Returns at once; what comes faster than it can be written
    /// is left out, logged and counted.
    fn publish(&self, event: Event);
}

/// What a validator is shown of a request that brings an event.
#[derive(Debug, Clone, Copy)]
pub struct IngressRequest<'a> {
    /// The topic, from the path.
    pub topic: &'a str,
    /// The headers; names in lower case.
    pub headers: &'a [(String, String)],
    /// The body, byte for byte.
    pub body: &'a [u8],
}

impl IngressRequest<'_> {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why a request that brings an event is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct IngressRejection {
    /// The status of the answer.
    pub status: u16,
    /// Its body.
    pub payload: Value,
}

/// Status 403 and an empty object.
impl Default for IngressRejection {
    fn default() -> Self {
        Self { status: 403, payload: Value::Object(Map::new()) }
    }
}

/// Tells requests that bring events of a topic over HTTP from forged ones, by their signature for instance.
///
/// ```
/// use callboard_sdk::{IngressRejection, IngressRequest, IngressValidator};
///
/// /// Events of the build server carry a word that only it knows.
/// struct BuildServer {
///     word: String,
/// }
///
/// impl IngressValidator for BuildServer {
///     fn topic(&self) -> &str {
///         "builds"
///     }
///
///     fn validate(&self, request: &IngressRequest<'_>) -> Result<(), IngressRejection> {
///         if request.header("x-build-word") == Some(&self.word) { Ok(()) } else { Err(IngressRejection::default()) }
///     }
/// }
///
/// let build_server = BuildServer { word: "abracadabra".to_owned() };
/// let request = IngressRequest { topic: "builds", headers: &[], body: b"{}" };
/// assert_eq!(build_server.validate(&request).unwrap_err().status, 403);
/// ```
pub trait IngressValidator: Send + Sync {
    /// The topic whose requests it sees.
    fn topic(&self) -> &str;

    /// Lets a request pass, or not.
    ///
    /// # Errors
    ///
    /// What the sender is answered.
    fn validate(&self, request: &IngressRequest<'_>) -> Result<(), IngressRejection>;
}
