use std::sync::Arc;

use async_trait::async_trait;
use callboard_store::{EventQueue, EventRetention, EventTicket, NewEvent, QueuedEvent, Result};
use jiff::Timestamp;

use crate::row_set::{RowSet, text_list};
use crate::{SqliteStore, database_error};

/// There is one process: whoever had events before is gone.
const SUBSCRIBE: &str = "INSERT INTO event_subscribers (id, topics, read_until, seen_at)
    VALUES (?1, ?2, ifnull((SELECT max(sequence) FROM events), 0), ?3)
    ON CONFLICT (id) DO UPDATE SET topics = excluded.topics, seen_at = excluded.seen_at, ticket = NULL,
        lease = NULL";
const TOPICS: &str =
    "SELECT DISTINCT t.value FROM event_subscribers s CROSS JOIN json_each(s.topics) t ORDER BY t.value";
/// Rows are the number of a topic, with id, payload and metadata in the arena.
const ENQUEUE: &str = "INSERT INTO events (topic, id, payload, metadata, published_at)
    SELECT t.value, substr(?2, e.value ->> 1, e.value ->> 2), substr(?2, e.value ->> 3, e.value ->> 4),
        substr(?2, e.value ->> 5, e.value ->> 6), ?4
    FROM json_each(?1) e JOIN json_each(?3) t ON t.key = e.value ->> 0
    WHERE EXISTS (SELECT 1 FROM event_subscribers s CROSS JOIN json_each(s.topics) w WHERE w.value = t.value)
    ORDER BY e.key
    ON CONFLICT (id) DO NOTHING";
const WAITING: &str = "SELECT EXISTS (SELECT 1 FROM event_subscribers s CROSS JOIN json_each(s.topics) t
    CROSS JOIN events e ON e.topic = t.value AND e.sequence > s.read_until
    WHERE s.id = ?1 AND (s.ticket IS NULL OR s.lease <= ?2))";
const LEASE: &str = "UPDATE event_subscribers SET ticket = ?2, lease = ?4
    WHERE id = ?1 AND (ticket IS NULL OR lease <= ?3)";
const NEXT: &str = "SELECT e.sequence, e.topic, e.payload, e.metadata FROM event_subscribers s
    CROSS JOIN json_each(s.topics) t CROSS JOIN events e ON e.topic = t.value AND e.sequence > s.read_until
    WHERE s.id = ?1 AND s.ticket = ?2 ORDER BY e.sequence LIMIT ?3";
const ACKNOWLEDGE: &str = "UPDATE event_subscribers SET read_until = max(read_until, ?3), lease = ?4,
        ticket = iif(?4 IS NULL, NULL, ticket)
    WHERE id = ?1 AND ticket = ?2";
const SEEN: &str = "UPDATE event_subscribers SET seen_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))";
const FORGET: &str = "DELETE FROM event_subscribers WHERE seen_at < ?1";
/// Those for whom nothing waits keep nothing.
const SKIP: &str = "UPDATE event_subscribers AS s SET read_until = (SELECT max(sequence) FROM events)
    WHERE ticket IS NULL AND read_until < (SELECT max(sequence) FROM events)
        AND NOT EXISTS (SELECT 1 FROM json_each(s.topics) t
            JOIN events e ON e.topic = t.value AND e.sequence > s.read_until)";
const READ: &str =
    "DELETE FROM events WHERE sequence <= ifnull((SELECT min(read_until) FROM event_subscribers), 0)
        OR NOT EXISTS (SELECT 1 FROM event_subscribers)";
const OLD: &str = "DELETE FROM events
    WHERE published_at < ?1 OR sequence <= (SELECT max(sequence) FROM events) - ?2";

#[async_trait]
impl EventQueue for SqliteStore {
    async fn subscribe(&self, subscriber: &str, topics: &[String], now: Timestamp) -> Result<()> {
        let mut transaction = self.write().await?;
        let topics = text_list(topics.iter().map(String::as_str));
        let query = sqlx::query(SUBSCRIBE).bind(subscriber).bind(topics).bind(now.as_millisecond());
        query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)
    }

    async fn subscribed_topics(&self) -> Result<Vec<String>> {
        let mut transaction = self.read().await?;
        sqlx::query_scalar(TOPICS).fetch_all(&mut *transaction).await.map_err(database_error)
    }

    async fn enqueue_events(&self, events: Vec<NewEvent>, now: Timestamp) -> Result<usize> {
        let mut rows = RowSet::default();
        for (place, event) in (0..).zip(&events) {
            rows.row(place).blob(event.id.as_bytes()).blob(&event.payload).blob(&event.metadata);
        }
        let (json, arena) = rows.into_parameters();
        let topics = text_list(events.iter().map(|event| event.topic.as_str()));
        let mut transaction = self.write().await?;
        let query = sqlx::query(ENQUEUE).bind(json).bind(arena).bind(topics).bind(now.as_millisecond());
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }

    async fn take_events(
        &self,
        subscriber: &str,
        ticket: EventTicket,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<QueuedEvent>> {
        let (now, lease) = (now.as_millisecond(), lease.as_millisecond());
        let mut looking = self.read().await?;
        let query = sqlx::query_scalar(WAITING).bind(subscriber).bind(now);
        let is_waiting: bool = query.fetch_one(&mut *looking).await.map_err(database_error)?;
        drop(looking);
        if !is_waiting {
            return Ok(Vec::new());
        }
        let mut transaction = self.write().await?;
        let query = sqlx::query(LEASE).bind(subscriber).bind(&ticket.as_bytes()[..]).bind(now).bind(lease);
        query.execute(&mut *transaction).await.map_err(database_error)?;
        let query = sqlx::query_as(NEXT).bind(subscriber).bind(&ticket.as_bytes()[..]);
        let query = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<(i64, String, Vec<u8>, Vec<u8>)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        if !rows.is_empty() {
            transaction.commit().await.map_err(database_error)?;
        }
        let event = |(sequence, topic, payload, metadata): (i64, String, Vec<u8>, Vec<u8>)| QueuedEvent {
            sequence: sequence.unsigned_abs(),
            topic,
            payload: Arc::from(payload),
            metadata: Arc::from(metadata),
        };
        Ok(rows.into_iter().map(event).collect())
    }

    async fn acknowledge_events(
        &self,
        subscriber: &str,
        ticket: EventTicket,
        sequence: u64,
        lease: Option<Timestamp>,
    ) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(ACKNOWLEDGE).bind(subscriber).bind(&ticket.as_bytes()[..]);
        let query = query.bind(sequence.cast_signed()).bind(lease.map(Timestamp::as_millisecond));
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn tend_events(
        &self,
        subscribers: &[String],
        now: Timestamp,
        retention: EventRetention,
    ) -> Result<u64> {
        let since = retention.since.as_millisecond();
        let mut transaction = self.write().await?;
        let seen = text_list(subscribers.iter().map(String::as_str));
        let query = sqlx::query(SEEN).bind(seen).bind(now.as_millisecond());
        query.execute(&mut *transaction).await.map_err(database_error)?;
        sqlx::query(FORGET).bind(since).execute(&mut *transaction).await.map_err(database_error)?;
        for statement in [SKIP, READ] {
            sqlx::query(statement).execute(&mut *transaction).await.map_err(database_error)?;
        }
        let query = sqlx::query(OLD).bind(since).bind(retention.events.min(i64::MAX as u64).cast_signed());
        let removed = query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(removed.rows_affected())
    }
}
