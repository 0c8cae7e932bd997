//! Figures as rows of Markdown.

use rig::load::Count;
use std::time::Duration;

/// Prints a heading.
pub fn head(title: &str) {
    println!("\n### {title}\n\n| figure | value |\n|---|---|");
}

/// Prints a figure.
pub fn row(figure: &str, value: impl std::fmt::Display) {
    println!("| {figure} | {value} |");
}

/// Calls in words.
pub fn calls(count: Count) -> String {
    format!("{} reads, {} writes", count.reads, count.writes)
}

/// A time with three digits that count.
pub fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        seconds if seconds < 100.0 => format!("{seconds:.1} s"),
        seconds => format!("{seconds:.0} s"),
    }
}

/// The median and the 99th percentile.
pub fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at =
        |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied();
    match (at(50), at(99)) {
        (Some(median), Some(high)) => {
            format!("{} / {} ({} pods)", self::time(median), self::time(high), times.len())
        }
        _ => "none".to_owned(),
    }
}
