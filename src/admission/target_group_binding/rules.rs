//! The single checks of a TargetGroupBinding, each named as upstream's metric labels name it.

use super::{KnownTargetGroups, find_target_group};
use crate::admission::{AdmissionError, Denial, TargetGroupLookup, text};
use crate::api::TargetGroupBinding;
use crate::config::Config;
use serde_json::Value;
use std::sync::Arc;

pub(super) const ARN: &str = "/spec/targetGroupARN";
pub(super) const NAME: &str = "/spec/targetGroupName";
pub(super) const TARGET_TYPE: &str = "/spec/targetType";
pub(super) const IP_ADDRESS_TYPE: &str = "/spec/ipAddressType";
pub(super) const VPC_ID: &str = "/spec/vpcID";
pub(super) const PROTOCOL: &str = "/spec/targetGroupProtocol";
const CHECK_VPC: &str = "checkTargetGroupVpcID";

/// ARN or name, and the target type. Answers the ARN.
pub(super) fn check_required(object: &Value, known: &KnownTargetGroups) -> Result<String, AdmissionError> {
    const CHECK: &str = "checkRequiredFields";
    let mut missing = Vec::new();
    let arn = match (text(object, ARN), text(object, NAME)) {
        (Some(arn), _) => arn.to_owned(),
        (None, Some(name)) => {
            let denied = |reason: &str| {
                Denial::new(CHECK, format!("searching TargetGroup with name {name}: {reason}"))
            };
            find_target_group(known, TargetGroupLookup::Name(name.to_owned()), denied)?.arn.clone()
        }
        (None, None) => {
            missing.push("either TargetGroupARN or TargetGroupName");
            String::new()
        }
    };
    if text(object, TARGET_TYPE).is_none() {
        missing.push("spec.targetType");
    }
    if missing.is_empty() {
        return Ok(arn);
    }
    let message = format!("TargetGroupBinding must specify these fields: {}", missing.join(","));
    Err(Denial::new(CHECK, message).into())
}

pub(super) fn check_node_selector(object: &Value) -> Result<(), Denial> {
    let selector = object.pointer("/spec/nodeSelector").is_some_and(|selector| !selector.is_null());
    if selector && text(object, TARGET_TYPE) == Some("ip") {
        let message = "TargetGroupBinding cannot set NodeSelector when TargetType is ip";
        return Err(Denial::new("checkNodeSelector", message));
    }
    Ok(())
}

pub(super) fn check_assumed_role(object: &Value) -> Result<(), Denial> {
    if text(object, "/spec/iamRoleArnToAssume").is_some() && text(object, TARGET_TYPE) == Some("instance") {
        let message = "Unable to use instance target type while using assume role";
        return Err(Denial::new("checkAssumeRoleConfig", message));
    }
    Ok(())
}

/// One target group, one binding, unless all of them share it with other clusters.
pub(super) fn check_not_bound_twice(
    object: &Value,
    arn: &str,
    others: &[Arc<TargetGroupBinding>],
) -> Result<(), Denial> {
    let uid = text(object, "/metadata/uid");
    let same: Vec<_> = others
        .iter()
        .filter(|other| other.metadata.uid.as_deref() != uid || uid.is_none())
        .filter(|other| other.spec.target_group_arn.as_deref() == Some(arn))
        .collect();
    let shared = object.pointer("/spec/multiClusterTargetGroup").and_then(Value::as_bool).unwrap_or(false)
        && same.iter().all(|other| other.spec.multi_cluster_target_group == Some(true));
    if same.is_empty() || shared {
        return Ok(());
    }
    let names: Vec<_> = same
        .iter()
        .map(|other| {
            let meta = &other.metadata;
            format!(
                "{}/{}",
                meta.namespace.as_deref().unwrap_or_default(),
                meta.name.as_deref().unwrap_or_default()
            )
        })
        .collect();
    let names = names.join(" ");
    let message = format!(
        "TargetGroup {arn} is already bound to following TargetGroupBindings [{names}]. Please enable MultiCluster mode \
         on all TargetGroupBindings referencing {arn} or choose a different Target Group ARN."
    );
    Err(Denial::new("checkExistingTargetGroups", message))
}

