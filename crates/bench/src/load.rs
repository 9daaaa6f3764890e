//! A client that asks the same thing again and again, on connections that stay open.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::battery::Question;

/// Requests before anything is measured.
const WARM_UP: usize = 20;

/// What one question cost.
pub(crate) struct Measurement {
    /// In order, shortest first.
    samples: Vec<Duration>,
    elapsed: Duration,
    /// The size of one answer.
    pub(crate) bytes: usize,
}

impl Measurement {
    /// The time below which this share of the requests stayed.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place among a few thousand samples"
        )]
        let place = (self.samples.len() as f64 * share) as usize;
        let last = self.samples.len().saturating_sub(1);
        self.samples.get(place.min(last)).copied().unwrap_or_default()
    }

    /// Requests a second, of all connections together.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
        let requests = self.samples.len() as f64;
        requests / self.elapsed.as_secs_f64()
    }
}

/// Asks for so long on so many connections, each with one request at a time.
pub(crate) async fn measure(
    server: SocketAddr,
    question: &Question,
    connections: usize,
    duration: Duration,
) -> Result<Measurement> {
    let mut clients = JoinSet::new();
    let start = Instant::now();
    for _ in 0..connections {
        let question = question.clone();
        clients.spawn(async move { ask_for(server, &question, duration).await });
    }
    let mut samples = Vec::new();
    let mut bytes = 0;
    while let Some(client) = clients.join_next().await {
        let (some, size) = client?.with_context(|| question.name.clone())?;
        samples.extend(some);
        bytes = size;
    }
    samples.sort_unstable();
    // The warm-up is a part of the time, and so are its requests; both are small.
    Ok(Measurement { samples, elapsed: start.elapsed(), bytes })
}

async fn ask_for(
    server: SocketAddr,
    question: &Question,
    duration: Duration,
) -> Result<(Vec<Duration>, usize)> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut size = 0;
    for _ in 0..WARM_UP {
        size = ask(&mut sender, server, question).await?;
    }
    let mut samples = Vec::new();
    let start = Instant::now();
    while start.elapsed() < duration {
        let before = Instant::now();
        ask(&mut sender, server, question).await?;
        samples.push(before.elapsed());
    }
    connection.abort();
    Ok((samples, size))
}

/// Asks once; the size of the answer.
async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    server: SocketAddr,
    question: &Question,
) -> Result<usize> {
    sender.ready().await?;
    let request = hyper::Request::builder()
        .method(question.method.clone())
        .uri(&question.path)
        .header(HOST, server.to_string())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(question.body.clone()))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(body.len())
}
