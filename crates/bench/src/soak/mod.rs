//! `callboard-bench soak`: nodes and their database are killed, paused, cut off and filled up while sources change what
//! they say, for as long as one likes. What it ends in is compared with a server that is told the same and left alone.
//!
//! | file | what |
//! | --- | --- |
//! | `sources.rs` | what sources say: providers with conflicts, files, registered locations |
//! | `client.rs` | how a catalog is told, however often it takes |
//! | `nodes.rs` | the nodes, their database, and what happens to them |

mod client;
mod nodes;
mod sources;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use self::client::Client;
use self::nodes::{FaultCounts, Nodes, server};
use self::sources::Sources;
use crate::machine::describe;
use crate::table::Table;

/// How long a round may take to become quiet: longer than the longest lease of work whose owner is gone.
const PATIENCE: Duration = Duration::from_mins(3);
/// Both catalogs have to be the same so long apart.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct SoakArguments {
    /// The databases, separated by commas: `pg`, a server that is started for it; `sqlite`, with one node
    #[arg(long, value_delimiter = ',', default_values_t = ["pg".to_owned(), "sqlite".to_owned()])]
    database: Vec<String>,
    /// For how many seconds each; the round that is going on is ended
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// How many seconds of faults a round has
    #[arg(long, default_value_t = 15)]
    round: u64,
    /// How many nodes a PostgreSQL database has
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// What the changes and the faults are drawn from; the moments are those of the machine
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) async fn run(arguments: SoakArguments) -> Result<()> {
    println!("{}, seed {}\n", describe(), arguments.seed);
    let table = Table::new(&[
        "database",
        "seconds",
        "rounds",
        "changes",
        "refused",
        "kills",
        "pauses",
        "db kills",
        "db stops",
        "db pauses",
        "cuts",
        "full",
        "read only",
        "entities",
        "differences",
        "violations",
    ]);
    let mut failures = 0;
    for database in &arguments.database {
        let outcome = soak(database, &arguments).await?;
        outcome.print(database, &table);
        failures += outcome.differences + outcome.violations;
    }
    ensure!(failures == 0, "the catalogs differ, or a database is not in order: see above");
    Ok(())
}

/// What one database went through.
#[derive(Default)]
struct Outcome {
    elapsed: Duration,
    rounds: usize,
    changes: usize,
    refused: usize,
    faults: FaultCounts,
    entities: usize,
    differences: usize,
    violations: usize,
}

impl Outcome {
    fn print(&self, database: &str, table: &Table) {
        let faults = &self.faults;
        let counts = [
            self.rounds,
            self.changes,
            self.refused,
            faults.kills,
            faults.pauses,
            faults.database_kills,
            faults.database_stops,
            faults.database_pauses,
            faults.cuts,
            faults.full,
            faults.read_only,
            self.entities,
            self.differences,
            self.violations,
        ];
        let texts = [database.to_owned(), self.elapsed.as_secs().to_string()];
        table.row(texts.into_iter().chain(counts.iter().map(ToString::to_string)));
    }
}

async fn soak(database: &str, arguments: &SoakArguments) -> Result<Outcome> {
    let start = Instant::now();
    let mut random = StdRng::seed_from_u64(arguments.seed);
    let mut sources = Sources::new()?;
    let mut undisturbed = server(None)?;
    undisturbed.start().await;
    let mut nodes = Nodes::start(database, arguments.nodes).await?;
    let mut told_undisturbed = Client::of([&undisturbed])?;
    let mut told = Client::of(nodes.servers())?;
    let mut outcome = Outcome::default();
    while start.elapsed() < Duration::from_secs(arguments.seconds) {
        // Drawn apart: how often somebody has to be asked again changes neither what is said nor what goes wrong.
        let mut accidents = StdRng::seed_from_u64(random.random());
        let mut changes = StdRng::seed_from_u64(random.random());
        let mut choices = StdRng::seed_from_u64(random.random());
        let end = Instant::now() + Duration::from_secs(arguments.round);
        let changing = async {
            while Instant::now() < end {
                let change = sources.draw(&mut changes)?;
                outcome.refused += told.tell(&change, &mut choices).await?;
                told_undisturbed.tell(&change, &mut choices).await?;
                outcome.changes += 1;
            }
            anyhow::Ok(())
        };
        let (told_all, disturbed) = tokio::join!(changing, nodes.disturb(&mut accidents, end));
        told_all?;
        disturbed?;
        nodes.make_whole().await?;
        let differences = until_same(&told_undisturbed, &told).await?;
        let violations = violations(&told).await?;
        for finding in differences.iter().chain(&violations) {
            println!("{database}, round {}: {finding}", outcome.rounds);
        }
        outcome.rounds += 1;
        outcome.differences += differences.len();
        outcome.violations += violations.len();
        if !differences.is_empty() || !violations.is_empty() {
            nodes.keep_logs(database, outcome.rounds)?;
            break;
        }
    }
    outcome.entities = told_undisturbed.entities(0).await?.len();
    outcome.faults = nodes.counts();
    outcome.elapsed = start.elapsed();
    nodes.stop().await?;
    undisturbed.stop().await;
    Ok(outcome)
}

/// Waits until every node shows what the other catalog shows, twice; says what differs if that takes too long.
async fn until_same(expected: &Client, found: &Client) -> Result<Vec<String>> {
    let end = Instant::now() + PATIENCE;
    let mut same = 0;
    loop {
        let differences = differences(expected, found).await?;
        same = if differences.is_empty() { same + 1 } else { 0 };
        if same == 2 || Instant::now() > end {
            return Ok(differences);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn differences(expected: &Client, found: &Client) -> Result<Vec<String>> {
    let wanted = expected.entities(0).await?;
    let mut all = Vec::new();
    for node in 0..found.nodes() {
        let has = found.entities(node).await?;
        all.extend(differing(&wanted, &has).into_iter().map(|what| format!("node {node}: {what}")));
    }
    Ok(all)
}

fn differing(wanted: &BTreeMap<String, Value>, has: &BTreeMap<String, Value>) -> Vec<String> {
    let missing = wanted.iter().filter_map(|(key, entity)| match has.get(key) {
        None => Some(format!("{key} is missing")),
        Some(other) if other != entity => Some(format!("{key} is {other}, and should be {entity}")),
        Some(_) => None,
    });
    let additional = has.keys().filter(|key| !wanted.contains_key(*key));
    missing.chain(additional.map(|key| format!("{key} should not be there"))).collect()
}

/// What the doctor finds, of the store and of each node's index. An index may be about to follow: it is asked again.
async fn violations(nodes: &Client) -> Result<Vec<String>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut all = Vec::new();
        for node in 0..nodes.nodes() {
            all.extend(nodes.violations(node).await?);
        }
        if all.is_empty() || Instant::now() > end {
            return Ok(all);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_differs_is_found() {
        let catalog = |entities: &[(&str, u32)]| -> BTreeMap<String, Value> {
            entities.iter().map(|(name, revision)| ((*name).to_owned(), json!(revision))).collect()
        };
        let wanted = catalog(&[("same", 1), ("changed", 2), ("lost", 1)]);
        assert_eq!(differing(&wanted, &wanted), [""; 0]);
        let has = catalog(&[("same", 1), ("changed", 1), ("left over", 1)]);
        assert_eq!(
            differing(&wanted, &has),
            ["changed is 1, and should be 2", "lost is missing", "left over should not be there"]
        );
    }
}
