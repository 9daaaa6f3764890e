//! What a request is a part of: its span in the log, and its span in a trace.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::Response;
use pin_project_lite::pin_project;
use tracing::{Instrument as _, Span};

use crate::exchange::Exchange;

/// The spans of a request.
pub(crate) struct Spans {
    log: Span,
    trace: Span,
}

impl Spans {
    /// Opens them.
    pub(crate) fn of(exchange: &Exchange<'_>, request: &Request) -> Self {
        let trace = callboard_traces::request_span(request);
        Self { log: trace.in_scope(|| log_span(exchange)), trace }
    }

    /// What is done inside of both.
    pub(crate) fn enclose<F: Future>(&self, answer: F) -> impl Future<Output = F::Output> {
        InSpan { future: Some(answer), span: &self.log }.instrument(self.trace.clone())
    }

    /// Closes them, now that the answer begins.
    pub(crate) fn end(self, exchange: &Exchange<'_>, response: &Response) {
        let route = exchange.route.get().map(|route| route.pattern());
        callboard_traces::answered(&self.trace, &exchange.method, route, response.status());
    }
}

fn log_span(exchange: &Exchange<'_>) -> Span {
    tracing::info_span!(
        "request",
        http.method = %exchange.method,
        http.path = exchange.uri.path(),
        request.id = exchange.id(),
    )
}

pin_project! {
    /// What is done in a span. That of `tracing` goes into the span once more to drop what is done; this one only if it is
    /// not.
    struct InSpan<'a, F> {
        #[pin]
        future: Option<F>,
        span: &'a Span,
    }

    impl<F> PinnedDrop for InSpan<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _inside = this.span.enter();
                this.future.set(None);
            }
        }
    }
}

impl<F: Future> Future for InSpan<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _inside = this.span.enter();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = ready!(future.poll(context));
        this.future.set(None);
        Poll::Ready(output)
    }
}
