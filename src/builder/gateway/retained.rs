//! What stays of a Gateway's load balancer as AWS has it, because it cannot be built.

use crate::aws_api::Ref;
use crate::aws_api::elbv2;
use crate::builder::retained::{binding, rule, sendable, target_group, used_target_groups, user_tags};
use crate::facts::{LiveListener, LiveStack, LiveTargetGroup};
use crate::model::{LOAD_BALANCER_ID, Listener, ResourceId, Stack};
use crate::settings::gateway::GatewayReport;

/// Adds listeners of some ports to a stack, with their rules and target groups, and some target groups.
pub(super) fn keep(live: &LiveStack, report: &GatewayReport, stack: &mut Stack) {
    let is_kept = |listener: &&LiveListener| report.retained_ports.contains(&listener.listener.port);
    for listener in live.listeners.iter().filter(is_kept) {
        keep_listener(listener, stack);
    }
    let used = used_target_groups(stack);
    let key = stack.id.resource_tag_key();
    for found in &live.target_groups {
        let Some(id) = found.tags.get(&key).map(|id| ResourceId::from(id.as_str())) else { continue };
        let is_used = used.contains(&found.target_group.arn);
        if (is_used || report.retained_target_groups.contains(&id)) && !stack.target_groups.contains_key(&id)
        {
            keep_target_group(live, found, id, stack);
        }
    }
}

fn keep_listener(live: &LiveListener, stack: &mut Stack) {
    let elbv2::Listener {
        arn: _,
        load_balancer_arn: _,
        port,
        protocol,
        default_actions,
        certificates: _,
        ssl_policy,
        alpn_policy,
        mutual_authentication,
    } = &live.listener;
    let listener = Listener {
        load_balancer: LOAD_BALANCER_ID.into(),
        port: *port,
        protocol: protocol.clone(),
        default_actions: sendable(default_actions.clone()),
        certificates: live.certificates.iter().cloned().map(Ref::from).collect(),
        ssl_policy: ssl_policy.clone(),
        alpn_policy: alpn_policy.clone(),
        mutual_authentication: mutual_authentication.clone(),
        attributes: crate::aws_api::Attributes::new(),
        tags: user_tags(&live.tags),
    };
    let id = ResourceId::from(port.to_string());
    for live in &live.rules {
        let Some(priority) = live.rule.priority else { continue };
        stack.rules.insert((id.clone(), priority), rule(live));
    }
    stack.listeners.insert(id, listener);
}

fn keep_target_group(live: &LiveStack, found: &LiveTargetGroup, id: ResourceId, stack: &mut Stack) {
    let Some(target_group) = target_group(found) else { return };
    if let Some(bound) = binding::of_live(live, &found.target_group.arn, &target_group) {
        stack.bindings.insert(id.clone(), bound);
    }
    stack.target_groups.insert(id, target_group);
}
