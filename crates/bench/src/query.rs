//! `callboard-bench query`: every kind of query over HTTP.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use callboard_synthetic::{Descriptors, SyntheticCatalog};
use callboard_testkit::{ServerProcess, until};
use clap::Args;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use url::Url;

use crate::asked::Asked;
use crate::battery::Question;
use crate::contender::{Contender, Contenders, NEVER};
use crate::load::{Measurement, Pace, measure};
use crate::machine::describe;
use crate::samples::Samples;
use crate::seed::seed;
use crate::side_by_side::{SideBySide, figures};
use crate::table::Table;

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
    /// How long it is asked at most, in milliseconds, if fewer than 200 answers came
    #[arg(long, default_value_t = 5000)]
    most_milliseconds: u64,
    /// A request that takes longer than so many milliseconds has failed
    #[arg(long, default_value_t = 30_000)]
    timeout_milliseconds: u64,
    /// Only questions whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Another server on this machine that has the same entities already, such as 127.0.0.1:7008, to be asked the same
    #[arg(long, conflicts_with = "reference")]
    compare: Option<SocketAddr>,
    /// A folder to keep the database in, so that the next run need not fill it again
    #[arg(long, conflicts_with = "reference")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    contenders: Contenders,
}

/// Fills, starts, asks, and prints.
pub(crate) async fn run(arguments: QueryArguments) -> Result<()> {
    println!("{} entities; {}\n", arguments.entities, describe());
    let (own, samples) = provide_own(&arguments).await?;
    let other = provide_other(&arguments).await?;
    let (only, pace) = (arguments.only.as_deref(), pace(&arguments));
    let mut own = Asked::new(own, &samples, only, pace).await?;
    let other = match other {
        Some(other) => Some(Asked::new(other, &samples, only, pace).await?),
        None => None,
    };
    let asked = ask(&arguments.connections, &own, other.as_ref(), pace).await;
    if let Some(other) = &other {
        other.forget_locations().await?;
    }
    asked?;
    println!("\n{} MB resident at most", own.contender.usage().await?.peak_megabytes);
    own.contender.stop().await;
    Ok(())
}

fn pace(arguments: &QueryArguments) -> Pace {
    let usual = Duration::from_millis(arguments.milliseconds);
    Pace {
        usual,
        longest: Duration::from_millis(arguments.most_milliseconds).max(usual),
        timeout: Duration::from_millis(arguments.timeout_milliseconds),
    }
}

async fn ask(connections: &[usize], own: &Asked, other: Option<&Asked>, pace: Pace) -> Result<()> {
    if let Some(other) = other {
        own.warm_up().await?;
        other.warm_up().await?;
    }
    let binary = std::env::current_exe()?;
    for connections in connections {
        let yardstick = async |table: &Table, question: &Question, measured: &Measurement| {
            if question.name != "by-name" {
                return Ok(());
            }
            print_yardstick(table, &binary, question, measured, *connections, pace).await
        };
        SideBySide { own, other }.print(*connections, yardstick).await?;
    }
    Ok(())
}

/// Our server with all entities. A file is filled before the start, unless another catalog is to have the same ones from
/// the same kind of provider.
async fn provide_own(arguments: &QueryArguments) -> Result<(Contender, Samples)> {
    let (contenders, size) = (&arguments.contenders, arguments.entities);
    if contenders.has_other() || !contenders.is_on_file() {
        ensure!(arguments.keep.is_none(), "--keep is for a file that is filled before the start");
        let own = contenders.own(NEVER).await?;
        emit(&own, size).await?;
        return Ok((own, Samples::of_descriptors(Descriptors { size, revision: 0 })?));
    }
    let catalog = SyntheticCatalog { size };
    let keep = arguments.keep.as_deref();
    let own =
        contenders.own_on(NEVER, async |process| provide_database(process, catalog, keep).await).await?;
    let used = own.usage().await?;
    println!(
        "ready {:.1?} after the start, with {:.1?} of processor time; {} MB resident at most so far",
        own.started_in().unwrap_or_default(),
        used.cpu,
        used.peak_megabytes
    );
    Ok((own, Samples::of_catalog(catalog)?))
}

/// The other server with all entities, if there is one.
async fn provide_other(arguments: &QueryArguments) -> Result<Option<Contender>> {
    if let Some(address) = arguments.compare {
        let url = Url::parse(&format!("http://{address}"))?;
        return Ok(Some(Contender::of("the other server", &url, None)?));
    }
    let Some(other) = arguments.contenders.other_as_it_is()? else { return Ok(None) };
    emit(&other, arguments.entities).await?;
    Ok(Some(other))
}

/// Has all entities emitted, and waits until all are there. What is there already stays, and costs no time.
async fn emit(contender: &Contender, size: usize) -> Result<()> {
    let start = Instant::now();
    contender.full(size, 0).await?;
    contender.until_settled(size).await?;
    println!("{}: all entities are there after {:.1?}", contender.name, start.elapsed());
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
    table: &Table,
    binary: &Path,
    question: &Question,
    by_name: &Measurement,
    connections: usize,
    pace: Pace,
) -> Result<()> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let _server: Child = Command::new(binary)
        .args(["constant", "--port", &port.to_string(), "--bytes", &by_name.bytes.to_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    until("the yardstick", PATIENCE, async || TcpStream::connect(address).await.ok()).await;
    let constant = measure(address, question, connections, pace).await?;
    let mut cells = vec!["    constant bytes of that size".to_owned()];
    cells.extend(figures(&constant, None));
    cells.push(constant.bytes.to_string());
    table.row(cells);
    println!("    by-name has 1 / {:.2} of the rate of constant bytes", constant.rate() / by_name.rate());
    Ok(())
}
