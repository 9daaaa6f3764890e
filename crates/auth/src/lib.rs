//! Who is calling: tokens of users, of other backends and from outside, and the server's own signing keys.
//!
//! This crate turns the `Authorization` header of a request into a [`Principal`], or says why it cannot. It knows the
//! formats of tokens, where the keys are that they are verified with, and the ways of access from outside that are
//! configured. It must not know what a principal may do: permissions are somebody else's. Nor does it serve HTTP or
//! read configuration files; the only requests it makes are those for key sets, through [`JwksSource`].
//!
//! A newcomer starts at [`Authenticator::authenticate`], which lists the kinds of tokens in the order in which they
//! are recognised, then reads `token.rs` (what a token is before anything is believed of it) and `key_set.rs` (what it
//! takes to believe it).

mod authenticator;
mod clock;
mod credentials;
mod discovery;
mod error;
mod external;
mod external_options;
mod http_source;
mod jwks_cache;
mod key_set;
mod principal;
mod rotating_keys;
mod signing_key;
mod signing_keys;
mod static_keys;
mod static_token;
mod token;

pub use self::authenticator::{AuthSettings, Authenticator};
pub use self::clock::{Clock, SystemClock};
pub use self::credentials::Credentials;
pub use self::discovery::Discovery;
pub use self::error::{AuthError, IssueError, SettingsError};
pub use self::external::ExternalAccess;
pub use self::http_source::{HttpJwksSource, HttpSourceError, backend_client};
pub use self::jwks_cache::{JwksSource, LoadError};
pub use self::principal::{AccessRestriction, PermissionAction, Principal, ServicePrincipal, UserPrincipal};
pub use self::rotating_keys::{KeyLedger, LedgerError, MemoryLedger, PublicKeyRecord};
pub use self::signing_keys::SigningKeys;
pub use self::static_keys::StaticKey;
pub use self::static_token::{StaticToken, StaticTokenError};
