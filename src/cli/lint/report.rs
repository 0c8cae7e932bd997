//! How findings are told: for people, for programs, for code scanning, for pull requests.

use super::Located;
use crate::admit::verdict::render;
use crate::finding::Severity;
use serde_json::{Value, json};
use std::io::{self, Write};

/// A way to tell findings.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
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

pub(super) fn write(found: &[Located], format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => write_text(found, out),
        Format::Json => writeln!(out, "{:#}", Value::Array(found.iter().map(json_of).collect())),
        Format::Sarif => writeln!(out, "{:#}", sarif(found)),
        Format::Github => found.iter().try_for_each(|located| writeln!(out, "{}", github(located))),
    }
}

fn level(located: &Located) -> &'static str {
    match located.finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn write_text(found: &[Located], out: &mut dyn Write) -> io::Result<()> {
    for located in found {
        let Located { file, line, finding } = located;
        writeln!(out, "{file}:{line}: {}: {}: {}", level(located), finding.object, render(finding))?;
    }
    let errors = found.iter().filter(|located| located.finding.severity == Severity::Error).count();
    if !found.is_empty() {
        writeln!(out, "{errors} errors, {} warnings", found.len() - errors)?;
    }
    Ok(())
}

fn json_of(located: &Located) -> Value {
    let Located { file, line, finding } = located;
    json!({
        "file": file,
        "line": line,
        "severity": level(located),
        "object": finding.object.to_string(),
        "field": finding.field,
        "message": finding.message,
        "hint": finding.hint,
    })
}

fn sarif(found: &[Located]) -> Value {
    let result = |located: &Located| {
        let region = json!({"startLine": located.line});
        let artifact = json!({"uri": located.file});
        json!({
            "ruleId": located.finding.field.as_deref().unwrap_or("object"),
            "level": level(located),
            "message": {"text": format!("{}: {}", located.finding.object, render(&located.finding))},
            "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
        })
    };
    let driver = json!({"name": "aws-load-balancer-controller lint", "version": env!("CARGO_PKG_VERSION")});
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": found.iter().map(result).collect::<Vec<_>>()}],
    })
}

/// Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
fn github(located: &Located) -> String {
    let text = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |value: &str| text(value).replace(':', "%3A").replace(',', "%2C");
    let Located { file, line, finding } = located;
    let title = property(&finding.object.to_string());
    format!(
        "::{} file={},line={line},title={title}::{}",
        level(located),
        property(file),
        text(&render(finding))
    )
}
