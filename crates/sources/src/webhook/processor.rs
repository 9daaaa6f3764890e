//! Calls a program at each of its hooks.

use std::error::Error as _;
use std::fmt::Write as _;

use callboard_sdk::model::{Entity, EntityError, LocationRef};
use callboard_sdk::{Hooks, ProcessContext, Processor, async_trait};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use sha2::Sha256;

use super::answer::Answer;
use super::circuit::Circuit;
use super::settings::WebhookSettings;
use crate::client::{ClientError, http_client};

/// The header of a request's signature, `sha256=` and the HMAC-SHA256 of its body.
const SIGNATURE: &str = "x-callboard-signature-256";
/// How much of what a program says in its refusal is repeated.
const SHOWN: usize = 300;

/// A processor that is a program of its own.
///
/// It is sent `{hook, entity, location, originLocation?, etag?}`, and answers `{entity?, valid?, emit?, etag?,
/// notModified?}`.
pub struct WebhookProcessor {
    settings: WebhookSettings,
    client: Client,
    circuit: Circuit,
    key: Option<Hmac<Sha256>>,
}

/// Why an attempt came to nothing.
enum Failure {
    /// It may go better the next time.
    Passing(String),
    /// The program refuses, and would again.
    Lasting(String),
}

impl WebhookProcessor {
    /// A processor by these settings.
    ///
    /// # Errors
    ///
    /// The HTTP client cannot be set up.
    pub fn new(settings: WebhookSettings) -> Result<Self, ClientError> {
        let client = http_client(settings.timeout, settings.proxies)?;
        let circuit = Circuit::new(settings.failures_until_open, settings.open_for);
        let key = settings.secret.as_ref().and_then(|secret| Hmac::new_from_slice(secret.as_bytes()).ok());
        Ok(Self { settings, client, circuit, key })
    }

    fn wants(&self, entity: &Entity) -> bool {
        let kinds = &self.settings.kinds;
        kinds.is_empty() || kinds.iter().any(|kind| kind.eq_ignore_ascii_case(entity.kind()))
    }

    /// Calls a hook that may change the entity.
    async fn change(
        &self,
        hook: &str,
        entity: Entity,
        request: Value,
        location: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        let mut request = request;
        let last = context.cache.get(hook);
        if let Some(etag) = last.and_then(|last| last.get("etag")) {
            request["etag"] = etag.clone();
        }
        let mut body = self.call(&request).await?;
        if body.get("notModified").and_then(Value::as_bool) == Some(true) {
            body = last.cloned().ok_or_else(|| {
                EntityError::general("the program says that nothing changed, and was never asked before")
            })?;
        }
        let answer = read(&body)?;
        if answer.etag.is_some() {
            context.cache.set(hook, body);
        }
        answer.emit.emit(&entity, location, context.emit)?;
        answer.entity.map_or(Ok(entity), |changed| Ok(Entity::from_value(changed)?))
    }

    async fn call(&self, request: &Value) -> Result<Value, EntityError> {
        if !self.circuit.lets_through() {
            return Err(EntityError::new(
                "ServiceUnavailableError",
                "the program failed several times in a row, and is left alone for a while",
            ));
        }
        let body = request.to_string();
        let mut pause = self.settings.backoff;
        let mut attempt = 1;
        loop {
            match self.attempt(&body).await {
                Ok(answer) => {
                    self.circuit.succeeded();
                    return Ok(answer);
                }
                Err(Failure::Lasting(message)) => {
                    // It is there and answers.
                    self.circuit.succeeded();
                    return Err(EntityError::general(message));
                }
                Err(Failure::Passing(_)) if attempt < self.settings.attempts => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempt += 1;
                }
                Err(Failure::Passing(message)) => {
                    if self.circuit.failed() {
                        tracing::warn!(
                            processor = self.settings.name,
                            "a web hook fails again and again; it is left alone for a while"
                        );
                    }
                    return Err(EntityError::general(message));
                }
            }
        }
    }

    async fn attempt(&self, body: &str) -> Result<Value, Failure> {
        let mut request = self
            .client
            .post(self.settings.url.clone())
            .timeout(self.settings.timeout)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(SIGNATURE, signature(key.clone(), body));
        }
        let request = request.body(body.to_owned());
        let response = callboard_traces::send(request).await.map_err(|error| passing(&error))?;
        let status = response.status();
        let content = self.content(response).await?;
        if status.is_success() {
            return serde_json::from_slice(&content)
                .map_err(|error| Failure::Lasting(format!("the program's answer is not JSON: {error}")));
        }
        let said: String = String::from_utf8_lossy(&content).chars().take(SHOWN).collect();
        let message = format!("the program answered {status}: {said}");
        if status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
        {
            return Err(Failure::Passing(message));
        }
        Err(Failure::Lasting(message))
    }

    async fn content(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| passing(&error))? {
            if content.len() + chunk.len() > self.settings.max_bytes {
                let limit = self.settings.max_bytes;
                return Err(Failure::Lasting(format!("the program's answer is larger than {limit} bytes")));
            }
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }
}

/// The causes and not the URL, which may hold credentials.
fn passing(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::Passing("the program did not answer in time".to_owned());
    }
    let mut message = "the program cannot be reached".to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a text cannot fail.
        _ = write!(message, ": {error}");
        cause = error.source();
    }
    Failure::Passing(message)
}

fn signature(mut key: Hmac<Sha256>, body: &str) -> String {
    key.update(body.as_bytes());
    key.finalize().into_bytes().iter().fold("sha256=".to_owned(), |mut text, byte| {
        // Writing to a text cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

fn read(body: &Value) -> Result<Answer, EntityError> {
    serde_json::from_value(body.clone())
        .map_err(|error| EntityError::general(format!("the program's answer cannot be used: {error}")))
}

#[async_trait]
impl Processor for WebhookProcessor {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn priority(&self) -> i32 {
        self.settings.priority
    }

    fn hooks(&self) -> Hooks {
        Hooks { read_location: false, ..self.settings.hooks }
    }

    async fn pre_process(
        &self,
        entity: Entity,
        location: &LocationRef,
        origin: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        if !self.wants(&entity) {
            return Ok(entity);
        }
        let request = json!({
            "hook": "preProcess",
            "entity": entity.as_map(),
            "location": location.to_string(),
            "originLocation": origin.to_string(),
        });
        self.change("preProcess", entity, request, location, context).await
    }

    async fn validate_kind(&self, entity: &Entity) -> Result<bool, EntityError> {
        if !self.wants(entity) {
            return Ok(false);
        }
        let request = json!({ "hook": "validateKind", "entity": entity.as_map() });
        let answer = read(&self.call(&request).await?)?;
        Ok(answer.valid.unwrap_or(false))
    }

    async fn post_process(
        &self,
        entity: Entity,
        location: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        if !self.wants(&entity) {
            return Ok(entity);
        }
        let request = json!({
            "hook": "postProcess",
            "entity": entity.as_map(),
            "location": location.to_string(),
        });
        self.change("postProcess", entity, request, location, context).await
    }
}
