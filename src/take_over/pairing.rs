//! Which target group of a group becomes which of a Gateway: the one that the same rule forwards to, for the same port of the same
//! Service, with the same weight; where there is no such rule, any for that port.

use crate::api::{IntOrString, ObjectKey, TargetGroupBinding};
use crate::aws_api::Ref;
use crate::aws_api::elbv2::{ListenerAction, RuleCondition, TargetGroupTuple};
use crate::model::{ResourceId, Stack};
use crate::plan::actual;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The number of a port of a Service; `None`: there is no such port.
pub type ServicePorts<'a> = &'a (dyn Fn(&ObjectKey, &IntOrString) -> Option<i32> + Send + Sync);

/// What a target group is for: a Service and the number of its port.
type TargetGroupPurpose = (ObjectKey, i32);

/// The id that each target group has in the Gateway's stack, by ARN. Those without a counterpart are missing.
pub fn pair_target_groups(
    stack: &Stack,
    listeners: &[actual::Listener],
    bindings: &[TargetGroupBinding],
    ports: ServicePorts<'_>,
) -> BTreeMap<String, ResourceId> {
    let mut pairing = TargetGroupPairing {
        wanted: wanted_purposes(stack, ports),
        observed: observed_purposes(bindings, ports),
        by_arn: BTreeMap::new(),
        taken: BTreeSet::new(),
    };
    for (id, wanted) in &stack.listeners {
        let Some(observed) = listeners.iter().find(|observed| observed.entity.port == wanted.port) else {
            continue;
        };
        pairing.actions(&wanted.default_actions, &observed.entity.default_actions);
        let mut alike: BTreeMap<String, VecDeque<&actual::Rule>> = BTreeMap::new();
        let mut rules: Vec<&actual::Rule> = observed.rules.iter().collect();
        rules.sort_by_key(|rule| rule.entity.priority);
        for rule in rules {
            alike.entry(text_of(&rule.entity.conditions)).or_default().push_back(rule);
        }
        let of_listener = stack.rules.range((id.clone(), i32::MIN)..=(id.clone(), i32::MAX));
        for (_, rule) in of_listener {
            let twin = alike.get_mut(&text_of(&rule.conditions)).and_then(VecDeque::pop_front);
            if let Some(twin) = twin {
                pairing.actions(&rule.actions, &twin.entity.actions);
            }
        }
    }
    pairing.left_over();
    pairing.by_arn
}

fn wanted_purposes(stack: &Stack, ports: ServicePorts<'_>) -> BTreeMap<ResourceId, TargetGroupPurpose> {
    let purpose = |(id, binding): (&ResourceId, &crate::model::Binding)| {
        let service = ObjectKey::namespaced(binding.namespace.as_str(), binding.service_name.as_str());
        let port = ports(&service, &binding.service_port)?;
        Some((id.clone(), (service, port)))
    };
    stack.bindings.iter().filter_map(purpose).collect()
}

fn observed_purposes(
    bindings: &[TargetGroupBinding],
    ports: ServicePorts<'_>,
) -> BTreeMap<String, TargetGroupPurpose> {
    let purpose = |binding: &TargetGroupBinding| {
        let spec = &binding.spec;
        let service = ObjectKey::of(binding).sibling(spec.service_ref.name.as_str());
        let port = ports(&service, &spec.service_ref.port)?;
        Some((spec.target_group_arn.clone()?, (service, port)))
    };
    bindings.iter().filter_map(purpose).collect()
}

/// The same for conditions that are the same, whatever order their fields are in.
fn text_of(conditions: &[RuleCondition]) -> String {
    let mut conditions: Vec<&RuleCondition> = conditions.iter().collect();
    conditions.sort_by_key(|condition| condition.field());
    format!("{conditions:?}")
}

struct TargetGroupPairing {
    wanted: BTreeMap<ResourceId, TargetGroupPurpose>,
    observed: BTreeMap<String, TargetGroupPurpose>,
    by_arn: BTreeMap<String, ResourceId>,
    taken: BTreeSet<ResourceId>,
}

impl TargetGroupPairing {
    fn actions(&mut self, wanted: &[ListenerAction], observed: &[ListenerAction]) {
        for pair in wanted.iter().zip(observed) {
            if let (ListenerAction::Forward(wanted), ListenerAction::Forward(observed)) = pair {
                self.tuples(&wanted.target_groups, &observed.target_groups);
            }
        }
    }

    /// Pairs what is for the same, whatever rules forward to it: then only the rules differ.
    fn left_over(&mut self) {
        for (id, purpose) in &self.wanted {
            let free = |(arn, found): &(&String, &TargetGroupPurpose)| {
                *found == purpose && !self.by_arn.contains_key(*arn)
            };
            if !self.taken.contains(id)
                && let Some((arn, _)) = self.observed.iter().find(free)
            {
                self.by_arn.insert(arn.clone(), id.clone());
                self.taken.insert(id.clone());
            }
        }
    }

    fn tuples(&mut self, wanted: &[TargetGroupTuple], observed: &[TargetGroupTuple]) {
        for tuple in wanted {
            let Ref::Pending(symbol) = &tuple.target_group else { continue };
            let id = ResourceId::from(symbol.id.as_str());
            let Some(purpose) = self.wanted.get(&id).filter(|_| !self.taken.contains(&id)) else { continue };
            let free = observed.iter().filter_map(|tuple| Some((tuple, tuple.target_group.known()?)));
            let free: Vec<_> = free
                .filter(|(_, arn)| {
                    !self.by_arn.contains_key(*arn) && self.observed.get(*arn) == Some(purpose)
                })
                .collect();
            let is_alike = |(found, _): &&(&TargetGroupTuple, &str)| {
                found.weight.unwrap_or(1) == tuple.weight.unwrap_or(1)
            };
            if let Some((_, arn)) = free.iter().find(is_alike).or(free.first()) {
                self.by_arn.insert((*arn).to_owned(), id.clone());
                self.taken.insert(id);
            }
        }
    }
}
