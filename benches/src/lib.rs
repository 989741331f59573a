//! Benchmark kit: a table to print, the machine it ran on, and percentiles.
//!
//! A benchmark prints one table in which each figure stands beside a peer or a floor measured in the same run:
//! machines differ, ratios travel.

pub mod answers;
pub mod bm25;
pub mod clock;
pub mod dataset;
pub mod fit;
pub mod metrics;
pub mod near_misses;
pub mod references;

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Table of text, printed in aligned columns: the first to the left, the others to the right.
///
/// ```
/// use nexus_benches::Table;
///
/// let table = Table::new("Sealing", ["operation", "p50"]).row(["seal", "1.2 µs"]);
/// assert!(table.to_string().contains("| seal      | 1.2 µs |"));
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table without rows.
    pub fn new<T: Into<String>>(title: impl Into<String>, columns: impl IntoIterator<Item = T>) -> Self {
        Self { title: title.into(), rows: Vec::new() }.row(columns)
    }

    /// Adds a row.
    #[must_use]
    pub fn row<T: Into<String>>(mut self, cells: impl IntoIterator<Item = T>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// Prints the table, with the machine below.
    #[expect(clippy::print_stdout, reason = "printing its figures is what a benchmark is for")]
    pub fn print(&self) {
        println!("\n{self}\n{}", machine());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |cell: &String| cell.chars().count();
        (0..columns)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(width).max().unwrap_or(0))
            .collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        writeln!(f, "## {}\n", self.title)?;
        for (line, row) in self.rows.iter().enumerate() {
            for (column, &width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                if column == 0 {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if line == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let rule = "-".repeat(width + 1);
                    write!(f, "|{}", if column == 0 { format!(":{rule}") } else { format!("{rule}:") })?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// Returns the machine in one line: processor, cores, operating system.
pub fn machine() -> String {
    let cpu = field("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let system =
        field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.to_owned());
    format!("machine: {cpu}, {cores} cores, {}", system.trim_matches('"'))
}

fn field(path: &str, name: &str, separator: char) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(separator)?.1.trim().to_owned())
}

/// Percentiles of a duration over many samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Median.
    pub p50: Duration,
    /// 90th percentile.
    pub p90: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// Maximum.
    pub max: Duration,
}

/// Returns the percentiles of `samples`, sorted in place; zeros when there are none.
pub fn percentiles(samples: &mut [Duration]) -> Percentiles {
    samples.sort_unstable();
    let at = |percent: usize| {
        let rank = (samples.len() * percent).div_ceil(100).saturating_sub(1);
        samples.get(rank).copied().unwrap_or_default()
    };
    Percentiles { p50: at(50), p90: at(90), p99: at(99), max: at(100) }
}

/// Times one call of `operation`: each of `samples` measures `batch` calls at once, so that reading the clock does not
/// count. A tenth as many samples run first, untimed.
pub fn time<T>(samples: usize, batch: u32, mut operation: impl FnMut() -> T) -> Percentiles {
    let mut one = || {
        let start = Instant::now();
        for _ in 0..batch {
            black_box(operation());
        }
        start.elapsed() / batch.max(1)
    };
    for _ in 0..samples / 10 {
        one();
    }
    let mut times: Vec<Duration> = (0..samples).map(|_| one()).collect();
    percentiles(&mut times)
}

/// Formats a duration for people: three digits and a unit.
pub fn short(duration: Duration) -> String {
    let nanos = duration.as_secs_f64() * 1e9;
    match nanos {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.2} µs", n / 1e3),
        n if n < 1e9 => format!("{:.2} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}

/// Formats the ratio of `took` to `floor`, for a table's last column.
pub fn ratio(took: Duration, floor: Duration) -> String {
    format!("{:.2}x", took.as_secs_f64() / floor.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_and_never_below_their_share() {
        let mut samples: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        let found = percentiles(&mut samples);
        assert_eq!(found.p50, Duration::from_millis(100));
        assert_eq!(found.p99, Duration::from_millis(198));
        assert_eq!(found.max, Duration::from_millis(200));
        assert_eq!(percentiles(&mut []), Percentiles::default());
    }

    #[test]
    fn a_short_row_is_filled_up() {
        let table = Table::new("t", ["a", "bb"]).row(["x"]);
        assert_eq!(table.to_string(), "## t\n\n| a | bb |\n|:--|---:|\n| x |    |\n");
    }

    #[test]
    fn durations_read_in_their_unit() {
        assert_eq!(short(Duration::from_nanos(12)), "12 ns");
        assert_eq!(short(Duration::from_micros(1_500)), "1.50 ms");
    }
}
