use std::sync::Arc;

use async_trait::async_trait;
use callboard_store::{EventQueue, EventRetention, EventTicket, NewEvent, QueuedEvent, Result, Wakeup};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::PostgresStore;
use crate::connection::commit;
use crate::error::database_error;
use crate::retries::retrying;

/// The advisory lock of all that writes events; any number that nobody else uses. With the schema, since several
/// catalogs may share a database.
const EVENT_LOCK: i32 = 0x6361_6c65;

const LOCK: &str = "SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))";
const SUBSCRIBE: &str = "INSERT INTO event_subscribers (id, topics, read_until, seen_at)
    VALUES ($1, $2, coalesce((SELECT max(sequence) FROM events), 0), $3)
    ON CONFLICT (id) DO UPDATE SET topics = excluded.topics, seen_at = excluded.seen_at";
const TOPICS: &str =
    "SELECT DISTINCT t COLLATE \"C\" AS topic FROM event_subscribers, unnest(topics) t ORDER BY topic";
const ENQUEUE: &str = "INSERT INTO events (id, topic, payload, metadata, published_at)
    SELECT e.id, e.topic, e.payload, e.metadata, $5
    FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[]) WITH ORDINALITY
        AS e (id, topic, payload, metadata, place)
    WHERE EXISTS (SELECT 1 FROM event_subscribers s WHERE e.topic = ANY(s.topics))
    ORDER BY e.place
    ON CONFLICT (id) DO NOTHING";
const WAITING: &str = "SELECT EXISTS (SELECT 1 FROM event_subscribers s
    JOIN events e ON e.topic = ANY(s.topics) AND e.sequence > s.read_until
    WHERE s.id = $1 AND (s.ticket IS NULL OR s.lease <= $2))";
const LEASE: &str = "UPDATE event_subscribers SET ticket = $2, lease = $4, node = $5
    WHERE id = $1 AND (ticket IS NULL OR lease <= $3)";
const NEXT: &str = "SELECT e.sequence, e.topic, e.payload, e.metadata FROM event_subscribers s
    JOIN events e ON e.topic = ANY(s.topics) AND e.sequence > s.read_until
    WHERE s.id = $1 AND s.ticket = $2 ORDER BY e.sequence LIMIT $3";
const ACKNOWLEDGE: &str = "UPDATE event_subscribers SET read_until = greatest(read_until, $3), lease = $4,
        ticket = CASE WHEN $4::bigint IS NULL THEN NULL ELSE ticket END,
        node = CASE WHEN $4::bigint IS NULL THEN NULL ELSE node END
    WHERE id = $1 AND ticket = $2";
const SEEN: &str = "UPDATE event_subscribers SET seen_at = $2 WHERE id = ANY($1)";
const FORGET: &str = "DELETE FROM event_subscribers WHERE seen_at < $1";
/// Those for whom nothing waits keep nothing.
const SKIP: &str = "UPDATE event_subscribers s SET read_until = (SELECT max(sequence) FROM events)
    WHERE ticket IS NULL AND read_until < (SELECT max(sequence) FROM events)
        AND NOT EXISTS (SELECT 1 FROM events e WHERE e.topic = ANY(s.topics) AND e.sequence > s.read_until)";
const READ: &str = "DELETE FROM events
    WHERE sequence <= coalesce((SELECT min(read_until) FROM event_subscribers), 0)
        OR NOT EXISTS (SELECT 1 FROM event_subscribers)";
const OLD: &str = "DELETE FROM events
    WHERE published_at < $1 OR sequence <= (SELECT max(sequence) FROM events) - $2";
/// What a node has taken that is gone, or `$1`.
const RECLAIM: &str = "UPDATE event_subscribers SET ticket = NULL, lease = NULL, node = NULL
    WHERE ticket IS NOT NULL AND (node = $1 OR node NOT IN (SELECT id FROM nodes))";

#[async_trait]
impl EventQueue for PostgresStore {
    async fn subscribe(&self, subscriber: &str, topics: &[String], now: Timestamp) -> Result<()> {
        retrying!(self, self.try_subscribe(subscriber, topics, now))
    }

    async fn subscribed_topics(&self) -> Result<Vec<String>> {
        retrying!(self, self.read_subscribed_topics())
    }

    async fn enqueue_events(&self, events: Vec<NewEvent>, now: Timestamp) -> Result<usize> {
        let kept = retrying!(self, self.try_enqueue_events(&events, now))?;
        if kept > 0 {
            self.notify(&[Wakeup::Events]).await;
        }
        Ok(kept)
    }

