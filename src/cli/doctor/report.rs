//! What `doctor` prints.

use crate::args::ReportFormat;
use crate::cli::CommandReport;
use serde_json::{Value, json};
use std::fmt;

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckResult {
    /// As it should be.
    Ok,
    /// Not looked at, or may be meant so.
    Warn,
    /// The controller does not work, or not fully.
    Fail,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub subject: String,
    /// How it ended.
    pub result: CheckResult,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn ok(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { subject: subject.into(), result: CheckResult::Ok, detail: detail.into(), remedy: None }
    }

    /// May be meant so.
    pub fn warn(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { result: CheckResult::Warn, ..Self::ok(subject, detail) }
    }

    /// Not as it should be.
    pub fn fail(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { result: CheckResult::Fail, ..Self::ok(subject, detail) }
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
pub struct DoctorReport(Vec<Check>);

impl DoctorReport {
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

    fn count(&self, result: CheckResult) -> usize {
        self.0.iter().filter(|check| check.result == result).count()
    }
}

impl CommandReport for DoctorReport {
    fn exit_status(&self) -> u8 {
        u8::from(self.count(CheckResult::Fail) > 0)
    }

    fn render(&self, output: ReportFormat) -> String {
        match output {
            ReportFormat::Json => format!("{:#}\n", self.to_json()),
            ReportFormat::Text | ReportFormat::Markdown => self.to_string(),
        }
    }
}

impl DoctorReport {
    fn to_json(&self) -> Value {
        let check = |check: &Check| {
            let Check { subject, result, detail, remedy } = check;
            json!({"subject": subject, "result": result.mark(), "detail": detail, "remedy": remedy})
        };
        json!({
            "checks": self.0.iter().map(check).collect::<Vec<_>>(),
            "ok": self.count(CheckResult::Ok),
            "warn": self.count(CheckResult::Warn),
            "fail": self.count(CheckResult::Fail),
        })
    }
}

impl CheckResult {
    fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|check| write!(f, "{check}"))?;
        let [ok, warn, fail] =
            [CheckResult::Ok, CheckResult::Warn, CheckResult::Fail].map(|result| self.count(result));
        writeln!(f, "{ok} ok, {warn} warn, {fail} FAIL")
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, result, detail, remedy } = self;
        writeln!(f, "{:4}  {subject}: {detail}", result.mark())?;
        remedy.iter().try_for_each(|remedy| writeln!(f, "      -> {remedy}"))
    }
}
