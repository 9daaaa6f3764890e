//! `callboard-bench ingest`: how fast the entities of a provider are there for clients, from an empty database on.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::contender::{Contender, Contenders, NEVER};
use crate::machine::{MachineTime, describe};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct IngestArguments {
    /// How many entities, separated by commas
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    entities: Vec<usize>,
    /// How often each
    #[arg(long, default_value_t = 1)]
    repeat: usize,
    #[command(flatten)]
    contenders: Contenders,
}

pub(crate) async fn run(arguments: IngestArguments) -> Result<()> {
    println!("{}\n", describe());
    let table = Table::new(&[
        "",
        "entities",
        "seconds",
        "entities/s",
        "CPU s",
        "per CPU s",
        "peak MB",
        "again ms",
        "again written",
        "busy",
        "ready after restart s",
        "its CPU s",
        "its peak MB",
    ]);
    for entities in &arguments.entities {
        for _ in 0..arguments.repeat {
            let mut own = arguments.contenders.own(NEVER).await?;
            let seconds = ingest(&mut own, *entities, &table).await?;
            own.stop().await;
            if let Some((size, bulk)) = own.measure_database().await? {
                let mut row = vec!["  the same rows, bulk SQL".to_owned()];
                row.extend([entities.to_string(), decimals(bulk), rate(*entities, bulk)]);
                table.row(row);
                println!("  {} bytes on disk an entity", size / u64::try_from((*entities).max(1))?);
                println!("  1 / {:.2} of the rate of bulk SQL", seconds.as_secs_f64() / bulk.as_secs_f64());
            }
            if let Some(mut other) = arguments.contenders.other().await? {
                let others = ingest(&mut other, *entities, &table).await?;
                println!("  {:.1} times the rate of the other", others.as_secs_f64() / seconds.as_secs_f64());
            }
        }
    }
    Ok(())
}

/// Returns how long it took until everything was there and nothing was left to do.
async fn ingest(contender: &mut Contender, entities: usize, table: &Table) -> Result<Duration> {
    let (machine, start) = (MachineTime::start(), Instant::now());
    let before = contender.usage().await?;
    let mutated = contender.full(entities, 0).await?;
    contender.until_settled(entities).await?;
    let elapsed = start.elapsed().saturating_sub(mutated.generating());
    let busy = machine.busy_cores();
    let after = contender.usage().await?;
    let cpu = after.cpu.saturating_sub(before.cpu).saturating_sub(mutated.generating());
    let again = contender.full(entities, 0).await?.applying();
    let written = contender.usage().await?.written - after.written;
    let mut row = vec![
        contender.name.clone(),
        entities.to_string(),
        decimals(elapsed),
        rate(entities, elapsed),
        decimals(cpu),
        rate(entities, cpu),
        after.peak_megabytes.to_string(),
        again.as_millis().to_string(),
        written.to_string(),
        format!("{busy:.1}"),
    ];
    if let Some((ready, used)) = contender.restart().await? {
        row.extend([decimals(ready), decimals(used.cpu), used.peak_megabytes.to_string()]);
    }
    table.row(row);
    Ok(elapsed)
}

fn decimals(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64())
}

fn rate(count: usize, duration: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
    let rate = count as f64 / duration.as_secs_f64();
    format!("{rate:.0}")
}
