//! What the layers found out about a request that they let through to its handler.

use std::sync::Arc;

use crate::caller::Caller;
use crate::route_table::Route;

/// What extractors need of a request beside itself. It is in the request's extensions, in one piece: each costs.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    pub(crate) route: Arc<Route>,
    /// Who was let in, where not everyone is.
    pub(crate) caller: Option<Caller>,
}
