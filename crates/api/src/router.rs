//! Everything put together: routes, and the layers around them.

use std::any::Any;
use std::borrow::Cow;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use callboard_engine::Catalog;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tower::Service;

use crate::audit::Pending;
use crate::authentication::authenticate;
use crate::envelope::render_errors;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::layers::{AcceptedEncodings, Cors, CrossOrigin, Limiters, Meters, Spans, TrustProxy, tell_id};
use crate::mount::{self, MOUNT_PATH, Route, Routes};
use crate::options::ApiOptions;
use crate::response::{KnownTags, SecurityHeaders};
use crate::routes;
use crate::routes::health::trouble;
use crate::state::ApiState;

/// What is to be known of the database.
const DATABASE_HEADER: HeaderName = HeaderName::from_static("callboard-database");

/// How often a request looks whether the start is over.
const STARTUP_POLL: Duration = Duration::from_millis(20);

/// The HTTP API of a catalog, as a service: `/api/catalog/…` and the health checks. Clones share it.
///
/// Every other path gets an empty 404. To serve something else besides, make it the fallback of a router of that.
#[derive(Clone)]
pub struct Api(Arc<Layers>);

/// What the layers know, and the routes that they are around.
struct Layers {
    trusted: TrustProxy,
    meters: Meters,
    security_headers: SecurityHeaders,
    cors: Option<Cors>,
    limiters: Option<Limiters>,
    state: ApiState,
    routes: Routes,
    /// Knows exact paths only.
    router: Router,
}

impl Api {
    /// The API of this catalog.
    pub fn new(catalog: Catalog, options: ApiOptions) -> Self {
        let state = ApiState { catalog, options: Arc::new(options) };
        let mut patterns: Vec<String> = Vec::new();
        let mut router = Router::new();
        for (mount_path, table) in [(MOUNT_PATH, routes::catalog()), ("", routes::root())] {
            for (_, declared, methods) in table {
                for path in declared.paths.keys() {
                    let full_path = format!("{mount_path}{path}");
                    router = router.route(&full_path, methods.clone());
                    patterns.push(full_path);
                }
            }
        }
        if let Some(metrics) = &state.options.metrics {
            router = router.route(&metrics.path, get(routes::metrics::get));
            patterns.push(metrics.path.clone());
        }
        let router = router.method_not_allowed_fallback(wrong_method).with_state(state.clone());
        Self::around(router, &patterns, state)
    }

    fn around(router: Router, patterns: &[String], state: ApiState) -> Self {
        let options = &state.options;
        Self(Arc::new(Layers {
            trusted: options.trust_proxy.clone(),
            meters: Meters::new(),
            security_headers: SecurityHeaders::new(options),
            cors: options.cors.clone(),
            limiters: Limiters::new(&options.rate_limits),
            routes: Routes::new(patterns),
            state,
            router,
        }))
    }
}

impl Service<Request> for Api {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let layers = Arc::clone(&self.0);
        Box::pin(async move {
            let exchange = Exchange::begin(&layers.trusted, &mut request);
            let spans = Spans::of(&exchange, &request);
            let mut response = spans.enclose(layers.pass_outer(&exchange, request)).await;
            spans.end(&exchange, &response);
            tell_id(&exchange, &mut response);
            Ok(response)
        })
    }
}

