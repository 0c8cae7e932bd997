//! Names of objects, and every key, finalizer, label and tag that is part of the contract with users, with AWS
//! resources that exist already, and with upstream.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use kube::ResourceExt;
use serde::{Deserialize, Serialize};

/// Namespace and name of an object; the namespace is empty for cluster-scoped objects.
///
/// Cheap to clone. Ordered by namespace, then name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    namespace: Arc<str>,
    name: Arc<str>,
}

impl ObjectKey {
    /// Key of an object in a namespace.
    pub fn namespaced(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Key of a cluster-scoped object.
    pub fn cluster(name: impl Into<Arc<str>>) -> Self {
        Self { namespace: Arc::from(""), name: name.into() }
    }

    /// Key of `object`; empty parts where its metadata has none.
    pub fn of<K: kube::Resource>(object: &K) -> Self {
        let meta = object.meta();
        Self {
            namespace: meta.namespace.as_deref().unwrap_or_default().into(),
            name: meta.name.as_deref().unwrap_or_default().into(),
        }
    }

    /// The namespace, empty for a cluster-scoped object.
    pub fn namespace(&self) -> &str {
        self.namespace.borrow()
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.name.borrow()
    }

    /// Key of another object in the same namespace.
    #[must_use]
    pub fn sibling(&self, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: Arc::clone(&self.namespace), name: name.into() }
    }
}

