//! Formats of what commands print.

/// A format of a command's report.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum ReportFormat {
    /// For people at a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For comments on pull requests.
    Markdown,
}

/// A way to report findings.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum LintFormat {
    /// A line a finding, and a count.
    #[default]
    Text,
    /// A JSON array.
    Json,
    /// SARIF 2.1.0. Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// A format of the report.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum StatusFormat {
    /// A tree for people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For programs.
    Yaml,
}
