//! What can go wrong.

use thiserror::Error;

use crate::rotating_keys::LedgerError;

/// Why a token was not accepted. The messages are those that clients of a Backstage backend know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthError {
    /// Nothing knows the token. The caller needs another one.
    #[error("Illegal token")]
    IllegalToken,
    /// It is the token of a user, and it is forged, expired, or its keys cannot be had.
    #[error("Failed user token verification")]
    UserToken,
    /// It is a user's token for cookies, which no header may carry.
    #[error("Illegal limited user token")]
    LimitedUserToken,
    /// It is the token of another backend, and it is forged, expired, or its keys cannot be had.
    #[error("Failed plugin token verification")]
    PluginToken,
    /// It is genuine, and not meant for this plugin. The caller is known and refused.
    #[error("This token's access is restricted to plugin(s) {plugins}")]
    RestrictedToOtherPlugins {
        /// The plugins it is meant for, in quotes, separated by commas.
        plugins: String,
    },
}

/// A token could not be issued.
#[derive(Debug, Clone, Error)]
pub enum IssueError {
    /// The key or the signature could not be made.
    #[error("the token could not be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
    /// A key that others cannot see must not be used. Trying again later helps.
    #[error("the key could not be published")]
    Ledger(#[from] LedgerError),
    /// A token on behalf of a user needs a token of theirs that allows it; older auth backends issue none.
    #[error("the token of {entity_ref} does not allow others to act for them")]
    NotDelegable {
        /// The user.
        entity_ref: String,
    },
    /// The user's token expires right now.
    #[error("the token of {entity_ref} has expired")]
    Expired {
        /// The user.
        entity_ref: String,
    },
}

/// A setting is not what it must be. Nobody should be let in before it is mended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {message}")]
pub struct SettingsError {
    /// Where, below the list of ways from outside: `[0].options.token`.
    pub path: String,
    /// What was expected and what was found. Never contains a secret.
    pub message: String,
}
