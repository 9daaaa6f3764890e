//! Callers and their tokens, with issuers that need no network.

#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover their helper functions"
)]

mod external;
mod http_source;
mod issuer;
mod key_sets;
mod plugin_tokens;
mod settings;
mod signing_keys;
mod user_tokens;
