//! Providers that are told of their entities by requests, and who may tell them.

use std::fmt;
use std::sync::Arc;

use callboard_auth::{Credentials, Principal, StaticToken};
use callboard_engine::PushProvider;
use callboard_permissions::Permission;
use callboard_sdk::EntityProvider as _;

use crate::caller::Caller;
use crate::error::ApiError;

/// The routes that the token of a provider is for, below the mount.
const PUSH_ROUTES: [&str; 2] = ["/providers/{provider}/entities", "/providers/{provider}/delta"];

/// A provider that is told of its entities by requests.
#[derive(Clone)]
pub struct PushAccess {
    /// The provider.
    pub provider: Arc<PushProvider>,
    /// Its tokens. With any, those who bring no token at all are not let in.
    pub tokens: Vec<StaticToken>,
}

/// All providers that are told of their entities by requests. No two have a name or a token in common.
#[derive(Debug, Clone, Default)]
pub struct PushProviders(pub Vec<PushAccess>);

impl PushProviders {
    /// The name of the provider that a request has the token of.
    pub(crate) fn of_token(&self, credentials: &Credentials) -> Option<&str> {
        let has_token = |access: &&PushAccess| access.tokens.iter().any(|token| token.is_in(credentials));
        self.0.iter().find(has_token).map(|access| access.provider.name())
    }

    /// The provider of a name, if the caller may push to it.
    pub(crate) async fn authorize(&self, name: &str, caller: &Caller) -> Result<&PushProvider, ApiError> {
        let Some(access) = self.0.iter().find(|access| access.provider.name() == name) else {
            caller.authorize(Permission::INGESTION_MANAGE).await?;
            return Err(ApiError::NotFound(format!(
                "No provider named '{name}' takes entities; those that do are in catalog.providers.push"
            )));
        };
        if !caller.pushes_to(name) {
            if !access.tokens.is_empty() && *caller.principal() == Principal::None {
                return Err(ApiError::Authentication("Missing credentials".to_owned()));
            }
            caller.authorize(Permission::INGESTION_MANAGE).await?;
        }
        Ok(&access.provider)
    }
}

/// Whether the token of a provider is for this route, given as its pattern below the mount.
pub(crate) fn is_push_route(pattern: &str) -> bool {
    PUSH_ROUTES.contains(&pattern)
}

impl fmt::Debug for PushAccess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PushAccess").field("provider", &self.provider.name()).finish_non_exhaustive()
    }
}
