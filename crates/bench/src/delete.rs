//! `callboard-bench delete`: a registered location with very many entities is taken off.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::contender::{Contender, Contenders, NEVER};
use crate::descriptor_files;
use crate::machine::{MachineTime, describe};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// How many children the root has
    #[arg(long, default_value_t = 10_000)]
    children: usize,
    #[command(flatten)]
    contenders: Contenders,
}

pub(crate) async fn run(arguments: DeleteArguments) -> Result<()> {
    println!("{}\n", describe());
    let children = arguments.children;
    let folder = tempfile::tempdir()?;
    let target = descriptor_files::write(folder.path(), children, |number| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{ name: child-{number} }}\n\
             spec: {{ type: service, lifecycle: production, owner: team-{} }}",
            number % 50
        )
    })?;
    let table = Table::new(&["", "children", "answered ms", "gone ms", "busy"]);
    let mut own = arguments.contenders.own(NEVER).await?;
    measure(&own, children, &target, &table).await?;
    own.stop().await;
    if let Some(other) = arguments.contenders.other().await? {
        measure(&other, children, &target, &table).await?;
    }
    Ok(())
}

async fn measure(contender: &Contender, children: usize, target: &str, table: &Table) -> Result<()> {
    let location = contender.register(target).await?;
    // The location is an entity, too.
    contender.until_settled(children + 1).await?;
    let (machine, start) = (MachineTime::start(), Instant::now());
    contender.unregister(&location).await?;
    let answered = start.elapsed();
    contender.until_count("", 0, Duration::from_millis(5)).await?;
    table.row([
        contender.name.clone(),
        children.to_string(),
        answered.as_millis().to_string(),
        start.elapsed().as_millis().to_string(),
        format!("{:.1}", machine.busy_cores()),
    ]);
    Ok(())
}
