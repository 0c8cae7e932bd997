//! Kinds of annotation values, and what is wrong with a value of a kind, as far as the value alone can tell.
//!
//! Limits are AWS's (ELBv2, EC2 and ACM API references); what they refuse cannot be built in any account.

mod json;
mod list;
mod map;
pub mod regex;
mod text;

pub use json::{
    JsonKind, MAX_VALUE, MAX_VALUES, check_claim, check_url, condition_excess, target_group_excess,
    wrong_lengths,
};
pub use list::{ItemKind, MAX_RULES, is_id, is_label};
pub use map::{MapKind, heading_of};
pub use text::{TextKind, is_arn};

use super::parse;
use crate::finding::{Severity, alternatives, did_you_mean, likely, nearest};

/// Something wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueFinding {
    /// How bad.
    pub severity: Severity,
    /// What is wrong, with the offending value and what is expected: lower case, no full stop.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
}

impl ValueFinding {
    /// Cannot be built.
    pub fn error(problem: impl Into<String>) -> Self {
        Self { severity: Severity::Error, problem: problem.into(), hint: None }
    }

    /// Works, but likely not as meant.
    pub fn warning(problem: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(problem) }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Proposes the likeliest of the right spellings, if there are not too many.
    #[must_use]
    pub fn suggest(self, value: &str, allowed: &[&str]) -> Self {
        match did_you_mean(&likely(value, allowed.iter().copied(), &[])) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

/// A kind of values.
#[derive(Clone, Copy, Debug)]
pub enum ValueKind {
    /// A boolean in Go's spelling.
    Boolean,
    /// A whole number in a range.
    Integer(i64, i64),
    /// One of these, letter by letter.
    Choice(&'static [&'static str]),
    /// One of these, whatever the case.
    ChoiceInAnyCase(&'static [&'static str]),
    /// A comma-separated list.
    List(ItemKind),
    /// A comma-separated list of `key=value` pairs.
    Map(MapKind),
    /// A JSON document.
    Json(JsonKind),
    /// Anything else.
    Text(TextKind),
}

impl ValueKind {
    /// Everything that is wrong with a value.
    ///
    /// What is longer than any right value is refused for its length and not looked at.
    pub fn check(self, key: &str, value: &str) -> Vec<ValueFinding> {
        if let Some(problem) = self.excess(value) {
            return vec![ValueFinding::error(problem)];
        }
        match self {
            Self::Boolean => {
                parse::boolean(value).is_none().then(|| not_a_boolean(value)).into_iter().collect()
            }
            Self::Integer(low, high) => check_integer(value, low, high).into_iter().collect(),
            Self::Choice(allowed) => {
                let is_known = allowed.contains(&value);
                if is_known { Vec::new() } else { vec![not_one_of(value, allowed)] }
            }
            Self::ChoiceInAnyCase(allowed) => {
                let is_known = allowed.iter().any(|known| known.eq_ignore_ascii_case(value));
                if is_known { Vec::new() } else { vec![not_one_of(value, allowed)] }
            }
            Self::List(items) => items.check(value),
            Self::Map(entries) => entries.check(value),
            Self::Json(kind) => kind.check(key, value),
            Self::Text(kind) => kind.check(value).into_iter().collect(),
        }
    }

    /// Why a value is too long for AWS, whatever it says. The value is not shown: it may be of any size.
    pub fn excess(self, value: &str) -> Option<String> {
        if let Self::List(items) = self {
            return items.excess(value);
        }
        let most = self.longest().filter(|most| value.len() > *most)?;
        let length = value.chars().count();
        (length > most).then(|| format!("has {length} characters, expected at most {most}"))
    }

    /// The most characters that a right value of the kind can have; `None`: its items are counted, or it has no limit.
    fn longest(self) -> Option<usize> {
        match self {
            Self::Boolean | Self::Integer(..) | Self::Choice(_) | Self::ChoiceInAnyCase(_) => Some(MAX_WORD),
            Self::Text(TextKind::Anything) | Self::List(_) => None,
            Self::Text(_) => Some(MAX_TEXT),
            Self::Map(_) => Some(MAX_MAP),
            Self::Json(_) => Some(MAX_DOCUMENT),
        }
    }

    /// The kind in the reference documentation.
    pub fn describe(self) -> String {
        match self {
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Integer(low, high) => format!("whole number, {low} to {high}"),
            Self::Choice(allowed) => code(allowed),
            Self::ChoiceInAnyCase(allowed) => format!("{} in any case", code(allowed)),
            Self::List(items) => format!("comma-separated list of {}", items.describe()),
            Self::Map(entries) => format!("comma-separated `key=value` pairs: {}", entries.describe()),
            Self::Json(kind) => format!("JSON: {}", kind.describe()),
            Self::Text(kind) => kind.describe().to_owned(),
        }
    }
}

/// Longer than every number and every value of a closed set, in characters.
const MAX_WORD: usize = 128;
/// Longer than every name, path, list of status codes and ARN that AWS takes, in characters.
const MAX_TEXT: usize = 4096;
/// All the tags that a resource can have, each as long as it can be, in characters; attributes are shorter.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Tag.html>
const MAX_MAP: usize = 50 * (128 + 256 + 2) + 700;
/// Far longer than an action with the longest body, or as many listeners as a load balancer can have, in characters.
const MAX_DOCUMENT: usize = 16_384;

fn code(allowed: &[&str]) -> String {
    allowed.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

fn not_a_boolean(value: &str) -> ValueFinding {
    let right = match value.trim().to_lowercase().as_str() {
        "yes" | "y" | "on" | "enabled" | "enable" => Some("true"),
        "no" | "n" | "off" | "disabled" | "disable" => Some("false"),
        other => nearest(other, ["true", "false"]),
    };
    let value_finding = ValueFinding::error(format!("{value:?} is not a boolean (true or false)"));
    match right {
        Some(right) => value_finding.hint(format!("did you mean `{right}`?")),
        None => value_finding,
    }
}

fn check_integer(value: &str, low: i64, high: i64) -> Option<ValueFinding> {
    match parse::int64(value) {
        Some(number) if (low..=high).contains(&number) => None,
        Some(number) => {
            Some(ValueFinding::error(format!("{number} is out of range, expected {low} to {high}")))
        }
        None => {
            let digits: String = value.trim().chars().take_while(char::is_ascii_digit).collect();
            let value_finding =
                ValueFinding::error(format!("{value:?} is not a whole number, expected {low} to {high}"));
            Some(if digits.is_empty() {
                value_finding
            } else {
                value_finding.hint(format!("did you mean `{digits}`?"))
            })
        }
    }
}

/// A value outside of a closed set.
pub fn not_one_of(value: &str, allowed: &[&str]) -> ValueFinding {
    ValueFinding::error(format!("{value:?} is not one of {}", alternatives(allowed))).suggest(value, allowed)
}

/// Whether a text is hexadecimal digits of a length that AWS's ids have.
fn is_id_tail(text: &str) -> bool {
    matches!(text.len(), 8 | 17) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
