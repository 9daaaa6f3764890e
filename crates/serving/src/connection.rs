//! The life of one connection.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::activity::{Activity, Verdict};
use crate::requests::{Requests, Service};
use crate::settings::ServingSettings;
use crate::socket::Socket;
use crate::tls::{Negotiated, Tls};

/// Streams of HTTP/2 that are open at a time.
const MAX_STREAMS: u32 = 200;

/// What hyper has room for without being told. Being told, it makes room anew for every request.
const USUAL_HEADERS: usize = 100;

/// How often a connection of HTTP/2 is asked whether it is alive, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// For how long a connection that was asked to end may take to do so.
const FAREWELL: Duration = Duration::from_secs(2);

/// Owns the tasks of all connections, and ends them.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) tasks: TaskTracker,
    /// Asks connections to end after the requests they have.
    pub(crate) leave: CancellationToken,
    /// Ends them at once.
    pub(crate) cut: CancellationToken,
}

impl Owner {
    /// The owner of what belongs to one connection. It has tokens of its own: they are looked at whenever something happens
    /// on the connection, and those of all connections are behind one lock.
    pub(crate) fn of_connection(&self) -> Self {
        Self { tasks: self.tasks.clone(), leave: self.leave.child_token(), cut: self.cut.child_token() }
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                () = work => {}
            }
        });
    }
}

/// Runs what belongs to a connection of HTTP/2, and ends it with the connection.
impl<F> hyper::rt::Executor<F> for Owner
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, work: F) {
        self.spawn(work);
    }
}

/// A connection that was accepted.
pub(crate) struct Connection<S> {
    pub(crate) peer: SocketAddr,
    pub(crate) tls: Option<Tls>,
    pub(crate) service: S,
    pub(crate) settings: Arc<ServingSettings>,
    pub(crate) owner: Owner,
}

/// One of the open connections, as far as the metrics know.
struct Counted(metrics::Gauge);

impl Counted {
    fn new() -> Self {
        let open = metrics::gauge!("http_connections");
        open.increment(1);
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl<S: Service> Connection<S> {
    /// Serves requests until one of both sides ends the connection.
    pub(crate) async fn serve(self, stream: TcpStream) {
        let _counted = Counted::new();
        match self.tls.clone() {
            None => self.speak(stream, Negotiated::Nothing).await,
            Some(tls) => match tokio::time::timeout(self.settings.head_timeout, tls.accept(stream)).await {
                Ok(Ok((stream, negotiated))) => self.speak(stream, negotiated).await,
                Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "a TLS handshake failed"),
                Err(_) => self.report_cut("handshake"),
            },
        }
    }

    async fn speak<T>(&self, stream: T, negotiated: Negotiated)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Streams end with the connection, whatever way it ends.
        let _cut_with_connection = self.owner.cut.clone().drop_guard();
        let activity = Arc::new(Activity::new(&self.settings, Instant::now()));
        let socket = Socket::new(stream, Arc::clone(&activity));
        let requests = Requests {
            service: self.service.clone(),
            peer: self.peer,
            activity: Arc::clone(&activity),
            limit: self.settings.max_requests,
        };
        let builder = self.builder(negotiated);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), requests));

        let mut leaving = false;
        let mut look_again = activity.next_look(Instant::now());
        loop {
            tokio::select! {
                // One after the other: which one is asked first does not matter, and drawing lots costs.
                biased;
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(peer = %self.peer, %error, "a connection ended with an error");
                    }
                    return;
                }
                () = self.owner.leave.cancelled(), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = tokio::time::sleep_until(look_again) => {
                    let now = Instant::now();
                    match activity.verdict(now) {
                        Verdict::Patience => look_again = activity.next_look(now),
                        Verdict::Idle if !leaving => {
                            leaving = true;
                            connection.as_mut().graceful_shutdown();
                            look_again = now + FAREWELL;
                        }
                        Verdict::Idle => return,
                        Verdict::Overdue(reason) => return self.report_cut(reason),
                    }
                }
            }
        }
    }

    fn builder(&self, negotiated: Negotiated) -> Builder<Owner> {
        let settings = &self.settings;
        let builder = Builder::new(self.owner.clone());
        let mut builder = match negotiated {
            Negotiated::Nothing => builder,
            Negotiated::Http1 => builder.http1_only(),
            Negotiated::Http2 => builder.http2_only(),
        };
        // Times are kept here, where it is known what a connection waits for.
        let max_head_bytes = usize::try_from(settings.max_head_bytes).unwrap_or(usize::MAX);
        builder.http1().header_read_timeout(None).max_buf_size(max_head_bytes.max(8 * 1024));
        if settings.max_headers != USUAL_HEADERS {
            builder.http1().max_headers(settings.max_headers);
        }
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(settings.max_head_bytes)
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        builder
    }

    fn report_cut(&self, reason: &'static str) {
        metrics::counter!("http_connections_cut_total", "reason" => reason).increment(1);
        tracing::debug!(peer = %self.peer, reason, "a connection was cut: its client took too long");
    }
}
