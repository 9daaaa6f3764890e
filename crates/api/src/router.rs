//! Everything put together: routes, and the layers around them.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use callboard_engine::Catalog;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use crate::audit::audit;
use crate::authentication::authenticate;
use crate::envelope::render_errors;
use crate::error::ApiError;
use crate::layers::{
    Limiters, identify_client, limit_rate, observe, put_in_spans, share_with_origins, tell_route,
};
use crate::mount::{self, MOUNT_PATH, PathPatterns};
use crate::options::ApiOptions;
use crate::response::{SecurityHeaders, add_security_headers, not_modified};
use crate::routes;
use crate::state::ApiState;

/// Smaller answers are sent as they are.
const COMPRESSION_THRESHOLD: u64 = 1024;

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
        .layer(from_fn_with_state(state.clone(), authenticate))
        .layer(from_fn_with_state(state.clone(), audit))
        .layer(from_fn_with_state(state.clone(), wait_for_start))
        .layer(from_fn(tell_route))
        .layer(from_fn_with_state(state.clone(), warn_of_silence))
        .with_state(state.clone());
    layered(exact_routes, PathPatterns::new(&patterns), &state.options)
}

/// Puts the layers around the routes that every request passes.
fn layered(exact_routes: Router, patterns: PathPatterns, options: &ApiOptions) -> Router {
    let security_headers = SecurityHeaders::new(options);
    let trusted = Arc::new(options.trust_proxy.clone());
    let cors = options.cors.clone().map(Arc::new);
    let rate_limits =
        Limiters::new(&options.rate_limits).map(|limiters| from_fn_with_state(limiters, limit_rate));
    // Paths are made exact before the inner router looks at them. The first layer is the outermost.
    Router::new().fallback_service(exact_routes).layer(
        ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(from_fn(put_in_spans))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(from_fn_with_state(trusted, identify_client))
            .layer(from_fn(observe))
            .layer(from_fn_with_state(security_headers, add_security_headers))
            .layer(from_fn_with_state(cors, share_with_origins))
            .layer(
                CompressionLayer::new()
                    .quality(CompressionLevel::Fastest)
                    .compress_when(SizeAbove::new(COMPRESSION_THRESHOLD)),
            )
            .layer(from_fn(not_modified))
            .layer(from_fn(render_errors))
            .layer(CatchPanicLayer::custom(panicked))
            .option_layer(rate_limits)
            .layer(from_fn_with_state(options.handler_timeout, limit_time))
            .layer(from_fn_with_state(Arc::new(patterns), make_path_exact)),
    )
}

/// As if there were no such route, except for those who only ask what there is; axum adds the `allow` header.
async fn wrong_method(method: Method) -> StatusCode {
    if method == Method::OPTIONS { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

async fn make_path_exact(
    State(patterns): State<Arc<PathPatterns>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let exact_path = match patterns.exact(request.uri().path()) {
        Some(Cow::Borrowed(_)) => None,
        Some(Cow::Owned(path)) => Some(path),
        // To where nothing answers: the inner router is more generous, and only those who are let in may be told.
        None if mount::is_guarded(request.uri().path()) => Some(MOUNT_PATH.to_owned()),
        None => return Ok(StatusCode::NOT_FOUND.into_response()),
    };
    let with_path = |path: String| mount::with_path(request.uri(), &path).map_err(ApiError::internal);
    let exact_uri = exact_path.map(with_path).transpose()?;
    if let Some(uri) = exact_uri {
        *request.uri_mut() = uri;
    }
    Ok(next.run(request).await)
}

/// Requests that come too early wait a little; those that come too late are sent away.
async fn wait_for_start(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if !mount::is_guarded(request.uri().path()) {
        return Ok(next.run(request).await);
    }
    if state.options.lifecycle.is_shutting_down() {
        return Err(ApiError::Unavailable("Service is shutting down".to_owned()));
    }
    if !state.catalog.settings().role.serves() {
        let message = "This node takes in entities, and answers no requests: ask another one";
        return Err(ApiError::Unavailable(message.to_owned()));
    }
    let started = async {
        while !state.catalog.is_ready() {
            tokio::time::sleep(STARTUP_POLL).await;
        }
    };
    match tokio::time::timeout(state.options.startup_pause, started).await {
        Ok(()) => Ok(next.run(request).await),
        Err(_) => Err(ApiError::Unavailable("Service has not started up yet".to_owned())),
    }
}

/// Says of every answer that the database is not there, and the catalog perhaps no longer as it is shown.
async fn warn_of_silence(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if !state.catalog.database_is_reachable() {
        response.headers_mut().insert(DATABASE_HEADER, HeaderValue::from_static("unreachable"));
    }
    response
}

async fn limit_time(
    State(limit): State<Duration>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let answer = tokio::time::timeout(limit, next.run(request)).await;
    answer.map_err(|_| ApiError::Unavailable("The request took too long".to_owned()))
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
