//! The condition `Ready` of TargetGroupBindings.
//!
//! Upstream has the field, and writes it only when the cleanup of a binding failed.

use crate::api::{Condition, Time};
use jiff::Timestamp;

/// Type of the condition.
pub const READY: &str = "Ready";

/// What the condition shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingReadiness {
    /// Whether the targets are as wanted.
    pub is_ready: bool,
    /// Why, in one word: that of the event.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub message: String,
    /// `metadata.generation` of the binding that it is about.
    pub generation: Option<i64>,
}

impl BindingReadiness {
    fn status(&self) -> &'static str {
        if self.is_ready { "True" } else { "False" }
    }

    fn is_said_by(&self, present: &Condition) -> bool {
        present.status == self.status()
            && present.reason == self.reason
            && present.message == self.message
            && present.observed_generation == self.generation
    }
}

/// All conditions to write; `None`: they say so already. Conditions of others stay as they are.
pub fn conditions(
    present: &[Condition],
    wanted: &BindingReadiness,
    now: Timestamp,
) -> Option<Vec<Condition>> {
    let ready = present.iter().find(|condition| condition.type_ == READY);
    if ready.is_some_and(|ready| wanted.is_said_by(ready)) {
        return None;
    }
    let unmoved = ready.filter(|ready| ready.status == wanted.status());
    let condition = Condition {
        type_: READY.to_owned(),
        status: wanted.status().to_owned(),
        reason: wanted.reason.to_owned(),
        message: wanted.message.clone(),
        observed_generation: wanted.generation,
        last_transition_time: unmoved.map_or(Time(now), |ready| ready.last_transition_time.clone()),
    };
    let others = present.iter().filter(|condition| condition.type_ != READY).cloned();
    Some(others.chain([condition]).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    fn wanted(is_ready: bool, message: &str) -> BindingReadiness {
        BindingReadiness { is_ready, reason: "Reason", message: message.to_owned(), generation: Some(1) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_moves_with_the_status_and_nothing_is_written_twice() {
        let first = conditions(&[], &wanted(false, "a"), at(1)).unwrap();
        assert_eq!((first[0].status.as_str(), first[0].last_transition_time.0), ("False", at(1)));
        assert_eq!(conditions(&first, &wanted(false, "a"), at(2)), None);
        let second = conditions(&first, &wanted(false, "b"), at(3)).unwrap();
        assert_eq!((second[0].message.as_str(), second[0].last_transition_time.0), ("b", at(1)));
        let third = conditions(&second, &wanted(true, "b"), at(4)).unwrap();
        assert_eq!((third[0].status.as_str(), third[0].last_transition_time.0), ("True", at(4)));
        let later = BindingReadiness { generation: Some(2), ..wanted(true, "b") };
        let fourth = conditions(&third, &later, at(5)).unwrap();
        assert_eq!((fourth[0].observed_generation, fourth[0].last_transition_time.0), (Some(2), at(4)));
    }

    #[test]
    fn conditions_of_others_stay() {
        let other = Condition {
            type_: "Mine".to_owned(),
            ..conditions(&[], &wanted(true, ""), at(1)).unwrap()[0].clone()
        };
        let all = conditions(std::slice::from_ref(&other), &wanted(true, ""), at(2)).unwrap();
        assert_eq!((all.len(), &all[0]), (2, &other));
    }
}