/// `namespace/name`, or only the name of a cluster-scoped object; the form of upstream's logs and stack ids.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return f.write_str(&self.name);
        }
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A text that is not `namespace/name` or `name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("object key is `{0}`, expected `namespace/name` or `name`")]
pub struct ParseObjectKeyError(String);

impl FromStr for ObjectKey {
    type Err = ParseObjectKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = text.split_once('/').unwrap_or(("", text));
        let dangling = text.contains('/') && namespace.is_empty();
        if name.is_empty() || name.contains('/') || dangling {
            return Err(ParseObjectKeyError(text.to_string()));
        }
        Ok(Self::namespaced(namespace, name))
    }
}

/// Whether `object` carries `finalizer`.
pub fn has_finalizer<K: kube::Resource>(object: &K, finalizer: &str) -> bool {
    object.finalizers().iter().any(|own| own == finalizer)
}

/// Whether the API server waits for finalizers of `object` to go.
pub fn is_being_deleted<K: kube::Resource>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}

/// API group of our custom resources, and prefix of the keys that concern several controllers.
pub const ELBV2_GROUP: &str = "elbv2.k8s.aws";

/// Finalizer on Services that may have AWS resources.
pub const SERVICE_FINALIZER: &str = "service.k8s.aws/resources";
/// Finalizer on Ingresses that are a group of their own.
pub const INGRESS_FINALIZER: &str = "ingress.k8s.aws/resources";
/// Prefix of the finalizer on members of an explicit Ingress group; the group's name follows.
pub const INGRESS_GROUP_FINALIZER_PREFIX: &str = "group.ingress.k8s.aws/";
/// Finalizer on TargetGroupBindings.
pub const TARGET_GROUP_BINDING_FINALIZER: &str = "elbv2.k8s.aws/resources";

/// `spec.controller` of the IngressClasses that are ours.
pub const INGRESS_CLASS_CONTROLLER: &str = "ingress.k8s.aws/alb";
/// Annotation on an Ingress that names its class, from before `ingressClassName`.
pub const INGRESS_CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// Annotation that makes an IngressClass the default one when its value is exactly `true`.
pub const DEFAULT_INGRESS_CLASS_ANNOTATION: &str = "ingressclass.kubernetes.io/is-default-class";
/// `spec.parameters.kind` of IngressClasses that have parameters of ours.
pub const INGRESS_CLASS_PARAMS_KIND: &str = "IngressClassParams";
/// Default of the flag `--load-balancer-class`.
pub const DEFAULT_LOAD_BALANCER_CLASS: &str = "service.k8s.aws/nlb";

/// TargetGroupBinding annotation: digest of what was last reconciled; present but empty asks for a full reconcile.
pub const CHECKPOINT_ANNOTATION: &str = "elbv2.k8s.aws/checkpoint";
/// TargetGroupBinding annotation: Unix seconds, decimal, of the last write of the checkpoint.
pub const CHECKPOINT_TIMESTAMP_ANNOTATION: &str = "elbv2.k8s.aws/checkpoint-timestamp";

/// The annotations of a TargetGroupBinding without those of its checkpoint, which are no part of what is wanted.
pub fn annotations_without_checkpoint(binding: &impl ResourceExt) -> BTreeMap<String, String> {
    let mut annotations = binding.annotations().clone();
    annotations.remove(CHECKPOINT_ANNOTATION);
    annotations.remove(CHECKPOINT_TIMESTAMP_ANNOTATION);
    annotations
}

/// Prefix of the readiness gate (and pod condition) of a TargetGroupBinding; the binding's name follows.
pub const READINESS_GATE_PREFIX: &str = "target-health.elbv2.k8s.aws/";
/// Prefix of the readiness gates of version 1 of the controller, removed at admission.
pub const LEGACY_READINESS_GATE_PREFIX: &str = "target-health.alb.ingress.k8s.aws";

/// Namespace label, and pod annotation, that asks for pods to go on serving until their load balancers send nothing more:
/// `enabled`, or anything else for no.
pub const POD_DRAIN_INJECT: &str = "elbv2.k8s.aws/pod-drain-inject";
/// Pod annotation with the seconds that a pod wants to sleep before it ends, instead of what its bindings come to.
pub const POD_DRAIN_SECONDS_ANNOTATION: &str = "elbv2.k8s.aws/pod-drain-seconds";
/// Pod annotation, written by the webhook, that explains how long a pod sleeps before it ends.
pub const POD_DRAIN_ANNOTATION: &str = "elbv2.k8s.aws/pod-drain";

/// Pod annotation that names the containers with QUIC server ids.
pub const QUIC_CONTAINERS_ANNOTATION: &str =
    "service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers";

/// Prefix of the ConfigMap that records which targets this cluster registered in a shared target group.
pub const MULTI_CLUSTER_CONFIG_MAP_PREFIX: &str = "aws-lbc-targets-";

/// Tag on every AWS resource we own: the cluster's name.
pub const CLUSTER_TAG: &str = "elbv2.k8s.aws/cluster";
/// Tag on AWS resources that are shared by the whole cluster: what the resource is.
pub const CLUSTER_RESOURCE_TAG: &str = "elbv2.k8s.aws/resource";
/// Value of [`CLUSTER_RESOURCE_TAG`] on the shared backend security group.
pub const BACKEND_SECURITY_GROUP_RESOURCE: &str = "backend-sg";
/// Tag on AWS resources of an Ingress group: the stack's id.
pub const INGRESS_STACK_TAG: &str = "ingress.k8s.aws/stack";
/// Tag on AWS resources of an Ingress group: the resource's id in the stack.
pub const INGRESS_RESOURCE_TAG: &str = "ingress.k8s.aws/resource";
/// Tag from version 1 of the controller: the cluster's name.
pub const LEGACY_INGRESS_CLUSTER_TAG: &str = "ingress.k8s.aws/cluster";
/// Tag on AWS resources of a Service: the stack's id.
pub const SERVICE_STACK_TAG: &str = "service.k8s.aws/stack";
/// Tag on AWS resources of a Service: the resource's id in the stack.
pub const SERVICE_RESOURCE_TAG: &str = "service.k8s.aws/resource";
/// Tag keys that users can't set or exempt, because ownership is read from them.
pub const TRACKING_TAGS: [&str; 10] = [
    CLUSTER_TAG,
    CLUSTER_RESOURCE_TAG,
    INGRESS_STACK_TAG,
    INGRESS_RESOURCE_TAG,
    SERVICE_STACK_TAG,
    SERVICE_RESOURCE_TAG,
    "gateway.k8s.aws.nlb/stack",
    "gateway.k8s.aws.nlb/resource",
    "gateway.k8s.aws.alb/stack",
    "gateway.k8s.aws.alb/resource",
];
/// Prefix of the tag that Kubernetes puts on a cluster's resources; the cluster's name follows.
pub const KUBERNETES_CLUSTER_TAG_PREFIX: &str = "kubernetes.io/cluster/";
/// Subnet tag: may carry internet-facing load balancers.
pub const PUBLIC_SUBNET_ROLE_TAG: &str = "kubernetes.io/role/elb";
/// Subnet tag: may carry internal load balancers.
pub const INTERNAL_SUBNET_ROLE_TAG: &str = "kubernetes.io/role/internal-elb";
/// Description of the security-group rules that we own on the targets' security groups.
pub const TARGET_RULE_DESCRIPTION: &str = "elbv2.k8s.aws/targetGroupBinding=shared";

/// EndpointSlice label: name of the Service.
pub const ENDPOINT_SLICE_SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// Node label: nodes with it are no targets.
pub const EXCLUDE_NODE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// Node label: control-plane nodes of old clusters, which are no targets.
pub const MASTER_NODE_LABEL: &str = "node-role.kubernetes.io/master";
/// Node label: what runs the pods (`fargate`, `hybrid`, …).
pub const COMPUTE_TYPE_LABEL: &str = "eks.amazonaws.com/compute-type";
/// Node label: the node's availability zone.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// Why nobody makes EndpointSlices of a Service, so that it has those which a user makes.
pub fn without_endpoints(service: &super::Service) -> Option<&'static str> {
    let spec = service.spec.as_ref();
    if is_external_name(service) {
        return Some("is of type ExternalName");
    }
    let has_selector = spec.and_then(|spec| spec.selector.as_ref()).is_some_and(|labels| !labels.is_empty());
    (!has_selector).then_some("has no selector and no EndpointSlices")
}

/// Whether a Service only stands for a DNS name.
pub fn is_external_name(service: &super::Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("ExternalName")
}

#[cfg(test)]
mod tests;
