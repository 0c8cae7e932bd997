//! Listener rules: matched by content first, then by priority, so that a change touches as little as possible
//! (upstream: `listener_rule_*.go`).

use super::equality::{key_of_rule, same_actions, same_conditions, same_transforms};
use super::listeners::target_groups;
use super::plan_builder::Phase;
use super::{Diff, symbol};
use crate::aws_api::elbv2::{CreateRule, DeleteRule, ModifyRule, SetRulePriorities};
use crate::aws_api::{Ref, SymbolKind};
use crate::model::{ResourceAddress, ResourceId, Rule};
use crate::plan::{Quota, Stage, Step, StepId, actual};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const STAGE: Stage = Stage::Rules;
const PHASE: Phase = Phase::Rules;

/// Highest priority that AWS takes; rules on their way out are parked from here downwards.
const LAST_PRIORITY: i32 = 50_000;

/// How the rules of one listener come about.
#[derive(Default)]
struct Pairing<'a> {
    /// Same content, same priority.
    kept: Vec<(i32, &'a Rule, &'a actual::Rule)>,
    /// Same content, other priority.
    moved: Vec<(i32, &'a Rule, &'a actual::Rule)>,
    /// Same priority, other content.
    modified: Vec<(i32, &'a Rule, &'a actual::Rule)>,
    created: Vec<(i32, &'a Rule)>,
    /// By ascending priority.
    deleted: Vec<&'a actual::Rule>,
}

