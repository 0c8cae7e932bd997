//! Layer 4: the commands beside the controller.
//!
//! They look and print; none changes anything. `plan` and `doctor` read a cluster and an AWS account through the same ports
//! and decide with the same functions as the controller, so what they say is what it would do.

pub mod annotations;
pub mod completion;
pub mod console;
pub mod crds;
pub mod doctor;
pub mod iam_policy;
pub mod lint;
pub mod migrate;
pub mod plan;
mod session;
pub mod status;

pub use session::SessionError;

use crate::args::ReportFormat;
use crate::finding::{Finding, Severity};
use serde_json::{Value, json};

/// What a command came to.
pub trait CommandReport {
    /// The status to end with: 0 if there is nothing to worry about.
    fn exit_status(&self) -> u8;

    /// The report in a format.
    fn render(&self, output: ReportFormat) -> String;
}

/// A finding for programs.
fn finding_to_json(finding: &Finding) -> Value {
    let Finding { severity, object, field, message, hint, part: _ } = finding;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({"severity": severity, "object": object.to_string(), "field": field, "message": message, "hint": hint})
}