    async fn take_events(
        &self,
        subscriber: &str,
        ticket: EventTicket,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<QueuedEvent>> {
        if !retrying!(self, self.has_events(subscriber, now))? {
            return Ok(Vec::new());
        }
        retrying!(self, self.try_take_events(subscriber, ticket, limit, now, lease))
    }

    async fn acknowledge_events(
        &self,
        subscriber: &str,
        ticket: EventTicket,
        sequence: u64,
        lease: Option<Timestamp>,
    ) -> Result<bool> {
        retrying!(self, self.try_acknowledge_events(subscriber, ticket, sequence, lease))
    }

    async fn tend_events(
        &self,
        subscribers: &[String],
        now: Timestamp,
        retention: EventRetention,
    ) -> Result<u64> {
        retrying!(self, self.try_tend_events(subscribers, now, retention))
    }
}

type EventRow = (i64, String, Vec<u8>, Vec<u8>);

impl PostgresStore {
    async fn try_subscribe(&self, subscriber: &str, topics: &[String], now: Timestamp) -> Result<()> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(SUBSCRIBE).bind(subscriber).bind(topics).bind(self.to_stored(now));
        query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await
    }

    async fn read_subscribed_topics(&self) -> Result<Vec<String>> {
        let mut transaction = self.read().await?;
        sqlx::query_scalar(TOPICS).fetch_all(&mut *transaction).await.map_err(database_error)
    }

    async fn try_enqueue_events(&self, events: &[NewEvent], now: Timestamp) -> Result<usize> {
        let ids: Vec<Uuid> = events.iter().map(|event| Uuid::from_bytes(*event.id.as_bytes())).collect();
        let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
        let payloads: Vec<&[u8]> = events.iter().map(|event| &*event.payload).collect();
        let metadata: Vec<&[u8]> = events.iter().map(|event| &*event.metadata).collect();
        let mut transaction = self.write().await?;
        let lock = sqlx::query(LOCK).bind(EVENT_LOCK);
        lock.execute(&mut *transaction).await.map_err(database_error)?;
        let query = sqlx::query(ENQUEUE).bind(ids).bind(topics).bind(payloads).bind(metadata);
        let query = query.bind(self.to_stored(now));
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }

    async fn has_events(&self, subscriber: &str, now: Timestamp) -> Result<bool> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar(WAITING).bind(subscriber).bind(self.to_stored(now));
        query.fetch_one(&mut *transaction).await.map_err(database_error)
    }

    async fn try_take_events(
        &self,
        subscriber: &str,
        ticket: EventTicket,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<QueuedEvent>> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(LEASE).bind(subscriber).bind(stored_ticket(ticket));
        let query = query.bind(self.to_stored(now)).bind(self.to_stored(lease)).bind(self.node_id());
        query.execute(&mut *transaction).await.map_err(database_error)?;
        let query = sqlx::query_as(NEXT).bind(subscriber).bind(stored_ticket(ticket));
        let query = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<EventRow> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        if !rows.is_empty() {
            commit(transaction).await?;
        }
        let event = |(sequence, topic, payload, metadata): EventRow| QueuedEvent {
            sequence: sequence.unsigned_abs(),
            topic,
            payload: Arc::from(payload),
            metadata: Arc::from(metadata),
        };
        Ok(rows.into_iter().map(event).collect())
    }

    async fn try_acknowledge_events(
        &self,
        subscriber: &str,
        ticket: EventTicket,
        sequence: u64,
        lease: Option<Timestamp>,
    ) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(ACKNOWLEDGE).bind(subscriber).bind(stored_ticket(ticket));
        let query = query.bind(sequence.cast_signed()).bind(lease.map(|lease| self.to_stored(lease)));
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn try_tend_events(
        &self,
        subscribers: &[String],
        now: Timestamp,
        retention: EventRetention,
    ) -> Result<u64> {
        let since = self.to_stored(retention.since);
        let mut transaction = self.write().await?;
        // Two nodes that do this at a time would wait for each other's rows.
        let lock = sqlx::query(LOCK).bind(EVENT_LOCK);
        lock.execute(&mut *transaction).await.map_err(database_error)?;
        let query = sqlx::query(SEEN).bind(subscribers).bind(self.to_stored(now));
        query.execute(&mut *transaction).await.map_err(database_error)?;
        sqlx::query(FORGET).bind(since).execute(&mut *transaction).await.map_err(database_error)?;
        for statement in [SKIP, READ] {
            sqlx::query(statement).execute(&mut *transaction).await.map_err(database_error)?;
        }
        let query = sqlx::query(OLD).bind(since).bind(retention.events.min(i64::MAX as u64).cast_signed());
        let removed = query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(removed.rows_affected())
    }
}

/// Gives back what nobody hands out any more: taken by a node that is gone, or by `node`.
pub(crate) async fn reclaim_events(connection: &mut PgConnection, node: i32) -> Result<()> {
    sqlx::query(RECLAIM).bind(node).execute(connection).await.map_err(database_error)?;
    Ok(())
}

fn stored_ticket(ticket: EventTicket) -> Uuid {
    Uuid::from_bytes(*ticket.as_bytes())
}
