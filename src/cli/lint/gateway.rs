//! Gateway API: the kinds of the input, and what they know of each other.

use super::object::{ShapeFinding, name_of};
use super::rule;
use crate::admission::gateway::unread_fields::places;
use crate::admission::gateway::{
    GatewayOwner, GatewaySource, OwnedFindings, check_manifest, gateway_of, load_balancer, soften,
};
use crate::api::gateway::{GROUP, Gateway, GatewayClass, ListenerSet, ReferenceGrant};
use crate::api::gateway_config::{
    self, LISTENER_RULE_CONFIGURATION_KIND, LOAD_BALANCER_CONFIGURATION_KIND, ListenerRuleConfiguration,
    LoadBalancerConfiguration, TARGET_GROUP_CONFIGURATION_KIND, TargetGroupConfiguration,
};
use crate::api::{Namespace, ObjectKey};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef};
use crate::gateway::{Controller, NamespaceSource};
use kube::Resource;
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type NamedObjects<K> = BTreeMap<ObjectKey, Arc<K>>;

/// The objects of the input that others name.
#[derive(Default)]
pub(super) struct GatewayInput {
    classes: NamedObjects<GatewayClass>,
    gateways: NamedObjects<Gateway>,
    listener_sets: NamedObjects<ListenerSet>,
    /// By the Gateway that they name.
    listener_sets_of: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    namespaces: NamedObjects<Namespace>,
    reference_grants: NamedObjects<ReferenceGrant>,
    /// Namespaces of the input's objects.
    described: BTreeSet<String>,
    load_balancers: NamedObjects<LoadBalancerConfiguration>,
    target_groups: NamedObjects<TargetGroupConfiguration>,
    rules: NamedObjects<ListenerRuleConfiguration>,
}

/// Who has a LoadBalancerConfiguration.
#[derive(Default)]
pub(super) struct ConfigurationUse {
    /// Controllers of the Gateways and classes that name it.
    controllers: BTreeMap<ObjectKey, BTreeSet<Controller>>,
    /// Those that classes name.
    of_classes: BTreeSet<ObjectKey>,
    /// Those that Gateways name.
    of_gateways: BTreeSet<ObjectKey>,
}

fn add<K>(objects: &mut NamedObjects<K>, object: &Value)
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    // why: an object that does not parse is reported where it is checked
    if let Ok(parsed) = K::deserialize(object) {
        objects.insert(ObjectKey::of(&parsed), Arc::new(parsed));
    }
}

/// The object that a key names. One without a namespace may be meant for any.
fn find<K>(objects: &NamedObjects<K>, key: &ObjectKey) -> Option<Arc<K>> {
    let anywhere = || objects.get(&ObjectKey::namespaced("", key.name()));
    objects.get(key).or_else(anywhere).cloned()
}

impl GatewayInput {
    /// Takes an object in, if it is of a kind that others name.
    pub fn add(&mut self, object: &Value) {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let group = text("apiVersion").split('/').next().unwrap_or_default();
        if let Some(namespace) = object.pointer("/metadata/namespace").and_then(Value::as_str) {
            self.described.insert(namespace.to_owned());
        }
        match (group, text("kind")) {
            (GROUP, "ReferenceGrant") => add(&mut self.reference_grants, object),
            (GROUP, "GatewayClass") => add(&mut self.classes, object),
            (GROUP, "Gateway") => add(&mut self.gateways, object),
            (GROUP, "ListenerSet") => self.add_listener_set(object),
            ("v1", "Namespace") => add(&mut self.namespaces, object),
            (gateway_config::GROUP, LOAD_BALANCER_CONFIGURATION_KIND) => {
                add(&mut self.load_balancers, object);
            }
            (gateway_config::GROUP, TARGET_GROUP_CONFIGURATION_KIND) => add(&mut self.target_groups, object),
            (gateway_config::GROUP, LISTENER_RULE_CONFIGURATION_KIND) => add(&mut self.rules, object),
            _ => {}
        }
    }

    fn add_listener_set(&mut self, object: &Value) {
        // why: an object that does not parse is reported where it is checked
        if let Ok(set) = ListenerSet::deserialize(object) {
            let key = ObjectKey::of(&set);
            self.listener_sets_of.entry(gateway_of(&set)).or_default().insert(key.clone());
            self.listener_sets.insert(key, Arc::new(set));
        }
    }