impl<'a> Diff<'a> {
    pub(super) fn rules(
        &mut self,
        load_balancer: &'a ResourceId,
        listener: &'a ResourceId,
        desired: &[(i32, &'a Rule)],
        actual: Option<&'a actual::Listener>,
    ) {
        let observed = actual.map(|actual| actual.rules.as_slice()).unwrap_or_default();
        let pairing = self.pair(desired, observed);
        let prioritised = self.set_priorities(listener, &pairing);
        for (priority, rule, actual) in &pairing.modified {
            self.modify_rule(listener, *priority, rule, actual);
        }
        self.create_and_delete(load_balancer, listener, &pairing, prioritised);
        let Pairing { kept, moved, modified, created: _, deleted: _ } = pairing;
        for (priority, rule, actual) in moved.into_iter().chain(kept).chain(modified) {
            self.use_target_groups(&actual.entity.actions);
            self.rule_tags(listener, priority, rule, actual);
        }
    }

    fn pair(&self, desired: &[(i32, &'a Rule)], observed: &'a [actual::Rule]) -> Pairing<'a> {
        let mut pairing = Pairing::default();
        let mut left: BTreeMap<i32, &'a actual::Rule> = observed
            .iter()
            .filter_map(|rule| rule.entity.priority.map(|priority| (priority, rule)))
            .collect();
        let mut unmatched = Vec::new();
        for (priority, rule) in desired {
            match left.get(priority) {
                Some(actual) if self.is_same_rule(rule, actual) => {
                    pairing.kept.push((*priority, *rule, *actual));
                    left.remove(priority);
                }
                _ => unmatched.push((*priority, *rule)),
            }
        }
        let mut unmoved = Vec::new();
        let mut twins: BTreeMap<String, VecDeque<i32>> = BTreeMap::new();
        for (at, actual) in &left {
            let entity = &actual.entity;
            twins.entry(key_of_rule(&entity.conditions, &entity.actions)).or_default().push_back(*at);
        }
        for (priority, rule) in unmatched {
            let key = key_of_rule(&rule.conditions, &self.bound_actions(&rule.actions));
            let alike = twins.get_mut(&key);
            let twin = alike.and_then(|alike| {
                let is_twin = |at: &i32| left.get(at).is_some_and(|actual| self.is_same_rule(rule, actual));
                alike.iter().position(is_twin).and_then(|place| alike.remove(place))
            });
            match twin.and_then(|at| left.remove(&at)) {
                Some(actual) => pairing.moved.push((priority, rule, actual)),
                None => unmoved.push((priority, rule)),
            }
        }
        for (priority, rule) in unmoved {
            match left.remove(&priority) {
                Some(actual) => pairing.modified.push((priority, rule, actual)),
                None => pairing.created.push((priority, rule)),
            }
        }
        pairing.deleted = left.into_values().collect();
        pairing
    }

    fn is_same_rule(&self, wanted: &Rule, observed: &actual::Rule) -> bool {
        let Rule { conditions, actions, transforms, tags: _ } = wanted;
        let entity = &observed.entity;
        same_conditions(conditions, &entity.conditions)
            && same_transforms(transforms, &entity.transforms)
            && same_actions(&self.bound_actions(actions), &entity.actions, self.context.secrets)
    }

    /// One atomic call moves all that moves, and parks the leaving rules that stand in the way.
    fn set_priorities(&mut self, listener: &ResourceId, pairing: &Pairing<'_>) -> Option<StepId> {
        let Pairing { kept, moved, modified, created: _, deleted } = pairing;
        if moved.is_empty() {
            return None;
        }
        let targets: BTreeSet<i32> = moved.iter().map(|(priority, _, _)| *priority).collect();
        let staying = kept.iter().chain(modified).map(|(priority, _, _)| *priority);
        let leaving = deleted.iter().filter_map(|rule| rule.entity.priority);
        let taken: BTreeSet<i32> = staying.chain(leaving).chain(targets.iter().copied()).collect();
        let mut parking = (1..=LAST_PRIORITY).rev().filter(|priority| !taken.contains(priority));
        let in_the_way =
            deleted.iter().rev().filter(|rule| rule.entity.priority.is_some_and(|at| targets.contains(&at)));
        let parked =
            in_the_way.zip(&mut parking).map(|(rule, priority)| (rule.entity.arn.as_str(), priority));
        let moved = moved.iter().map(|(priority, _, rule)| (rule.entity.arn.as_str(), *priority));
        let priorities = parked.chain(moved).map(|(arn, priority)| (Ref::from(arn), priority)).collect();
        let request = SetRulePriorities { priorities };
        let step =
            Step::aws(STAGE, ResourceAddress::RulesOf(listener.clone()), request, "rules change places");
        Some(self.builder.emit(PHASE, step))
    }

    fn modify_rule(&mut self, listener: &ResourceId, priority: i32, desired: &Rule, actual: &actual::Rule) {
        let Rule { conditions, actions, transforms, tags: _ } = desired;
        let request = ModifyRule {
            arn: actual.entity.arn.as_str().into(),
            conditions: conditions.clone(),
            actions: self.bound_actions(actions),
            transforms: transforms.clone(),
        };
        let step = Step::aws(STAGE, address(listener, priority), request, "content differs")
            .after(self.bindings_before(actions));
        let step = self.builder.emit(PHASE, step);
        self.release(target_groups(&actual.entity.actions), step);
    }

    /// Creates, then deletes. On a load balancer that takes no more rules, each new one needs an old one to go first;
    /// what still finds no room is tried at the very end.
    fn create_and_delete(
        &mut self,
        load_balancer: &ResourceId,
        listener: &ResourceId,
        pairing: &Pairing<'_>,
        prioritised: Option<StepId>,
    ) {
        let must_free = self.context.exhausted_quotas.is_exhausted(&Quota::TargetGroups);
        let full = self.exhausted_rules_of(load_balancer);
        let mut deleted = pairing.deleted.iter();
        if must_free {
            for rule in deleted.by_ref() {
                self.delete_rule(Phase::Frees, rule, None);
            }
        }
        let mut late = prioritised;
        for (priority, rule) in &pairing.created {
            let Some(quota) = &full else {
                self.create_rule(PHASE, listener, *priority, rule, prioritised);
                continue;
            };
            if let Some(leaving) = deleted.next() {
                let gone = self.delete_rule(PHASE, leaving, prioritised);
                self.create_rule(PHASE, listener, *priority, rule, Some(gone));
            } else {
                // why: once one of them finds no room, the others need not be tried
                let step = self.create_rule(Phase::LateRules, listener, *priority, rule, late);
                self.builder.fall_short(quota.clone(), address(listener, *priority), step);
                late = Some(step);
            }
        }
        for rule in deleted {
            self.delete_rule(PHASE, rule, None);
        }
    }

    fn exhausted_rules_of(&self, load_balancer: &ResourceId) -> Option<Quota> {
        let actual = self.load_balancers.get(load_balancer)?;
        let quota = Quota::RulesOf(actual.entity.arn.clone());
        self.context.exhausted_quotas.is_exhausted(&quota).then_some(quota)
    }

    fn create_rule(
        &mut self,
        phase: Phase,
        listener: &ResourceId,
        priority: i32,
        desired: &Rule,
        after: Option<StepId>,
    ) -> StepId {
        let Rule { conditions, actions, transforms, tags } = desired;
        let id = rule_id(listener, priority);
        let request = CreateRule {
            listener_arn: self.reference(SymbolKind::ListenerArn, listener),
            priority,
            conditions: conditions.clone(),
            actions: self.bound_actions(actions),
            transforms: transforms.clone(),
            tags: self.listener_tags(&id, tags).unwrap_or_default(),
        };
        let step = Step::aws(STAGE, address(listener, priority), request, "does not exist")
            .binding([symbol(SymbolKind::RuleArn, &id)])
            .after(after);
        self.builder.emit(phase, step)
    }

    fn delete_rule(&mut self, phase: Phase, rule: &actual::Rule, after: Option<StepId>) -> StepId {
        let arn = rule.entity.arn.as_str();
        let request = DeleteRule { arn: arn.into() };
        let step = Step::aws(STAGE, arn, request, "nobody asked for it").after(after);
        let step = self.builder.emit(phase, step);
        self.release(target_groups(&rule.entity.actions), step);
        step
    }

    fn rule_tags(&mut self, listener: &ResourceId, priority: i32, desired: &Rule, actual: &actual::Rule) {
        let id = rule_id(listener, priority);
        self.know(SymbolKind::RuleArn, &id, &actual.entity.arn);
        if let Some(tags) = self.listener_tags(&id, &desired.tags) {
            let arn = Ref::from(actual.entity.arn.as_str());
            self.elbv2_tags((PHASE, STAGE), address(listener, priority), &arn, (&tags, &actual.tags), false);
        }
    }
}

fn address(listener: &ResourceId, priority: i32) -> ResourceAddress {
    ResourceAddress::Rule { listener: listener.clone(), priority }
}

fn rule_id(listener: &ResourceId, priority: i32) -> ResourceId {
    ResourceId::from(address(listener, priority).to_string())
}
