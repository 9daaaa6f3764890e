//! The readers, from outside: rules and URLs in tables, HTTP against local servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod allow;
mod fetch;
mod github;
mod readers;
mod repository;
mod resolve;
mod scm_events;
mod scm_file;
mod webhook;