    /// Who has which LoadBalancerConfiguration.
    pub fn uses(&self) -> ConfigurationUse {
        let mut uses = ConfigurationUse::default();
        for class in self.classes.values() {
            let Some(reference) = &class.spec.parameters_ref else { continue };
            let namespace = reference.namespace.as_deref().unwrap_or_default();
            let ownership = GatewayOwner::of_controller(&class.spec.controller_name);
            if let Some(key) = self.key_of(&ObjectKey::namespaced(namespace, reference.name.as_str())) {
                uses.note(&key, ownership);
                uses.of_classes.insert(key);
            }
        }
        for gateway in self.gateways.values() {
            let infrastructure = gateway.spec.infrastructure.as_ref();
            let Some(reference) = infrastructure.and_then(|found| found.parameters_ref.as_ref()) else {
                continue;
            };
            let ownership = GatewayOwner::of_class(&gateway.spec.gateway_class_name, self);
            if let Some(key) = self.key_of(&ObjectKey::of(&**gateway).sibling(reference.name.as_str())) {
                uses.note(&key, ownership);
                uses.of_gateways.insert(key);
            }
        }
        uses
    }

    /// The key of a LoadBalancerConfiguration of the input.
    fn key_of(&self, named: &ObjectKey) -> Option<ObjectKey> {
        find(&self.load_balancers, named).map(|found| ObjectKey::of(&*found))
    }
}

impl ConfigurationUse {
    fn note(&mut self, key: &ObjectKey, ownership: GatewayOwner) {
        if let GatewayOwner::Ours(controller) = ownership {
            self.controllers.entry(key.clone()).or_default().insert(controller);
        }
    }

    /// The one controller whose load balancers have a configuration.
    fn controller(&self, key: &ObjectKey) -> Option<Controller> {
        let mut controllers = self.controllers.get(key)?.iter();
        controllers.next().copied().filter(|_| controllers.next().is_none())
    }
}

impl NamespaceSource for GatewayInput {
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        self.namespaces.get(&ObjectKey::cluster(name)).cloned()
    }
}

impl GatewaySource for GatewayInput {
    fn known_class(&self, name: &str) -> Option<Arc<GatewayClass>> {
        find(&self.classes, &ObjectKey::cluster(name))
    }

    fn known_gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>> {
        find(&self.gateways, key)
    }

    fn known_listener_set(&self, key: &ObjectKey) -> Option<Arc<ListenerSet>> {
        find(&self.listener_sets, key)
    }

    fn known_listener_sets(&self, gateway: &ObjectKey) -> Vec<Arc<ListenerSet>> {
        let keys = self.listener_sets_of.get(gateway).into_iter().flatten();
        keys.filter_map(|key| self.listener_sets.get(key).cloned()).collect()
    }

    /// why only where the input has something of the namespace: who writes none of it may not write its grants either
    fn known_reference_grants(&self, namespace: &str) -> Option<Vec<Arc<ReferenceGrant>>> {
        let is_meant = |key: &ObjectKey| key.namespace() == namespace || key.namespace().is_empty();
        let grants = self.reference_grants.iter().filter(|(key, _)| is_meant(key));
        self.described.contains(namespace).then(|| grants.map(|(_, grant)| grant.clone()).collect())
    }

