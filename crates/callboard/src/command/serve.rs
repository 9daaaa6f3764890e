use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use callboard_engine::NodeRole;
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::Callboard;
use crate::command::load_config;
use crate::example_catalog::ExampleCatalog;
use crate::logging::{self, LogArguments};
use crate::traces::Traces;

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// A configuration file; given several times, later ones lie over earlier ones. Without any, the example
    /// catalog is served from a database in memory
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// The port to listen on, instead of the configured one
    #[arg(long)]
    port: Option<u16>,
    /// The address to listen on, instead of the loopback address
    #[arg(long)]
    host: Option<IpAddr>,
    /// What this node does, of several on one PostgreSQL database
    #[arg(long, value_enum, default_value_t)]
    role: Role,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Role {
    /// Everything
    #[default]
    All,
    /// Answers requests and takes up no work
    Read,
    /// Takes in entities and answers no requests but health checks
    Ingest,
}

impl From<Role> for NodeRole {
    fn from(role: Role) -> Self {
        match role {
            Role::All => Self::All,
            Role::Read => Self::Read,
            Role::Ingest => Self::Ingest,
        }
    }
}

pub(crate) fn run(
    arguments: ServeArguments,
    log: &LogArguments,
    extend: impl FnOnce(Callboard) -> Callboard,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let traces = Traces::from_environment(runtime.handle())?;
    logging::start(log, traces.layer())?;
    traces.announce();
    let served = runtime.block_on(serve(arguments, extend));
    traces.shut_down();
    served
}

async fn serve(arguments: ServeArguments, extend: impl FnOnce(Callboard) -> Callboard) -> Result<()> {
    // For HTTP clients of extensions. If there is one already, that one is meant.
    _ = rustls::crypto::ring::default_provider().install_default();
    // Kept until the end: its files are read for as long as the server runs.
    let example = if arguments.config.is_empty() { Some(ExampleCatalog::unpack()?) } else { None };
    let config = match &example {
        Some(example) => example.config(),
        None => load_config(arguments.config)?,
    };
    let mut builder = extend(Callboard::builder(config)).role(arguments.role.into());
    if let Some(port) = arguments.port {
        builder = builder.port(port);
    }
    if let Some(host) = arguments.host {
        builder = builder.host(host);
    }
    // Before the server starts, so that no signal is lost.
    let stop = stop_signal()?;
    let server = builder.build().await?;
    tracing::info!("listening on {}", server.origin());
    if example.is_some() {
        let api = format!("{}/api/catalog", server.origin());
        tracing::info!("no --config was given: serving the example catalog");
        tracing::info!("have a look at {api}/entities/by-query?limit=5 and {api}/entity-facets?facet=kind");
    }
    server.serve(stop).await
}

/// Ends when the process is asked to stop: SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing what is being worked on");
    })
}
