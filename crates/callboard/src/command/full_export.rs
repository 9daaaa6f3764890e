//! `callboard export --full`: all that the sources said, in constant memory.

use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use callboard_store::{CarriedEntity, RegisteredLocation, Store};
use tokio::sync::mpsc;

use super::full_export_lines::Writer;

/// How many entities are read at a time.
const PAGE: usize = 500;
/// How many pages may wait to be written.
const PAGES_WAITING: usize = 2;

enum Page {
    Locations(Vec<RegisteredLocation>),
    Entities(Vec<CarriedEntity>),
}

/// Writes one state of a store; returns how many locations and entities there were.
pub(crate) async fn write(store: &dyn Store, file: Box<dyn Write + Send>) -> Result<(u64, u64)> {
    let (sender, mut receiver) = mpsc::channel(PAGES_WAITING);
    // What is written to may be slow, and JSON is work.
    let writing = tokio::task::spawn_blocking(move || {
        let mut writer = Writer::new(BufWriter::new(file))?;
        let mut is_whole = false;
        while let Some(page) = receiver.blocking_recv() {
            match page {
                Some(Page::Locations(locations)) => {
                    locations.into_iter().try_for_each(|location| writer.location(location))?;
                }
                Some(Page::Entities(entities)) => {
                    entities.iter().try_for_each(|entity| writer.entity(entity))?;
                }
                None => is_whole = true,
            }
        }
        let counts = (writer.locations, writer.entities);
        if is_whole {
            // Without its last line, an export that was cut off is known as one.
            writer.finish()?;
        }
        anyhow::Ok(counts)
    });
    let read = read_all(store, sender).await;
    let counts =
        writing.await.context("the export could not be written")?.context("cannot write the export")?;
    read?;
    Ok(counts)
}

/// Hands all pages on, and `None` after the last one. Ends early if nobody takes them: the writer says why.
async fn read_all(store: &dyn Store, sender: mpsc::Sender<Option<Page>>) -> Result<()> {
    let mut export = store.export().await?;
    loop {
        let entities = export.entities(PAGE).await?;
        if entities.is_empty() {
            break;
        }
        if sender.send(Some(Page::Entities(entities))).await.is_err() {
            return Ok(());
        }
    }
    // After the entities, so that importing a location finds its entity with the uid it had.
    let locations = export.locations().await?;
    for end in [Some(Page::Locations(locations)), None] {
        if sender.send(end).await.is_err() {
            break;
        }
    }
    Ok(())
}
