//! Whose wish it was that AWS refused.
//!
//! What belongs to the whole group (the load balancer, its security group, web ACLs) is nobody's in particular.

use super::refused_members::{RefusedByMember, RefusedStep};
use crate::api::ObjectKey;
use crate::builder::Attribution;
use crate::builder::ingress::BuiltGroup;
use crate::deploy::failure::Cause;
use crate::deploy::{DeployFailure, StepFailure};
use crate::facts::group::{AwsRefusal, IngressGroup, Member};
use crate::finding::Finding;
use crate::model::{Binding, ResourceId, Resources};
use crate::plan::Stage;
use crate::plan::certificates::member_of;
use crate::settings::ingress::{FRONTEND_NLB_ID, certificates};
use crate::settings::shared_setting::{KeyedSetting, SharedPart};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Gives up the members whose wishes were refused. Answers those that had not been given up before; none: the failure is
/// nobody's in particular.
///
/// A group of one is its member: as upstream, all of it fails.
pub(super) fn exclude_refused(
    group: &mut Cow<'_, IngressGroup>,
    built: &BuiltGroup,
    failure: &DeployFailure,
) -> RefusedByMember {
    let mut refused = RefusedByMember::new();
    if group.members.len() + group.departing.len() < 2 {
        return refused;
    }
    let culprits = members_at_fault(&built.attribution, failure);
    let is_new = |member: &Member| member.refusal.is_none() && culprits.contains_key(&member.key);
    if !group.members.iter().any(is_new) {
        return refused;
    }
    for member in group.to_mut().members.iter_mut().filter(|member| is_new(member)) {
        let MemberAtFault { words, steps } = culprits.get(&member.key).cloned().unwrap_or_default();
        let refusal = AwsRefusal {
            finding: Finding::error(&member.object(), words.join("; ")),
            bindings: bindings_of(built, &member.key),
            priorities: built.attribution.priorities_of(&member.key),
        };
        member.refusal = Some(refusal.clone());
        refused.insert(member.key.clone(), (refusal, steps));
    }
    refused
}

/// What AWS refused of each member, if that is no more than single values of what the whole group shares: then all else stands.
/// `None`: something else failed, too, or a value is nobody's in particular.
pub(super) fn values_of(
    group: &IngressGroup,
    attribution: &Attribution,
    failure: &DeployFailure,
) -> Option<BTreeMap<ObjectKey, Vec<Finding>>> {
    let is_shared = group.members.len() + group.departing.len() > 1;
    // why: what an Ingress has beside its certificate is served, also where it is alone in its group
    let is_of_certificates = failure.failures.iter().all(|step| step.stage == Some(Stage::Certificates));
    if failure.failures.is_empty() || !(is_shared || is_of_certificates) {
        return None;
    }
    let mut values: BTreeMap<ObjectKey, Vec<Finding>> = BTreeMap::new();
    for step in &failure.failures {
        let givers = match step.stage {
            Some(Stage::Certificates) => of_certificate(group, step),
            _ => givers_of(attribution, step),
        };
        let givers: Vec<&Member> =
            group.members.iter().filter(|member| givers.contains(&member.key)).collect();
        if givers.is_empty() {
            return None;
        }
        for member in givers {
            let finding = Finding::error(&member.object(), step.to_string());
            values.entry(member.key.clone()).or_default().push(finding);
        }
    }
    Some(values)
}

/// The member that a certificate is for, which its id tells.
fn of_certificate<'g>(group: &'g IngressGroup, step: &StepFailure) -> BTreeSet<&'g ObjectKey> {
    let id = ResourceId::from(step.resource.id().unwrap_or_default());
    let is_for = |member: &&Member| certificates::member_suffix(&member.key) == member_of(&id);
    group.members.iter().filter(is_for).map(|member| &member.key).collect()
}

/// The members that give the values that were refused of a call.
fn givers_of<'o>(attribution: &'o Attribution, step: &StepFailure) -> BTreeSet<&'o ObjectKey> {
    let Some((stage, kind)) = step.stage.zip(kind_of(step)) else { return BTreeSet::new() };
    let part = if is_of_frontend_nlb(step) { SharedPart::FrontendNlb } else { SharedPart::LoadBalancer };
    let id = step.resource.id().unwrap_or_default();
    let of_key = |key: &String| match stage {
        Stage::Listeners => attribution.of_listener_value(id, kind, key),
        _ => attribution.of_value(part, kind, key),
    };
    step.values.iter().flat_map(of_key).collect()
}

