//! The handlers of a route, by method.
//!
//! They are handlers as axum knows them, with its extractors. Its router is not used: it would find once more what the
//! layers know already, and wrap every answer several times.

use std::fmt;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::future::BoxFuture;
use utoipa::openapi::path::{PathItem, Paths};

use crate::state::ApiState;

/// A handler, whatever it takes.
type AnyHandler = Arc<dyn Fn(Request, ApiState) -> BoxFuture<'static, Response> + Send + Sync>;

/// The handlers of a route, in the order in which they were added.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    by_method: Vec<(Method, AnyHandler)>,
    /// The methods there are, as the header `allow` has them.
    allowed: String,
}

impl Handlers {
    /// Adds a handler of a method. That of GET answers HEAD as well.
    pub(crate) fn on<H, T>(mut self, method: Method, handler: H) -> Self
    where
        H: Handler<T, ApiState, Future = BoxFuture<'static, Response>>,
        T: 'static,
    {
        if !self.allowed.is_empty() {
            self.allowed.push(',');
        }
        self.allowed.push_str(if method == Method::GET { "GET,HEAD" } else { method.as_str() });
        let handler = Arc::new(move |request, state| handler.clone().call(request, state));
        self.by_method.push((method, handler));
        self
    }

    /// Adds a handler of the method that is declared for it.
    pub(crate) fn declared<H, T>(self, paths: &Paths, handler: &H) -> Self
    where
        H: Handler<T, ApiState, Future = BoxFuture<'static, Response>>,
        T: 'static,
    {
        let methods = paths.paths.values().flat_map(methods);
        methods.fold(self, |handlers, method| handlers.on(method, handler.clone()))
    }

    /// Answers a request, by any method. For those that there is no handler for it is as if there were no such route, except
    /// for those who only ask what there is.
    pub(crate) async fn answer(&self, request: Request, state: &ApiState) -> Response {
        let method = request.method();
        let is_head = *method == Method::HEAD;
        let wanted = if is_head { &Method::GET } else { method };
        let mut response = match self.by_method.iter().find(|(method, _)| method == wanted) {
            Some((_, handler)) => handler(request, state.clone()).await,
            None => self.wrong_method(method),
        };
        let headers = response.headers();
        if !headers.contains_key(header::CONTENT_LENGTH)
            && let Some(length) = response.body().size_hint().exact()
        {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        if is_head {
            *response.body_mut() = Body::empty();
        }
        response
    }

    fn wrong_method(&self, method: &Method) -> Response {
        let status = if *method == Method::OPTIONS { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let allowed = HeaderValue::from_str(&self.allowed).ok();
        let headers = allowed.map(|allowed| [(header::ALLOW, allowed)]);
        match headers {
            Some(headers) => (status, headers).into_response(),
            None => status.into_response(),
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Handlers").field(&self.allowed).finish()
    }
}

/// The methods that are declared for a path.
fn methods(item: &PathItem) -> impl Iterator<Item = Method> {
    let PathItem { get, put, post, delete, .. } = item;
    let declared = [
        (Method::GET, get.is_some()),
        (Method::PUT, put.is_some()),
        (Method::POST, post.is_some()),
        (Method::DELETE, delete.is_some()),
    ];
    declared.into_iter().filter_map(|(method, is_declared)| is_declared.then_some(method))
}
