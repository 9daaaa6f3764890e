//! `callboard export`: what cannot be had again from the sources, as lines of JSON.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::full_export;
use super::location_list::{ListedLocation, fetch, write};
use crate::command::load_config;
use crate::database::{self, Access};

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["config", "from"]))]
pub(crate) struct ExportArguments {
    /// The configuration whose database is exported; given several times, later ones lie over earlier ones. The
    /// server may be running
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// A running Callboard or Backstage that is exported instead: the address of its API, such as
    /// <http://localhost:7007/api/catalog>
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The token to ask with
    #[arg(long, requires = "from", env = "CALLBOARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Also all that the sources said of entities, so that an import need not wait for them
    #[arg(long, requires = "config", conflicts_with = "from")]
    full: bool,
    /// The file to write, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: ExportArguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if arguments.full {
        let (locations, entities) = runtime.block_on(export_all(arguments.config, arguments.output))?;
        tracing::info!("exported {entities} entities and {locations} locations");
        return Ok(());
    }
    let locations = match &arguments.from {
        Some(api) => runtime.block_on(fetch(api, arguments.token.as_deref()))?,
        None => runtime.block_on(stored(arguments.config))?,
    };
    write(BufWriter::new(open_output(arguments.output)?), &locations)?;
    tracing::info!("exported {} locations", locations.len());
    Ok(())
}

fn open_output(path: Option<PathBuf>) -> Result<Box<dyn Write + Send>> {
    Ok(match path {
        Some(path) => {
            Box::new(File::create(&path).with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => Box::new(stdout()),
    })
}

async fn export_all(files: Vec<PathBuf>, output: Option<PathBuf>) -> Result<(u64, u64)> {
    let config = load_config(files)?;
    let working_directory = std::env::current_dir().context("cannot tell the working directory")?;
    let database = database::open_existing(&config, &working_directory, Access::Read).await?;
    let counts = full_export::write(&*database.store(), open_output(output)?).await;
    database.close().await;
    counts
}

async fn stored(files: Vec<PathBuf>) -> Result<Vec<ListedLocation>> {
    let config = load_config(files)?;
    let working_directory = std::env::current_dir().context("cannot tell the working directory")?;
    let database = database::open_existing(&config, &working_directory, Access::Read).await?;
    let locations = database.store().locations().await?;
    database.close().await;
    let listed = locations.into_iter().map(|location| ListedLocation {
        id: location.id.to_string(),
        location_type: location.location_type,
        target: location.target,
        entity_ref: None,
    });
    Ok(listed.collect())
}
