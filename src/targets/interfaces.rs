//! Which network interface traffic to a target arrives at, and which of its security groups is the one to open.
//!
//! Upstream's `pkg/networking/pod_eni_info_resolver.go`, `node_eni_info_resolver.go` and the choice in
//! `networking_manager.go`. Here are only the decisions; the lookups are `deploy::targets`' business.

use super::view::{NodeView, PodView};
use crate::api::meta::{COMPUTE_TYPE_LABEL, KUBERNETES_CLUSTER_TAG_PREFIX};
use crate::aws_api::Tags;
use crate::aws_api::ec2::{Instance, NetworkInterface};
use ipnet::IpNet;
use std::net::IpAddr;

const HYPERPOD_COMPUTE_TYPE_LABEL: &str = "sagemaker.amazonaws.com/compute-type";

/// What runs a pod; it decides where its interface is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compute {
    /// An EC2 instance: the interface is one of the instance's, or a branch interface of the pod's own.
    Ec2,
    /// Fargate: the interface is found by address in the VPC.
    Fargate,
    /// SageMaker HyperPod: as Fargate, or by a prefix of the node's interface.
    HyperPod,
    /// A hybrid node outside of AWS: there is no interface.
    Hybrid,
}

/// An interface without exactly one security group to open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected exactly one securityGroup tagged with {wanted} for eni {interface}, got: [{}] (clusterName: {cluster})",
    groups.join(" ")
)]
pub struct NoSingleGroup {
    /// The interface.
    pub interface: String,
    /// Tags the group must have.
    pub wanted: String,
    /// Groups that have them.
    pub groups: Vec<String>,
    /// Name of the cluster.
    pub cluster: String,
}

/// What runs the pods of a node.
pub fn compute_of(node: &NodeView) -> Compute {
    let label = |key: &str| node.labels.get(key).map(String::as_str);
    match (label(COMPUTE_TYPE_LABEL), label(HYPERPOD_COMPUTE_TYPE_LABEL)) {
        (Some("fargate"), _) => Compute::Fargate,
        (_, Some("hyperpod")) => Compute::HyperPod,
        (Some("hybrid"), _) => Compute::Hybrid,
        _ => Compute::Ec2,
    }
}

/// The branch interface that has the pod's address.
pub fn branch_interface(pod: &PodView) -> Option<&str> {
    let ip = pod.ip.as_deref()?;
    let mut branches = pod.branch_interfaces.iter();
    let own = branches.find(|branch| *branch.private_ip == *ip || *branch.ipv6_address == *ip)?;
    Some(&own.id)
}

/// The interface of an instance that traffic to the node arrives at.
pub fn primary_interface(instance: &Instance) -> Option<&NetworkInterface> {
    instance.network_interfaces.iter().find(|interface| interface.device_index == Some(0))
}

/// Whether traffic to this address arrives at the interface: one of its addresses, or inside a delegated prefix.
pub fn receives(interface: &NetworkInterface, ip: &str) -> bool {
    has_address(interface, ip) || has_prefix(interface, ip)
}

/// Whether the address is one of the interface's own.
pub fn has_address(interface: &NetworkInterface, ip: &str) -> bool {
    let addresses = interface.private_ipv4_addresses.iter().chain(&interface.ipv6_addresses);
    let parsed: Option<IpAddr> = ip.parse().ok();
    addresses.into_iter().any(|own| own == ip || (parsed.is_some() && own.parse().ok() == parsed))
}

/// Whether the address lies in a prefix delegated to the interface.
pub fn has_prefix(interface: &NetworkInterface, ip: &str) -> bool {
    let Ok(ip) = ip.parse::<IpAddr>() else { return false };
    let prefixes = interface.ipv4_prefixes.iter().chain(&interface.ipv6_prefixes);
    prefixes.filter_map(|prefix| prefix.parse::<IpNet>().ok()).any(|prefix| prefix.contains(&ip))
}

/// Whether an address lies in one of these CIDRs; CIDRs that do not parse contain nothing.
pub fn is_inside<'a>(ip: IpAddr, cidrs: impl IntoIterator<Item = &'a String>) -> bool {
    cidrs.into_iter().filter_map(|cidr| cidr.parse::<IpNet>().ok()).any(|cidr| cidr.contains(&ip))
}

/// The security group of an interface that is opened for load balancers: the only one, or else the only one tagged as the
/// cluster's with all of `extra` tags. `tags_of` answers for groups that were looked up.
pub fn choose_security_group<'a>(
    interface: &'a NetworkInterface,
    tags_of: impl Fn(&str) -> Option<Tags>,
    cluster: &str,
    extra: &Tags,
) -> Result<&'a str, NoSingleGroup> {
    if let [only] = interface.security_group_ids.as_slice() {
        return Ok(only);
    }
    let cluster_tag = format!("{KUBERNETES_CLUSTER_TAG_PREFIX}{cluster}");
    let is_tagged = |tags: &Tags| {
        tags.contains_key(&cluster_tag) && extra.iter().all(|(key, value)| tags.get(key) == Some(value))
    };
    let tagged = interface.security_group_ids.iter();
    let tagged: Vec<&String> = tagged.filter(|id| tags_of(id).is_some_and(|tags| is_tagged(&tags))).collect();
    if let [only] = tagged.as_slice() {
        return Ok(only);
    }
    Err(NoSingleGroup {
        interface: interface.id.clone(),
        wanted: describe_wanted(&cluster_tag, extra),
        groups: tagged.into_iter().cloned().collect(),
        cluster: cluster.to_owned(),
    })
}

fn describe_wanted(cluster_tag: &str, extra: &Tags) -> String {
    if extra.is_empty() {
        return cluster_tag.to_owned();
    }
    let pairs: Vec<String> = extra.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    format!("{cluster_tag} and map[{}]", pairs.join(" "))
}

#[cfg(test)]
mod tests;
