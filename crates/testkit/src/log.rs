use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Dispatch, Level};
use tracing_subscriber::fmt::MakeWriter;

/// What a catalog logs, in memory.
#[derive(Clone, Default)]
pub(crate) struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    /// What writes into it.
    pub(crate) fn dispatch(&self) -> Dispatch {
        tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_max_level(Level::INFO)
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .finish()
            .into()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for CapturedLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
