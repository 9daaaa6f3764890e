//! A byte stream that tells what goes through it, and closes with care.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::activity::Activity;

/// What a client may have sent in vain before the connection is closed all the same.
const MAX_DISCARDED: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Socket<S> {
    stream: S,
    activity: Arc<Activity>,
    closing: Closing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    Open,
    /// Nothing more is sent. So many bytes were thrown away since.
    Discarding(usize),
    Done,
}

impl<S> Socket<S> {
    pub(crate) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity, closing: Closing::Open }
    }

    fn written(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Pending => self.activity.blocked(),
            Poll::Ready(_) => self.activity.sent(),
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Closing a socket that still holds unread bytes makes the system throw away the answer that the client has not
    /// read yet. So they are read and thrown away first, as far as they have come, for a short time.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing == Closing::Open {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.activity.closed();
            self.closing = Closing::Discarding(0);
        }
        let mut bytes = [0; 8 * 1024];
        while let Closing::Discarding(discarded) = self.closing {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                // A client that sent nothing in vain is not waited for.
                Poll::Pending if discarded == 0 => 0,
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => buffer.filled().len(),
                Poll::Ready(Err(_)) => 0,
            };
            let discarded = discarded + read;
            let is_done = read == 0 || discarded > MAX_DISCARDED;
            self.closing = if is_done { Closing::Done } else { Closing::Discarding(discarded) };
        }
        Poll::Ready(Ok(()))
    }
}
