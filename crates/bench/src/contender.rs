//! A catalog server that is measured: ours, or another one that runs already and has the same synthetic provider.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use callboard_store::Store;
use callboard_testkit::ServerProcess;
use clap::Args;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::control::Mutated;
use crate::database::Database;
use crate::usage::{Usage, of_family, of_process};

/// Longer than anything that is measured takes, with the other server too.
const PATIENCE: Duration = Duration::from_hours(2);
/// The processing interval of a server that is to do nothing by itself.
pub(crate) const NEVER: Duration = Duration::from_hours(24);

/// Which servers are measured.
#[derive(Debug, Clone, Args)]
pub(crate) struct Contenders {
    /// Our database: `sqlite` for a file, `pg` for a PostgreSQL server that is started for it, or `memory`
    #[arg(long, default_value = "sqlite", env = "DATABASE")]
    database: String,
    /// Have the PostgreSQL server that is started wait for the disk at every commit, as one that is relied on does
    #[arg(long)]
    durable: bool,
    /// Another catalog on this machine that is to do the same, such as <http://127.0.0.1:7007>; whatever its synthetic
    /// provider has emitted is removed from it
    #[arg(long)]
    reference: Option<Url>,
    /// The process that the database server of the other catalog was started as, for its processor time
    #[arg(long)]
    reference_database_process: Option<u32>,
}

impl Contenders {
    /// Whether there is another one.
    pub(crate) fn has_other(&self) -> bool {
        self.reference.is_some()
    }

    /// Whether our database is a file that can be filled before the server starts.
    pub(crate) fn is_on_file(&self) -> bool {
        self.database == "sqlite"
    }

    /// Ours, on an empty database.
    pub(crate) async fn own(&self, interval: Duration) -> Result<Contender> {
        self.own_on(interval, async |_| Ok(())).await
    }

    /// Ours, on a database that has been prepared; the server is told, but not started before.
    pub(crate) async fn own_on(
        &self,
        interval: Duration,
        prepare: impl AsyncFnOnce(&ServerProcess) -> Result<()>,
    ) -> Result<Contender> {
        let control = callboard_testkit::free_port();
        let seconds = interval.as_secs();
        let config = json!({ "catalog": {
            "processingInterval": { "seconds": seconds },
            "orphanProviderStrategy": "keep",
            "providers": { "bench": { "port": control } },
            "rules": [{ "allow": ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location"] }],
        } });
        let binary = std::env::current_exe()?;
        let (mut process, database) = Database::provide(&self.database, self.durable, binary, config).await?;
        prepare(&process).await?;
        let start = Instant::now();
        process.start().await;
        let started_in = start.elapsed();
        let catalog = Url::parse(&process.api(""))?;
        let synthetic = Url::parse(&format!("http://127.0.0.1:{control}/synth/"))?;
        let store = database.store().await?;
        Ok(Contender {
            name: format!("Callboard, {}", self.database),
            client: Client::builder().no_proxy().build()?,
            catalog: catalog.as_str().trim_end_matches('/').to_owned(),
            synthetic,
            server: Server::Own { process: Box::new(process), store, database, started_in },
        })
    }

    /// The other one, emptied, if there is one.
    pub(crate) async fn other(&self) -> Result<Option<Contender>> {
        let Some(contender) = self.other_as_it_is()? else { return Ok(None) };
        contender.full(0, 0).await?;
        contender.until_count("", 0, Duration::from_millis(200)).await?;
        Ok(Some(contender))
    }

    /// The other one with what it has, if there is one.
    pub(crate) fn other_as_it_is(&self) -> Result<Option<Contender>> {
        let other = |url| Contender::of("the other catalog", url, self.reference_database_process);
        self.reference.as_ref().map(other).transpose()
    }
}

/// A server that runs.
pub(crate) struct Contender {
    pub(crate) name: String,
    client: Client,
    catalog: String,
    synthetic: Url,
    server: Server,
}

enum Server {
    Own {
        process: Box<ServerProcess>,
        store: Option<Arc<dyn Store>>,
        database: Database,
        started_in: Duration,
    },
    Other {
        database: Option<u32>,
    },
}

impl Contender {
    /// A server that runs already.
    pub(crate) fn of(name: &str, url: &Url, database: Option<u32>) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            client: Client::builder().no_proxy().build()?,
            catalog: url.join("api/catalog")?.to_string(),
            synthetic: url.join("api/catalog/synth/")?,
            server: Server::Other { database },
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        let addresses = self.synthetic.join(&self.catalog)?.socket_addrs(|| None)?;
        addresses.first().copied().with_context(|| format!("{} has no address", self.catalog))
    }

    /// How long ours took from its start until it was ready.
    pub(crate) fn started_in(&self) -> Option<Duration> {
        match &self.server {
            Server::Own { started_in, .. } => Some(*started_in),
            Server::Other { .. } => None,
        }
    }

    /// Emits a whole set.
    pub(crate) async fn full(&self, size: usize, revision: usize) -> Result<Mutated> {
        self.mutate(&[("type", "full".to_owned()), ("n", size.to_string()), ("rev", revision.to_string())])
            .await
    }

    /// Emits some of a set anew.
    pub(crate) async fn delta(
        &self,
        size: usize,
        numbers: std::ops::Range<usize>,
        revision: usize,
    ) -> Result<Mutated> {
        self.mutate(&[
            ("type", "delta".to_owned()),
            ("n", size.to_string()),
            ("from", numbers.start.to_string()),
            ("to", numbers.end.to_string()),
            ("rev", revision.to_string()),
        ])
        .await
    }

    async fn mutate(&self, parameters: &[(&str, String)]) -> Result<Mutated> {
        let request = self.client.post(self.synthetic.join("mutate")?).query(parameters);
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "the mutation was answered with {status}: {text}");
        serde_json::from_str(&text).with_context(|| text)
    }

