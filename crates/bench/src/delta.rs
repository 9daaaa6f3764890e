//! `callboard-bench delta`: how soon a change of some entities shows.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::contender::{Contender, Contenders, NEVER};
use crate::machine::{MachineTime, describe};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct DeltaArguments {
    /// How many entities the catalog has
    #[arg(long, default_value_t = 10_000)]
    entities: usize,
    /// How many of them change at a time
    #[arg(long, default_value_t = 100)]
    changed: usize,
    /// How often
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Our processing interval in seconds; if it is shorter than a refresh of the whole catalog takes, all of it is
    /// due all the time. Without it, nothing else is due
    #[arg(long)]
    interval: Option<u64>,
    #[command(flatten)]
    contenders: Contenders,
}

pub(crate) async fn run(arguments: DeltaArguments) -> Result<()> {
    println!("{}\n", describe());
    let table =
        Table::new(&["", "entities", "changed", "rounds", "p50 ms", "p95 ms", "worst ms", "runs/s", "busy"]);
    let interval = arguments.interval.map_or(NEVER, Duration::from_secs);
    let mut own = arguments.contenders.own(interval).await?;
    measure(&own, &arguments, &table).await?;
    own.stop().await;
    if let Some(other) = arguments.contenders.other().await? {
        measure(&other, &arguments, &table).await?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
async fn measure(contender: &Contender, arguments: &DeltaArguments, table: &Table) -> Result<()> {
    let DeltaArguments { entities, changed, rounds, .. } = *arguments;
    contender.full(entities, 0).await?;
    // Or the first deltas would wait behind what is left of the first ingestion.
    contender.until_settled(entities).await?;
    let (machine, begin, runs) = (MachineTime::start(), Instant::now(), contender.runs().await?);
    let mut times = Vec::new();
    for round in 0..rounds {
        let from = (round * changed) % entities.saturating_sub(changed).max(1);
        let revision = round + 1;
        let start = Instant::now();
        let mutated = contender.delta(entities, from..from + changed, revision).await?;
        let filter = format!("&filter=metadata.annotations.example.com%2Frevision%3Drev-{revision}");
        contender.until_count(&filter, u64::try_from(changed)?, Duration::from_millis(2)).await?;
        times.push(start.elapsed().saturating_sub(mutated.generating()));
    }
    times.sort_unstable();
    let at = |of_a_hundred: usize| {
        let place = (times.len() * of_a_hundred / 100).min(times.len().saturating_sub(1));
        let time = times.get(place).copied().unwrap_or_default();
        format!("{:.0}", time.as_secs_f64() * 1000.0)
    };
    let runs = (contender.runs().await? - runs) as f64 / begin.elapsed().as_secs_f64();
    table.row([
        contender.name.clone(),
        entities.to_string(),
        changed.to_string(),
        rounds.to_string(),
        at(50),
        at(95),
        at(100),
        format!("{runs:.0}"),
        format!("{:.1}", machine.busy_cores()),
    ]);
    Ok(())
}