pub(super) fn check_ip_address_type(
    object: &Value,
    arn: &str,
    known: &KnownTargetGroups,
) -> Result<(), AdmissionError> {
    const CHECK: &str = "checkTargetGroupIPAddressType";
    let denied =
        |reason: &str| Denial::new(CHECK, format!("unable to get target group IP address type: {reason}"));
    let group = find_target_group(known, TargetGroupLookup::Arn(arn.to_owned()), denied)?;
    let actual = group.ip_address_type.as_str();
    if text(object, IP_ADDRESS_TYPE).unwrap_or("ipv4") == actual {
        return Ok(());
    }
    Err(Denial::new(CHECK, format!("invalid IP address type {actual} for TargetGroup {arn}")).into())
}

pub(super) fn check_vpc(object: &Value, arn: &str, known: &KnownTargetGroups) -> Result<(), AdmissionError> {
    check_vpc_id(object)?;
    let Some(vpc) = text(object, VPC_ID) else { return Ok(()) };
    let denied = |reason: &str| Denial::new(CHECK_VPC, format!("unable to get target group VpcID: {reason}"));
    let group = find_target_group(known, TargetGroupLookup::Arn(arn.to_owned()), denied)?;
    if group.vpc_id.as_deref() == Some(vpc) {
        return Ok(());
    }
    Err(Denial::new(CHECK_VPC, format!("invalid VpcID {vpc} doesnt match VpcID from TargetGroup {arn}"))
        .into())
}

pub(super) fn check_vpc_id(object: &Value) -> Result<(), Denial> {
    let Some(vpc) = text(object, VPC_ID).filter(|vpc| !is_vpc_id(vpc)) else { return Ok(()) };
    let message = format!(
        "ValidationError: vpcID {vpc} failed to satisfy constraint: VPC Id must begin with 'vpc-' followed by 8, 17 \
         or 32 lowercase letters (a-f) or numbers."
    );
    Err(Denial::new(CHECK_VPC, message))
}

fn is_vpc_id(text: &str) -> bool {
    text.strip_prefix("vpc-").is_some_and(|hex| {
        matches!(hex.len(), 8 | 17 | 32) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

pub(super) fn check_protocol(
    object: &Value,
    arn: &str,
    known: &KnownTargetGroups,
) -> Result<(), AdmissionError> {
    const CHECK: &str = "checkTargetGroupProtocol";
    let Some(protocol) = text(object, PROTOCOL) else { return Ok(()) };
    let denied = |reason: &str| Denial::new(CHECK, format!("unable to get target group protocol: {reason}"));
    let group = find_target_group(known, TargetGroupLookup::Arn(arn.to_owned()), denied)?;
    let actual = group.protocol.as_ref().map(ToString::to_string).unwrap_or_default();
    if actual != protocol {
        let message = format!("TargetGroup {arn} protocol differs (got {protocol}, expected {actual})");
        return Err(Denial::new(CHECK, message).into());
    }
    if matches!(protocol, "QUIC" | "TCP_QUIC") && text(object, TARGET_TYPE) == Some("instance") {
        let message = "QUIC protocol is not supported for Instance target types.";
        return Err(Denial::new(CHECK, message).into());
    }
    Ok(())
}

/// Fields that an update may not change.
pub(super) fn check_immutable(config: &Config, object: &Value, old: &Value, arn: &str) -> Result<(), Denial> {
    let mut changed = Vec::new();
    if text(old, ARN).unwrap_or_default() != arn {
        changed.push("spec.targetGroupARN");
    }
    if text(old, TARGET_TYPE) != text(object, TARGET_TYPE) {
        changed.push("spec.targetType");
    }
    match (text(old, IP_ADDRESS_TYPE), text(object, IP_ADDRESS_TYPE)) {
        (old, new) if old == new => {}
        (None, Some("ipv4")) => {}
        _ => changed.push("spec.ipAddressType"),
    }
    match (text(old, VPC_ID), text(object, VPC_ID)) {
        (old, new) if old == new => {}
        (None, Some(new)) if new == config.vpc_id => {}
        _ => changed.push("spec.vpcID"),
    }
    if changed.is_empty() {
        return Ok(());
    }
    let message =
        format!("TargetGroupBinding update may not change these immutable fields: {}", changed.join(","));
    Err(Denial::new("checkImmutableFields", message))
}
