//! What else the machine did meanwhile: a figure that was taken beside other work says little.

use std::time::{Duration, Instant};

/// Clock ticks of the kernel in a second, on every Linux that matters.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processor time of the whole machine, from a moment on.
pub(crate) struct MachineTime {
    since: Instant,
    busy: u64,
}

impl MachineTime {
    pub(crate) fn start() -> Self {
        Self { since: Instant::now(), busy: busy_ticks() }
    }

    /// How many cores were busy on average, whoever used them.
    pub(crate) fn busy_cores(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
        let seconds = busy_ticks().saturating_sub(self.busy) as f64 / TICKS_PER_SECOND;
        seconds / self.since.elapsed().max(Duration::from_millis(1)).as_secs_f64()
    }
}

/// Name and number of processors.
pub(crate) fn describe() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores, {}", model.map_or("unknown", |(_, name)| name))
}

/// Everything but idling and waiting for disks.
fn busy_ticks() -> u64 {
    let statistics = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = statistics.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks = all.enumerate().filter(|(place, _)| !matches!(place, 3 | 4 | 8 | 9));
    ticks.filter_map(|(_, ticks)| ticks.parse::<u64>().ok()).sum()
}
