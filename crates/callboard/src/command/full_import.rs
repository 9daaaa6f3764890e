//! `callboard import` of a full export: looked through first, then taken over in batches.

use std::fs::File;
use std::io::{BufReader, Seek as _};

use anyhow::{Context, Result};
use callboard_engine::ImportOutcome;
use callboard_store::{CarriedEntity, Store, TakenOver};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::full_export_lines::{Item, Reader};
use super::import::{LocationCounts, import_listed};
use super::location_list::ListedLocation;

/// A batch has so many entities at most,
const BATCH: usize = 500;
/// and ends when it is of so much text.
const BATCH_BYTES: usize = 4 << 20;
/// How many batches may wait to be taken over.
const BATCHES_WAITING: usize = 2;

enum Batch {
    Entities(Vec<CarriedEntity>),
    Location(ListedLocation),
}

/// Reads a whole file, so that nothing is imported of one that is damaged.
pub(crate) fn check(file: &File) -> Result<()> {
    let mut file = file;
    file.rewind()?;
    let mut reader = Reader::new(BufReader::new(file))?;
    while reader.next()?.is_some() {}
    Ok(())
}

/// Takes over what is in a file that was checked. Returns how many locations were refused.
#[expect(clippy::print_stdout, reason = "the result is what the command is for")]
pub(crate) async fn import(store: &dyn Store, file: File, dry_run: bool) -> Result<usize> {
    let (sender, mut receiver) = mpsc::channel(BATCHES_WAITING);
    let reading = tokio::task::spawn_blocking(move || read_all(file, &sender));
    let mut taken = TakenOver::default();
    let mut counts = LocationCounts::default();
    while let Some(batch) = receiver.recv().await {
        match batch {
            Batch::Entities(entities) => {
                let done = if dry_run {
                    store.rehearse_take_over(&entities).await?
                } else {
                    store.take_over(&entities, Timestamp::now()).await?
                };
                taken.add(&done);
            }
            Batch::Location(location) => {
                let (named, outcome) = import_listed(store, &location, dry_run).await?;
                counts.count(&outcome);
                if let ImportOutcome::Refused(reason) = outcome {
                    println!("refused  {named}: {reason}");
                }
            }
        }
    }
    reading.await.context("the file could not be read")??;
    let what = if dry_run { "would be added" } else { "added" };
    println!("entities:  {} {what}, {} present already", taken.entities, taken.present_entities);
    println!("claims:    {} {what}, {} present already", taken.claims, taken.present_claims);
    let LocationCounts { added, present, refused } = counts;
    println!("locations: {added} {what}, {present} present already, {refused} refused");
    if taken.changed_uids > 0 {
        println!("{} entities get another uid: another entity has theirs", taken.changed_uids);
    }
    Ok(refused)
}

/// Locations come after the entities, whose claims they need not make then.
fn read_all(mut file: File, sender: &mpsc::Sender<Batch>) -> Result<()> {
    file.rewind()?;
    let mut reader = Reader::new(BufReader::new(file))?;
    let (mut entities, mut bytes) = (Vec::new(), 0);
    let send = |entities: &mut Vec<CarriedEntity>| {
        entities.is_empty() || sender.blocking_send(Batch::Entities(std::mem::take(entities))).is_ok()
    };
    while let Some(item) = reader.next()? {
        match item {
            Item::Entity(entity) => {
                entities.push(entity);
                bytes += reader.item_bytes();
                if entities.len() >= BATCH || bytes >= BATCH_BYTES {
                    bytes = 0;
                    if !send(&mut entities) {
                        // It has failed, and says why.
                        return Ok(());
                    }
                }
            }
            Item::Location(location) => {
                if !send(&mut entities) || sender.blocking_send(Batch::Location(location)).is_err() {
                    return Ok(());
                }
            }
        }
    }
    send(&mut entities);
    Ok(())
}
