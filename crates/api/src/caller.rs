//! Who sent a request, and what they may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use callboard_auth::{Principal, ServicePrincipal};
use callboard_permissions::{Access, Permission, Session};

use crate::admission::Admission;
use crate::audit::AuditScope;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::visibility::Visibility;

/// Who sent a request, and what they may do. Every handler below the mount can take one:
///
/// ```text
/// caller.authorize(Permission::LOCATION_CREATE).await?;
/// ```
///
/// To be called when the request has been checked, and before anything is done or looked up.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    session: Arc<Session>,
    audit: AuditScope,
    pushes_to: Option<Arc<str>>,
}

impl Caller {
    /// From now on, what is recorded of the request is recorded of this caller.
    pub(crate) fn new(state: &ApiState, principal: Principal, audit: AuditScope) -> Self {
        audit.identify(&principal);
        let permissions = state.options.permissions.clone();
        let session = Session::new(permissions, principal, state.catalog.index().clone());
        Self { session: Arc::new(session), audit, pushes_to: None }
    }

    /// The holder of the token of a provider, who may do nothing but push its entities.
    pub(crate) fn pushing(state: &ApiState, provider: &str, audit: AuditScope) -> Self {
        let service = ServicePrincipal { subject: format!("push:{provider}"), restriction: None };
        Self { pushes_to: Some(provider.into()), ..Self::new(state, Principal::Service(service), audit) }
    }

    /// Whether the caller came with the token of this provider.
    pub(crate) fn pushes_to(&self, provider: &str) -> bool {
        self.pushes_to.as_deref() == Some(provider)
    }

    pub(crate) fn principal(&self) -> &Principal {
        self.session.principal()
    }

    /// What is recorded of the request.
    pub(crate) fn audit(&self) -> &AuditScope {
        &self.audit
    }

    /// Ends the request with 403 unless the caller has a permission.
    pub(crate) async fn authorize(&self, permission: Permission) -> Result<(), ApiError> {
        self.authorize_or_say(permission, "").await
    }

    /// The same, with a message for the caller.
    pub(crate) async fn authorize_or_say(
        &self,
        permission: Permission,
        refusal: &str,
    ) -> Result<(), ApiError> {
        if self.is_permitted(permission).await? {
            Ok(())
        } else {
            Err(ApiError::NotAllowed(refusal.to_owned()))
        }
    }

    /// Ends the request with 403 unless the caller has a permission for an entity, which need not exist.
    pub(crate) async fn authorize_on(
        &self,
        permission: Permission,
        entity_ref: &str,
    ) -> Result<(), ApiError> {
        match self.are_permitted(permission, &[entity_ref]).await?.as_slice() {
            [true] => Ok(()),
            _ => Err(ApiError::NotAllowed(String::new())),
        }
    }

    /// Whether the caller has a permission, for routes that do not answer with 403.
    pub(crate) async fn is_permitted(&self, permission: Permission) -> Result<bool, ApiError> {
        let is_permitted = self.session.is_permitted(permission).await?;
        if !is_permitted {
            self.audit.deny();
        }
        Ok(is_permitted)
    }

    /// For each of some entities, whether the caller has a permission for it.
    pub(crate) async fn are_permitted(
        &self,
        permission: Permission,
        entity_refs: &[&str],
    ) -> Result<Vec<bool>, ApiError> {
        Ok(self.session.are_permitted(permission, entity_refs).await?)
    }

    /// The entities that the caller has a permission for.
    pub(crate) async fn access(&self, permission: Permission) -> Result<Access, ApiError> {
        let access = self.session.access(permission).await?;
        if access == Access::Nothing {
            self.audit.deny();
        }
        Ok(access)
    }

    /// The entities that the caller may see.
    pub(crate) async fn visibility(&self) -> Result<Visibility, ApiError> {
        Ok(Visibility(self.access(Permission::ENTITY_READ).await?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Admission>().and_then(|admission| admission.caller.clone());
        caller.ok_or_else(|| ApiError::internal("a route that nobody is let in to asks for its caller"))
    }
}
