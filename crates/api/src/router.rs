//! Everything put together: routes, and the layers around them.

use std::any::Any;
use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use callboard_engine::Catalog;
use futures::FutureExt as _;
use tower::ServiceBuilder;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use crate::audit::audit;
use crate::authentication::authenticate;
use crate::envelope::render_errors;
use crate::error::ApiError;
use crate::layers::{
    Cors, Limiters, Meters, Next, TrustProxy, compress, identify_client, limit_rate, observe, put_in_spans,
    share_with_origins, tell_route,
};
use crate::mount::{self, MOUNT_PATH, PathPatterns};
use crate::options::ApiOptions;
use crate::response::{SecurityHeaders, add_security_headers, not_modified};
use crate::routes;
use crate::routes::health::trouble;
use crate::state::ApiState;

/// What is to be known of the database.
const DATABASE_HEADER: HeaderName = HeaderName::from_static("callboard-database");

/// How often a request looks whether the start is over.
const STARTUP_POLL: Duration = Duration::from_millis(20);

/// The HTTP API of a catalog: `/api/catalog/…` and the health checks.
///
/// Every other path gets an empty 404. To serve something else besides, make this router the fallback of that.
pub fn router(catalog: Catalog, options: ApiOptions) -> Router {
    let state = ApiState { catalog, options: Arc::new(options) };
    let mut patterns: Vec<String> = Vec::new();
    let mut routes = Router::new();
    for (mount_path, table) in [(MOUNT_PATH, routes::catalog()), ("", routes::root())] {
        for (_, declared, methods) in table {
            for path in declared.paths.keys() {
                let full_path = format!("{mount_path}{path}");
                routes = routes.route(&full_path, methods.clone());
                patterns.push(full_path);
            }
        }
    }

    if let Some(metrics) = &state.options.metrics {
        routes = routes.route(&metrics.path, get(routes::metrics::get));
        patterns.push(metrics.path.clone());
    }

    // Around all of it, so that strangers do not learn which routes there are.
    let exact_routes = routes
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.clone(), pass_inner_layers))
        .with_state(state.clone());
    layered(exact_routes, PathPatterns::new(&patterns), &state.options)
}

/// What the layers outside of the routes know.
struct Layers {
    trusted: TrustProxy,
    meters: Meters,
    security_headers: SecurityHeaders,
    cors: Option<Cors>,
    limiters: Option<Limiters>,
    handler_timeout: Duration,
    patterns: PathPatterns,
}

/// Puts the layers around the routes that every request passes.
fn layered(exact_routes: Router, patterns: PathPatterns, options: &ApiOptions) -> Router {
    let layers = Layers {
        trusted: options.trust_proxy.clone(),
        meters: Meters::new(),
        security_headers: SecurityHeaders::new(options),
        cors: options.cors.clone(),
        limiters: Limiters::new(&options.rate_limits),
        handler_timeout: options.handler_timeout,
        patterns,
    };
    // Paths are made exact before the inner router looks at them. The first layer is the outermost.
    Router::new().fallback_service(exact_routes).layer(
        ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(from_fn_with_state(Arc::new(layers), pass_outer_layers)),
    )
}

/// What every request passes before its route is looked for, the outermost first.
async fn pass_outer_layers(
    State(layers): State<Arc<Layers>>,
    request: Request,
    routes: middleware::Next,
) -> Response {
    let layers = &*layers;
    put_in_spans(request, |request| {
        identify_client(&layers.trusted, request, |request| {
            observe(&layers.meters, request, |request| {
                add_security_headers(&layers.security_headers, request, |request| {
                    share_with_origins(layers.cors.as_ref(), request, |request| {
                        compress(request, |request| {
                            not_modified(request, |request| {
                                render_errors(request, |request| {
                                    catch_panic(request, |request| {
                                        limit_rate(layers.limiters.as_ref(), request, |request| {
                                            limit_time(layers.handler_timeout, request, |request| {
                                                make_path_exact(&layers.patterns, request, |request| {
                                                    routes.run(request)
                                                })
                                            })
                                        })
                                    })
                                })
                            })
                        })
                    })
                })
            })
        })
    })
    .await
}

