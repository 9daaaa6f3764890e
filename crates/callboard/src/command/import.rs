//! `callboard import`: registers what another server has.

use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use callboard_engine::{ImportOutcome, import_location};
use callboard_store::Store;
use clap::Args;
use jiff::Timestamp;

use super::location_list::{ListedLocation, fetch, read};
use crate::command::load_config;
use crate::database;

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The configuration whose database takes the locations; given several times, later ones lie over earlier ones. No
    /// server may be running on it
    #[arg(long, value_name = "FILE", required = true)]
    config: Vec<PathBuf>,
    /// A running Callboard or Backstage to take them from: the address of its API, such as
    /// <http://old-host:7007/api/catalog>
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The token to ask with
    #[arg(long, requires = "from", env = "CALLBOARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// What callboard export wrote; without it and --from, standard input
    #[arg(value_name = "EXPORT", conflicts_with = "from")]
    file: Option<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// The exit code is 1 if a location was refused.
pub(crate) fn run(arguments: ImportArguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let locations = match (&arguments.from, &arguments.file) {
        (Some(api), _) => runtime.block_on(fetch(api, arguments.token.as_deref()))?,
        (None, Some(path)) => {
            let named = || path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot read {}", named()))?;
            read(BufReader::new(file)).with_context(named)?
        }
        (None, None) => read(stdin().lock()).context("standard input")?,
    };
    let refused = runtime.block_on(import(arguments.config, &locations, arguments.dry_run))?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn import(files: Vec<PathBuf>, locations: &[ListedLocation], dry_run: bool) -> Result<usize> {
    let config = load_config(files)?;
    let working_directory = std::env::current_dir().context("cannot tell the working directory")?;
    let database = database::open_for_import(&config, &working_directory, dry_run).await?;
    let refused = import_into(&database.store(), locations, dry_run).await;
    database.close().await;
    refused
}

#[expect(clippy::print_stdout, reason = "the result is what the command is for")]
async fn import_into(store: &Arc<dyn Store>, locations: &[ListedLocation], dry_run: bool) -> Result<usize> {
    let (mut added, mut present, mut refused) = (0, 0, 0);
    for ListedLocation { id, location_type, target } in locations {
        let named = format!("{location_type}:{target}");
        match import_location(&**store, id, location_type, target, Timestamp::now(), dry_run).await? {
            ImportOutcome::Added => {
                added += 1;
                println!("added    {named}");
            }
            ImportOutcome::Present => {
                present += 1;
                println!("present  {named}");
            }
            ImportOutcome::Refused(reason) => {
                refused += 1;
                println!("refused  {named}: {reason}");
            }
        }
    }
    let what = if dry_run { "would be added" } else { "added" };
    println!("{added} {what}, {present} present already, {refused} refused");
    Ok(refused)
}
