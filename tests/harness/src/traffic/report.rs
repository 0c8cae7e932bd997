//! Results of runs, and the table that shows them side by side.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::SCENARIOS;
use crate::load::Report;

/// The table stands between these lines of the page.
const MARKS: (&str, &str) = ("<!-- begin: make traffic -->", "<!-- end: make traffic -->");

/// What one controller made of the scenarios.
#[derive(Debug, Clone)]
pub struct Results {
    /// What the table calls it.
    pub name: String,
    /// Cells of the table, by scenario.
    pub cells: BTreeMap<String, String>,
}

impl Results {
    /// No results yet.
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), cells: BTreeMap::new() }
    }

    /// Notes what became of a scenario.
    pub fn note(&mut self, id: &str, outcome: &Result<Report>) {
        let cell = match outcome {
            Ok(report) => {
                let (failed, gap) = (report.failed(), report.longest_gap.as_millis());
                format!("{failed} of {}, {gap} ms", report.requests)
            }
            Err(error) => format!("did not end: {error:#}").replace('|', "/").chars().take(120).collect(),
        };
        self.cells.insert(id.to_owned(), cell);
    }

    /// Writes them to a file.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = json!({"name": self.name, "cells": self.cells});
        fs::write(path, format!("{text:#}\n")).with_context(|| format!("writing {}", path.display()))
    }

    /// Reads them from a file.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let value: Value = serde_json::from_str(&text)?;
        let name = value.get("name").and_then(Value::as_str).context("results without a name")?;
        let cells = value.get("cells").cloned().context("results without cells")?;
        Ok(Self { name: name.to_owned(), cells: serde_json::from_value(cells)? })
    }
}

/// Writes the table into a page, between its marks. Columns that are there and that no result is called as stay, after the others:
/// another controller is not measured every time.
pub fn write_table(page: &Path, all: &[Results]) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
    let (before, rest) = text.split_once(MARKS.0).context("the page has no place for the table")?;
    let (old, after) = rest.split_once(MARKS.1).context("the place for the table does not end")?;
    let is_new = |old: &Results| all.iter().all(|one| one.name != old.name);
    let columns: Vec<_> = all.iter().cloned().chain(columns(old).into_iter().filter(is_new)).collect();
    let filled = format!("{before}{}\n{}{}{after}", MARKS.0, table(&columns), MARKS.1);
    fs::write(page, filled).with_context(|| format!("writing {}", page.display()))
}

/// The columns of a table.
fn columns(table: &str) -> Vec<Results> {
    let cells = |line: &str| line.split('|').skip(1).map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut rows = table.lines().filter(|line| line.starts_with('|')).map(cells);
    let names = rows.next().unwrap_or_default();
    let names = names.iter().skip(1).filter(|name| !name.is_empty());
    let mut columns: Vec<_> = names.map(|name| Results::of(name)).collect();
    for row in rows {
        let scenario =
            SCENARIOS.iter().find(|scenario| row.first().is_some_and(|title| title == scenario.title));
        let Some(scenario) = scenario else { continue };
        for (column, cell) in columns.iter_mut().zip(row.iter().skip(1)) {
            column.cells.insert(scenario.id.to_owned(), cell.clone());
        }
    }
    columns
}

fn table(all: &[Results]) -> String {
    // Writing to a text cannot fail.
    let mut text = String::from("| what happens |");
    for one in all {
        let _ = write!(text, " {} |", one.name);
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(all.len()));
    for scenario in SCENARIOS {
        let _ = write!(text, "\n| {} |", scenario.title);
        for one in all {
            let _ = write!(text, " {} |", one.cells.get(scenario.id).map_or("–", String::as_str));
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_table_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (page, file) = (folder.path().join("page.md"), folder.path().join("results.json"));
        fs::write(&page, format!("before\n{}\nold\n{}\nafter\n", MARKS.0, MARKS.1)).unwrap();
        let mut results = Results::of("one");
        let report = Report { requests: 9, longest_gap: Duration::from_millis(5), ..Report::default() };
        results.note("scale", &Ok(report));
        results.note("rollout-alb", &Err(anyhow::anyhow!("a | b")));
        results.save(&file).unwrap();
        for _ in 0..2 {
            write_table(&page, &[Results::load(&file).unwrap()]).unwrap();
            let text = fs::read_to_string(&page).unwrap();
            assert!(text.starts_with("before\n") && text.ends_with("\nafter\n"), "{text}");
            assert!(text.contains("| scale 10 → 3, NLB | 0 of 9, 5 ms |"), "{text}");
            assert!(text.contains("| did not end: a / b |") && !text.contains("old"), "{text}");
        }
    }

    #[test]
    fn columns_that_were_not_measured_again_stay() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.md");
        fs::write(&page, format!("{}\n{}", MARKS.0, MARKS.1)).unwrap();
        let results = |name: &str, requests| {
            let mut results = Results::of(name);
            results.note("scale", &Ok(Report { requests, ..Report::default() }));
            results
        };
        write_table(&page, &[results("one", 1), results("another", 2)]).unwrap();
        write_table(&page, &[results("one", 3)]).unwrap();
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains("| what happens | one | another |\n|---|---|---|\n"), "{text}");
        assert!(text.contains("| scale 10 → 3, NLB | 0 of 3, 0 ms | 0 of 2, 0 ms |"), "{text}");
    }
}
