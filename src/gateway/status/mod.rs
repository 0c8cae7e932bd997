//! What is written to the status of Gateways, ListenerSets, routes, classes and rule configurations.
//!
//! Every function answers the whole status, or `None` when what is there says the same, in whatever order. Conditions of types
//! that are not ours stay, and the time of a condition moves only with its status.

mod gateway;
mod gateway_class;
mod listener;
mod listener_set;
mod route;
mod rule_configuration;

pub use gateway::{GatewayOutcome, LoadBalancerState, Observed, gateway_status};
pub use gateway_class::{ClassOutcome, class_status};
pub use listener_set::{REJECTED, SetOutcome, set_outcomes, set_status};
pub use route::{Knowledge, Report, report, route_status, same_parent};
pub use rule_configuration::{rule_configuration_status, secret_of};

use jiff::Timestamp;

use crate::api::{Condition, Time};

/// Longest message of a condition, in letters; what is longer is cut, as upstream does.
const LONGEST: usize = 32_700;

/// Whether what a condition is about is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Truth {
    /// The condition holds.
    True,
    /// It is not.
    False,
    /// Nobody can tell.
    Unknown,
}

impl From<bool> for Truth {
    fn from(is_so: bool) -> Self {
        if is_so { Self::True } else { Self::False }
    }
}

/// A condition as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Type of the condition.
    pub type_: &'static str,
    /// Whether it is so.
    pub status: Truth,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
}

impl Wanted {
    fn new(
        type_: &'static str,
        status: impl Into<Truth>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { type_, status: status.into(), reason: reason.into(), message: message.into() }
    }
}

impl Wanted {
    /// A condition as it is.
    fn again(type_: &'static str, condition: &Condition) -> Self {
        let status = match condition.status.as_str() {
            "True" => Truth::True,
            "False" => Truth::False,
            _ => Truth::Unknown,
        };
        Self::new(type_, status, condition.reason.as_str(), condition.message.as_str())
    }
}

/// When, and of which generation of the object, something is reported.
#[derive(Clone, Copy, Debug)]
pub struct StatusTime {
    /// `metadata.generation` of the object that was looked at.
    pub generation: i64,
    /// The time that is written.
    pub now: Timestamp,
}

/// The conditions of an object: those that are wanted, then the others that it has.
fn merge(old: &[Condition], wanted: &[Wanted], moment: StatusTime) -> Vec<Condition> {
    let mut merged: Vec<Condition> = wanted.iter().map(|wanted| condition(old, wanted, moment)).collect();
    let others = old.iter().filter(|old| wanted.iter().all(|wanted| wanted.type_ != old.type_));
    merged.extend(others.cloned());
    merged
}

fn condition(old: &[Condition], wanted: &Wanted, moment: StatusTime) -> Condition {
    let status: &'static str = wanted.status.into();
    let unchanged = old.iter().find(|old| old.type_ == wanted.type_ && old.status == status);
    let since = unchanged.map_or_else(|| Time(moment.now), |old| old.last_transition_time.clone());
    Condition {
        last_transition_time: since,
        message: shorten(&wanted.message),
        observed_generation: Some(moment.generation),
        reason: wanted.reason.clone(),
        status: status.to_owned(),
        type_: wanted.type_.to_owned(),
    }
}

fn shorten(message: &str) -> String {
    match message.char_indices().nth(LONGEST) {
        None => message.to_owned(),
        Some((end, _)) => format!("{}...", message.get(..end).unwrap_or_default()),
    }
}

/// Whether two lists have equal members, in whatever order.
fn same_members<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.len() == other.len() && one.iter().all(|member| other.contains(member))
}

#[cfg(test)]
mod tests;
