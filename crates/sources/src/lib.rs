//! The outside world: how files are read from other hosts, and which hosts are asked at all.
//!
//! This crate knows HTTP, hosts and the shapes of their URLs. It must not know what is in the files it reads, who
//! asks for them, or where anything is stored: it hands back bytes and an `ETag`, and all that it knows of the
//! server is the trait [`UrlReader`](callboard_sdk::UrlReader).
//!
//! A newcomer starts at [`UrlReaders`], which sends each URL to the first [`HostReader`] that is responsible for
//! it. [`FetchReader`] is the last of them: plain HTTP, on the hosts that [`ReadingRules`] allow. A host with
//! its own API is one more `HostReader` in a file of its own, such as [`GitHubReader`]. How relative targets become absolute is in
//! `resolve.rs`, what a URL says of a repository in `repository.rs`, and of pages for people in `scm_file.rs`; all are pure
//! functions.
//!
//! Beside files there are programs: [`WebhookProcessor`] hands entities to a processor that is reached over HTTP.
//!
//! Three things hold for every read: no host is asked that the configuration does not allow, redirects included;
//! every call ends, because time and size are bounded; and error messages never show credentials.

mod allow;
mod client;
mod download;
mod fetch;
mod github;
mod known_hosts;
mod readers;
mod repository;
mod resolve;
mod scm_events;
mod scm_file;
mod webhook;

pub use allow::{AllowedHost, InvalidAllowedHost, ReadingRules};
pub use callboard_sdk::HostReader;
pub use client::{ClientError, ProxyUse};
pub use fetch::{FetchOptions, FetchReader};
pub use github::{GitHubReader, GitHubSettings};
pub use known_hosts::{HostKind, KnownHosts};
pub use readers::UrlReaders;
pub use repository::{RepositoryFile, same_repository};
pub use resolve::{ResolveError, resolve};
pub use scm_events::scm_event_translators;
pub use webhook::{WebhookProcessor, WebhookSettings};
