//! Parts of a live stack, as they stay in a stack that cannot be built whole.

pub(super) mod binding;

use crate::api::meta::TRACKING_TAGS;
use crate::aws_api::elbv2::ListenerAction;
use crate::aws_api::{Attributes, Tags};
use crate::facts::{LiveRule, LiveTargetGroup};
use crate::model::{Rule, Stack, TargetGroup};
use std::collections::BTreeSet;

/// The target groups that exist and that actions forward to, by ARN.
pub(super) fn forwards(actions: &[ListenerAction]) -> impl Iterator<Item = &str> {
    let forwards = actions.iter().filter_map(|action| match action {
        ListenerAction::Forward(forward) => Some(forward),
        _ => None,
    });
    let tuples = forwards.flat_map(|forward| &forward.target_groups);
    tuples.filter_map(|tuple| tuple.target_group.known())
}

/// The target groups that exist and that rules and listeners of a stack forward to, by ARN.
pub(super) fn used_target_groups(stack: &Stack) -> BTreeSet<String> {
    let rules = stack.rules.values().flat_map(|rule| forwards(&rule.actions));
    let defaults = stack.listeners.values().flat_map(|listener| forwards(&listener.default_actions));
    rules.chain(defaults).map(str::to_owned).collect()
}

/// AWS never tells a client secret; an action that is sent back must say that the old one stays.
pub(super) fn sendable(mut actions: Vec<ListenerAction>) -> Vec<ListenerAction> {
    for action in &mut actions {
        if let ListenerAction::AuthenticateOidc(oidc) = action {
            oidc.use_existing_client_secret = Some(true);
        }
    }
    actions
}

/// The tags that are neither ours nor AWS's.
pub(super) fn user_tags(tags: &Tags) -> Tags {
    let user =
        tags.iter().filter(|(key, _)| !TRACKING_TAGS.contains(&key.as_str()) && !key.starts_with("aws:"));
    user.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A rule as AWS has it.
pub(super) fn rule(live: &LiveRule) -> Rule {
    Rule {
        conditions: live.rule.conditions.clone(),
        actions: sendable(live.rule.actions.clone()),
        transforms: live.rule.transforms.clone(),
        tags: user_tags(&live.tags),
    }
}

/// A target group as AWS has it; `None`: one without a protocol, which none of ours is.
pub(super) fn target_group(found: &LiveTargetGroup) -> Option<TargetGroup> {
    let live = &found.target_group;
    Some(TargetGroup {
        name: live.name.clone(),
        target_type: live.target_type.clone(),
        port: live.port,
        protocol: live.protocol.clone()?,
        protocol_version: live.protocol_version.clone(),
        ip_address_type: live.ip_address_type.clone(),
        health_check: Some(live.health_check.clone()),
        target_control_port: live.target_control_port,
        attributes: Attributes::new(),
        tags: user_tags(&found.tags),
    })
}
