//! Random histories of everything that can happen to a store. After each step it holds what the model holds.

use proptest::test_runner::{Config, TestError, TestRunner};

use crate::Store;

use super::history::History;
use super::steps::{Step, histories};

/// How many histories are tried, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 64;

/// Tries histories, each on a store of its own, and panics with the shortest that goes wrong.
pub fn agree_with_the_model<S: Store>(open: impl AsyncFn() -> S) {
    let mut config = Config { failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let tried = TestRunner::new(config).run(&histories(), |steps| {
        super::run(async {
            let store = open().await;
            go_through(&store, &steps).await;
        });
        Ok(())
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => panic!("{reason}\nafter {steps:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

async fn go_through(store: &dyn Store, steps: &[Step]) {
    let mut history = History::new(store);
    for step in steps {
        history.take_step(step).await;
        history.compare().await;
    }
    history.stitch_the_rest().await;
}
