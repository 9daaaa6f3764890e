//! Rules, policies and the permission backend, without a server around them.

#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover their helper functions"
)]

mod backend;
mod catalog;
mod policy;
mod properties;
mod rules;
