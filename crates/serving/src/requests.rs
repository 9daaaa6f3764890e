//! The requests of one connection, on their way to whoever answers them and back.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, Version, header};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::util::{Oneshot, ServiceExt as _};

use crate::activity::{Activity, OpenRequest};

/// Answers requests: an [`axum::Router`], or something like it. It is cloned for every request.
pub trait Service:
    tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Service for S where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

#[derive(Debug, Clone)]
pub(crate) struct Requests<S> {
    pub(crate) service: S,
    pub(crate) peer: SocketAddr,
    pub(crate) activity: Arc<Activity>,
    /// How many there may be.
    pub(crate) limit: Option<u32>,
}

impl<S: Service> hyper::service::Service<Request<Incoming>> for Requests<S> {
    type Response = Response<OpenBody>;
    type Error = Infallible;
    type Future = Answering<S>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let open = self.activity.begin_request();
        let is_last =
            request.version() <= Version::HTTP_11 && self.limit.is_some_and(|limit| open.number >= limit);
        // A body without bytes needs no box.
        let body = |body: Incoming| if body.is_end_stream() { Body::empty() } else { Body::new(body) };
        let mut request = request.map(body);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        Answering { answer: self.service.clone().oneshot(request), open: Some(open), is_last }
    }
}

pin_project! {
    /// A request that is being answered. No box around what the service makes of it: there is one in most services.
    pub(crate) struct Answering<S: tower::Service<Request<Body>>> {
        #[pin]
        answer: Oneshot<S, Request<Body>>,
        open: Option<OpenRequest>,
        is_last: bool,
    }
}

impl<S: Service> Future for Answering<S> {
    type Output = Result<Response<OpenBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.answer.poll(context))?;
        if *this.is_last {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let open = this.open.take();
        Poll::Ready(Ok(response.map(|body| OpenBody { body, _open: open })))
    }
}

/// The body of an answer, which keeps its request open until it is sent.
#[derive(Debug)]
pub(crate) struct OpenBody {
    body: Body,
    _open: Option<OpenRequest>,
}

impl http_body::Body for OpenBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
