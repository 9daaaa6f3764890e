//! Tells a catalog of changes, one after the other, at nodes that may be gone: a change is told again until one has
//! taken it. Whatever the first one did with it, the second time makes no difference.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use callboard_testkit::{ServerProcess, comparable};
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::sources::Change;

/// Before another node is asked.
const PAUSE: Duration = Duration::from_millis(30);
const PATIENCE: Duration = Duration::from_mins(3);

pub(super) struct Client {
    /// Where the catalogs of the nodes are.
    nodes: Vec<String>,
    http: reqwest::Client,
}

impl Client {
    pub(super) fn of<'a>(nodes: impl IntoIterator<Item = &'a ServerProcess>) -> Result<Self> {
        let nodes = nodes.into_iter().map(|node| node.api("")).collect();
        // No limit of time for one request: a node that was stopped would do it later, after what came next.
        Ok(Self { nodes, http: reqwest::Client::builder().no_proxy().build()? })
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Tells of a change until some node has taken it; returns how often none did.
    pub(super) async fn tell(&mut self, change: &Change, random: &mut StdRng) -> Result<usize> {
        let end = Instant::now() + PATIENCE;
        let mut refused = 0;
        while !self.try_to_tell(&self.nodes[random.random_range(0..self.nodes.len())], change).await? {
            ensure!(Instant::now() < end, "nobody took it within {PATIENCE:?}: {change:?}");
            refused += 1;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(refused)
    }

    async fn try_to_tell(&self, node: &str, change: &Change) -> Result<bool> {
        match change {
            Change::Replace { provider, entities } => {
                let request = self.http.put(format!("{node}/providers/{provider}/entities"));
                is_taken(request.json(&json!({ "entities": entities })), &[]).await
            }
            Change::Delta { provider, added, removed } => {
                let request = self.http.post(format!("{node}/providers/{provider}/delta"));
                is_taken(request.json(&json!({ "added": added, "removed": removed })), &[]).await
            }
            Change::Register { target } => {
                let request = self.http.post(format!("{node}/locations"));
                let location = json!({ "type": "file", "target": target });
                // It is registered already.
                is_taken(request.json(&location), &[StatusCode::CONFLICT]).await
            }
            Change::Unregister { target } => {
                let Some(locations) = answer(self.http.get(format!("{node}/locations")), &[]).await? else {
                    return Ok(false);
                };
                let locations: Vec<Value> = locations.json().await?;
                let registered = locations.iter().find(|item| item["data"]["target"] == **target);
                let Some(registered) = registered else { return Ok(true) };
                let id = registered["data"]["id"].as_str().context("a location has no id")?;
                is_taken(self.http.delete(format!("{node}/locations/{id}")), &[StatusCode::NOT_FOUND]).await
            }
        }
    }

    /// All entities of a node, without what differs between any two catalogs.
    pub(super) async fn entities(&self, node: usize) -> Result<BTreeMap<String, Value>> {
        let answer = self.http.get(format!("{}/entities", self.nodes[node])).send().await?;
        let entities: Vec<Value> = answer.error_for_status()?.json().await?;
        Ok(entities.into_iter().map(comparable).collect())
    }

    /// What a node finds wrong with the database and its index.
    pub(super) async fn violations(&self, node: usize) -> Result<Vec<String>> {
        let answer = self.http.get(format!("{}/.callboard/doctor", self.nodes[node])).send().await?;
        let report: Value = answer.error_for_status()?.json().await?;
        let violations = report["violations"].as_array().context("the doctor does not say what it found")?;
        Ok(violations.iter().map(|violation| format!("node {node}: {violation}")).collect())
    }
}

async fn is_taken(request: RequestBuilder, also: &[StatusCode]) -> Result<bool> {
    Ok(answer(request, also).await?.is_some())
}

/// `None` if nobody is there, or the answer is to come again. Any other failure is none that may be.
async fn answer(request: RequestBuilder, also: &[StatusCode]) -> Result<Option<reqwest::Response>> {
    let Ok(answer) = request.send().await else { return Ok(None) };
    let status = answer.status();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return Ok(None);
    }
    if !status.is_success() && !also.contains(&status) {
        bail!("{status}: {}", answer.text().await.unwrap_or_default());
    }
    Ok(Some(answer))
}
