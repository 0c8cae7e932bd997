//! Generated objects, as they are written.

use crate::api::ObjectKey;
use crate::api::gateway::{ALB_CONTROLLER, GATEWAY_KIND, GROUP, NLB_CONTROLLER};
use crate::api::gateway_config;
use crate::gateway::Controller;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Tag that tells what an object was generated from.
pub const MIGRATED_FROM: &str = "gateway.k8s.aws/migrated-from";
/// Annotation of Gateways that are only planned.
pub const DRY_RUN: &str = "gateway.k8s.aws/dry-run";

/// API version of Gateway API.
fn gateway_api() -> String {
    format!("{GROUP}/v1")
}

/// API version of the configurations.
fn configuration() -> String {
    format!("{}/v1", gateway_config::GROUP)
}

/// A field that is left out where there is nothing to say.
pub fn put(fields: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    let value = value.into();
    let is_empty = match &value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(_) | Value::Bool(_) | Value::Number(_) => false,
    };
    if !is_empty {
        fields.insert(key.to_owned(), value);
    }
}

/// Name of the class of Gateways with these load balancers.
pub fn class_name(controller: Controller) -> &'static str {
    match controller {
        Controller::Alb => "aws-alb",
        Controller::Nlb => "aws-nlb",
    }
}

/// The class of Gateways with these load balancers.
pub fn class(controller: Controller) -> Value {
    let name = match controller {
        Controller::Alb => ALB_CONTROLLER,
        Controller::Nlb => NLB_CONTROLLER,
    };
    json!({
        "apiVersion": gateway_api(),
        "kind": "GatewayClass",
        "metadata": {"name": class_name(controller)},
        "spec": {"controllerName": name},
    })
}

fn metadata(key: &ObjectKey) -> Value {
    json!({"name": key.name(), "namespace": key.namespace()})
}

/// A listener of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Port that clients connect to.
    pub port: i32,
    /// Protocol in upper case, as written by the user.
    pub protocol: String,
}

impl Listener {
    /// Name of the listener in its Gateway.
    pub fn section(&self) -> String {
        section(&self.protocol, self.port)
    }
}

/// Name of the listener of a protocol and port.
pub fn section(protocol: &str, port: i32) -> String {
    format!("{}-{port}", protocol.to_lowercase().replace('_', "-"))
}

/// What a Gateway is made of.
pub struct GatewayFields<'a> {
    /// Whether it has an ALB or an NLB.
    pub controller: Controller,
    /// Its listeners, each with the Secrets of its certificates.
    pub listeners: Vec<(Listener, Vec<ObjectKey>)>,
    /// Name of its LoadBalancerConfiguration.
    pub configuration: Option<&'a str>,
    /// Whether routes of all namespaces may attach.
    pub from_all: bool,
    /// Whether it is only planned.
    pub is_dry_run: bool,
}

/// A Gateway with its listeners, as a manifest.
pub fn gateway(key: &ObjectKey, gateway: &GatewayFields<'_>) -> Value {
    let GatewayFields { controller, listeners, configuration, from_all, is_dry_run } = gateway;
    let listeners: Vec<Value> = listeners
        .iter()
        .map(|(listener, secrets)| {
            let mut fields = Map::new();
            put(&mut fields, "name", listener.section());
            put(&mut fields, "port", listener.port);
            put(&mut fields, "protocol", listener.protocol.as_str());
            put(&mut fields, "allowedRoutes", from_all.then(|| json!({"namespaces": {"from": "All"}})));
            let tls = || json!({"mode": "Terminate", "certificateRefs": secret_refs(key, secrets)});
            put(&mut fields, "tls", (!secrets.is_empty()).then(tls));
            Value::Object(fields)
        })
        .collect();
    let mut spec = json!({"gatewayClassName": class_name(*controller), "listeners": listeners});
    if let (Some(name), Some(spec)) = (configuration, spec.as_object_mut()) {
        let reference =
            json!({"group": gateway_config::GROUP, "kind": "LoadBalancerConfiguration", "name": name});
        spec.insert("infrastructure".to_owned(), json!({"parametersRef": reference}));
    }
    let mut metadata = metadata(key);
    if let Some(fields) = metadata.as_object_mut().filter(|_| *is_dry_run) {
        put(fields, "annotations", json!({DRY_RUN: "true"}));
    }
    json!({"apiVersion": gateway_api(), "kind": "Gateway", "metadata": metadata, "spec": spec})
}

/// The references of a Gateway to Secrets.
fn secret_refs(gateway: &ObjectKey, secrets: &[ObjectKey]) -> Vec<Value> {
    let reference = |secret: &ObjectKey| {
        let mut fields = Map::new();
        put(&mut fields, "name", secret.name());
        if secret.namespace() != gateway.namespace() {
            put(&mut fields, "namespace", secret.namespace());
        }
        Value::Object(fields)
    };
    secrets.iter().map(reference).collect()
}

/// The permission for Gateways of a namespace to refer to Secrets of the grant's own.
pub fn secret_grant(key: &ObjectKey, gateways: &str, secrets: &[&ObjectKey]) -> Value {
    let to = secrets.iter().map(|secret| json!({"group": "", "kind": "Secret", "name": secret.name()}));
    json!({
        "apiVersion": format!("{GROUP}/v1beta1"),
        "kind": "ReferenceGrant",
        "metadata": metadata(key),
        "spec": {
            "from": [{"group": GROUP, "kind": GATEWAY_KIND, "namespace": gateways}],
            "to": to.collect::<Vec<_>>(),
        },
    })
}

/// A listener of a Gateway that a route attaches to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerParent {
    /// The Gateway that has the listener.
    pub gateway: ObjectKey,
    /// Name of the listener.
    pub section: String,
}

/// The references of a route in a namespace to its parents.
pub fn parent_refs(namespace: &str, parents: &[ListenerParent]) -> Vec<Value> {
    let reference = |parent: &ListenerParent| {
        let mut fields = Map::new();
        put(&mut fields, "name", parent.gateway.name());
        put(&mut fields, "sectionName", parent.section.as_str());
        if parent.gateway.namespace() != namespace {
            put(&mut fields, "namespace", parent.gateway.namespace());
        }
        Value::Object(fields)
    };
    parents.iter().map(reference).collect()
}

/// A route of any kind.
pub fn route(
    kind: &str,
    key: &ObjectKey,
    parents: &[ListenerParent],
    hostnames: &[String],
    rules: Vec<Value>,
) -> Value {
    let mut spec = Map::new();
    put(&mut spec, "parentRefs", parent_refs(key.namespace(), parents));
    put(&mut spec, "hostnames", hostnames.to_vec());
    put(&mut spec, "rules", rules);
    json!({"apiVersion": gateway_api(), "kind": kind, "metadata": metadata(key), "spec": spec})
}

/// A configuration of a kind.
pub fn configured(kind: &str, key: &ObjectKey, spec: &Map<String, Value>) -> Value {
    json!({"apiVersion": configuration(), "kind": kind, "metadata": metadata(key), "spec": spec})
}

/// A filter that names a ListenerRuleConfiguration.
pub fn extension_ref(name: &str) -> Value {
    let reference =
        json!({"group": gateway_config::GROUP, "kind": "ListenerRuleConfiguration", "name": name});
    json!({"type": "ExtensionRef", "extensionRef": reference})
}

/// Attributes as configurations list them, by key.
pub fn attributes(map: &BTreeMap<String, String>) -> Value {
    map.iter().map(|(key, value)| json!({"key": key, "value": value})).collect::<Vec<_>>().into()
}
