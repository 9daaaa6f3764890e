//! `callboard-bench steady`: what refreshes cost in which nothing changed.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use crate::contender::{Contender, Contenders};
use crate::machine::{MachineTime, describe};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct SteadyArguments {
    /// How many entities the catalog has
    #[arg(long, default_value_t = 10_000)]
    entities: usize,
    /// Our processing interval in seconds; each entity comes up once in it, or half as late again. That of the other
    /// catalog is what it was started with
    #[arg(long, default_value_t = 2)]
    interval: u64,
    /// For how many seconds runs are counted
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    #[command(flatten)]
    contenders: Contenders,
}

pub(crate) async fn run(arguments: SteadyArguments) -> Result<()> {
    println!("{}\n", describe());
    let table = Table::new(&["", "entities", "runs/s", "CPU s", "runs per CPU s", "written B a run", "busy"]);
    let mut own = arguments.contenders.own(Duration::from_secs(arguments.interval)).await?;
    let rate = measure(&own, &arguments, &table).await?;
    own.stop().await;
    if let Some(other) = arguments.contenders.other().await? {
        let others = measure(&other, &arguments, &table).await?;
        println!("  {:.0} times the runs per CPU second of the other", rate / others);
    }
    Ok(())
}

/// Returns runs per second of processor time.
#[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
async fn measure(contender: &Contender, arguments: &SteadyArguments, table: &Table) -> Result<f64> {
    let entities = arguments.entities;
    contender.full(entities, 0).await?;
    contender.until_settled(entities).await?;
    // After one round more, whatever was still news is none any more.
    let settled = contender.runs().await? + u64::try_from(entities)?;
    crate::contender::until(Duration::from_millis(200), async || Ok(contender.runs().await? >= settled))
        .await?;
    let (machine, start) = (MachineTime::start(), Instant::now());
    let (before, runs_before) = (contender.usage().await?, contender.runs().await?);
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let (after, runs_after) = (contender.usage().await?, contender.runs().await?);
    let (elapsed, busy) = (start.elapsed(), machine.busy_cores());
    ensure!(runs_after > runs_before, "nothing was refreshed in {} s", arguments.seconds);
    let runs = (runs_after - runs_before) as f64;
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    table.row([
        contender.name.clone(),
        entities.to_string(),
        format!("{:.0}", runs / elapsed.as_secs_f64()),
        format!("{cpu:.2}"),
        format!("{:.0}", runs / cpu),
        format!("{:.1}", (after.written - before.written) as f64 / runs),
        format!("{busy:.1}"),
    ]);
    Ok(runs / cpu)
}
