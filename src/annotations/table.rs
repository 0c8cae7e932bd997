//! Every annotation that has a meaning, one row each: parser checks, did-you-mean, reference documentation and the test
//! corpus derive from the row.

mod alb;
mod nlb;
mod other;

use super::value::{ValueFinding, ValueKind};
use super::{ALB_PREFIX, NLB_PREFIX};
use crate::finding::Severity;
use std::collections::BTreeMap;

/// An annotation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What stands before the slash.
    pub prefix: &'static str,
    /// What stands after it.
    pub suffix: Suffix,
    /// Kinds of objects that it is read from.
    pub on: &'static [&'static str],
    /// What it accepts.
    pub value: ValueKind,
    /// What counts without it.
    pub default: &'static str,
    /// What it needs in order to have an effect.
    pub needs: Option<&'static str>,
    /// What replaces it, if it is deprecated.
    pub instead: Option<&'static str>,
    /// Whether a wrong value counts as absent, so that it never prevents a build.
    pub is_lenient: bool,
    /// What it does, in one line.
    pub about: &'static str,
    /// Values that are right.
    pub examples: &'static [&'static str],
}

/// The part of a key after the slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// This.
    Exact(&'static str),
    /// This, a dot, and something.
    Family {
        /// Before the dot.
        stem: &'static str,
        /// What comes after the dot, as the documentation shows it.
        shape: &'static str,
        /// Something that may come after the dot.
        example: &'static str,
    },
}

impl Suffix {
    /// Whether it is this one.
    pub fn matches(self, suffix: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == suffix,
            Self::Family { stem, .. } => suffix
                .strip_prefix(stem)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }

    /// As the documentation shows it.
    pub fn show(self) -> String {
        match self {
            Self::Exact(exact) => exact.to_owned(),
            Self::Family { stem, shape, .. } => format!("{stem}.{shape}"),
        }
    }

    /// One that matches.
    pub fn example(self) -> String {
        match self {
            Self::Exact(exact) => exact.to_owned(),
            Self::Family { stem, example, .. } => format!("{stem}.{example}"),
        }
    }

    /// What does not vary.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Exact(text) | Self::Family { stem: text, .. } => text,
        }
    }
}

impl Row {
    /// The whole key, as the documentation shows it.
    pub fn key(&self) -> String {
        format!("{}/{}", self.prefix, self.suffix.show())
    }

    /// Whether it is read from objects of a kind.
    pub fn is_read_from(&self, kind: &str) -> bool {
        self.on.contains(&kind)
    }

    const fn new(
        prefix: &'static str,
        suffix: Suffix,
        on: &'static [&'static str],
        value: ValueKind,
    ) -> Self {
        Self {
            prefix,
            suffix,
            on,
            value,
            default: "",
            needs: None,
            instead: None,
            is_lenient: false,
            about: "",
            examples: &[],
        }
    }

    const fn about(mut self, about: &'static str, examples: &'static [&'static str]) -> Self {
        self.about = about;
        self.examples = examples;
        self
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    const fn needs(mut self, needs: &'static str) -> Self {
        self.needs = Some(needs);
        self
    }

    const fn instead(mut self, instead: &'static str) -> Self {
        self.instead = Some(instead);
        self
    }

    const fn lenient(mut self) -> Self {
        self.is_lenient = true;
        self
    }
}

/// All rows, in the order of the reference documentation.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    nlb::ROWS.iter().chain(alb::ROWS).chain(other::ROWS)
}

/// The row of a whole key. A key that is an exact row wins over one that is of a family.
pub fn find(key: &str) -> Option<&'static Row> {
    let (prefix, suffix) = key.split_once('/')?;
    let mut matching = rows().filter(|row| row.prefix == prefix && row.suffix.matches(suffix));
    matching.next()
}

/// Why admission refuses a value; `None`: it does not, or the key is not known.
pub fn refusal_of(key: &str, value: &str) -> Option<ValueFinding> {
    let value_findings = find(key)?.value.check(key, value);
    value_findings.into_iter().find(|value_finding| value_finding.severity == Severity::Error)
}

/// Annotations with values up to this many bytes are never too long to be built from.
const USUAL_LENGTH: usize = 4096;

/// The first annotation under a prefix whose value is too long for AWS whatever it says, with what is wrong with it. Builds
/// refuse it unread, because what they make of a value they may make for every rule and every port.
pub fn oversized<'a>(
    prefix: &str,
    annotations: Option<&'a BTreeMap<String, String>>,
) -> Option<(&'a str, String)> {
    let mut long = annotations.into_iter().flatten().filter(|(_, value)| value.len() > USUAL_LENGTH);
    long.find_map(|(key, value)| {
        let row = find(key).filter(|row| row.prefix == prefix && !row.is_lenient)?;
        Some((key.as_str(), row.value.excess(value)?))
    })
}

/// Suffixes that only the in-tree cloud provider reads, with what replaces them.
pub const IN_TREE: &[(&str, &str)] = &[
    ("aws-load-balancer-access-log-emit-interval", ""),
    ("aws-load-balancer-connection-draining-enabled", "aws-load-balancer-target-group-attributes"),
    ("aws-load-balancer-connection-draining-timeout", "aws-load-balancer-target-group-attributes"),
    ("aws-load-balancer-connection-idle-timeout", "aws-load-balancer-listener-attributes.<PROTOCOL>-<port>"),
    ("aws-load-balancer-extra-security-groups", "aws-load-balancer-security-groups"),
];

/// Words of keys that say little: what the other prefix has or lacks.
pub const FILLERS: &[&str] = &["aws", "load", "balancer"];

/// Whether a prefix is one of ours.
pub fn is_our_prefix(prefix: &str) -> bool {
    prefix == ALB_PREFIX || prefix == NLB_PREFIX
}

#[cfg(test)]
mod tests;
