//! Fills the index from the store, and keeps it up with the change log. What this node stitched comes from the
//! hand-off, all else from the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callboard_index::{
    BodyError, Change as IndexChange, EntityBatch, EntityBatchBuilder, IndexLoader, IndexWriter,
    IndexedEntity,
};
use callboard_model::EntityRef;
use callboard_store::{Change, ChangeSequence, FinalEntity, FinalEntityPage, Store, StoreError};
use futures::StreamExt as _;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::core::Core;
use crate::measurements;
use crate::stitching::hand_off::Block;

/// How many entities are read at a time.
const PAGE: usize = 2048;
/// How many are read at a time to fill the index. A few pages are under way, with all their terms.
const FILLING_PAGE: usize = 512;
/// How many pages may wait to be loaded.
const BATCHES_WAITING: usize = 2;
/// How many that were loaded may wait to be used again.
const SPARE_BATCHES: usize = 8;
/// How long what this node is writing is waited for.
const BLOCK_PATIENCE: Duration = Duration::from_millis(50);
/// How many entities one task derives the terms of.
const CHUNK: usize = 64;

/// What is handed to the thread that fills the index.
enum Loading {
    Batch(Box<EntityBatch>),
    /// There are no more. Without this something went wrong, and there is nothing to finish.
    Done,
}

/// Why the index could not be filled.
#[derive(Debug, Error)]
pub(crate) enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("indexing failed half way")]
    Task(#[from] JoinError),
    #[error("not all entities reached the index that was to be filled")]
    Unfinished,
    #[error("the index was lost when a change to it failed")]
    WriterLost,
}

/// The only one who changes the index.
pub(crate) struct IndexFollower {
    core: Arc<Core>,
    /// Absent only while a thread works with it.
    writer: Option<IndexWriter>,
    reached: ChangeSequence,
}

impl IndexFollower {
    pub(crate) fn new(core: Arc<Core>, writer: IndexWriter) -> Self {
        Self { core, writer: Some(writer), reached: ChangeSequence::default() }
    }

    /// Fills the index with all that is in the store. Pages are read, understood and loaded at the same time.
    pub(crate) async fn fill(&mut self) -> Result<(), FollowError> {
        // What changes while the pages are read comes again from the log.
        let head = self.core.store.head().await?;
        let (sender, mut receiver) = mpsc::channel::<Loading>(BATCHES_WAITING);
        let (spare_sender, spare) = mpsc::channel(SPARE_BATCHES);
        let loading = tokio::task::spawn_blocking(move || {
            let mut loader = IndexLoader::default();
            loop {
                match receiver.blocking_recv()? {
                    // One that nobody needs is dropped.
                    Loading::Batch(batch) => _ = spare_sender.try_send(loader.add(*batch)),
                    Loading::Done => return Some(loader.finish()),
                }
            }
        });
        self.read_all(sender, spare).await?;
        let mut index = loading.await?.ok_or(FollowError::Unfinished)?;
        index.set_version(head.0);
        if let Some(writer) = &mut self.writer {
            writer.replace(index);
        }
        self.arrived_at(head);
        Ok(())
    }

    /// Hands all entities of the store on, page by page.
    async fn read_all(
        &self,
        loader: mpsc::Sender<Loading>,
        mut spare: mpsc::Receiver<EntityBatchBuilder>,
    ) -> Result<(), FollowError> {
        let mut page = None;
        let mut batches = VecDeque::new();
        loop {
            page = self.core.store.next_page(page, FILLING_PAGE).await?;
            if let Some(page) = page {
                let builder = spare.try_recv().unwrap_or_default();
                let reading = read_batch(Arc::clone(&self.core.store), page, builder);
                batches.push_back(AbortOnDropHandle::new(tokio::spawn(reading)));
            }
            // One waits for the database while the others are understood.
            let most = if page.is_some() { self.workers() } else { 0 };
            while batches.len() > most
                && let Some(batch) = batches.pop_front()
            {
                if loader.send(Loading::Batch(Box::new(batch.await??))).await.is_err() {
                    // It has failed; waiting for it says why.
                    return Ok(());
                }
            }
            if page.is_none() {
                break;
            }
        }
        // If it has failed, waiting for it says why.
        _ = loader.send(Loading::Done).await;
        Ok(())
    }

