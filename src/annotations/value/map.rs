//! Lists of `key=value` pairs.

use super::list::is_port_number;
use super::{ValueFinding, not_one_of};
use crate::annotations::attributes::{self, ResourceKind};
use crate::annotations::parse;
use crate::api::meta;
use std::collections::BTreeMap;

/// Characters of a value that a message shows.
const MAX_SHOWN: usize = 200;
/// Tags of a resource; three more are the controller's.
const MAX_TAGS: usize = 47;
/// No resource has as many attributes.
const MAX_ATTRIBUTES: usize = 200;
/// Far more than the tags that a resource has, or the labels of a node.
const MAX_PAIRS: usize = 1000;
const CAPACITY_UNITS: &str = "CapacityUnits";
/// What the pairs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// Attributes.
    Attributes(ResourceKind),
    /// Tags.
    Tags,
    /// Node labels.
    Labels,
    /// Reserved capacity.
    Capacity,
    /// Ports to ports.
    PortMapping,
}

impl MapKind {
    /// What is wrong with the pairs.
    pub(super) fn check(self, value: &str) -> Vec<ValueFinding> {
        let Some(pairs) = parse::map(value) else {
            let shown: String = value.chars().take(MAX_SHOWN).collect();
            let dots = if shown.len() < value.len() { "…" } else { "" };
            let problem = format!("{shown:?}{dots} is not a list of key=value pairs");
            return vec![
                ValueFinding::error(problem)
                    .hint("write key=value,key=value; a comma in a value is written \\,"),
            ];
        };
        if let Some(most) = self.most_pairs().filter(|most| pairs.len() > *most) {
            return vec![ValueFinding::error(format!("has {} pairs, expected at most {most}", pairs.len()))];
        }
        let mut value_findings: Vec<ValueFinding> =
            pairs.iter().filter_map(|(key, value)| self.check_pair(key, value)).collect();
        let repeated = parse::repeated_keys(value).into_iter();
        value_findings.extend(
            repeated.map(|key| ValueFinding::error(format!("{key:?} is given twice, expected it once"))),
        );
        value_findings.extend(self.check_routing(&pairs));
        if pairs.is_empty() {
            value_findings.push(ValueFinding::warning("is empty, which has no effect"));
        }
        let is_by_cookie = pairs.get("stickiness.type").is_some_and(|kind| kind == "app_cookie");
        if is_by_cookie && !pairs.contains_key("stickiness.app_cookie.cookie_name") {
            value_findings.push(ValueFinding::error(
                "stickiness.type app_cookie needs stickiness.app_cookie.cookie_name",
            ));
        }
        if self == Self::Tags && pairs.len() > MAX_TAGS {
            value_findings.push(ValueFinding::error(format!(
                "{} tags are given, expected at most {MAX_TAGS}",
                pairs.len()
            )));
        }
        value_findings
    }

    /// Ways of routing that exclude each other.
    /// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
    fn check_routing(self, pairs: &BTreeMap<String, String>) -> Vec<ValueFinding> {
        const ALGORITHM: &str = "load_balancing.algorithm.type";
        const MITIGATION: &str = "load_balancing.algorithm.anomaly_mitigation";
        if self != Self::Attributes(ResourceKind::ApplicationTargets) {
            return Vec::new();
        }
        let given = |key: &str| pairs.get(key).map(String::as_str);
        let algorithm = given(ALGORITHM).unwrap_or("round_robin");
        let starts_slowly = given("slow_start.duration_seconds").is_some_and(|seconds| seconds != "0");
        let slow = (starts_slowly && algorithm != "round_robin")
            .then(|| format!("slow_start.duration_seconds cannot be used with {ALGORITHM} {algorithm}, only with round_robin"));
        let mitigates = given(MITIGATION) == Some("on") && algorithm != "weighted_random";
        let mitigation = mitigates
            .then(|| format!("{MITIGATION} on needs {ALGORITHM} weighted_random, which is {algorithm}"));
        slow.into_iter().chain(mitigation).map(ValueFinding::error).collect()
    }