    /// Registers a location that is a file; returns its id.
    pub(crate) async fn register(&self, target: &str) -> Result<String> {
        self.register_as("file", target).await
    }

    /// Registers a location; returns its id. One that is registered already stays.
    pub(crate) async fn register_as(&self, location_type: &str, target: &str) -> Result<String> {
        let location = json!({ "type": location_type, "target": target });
        let answer = self.client.post(format!("{}/locations", self.catalog)).json(&location).send().await?;
        let status = answer.status();
        let mut answer: Value = answer.json().await?;
        if status == StatusCode::CONFLICT {
            let registered = self.json("/locations").await?;
            let mut registered = registered.as_array().into_iter().flatten();
            let same = registered.find(|listed| listed["data"]["target"] == target);
            answer["location"] = same.map(|listed| listed["data"].clone()).unwrap_or_default();
        }
        let id = answer["location"]["id"].as_str();
        Ok(id.with_context(|| format!("the registration was answered with {status}: {answer}"))?.to_owned())
    }

    /// Takes a location off.
    pub(crate) async fn unregister(&self, id: &str) -> Result<()> {
        self.client.delete(format!("{}/locations/{id}", self.catalog)).send().await?.error_for_status()?;
        Ok(())
    }

    /// The answer to a question to the catalog.
    pub(crate) async fn ask(&self, path: &str) -> Result<Vec<u8>> {
        let answer = self.client.get(format!("{}{path}", self.catalog)).send().await?;
        Ok(answer.error_for_status()?.bytes().await?.to_vec())
    }

    /// The same as JSON.
    pub(crate) async fn json(&self, path: &str) -> Result<Value> {
        Ok(serde_json::from_slice(&self.ask(path).await?)?)
    }

    /// How many entities fulfil the filter of a query string; all of them if it is empty.
    pub(crate) async fn count(&self, filter: &str) -> Result<u64> {
        let page = self.json(&format!("/entities/by-query?limit=0{filter}")).await?;
        page["totalItems"].as_u64().context("there is no count in the answer")
    }

    /// Waits until so many entities fulfil a filter.
    pub(crate) async fn until_count(&self, filter: &str, expected: u64, pause: Duration) -> Result<()> {
        until(pause, async || Ok(self.count(filter).await? == expected)).await
    }

