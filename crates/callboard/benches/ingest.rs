//! How fast files become entities: `cargo bench -p callboard --bench ingest`.
//!
//! Starts the server with one `file` location for all files, on a database file, and waits until every entity is
//! there and nothing is left to be stitched. Prints a table with one row a run.
//!
//! | variable | |
//! | --- | --- |
//! | `ENTITIES` | how many, separated by commas; 1000,10000 if not given |
//! | `DATABASE` | `file`, `memory`, or `postgres`: a server that is started for it, without `fsync` |
//! | `FILES` | a folder of descriptor files to use instead of made-up ones; `ENTITIES` says how many are in it |

#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use callboard_testkit::{ServerProcess, measure_database, postgres_database, until};
use serde_json::json;
use tempfile::TempDir;

const PER_FILE: usize = 1000;
const PATIENCE: Duration = Duration::from_mins(30);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let counts = std::env::var("ENTITIES").unwrap_or_else(|_| "1000,10000".into());
    println!(
        "{:>9} {:>9} {:>12} {:>9} {:>14} {:>12} {:>16}",
        "entities", "seconds", "entities/s", "CPU s", "peak memory MB", "disk B/entity", "times bulk insert"
    );
    for count in counts.split(',') {
        run(count.trim().parse()?).await?;
    }
    Ok(())
}

async fn run(count: usize) -> Result<(), Box<dyn std::error::Error>> {
    let made_up = TempDir::new()?;
    let files = match std::env::var_os("FILES") {
        Some(folder) => PathBuf::from(folder),
        None => make_up(made_up.path(), count)?,
    };
    let config = json!({ "catalog": {
        "locations": [{ "type": "file", "target": files.join("*.yaml") }],
        "rules": [{ "allow": ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location"] }],
    } });
    let binary = env!("CARGO_BIN_EXE_callboard");
    let (mut server, postgres) = match std::env::var("DATABASE").as_deref() {
        Ok("memory") => (ServerProcess::in_memory(binary, config), None),
        Ok("postgres") => {
            let database = postgres_database().await;
            (ServerProcess::on_postgres(binary, config, &database), Some(database))
        }
        _ => (ServerProcess::new(binary, config), None),
    };
    let start = Instant::now();
    server.start().await;
    // The generated location is an entity too.
    let expected = count + 1;
    until("all entities", PATIENCE, async || {
        let page = server.json("/entities/by-query?limit=0").await?;
        (page["totalItems"] == expected).then_some(())
    })
    .await;
    let visible = start.elapsed();
    let process = server.process_usage();
    assert!(server.stop().await.success(), "the server did not stop in order:\n{}", server.log());
    let (size, bulk_insert) = match &postgres {
        Some(database) => measure_database(database).await,
        None => (disk_usage(&server.folder().join("database"))?, Duration::ZERO),
    };
    let times_bulk = match postgres {
        Some(_) => format!("{:.2}", visible.as_secs_f64() / bulk_insert.as_secs_f64()),
        None => String::new(),
    };
    #[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
    let (rate, per_entity) = (count as f64 / visible.as_secs_f64(), size as f64 / count as f64);
    println!(
        "{count:>9} {:>9.2} {rate:>12.0} {:>9.2} {:>14} {per_entity:>12.0} {times_bulk:>16}",
        visible.as_secs_f64(),
        process.cpu.as_secs_f64(),
        process.peak_memory_bytes / 1_000_000,
    );
    Ok(())
}

fn disk_usage(folder: &Path) -> std::io::Result<u64> {
    if !folder.exists() {
        return Ok(0);
    }
    let sizes = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len()));
    sizes.sum()
}

/// A company of components, a group for each twenty of them, and a system for each ten.
fn make_up(folder: &Path, count: usize) -> std::io::Result<PathBuf> {
    for file in 0..count.div_ceil(PER_FILE) {
        let mut text = String::new();
        for number in file * PER_FILE..count.min((file + 1) * PER_FILE) {
            let (kind, spec) = match number % 20 {
                0 => ("Group", "type: team, children: []".to_owned()),
                1 | 2 => ("System", format!("owner: group-{}", number / 20 * 20)),
                _ => (
                    "Component",
                    format!(
                        "type: service, lifecycle: production, owner: group-{}, system: system-{}, \
                         dependsOn: ['component:component-{}']",
                        number * 31 % count / 20 * 20,
                        number * 17 % count / 20 * 20 + 1,
                        number / 20 * 10 / 20 * 20 + 7,
                    ),
                ),
            };
            _ = write!(
                text,
                "---\napiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata:\n  name: {}-{number}\n  \
                 title: The {number}th of them\n  description: >\n    Number {number}, which does what such a \
                 thing does, and some of it twice over.\n  labels: {{ example.com/tier: tier-{} }}\n  \
                 annotations: {{ example.com/on-call: rota-{}, example.com/cost-centre: '{}' }}\n  \
                 tags: [stage-{}, act-{}]\n  links: [{{ url: 'https://dashboards.example.com/{number}', title: \
                 Dashboard }}]\nspec: {{ {spec} }}\n",
                kind.to_lowercase(),
                number % 4,
                number % 37,
                number % 101,
                number % 7,
                number % 5,
            );
        }
        std::fs::write(folder.join(format!("entities-{file:04}.yaml")), text)?;
    }
    Ok(folder.to_owned())
}