    /// Follows the log until `stopping`.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        let poll_interval = self.core.settings.stitching.poll_interval;
        while !stopping.is_cancelled() {
            self.wait_for_block().await;
            match self.catch_up().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the index cannot follow the changes"
                    );
                }
            }
            tokio::select! {
                () = self.core.signals.index.notified() => {}
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(poll_interval) => {}
            }
        }
    }

    /// Waits a moment for what this node is writing, which is better had from there than from the store.
    async fn wait_for_block(&self) {
        if self.core.hand_off.is_coming() && !self.core.hand_off.has_next(self.reached) {
            let _ = tokio::time::timeout(BLOCK_PATIENCE, self.core.signals.index.notified()).await;
        }
    }

    /// Applies the next changes; returns whether there may be more.
    async fn catch_up(&mut self) -> Result<bool, FollowError> {
        if let Some(request) = self.core.refills.open() {
            tracing::info!("the index is filled anew, as somebody asked for");
            self.fill().await?;
            self.core.refills.answered(request);
            return Ok(true);
        }
        if let Some(Block { entities, last, .. }) = self.core.hand_off.take_next(self.reached) {
            self.apply(entities.into_iter().map(IndexChange::Upsert).collect(), last).await?;
            return Ok(true);
        }
        // Asked first: what comes in meanwhile is beyond it.
        let head = self.core.store.head().await?;
        if head <= self.reached {
            return Ok(false);
        }
        let reading = self.core.store.changes_since(self.reached, PAGE);
        let logged = measurements::timed("changes_since", reading).await?;
        if self.core.store.complete_since().await? > self.reached {
            tracing::info!(
                "removals were missed while the database did not answer: the index is filled anew"
            );
            self.fill().await?;
            return Ok(true);
        }
        let more = logged.len() == PAGE;
        let last = logged.last().map_or(head, |last| last.sequence);
        // Places that no entry has any more, because its entity changed again or went, are passed over.
        let sequence = if more { last } else { last.max(head) };
        let changes =
            derive(logged.into_iter().map(|logged| logged.change).collect(), self.workers()).await?;
        self.apply(changes, sequence).await?;
        Ok(more)
    }

    async fn apply(
        &mut self,
        changes: Vec<IndexChange>,
        sequence: ChangeSequence,
    ) -> Result<(), FollowError> {
        let mut writer = self.writer.take().ok_or(FollowError::WriterLost)?;
        let applied = tokio::task::spawn_blocking(move || {
            writer.apply(changes, sequence.0);
            writer
        });
        self.writer = Some(applied.await?);
        self.arrived_at(sequence);
        Ok(())
    }

    fn workers(&self) -> usize {
        self.core.settings.processing.workers.max(1)
    }

    fn arrived_at(&mut self, sequence: ChangeSequence) {
        self.reached = sequence;
        measurements::index_reached(sequence);
        self.core.indexed.send_replace(sequence);
    }
}

/// Derives what the index needs to know, on all cores and in the order of the changes.
async fn derive(changes: Vec<Change>, workers: usize) -> Result<Vec<IndexChange>, JoinError> {
    if changes.len() <= CHUNK {
        return Ok(changes.into_iter().filter_map(index_change).collect());
    }
    let mut rest = changes.into_iter();
    let chunks = std::iter::from_fn(|| {
        let chunk: Vec<_> = rest.by_ref().take(CHUNK).collect();
        (!chunk.is_empty()).then_some(chunk)
    });
    let chunks: Vec<_> = chunks.collect();
    let derived: Vec<_> = futures::stream::iter(chunks)
        .map(|chunk| {
            tokio::task::spawn_blocking(move || {
                chunk.into_iter().filter_map(index_change).collect::<Vec<_>>()
            })
        })
        .buffered(workers)
        .collect()
        .await;
    derived.into_iter().try_fold(Vec::new(), |mut all, chunk| {
        all.extend(chunk?);
        Ok(all)
    })
}

/// What goes into a new index together.
async fn read_batch(
    store: Arc<dyn Store>,
    page: FinalEntityPage,
    builder: EntityBatchBuilder,
) -> Result<EntityBatch, FollowError> {
    let entities = store.final_entities(page).await?;
    Ok(tokio::task::spawn_blocking(move || batch_of(entities, builder)).await?)
}

fn batch_of(entities: Vec<FinalEntity>, mut batch: EntityBatchBuilder) -> EntityBatch {
    for FinalEntity { entity_ref, uid, body } in entities {
        if let Err(error) = batch.read(entity_ref.clone(), &uid.to_string(), Bytes::from_owner(body)) {
            cannot_be_indexed(&entity_ref, &error);
        }
    }
    batch.finish()
}

fn index_change(change: Change) -> Option<IndexChange> {
    let FinalEntity { entity_ref, uid, body } = match change {
        Change::Removed(entity_ref) => return Some(IndexChange::Remove(entity_ref)),
        Change::Upserted(entity) => entity,
    };
    match IndexedEntity::read(entity_ref.clone(), &uid.to_string(), Bytes::from_owner(body)) {
        Ok(indexed) => Some(IndexChange::Upsert(indexed)),
        Err(error) => {
            cannot_be_indexed(&entity_ref, &error);
            None
        }
    }
}

fn cannot_be_indexed(entity_ref: &EntityRef, error: &BodyError) {
    let error = error as &dyn std::error::Error;
    tracing::error!(entity = %entity_ref, error, "a final entity cannot be indexed");
}
