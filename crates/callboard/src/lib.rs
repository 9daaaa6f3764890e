//! A software catalog server that speaks the HTTP API of the Backstage catalog, reads its configuration and its
//! descriptor files.
//!
//! The stock `callboard` binary is this library with nothing added: [`run`] is all of its `main`. A binary of your
//! own adds sources and rules there, and has the same command line. [`Callboard::builder`] makes a server without
//! one, for programs that serve a catalog beside other things:
//!
//! ```no_run
//! use callboard::{Callboard, config::{ConfigSources, load}};
//!
//! # async fn run() -> anyhow::Result<()> {
//! let config = load(&ConfigSources::default())?;
//! let server = Callboard::builder(config)
//!     // .add_processor(Arc::new(MyProcessor))
//!     .build()
//!     .await?;
//! server.serve(async { _ = tokio::signal::ctrl_c().await }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! This crate puts the others together and knows nothing that they know: it translates configuration into
//! settings (`settings.rs`, `http_settings.rs`, `authentication.rs`, `permissions.rs`), opens the database
//! (`database.rs`), and owns the listening socket and the order of starting and stopping (`server.rs`).

mod audit_file;
mod authentication;
mod builder;
mod command;
mod database;
mod events;
mod example_catalog;
mod github;
mod http_settings;
mod key_store;
mod log_fields;
mod logging;
mod metrics;
mod model_layers;
mod module_config;
mod permissions;
mod postgres_settings;
mod push_providers;
mod server;
mod settings;
mod traces;
mod webhooks;

pub use builder::Callboard;
pub use command::run;
pub use server::Server;

pub use callboard_config as config;
pub use callboard_engine as engine;
pub use callboard_model as model;
pub use callboard_sdk as sdk;