/// What kind of values AWS refused while it took others; `None`: it was something else.
fn kind_of(step: &StepFailure) -> Option<KeyedSetting> {
    let Cause::Cloud(error) = &step.cause else { return None };
    match error.operation() {
        _ if step.values.is_empty() => None,
        "ModifyLoadBalancerAttributes" | "ModifyListenerAttributes" => Some(KeyedSetting::Attributes),
        "AddTags" | "CreateTags" => Some(KeyedSetting::Tags),
        _ => None,
    }
}

fn bindings_of(built: &BuiltGroup, member: &ObjectKey) -> Resources<Binding> {
    let all = built.stack.iter().flat_map(|stack| &stack.bindings);
    let own = all.filter(|(id, _)| built.attribution.of_target_group(id.as_str()) == Some(member));
    own.map(|(id, binding)| (id.clone(), binding.clone())).collect()
}

/// The members at whose door failures can be laid, with what AWS said. None if something failed that may go by itself:
/// then all of it is tried again.
fn members_at_fault(
    attribution: &Attribution,
    failure: &DeployFailure,
) -> BTreeMap<ObjectKey, MemberAtFault> {
    let mut culprits: BTreeMap<ObjectKey, MemberAtFault> = BTreeMap::new();
    if !failure.is_permanent() {
        return culprits;
    }
    for step in &failure.failures {
        for member in members_of(attribution, step) {
            let culprit = culprits.entry(member.clone()).or_default();
            culprit.words.push(step.to_string());
            culprit.steps.extend(RefusedStep::of(step));
        }
    }
    culprits
}

/// Names who asks for what AWS refused of what the whole group shares.
pub(super) fn with_sources(attribution: &Attribution, mut failure: DeployFailure) -> DeployFailure {
    for step in &mut failure.failures {
        let Some(part) = shared_part(step) else { continue };
        step.sources = attribution.sources_of(part, &step.cause.to_string());
    }
    failure
}

/// Whether a step is about the NLB in front of the ALB, or about something of it: the ids of these begin with its own.
fn is_of_frontend_nlb(step: &StepFailure) -> bool {
    step.resource.id().is_some_and(|id| id.starts_with(FRONTEND_NLB_ID))
}

/// What of the whole group it is that AWS refused.
fn shared_part(step: &StepFailure) -> Option<SharedPart> {
    let stage = step.refusal().and(step.stage)?;
    if is_of_frontend_nlb(step) {
        return Some(SharedPart::FrontendNlb);
    }
    match stage {
        Stage::LoadBalancers | Stage::SecurityGroups => Some(SharedPart::LoadBalancer),
        Stage::Wafv2 => Some(SharedPart::WebAcl),
        Stage::WafRegional => Some(SharedPart::ClassicWebAcl),
        Stage::Shield => Some(SharedPart::Shield),
        Stage::Certificates
        | Stage::AlbTargets
        | Stage::TargetGroups
        | Stage::Listeners
        | Stage::Rules
        | Stage::Bindings => None,
    }
}

/// The members of whom AWS refused something, with what that was.
pub(super) fn refused_of(
    built: &BuiltGroup,
    failure: &DeployFailure,
) -> BTreeMap<ObjectKey, BTreeSet<RefusedStep>> {
    members_at_fault(&built.attribution, failure)
        .into_iter()
        .map(|(member, culprit)| (member, culprit.steps))
        .collect()
}

/// A member at whose door failures can be laid.
#[derive(Clone, Debug, Default)]
struct MemberAtFault {
    /// What AWS said.
    words: Vec<String>,
    /// To what.
    steps: BTreeSet<RefusedStep>,
}

fn members_of<'o>(attribution: &'o Attribution, step: &StepFailure) -> BTreeSet<&'o ObjectKey> {
    let (Some(cause), Some(stage)) = (step.refusal(), step.stage) else { return BTreeSet::new() };
    let id = step.resource.id().unwrap_or_default();
    match stage {
        Stage::TargetGroups | Stage::Bindings => attribution.of_target_group(id).into_iter().collect(),
        Stage::Rules => attribution.of_rule(&step.resource).into_iter().collect(),
        // why: all but these values stands, so nobody has to be given up for them
        _ if kind_of(step).is_some() => BTreeSet::new(),
        Stage::Listeners => {
            let words = format!("{cause} {}", step.values.join(" "));
            attribution.of_listener(id, step.listener_part(), &words)
        }
        // why: all but the listeners that wait for it stands, so nobody has to be given up for a certificate
        Stage::Certificates
        | Stage::SecurityGroups
        | Stage::AlbTargets
        | Stage::LoadBalancers
        | Stage::Wafv2
        | Stage::WafRegional
        | Stage::Shield => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests;