    /// More pairs than AWS could ever take; `None`: no such limit is known.
    fn most_pairs(self) -> Option<usize> {
        match self {
            Self::Attributes(_) | Self::Capacity => Some(MAX_ATTRIBUTES),
            Self::Tags | Self::Labels => Some(MAX_PAIRS),
            Self::PortMapping => None,
        }
    }

    /// What the pairs are, for the reference documentation.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Attributes(resource_kind) => {
                format!("[attributes of {}](#{})", resource_kind.name(), anchor(resource_kind))
            }
            Self::Tags => "tags".to_owned(),
            Self::Labels => "labels of nodes".to_owned(),
            Self::Capacity => format!("`{CAPACITY_UNITS}=n`"),
            Self::PortMapping => "port of the NLB to port of the ALB".to_owned(),
        }
    }

    /// What is wrong with one pair.
    pub fn check_pair(self, key: &str, value: &str) -> Option<ValueFinding> {
        match self {
            Self::Attributes(resource_kind) => attributes::check(resource_kind, key, value),
            Self::Tags => check_tag(key, value),
            Self::Labels => check_label(key, value),
            Self::Capacity => check_capacity(key, value),
            Self::PortMapping => {
                let wrong = [key, value].into_iter().find(|port| !is_port_number(port))?;
                Some(ValueFinding::error(format!("{wrong:?} is not a port number from 1 to 65535")))
            }
        }
    }
}

/// Heading of a bearer's attributes in the reference documentation.
pub fn heading_of(resource_kind: ResourceKind) -> String {
    format!("Attributes of {}", resource_kind.name())
}

fn anchor(resource_kind: ResourceKind) -> String {
    heading_of(resource_kind).to_lowercase().replace(' ', "-")
}

/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Tag.html>
fn check_tag(key: &str, value: &str) -> Option<ValueFinding> {
    let is_allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    if key.to_lowercase().starts_with("aws:") {
        return Some(ValueFinding::error(format!("tag key {key:?} starts with aws:, which is reserved")));
    }
    if meta::TRACKING_TAGS.contains(&key) {
        return Some(ValueFinding::warning(format!(
            "tag key {key:?} is the controller's own, yours has no effect"
        )));
    }
    let (key_length, value_length) = (key.chars().count(), value.chars().count());
    if key_length > 128 || value_length > 256 {
        let problem = format!(
            "tag {key:?} has {key_length} and {value_length} characters, expected at most 128 and 256"
        );
        return Some(ValueFinding::error(problem));
    }
    let odd = key.chars().chain(value.chars()).find(|c| !is_allowed(*c))?;
    let problem = format!("tag {key:?} contains {odd:?}, expected letters, digits, blanks and _.:/=+-@");
    Some(ValueFinding::error(problem))
}

/// Source: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>
fn check_label(key: &str, value: &str) -> Option<ValueFinding> {
    let is_word = |text: &str| {
        text.len() <= 63
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let (prefix, name) = key.split_once('/').unwrap_or(("x", key));
    if !is_word(prefix) || !is_word(name) {
        return Some(ValueFinding::error(format!("{key:?} is not the key of a label")));
    }
    let is_value = value.is_empty() || is_word(value);
    (!is_value).then(|| ValueFinding::error(format!("{value:?} is not the value of a label")))
}

fn check_capacity(key: &str, value: &str) -> Option<ValueFinding> {
    if key != CAPACITY_UNITS {
        return Some(not_one_of(key, &[CAPACITY_UNITS]));
    }
    let is_right = parse::int32(value).is_some_and(|units| units >= 0);
    (!is_right).then(|| {
        ValueFinding::error(format!("{CAPACITY_UNITS} is {value:?}, expected a whole number from 0"))
    })
}
