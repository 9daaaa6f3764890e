//! `callboard-bench hotspot`: one group with very many members.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::contender::{Contender, Contenders, NEVER, until};
use crate::descriptor_files;
use crate::machine::{MachineTime, describe};
use crate::table::Table;

/// How often the group is read at the end.
const READS: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct HotspotArguments {
    /// How many members the group has
    #[arg(long, default_value_t = 50_000)]
    members: usize,
    #[command(flatten)]
    contenders: Contenders,
}

pub(crate) async fn run(arguments: HotspotArguments) -> Result<()> {
    println!("{}\n", describe());
    let members = arguments.members;
    let folder = tempfile::tempdir()?;
    let target = descriptor_files::write(folder.path(), members + 1, |number| match number.checked_sub(1) {
        None => "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: { name: everybody }\n\
                 spec: { type: company, children: [] }"
            .to_owned(),
        Some(member) => format!(
            "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: {{ name: member-{member} }}\n\
             spec: {{ memberOf: [everybody] }}"
        ),
    })?;
    let table = Table::new(&["", "members", "seconds", "CPU s", "states seen", "read p50 ms", "busy"]);
    let mut own = arguments.contenders.own(NEVER).await?;
    measure(&own, members, &target, &table).await?;
    own.stop().await;
    if let Some(other) = arguments.contenders.other().await? {
        measure(&other, members, &target, &table).await?;
    }
    Ok(())
}

async fn measure(contender: &Contender, members: usize, target: &str, table: &Table) -> Result<()> {
    const GROUP: &str = "/entities/by-name/group/default/everybody";
    const ETAG: &str =
        "/entities/by-query?filter=kind%3Dgroup,metadata.name%3Deverybody&fields=metadata.etag";
    const ALL: &str = "&filter=relations.memberof%3Dgroup:default%2Feverybody";
    let (machine, start, before) = (MachineTime::start(), Instant::now(), contender.usage().await?);
    let location = contender.register(target).await?;
    let (mut states, mut last) = (0, None);
    let mut has_all = false;
    until(Duration::from_millis(20), async || {
        let etag = contender.json(ETAG).await?.pointer("/items/0/metadata/etag").cloned();
        if etag != last && etag.is_some() {
            states += 1;
            last = etag;
        }
        // Either may be there first: the group that points to all members, or the last member that points to it. The group is
        // large, so it is read last.
        has_all = has_all || (last.is_some() && contender.count(ALL).await? == u64::try_from(members)?);
        if !has_all {
            return Ok(false);
        }
        let group = contender.json(GROUP).await?;
        Ok(group["relations"].as_array().map_or(0, Vec::len) >= members)
    })
    .await?;
    let (elapsed, busy) = (start.elapsed(), machine.busy_cores());
    let cpu = contender.usage().await?.cpu.saturating_sub(before.cpu);
    let mut reads = Vec::with_capacity(READS);
    for _ in 0..READS {
        let start = Instant::now();
        contender.ask(GROUP).await?;
        reads.push(start.elapsed());
    }
    reads.sort_unstable();
    table.row([
        contender.name.clone(),
        members.to_string(),
        format!("{:.2}", elapsed.as_secs_f64()),
        format!("{:.2}", cpu.as_secs_f64()),
        states.to_string(),
        format!("{:.2}", reads[READS / 2].as_secs_f64() * 1000.0),
        format!("{busy:.1}"),
    ]);
    contender.unregister(&location).await
}
