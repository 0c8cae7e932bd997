//! What is wrong with the shape of an object, whatever its values mean: kind, version, unknown fields, nulls, templates.

use super::gateway::check_flattened;
use super::manifest::is_template;
use super::object::{ShapeFinding, name_of, text};
use super::rule;
use super::unknown_fields::{UnknownField, unknown_fields};
use crate::admission::annotation_keys;
use crate::admission::gateway::unread_fields::is_unread;
use crate::api::gateway::{
    self, Gateway, GatewayClass, GrpcRoute, HttpRoute, ListenerSet, TcpRoute, TlsRoute, UdpRoute,
};
use crate::api::gateway_config::{
    self, ListenerRuleConfiguration, LoadBalancerConfiguration, TargetGroupConfiguration,
};
use crate::api::{
    AlbTargetControlConfig, GlobalAccelerator, Ingress, IngressClass, IngressClassParams, Service,
    TargetGroupBinding, global_accelerator,
};
use crate::finding::{Finding, ObjectRef};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A kind that is checked.
struct CheckedKind {
    name: &'static str,
    /// API group; empty for the core group.
    group: &'static str,
    /// Served versions, the one to write first.
    versions: &'static [&'static str],
    unknown_fields: fn(&Value) -> Vec<UnknownField>,
}

const KINDS: [CheckedKind; 18] = [
    CheckedKind { name: "Service", group: "", versions: &["v1"], unknown_fields: unknown_fields::<Service> },
    CheckedKind {
        name: "Ingress",
        group: NETWORKING,
        versions: &["v1"],
        unknown_fields: unknown_fields::<Ingress>,
    },
    CheckedKind {
        name: "IngressClass",
        group: NETWORKING,
        versions: &["v1"],
        unknown_fields: unknown_fields::<IngressClass>,
    },
    CheckedKind {
        name: "IngressClassParams",
        group: OURS,
        versions: &["v1beta1"],
        unknown_fields: unknown_fields::<IngressClassParams>,
    },
    CheckedKind {
        name: "TargetGroupBinding",
        group: OURS,
        versions: &["v1beta1", "v1alpha1"],
        unknown_fields: unknown_fields::<TargetGroupBinding>,
    },
    CheckedKind {
        name: "ALBTargetControlConfig",
        group: OURS,
        versions: &["v1beta1"],
        unknown_fields: unknown_fields::<AlbTargetControlConfig>,
    },
    CheckedKind {
        name: global_accelerator::KIND,
        group: global_accelerator::GROUP,
        versions: &["v1beta1"],
        unknown_fields: unknown_fields::<GlobalAccelerator>,
    },
    CheckedKind {
        name: "LoadBalancerConfiguration",
        group: OURS_OF_GATEWAYS,
        versions: &["v1", "v1beta1"],
        unknown_fields: unknown_fields::<LoadBalancerConfiguration>,
    },
    CheckedKind {
        name: "TargetGroupConfiguration",
        group: OURS_OF_GATEWAYS,
        versions: &["v1", "v1beta1"],
        unknown_fields: unknown_fields::<TargetGroupConfiguration>,
    },
    CheckedKind {
        name: "ListenerRuleConfiguration",
        group: OURS_OF_GATEWAYS,
        versions: &["v1", "v1beta1"],
        unknown_fields: unknown_fields::<ListenerRuleConfiguration>,
    },
    CheckedKind {
        name: "GatewayClass",
        group: GATEWAY_API,
        versions: &["v1", "v1beta1"],
        unknown_fields: unknown_fields::<GatewayClass>,
    },
    CheckedKind {
        name: "Gateway",
        group: GATEWAY_API,
        versions: &["v1", "v1beta1"],
        unknown_fields: unknown_fields::<Gateway>,
    },
    CheckedKind {
        name: "ListenerSet",
        group: GATEWAY_API,
        versions: &["v1"],
        unknown_fields: unknown_fields::<ListenerSet>,
    },
    CheckedKind {
        name: "HTTPRoute",
        group: GATEWAY_API,
        versions: &["v1", "v1beta1"],
        unknown_fields: unknown_fields::<HttpRoute>,
    },
    CheckedKind {
        name: "GRPCRoute",
        group: GATEWAY_API,
        versions: &["v1", "v1alpha2"],
        unknown_fields: unknown_fields::<GrpcRoute>,
    },
    CheckedKind {
        name: "TCPRoute",
        group: GATEWAY_API,
        versions: &["v1", "v1alpha2"],
        unknown_fields: unknown_fields::<TcpRoute>,
    },
    CheckedKind {
        name: "UDPRoute",
        group: GATEWAY_API,
        versions: &["v1", "v1alpha2"],
        unknown_fields: unknown_fields::<UdpRoute>,
    },
    CheckedKind {
        name: "TLSRoute",
        group: GATEWAY_API,
        versions: &["v1", "v1alpha3", "v1alpha2"],
        unknown_fields: unknown_fields::<TlsRoute>,
    },
];
const NETWORKING: &str = "networking.k8s.io";
const OURS: &str = "elbv2.k8s.aws";
const OURS_OF_GATEWAYS: &str = gateway_config::GROUP;
const GATEWAY_API: &str = gateway::GROUP;
/// The group of Ingresses before Kubernetes 1.14.
const EXTENSIONS: &str = "extensions";

/// Fields of `Ingress` before `networking.k8s.io/v1`, and what is written today.
const REPLACED: [(&str, &str); 3] = [
    ("serviceName", "write `service: {name: …}`"),
    ("servicePort", "write `service: {port: {number: …}}` or `service: {port: {name: …}}`"),
    ("backend", "write `defaultBackend`"),
];

