use std::fmt::Write as _;
use std::future::ready;
use std::sync::atomic::{AtomicI32, AtomicI64};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use callboard_store::Result;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use tokio::sync::Mutex;

use crate::error::{commit_error, database_error};
use crate::interning::Interner;
use crate::retries::{RetryCounters, RetryCounts};
use crate::wakeups::Listener;
use crate::{membership, migration};

/// Statements are many and short: neither compiling them nor sharing them out pays, and what they look for is mostly
/// in memory.
const PLANS: &str =
    "SET LOCAL jit = off;SET LOCAL max_parallel_workers_per_gather = 0;SET LOCAL random_page_cost = 1.1";
/// What writes names its rows, and finds them by an index. Tables grow from nothing to millions of rows within
/// minutes, and plans that read them whole would be made, and kept, from what was known of them when they were small.
/// Planning anew for the values at hand would cost more than most statements do, and come to the same.
const PLANS_OF_WRITERS: &str = "SET LOCAL enable_seqscan = off;SET LOCAL enable_mergejoin = off;\
    SET LOCAL plan_cache_mode = force_generic_plan";

/// How long after the time limit of a statement an answer may still come.
const GRACE: Duration = Duration::from_secs(10);

/// What a process is to the others on the same database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Participation {
    /// One of those that share the work.
    Node,
    /// Somebody who looks, or mends, and goes.
    Observer,
}

/// How to use a `PostgreSQL` database.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// How to reach it.
    pub connect: PgConnectOptions,
    /// The schema to work in; `None` for the usual one.
    pub schema: Option<String>,
    /// The role to work as; `None` for the user.
    pub role: Option<String>,
    /// Whether to create the database if it is not there.
    pub create_database: bool,
    /// Whether to create the schema if it is not there.
    pub create_schema: bool,
    /// Whether to leave the tables as they are.
    pub skip_migrations: bool,
    /// Whether it shares the work.
    pub participation: Participation,
    /// How many connections there may be, beside the one that listens.
    pub max_connections: u32,
    /// How many are kept when nobody needs them.
    pub min_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// After how long a connection that nobody uses is closed.
    pub idle_timeout: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// After how long without a beat a node counts as gone, and its work is given to others.
    pub node_timeout: Duration,
}

impl PostgresOptions {
    /// The usual options for a database.
    pub fn new(connect: PgConnectOptions) -> Self {
        Self {
            connect,
            schema: None,
            role: None,
            create_database: false,
            create_schema: false,
            skip_migrations: false,
            participation: Participation::Node,
            max_connections: 10,
            min_connections: 0,
            acquire_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(5),
            statement_timeout: Duration::from_mins(2),
            lock_timeout: Duration::from_secs(30),
            node_timeout: Duration::from_secs(10),
        }
    }
}

/// The store on PostgreSQL. A cheap handle: clones share the connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    /// What every transaction that writes begins with, and every one that only reads.
    begin_writing: Arc<str>,
    begin_reading: Arc<str>,
    pub(crate) interner: Arc<Interner>,
    pub(crate) retries: Arc<RetryCounters>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) listener: Arc<Mutex<Listener>>,
    channel: Arc<str>,
    pub(crate) call_timeout: Duration,
    pub(crate) node: Arc<Node>,
}

/// This process, as others see it.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its number; another one after it was taken for dead.
    pub(crate) id: AtomicI32,
    /// How many others there are, who have to be told of changes; very many as long as it is not known.
    pub(crate) others: AtomicI64,
    /// By how many milliseconds the clock of the database is ahead of this node's.
    pub(crate) skew: AtomicI64,
    pub(crate) timeout: Duration,
    /// The ends of leases that may have been taken: the connection broke during the commit.
    pub(crate) doubtful: Doubtful,
}

/// Times by which leases are recognised that nobody knows of.
#[derive(Debug, Default)]
pub(crate) struct Doubtful(std::sync::Mutex<Vec<i64>>);

impl Doubtful {
    pub(crate) fn all(&self) -> Vec<i64> {
        self.lock().clone()
    }

    pub(crate) fn add(&self, lease_until: i64) {
        self.lock().push(lease_until);
    }

