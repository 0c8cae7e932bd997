//! How findings are reported: for people, for programs, for code scanning, for pull requests.

use super::{LintOptions, LintResult, Located, rule};
use crate::admission::response::render;
use crate::args::LintFormat;
use crate::cli::finding_to_json;
use crate::finding::Severity;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Characters that a relative reference may not hold as they are.
/// Source: <https://www.rfc-editor.org/rfc/rfc3986#appendix-A>
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Writes the findings in a format.
pub(super) fn write(outcome: &LintResult, format: LintFormat, out: &mut dyn Write) -> io::Result<()> {
    let found = &outcome.found;
    match format {
        LintFormat::Text => write_text(outcome, out),
        LintFormat::Json => writeln!(out, "{:#}", Value::Array(found.iter().map(json_of).collect())),
        LintFormat::Sarif => writeln!(out, "{:#}", sarif(outcome)),
        LintFormat::Github => found.iter().try_for_each(|located| writeln!(out, "{}", github(located))),
    }
}

/// Writes what could not be read, and what `--strict` takes offence at. Formats for programs have their count here, too.
pub(super) fn write_failures(
    outcome: &LintResult,
    options: &LintOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    outcome.unreadable.iter().try_for_each(|unreadable| writeln!(out, "{unreadable}"))?;
    if options.format != LintFormat::Text {
        writeln!(out, "{}", count(outcome))?;
    }
    if options.strict && outcome.checked == 0 {
        writeln!(out, "--strict: there is no object to check")?;
    }
    if options.strict && !outcome.passed_over.is_empty() {
        writeln!(out, "--strict: objects were passed over")?;
    }
    Ok(())
}

fn level(located: &Located) -> &'static str {
    match located.finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn write_text(outcome: &LintResult, out: &mut dyn Write) -> io::Result<()> {
    for located in &outcome.found {
        let Located { file, line, rule: _, finding } = located;
        let object =
            if finding.object.name.is_empty() { String::new() } else { format!("{}: ", finding.object) };
        writeln!(out, "{file}:{line}: {}: {object}{}", level(located), render(finding))?;
    }
    writeln!(out, "{}", count(outcome))?;
    if !outcome.found.is_empty() {
        let errors = outcome.errors();
        writeln!(out, "{errors} errors, {} warnings", outcome.found.len() - errors)?;
    }
    Ok(())
}

/// For example `12 objects checked, 3 passed over (2 ConfigMap, 1 Secret), 1 findings ignored`.
fn count(outcome: &LintResult) -> String {
    let mut parts = vec![format!("{} objects checked", outcome.checked)];
    if !outcome.passed_over.is_empty() {
        let kinds: Vec<String> =
            outcome.passed_over.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let all: usize = outcome.passed_over.values().sum();
        parts.push(format!("{all} passed over ({})", kinds.join(", ")));
    }
    if outcome.ignored > 0 {
        parts.push(format!("{} findings ignored", outcome.ignored));
    }
    parts.join(", ")
}

pub(super) fn json_of(located: &Located) -> Value {
    let Located { file, line, rule, finding } = located;
    let mut value = finding_to_json(finding);
    if let Some(fields) = value.as_object_mut() {
        fields.extend([
            ("file".into(), json!(file)),
            ("line".into(), json!(line)),
            ("rule".into(), json!(rule)),
        ]);
    }
    value
}

fn sarif(outcome: &LintResult) -> Value {
    let ids: Vec<&str> = outcome
        .found
        .iter()
        .map(|located| located.rule.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let rules: Vec<Value> =
        ids.iter().map(|id| json!({"id": id, "shortDescription": {"text": rule::describe(id)}})).collect();
    let driver = json!({
        "name": "aws-load-balancer-controller lint",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let notification = |unreadable: &super::Unreadable| json!({"level": "error", "message": {"text": unreadable.to_string()}});
    let invocation = json!({
        "executionSuccessful": outcome.unreadable.is_empty(),
        "toolExecutionNotifications": outcome.unreadable.iter().map(notification).collect::<Vec<_>>(),
    });
    let results: Vec<Value> = outcome.found.iter().map(|located| sarif_result(located, &ids)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "invocations": [invocation], "results": results}],
    })
}

/// `ids`: the ids of all rules, in their order.
fn sarif_result(located: &Located, ids: &[&str]) -> Value {
    let region = json!({"startLine": located.line});
    let artifact = json!({"uri": uri(&located.file)});
    json!({
        "ruleId": located.rule,
        "ruleIndex": ids.binary_search(&located.rule.as_str()).ok(),
        "level": level(located),
        "message": {"text": format!("{}: {}", located.finding.object, render(&located.finding))},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
    })
}

/// A path as a URI: relative ones relative, absolute ones with their scheme.
fn uri(path: &str) -> String {
    let escaped = utf8_percent_encode(path, ESCAPED);
    if path.starts_with('/') { format!("file://{escaped}") } else { escaped.to_string() }
}

/// Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
fn github(located: &Located) -> String {
    let Located { file, line, rule: _, finding } = located;
    let title = escape_property(&finding.object.to_string());
    format!(
        "::{} file={},line={line},title={title}::{}",
        level(located),
        escape_property(file),
        escape_data(&render(finding))
    )
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(value: &str) -> String {
    escape_data(value).replace(':', "%3A").replace(',', "%2C")
}
