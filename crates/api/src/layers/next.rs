//! The rest of the way of a request.

use axum::extract::Request;
use axum::response::Response;

/// What comes after a layer. Layers are put around each other as plain calls, in `router.rs`: to have each of them a
/// service of its own would cost every request a dozen copies of all services behind it.
pub(crate) trait Next: Send {
    /// Goes on, to the answer.
    fn run(self, request: Request) -> impl Future<Output = Response> + Send;
}

impl<F, Answer> Next for F
where
    F: FnOnce(Request) -> Answer + Send,
    Answer: Future<Output = Response> + Send,
{
    fn run(self, request: Request) -> impl Future<Output = Response> + Send {
        self(request)
    }
}
