//! Listener rules: creation, description, change, deletion, priorities.

use super::{Kind, conditions::check_transforms, nested, parent, uses::forwarded};
use crate::{
    World,
    refusal::{CallResult, Refusal, bad_value, ensure, refuse},
    tags,
};
use aws_load_balancer_controller::aws_api::{
    Ref, Tags,
    elbv2::{
        CreateRule, DeleteRule, DescribeRules, LoadBalancer, ModifyRule, Page, Protocol, Rule,
        SetRulePriorities,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// A rule and its tags.
#[derive(Clone, Debug)]
pub(crate) struct RuleState {
    pub(crate) described: Rule,
    pub(crate) tags: Tags,
}

impl World {
    pub(crate) fn create_rule(&mut self, request: &CreateRule) -> CallResult<Rule> {
        let (lb, protocol) = self.listener_and_protocol(&request.listener_arn)?;
        let listener_arn = request.listener_arn.resolved()?.to_owned();
        tags::check(&request.tags, &Tags::new(), bad_value, super::tagging::too_many)?;
        check_priority(request.priority)?;
        self.check_conditions(&lb, &request.conditions)?;
        check_transforms(&request.transforms)?;
        let actions = self.normalize_actions(&lb, &protocol, &request.actions)?;
        let taken = self
            .elb
            .rules_of(&listener_arn)
            .any(|(_, rule)| rule.described.priority == Some(request.priority));
        ensure(!taken, || priority_in_use(request.priority))?;
        ensure(self.elb.rules_of_load_balancer(&lb.arn).count() < self.settings.quotas.rules, || {
            refuse(
                "TooManyRules",
                format!("The maximum number of rules on load balancer '{}' has been reached", lb.arn),
            )
        })?;
        self.check_uses(&lb, &protocol, &actions, &[])?;
        let described = Rule {
            arn: format!("{}{}", nested(&listener_arn, ":listener/", ":listener-rule/"), self.ids.hex(16)),
            priority: Some(request.priority),
            conditions: request.conditions.clone(),
            actions,
            transforms: request.transforms.clone(),
        };
        let state = RuleState { described: described.clone(), tags: request.tags.clone() };
        self.elb.rules.insert(described.arn.clone(), state);
        self.refresh_uses(&lb.arn, &forwarded(&described.actions));
        Ok(described)
    }

    /// Rules in the order of their priorities, the default rule last.
    pub(crate) fn describe_rules(&self, request: &DescribeRules) -> CallResult<Page<Rule>> {
        let listener = self.elb.listener(&request.listener_arn)?;
        let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
        for (_, rule) in self.elb.rules_of(&listener.described.arn) {
            let key = format!("{:06}", rule.described.priority.unwrap_or_default());
            rules.insert(key, rule.described.clone());
        }
        let default = Rule {
            arn: listener.default_rule_arn.clone(),
            priority: None,
            conditions: Vec::new(),
            actions: listener.described.default_actions.clone(),
            transforms: Vec::new(),
        };
        rules.insert("default".to_owned(), default);
        self.elb_page(rules, request.marker.as_deref())
    }

    pub(crate) fn modify_rule(&mut self, request: &ModifyRule) -> CallResult<()> {
        let (lb, protocol) = self.home_of_rule(&request.arn)?;
        self.check_conditions(&lb, &request.conditions)?;
        check_transforms(&request.transforms)?;
        let actions = self.normalize_actions(&lb, &protocol, &request.actions)?;
        self.check_uses(&lb, &protocol, &actions, &self.elb.rule(&request.arn)?.described.actions)?;
        let rule = &mut self.elb.rule_mut(&request.arn)?.described;
        let mut groups = forwarded(&rule.actions);
        groups.extend(forwarded(&actions));
        rule.actions = actions;
        rule.conditions.clone_from(&request.conditions);
        rule.transforms.clone_from(&request.transforms);
        self.refresh_uses(&lb.arn, &groups);
        Ok(())
    }

    pub(crate) fn delete_rule(&mut self, request: &DeleteRule) -> CallResult<()> {
        let (lb, _) = self.home_of_rule(&request.arn)?;
        if let Some(rule) = self.elb.rules.remove(request.arn.resolved()?) {
            self.refresh_uses(&lb.arn, &forwarded(&rule.described.actions));
        }
        Ok(())
    }

    /// Moves several rules of one listener at once; none moves unless all can.
    pub(crate) fn set_rule_priorities(&mut self, request: &SetRulePriorities) -> CallResult<()> {
        let listener_arn = self.common_listener(request)?;
        let mut moved = BTreeSet::new();
        for (arn, priority) in &request.priorities {
            check_priority(*priority)?;
            ensure(moved.insert(arn.resolved()?), || bad_value("A rule was specified more than once"))?;
        }
        let staying = self.elb.rules_of(&listener_arn).filter(|(arn, _)| !moved.contains(arn.as_str()));
        let mut taken: BTreeSet<i32> = staying.filter_map(|(_, rule)| rule.described.priority).collect();
        for (_, priority) in &request.priorities {
            ensure(taken.insert(*priority), || priority_in_use(*priority))?;
        }
        for (arn, priority) in &request.priorities {
            self.elb.rule_mut(arn)?.described.priority = Some(*priority);
        }
        Ok(())
    }

    fn common_listener(&self, request: &SetRulePriorities) -> CallResult<String> {
        let mut listeners = BTreeSet::new();
        for (arn, _) in &request.priorities {
            self.home_of_rule(arn)?;
            listeners.insert(parent(arn.resolved()?, ":listener-rule/", ":listener/"));
        }
        let count = listeners.len();
        ensure(count <= 1, || bad_value("All rules must belong to the same listener"))?;
        listeners.pop_first().ok_or_else(|| bad_value("A rule and a priority must be specified"))
    }

    fn listener_and_protocol(&self, arn: &Ref) -> CallResult<(LoadBalancer, Protocol)> {
        let listener = &self.elb.listener(arn)?.described;
        let lb = self.elb.load_balancer(&Ref::from(listener.load_balancer_arn.as_str()))?;
        Ok((lb.described.clone(), listener.protocol.clone()))
    }

    /// The load balancer and listener protocol of a rule that may be changed.
    fn home_of_rule(&self, arn: &Ref) -> CallResult<(LoadBalancer, Protocol)> {
        let text = arn.resolved()?;
        ensure(Kind::of(text) == Some(Kind::Rule), || Kind::Rule.not_found(text))?;
        let listener_arn = parent(text, ":listener-rule/", ":listener/");
        let listener = self.elb.listeners.get(&listener_arn);
        let is_default = listener.is_some_and(|listener| listener.default_rule_arn == text);
        ensure(!is_default, || {
            refuse("OperationNotPermitted", format!("Default rule '{text}' cannot be modified or deleted"))
        })?;
        self.elb.rule(arn)?;
        self.listener_and_protocol(&Ref::from(listener_arn))
    }
}

fn check_priority(priority: i32) -> CallResult<()> {
    ensure((1..=50_000).contains(&priority), || {
        bad_value(format!("Priority '{priority}' must be between '1' and '50000' inclusive"))
    })
}

fn priority_in_use(priority: i32) -> Refusal {
    refuse("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}
