//! Pods, EndpointSlices and Nodes without what nobody reads.
//!
//! Clusters have tens of thousands of them, of several kilobytes each, most of which is field managers, volumes, images and
//! environment. Only the fields below are taken from the API server's answer; everything else is skipped while it is parsed.

use super::{EndpointSlice, Node, ObjectMeta, Pod, PodCondition, Time};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, NodeAddress, NodeCondition, NodeSpec, NodeStatus, ObjectReference,
    PodReadinessGate, PodSpec, PodStatus, Taint,
};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort};
use kube::Resource;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An object of which only the fields that are read were parsed; all others are as if they had not been there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trimmed<K>(pub K);

impl<K: Resource> Resource for Trimmed<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

/// What is read of an object's metadata.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MetaFields {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

impl From<MetaFields> for ObjectMeta {
    fn from(fields: MetaFields) -> Self {
        Self {
            name: fields.name,
            namespace: fields.namespace,
            uid: fields.uid,
            resource_version: fields.resource_version,
            creation_timestamp: fields.creation_timestamp,
            deletion_timestamp: fields.deletion_timestamp,
            labels: fields.labels,
            annotations: fields.annotations,
            ..Self::default()
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodFields {
    metadata: MetaFields,
    spec: Option<PodSpecFields>,
    status: Option<PodStatusFields>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpecFields {
    node_name: Option<String>,
    containers: Option<Vec<ContainerFields>>,
    init_containers: Option<Vec<ContainerFields>>,
    readiness_gates: Option<Vec<PodReadinessGate>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerFields {
    restart_policy: Option<String>,
    ports: Option<Vec<ContainerPort>>,
    env: Option<Vec<EnvFields>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EnvFields {
    name: String,
    value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatusFields {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    conditions: Option<Vec<PodCondition>>,
}

impl<'de> Deserialize<'de> for Trimmed<Pod> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PodFields { metadata, spec, status } = PodFields::deserialize(deserializer)?;
        Ok(Self(Pod {
            metadata: metadata.into(),
            spec: spec.map(Into::into),
            status: status.map(|fields| PodStatus {
                phase: fields.phase,
                pod_ip: fields.pod_ip,
                conditions: fields.conditions,
                ..PodStatus::default()
            }),
        }))
    }
}

impl From<PodSpecFields> for PodSpec {
    fn from(fields: PodSpecFields) -> Self {
        let containers =
            |of: Option<Vec<ContainerFields>>| of.map(|of| of.into_iter().map(Container::from).collect());
        Self {
            node_name: fields.node_name,
            containers: containers(fields.containers).unwrap_or_default(),
            init_containers: containers(fields.init_containers),
            readiness_gates: fields.readiness_gates,
            ..Self::default()
        }
    }
}

impl From<ContainerFields> for Container {
    fn from(fields: ContainerFields) -> Self {
        let entry = |EnvFields { name, value }: EnvFields| EnvVar { name, value, ..EnvVar::default() };
        Self {
            restart_policy: fields.restart_policy,
            ports: fields.ports,
            env: fields.env.map(|entries| entries.into_iter().map(entry).collect()),
            ..Self::default()
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SliceFields {
    metadata: MetaFields,
    address_type: String,
    endpoints: Option<Vec<EndpointFields>>,
    ports: Option<Vec<EndpointPort>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EndpointFields {
    addresses: Option<Vec<String>>,
    conditions: Option<EndpointConditions>,
    target_ref: Option<ReferenceFields>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReferenceFields {
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

impl<'de> Deserialize<'de> for Trimmed<EndpointSlice> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SliceFields { metadata, address_type, endpoints, ports } =
            SliceFields::deserialize(deserializer)?;
        let endpoints = endpoints.unwrap_or_default().into_iter().map(Endpoint::from).collect();
        Ok(Self(EndpointSlice { metadata: metadata.into(), address_type, endpoints, ports }))
    }
}

impl From<EndpointFields> for Endpoint {
    fn from(fields: EndpointFields) -> Self {
        let reference = |ReferenceFields { kind, name, namespace }: ReferenceFields| ObjectReference {
            kind,
            name,
            namespace,
            ..ObjectReference::default()
        };
        Self {
            addresses: fields.addresses.unwrap_or_default(),
            conditions: fields.conditions,
            target_ref: fields.target_ref.map(reference),
            ..Self::default()
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeFields {
    metadata: MetaFields,
    spec: Option<NodeSpecFields>,
    status: Option<NodeStatusFields>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeSpecFields {
    #[serde(rename = "providerID")]
    provider_id: Option<String>,
    taints: Option<Vec<Taint>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeStatusFields {
    addresses: Option<Vec<NodeAddress>>,
    conditions: Option<Vec<NodeCondition>>,
}

impl<'de> Deserialize<'de> for Trimmed<Node> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let NodeFields { metadata, spec, status } = NodeFields::deserialize(deserializer)?;
        Ok(Self(Node {
            metadata: metadata.into(),
            spec: spec.map(|fields| NodeSpec {
                provider_id: fields.provider_id,
                taints: fields.taints,
                ..NodeSpec::default()
            }),
            status: status.map(|fields| NodeStatus {
                addresses: fields.addresses,
                conditions: fields.conditions,
                ..NodeStatus::default()
            }),
        }))
    }
}
