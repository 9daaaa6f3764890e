//! The tables of `query`: a row for each question, with the figures of one server or of two.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::asked::Asked;
use crate::battery::Question;
use crate::load::Measurement;
use crate::machine::MachineTime;
use crate::table::Table;

/// The width of the names of questions.
const NAMES: usize = 46;
/// How much of a message is shown.
const MESSAGE: usize = 100;

const OWN: [&str; 7] = ["p50 ms", "p95 ms", "p99 ms", "requests/s", "CPU ms", "bytes", "busy"];
const OTHER: [&str; 9] = [
    "other p50",
    "other p95",
    "other p99",
    "other req/s",
    "other CPU",
    "answers",
    "p50 ratio",
    "rate ratio",
    "",
];

/// Asks one server, or two in turns, and prints tables.
pub(crate) struct SideBySide<'a> {
    pub(crate) own: &'a Asked,
    pub(crate) other: Option<&'a Asked>,
}

/// What is known of the other server's answer before anything is measured.
enum Answer {
    Same,
    Differs(String),
    Failed(String),
}

impl SideBySide<'_> {
    /// A table for so many connections. `after_row` may print more below a row.
    pub(crate) async fn print(
        &self,
        connections: usize,
        mut after_row: impl AsyncFnMut(&Table, &Question, &Measurement) -> Result<()>,
    ) -> Result<()> {
        let head = format!("{connections} at a time");
        let others = self.other.iter().flat_map(|_| OTHER);
        let columns: Vec<&str> = std::iter::once(head.as_str()).chain(OWN).chain(others).collect();
        println!();
        let table = Table::with_first(NAMES, &columns);
        let mut ratios = Vec::new();
        let mut route = String::new();
        for (place, question) in self.own.questions.iter().enumerate() {
            let own_route = format!("{} {}", question.method, question.route);
            if route != own_route {
                println!("{own_route}");
                route = own_route;
            }
            let machine = MachineTime::start();
            let (measured, processor) = self.own.measure(question, connections).await?;
            ensure!(measured.failures == 0, "{}: {}", question.name, measured.failure.unwrap_or_default());
            let mut cells = vec![format!("  {}", question.name)];
            cells.extend(figures(&measured, processor));
            cells.extend([measured.bytes.to_string(), format!("{:.1}", machine.busy_cores())]);
            if let Some(other) = self.other {
                let others = other.questions.get(place).context("the other is asked something else")?;
                cells.extend(
                    self.ask_other(other, question, others, connections, &measured, &mut ratios).await?,
                );
            }
            table.row(cells);
            after_row(&table, question, &measured).await?;
        }
        print_ratios(ratios);
        Ok(())
    }

    /// The cells for the other server.
    async fn ask_other(
        &self,
        other: &Asked,
        question: &Question,
        others: &Question,
        connections: usize,
        own: &Measurement,
        ratios: &mut Vec<f64>,
    ) -> Result<Vec<String>> {
        let blank = |count: usize| std::iter::repeat_n(String::new(), count);
        let note = match self.compare(other, question, others).await? {
            Answer::Same => String::new(),
            Answer::Differs(note) => note,
            Answer::Failed(note) => return Ok(blank(OTHER.len() - 1).chain([note]).collect()),
        };
        let (measured, processor) = other.measure(others, connections).await?;
        let mut cells: Vec<String> = figures(&measured, processor).collect();
        cells.push(measured.answers().to_string());
        if measured.failures > 0 {
            // The slowest are not among the answers, so that a ratio would flatter.
            let all = measured.requests + measured.failures;
            let failure = shortened(&measured.failure.unwrap_or_default());
            let failed = format!("{} of {all} requests failed: {failure}", measured.failures);
            let notes = [failed, note].into_iter().filter(|note| !note.is_empty());
            cells.extend(blank(2).chain([notes.collect::<Vec<_>>().join("; ")]));
            return Ok(cells);
        }
        let (p50, others_p50) = (own.percentile(0.5), measured.percentile(0.5));
        let ratio = p50.zip(others_p50).map(|(own, other)| other.as_secs_f64() / own.as_secs_f64());
        if note.is_empty() {
            ratios.extend(ratio);
        }
        cells.push(ratio.map(times).unwrap_or_default());
        cells.push(times(own.rate() / measured.rate()));
        cells.push(note);
        Ok(cells)
    }

    /// Whether both answer as much.
    async fn compare(&self, other: &Asked, question: &Question, others: &Question) -> Result<Answer> {
        let tally = self.own.tally(question).await.with_context(|| question.name.clone())?;
        Ok(match other.tally(others).await {
            Err(error) => Answer::Failed(format!("not answered: {}", shortened(&format!("{error:#}")))),
            Ok(others) if others == tally => Answer::Same,
            Ok(others) => Answer::Differs(format!("differs: {tally} items, the other {others}")),
        })
    }
}

/// Percentiles, rate, processor time.
pub(crate) fn figures(measured: &Measurement, processor: Option<f64>) -> impl Iterator<Item = String> {
    let percentiles = [0.5, 0.95, 0.99].map(|share| measured.percentile(share).map(milliseconds));
    let rate = (measured.answers() > 0).then(|| format!("{:.0}", measured.rate()));
    let processor = processor.map(|each| format!("{each:.3}"));
    percentiles.into_iter().chain([rate, processor]).map(Option::unwrap_or_default)
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64() * 1000.0)
}

fn times(ratio: f64) -> String {
    format!("{ratio:.1}")
}

/// One line, and not too much of it.
fn shortened(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.trim_end().chars().take(MESSAGE).collect()
}

/// Where both answered the same.
fn print_ratios(mut ratios: Vec<f64>) {
    ratios.sort_unstable_by(f64::total_cmp);
    if let (Some(least), Some(most), Some(median)) =
        (ratios.first(), ratios.last(), ratios.get(ratios.len() / 2))
    {
        println!(
            "the other's p50 is {least:.1} to {most:.1} times as long, {median:.1} times at the median of {} \
             questions that both answered alike",
            ratios.len()
        );
    }
}