    fn known_load_balancer_configuration(&self, key: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>> {
        find(&self.load_balancers, key)
    }

    fn known_listener_rule_configuration(&self, key: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>> {
        find(&self.rules, key)
    }
}

/// What is wrong with a LoadBalancerConfiguration, given who has it.
pub(super) fn check_load_balancer(
    config: &Config,
    configuration: &LoadBalancerConfiguration,
    input: &GatewayInput,
    uses: &ConfigurationUse,
) -> Vec<Finding> {
    let key = ObjectKey::of(configuration);
    let mut findings = load_balancer::check(config, configuration, uses.controller(&key));
    let reference = configuration.spec.default_target_group_configuration.as_ref();
    let default =
        reference.and_then(|reference| find(&input.target_groups, &key.sibling(reference.name.as_str())));
    if let Some(default) = default {
        findings.extend(load_balancer::check_default(config, configuration, &default));
    }
    let is_of_gateways_alone = uses.of_gateways.contains(&key) && !uses.of_classes.contains(&key);
    if configuration.spec.merging_mode.is_some() && is_of_gateways_alone {
        let problem = "has no effect: it is read from the configuration of a GatewayClass";
        let object = load_balancer::configuration_ref(configuration);
        findings.push(Finding::warning(&object, problem).at("spec.mergingMode"));
    }
    findings
}

/// What is wrong with an object of Gateway API: errors only if it is ours for certain, nothing if it is not.
pub(super) fn check_foreign(config: &Config, object: &Value, input: &GatewayInput) -> Option<Vec<Finding>> {
    let OwnedFindings { object: name, ownership, mut findings } = match check_manifest(config, object, input)?
    {
        Ok(checked) => checked,
        Err(error) => {
            let kind = kind_of(object)?;
            return Some(vec![Finding::error(&name_of(object, kind), format!("not a {kind}: {error}"))]);
        }
    };
    if ownership == GatewayOwner::Others {
        return Some(Vec::new());
    }
    findings.extend(alpha(object, &name));
    if ownership == GatewayOwner::Unknown {
        soften(&mut findings);
    }
    Some(findings)
}

/// Kinds of Gateway API that are checked.
const KINDS: [&str; 8] =
    ["GatewayClass", "Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TCPRoute", "UDPRoute", "TLSRoute"];

fn kind_of(object: &Value) -> Option<&'static str> {
    let kind = object.get("kind").and_then(Value::as_str)?;
    KINDS.into_iter().find(|known| *known == kind)
}

/// A version that the controller does not read.
fn alpha(object: &Value, name: &ObjectRef) -> Option<Finding> {
    let version = object.get("apiVersion").and_then(Value::as_str).filter(|text| text.contains("alpha"))?;
    let problem =
        format!("{version} is not what the controller reads, and Gateway API 1.6 does not serve it");
    Some(Finding::warning(name, problem).at("apiVersion").hint(format!("write {GROUP}/v1")))
}

/// Objects of which serde does not tell the fields, and their fields.
const FLATTENED: [(&str, &str, &[&str]); 4] = [
    ("HTTPRoute", "spec.rules[].backendRefs[]", BACKEND),
    ("GRPCRoute", "spec.rules[].backendRefs[]", BACKEND),
    (
        LISTENER_RULE_CONFIGURATION_KIND,
        "spec.actions[].authenticateOIDCConfig",
        &[
            "issuer",
            "authorizationEndpoint",
            "tokenEndpoint",
            "userInfoEndpoint",
            "secret",
            "useExistingClientSecret",
            "scope",
            "authenticationRequestExtraParams",
            "onUnauthenticatedRequest",
            "sessionCookieName",
            "sessionTimeout",
        ],
    ),
    (
        LISTENER_RULE_CONFIGURATION_KIND,
        "spec.actions[].authenticateCognitoConfig",
        &[
            "userPoolArn",
            "userPoolClientId",
            "userPoolDomain",
            "scope",
            "authenticationRequestExtraParams",
            "onUnauthenticatedRequest",
            "sessionCookieName",
            "sessionTimeout",
        ],
    ),
];
const BACKEND: &[&str] = &["group", "kind", "name", "namespace", "port", "weight", "filters"];

/// Unknown fields of those objects.
pub(super) fn check_flattened(object: &Value, kind: &'static str) -> Vec<ShapeFinding> {
    let name = name_of(object, kind);
    let mut found = Vec::new();
    for (_, path, fields) in FLATTENED.iter().filter(|(of_kind, ..)| *of_kind == kind) {
        for (place, value) in places(object, path) {
            let keys = value.as_object().into_iter().flat_map(Map::keys);
            for key in keys.filter(|key| !fields.contains(&key.as_str())) {
                let message = format!("unknown field {key:?}, which the API server refuses or drops");
                let finding = Finding::error(&name, message).at(format!("{place}.{key}"));
                found.push((rule::UNKNOWN_FIELD, finding.suggest(key, fields.iter().copied())));
            }
        }
    }
    found
}
