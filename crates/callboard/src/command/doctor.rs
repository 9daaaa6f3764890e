//! `callboard doctor`: is everything as it has to be?

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use callboard_auth::backend_client;
use callboard_engine::{Examination, examine_store, repair_store};
use callboard_store::Repair;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::command::load_config;
use crate::database::{self, Access};
use crate::logging::print_error;

/// How long a server may take to look at all that it has.
const LIMIT: Duration = Duration::from_mins(10);
/// More details of one invariant are counted only.
const MAX_DETAILS: usize = 20;

/// The exit codes beside success.
const PROBLEMS: u8 = 1;
const NOT_CHECKED: u8 = 2;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["config", "url"]))]
pub(crate) struct DoctorArguments {
    /// The configuration whose database is examined; given several times, later ones lie over earlier ones. The
    /// server may be running
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// A running server that is asked instead, with its index: the address of its API, such as
    /// <http://localhost:7007/api/catalog>
    #[arg(long)]
    url: Option<String>,
    /// The token to ask with
    #[arg(long, requires = "url", env = "CALLBOARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Mend what can be mended
    #[arg(long)]
    repair: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// What was found and done.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    entities: u64,
    final_entities: u64,
    violations: Vec<Violation>,
    repairs: Vec<DoneRepair>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Violation {
    invariant: String,
    detail: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct DoneRepair {
    invariant: String,
    action: String,
    times: u64,
}

/// Examines, prints, and says by the exit code what came of it: 0 for nothing wrong, 1 for problems, 2 if it could not
/// be checked.
pub(crate) fn run(arguments: &DoctorArguments) -> ExitCode {
    match examine(arguments) {
        Ok(report) => {
            print(&report, arguments.output);
            if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(PROBLEMS) }
        }
        Err(error) => {
            print_error(&error);
            ExitCode::from(NOT_CHECKED)
        }
    }
}

fn examine(arguments: &DoctorArguments) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &arguments.url {
        Some(url) => runtime.block_on(ask(url, arguments.token.as_deref(), arguments.repair)),
        None => runtime.block_on(examine_database(arguments.config.clone(), arguments.repair)),
    }
}

async fn examine_database(files: Vec<PathBuf>, repair: bool) -> Result<Report> {
    let config = load_config(files)?;
    let working_directory = std::env::current_dir().context("cannot tell the working directory")?;
    let access = if repair { Access::Repair } else { Access::Read };
    let database = database::open_existing(&config, &working_directory, access).await?;
    let store = database.store();
    let repairs = if repair { repair_store(&*store, jiff::Timestamp::now()).await? } else { Vec::new() };
    let examination = examine_store(&*store).await?;
    database.close().await;
    Ok(Report::new(examination, repairs))
}

async fn ask(url: &str, token: Option<&str>, repair: bool) -> Result<Report> {
    let address = format!("{}/.callboard/doctor", url.trim_end_matches('/'));
    let client = backend_client()?;
    let request = if repair { client.post(&address) } else { client.get(&address) };
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let answer = request.timeout(LIMIT).send().await.with_context(|| format!("cannot ask {address}"))?;
    let status = answer.status();
    let body = answer.bytes().await.with_context(|| format!("no whole answer from {address}"))?;
    if !status.is_success() {
        let help = match status.as_u16() {
            401 | 403 => ": give --token one of backend.auth.externalAccess that is not restricted",
            404 => ": is it a Callboard of this version, and does the address end with /api/catalog?",
            _ => "",
        };
        bail!("{address} answers {status}{help}");
    }
    serde_json::from_slice(&body).with_context(|| format!("{address} does not answer as a Callboard does"))
}

#[expect(clippy::print_stdout, reason = "the result is what the command is for")]
fn print(report: &Report, output: Output) {
    match output {
        Output::Text => print!("{}", report.text()),
        Output::Json => println!("{}", serde_json::to_string_pretty(report).unwrap_or_default()),
    }
}

impl Report {
    fn new(examination: Examination, repairs: Vec<Repair>) -> Self {
        let violations = examination.violations.into_iter();
        Self {
            entities: examination.depth.entities,
            final_entities: examination.depth.final_entities,
            violations: violations
                .map(|found| Violation { invariant: found.invariant.to_owned(), detail: found.detail })
                .collect(),
            repairs: repairs
                .into_iter()
                .map(|done| DoneRepair {
                    invariant: done.invariant.to_owned(),
                    action: done.action.to_owned(),
                    times: done.times,
                })
                .collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for repair in &self.repairs {
            _ = writeln!(text, "mended  {}: {} ({} times)", repair.invariant, repair.action, repair.times);
        }
        let mut invariants: Vec<&str> = Vec::new();
        for violation in &self.violations {
            if !invariants.contains(&violation.invariant.as_str()) {
                invariants.push(&violation.invariant);
            }
        }
        for invariant in invariants {
            let details = self.violations.iter().filter(|violation| violation.invariant == invariant);
            let count = details.clone().count();
            for violation in details.take(MAX_DETAILS) {
                _ = writeln!(text, "broken  {invariant}: {}", violation.detail);
            }
            if count > MAX_DETAILS {
                _ = writeln!(text, "broken  {invariant}: and {} more", count - MAX_DETAILS);
            }
        }
        let (entities, final_entities) = (self.entities, self.final_entities);
        _ = writeln!(text, "{entities} entities, {final_entities} of them final");
        _ = match (self.violations.len(), self.repairs.is_empty()) {
            (0, _) => writeln!(text, "everything is as it has to be"),
            (count, true) => writeln!(text, "{count} problems; --repair mends what can be mended"),
            (count, false) => writeln!(
                text,
                "{count} problems are left; what was queued is right when a server has processed it"
            ),
        };
        text
    }
}