/// What every request passes when its route is known, the outermost first.
async fn pass_inner_layers(
    State(state): State<ApiState>,
    route: Option<MatchedPath>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    handler: middleware::Next,
) -> Response {
    let (state, matched, parameters) = (&state, route.as_ref(), &parameters);
    tell_database_state(state, request, |request| {
        tell_route(route.clone(), request, |request| {
            wait_for_start(state, request, |request| {
                audit(state, matched, parameters, request, |request| {
                    authenticate(state, matched, parameters, request, |request| handler.run(request))
                })
            })
        })
    })
    .await
}

/// As if there were no such route, except for those who only ask what there is; axum adds the `allow` header.
async fn wrong_method(method: Method) -> StatusCode {
    if method == Method::OPTIONS { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

async fn make_path_exact(patterns: &PathPatterns, mut request: Request, next: impl Next) -> Response {
    let exact_path = match patterns.exact(request.uri().path()) {
        Some(Cow::Borrowed(_)) => None,
        Some(Cow::Owned(path)) => Some(path),
        // To where nothing answers: the inner router is more generous, and only those who are let in may be told.
        None if mount::is_guarded(request.uri().path()) => Some(MOUNT_PATH.to_owned()),
        None => return StatusCode::NOT_FOUND.into_response(),
    };
    let with_path = |path: String| mount::with_path(request.uri(), &path);
    match exact_path.map(with_path).transpose() {
        Ok(Some(uri)) => *request.uri_mut() = uri,
        Ok(None) => {}
        Err(error) => return ApiError::internal(error).into_response(),
    }
    next.run(request).await
}

/// Requests that come too early wait a little; those that come too late are sent away.
async fn wait_for_start(state: &ApiState, request: Request, next: impl Next) -> Response {
    if !mount::is_guarded(request.uri().path()) {
        return next.run(request).await;
    }
    if state.options.lifecycle.is_shutting_down() {
        return ApiError::Unavailable("Service is shutting down".to_owned()).into_response();
    }
    if !state.catalog.settings().role.serves() {
        let message = "This node takes in entities, and answers no requests: ask another one";
        return ApiError::Unavailable(message.to_owned()).into_response();
    }
    if !state.catalog.is_ready() {
        let started = async {
            while !state.catalog.is_ready() {
                tokio::time::sleep(STARTUP_POLL).await;
            }
        };
        if tokio::time::timeout(state.options.startup_pause, started).await.is_err() {
            return ApiError::Unavailable("Service has not started up yet".to_owned()).into_response();
        }
    }
    next.run(request).await
}

/// Says of every answer that the database is not there, and the catalog perhaps no longer as it is shown; or that
/// nothing can be changed.
async fn tell_database_state(state: &ApiState, request: Request, next: impl Next) -> Response {
    let mut response = next.run(request).await;
    if matches!(response.extensions().get(), Some(ApiError::Unwritable)) {
        state.catalog.note_unwritable();
    }
    if let Some(word) = trouble(state.catalog.database_state()) {
        response.headers_mut().insert(DATABASE_HEADER, HeaderValue::from_static(word));
    }
    response
}

async fn limit_time(limit: Duration, request: Request, next: impl Next) -> Response {
    let answer = tokio::time::timeout(limit, next.run(request)).await;
    answer.unwrap_or_else(|_| ApiError::Unavailable("The request took too long".to_owned()).into_response())
}

async fn catch_panic(request: Request, next: impl Next) -> Response {
    // What a handler shares with others is behind locks that know of panics, or in the database.
    let answer = AssertUnwindSafe(async { next.run(request).await }).catch_unwind().await;
    answer.unwrap_or_else(panicked)
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
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(path: &str) -> (StatusCode, Value) {
        let routes = Router::new()
            .route("/slow", get(std::future::pending::<StatusCode>))
            .route("/broken", get(async || -> StatusCode { panic!("it broke") }));
        let patterns = PathPatterns::new(&["/slow".to_owned(), "/broken".to_owned()]);
        let options = ApiOptions { handler_timeout: Duration::from_millis(1), ..ApiOptions::default() };
        let request = Request::get(path).header("x-request-id", "id-1").body(Body::empty()).unwrap();
        let response = layered(routes, patterns, &options).oneshot(request).await.unwrap();
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
