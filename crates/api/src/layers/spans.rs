//! What a request is a part of: its span in the log, and its span in a trace.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::Response;
use tracing::Span;

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
    pub(crate) fn enclose<'a, F: Future>(
        &'a self,
        answer: Pin<&'a mut Option<F>>,
    ) -> impl Future<Output = F::Output> {
        InSpans { future: answer, spans: self }
    }

    /// Closes them, now that the answer begins.
    pub(crate) fn end(self, exchange: &Exchange<'_>, response: &Response) {
        let route = exchange.route.get().map(|route| route.pattern().as_str());
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

/// What is done in the spans of a request. It stays where it is. If it is not done to its end, it is dropped inside of them,
/// since some of it logs even then.
struct InSpans<'a, F> {
    future: Pin<&'a mut Option<F>>,
    spans: &'a Spans,
}

impl<F: Future> Future for InSpans<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let spans = self.spans;
        let _traced = spans.trace.enter();
        let _logged = spans.log.enter();
        let Some(future) = self.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = ready!(future.poll(context));
        self.future.set(None);
        Poll::Ready(output)
    }
}

impl<F> Drop for InSpans<'_, F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            let _traced = self.spans.trace.enter();
            let _logged = self.spans.log.enter();
            self.future.set(None);
        }
    }
}