    pub(crate) fn remove(&self, ended: &[i64]) {
        self.lock().retain(|lease| !ended.contains(lease));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which connections are still good.
#[derive(Debug, Default)]
pub(crate) struct Connections(std::sync::Mutex<Option<Instant>>);

impl Connections {
    /// Gives up all that there are, as soon as nobody uses them.
    pub(crate) fn renew(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn are_good(&self, age: Duration) -> bool {
        let renewed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.is_none_or(|renewed| age < renewed.elapsed())
    }
}

impl PostgresStore {
    /// Connects to a database; makes what the options say if it is not there, and brings the schema up to date.
    ///
    /// # Errors
    ///
    /// The database cannot be reached, or refuses what is asked of it.
    pub async fn open(options: PostgresOptions) -> Result<Self> {
        if options.create_database {
            migration::create_database(&options.connect).await?;
        }
        let connect = tuned(options.connect.clone());
        let connections = Arc::new(Connections::default());
        let known = Arc::clone(&connections);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(2))
            .min_connections(options.min_connections)
            .acquire_timeout(options.acquire_timeout)
            .idle_timeout(options.idle_timeout)
            // A connection that broke is noticed by the first statement, and the transaction is tried again.
            .test_before_acquire(false)
            .before_acquire(move |_, metadata| Box::pin(ready(Ok(known.are_good(metadata.age)))))
            .connect_with(connect.clone())
            .await
            .map_err(database_error)?;
        let settings = transaction_settings(&options);
        if !options.skip_migrations {
            migration::migrate(&pool, &settings, &options).await?;
        }
        let begin_writing: Arc<str> = format!("BEGIN;{settings};{PLANS_OF_WRITERS}").into();
        let begin_reading = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;{settings}").into();
        let id = match options.participation {
            Participation::Observer => membership::NOBODY,
            Participation::Node => membership::register(&pool, &begin_writing).await?,
        };
        let channel = membership::channel(&pool, &begin_writing).await?;
        let node = Node {
            id: AtomicI32::new(id),
            others: AtomicI64::new(i64::MAX),
            skew: AtomicI64::new(0),
            timeout: options.node_timeout,
            doubtful: Doubtful::default(),
        };
        Ok(Self {
            pool,
            begin_writing,
            begin_reading,
            interner: Arc::default(),
            retries: Arc::default(),
            connections,
            listener: Arc::new(Mutex::new(Listener::new(connect, channel.clone()))),
            channel: channel.into(),
            call_timeout: options.statement_timeout + options.acquire_timeout + GRACE,
            node: Arc::new(node),
        })
    }

    /// Says that this node is gone, and closes all connections, after what they are doing.
    pub async fn close(&self) {
        if let Err(error) = self.leave().await {
            // Others notice it by themselves, a little later.
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "could not say good-bye to the database"
            );
        }
        self.listener.lock().await.close().await;
        self.pool.close().await;
    }

    /// Whether there are no tables yet: nobody has opened this database with migrations.
    ///
    /// # Errors
    ///
    /// The database cannot be reached.
    pub async fn is_bare(&self) -> Result<bool> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar("SELECT to_regclass('refs') IS NULL");
        query.fetch_one(&mut *transaction).await.map_err(database_error)
    }

    /// How often transactions were tried again so far.
    pub fn retries(&self) -> RetryCounts {
        self.retries.counts()
    }

    pub(crate) fn channel(&self) -> &str {
        &self.channel
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Begins a transaction that may write.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Postgres>> {
        begin(&self.pool, &self.begin_writing).await
    }

    /// Begins a transaction that reads one state of the database.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Postgres>> {
        begin(&self.pool, &self.begin_reading).await
    }
}

pub(crate) async fn begin(pool: &PgPool, statement: &Arc<str>) -> Result<Transaction<'static, Postgres>> {
    // The settings in it are quoted where they are put together.
    let statement = AssertSqlSafe(statement.to_string());
    pool.begin_with(statement).await.map_err(database_error)
}

pub(crate) async fn commit(transaction: Transaction<'static, Postgres>) -> Result<()> {
    transaction.commit().await.map_err(commit_error)
}

fn tuned(options: PgConnectOptions) -> PgConnectOptions {
    // No parameter at the start of a session that proxies do not know; no floats are read.
    options.extra_float_digits(None)
}

/// Settings of one transaction: nothing may be left behind in a session that others get next.
fn transaction_settings(options: &PostgresOptions) -> String {
    let milliseconds = |duration: Duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    let mut settings = String::new();
    if let Some(role) = &options.role {
        _ = write!(settings, "SET LOCAL ROLE {};", quoted(role));
    }
    if let Some(schema) = &options.schema {
        _ = write!(settings, "SET LOCAL search_path TO {};", quoted(schema));
    }
    _ = write!(
        settings,
        "SET LOCAL statement_timeout = {};SET LOCAL lock_timeout = {};{PLANS}",
        milliseconds(options.statement_timeout),
        milliseconds(options.lock_timeout)
    );
    settings
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
