//! TargetGroupBindings: completed from AWS on creation, checked on creation and update.
//!
//! Matches upstream's `webhooks/elbv2/targetgroupbinding_{mutator,validator}.go`, with one difference: an update that
//! changes nothing but metadata or status, or of a binding that is being deleted, is never refused. Upstream refuses even
//! the removal of a finalizer from a duplicate, so that neither can ever go.

pub mod rules;

use super::unanswered::Unanswered;
use super::{
    AdmissionError, AdmissionOperation, Admitted, Change, Denial, TargetGroupLookup, set,
    target_group_binding_fields, text,
};
use crate::api::TargetGroupBinding;
use crate::aws_api::elbv2::{IpAddressType, TargetGroup, TargetType};
use crate::config::Config;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Target groups that are known, and why others are not.
pub type KnownTargetGroups = BTreeMap<TargetGroupLookup, Result<Vec<TargetGroup>, Unanswered>>;

/// The one target group that a query must find.
pub(super) fn find_target_group(
    known: &KnownTargetGroups,
    lookup: TargetGroupLookup,
    denied: impl Fn(&str) -> Denial,
) -> Result<&TargetGroup, AdmissionError> {
    let name = match &lookup {
        TargetGroupLookup::Arn(text) | TargetGroupLookup::Name(text) => text.clone(),
    };
    match known.get(&lookup) {
        None => Err(AdmissionError::MissingTargetGroup(lookup)),
        Some(Err(unanswered)) => Err(unanswered.deny(denied).into()),
        Some(Ok(groups)) => match groups.as_slice() {
            [group] => Ok(group),
            others => {
                let count = others.len();
                let reason = format!("expecting a single targetGroup with query [{name}] but got {count}");
                Err(denied(&reason).into())
            }
        },
    }
}

/// Completes a new binding from its target group.
pub fn complete(
    operation: AdmissionOperation,
    object: &Value,
    known: &KnownTargetGroups,
) -> Result<Admitted, AdmissionError> {
    let mut completed = object.clone();
    drop_false(&mut completed);
    if operation != AdmissionOperation::Create {
        return Ok(Admitted { object: (completed != *object).then_some(completed), warnings: Vec::new() });
    }
    let arn = complete_arn(&mut completed, known)?;
    for rule in COMPLETIONS {
        if text(&completed, rule.pointer).is_none() {
            let denied = |reason: &str| Denial::new(rule.check, format!("{}: {reason}", rule.failure));
            let group = find_target_group(known, TargetGroupLookup::Arn(arn.clone()), denied)?;
            if let Some(value) = (rule.value)(group).map_err(|reason| denied(&reason))? {
                set(&mut completed, "spec", rule.key, Value::from(value));
            }
        }
    }
    Ok(Admitted { object: (completed != *object).then_some(completed), warnings: Vec::new() })
}

/// An explicit `false` is stored as absent, as upstream stores it: otherwise two controllers that take turns would see a
/// changed spec.
fn drop_false(object: &mut Value) {
    const SHARED: &str = "multiClusterTargetGroup";
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        && spec.get(SHARED) == Some(&Value::Bool(false))
    {
        spec.remove(SHARED);
    }
}

fn complete_arn(object: &mut Value, known: &KnownTargetGroups) -> Result<String, AdmissionError> {
    if let Some(arn) = text(object, rules::ARN) {
        return Ok(arn.to_owned());
    }
    let Some(name) = text(object, rules::NAME) else {
        return Err(unnamed().into());
    };
    let denied = |reason: &str| Denial::new("getArnFromNameIfNeeded", reason);
    let arn = find_target_group(known, TargetGroupLookup::Name(name.to_owned()), denied)?.arn.clone();
    set(object, "spec", "targetGroupARN", Value::from(arn.as_str()));
    Ok(arn)
}

/// A field that is filled in from AWS when it is absent.
struct Completion {
    check: &'static str,
    pointer: &'static str,
    key: &'static str,
    failure: &'static str,
    value: fn(&TargetGroup) -> Result<Option<String>, String>,
}

