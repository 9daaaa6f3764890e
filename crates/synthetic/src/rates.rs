//! Tables of how long functions take.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// A function is called for so long at least, and
const AT_LEAST: Duration = Duration::from_millis(500);
/// for all inputs so many times at least.
const ROUNDS: usize = 5;

/// A table on standard output, with a row for each function that is measured. A function is called with each of several
/// inputs in turn, again and again; the fastest turn counts, which other work on the machine has disturbed the least.
#[derive(Debug)]
pub struct Rates(());

impl Rates {
    /// Prints the head of the table.
    #[expect(clippy::print_stdout, reason = "the table is the result")]
    pub fn begin(title: &str) -> Self {
        println!("\n## {title}\n");
        println!("{:<44} {:>12} {:>12} {:>10}", "function", "µs a call", "calls/s", "MB/s");
        Self(())
    }

    /// Measures a function, and prints its row. `length` says how many bytes an input is.
    #[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "figures for people to read")]
    pub fn measure<T, R>(
        &self,
        name: &str,
        inputs: &[T],
        length: impl Fn(&T) -> usize,
        function: impl Fn(&T) -> R,
    ) {
        let bytes: usize = inputs.iter().map(length).sum();
        let (mut fastest, mut rounds, start) = (Duration::MAX, 0, Instant::now());
        while rounds < ROUNDS || start.elapsed() < AT_LEAST {
            let round = Instant::now();
            for input in inputs {
                black_box(function(black_box(input)));
            }
            fastest = fastest.min(round.elapsed());
            rounds += 1;
        }
        let (calls, seconds) = (inputs.len() as f64, fastest.as_secs_f64());
        let (each, rate, speed) = (seconds * 1e6 / calls, calls / seconds, bytes as f64 / 1e6 / seconds);
        println!("{name:<44} {each:>12.2} {rate:>12.0} {speed:>10.1}");
    }
}
