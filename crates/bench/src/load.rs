//! A client that asks the same thing again and again, on connections that stay open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::battery::Question;

/// Requests on each connection before anything is measured.
const WARM_UP: usize = 20;
/// With so many answers, percentiles can be told.
const ENOUGH: usize = 200;
/// After so many failures on one connection, the rest would fail, too.
const TOO_MANY: usize = 5;

/// How long a question is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// So long if that brings answers enough …
    pub(crate) usual: Duration,
    /// … and if it does not, until it has, or this time is over. The warm-up takes a fifth of it at most.
    pub(crate) longest: Duration,
    /// A request that takes longer has failed.
    pub(crate) timeout: Duration,
}

/// What one question cost.
#[derive(Default)]
pub(crate) struct Measurement {
    /// How long answers took, in order, shortest first. Failures are not among them.
    samples: Vec<Duration>,
    rate: f64,
    /// The size of one answer.
    pub(crate) bytes: usize,
    /// Requests that were answered, also while it warmed up.
    pub(crate) requests: usize,
    /// Requests that failed, also while it warmed up, and what one of them failed with.
    pub(crate) failures: usize,
    pub(crate) failure: Option<String>,
}

impl Measurement {
    /// The time below which this share of the requests stayed; `None` if none was answered.
    pub(crate) fn percentile(&self, share: f64) -> Option<Duration> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place among a few thousand samples"
        )]
        let place = (self.samples.len() as f64 * share) as usize;
        let last = self.samples.len().checked_sub(1)?;
        self.samples.get(place.min(last)).copied()
    }

    /// Requests a second, of all connections together.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// How many answers were measured.
    pub(crate) fn answers(&self) -> usize {
        self.samples.len()
    }

    /// Adds what another connection saw.
    fn add(&mut self, client: Client) {
        if let Some(seconds) = client.measured.map(|time| time.as_secs_f64()).filter(|seconds| *seconds > 0.0)
        {
            #[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
            let answers = client.samples.len() as f64;
            self.rate += answers / seconds;
        }
        self.samples.extend(client.samples);
        self.bytes = self.bytes.max(client.bytes);
        self.requests += client.requests;
        self.failures += client.failures;
        self.failure = self.failure.take().or(client.failure);
    }
}

/// Asks on so many connections, each with one request at a time.
pub(crate) async fn measure(
    server: SocketAddr,
    question: &Question,
    connections: usize,
    pace: Pace,
) -> Result<Measurement> {
    let answers = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let client = Client::new(server, question.clone(), pace.timeout);
        clients.spawn(client.ask_for(pace, Arc::clone(&answers)));
    }
    let mut all = Measurement::default();
    while let Some(client) = clients.join_next().await {
        all.add(client?);
    }
    all.samples.sort_unstable();
    Ok(all)
}

/// Asks once, and returns the answer.
pub(crate) async fn ask_once(server: SocketAddr, question: &Question, timeout: Duration) -> Result<Bytes> {
    Client::new(server, question.clone(), timeout).answer().await
}

/// One connection, and what was seen on it.
struct Client {
    server: SocketAddr,
    question: Question,
    timeout: Duration,
    /// The connection, and the task that moves its bytes.
    connection: Option<(SendRequest<Full<Bytes>>, JoinSet<hyper::Result<()>>)>,
    samples: Vec<Duration>,
    measured: Option<Duration>,
    bytes: usize,
    requests: usize,
    failures: usize,
    failure: Option<String>,
    gives_up: bool,
}

impl Client {
    fn new(server: SocketAddr, question: Question, timeout: Duration) -> Self {
        Self {
            server,
            question,
            timeout,
            connection: None,
            samples: Vec::new(),
            measured: None,
            bytes: 0,
            requests: 0,
            failures: 0,
            failure: None,
            gives_up: false,
        }
    }

    async fn ask_for(mut self, pace: Pace, answers: Arc<AtomicUsize>) -> Self {
        let start = Instant::now();
        for _ in 0..WARM_UP {
            self.ask().await;
            if self.gives_up || start.elapsed() > pace.longest / 5 {
                break;
            }
        }
        let start = Instant::now();
        while !self.gives_up {
            let is_enough = answers.load(Ordering::Relaxed) >= ENOUGH;
            if start.elapsed() >= if is_enough { pace.usual } else { pace.longest } {
                break;
            }
            let before = Instant::now();
            if self.ask().await {
                self.samples.push(before.elapsed());
                answers.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.measured = Some(start.elapsed());
        self.connection = None;
        self
    }

    /// Asks once; whether that was answered well.
    async fn ask(&mut self) -> bool {
        match self.answer().await {
            Ok(body) => {
                self.bytes = body.len();
                self.requests += 1;
                true
            }
            Err(error) => {
                self.connection = None;
                self.failures += 1;
                self.gives_up |= self.failures >= TOO_MANY;
                self.failure.get_or_insert_with(|| format!("{error:#}"));
                false
            }
        }
    }

    async fn answer(&mut self) -> Result<Bytes> {
        if let Ok(answer) = timeout(self.timeout, self.exchange()).await {
            return answer;
        }
        // Who waited once in vain does not wait again.
        self.gives_up = true;
        bail!("no answer within {:?}", self.timeout)
    }

    async fn exchange(&mut self) -> Result<Bytes> {
        let (sender, _) = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(self.server).await?),
        };
        sender.ready().await?;
        let request = hyper::Request::builder()
            .method(self.question.method.clone())
            .uri(&self.question.path)
            .header(HOST, self.server.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(self.question.body.clone()))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{status} {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }
}

async fn connect(server: SocketAddr) -> Result<(SendRequest<Full<Bytes>>, JoinSet<hyper::Result<()>>)> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    let mut task = JoinSet::new();
    task.spawn(connection);
    Ok((sender, task))
}