const COMPLETIONS: &[Completion] = &[
    Completion {
        check: "defaultingTargetType",
        pointer: rules::TARGET_TYPE,
        key: "targetType",
        failure: "couldn't determine TargetType",
        value: |group| match &group.target_type {
            kind @ (TargetType::Instance | TargetType::Ip) => Ok(Some(kind.to_string())),
            other => Err(format!("unsupported TargetType: {other}")),
        },
    },
    Completion {
        check: "defaultingIPAddressType",
        pointer: rules::IP_ADDRESS_TYPE,
        key: "ipAddressType",
        failure: "unable to get target group IP address type",
        value: |group| match &group.ip_address_type {
            kind @ (IpAddressType::Ipv4 | IpAddressType::Ipv6) => Ok(Some(kind.to_string())),
            other => Err(format!("unsupported IPAddressType: {other}")),
        },
    },
    Completion {
        check: "defaultingVpcID",
        pointer: rules::VPC_ID,
        key: "vpcID",
        failure: "unable to get target group VpcID",
        value: |group| Ok(group.vpc_id.clone().filter(|vpc| !vpc.is_empty())),
    },
    Completion {
        check: "defaultingTargetGroupProtocol",
        pointer: rules::PROTOCOL,
        key: "targetGroupProtocol",
        failure: "couldn't determine TargetGroup protocol",
        value: |group| Ok(group.protocol.as_ref().map(ToString::to_string)),
    },
];

/// The bindings of a target group, by its ARN.
pub type BindingsOf<'b> = &'b dyn Fn(&str) -> Vec<Arc<TargetGroupBinding>>;

/// Checks a new or changed binding beside those there are.
pub fn check(
    config: &Config,
    change: &Change<'_>,
    others: BindingsOf<'_>,
    known: &KnownTargetGroups,
) -> Result<Admitted, AdmissionError> {
    if !change.is_of_no_concern() {
        match change.operation {
            AdmissionOperation::Create => check_new(change.object, others, known)?,
            AdmissionOperation::Update => check_changed(config, change.object, change.old, others, known)?,
            AdmissionOperation::Other => {}
        }
    }
    Ok(Admitted::unchanged())
}

/// Checks the fields of a new or changed binding that need neither AWS nor other objects, as far as the settings say.
pub fn check_fields(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    change.check_object(config, "fields", target_group_binding_fields::binding_ref, |binding, old| {
        target_group_binding_fields::check(config, binding, old)
    })
}

/// What upstream's checks say to a binding whose target group nobody knows.
pub fn check_alone(object: &Value) -> Vec<Denial> {
    let is_named = text(object, rules::ARN).is_some() || text(object, rules::NAME).is_some();
    let unnamed = (!is_named).then(unnamed);
    let checks = [rules::check_node_selector, rules::check_assumed_role, rules::check_vpc_id];
    unnamed.into_iter().chain(checks.into_iter().filter_map(|check| check(object).err())).collect()
}

fn unnamed() -> Denial {
    Denial::new("checkTargetGroupArnOrName", "must provide either TargetGroupARN or TargetGroupName")
}

fn check_new(
    object: &Value,
    others: BindingsOf<'_>,
    known: &KnownTargetGroups,
) -> Result<(), AdmissionError> {
    let arn = rules::check_required(object, known)?;
    rules::check_node_selector(object)?;
    rules::check_not_bound_twice(object, &arn, &others(&arn))?;
    rules::check_ip_address_type(object, &arn, known)?;
    rules::check_vpc(object, &arn, known)?;
    rules::check_assumed_role(object)?;
    rules::check_protocol(object, &arn, known)
}

fn check_changed(
    config: &Config,
    object: &Value,
    old: Option<&Value>,
    others: BindingsOf<'_>,
    known: &KnownTargetGroups,
) -> Result<(), AdmissionError> {
    let arn = rules::check_required(object, known)?;
    if let Some(old) = old {
        rules::check_immutable(config, object, old, &arn)?;
    }
    rules::check_node_selector(object)?;
    rules::check_assumed_role(object)?;
    Ok(rules::check_not_bound_twice(object, &arn, &others(&arn))?)
}

#[cfg(test)]
mod tests;
