//! `callboard import`: takes over what another server has.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use callboard_engine::{ImportOutcome, ImportedLocation, import_location};
use callboard_model::EntityRef;
use callboard_store::Store;
use clap::Args;
use jiff::Timestamp;

use super::full_import;
use super::location_list::{Format, ListedLocation, fetch, format_of, read};
use crate::command::load_config;
use crate::database;

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The configuration whose database takes it over; given several times, later ones lie over earlier ones. No
    /// server may be running on it
    #[arg(long, value_name = "FILE", required = true)]
    config: Vec<PathBuf>,
    /// A running Callboard or Backstage to take registered locations from: the address of its API, such as
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

/// What is imported.
enum Source {
    Locations(Vec<ListedLocation>),
    /// A full export that was found to be whole.
    Full(File),
}

/// The exit code is 1 if a location was refused.
pub(crate) fn run(arguments: ImportArguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let source = match (&arguments.from, &arguments.file) {
        (Some(api), _) => Source::Locations(runtime.block_on(fetch(api, arguments.token.as_deref()))?),
        (None, Some(path)) => open(path).with_context(|| path.display().to_string())?,
        (None, None) => look_into(spooled(stdin().lock())?).context("standard input")?,
    };
    let refused = runtime.block_on(import(arguments.config, source, arguments.dry_run))?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open(path: &Path) -> Result<Source> {
    let file = File::open(path).context("cannot be read")?;
    look_into(if file.metadata()?.is_file() { file } else { spooled(file)? })
}

/// What can be read once only, as a file that can be read twice.
fn spooled(mut source: impl Read) -> Result<File> {
    let mut file = tempfile::tempfile().context("cannot make a temporary file")?;
    std::io::copy(&mut source, &mut file).context("cannot be read")?;
    Ok(file)
}

fn look_into(mut file: File) -> Result<Source> {
    file.rewind()?;
    let format = format_of(BufReader::new(&file))?;
    file.rewind()?;
    match format {
        Format::Locations => Ok(Source::Locations(read(BufReader::new(file))?)),
        Format::Full => {
            full_import::check(&file)?;
            Ok(Source::Full(file))
        }
    }
}

async fn import(files: Vec<PathBuf>, source: Source, dry_run: bool) -> Result<usize> {
    let config = load_config(files)?;
    let working_directory = std::env::current_dir().context("cannot tell the working directory")?;
    let database = database::open_for_import(&config, &working_directory, dry_run).await?;
    let store = database.store();
    let refused = match source {
        Source::Locations(locations) => import_all(&*store, &locations, dry_run).await,
        Source::Full(file) => {
            let imported = full_import::import(&*store, file, dry_run).await;
            imported.context("the import was cut off: repeat it, before a server starts on the database")
        }
    };
    drop(store);
    database.close().await;
    refused
}

/// What became of locations.
#[derive(Debug, Default)]
pub(crate) struct LocationCounts {
    pub(crate) added: usize,
    pub(crate) present: usize,
    pub(crate) refused: usize,
}

impl LocationCounts {
    pub(crate) fn count(&mut self, outcome: &ImportOutcome) {
        match outcome {
            ImportOutcome::Added => self.added += 1,
            ImportOutcome::Present => self.present += 1,
            ImportOutcome::Refused(_) => self.refused += 1,
        }
    }
}

#[expect(clippy::print_stdout, reason = "the result is what the command is for")]
async fn import_all(store: &dyn Store, locations: &[ListedLocation], dry_run: bool) -> Result<usize> {
    let mut counts = LocationCounts::default();
    for location in locations {
        let (named, outcome) = import_listed(store, location, dry_run).await?;
        counts.count(&outcome);
        match outcome {
            ImportOutcome::Added => println!("added    {named}"),
            ImportOutcome::Present => println!("present  {named}"),
            ImportOutcome::Refused(reason) => println!("refused  {named}: {reason}"),
        }
    }
    let LocationCounts { added, present, refused } = counts;
    let what = if dry_run { "would be added" } else { "added" };
    println!("{added} {what}, {present} present already, {refused} refused");
    Ok(refused)
}

/// Imports one location; with what people call it.
pub(crate) async fn import_listed(
    store: &dyn Store,
    location: &ListedLocation,
    dry_run: bool,
) -> Result<(String, ImportOutcome)> {
    let ListedLocation { id, location_type, target, entity_ref } = location;
    let named = format!("{location_type}:{target}");
    let entity_ref = entity_ref.as_deref().map(EntityRef::parse_canonical).transpose();
    let entity_ref = entity_ref.with_context(|| named.clone())?;
    let imported = ImportedLocation { id, location_type, target, entity_ref: entity_ref.as_ref() };
    let outcome = import_location(store, imported, Timestamp::now(), dry_run).await?;
    Ok((named, outcome))
}
