//! What became of the tests, as a page of the book.

use super::profiles::{PROFILES, Profile};
use anyhow::Result;
use harness::assets::repository;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

/// How a test ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// `PASS`, `FAIL` or `SKIP`.
    pub result: String,
    /// Its parts that failed.
    pub failed_parts: Vec<String>,
    /// How many parts it has.
    pub parts: usize,
}

/// How the tests of a class ended, by name.
pub type Outcomes = BTreeMap<String, Outcome>;

/// How many tests ended like this.
pub fn count(outcomes: &Outcomes, result: &str) -> usize {
    outcomes.values().filter(|outcome| outcome.result == result).count()
}

/// The outcome of each test, from the suite's log.
pub fn read(log: &str) -> Outcomes {
    let mut outcomes: Outcomes = BTreeMap::new();
    for line in log.lines().map(str::trim_start) {
        let Some(rest) = line.strip_prefix("--- ") else { continue };
        let Some((result, name)) = rest.split_once(": TestConformance/") else { continue };
        let name = name.split(" (").next().unwrap_or(name);
        let (test, part) = name.split_once('/').map_or((name, None), |(test, part)| (test, Some(part)));
        let outcome = outcomes.entry(test.to_owned()).or_default();
        match part {
            None => result.clone_into(&mut outcome.result),
            Some(part) => {
                outcome.parts += 1;
                if result == "FAIL" {
                    outcome.failed_parts.push(part.to_owned());
                }
            }
        }
    }
    outcomes
}

/// Writes the page of the book, from the outcomes by class.
pub fn write(outcomes: &[Outcomes; PROFILES.len()]) -> Result<()> {
    let mut text = String::from(
        "# Gateway API conformance\n\nWhat the official conformance suite of the Gateway API, v1.6.3, finds of this controller, with the feature \
         gates `GatewayAPIStrict` and\n`SecretCertificates` on. The suite's requests go through simulated load balancers that really listen, to \
         pods that are processes.\n`make conformance` runs it and writes this page.\n",
    );
    for (profile, outcomes) in PROFILES.iter().zip(outcomes) {
        // Writing to a text cannot fail.
        let _ = section(&mut text, profile, outcomes);
    }
    fs::write(repository().join("docs/conformance.md"), text)?;
    Ok(())
}

fn section(text: &mut String, profile: &Profile, outcomes: &Outcomes) -> std::fmt::Result {
    let Profile { class, profiles, features, skipped, known, not_run, load_balancer, .. } = profile;
    writeln!(
        text,
        "\n## `gateway.k8s.aws/{class}`: {load_balancer}\n\nProfiles: {profiles}. Features: {}.\n",
        features.join(", ")
    )?;
    let (passed, failed) = (count(outcomes, "PASS"), count(outcomes, "FAIL"));
    writeln!(text, "{passed} tests passed, {failed} failed, {} left out.", skipped.len())?;
    if failed > 0 {
        writeln!(text, "\n### Failed\n\n| test | parts that failed | why |\n|---|---|---|")?;
        for (name, one) in outcomes.iter().filter(|(_, one)| one.result == "FAIL") {
            let why = known.iter().find(|(known, _)| known == name).map_or("not known", |(_, why)| why);
            writeln!(text, "| {name} | {} of {} | {why} |", one.failed_parts.len(), one.parts)?;
        }
    }
    if !skipped.is_empty() {
        writeln!(text, "\n### Left out\n\n| test | why |\n|---|---|")?;
        rows(text, skipped)?;
    }
    writeln!(text, "\n### Not claimed\n\n| feature | why |\n|---|---|")?;
    rows(text, not_run)?;
    let passed = outcomes.iter().filter(|(_, one)| one.result == "PASS").map(|(name, _)| name.as_str());
    writeln!(text, "\n### Passed\n\n{}", passed.collect::<Vec<_>>().join(", "))
}

fn rows(text: &mut String, rows: &[(&str, &str)]) -> std::fmt::Result {
    rows.iter().try_for_each(|(name, why)| writeln!(text, "| {name} | {why} |"))
}