    /// Waits until so many entities are there, nothing is left to be processed or stitched, and the index shows all of it.
    pub(crate) async fn until_settled(&self, expected: usize) -> Result<()> {
        let expected = u64::try_from(expected)?;
        match &self.server {
            Server::Own { store: Some(store), .. } => {
                self.until_count("", expected, Duration::from_millis(10)).await?;
                until(Duration::from_millis(10), async || {
                    let depth = store.queue_depth().await?;
                    Ok(depth.urgent == 0 && depth.stitch_marks == 0 && depth.final_entities == expected)
                })
                .await?;
                let head = store.head().await?.0;
                until(Duration::from_millis(10), async || {
                    Ok(self.metric("catalog_index_position").await? >= head)
                })
                .await
            }
            // What is in memory cannot be looked into; stitching trails by one batch at most.
            Server::Own { store: None, .. } => {
                self.until_count("", expected, Duration::from_millis(10)).await
            }
            Server::Other { .. } => {
                until(Duration::from_millis(500), async || {
                    let status = self.status("?db=1").await?;
                    Ok(status["unprocessed"] == 0
                        && status["stitchQueue"] == 0
                        && status["finalEntities"] == expected)
                })
                .await
            }
        }
    }

    /// How many runs of entities there have been.
    pub(crate) async fn runs(&self) -> Result<u64> {
        match &self.server {
            Server::Own { .. } => self.metric("catalog_processed_entities_count").await,
            Server::Other { .. } => {
                let status = self.status("").await?;
                status["processedTotal"].as_u64().context("the status has no count of runs")
            }
        }
    }

    /// The sum of all that one of our metrics counts, whatever its labels; 0 if there is none of that name.
    async fn metric(&self, name: &str) -> Result<u64> {
        let Server::Own { process, .. } = &self.server else { return Ok(0) };
        let text = process.root("/metrics").send().await?.text().await?;
        let is_of_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values = text.lines().filter(is_of_it);
        Ok(values.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    /// What server and database have used so far.
    pub(crate) async fn usage(&self) -> Result<Usage> {
        match &self.server {
            Server::Own { process, database, .. } => {
                let (server, database) = (of_process(process.id()), database.usage().await?);
                Ok(Usage {
                    cpu: server.cpu + database.cpu,
                    written: server.written + database.written,
                    ..server
                })
            }
            Server::Other { database } => {
                let status = self.status("").await?;
                let milliseconds = status["cpuMs"].as_u64().context("the status has no processor time")?;
                Ok(Usage {
                    cpu: Duration::from_millis(milliseconds) + database.map(of_family).unwrap_or_default(),
                    peak_megabytes: status["maxRssMb"].as_u64().unwrap_or_default(),
                    written: 0,
                })
            }
        }
    }

    /// What the rows that are there take on disk, and how long it takes to insert them again with plain SQL. To be
    /// called after [`Contender::stop`]; `None` of what cannot be looked into.
    pub(crate) async fn measure_database(&self) -> Result<Option<(u64, Duration)>> {
        let Server::Own { database, .. } = &self.server else { return Ok(None) };
        database.measure().await
    }

    /// Ends our server in order and starts it again on the same database. Returns how long the start took, until it was
    /// ready, and what server and database used for it; `None` of what cannot be started again with what it had.
    pub(crate) async fn restart(&mut self) -> Result<Option<(Duration, Usage)>> {
        let Server::Own { process, store: Some(_), database, .. } = &mut self.server else { return Ok(None) };
        process.stop().await;
        let before = database.usage().await?;
        let start = Instant::now();
        process.start().await;
        let ready = start.elapsed();
        let (server, after) = (of_process(process.id()), database.usage().await?);
        Ok(Some((ready, Usage { cpu: server.cpu + after.cpu.saturating_sub(before.cpu), ..server })))
    }

    /// Ends our server in order, but leaves its database. The other one goes on.
    pub(crate) async fn stop(&mut self) {
        if let Server::Own { process, store, .. } = &mut self.server {
            *store = None;
            process.stop().await;
        }
    }

    async fn status(&self, query: &str) -> Result<Value> {
        let answer = self.client.get(self.synthetic.join(&format!("status{query}"))?).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}

/// Asks again and again until it is so. What takes long to answer is asked more rarely, or the asking would be
/// measured.
pub(crate) async fn until(pause: Duration, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let asked = Instant::now();
        if is_so().await? {
            return Ok(());
        }
        ensure!(Instant::now() < end, "waited {PATIENCE:?} in vain");
        tokio::time::sleep(pause.max(asked.elapsed() * 4)).await;
    }
}
