//! The nodes of a catalog and their database, and what happens to them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use callboard_testkit::{PostgresServer, ServerProcess, fill_disk, free_disk};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::json;

use super::sources::PROVIDERS;

const PATIENCE: Duration = Duration::from_mins(2);
/// Longer than a node may be silent before others take its work over.
const LONG_PAUSE: Duration = Duration::from_secs(13);

/// What has happened so far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct FaultCounts {
    /// Of nodes, with `kill -9`.
    pub(super) kills: usize,
    /// Of nodes, with `SIGSTOP`.
    pub(super) pauses: usize,
    pub(super) database_kills: usize,
    pub(super) database_stops: usize,
    pub(super) database_pauses: usize,
    /// Of all connections at a time.
    pub(super) cuts: usize,
    pub(super) full: usize,
    pub(super) read_only: usize,
}

/// A server of this program; without a URL its database is in memory.
pub(super) fn server(url: Option<&str>) -> Result<ServerProcess> {
    let binary = std::env::current_exe()?;
    Ok(match url {
        None => ServerProcess::in_memory(binary, config()),
        Some(url) => ServerProcess::on_postgres(binary, config(), url),
    })
}

fn config() -> serde_json::Value {
    let providers = PROVIDERS.map(|name| (name.to_owned(), json!({ "locationKey": name })));
    json!({ "catalog": {
        "processingInterval": { "seconds": 3 },
        "providers": { "push": serde_json::Map::from_iter(providers) },
        "rules": [{ "allow": ["Component", "Group", "Location"] }],
    } })
}

pub(super) struct Nodes {
    servers: Vec<ServerProcess>,
    postgres: Option<(PostgresServer, String)>,
    counts: FaultCounts,
}

impl Nodes {
    pub(super) async fn start(database: &str, nodes: usize) -> Result<Self> {
        let (servers, postgres) = match database {
            "pg" | "postgres" => {
                let postgres = PostgresServer::start();
                let url = postgres.create_database().await;
                let servers: Result<Vec<_>> = (0..nodes.max(1)).map(|_| server(Some(&url))).collect();
                (servers?, Some((postgres, url)))
            }
            "sqlite" => {
                let server = ServerProcess::new(std::env::current_exe()?, config());
                (vec![server.outliving_full_files()], None)
            }
            other => bail!("--database can be pg or sqlite, and is {other}"),
        };
        let mut this = Self { servers, postgres, counts: FaultCounts::default() };
        for server in &mut this.servers {
            server.start().await;
        }
        Ok(this)
    }

    pub(super) fn servers(&self) -> &[ServerProcess] {
        &self.servers
    }

    pub(super) fn counts(&self) -> FaultCounts {
        self.counts
    }

    /// Has one thing after the other happen until `end`.
    pub(super) async fn disturb(&mut self, random: &mut StdRng, end: Instant) -> Result<()> {
        while Instant::now() < end {
            tokio::time::sleep(milliseconds(random, 50, 800)).await;
            self.respawn();
            let kind = random.random_range(0..20);
            match &self.postgres {
                _ if kind < 8 => self.kill_node(random).await,
                _ if kind < 10 => self.pause_node(random).await,
                Some(_) => self.disturb_postgres(kind, random).await,
                None => self.fill_file(random).await?,
            }
        }
        Ok(())
    }

    async fn kill_node(&mut self, random: &mut StdRng) {
        let node = random.random_range(0..self.servers.len());
        self.servers[node].kill().await;
        self.counts.kills += 1;
        tokio::time::sleep(milliseconds(random, 0, 800)).await;
        self.servers[node].spawn();
    }

    async fn pause_node(&mut self, random: &mut StdRng) {
        let node = random.random_range(0..self.servers.len());
        let pause = if random.random_bool(0.15) { LONG_PAUSE } else { milliseconds(random, 100, 3000) };
        self.servers[node].signal("STOP").await;
        self.counts.pauses += 1;
        tokio::time::sleep(pause).await;
        self.servers[node].signal("CONT").await;
    }

    async fn disturb_postgres(&mut self, kind: u32, random: &mut StdRng) {
        let (Some((postgres, url)), counts) = (&self.postgres, &mut self.counts) else { return };
        match kind {
            10..13 => {
                postgres.cut_connections().await;
                counts.cuts += 1;
            }
            13 => {
                postgres.stop();
                counts.database_stops += 1;
                tokio::time::sleep(milliseconds(random, 0, 3000)).await;
                postgres.start_again();
            }
            14 | 15 => {
                postgres.kill();
                counts.database_kills += 1;
                tokio::time::sleep(milliseconds(random, 0, 3000)).await;
                postgres.start_again();
            }
            16 => {
                postgres.pause();
                counts.database_pauses += 1;
                tokio::time::sleep(milliseconds(random, 200, 7000)).await;
                postgres.resume();
            }
            17 | 18 => {
                fill_disk(url).await;
                counts.full += 1;
                tokio::time::sleep(milliseconds(random, 200, 4000)).await;
                free_disk(url).await;
            }
            _ => {
                postgres.set_read_only(true).await;
                counts.read_only += 1;
                tokio::time::sleep(milliseconds(random, 200, 4000)).await;
                postgres.set_read_only(false).await;
            }
        }
    }

    /// Lets the files of the database grow only a little for a while.
    async fn fill_file(&mut self, random: &mut StdRng) -> Result<()> {
        let server = &self.servers[0];
        let log = server.folder().join("database/catalog.sqlite-wal");
        let size = std::fs::metadata(&log).map(|log| log.len()).unwrap_or_default();
        server.limit_file_size(Some(size + random.random_range(0..200_000))).await;
        self.counts.full += 1;
        tokio::time::sleep(milliseconds(random, 200, 4000)).await;
        server.limit_file_size(None).await;
        Ok(())
    }

    /// Starts nodes again that ended by themselves: one cannot start while the database is not there.
    fn respawn(&mut self) {
        for server in &mut self.servers {
            if !server.is_running() {
                server.spawn();
            }
        }
    }

    /// Waits until every node answers again.
    pub(super) async fn make_whole(&mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        for node in 0..self.servers.len() {
            loop {
                self.respawn();
                let ready = self.servers[node].root("/.backstage/health/v1/readiness").send().await;
                if ready.is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
                ensure!(
                    Instant::now() < end,
                    "node {node} does not come back:\n{}",
                    self.servers[node].log()
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    /// Leaves the logs of all nodes where somebody can look at them.
    pub(super) fn keep_logs(&self, database: &str, round: usize) -> Result<()> {
        for (node, server) in self.servers.iter().enumerate() {
            let file =
                std::env::temp_dir().join(format!("callboard-soak-{database}-{round}-node-{node}.log"));
            std::fs::write(&file, server.log()).context("cannot keep a log")?;
            println!("the log of node {node} is {}", file.display());
        }
        Ok(())
    }

    /// Ends all nodes in order.
    pub(super) async fn stop(mut self) -> Result<()> {
        for server in &mut self.servers {
            ensure!(server.stop().await.success(), "a node did not end well:\n{}", server.log());
        }
        Ok(())
    }
}

fn milliseconds(random: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.random_range(from..to))
}
