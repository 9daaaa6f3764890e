//! `callboard-bench query`: every kind of query over HTTP.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use callboard_synthetic::SyntheticCatalog;
use callboard_testkit::{ServerProcess, until};
use clap::Args;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::battery::{Question, questions};
use crate::load::{Measurement, measure};
use crate::machine::{MachineTime, describe};
use crate::seed::seed;

/// How long the yardstick may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    /// How many entities the catalog has
    #[arg(long, default_value_t = 10_000)]
    entities: usize,
    /// How many requests are under way at the same time; one measurement for each number
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16])]
    connections: Vec<usize>,
    /// How long each question is asked, in milliseconds
    #[arg(long, default_value_t = 1500)]
    milliseconds: u64,
    /// Only questions whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Another catalog server on this machine with the same entities, such as 127.0.0.1:7008, to be asked the same
    #[arg(long)]
    compare: Option<SocketAddr>,
    /// A folder to keep the database in, so that the next run need not fill it again
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Seeds, starts, asks, and prints.
pub(crate) async fn run(arguments: QueryArguments) -> Result<()> {
    let catalog = SyntheticCatalog { size: arguments.entities };
    println!("{} entities; {}\n", catalog.size, describe());
    let binary = std::env::current_exe()?;
    let mut server = ServerProcess::new(
        &binary,
        json!({ "catalog": { "processingInterval": false, "orphanProviderStrategy": "keep" } }),
    );
    provide_database(&server, catalog, arguments.keep.as_deref()).await?;

    let start = Instant::now();
    server.start().await;
    let ready = start.elapsed();
    println!(
        "ready {ready:.1?} after the start; {} MB resident at most so far",
        server.process_usage().peak_memory_bytes / 1_000_000
    );

    let address: SocketAddr = url::Url::parse(&server.api(""))?
        .socket_addrs(|| None)?
        .first()
        .copied()
        .context("the server has no address")?;
    let duration = Duration::from_millis(arguments.milliseconds);
    let asked = questions(catalog)
        .into_iter()
        .filter(|question| arguments.only.as_ref().is_none_or(|only| question.name.contains(only.as_str())));
    let asked: Vec<Question> = asked.collect();
    for connections in &arguments.connections {
        print_head(*connections);
        for question in &asked {
            let machine = MachineTime::start();
            let measured = measure(address, question, *connections, duration).await?;
            print_row(&question.name, &measured, &machine);
            if question.name == "by-name" {
                print_yardstick(&binary, question, &measured, *connections, duration).await?;
            }
            if let Some(other) = arguments.compare {
                let machine = MachineTime::start();
                let measured = measure(other, question, *connections, duration).await?;
                print_row("  the other server", &measured, &machine);
            }
        }
    }
    println!("\n{} MB resident at most", server.process_usage().peak_memory_bytes / 1_000_000);
    server.stop().await;
    Ok(())
}

async fn provide_database(
    server: &ServerProcess,
    catalog: SyntheticCatalog,
    kept: Option<&Path>,
) -> Result<()> {
    let folder = server.folder().join("database");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("catalog.sqlite");
    let kept = kept.map(|folder| folder.join(format!("catalog-{}.sqlite", catalog.size)));
    if let Some(kept) = kept.as_ref().filter(|kept| kept.exists()) {
        std::fs::copy(kept, &file)?;
        return Ok(());
    }
    let start = Instant::now();
    seed(&file, catalog).await.context("cannot fill the database")?;
    let size = std::fs::metadata(&file)?.len();
    println!(
        "filled the database in {:.1?}; {} bytes on disk an entity",
        start.elapsed(),
        size / u64::try_from(catalog.size.max(1))?
    );
    if let Some(kept) = kept {
        if let Some(folder) = kept.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        std::fs::copy(&file, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
    }
    Ok(())
}

/// What the HTTP stack alone costs for an answer of this size, and how much more the catalog does.
async fn print_yardstick(
    binary: &Path,
    question: &Question,
    by_name: &Measurement,
    connections: usize,
    duration: Duration,
) -> Result<()> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let _server: Child = Command::new(binary)
        .args(["constant", "--port", &port.to_string(), "--bytes", &by_name.bytes.to_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    until("the yardstick", PATIENCE, async || TcpStream::connect(address).await.ok()).await;
    let machine = MachineTime::start();
    let constant = measure(address, question, connections, duration).await?;
    print_row("  constant bytes of that size", &constant, &machine);
    println!("  by-name has 1 / {:.2} of the rate of constant bytes", constant.rate() / by_name.rate());
    Ok(())
}

fn print_head(connections: usize) {
    println!(
        "\n{:<42} {:>9} {:>9} {:>9} {:>10} {:>9} {:>6}",
        format!("{connections} at a time"),
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "requests/s",
        "bytes",
        "busy"
    );
}

fn print_row(name: &str, measured: &Measurement, machine: &MachineTime) {
    let milliseconds = |share: f64| measured.percentile(share).as_secs_f64() * 1000.0;
    println!(
        "{name:<42} {:>9.3} {:>9.3} {:>9.3} {:>10.0} {:>9} {:>6.1}",
        milliseconds(0.5),
        milliseconds(0.9),
        milliseconds(0.99),
        measured.rate(),
        measured.bytes,
        machine.busy_cores()
    );
}
