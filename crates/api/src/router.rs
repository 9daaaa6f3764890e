//! Everything put together: routes, and the layers around them.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use callboard_engine::Catalog;
use futures::future::BoxFuture;
use futures::{FutureExt as _, poll};
use tower::Service;

use crate::admission::Admission;
use crate::audit::Pending;
use crate::authentication::authenticate;
use crate::envelope::render_errors;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::handlers::Handlers;
use crate::layers::{
    AcceptedEncodings, CallerKind, Cors, CrossOrigin, Limiters, Meters, Spans, TrustProxy, tell_id,
};
use crate::mount::{self, MOUNT_PATH};
use crate::options::ApiOptions;
use crate::response::{KnownTags, SecurityHeaders};
use crate::route_table::{Route, Routes};
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
}

impl Api {
    /// The API of this catalog.
    pub fn new(catalog: Catalog, options: ApiOptions) -> Self {
        let state = ApiState { catalog, options: Arc::new(options) };
        let mut routes: Vec<(String, Handlers)> = Vec::new();
        for (mount_path, table) in [(MOUNT_PATH, routes::catalog()), ("", routes::root())] {
            for line in table {
                let at = |path: &String| (format!("{mount_path}{path}"), line.handlers.clone());
                routes.extend(line.paths.paths.keys().map(at));
            }
        }
        if let Some(metrics) = &state.options.metrics {
            let handlers = Handlers::default().on(Method::GET, routes::metrics::get);
            routes.push((metrics.path.clone(), handlers));
        }
        Self::around(Routes::new(routes), state)
    }

    fn around(routes: Routes, state: ApiState) -> Self {
        let options = &state.options;
        Self(Arc::new(Layers {
            trusted: options.trust_proxy.clone(),
            meters: Meters::new(),
            security_headers: SecurityHeaders::new(options),
            cors: options.cors.clone(),
            limiters: Limiters::new(&options.rate_limits),
            routes,
            state,
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
            let mut response = {
                let answer = pin!(Some(layers.pass_outer(&exchange, &mut request)));
                spans.enclose(answer).await
            };
            spans.end(&exchange, &response);
            tell_id(exchange, &mut response);
            Ok(response)
        })
    }
}

impl Layers {
    /// What every request passes first, and its answer last. What is handed on is borrowed, down to the handler: a request,
    /// and the work on it, would be copied at every step.
    async fn pass_outer<'a>(&'a self, exchange: &Exchange<'a>, request: &mut Request) -> Response {
        let observation = self.meters.begin();
        let cross_origin = self.cors.as_ref().map(|cors| cors.look_at(request));
        let preflight_answer = cross_origin.as_ref().and_then(CrossOrigin::preflight_answer);
        let mut response = if let Some(answer) = preflight_answer {
            answer
        } else {
            let encodings = AcceptedEncodings::of(request);
            let known_tags = KnownTags::of(request);
            // What a handler shares with others is behind locks that know of panics, or in the database.
            let answer = pin!(self.pass_limits(exchange, request));
            let response = AssertUnwindSafe(answer).catch_unwind().await;
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
    async fn pass_limits<'a>(&'a self, exchange: &Exchange<'a>, request: &mut Request) -> Response {
        let admit = |limiters: &'a Limiters| limiters.admit(exchange.client, exchange.uri.path());
        let counted = match self.limiters.as_ref().map(admit).transpose() {
            Ok(counted) => counted,
            Err(refusal) => return *refusal,
        };
        let mut answer = pin!(self.pass_inner(exchange, request));
        // Most are answered without waiting, and need no timer.
        let answered = match poll!(answer.as_mut()) {
            Poll::Ready(response) => Some(response),
            Poll::Pending => tokio::time::timeout(self.state.options.handler_timeout, answer).await.ok(),
        };
        let mut response = answered
            .unwrap_or_else(|| ApiError::Unavailable("The request took too long".to_owned()).into_response());
        if let Some(counted) = counted {
            counted.tell(&mut response);
        }
        response
    }

    /// What every request passes when its route is known.
    async fn pass_inner<'a>(&'a self, exchange: &Exchange<'a>, request: &mut Request) -> Response {
        let path = exchange.uri.path();
        let route = self.routes.find(path);
        // What is below the mount is told of only to those who are let in, also that it is not there.
        let is_guarded = route.map_or_else(|| mount::is_guarded(path), |route| route.is_guarded());
        if route.is_none() && !is_guarded {
            return StatusCode::NOT_FOUND.into_response();
        }
        let mut response = self.answer(exchange, route, is_guarded, request).await;
        // Not if the answer was not waited for: then none did.
        if let Some(route) = route {
            _ = exchange.route.set(route.as_ref());
        }
        self.tell_database_state(&mut response);
        response
    }

    async fn answer<'a>(
        &'a self,
        exchange: &Exchange<'a>,
        route: Option<&'a Arc<Route>>,
        is_guarded: bool,
        request: &mut Request,
    ) -> Response {
        if is_guarded && let Err(refusal) = self.wait_for_start().await {
            return refusal.into_response();
        }
        let audit = Pending::begin(&self.state.options.audit, exchange, route.map(Arc::as_ref), request);
        let response = self.answer_caller(exchange, route, is_guarded, request).await;
        if let Some(audit) = audit {
            audit.record(&response);
        }
        response
    }

    async fn answer_caller<'a>(
        &'a self,
        exchange: &Exchange<'a>,
        route: Option<&'a Arc<Route>>,
        is_guarded: bool,
        request: &mut Request,
    ) -> Response {
        let mut caller = None;
        if is_guarded {
            let route = route.map(Arc::as_ref);
            match authenticate(&self.state, exchange, route, request.headers()).await {
                Ok(admitted) => caller = Some(admitted),
                Err(refusal) => return refusal.into_response(),
            }
        }
        let Some(route) = route else { return StatusCode::NOT_FOUND.into_response() };
        let kind = caller.as_ref().map(|caller| CallerKind::from(caller.principal()));
        request.extensions_mut().insert(Admission { route: Arc::clone(route), caller });
        let response = route.handlers.answer(std::mem::take(request), &self.state).await;
        if let Some(kind) = kind {
            _ = exchange.caller.set(kind);
        }
        response
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
        // In a box, so that the many requests that need not wait do not carry the timers along.
        let started = Box::pin(tokio::time::timeout(options.startup_pause, async {
            while !catalog.is_ready() {
                tokio::time::sleep(STARTUP_POLL).await;
            }
        }));
        let waited = started.await;
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
        let slow = Handlers::default().on(Method::GET, std::future::pending::<StatusCode>);
        let broken = Handlers::default().on(Method::GET, async || -> StatusCode { panic!("it broke") });
        let routes = Routes::new([("/slow".to_owned(), slow), ("/broken".to_owned(), broken)]);
        let store = Arc::new(SqliteStore::open_in_memory().await.unwrap());
        let engine = EngineBuilder::new(store).build().unwrap();
        let options = ApiOptions { handler_timeout: Duration::from_millis(1), ..ApiOptions::default() };
        let state = ApiState { catalog: engine.catalog(), options: Arc::new(options) };
        let api = Api::around(routes, state);
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