impl CheckedKind {
    fn api_version(&self) -> String {
        let version = self.versions.first().copied().unwrap_or_default();
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// Whether an object of this group and kind is most likely meant to be of this kind.
    fn is_meant_by(&self, group: &str, kind: &str) -> bool {
        let is_group = group == self.group
            || (group.is_empty() && !self.group.is_empty())
            || (group == EXTENSIONS && self.group == NETWORKING);
        is_group && kind.eq_ignore_ascii_case(self.name)
    }
}

/// What is wrong with the kind or version of an object that is meant to be of a kind that is checked.
pub(super) fn check_kind(object: &Value) -> Option<ShapeFinding> {
    let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let meant = KINDS.iter().find(|known| known.is_meant_by(group, kind))?;
    let finding = |message: String| Finding::error(&name_of(object, meant.name), message);
    let right = meant.api_version();
    if kind != meant.name {
        let message = format!("{kind:?} is not a kind");
        return Some((
            rule::KIND,
            finding(message).at("kind").hint(format!("did you mean `{}`?", meant.name)),
        ));
    }
    if group == meant.group && meant.versions.contains(&version) {
        return None;
    }
    let message = match (api_version, version) {
        ("", _) => "is missing".to_owned(),
        (_, "v1beta1") if meant.group == NETWORKING => {
            format!("{api_version} has no {kind} since Kubernetes 1.22")
        }
        _ => format!("{api_version} has no {kind}"),
    };
    Some((rule::KIND, finding(message).at("apiVersion").hint(format!("write {right}"))))
}

/// Names and annotations that are the source of a template.
pub(super) fn check_template(object: &Value) -> Option<ShapeFinding> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).map(|name| ("metadata.name", name));
    let annotations =
        object.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
    let ours = annotations.filter(|(key, _)| annotation_keys::concerns_us(key));
    let texts = ours.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    let (field, _) = name.into_iter().chain(texts).find(|(_, text)| is_template(text))?;
    let finding = Finding::error(&any_name_of(object), TEMPLATE).at(field).hint(RENDER);
    Some((rule::TEMPLATE, finding))
}

/// What is said of the source of a template.
pub(super) const TEMPLATE: &str = "is the source of a template, not a manifest";
/// What to do with the source of a template.
pub(super) const RENDER: &str = "render it first, for example with `helm template`";

/// Fields that the kind of an object does not have.
pub(super) fn check_unknown_fields(object: &Value) -> Vec<ShapeFinding> {
    let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    let Some(known) = KINDS.iter().find(|known| known.group == group && known.name == kind) else {
        return Vec::new();
    };
    let object_ref = name_of(object, known.name);
    let found = (known.unknown_fields)(object).into_iter().filter(is_written);
    let unknown = found.filter(|field| !is_unread(known.name, &field.path));
    let described = unknown.map(|field| (rule::UNKNOWN_FIELD, describe(&object_ref, &field, known.name)));
    described.chain(check_flattened(object, known.name)).collect()
}

/// why: our own types leave kind and version to kube; nobody writes a status, and one read from a cluster may have more in
/// it than our types.
fn is_written(field: &UnknownField) -> bool {
    let top = field.path.split('.').next().unwrap_or_default();
    !["apiVersion", "kind", "status"].contains(&top)
}

fn describe(object: &ObjectRef, field: &UnknownField, kind: &str) -> Finding {
    let message = format!("unknown field {:?}, which the API server refuses or drops", field.name);
    let finding = Finding::error(object, message).at(field.path.as_str());
    let replaced = REPLACED.iter().find(|(old, _)| kind == "Ingress" && *old == field.name);
    match replaced {
        Some((_, hint)) => finding.hint(*hint),
        None => finding.suggest(&field.name, field.known.iter().copied()),
    }
}

/// Annotations of ours and fields of our kinds that are null.
pub(super) fn check_nulls(object: &Value) -> Vec<ShapeFinding> {
    let name = any_name_of(object);
    let annotations =
        object.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
    let mut fields: Vec<String> = annotations
        .filter(|(key, value)| value.is_null() && annotation_keys::concerns_us(key))
        .map(|(key, _)| key.clone())
        .collect();
    let group = text(object, "apiVersion").split('/').next().unwrap_or_default();
    if group == OURS || group == OURS_OF_GATEWAYS {
        collect_nulls("spec", object.get("spec").unwrap_or(&Value::Bool(false)), &mut fields);
    }
    let describe = |field: String| {
        let finding = Finding::warning(&name, "is null and has no effect").at(field);
        (rule::NULL, finding.hint("remove it, or give it a value"))
    };
    fields.into_iter().map(describe).collect()
}

fn collect_nulls(path: &str, value: &Value, nulls: &mut Vec<String>) {
    match value {
        Value::Null => nulls.push(path.to_owned()),
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| collect_nulls(&format!("{path}.{key}"), value, nulls));
        }
        Value::Array(items) => {
            (0_usize..)
                .zip(items)
                .for_each(|(index, item)| collect_nulls(&format!("{path}[{index}]"), item, nulls));
        }
        _ => {}
    }
}

/// The object without annotations that are null, as the API server takes it.
pub(super) fn without_null_annotations(object: &Value) -> Cow<'_, Value> {
    const ANNOTATIONS: &str = "/metadata/annotations";
    let annotations = object.pointer(ANNOTATIONS).and_then(Value::as_object);
    if !annotations.into_iter().flat_map(Map::values).any(Value::is_null) {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    if let Some(annotations) = object.pointer_mut(ANNOTATIONS).and_then(Value::as_object_mut) {
        annotations.retain(|_, value| !value.is_null());
    }
    Cow::Owned(object)
}

fn any_name_of(object: &Value) -> ObjectRef {
    let kind = KINDS.iter().map(|kind| kind.name).find(|kind| *kind == text(object, "kind"));
    name_of(object, kind.unwrap_or("object"))
}