impl Layers {
    /// What every request passes first, and its answer last.
    async fn pass_outer<'a>(&'a self, exchange: &Exchange<'a>, request: Request) -> Response {
        let observation = self.meters.begin();
        let cross_origin = self.cors.as_ref().map(|cors| cors.look_at(&request));
        let preflight_answer = cross_origin.as_ref().and_then(CrossOrigin::preflight_answer);
        let mut response = if let Some(answer) = preflight_answer {
            answer
        } else {
            let encodings = AcceptedEncodings::of(&request);
            let known_tags = KnownTags::of(&request);
            // What a handler shares with others is behind locks that know of panics, or in the database.
            let response = AssertUnwindSafe(self.pass_limits(exchange, request)).catch_unwind().await;
            let response = response.unwrap_or_else(panicked);
            let mut response = render_errors(exchange, response);
            known_tags.spare(&mut response);
            encodings.compress(response).await
        };
        if let Some(cross_origin) = cross_origin {
            cross_origin.share(&mut response);
        }
        self.security_headers.add_to(&mut response);
        observation.end(exchange, &response);
        response
    }

    /// Limits of number and time.
    async fn pass_limits<'a>(&'a self, exchange: &Exchange<'a>, request: Request) -> Response {
        let admit = |limiters: &'a Limiters| limiters.admit(exchange.client, exchange.uri.path());
        let counted = match self.limiters.as_ref().map(admit).transpose() {
            Ok(counted) => counted,
            Err(refusal) => return *refusal,
        };
        let limit = self.state.options.handler_timeout;
        let answer = tokio::time::timeout(limit, self.pass_inner(exchange, request)).await;
        let mut response = answer.unwrap_or_else(|_| {
            ApiError::Unavailable("The request took too long".to_owned()).into_response()
        });
        if let Some(counted) = counted {
            counted.tell(&mut response);
        }
        response
    }

    /// What every request passes when its route is known.
    async fn pass_inner<'a>(&'a self, exchange: &Exchange<'a>, mut request: Request) -> Response {
        let route = match self.find_route(exchange, &mut request) {
            Ok(Some(route)) => Some(route),
            // Only those who are let in may be told.
            Ok(None) if mount::is_guarded(exchange.uri.path()) => None,
            Ok(None) => return StatusCode::NOT_FOUND.into_response(),
            Err(error) => return error.into_response(),
        };
        let mut response = self.answer(exchange, route, request).await;
        // Not if the answer was not waited for: then none did.
        if let Some(route) = route {
            _ = exchange.route.set(route);
        }
        self.tell_database_state(&mut response);
        response
    }

    async fn answer<'a>(
        &'a self,
        exchange: &Exchange<'a>,
        route: Option<&'a Route>,
        mut request: Request,
    ) -> Response {
        let is_guarded = mount::is_guarded(request.uri().path());
        if is_guarded && let Err(refusal) = self.wait_for_start().await {
            return refusal.into_response();
        }
        let audit = Pending::begin(&self.state.options.audit, exchange, route, &request);
        let admitted = if is_guarded {
            authenticate(&self.state, exchange, route, &mut request).await.map(Some)
        } else {
            Ok(None)
        };
        let response = match admitted {
            Err(refusal) => refusal.into_response(),
            Ok(_) if route.is_none() => StatusCode::NOT_FOUND.into_response(),
            Ok(caller) => {
                let Ok(response) = self.router.clone().call(request).await;
                if let Some(caller) = caller {
                    _ = exchange.caller.set(caller);
                }
                response
            }
        };
        if let Some(audit) = audit {
            audit.record(&response);
        }
        response
    }

    /// The route of a request, whose path is brought into the one form that the router knows.
    fn find_route(&self, exchange: &Exchange<'_>, request: &mut Request) -> Result<Option<&Route>, ApiError> {
        let Some((route, exact)) = self.routes.find(exchange.uri.path()) else { return Ok(None) };
        if let Cow::Owned(path) = exact {
            *request.uri_mut() = mount::with_path(&exchange.uri, &path).map_err(ApiError::internal)?;
            request.extensions_mut().insert(OriginalUri(exchange.uri.clone()));
        }
        Ok(Some(route))
    }

    /// Requests that come too early wait a little; those that come too late are sent away.
    async fn wait_for_start(&self) -> Result<(), ApiError> {
        let ApiState { catalog, options } = &self.state;
        if options.lifecycle.is_shutting_down() {
            return Err(ApiError::Unavailable("Service is shutting down".to_owned()));
        }
        if !catalog.settings().role.serves() {
            let message = "This node takes in entities, and answers no requests: ask another one";
            return Err(ApiError::Unavailable(message.to_owned()));
        }
        if catalog.is_ready() {
            return Ok(());
        }
        let started = async {
            while !catalog.is_ready() {
                tokio::time::sleep(STARTUP_POLL).await;
            }
        };
        let waited = tokio::time::timeout(options.startup_pause, started).await;
        waited.map_err(|_| ApiError::Unavailable("Service has not started up yet".to_owned()))
    }

    /// Says of every answer that the database is not there, and the catalog perhaps no longer as it is shown; or that
    /// nothing can be changed.
    fn tell_database_state(&self, response: &mut Response) {
        let catalog = &self.state.catalog;
        if matches!(response.extensions().get(), Some(ApiError::Unwritable)) {
            catalog.note_unwritable();
        }
        if let Some(word) = trouble(catalog.database_state()) {
            response.headers_mut().insert(DATABASE_HEADER, HeaderValue::from_static(word));
        }
    }
}

/// As if there were no such route, except for those who only ask what there is; axum adds the `allow` header.
async fn wrong_method(method: Method) -> StatusCode {
    if method == Method::OPTIONS { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => {
            panic.downcast::<&str>().map_or_else(|_| "no message".to_owned(), |text| (*text).to_owned())
        }
    };
    ApiError::internal(format!("a handler panicked: {text}")).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use callboard_engine::EngineBuilder;
    use callboard_store_sqlite::SqliteStore;
    use http_body_util::BodyExt as _;
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(path: &str) -> (StatusCode, Value) {
        let router = Router::new()
            .route("/slow", get(std::future::pending::<StatusCode>))
            .route("/broken", get(async || -> StatusCode { panic!("it broke") }));
        let store = Arc::new(SqliteStore::open_in_memory().await.unwrap());
        let engine = EngineBuilder::new(store).build().unwrap();
        let options = ApiOptions { handler_timeout: Duration::from_millis(1), ..ApiOptions::default() };
        let state = ApiState { catalog: engine.catalog(), options: Arc::new(options) };
        let api = Api::around(router, &["/slow".to_owned(), "/broken".to_owned()], state);
        let request = Request::get(path).header("x-request-id", "id-1").body(Body::empty()).unwrap();
        let response = api.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let (status, body) = answer("/broken").await;
        assert_eq!(status, 500);
        assert_eq!(body["error"]["name"], "Error");
        assert_eq!(body["error"]["message"], "An internal error occurred logId=id-1");
        assert_eq!(body["request"]["url"], "/broken");
    }

    #[tokio::test]
    async fn a_slow_handler_is_given_up() {
        let (status, body) = answer("/slow").await;
        assert_eq!(status, 503);
        assert_eq!(body["error"]["name"], "ServiceUnavailableError");
    }
}
