//! Whose wish it was that AWS refused.
//!
//! What belongs to the whole group (the load balancer, its security group, web ACLs) is nobody's in particular.

use crate::api::ObjectKey;
use crate::build::ingress::{BuiltGroup, ListenerPart, Owners};
use crate::cloud::CloudError;
use crate::deploy::failure::Cause;
use crate::deploy::{Class, DeployFailure, StepFailure};
use crate::finding::Finding;
use crate::inputs::group::{IngressGroup, Member, Refusal};
use crate::model::{Binding, Resources};
use crate::plan::Stage;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Gives up the members whose wishes were refused. Answers whether there are such members, and had not been given up before.
///
/// A group of one is its member: as upstream, all of it fails.
pub(super) fn give_up(
    group: &mut Cow<'_, IngressGroup>,
    built: &BuiltGroup,
    failure: &DeployFailure,
) -> bool {
    if group.members.len() + group.leavers.len() < 2 {
        return false;
    }
    let culprits = culprits(&built.owners, failure);
    let is_new = |member: &Member| member.refusal.is_none() && culprits.contains_key(&member.key);
    if !group.members.iter().any(is_new) {
        return false;
    }
    for member in group.to_mut().members.iter_mut().filter(|member| is_new(member)) {
        let finding =
            Finding::error(&member.object(), culprits.get(&member.key).cloned().unwrap_or_default());
        member.refusal = Some(Refusal {
            finding,
            bindings: bindings_of(built, &member.key),
            priorities: built.owners.priorities_of(&member.key),
        });
    }
    true
}

fn bindings_of(built: &BuiltGroup, member: &ObjectKey) -> Resources<Binding> {
    let all = built.stack.iter().flat_map(|stack| &stack.bindings);
    let own = all.filter(|(id, _)| built.owners.of_target_group(id.as_str()) == Some(member));
    own.map(|(id, binding)| (id.clone(), binding.clone())).collect()
}

/// The members at whose door failures can be laid, with what AWS said. None if something failed that may go by itself:
/// then all of it is tried again.
fn culprits(owners: &Owners, failure: &DeployFailure) -> BTreeMap<ObjectKey, String> {
    let mut culprits: BTreeMap<ObjectKey, Vec<String>> = BTreeMap::new();
    if failure.failures.iter().any(|step| step.refusal().is_none() && step.class() != Class::UserMustAct) {
        return BTreeMap::new();
    }
    for step in &failure.failures {
        for member in owners_of(owners, step) {
            culprits.entry(member.clone()).or_default().push(words_of(step));
        }
    }
    culprits.into_iter().map(|(member, said)| (member, said.join("; "))).collect()
}

fn owners_of<'o>(owners: &'o Owners, step: &StepFailure) -> BTreeSet<&'o ObjectKey> {
    let (Some(cause), Some(stage)) = (step.refusal(), step.stage) else { return BTreeSet::new() };
    match stage {
        Stage::TargetGroups | Stage::Bindings => owners.of_target_group(&step.resource).into_iter().collect(),
        Stage::Rules => {
            let place = step.resource.rsplit_once(':');
            let place = place.and_then(|(listener, priority)| Some((listener, priority.parse().ok()?)));
            place.and_then(|(listener, priority)| owners.of_rule(listener, priority)).into_iter().collect()
        }
        Stage::Listeners => owners.of_listener(&step.resource, part_of(step), &cause.to_string()),
        Stage::SecurityGroups
        | Stage::AlbTargets
        | Stage::LoadBalancers
        | Stage::Wafv2
        | Stage::WafRegional
        | Stage::Shield => BTreeSet::new(),
    }
}

/// What went wrong without what differs each time, so that events about it aggregate.
fn words_of(step: &StepFailure) -> String {
    match &step.cause {
        Cause::Cloud(CloudError::Service { operation, code, message, .. }) => {
            format!("{}: {operation}: {code}: {message}", step.place())
        }
        _ => step.to_string(),
    }
}

/// What of a listener it is that AWS refuses.
fn part_of(step: &StepFailure) -> ListenerPart {
    let Cause::Cloud(error) = &step.cause else { return ListenerPart::Port };
    let (operation, code) = (error.operation(), error.code().unwrap_or_default());
    let parts = [
        ("Certificate", ListenerPart::Certificate),
        ("SSLPolicy", ListenerPart::SslPolicy),
        ("TrustStore", ListenerPart::TrustStore),
        ("TargetGroup", ListenerPart::DefaultActions),
    ];
    let named = parts.into_iter().find(|(name, _)| code.contains(name)).map(|(_, part)| part);
    match named {
        Some(part) => part,
        None if operation == "ModifyListenerAttributes" => ListenerPart::Attribute,
        None if operation == "AddListenerCertificates" => ListenerPart::Certificate,
        None => ListenerPart::Port,
    }
}

#[cfg(test)]
mod tests;
