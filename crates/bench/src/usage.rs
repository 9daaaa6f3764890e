//! What processes used, as the kernel counts it. Linux only.

use std::time::Duration;

/// Length of the kernel's unit of processor time.
const TICK: Duration = Duration::from_millis(10);

/// What a process and its children used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) peak_megabytes: u64,
    /// Bytes that were written to files.
    pub(crate) written: u64,
}

/// The usage of a process alone; nothing where it cannot be read.
pub(crate) fn of_process(process: u32) -> Usage {
    let status = read(process, "status");
    Usage {
        cpu: TICK * ticks(process, 11..13),
        // The kernel says kB, and means 1024 bytes.
        peak_megabytes: field(&status, "VmHWM:") * 1024 / 1_000_000,
        written: field(&read(process, "io"), "write_bytes:"),
    }
}

/// The processor time of a database server: of its first process, and of those that this one started, also of those
/// that have ended.
pub(crate) fn of_family(first: u32) -> Duration {
    let children = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        (stat(process, 1..2) == [first]).then_some(process)
    });
    let children: u32 = children.map(|process| ticks(process, 11..13)).sum();
    TICK * (ticks(first, 11..15) + children)
}

fn ticks(process: u32, fields: std::ops::Range<usize>) -> u32 {
    stat(process, fields).into_iter().sum()
}

/// Numbers among the fields after the name, which is in parentheses and may hold anything.
fn stat(process: u32, fields: std::ops::Range<usize>) -> Vec<u32> {
    let text = read(process, "stat");
    let after = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    after.skip(fields.start).take(fields.len()).filter_map(|field| field.parse().ok()).collect()
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn read(process: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default()
}
