use tokio::runtime::Runtime;

use crate::log::CapturedLog;

/// Threads for one catalog alone, so that its log can be told from that of others.
pub(crate) struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    pub(crate) fn new(log: &CapturedLog) -> Self {
        let dispatch = log.dispatch();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("test-catalog")
            .enable_all()
            // The guard would take the log away from the thread again; a thread has this one until it ends.
            .on_thread_start(move || std::mem::forget(tracing::dispatcher::set_default(&dispatch)))
            .build();
        Self(Some(runtime.expect("threads for the catalog")))
    }

    pub(crate) fn handle(&self) -> &tokio::runtime::Handle {
        self.0.as_ref().expect("it is there until it is dropped").handle()
    }
}

impl Drop for OwnRuntime {
    /// Tests are async, where a runtime cannot be waited for.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
