//! Fake nodes: kwok plays their kubelets, AWS knows their instances.

use anyhow::Result;
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

/// A node and the instance it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeNode {
    /// The name of the node.
    pub name: String,
    /// Such as `us-west-2a`.
    pub zone: String,
    /// Such as `aws:///us-west-2a/i-0123456789abcdef0`.
    pub provider_id: String,
    /// The primary private address of the instance.
    pub internal_ip: String,
    /// Where its pods get their addresses: a prefix of an interface of the instance.
    pub pod_cidr: String,
}

pub(super) async fn create(client: &Client, node: &FakeNode) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let region = node.zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let object = serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": "m5.large",
                "topology.kubernetes.io/region": region,
                "topology.kubernetes.io/zone": node.zone,
            },
        },
        "spec": {
            "providerID": node.provider_id,
            "podCIDR": node.pod_cidr,
            "podCIDRs": [node.pod_cidr],
        },
    }))?;
    api.create(&PostParams::default(), &object).await?;
    let addresses = json!([{"type": "InternalIP", "address": node.internal_ip}, {"type": "Hostname", "address": node.name}]);
    let status = Patch::Merge(json!({"status": {"addresses": addresses}}));
    api.patch_status(&node.name, &PatchParams::default(), &status).await?;
    Ok(())
}
