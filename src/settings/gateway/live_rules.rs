//! Where the rules of a listener send requests in AWS.

use crate::aws_api::elbv2::{ListenerAction, RuleCondition, TargetGroupTuple};
use crate::facts::LiveStack;
use std::collections::BTreeMap;

/// The target groups of the rules of a listener that forward, by their conditions.
pub(super) struct LiveForwards<'l>(BTreeMap<String, &'l [TargetGroupTuple]>);

impl<'l> LiveForwards<'l> {
    /// Those of a port.
    pub fn new(live: &'l LiveStack, port: i32) -> Self {
        let of_port = live.listeners.iter().filter(|live| live.listener.port == port);
        let rules = of_port.flat_map(|live| &live.rules).map(|live| &live.rule);
        let forwards = rules.filter_map(|rule| match rule.actions.last()? {
            ListenerAction::Forward(forward) => {
                Some((key(&rule.conditions), forward.target_groups.as_slice()))
            }
            _ => None,
        });
        Self(forwards.collect())
    }

    /// The target groups of the rule with these conditions; empty: it is not there, or does not forward.
    pub fn of(&self, conditions: &[RuleCondition]) -> &'l [TargetGroupTuple] {
        self.0.get(&key(conditions)).copied().unwrap_or_default()
    }
}

/// A text that is the same for conditions that are the same, in whatever order.
fn key(conditions: &[RuleCondition]) -> String {
    let mut conditions: Vec<&RuleCondition> = conditions.iter().collect();
    conditions.sort_by_key(|condition| condition.field());
    format!("{conditions:?}")
}
