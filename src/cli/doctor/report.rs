//! What `doctor` prints.

use crate::cli::{Conclusion, Output};
use serde_json::{Value, json};
use std::fmt;

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Not looked at, or may be meant so.
    Doubtful,
    /// The controller does not work, or not fully.
    Bad,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub subject: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn good(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Good, detail: detail.into(), remedy: None }
    }

    /// May be meant so.
    pub fn doubtful(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Doubtful, ..Self::good(subject, detail) }
    }

    /// Not as it should be.
    pub fn bad(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, ..Self::good(subject, detail) }
    }

    /// Says what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// All checks, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Vec<Check>);

impl Report {
    /// Adds a check.
    pub fn push(&mut self, check: Check) {
        self.0.push(check);
    }

    /// Adds checks.
    pub fn extend(&mut self, checks: impl IntoIterator<Item = Check>) {
        self.0.extend(checks);
    }

    /// All checks.
    pub fn checks(&self) -> &[Check] {
        &self.0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|check| check.verdict == verdict).count()
    }
}

impl Conclusion for Report {
    fn exit_status(&self) -> u8 {
        u8::from(self.count(Verdict::Bad) > 0)
    }

    fn render(&self, output: Output) -> String {
        match output {
            Output::Json => format!("{:#}\n", self.to_json()),
            Output::Text | Output::Markdown => self.to_string(),
        }
    }
}

impl Report {
    fn to_json(&self) -> Value {
        let check = |check: &Check| {
            let Check { subject, verdict, detail, remedy } = check;
            json!({"subject": subject, "result": verdict.mark(), "detail": detail, "remedy": remedy})
        };
        json!({
            "checks": self.0.iter().map(check).collect::<Vec<_>>(),
            "ok": self.count(Verdict::Good),
            "warn": self.count(Verdict::Doubtful),
            "fail": self.count(Verdict::Bad),
        })
    }
}

impl Verdict {
    fn mark(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Doubtful => "warn",
            Self::Bad => "FAIL",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|check| write!(f, "{check}"))?;
        let [good, doubtful, bad] =
            [Verdict::Good, Verdict::Doubtful, Verdict::Bad].map(|verdict| self.count(verdict));
        writeln!(f, "{good} ok, {doubtful} warn, {bad} FAIL")
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, verdict, detail, remedy } = self;
        writeln!(f, "{:4}  {subject}: {detail}", verdict.mark())?;
        remedy.iter().try_for_each(|remedy| writeln!(f, "      -> {remedy}"))
    }
}
