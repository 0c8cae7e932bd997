//! From a TargetGroupBinding that exists back to the model of it.

use crate::api::meta::annotations_without_checkpoint;
use crate::api::target_group_binding::{
    NetworkingIngressRule, NetworkingPeer, NetworkingPort, TargetGroupBindingSpec,
};
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::aws_api::Ref;
use crate::aws_api::elbv2::Protocol;
use crate::facts::LiveStack;
use crate::model::{Binding, BindingIngress, BindingPeer, BindingPort, TargetGroup};

/// The binding of a target group that exists; `None` if there is none, or if it says less than every binding of ours says.
pub(in crate::builder) fn of_live(
    live: &LiveStack,
    arn: &str,
    target_group: &TargetGroup,
) -> Option<Binding> {
    let bound = live.bindings.iter().find(|binding| binding.spec.target_group_arn.as_deref() == Some(arn))?;
    of(bound, target_group)
}

/// The model that yields this very binding.
fn of(binding: &TargetGroupBinding, target_group: &TargetGroup) -> Option<Binding> {
    let key = ObjectKey::of(binding);
    let TargetGroupBindingSpec {
        target_group_arn,
        target_group_name: _,
        multi_cluster_target_group,
        target_type: _,
        target_group_protocol: _,
        service_ref,
        networking,
        node_selector,
        ip_address_type: _,
        vpc_id,
        iam_role_arn_to_assume: _,
        assume_role_external_id: _,
    } = &binding.spec;
    let ingress = networking.as_ref().map(|networking| networking.ingress.as_deref().unwrap_or_default());
    Some(Binding {
        namespace: key.namespace().to_owned(),
        name: key.name().to_owned(),
        target_group_arn: Ref::from(target_group_arn.clone()?),
        target_type: target_group.target_type.clone(),
        target_group_protocol: target_group.protocol.clone(),
        service_name: service_ref.name.clone(),
        service_port: service_ref.port.clone(),
        networking: ingress.map(|rules| rules.iter().map(rule_of).collect()),
        node_selector: node_selector.clone(),
        ip_address_type: target_group.ip_address_type.clone(),
        vpc_id: vpc_id.clone()?,
        multi_cluster: multi_cluster_target_group.unwrap_or_default(),
        labels: binding.metadata.labels.clone().unwrap_or_default(),
        annotations: annotations_without_checkpoint(binding),
    })
}

fn rule_of(rule: &NetworkingIngressRule) -> BindingIngress {
    BindingIngress {
        from: rule.from.iter().filter_map(peer_of).collect(),
        ports: rule.ports.iter().map(port_of).collect(),
    }
}

fn peer_of(peer: &NetworkingPeer) -> Option<BindingPeer> {
    match (&peer.security_group, &peer.ip_block) {
        (Some(group), _) => Some(BindingPeer::SecurityGroup(Ref::from(group.group_id.as_str()))),
        (None, Some(block)) => Some(BindingPeer::IpBlock(block.cidr.clone())),
        (None, None) => None,
    }
}

fn port_of(port: &NetworkingPort) -> BindingPort {
    let protocol = port.protocol.map(|protocol| Protocol::from(<&str>::from(protocol)));
    BindingPort { protocol, port: port.port.clone() }
}
