//! The nodes of a simulated cluster, and what may become of them.

use proptest::prelude::*;
use rig::Rig;
use serde_json::{Value, json};

/// Nodes of the account that may join the cluster.
pub(crate) const NODES: usize = 4;
/// A label that some nodes have.
pub(crate) const EDGE: (&str, &str) = ("example.com/edge", "true");

/// How a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Ready,
    /// It says itself that it is not ready.
    Unready,
    /// Nobody has heard of it for a while.
    Silent,
    /// Takes no new pods, and serves on.
    Cordoned,
    /// Its label keeps it away from load balancers.
    Excluded,
    /// The autoscaler is about to remove it.
    Leaving,
    /// Not in the cluster.
    Gone,
}

/// A node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub condition: Condition,
    pub is_edge: bool,
}

/// The nodes of a sound cluster.
pub(crate) fn sound() -> Vec<Node> {
    (0..NODES).map(|index| Node { condition: Condition::Ready, is_edge: index < 2 }).collect()
}

/// Nodes of which most are sound.
pub(crate) fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let condition = prop_oneof![
        6 => Just(Condition::Ready),
        1 => Just(Condition::Unready),
        1 => Just(Condition::Silent),
        1 => Just(Condition::Cordoned),
        1 => Just(Condition::Excluded),
        1 => Just(Condition::Leaving),
        3 => Just(Condition::Gone),
    ];
    let node = (condition, any::<bool>()).prop_map(|(condition, is_edge)| Node { condition, is_edge });
    proptest::collection::vec(node, NODES)
}

impl Node {
    pub fn is_gone(self) -> bool {
        self.condition == Condition::Gone
    }

    fn manifest(self, node: &aws_sim::world_builder::Node) -> Value {
        let mut labels = json!({"kubernetes.io/os": "linux"});
        if self.is_edge {
            labels[EDGE.0] = EDGE.1.into();
        }
        if self.condition == Condition::Excluded {
            labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "".into();
        }
        let mut spec = json!({"providerID": node.provider_id()});
        match self.condition {
            Condition::Cordoned => spec["unschedulable"] = true.into(),
            Condition::Leaving => {
                spec["taints"] =
                    json!([{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule", "value": "1"}]);
            }
            _ => {}
        }
        let ready = match self.condition {
            Condition::Unready => "False",
            Condition::Silent => "Unknown",
            _ => "True",
        };
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name, "labels": labels},
            "spec": spec,
            "status": {
                "conditions": [{"type": "Ready", "status": ready}],
                "addresses": [{"type": "InternalIP", "address": node.ip}],
            },
        })
    }
}

/// Makes the nodes of a cluster what they shall be.
pub(crate) fn put(rig: &Rig, nodes: &[Node]) {
    let known = rig.aws.world(|world| world.nodes().to_vec());
    for (node, known) in nodes.iter().zip(&known) {
        if node.is_gone() {
            rig.api.delete("nodes", "", &known.name);
        } else {
            rig.api.put(node.manifest(known));
        }
    }
    // why: a node of the account that the cluster never has may be one of another cluster
    for stranger in known.iter().skip(nodes.len()) {
        rig.api.delete("nodes", "", &stranger.name);
    }
}
