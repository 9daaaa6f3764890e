//! Nodes wake each other when there is work or news. Nothing depends on it: what gets lost is found by polling.

use std::time::Duration;

use callboard_store::Wakeup;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor as _};
use std::sync::atomic::Ordering;

use crate::PostgresStore;

/// How long to wait after the connection was lost, or could not be made.
const PAUSE: Duration = Duration::from_secs(2);
const ALL: [Wakeup; 4] = [Wakeup::Processing, Wakeup::Stitching, Wakeup::Index, Wakeup::Events];

/// The one connection that keeps a state: it listens.
#[derive(Debug)]
pub(crate) struct Listener {
    options: PgConnectOptions,
    channel: String,
    connected: Option<(PgListener, PgPool)>,
}

impl Listener {
    pub(crate) fn new(options: PgConnectOptions, channel: String) -> Self {
        Self { options, channel, connected: None }
    }

    /// Waits for others than `own` to say something. After a break everything counts as said.
    pub(crate) async fn next(&mut self, own: i32) -> Vec<Wakeup> {
        loop {
            let Some((listener, _)) = &mut self.connected else {
                match self.connect().await {
                    Ok(connected) => {
                        self.connected = Some(connected);
                        return ALL.to_vec();
                    }
                    Err(error) => {
                        tracing::debug!(
                            error = &error as &dyn std::error::Error,
                            "cannot listen to other nodes"
                        );
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                }
            };
            if let Ok(Some(notification)) = listener.try_recv().await {
                let wakeups = parse(notification.payload(), own);
                if !wakeups.is_empty() {
                    return wakeups;
                }
            } else {
                self.connected = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn connect(&self) -> sqlx::Result<(PgListener, PgPool)> {
        let pool = PgPoolOptions::new().max_connections(1).connect_with(self.options.clone()).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        // A break is to be seen, not mended in silence: what was said meanwhile is lost.
        listener.eager_reconnect(false);
        listener.listen(&self.channel).await?;
        Ok((listener, pool))
    }

    pub(crate) async fn close(&mut self) {
        if let Some((listener, pool)) = self.connected.take() {
            drop(listener);
            pool.close().await;
        }
    }
}

/// `17 PSI`: who says it, and what there is: processing, stitching, news for the index, events.
fn parse(payload: &str, own: i32) -> Vec<Wakeup> {
    let (node, what) = payload.split_once(' ').unwrap_or(("", payload));
    if node.parse() == Ok(own) {
        return Vec::new();
    }
    let wakeups = ALL.into_iter().filter(|wakeup| what.contains(letter(*wakeup)));
    wakeups.collect()
}

fn letter(wakeup: Wakeup) -> char {
    match wakeup {
        Wakeup::Processing => 'P',
        Wakeup::Stitching => 'S',
        Wakeup::Index => 'I',
        Wakeup::Events => 'E',
    }
}

impl PostgresStore {
    /// Tells other nodes, if there are any, after a commit rather than in it: commits that notify wait for one
    /// another.
    pub(crate) async fn notify(&self, wakeups: &[Wakeup]) {
        if self.node.others.load(Ordering::Relaxed) == 0 {
            return;
        }
        let what: String = wakeups.iter().map(|wakeup| letter(*wakeup)).collect();
        let statement = format!("NOTIFY {}, '{} {what}'", self.channel(), self.node_id());
        if let Err(error) = self.pool().execute(AssertSqlSafe(statement)).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "could not wake other nodes");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_hears_others_and_not_itself() {
        assert_eq!(parse("17 PI", 3), [Wakeup::Processing, Wakeup::Index]);
        assert_eq!(parse("17 PI", 17), []);
        assert_eq!(parse("nonsense", 3), []);
    }
}
