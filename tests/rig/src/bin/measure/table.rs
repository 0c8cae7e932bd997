//! Figures as rows of Markdown.

use anyhow::{Context as _, Result};
use rig::load::Count;
use std::path::Path;
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

/// Puts the figures of files into a document, between the comments that say where.
pub fn write_into(document: &Path, files: &[&str]) -> Result<()> {
    const MARKS: [&str; 2] = ["<!-- begin: make scale -->\n", "<!-- end: make scale -->"];
    let text = std::fs::read_to_string(document)?;
    let parts = text.split_once(MARKS[0]).and_then(|(head, rest)| Some((head, rest.split_once(MARKS[1])?.1)));
    let (head, tail) = parts.with_context(|| format!("{}: no {MARKS:?}", document.display()))?;
    let figures: Vec<String> = files.iter().map(std::fs::read_to_string).collect::<Result<_, _>>()?;
    let figures = figures.concat();
    Ok(std::fs::write(document, format!("{head}{}{figures}\n{}{tail}", MARKS[0], MARKS[1]))?)
}
