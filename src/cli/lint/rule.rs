//! Ids of rules, for SARIF and for comments that ignore them.
//!
//! What is wrong with an annotation or a field has the annotation's key or the field's path as its rule, without indices; what
//! is wrong with the object as a whole, the rule `object`.

use crate::annotations::table;
use crate::finding::Finding;

/// The object as a whole.
pub(super) const OBJECT: &str = "object";
/// A document that is not YAML.
pub(super) const SYNTAX: &str = "syntax";
/// A kind or version that no API server serves.
pub(super) const KIND: &str = "kind";
/// The source of a template.
pub(super) const TEMPLATE: &str = "template";
/// A field that the kind does not have.
pub(super) const UNKNOWN_FIELD: &str = "unknown-field";
/// An annotation or field that is null.
pub(super) const NULL: &str = "null";

/// The rule of a finding.
pub(super) fn of(finding: &Finding) -> String {
    let Some(field) = &finding.field else { return OBJECT.to_owned() };
    let mut rule = String::with_capacity(field.len());
    let mut rest = field.as_str();
    while let Some((begin, bracketed)) = rest.split_once('[') {
        let (inner, after) = bracketed.split_once(']').unwrap_or((bracketed, ""));
        if inner.parse::<usize>().is_err() {
            return inner.to_owned();
        }
        rule.push_str(begin);
        rest = after;
    }
    rule + rest
}

/// What a rule is about, in one line.
pub(super) fn describe(rule: &str) -> String {
    let fixed = match rule {
        OBJECT => "The object as a whole",
        SYNTAX => "The document is YAML or JSON",
        KIND => "The kind and its version are served",
        TEMPLATE => "The manifest is rendered",
        UNKNOWN_FIELD => "The kind has the field",
        NULL => "Annotations and fields have a value",
        _ => {
            return table::find(rule)
                .map_or_else(|| format!("The field {rule}"), |row| row.about.replace('`', ""));
        }
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests;
