//! TargetGroupBinding objects: from the model to the API, equality, and the patch between two of them.
//!
//! Matches upstream's `pkg/deploy/elbv2/target_group_binding_manager.go`, except that a patch leaves the checkpoint
//! annotations of the TargetGroupBinding controller alone.

use super::Digest;
use super::step::BindingWrite;
use crate::api::meta::{annotations_without_checkpoint, is_being_deleted};
use crate::api::target_group_binding::{
    IpBlock, Networking, NetworkingIngressRule, NetworkingPeer, NetworkingPort, SecurityGroupPeer,
    ServiceReference, TargetGroupBindingSpec,
};
use crate::api::{ObjectKey, ObjectMeta, TargetGroupBinding};
use crate::aws_api::{Ref, ResolvedIds, Unresolved};
use crate::model::{Binding, BindingIngress, BindingPeer, BindingPort, Stack};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Why a binding cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// A reference in it has no id yet.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    /// The model holds a value that TargetGroupBindings cannot express.
    #[error("{field} is {value:?}, which a TargetGroupBinding cannot express")]
    Inexpressible {
        /// Field of the spec.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

/// The object to create. References must be resolvable with `known`.
pub fn render_binding(write: &BindingWrite, known: &ResolvedIds) -> Result<TargetGroupBinding, BindingError> {
    let BindingWrite { binding, labels } = write;
    let metadata = ObjectMeta {
        namespace: Some(binding.namespace.clone()),
        name: Some(binding.name.clone()),
        labels: Some(labels.clone()),
        annotations: Some(binding.annotations.clone()).filter(|annotations| !annotations.is_empty()),
        ..ObjectMeta::default()
    };
    Ok(TargetGroupBinding { metadata, spec: render_spec(binding, known)?, status: None })
}

/// Whether the observed object is as wanted: spec, labels and annotations; unset and empty are the same, and the
/// checkpoint annotations do not count.
pub fn is_same(wanted: &TargetGroupBinding, observed: &TargetGroupBinding) -> bool {
    comparable(wanted) == comparable(observed)
}

/// The JSON merge patch that makes the observed object as wanted.
pub fn patch(wanted: &TargetGroupBinding, observed: &TargetGroupBinding) -> Value {
    merge_patch(&comparable(observed), &comparable(wanted)).unwrap_or_else(|| json!({}))
}

/// The binding, and the JSON merge patch that has it carry the labels of another stack.
pub fn relabel(
    binding: &TargetGroupBinding,
    former: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> (ObjectKey, Value) {
    let removed = former.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let added = new.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    let labels: Map<String, Value> = removed.chain(added).collect();
    (ObjectKey::of(binding), json!({ "metadata": { "labels": labels } }))
}

/// Digest of bindings as they are, to be compared with [`digest_wanted`].
pub fn digest_observed(bindings: &[TargetGroupBinding]) -> Digest {
    let mut all: Vec<_> = bindings.iter().map(identified).collect();
    all.sort();
    Digest::of(&all)
}

/// Digest of the stack's bindings as they should be. References must be resolvable with `known`.
pub fn digest_wanted(stack: &Stack, known: &ResolvedIds) -> Result<Digest, BindingError> {
    let labels = stack.id.labels();
    let wanted = stack
        .bindings
        .values()
        .map(|binding| render_binding(&BindingWrite::new(binding.clone(), &labels), known));
    Ok(digest_observed(&wanted.collect::<Result<Vec<_>, _>>()?))
}

/// What tells a binding from others and from itself at another time.
fn identified(binding: &TargetGroupBinding) -> (ObjectKey, bool, String) {
    (ObjectKey::of(binding), is_being_deleted(binding), comparable(binding).to_string())
}

fn render_spec(binding: &Binding, known: &ResolvedIds) -> Result<TargetGroupBindingSpec, BindingError> {
    let Binding {
        namespace: _,
        name: _,
        target_group_arn,
        target_type,
        target_group_protocol,
        service_name,
        service_port,
        networking,
        node_selector,
        ip_address_type,
        vpc_id,
        multi_cluster,
        labels: _,
        annotations: _,
    } = binding;
    Ok(TargetGroupBindingSpec {
        target_group_arn: Some(resolve(target_group_arn, known)?),
        target_group_name: None,
        multi_cluster_target_group: multi_cluster.then_some(true),
        target_type: Some(spelled("targetType", target_type.as_str())?),
        target_group_protocol: Some(spelled("targetGroupProtocol", target_group_protocol.as_str())?),
        service_ref: ServiceReference { name: service_name.clone(), port: service_port.clone() },
        networking: networking.as_ref().map(|rules| render_networking(rules, known)).transpose()?,
        node_selector: node_selector.clone(),
        ip_address_type: Some(spelled("ipAddressType", ip_address_type.as_str())?),
        vpc_id: Some(vpc_id.clone()),
        iam_role_arn_to_assume: None,
        assume_role_external_id: None,
    })
}

fn resolve(reference: &Ref, known: &ResolvedIds) -> Result<String, Unresolved> {
    let mut reference = reference.clone();
    reference.bind(known);
    reference.resolved().map(str::to_owned)
}

fn spelled<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, BindingError> {
    text.parse().map_err(|_| BindingError::Inexpressible { field, value: text.to_owned() })
}

fn render_networking(rules: &[BindingIngress], known: &ResolvedIds) -> Result<Networking, BindingError> {
    let rules: Result<Vec<_>, BindingError> = rules
        .iter()
        .map(|BindingIngress { from, ports }| {
            Ok(NetworkingIngressRule {
                from: from.iter().map(|peer| render_peer(peer, known)).collect::<Result<_, _>>()?,
                ports: ports.iter().map(render_port).collect::<Result<_, _>>()?,
            })
        })
        .collect();
    Ok(Networking { ingress: Some(rules?) })
}

fn render_peer(peer: &BindingPeer, known: &ResolvedIds) -> Result<NetworkingPeer, BindingError> {
    Ok(match peer {
        BindingPeer::IpBlock(cidr) => {
            NetworkingPeer { ip_block: Some(IpBlock { cidr: cidr.clone() }), security_group: None }
        }
        BindingPeer::SecurityGroup(group) => NetworkingPeer {
            ip_block: None,
            security_group: Some(SecurityGroupPeer { group_id: resolve(group, known)? }),
        },
    })
}

fn render_port(port: &BindingPort) -> Result<NetworkingPort, BindingError> {
    let BindingPort { protocol, port } = port;
    let protocol = protocol.as_ref().map(|protocol| spelled("networking protocol", protocol.as_str()));
    Ok(NetworkingPort { protocol: protocol.transpose()?, port: port.clone() })
}

/// What counts in a comparison, with nothing empty in it.
fn comparable(binding: &TargetGroupBinding) -> Value {
    let TargetGroupBinding { metadata, spec, status: _ } = binding;
    let annotations = annotations_without_checkpoint(binding);
    let mut value = json!({
        "metadata": {"labels": metadata.labels, "annotations": annotations},
        "spec": spec,
    });
    prune(&mut value);
    value
}

/// Removes what the API server would leave out: nulls, empty objects and lists, `false`, empty strings.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|_, field| !is_empty(field));
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// JSON merge patch (RFC 7386) from one value to another; `None` when they are equal.
fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    match (from, to) {
        _ if from == to => None,
        (Value::Object(from), Value::Object(to)) => {
            let removed = from.keys().filter(|key| !to.contains_key(*key));
            let mut patch: Map<String, Value> = removed.map(|key| (key.clone(), Value::Null)).collect();
            for (key, value) in to {
                let change = merge_patch(from.get(key).unwrap_or(&Value::Null), value);
                patch.extend(change.map(|change| (key.clone(), change)));
            }
            Some(Value::Object(patch))
        }
        _ => Some(to.clone()),
    }
}
