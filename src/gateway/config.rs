//! The configuration of a Gateway, merged from that of its class and its own, and the settings of a target group.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::route::RouteId;
use super::{Cluster, GatewayOptions};
use crate::api::ObjectKey;
use crate::api::gateway::{Gateway, GatewayClass, true_condition};
use crate::api::gateway_config::{
    ConfiguredAttribute, GROUP, LOAD_BALANCER_CONFIGURATION_KIND, ListenerConfiguration,
    LoadBalancerConfiguration, LoadBalancerConfigurationSpec, MergingMode, RouteIdentifier,
    TARGET_GROUP_CONFIGURATION_KIND, TargetGroupConfiguration, TargetGroupConfigurationSpec,
    TargetGroupProps,
};

/// Why a Gateway has no configuration; the text is the message of its condition `Accepted`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The class is not accepted.
    #[error("Unable to materialize gateway when gateway class [{0}] is not accepted")]
    ClassNotAccepted(String),
    /// The class names an object of some namespace.
    #[error("Namespace must be specified in ParametersRef for LoadBalancerConfiguration")]
    NamespaceMissing,
    /// The LoadBalancerConfiguration is not there. The text is the API server's.
    #[error("{LOAD_BALANCER_CONFIGURATION_KIND}.{GROUP} \"{0}\" not found")]
    NotFound(String),
    /// The default TargetGroupConfiguration cannot be used.
    #[error(
        "failed to resolve default TargetGroupConfiguration \"{name}\" referenced by {owner} \
         LoadBalancerConfiguration \"{configuration}\" in namespace \"{namespace}\": {cause}"
    )]
    DefaultTargetGroup {
        /// Name of the TargetGroupConfiguration.
        name: String,
        /// `GatewayClass` or `Gateway`.
        owner: &'static str,
        /// Name of the LoadBalancerConfiguration.
        configuration: String,
        /// Namespace of both.
        namespace: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// The configuration of a Gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewayConfig {
    /// Settings of the load balancer.
    pub load_balancer: LoadBalancerConfigurationSpec,
    /// Settings of target groups of Services, where the Services' own say nothing.
    pub default_target_group: Option<TargetGroupConfigurationSpec>,
    /// The LoadBalancerConfigurations that it is merged from, the one that wins first.
    pub sources: Vec<Arc<LoadBalancerConfiguration>>,
}

impl GatewayConfig {
    /// The LoadBalancerConfiguration that a field is from; `None`: nobody says anything.
    pub fn source_of(
        &self,
        is_set: impl Fn(&LoadBalancerConfigurationSpec) -> bool,
    ) -> Option<&LoadBalancerConfiguration> {
        self.sources.iter().map(|source| &**source).find(|source| is_set(&source.spec))
    }
}

/// The configuration of a Gateway of a class.
pub fn resolve(
    class: &GatewayClass,
    gateway: &Gateway,
    cluster: &dyn Cluster,
    options: GatewayOptions,
) -> Result<GatewayConfig, ConfigError> {
    if !is_accepted(class) {
        return Err(ConfigError::ClassNotAccepted(class.metadata.name.clone().unwrap_or_default()));
    }
    let of_class = class_configuration(class, cluster)?;
    let of_gateway = gateway_configuration(gateway, cluster)?;
    let defaults_of_class = default_target_group("GatewayClass", of_class.as_deref(), cluster)?;
    let defaults_of_gateway = default_target_group("Gateway", of_gateway.as_deref(), cluster)?;
    let winner = winner(of_class.as_deref());
    let spec =
        |found: &'_ Option<Arc<LoadBalancerConfiguration>>| found.as_ref().map(|found| found.spec.clone());
    let load_balancer = merge_load_balancers(spec(&of_class), spec(&of_gateway), options);
    let default_target_group =
        merge_defaults(winner, defaults_of_class.as_deref(), defaults_of_gateway.as_deref());
    let sources = match winner {
        MergingMode::PreferGateway => [of_gateway, of_class],
        MergingMode::PreferGatewayClass => [of_class, of_gateway],
    };
    Ok(GatewayConfig {
        load_balancer,
        default_target_group,
        sources: sources.into_iter().flatten().collect(),
    })
}

fn is_accepted(class: &GatewayClass) -> bool {
    class.status.as_ref().is_some_and(|status| true_condition(&status.conditions, "Accepted").is_some())
}

/// What is said of a default TargetGroupConfiguration that is for one Service.
pub const NOT_A_DEFAULT: &str =
    "TargetGroupConfiguration has a targetReference, expected one without as the default";

/// The LoadBalancerConfiguration of a class. Group and kind of the reference are not looked at, as upstream does.
pub fn class_configuration(
    class: &GatewayClass,
    cluster: &dyn Cluster,
) -> Result<Option<Arc<LoadBalancerConfiguration>>, ConfigError> {
    let Some(reference) = &class.spec.parameters_ref else { return Ok(None) };
    let Some(namespace) = &reference.namespace else { return Err(ConfigError::NamespaceMissing) };
    find(&ObjectKey::namespaced(namespace.as_str(), reference.name.as_str()), cluster).map(Some)
}

fn gateway_configuration(
    gateway: &Gateway,
    cluster: &dyn Cluster,
) -> Result<Option<Arc<LoadBalancerConfiguration>>, ConfigError> {
    let infrastructure = gateway.spec.infrastructure.as_ref();
    let Some(reference) = infrastructure.and_then(|found| found.parameters_ref.as_ref()) else {
        return Ok(None);
    };
    find(&ObjectKey::of(gateway).sibling(reference.name.as_str()), cluster).map(Some)
}

fn find(key: &ObjectKey, cluster: &dyn Cluster) -> Result<Arc<LoadBalancerConfiguration>, ConfigError> {
    cluster.load_balancer_configuration(key).ok_or_else(|| ConfigError::NotFound(key.name().to_owned()))
}

/// The TargetGroupConfiguration that a LoadBalancerConfiguration names as the default.
pub fn default_target_group(
    owner: &'static str,
    configuration: Option<&LoadBalancerConfiguration>,
    cluster: &dyn Cluster,
) -> Result<Option<Arc<TargetGroupConfiguration>>, ConfigError> {
    let Some(configuration) = configuration else { return Ok(None) };
    let Some(reference) = &configuration.spec.default_target_group_configuration else { return Ok(None) };
    let place = ObjectKey::of(configuration);
    let error = |cause: String| ConfigError::DefaultTargetGroup {
        name: reference.name.clone(),
        owner,
        configuration: place.name().to_owned(),
        namespace: place.namespace().to_owned(),
        cause,
    };
    match cluster.target_group_configuration(&place.sibling(reference.name.as_str())) {
        None => {
            Err(error(format!("{TARGET_GROUP_CONFIGURATION_KIND}.{GROUP} \"{}\" not found", reference.name)))
        }
        Some(found) if found.spec.target_reference.is_some() => Err(error(format!(
            "{TARGET_GROUP_CONFIGURATION_KIND} {:?} in namespace {:?} has targetReference set and cannot be used as a \
             defaultTargetGroupConfiguration — a default TGC must not have targetReference",
            reference.name,
            place.namespace(),
        ))),
        Some(found) => Ok(Some(found)),
    }
}

/// The version of a class's configuration that its annotation holds: resource versions of what it consists of.
pub fn processed_version(
    configuration: Option<&LoadBalancerConfiguration>,
    default: Option<&TargetGroupConfiguration>,
) -> String {
    let Some(configuration) = configuration else { return String::new() };
    let mut version = configuration.metadata.resource_version.clone().unwrap_or_default();
    if let Some(default) = default {
        version.push('-');
        version.push_str(default.metadata.resource_version.as_deref().unwrap_or_default());
    }
    version
}

fn winner(of_class: Option<&LoadBalancerConfiguration>) -> MergingMode {
    of_class.and_then(|found| found.spec.merging_mode).unwrap_or(MergingMode::PreferGatewayClass)
}

/// The settings of class and Gateway together. With both, the mode of the class says whose value wins.
pub fn merge_load_balancers(
    of_class: Option<LoadBalancerConfigurationSpec>,
    of_gateway: Option<LoadBalancerConfigurationSpec>,
    options: GatewayOptions,
) -> LoadBalancerConfigurationSpec {
    match (of_class, of_gateway) {
        (None, None) => LoadBalancerConfigurationSpec::default(),
        (Some(only), None) | (None, Some(only)) => only,
        (Some(class), Some(gateway)) if class.merging_mode == Some(MergingMode::PreferGateway) => {
            overlay(&gateway, &class, options)
        }
        (Some(class), Some(gateway)) => overlay(&class, &gateway, options),
    }
}

/// `high` where it says something, `low` elsewhere.
///
/// why the capacity goes unless strict: upstream loses it where there are two configurations, and reserving what was not
/// reserved before costs money.
fn overlay(
    high: &LoadBalancerConfigurationSpec,
    low: &LoadBalancerConfigurationSpec,
    options: GatewayOptions,
) -> LoadBalancerConfigurationSpec {
    let capacity =
        high.minimum_load_balancer_capacity.as_ref().or(low.minimum_load_balancer_capacity.as_ref());
    macro_rules! either {
        ($($field:ident),+ $(,)?) => {
            LoadBalancerConfigurationSpec {
                merging_mode: None,
                minimum_load_balancer_capacity: capacity.filter(|_| options.strict).cloned(),
                tags: merge_tags(high.tags.as_ref(), low.tags.as_ref()),
                load_balancer_attributes: merge_attributes(
                    high.load_balancer_attributes.as_deref(),
                    low.load_balancer_attributes.as_deref(),
                ),
                listener_configurations: merge_listeners(
                    high.listener_configurations.as_deref(),
                    low.listener_configurations.as_deref(),
                ),
                $($field: high.$field.clone().or_else(|| low.$field.clone()),)+
            }
        };
    }
    either!(
        load_balancer_name,
        scheme,
        ip_address_type,
        enforce_security_group_inbound_rules_on_private_link_traffic,
        customer_owned_ipv4_pool,
        ipv4_ipam_pool_id,
        load_balancer_subnets,
        load_balancer_subnets_selector,
        disable_security_group,
        security_groups,
        security_group_prefixes,
        source_ranges,
        enable_icmp,
        manage_backend_security_group_rules,
        waf_v2,
        shield_configuration,
        default_target_group_configuration,
    )
}

fn merge_tags(
    high: Option<&BTreeMap<String, String>>,
    low: Option<&BTreeMap<String, String>>,
) -> Option<BTreeMap<String, String>> {
    let mut merged = low.cloned().unwrap_or_default();
    merged.extend(high.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    (high.is_some() || low.is_some()).then_some(merged)
}

fn merge_attributes(
    high: Option<&[ConfiguredAttribute]>,
    low: Option<&[ConfiguredAttribute]>,
) -> Option<Vec<ConfiguredAttribute>> {
    let merged = union(high.unwrap_or_default(), low.unwrap_or_default(), |attribute| &attribute.key);
    (high.is_some() || low.is_some()).then_some(merged)
}

fn merge_listeners(
    high: Option<&[ListenerConfiguration]>,
    low: Option<&[ListenerConfiguration]>,
) -> Option<Vec<ListenerConfiguration>> {
    let merged = union(high.unwrap_or_default(), low.unwrap_or_default(), |listener| &listener.protocol_port);
    (!merged.is_empty()).then_some(merged)
}

/// The union by key, sorted by key. Of two entries of one list with the same key, the last counts in `high` and the first in
/// `low`, as upstream reads them.
fn union<T: Clone>(high: &[T], low: &[T], key: fn(&T) -> &String) -> Vec<T> {
    let mut merged: BTreeMap<&String, &T> = high.iter().map(|entry| (key(entry), entry)).collect();
    for entry in low {
        merged.entry(key(entry)).or_insert(entry);
    }
    merged.into_values().cloned().collect()
}

/// The default settings of target groups. With both, those for all routes are merged, those for some are the winner's.
fn merge_defaults(
    winner: MergingMode,
    of_class: Option<&TargetGroupConfiguration>,
    of_gateway: Option<&TargetGroupConfiguration>,
) -> Option<TargetGroupConfigurationSpec> {
    let (high, low) = match (of_class, of_gateway) {
        (None, None) => return None,
        (Some(only), None) | (None, Some(only)) => return Some(only.spec.clone()),
        (Some(class), Some(gateway)) if winner == MergingMode::PreferGateway => (&gateway.spec, &class.spec),
        (Some(class), Some(gateway)) => (&class.spec, &gateway.spec),
    };
    let default_configuration =
        merge_props(high.default_configuration.clone(), low.default_configuration.clone());
    Some(TargetGroupConfigurationSpec { default_configuration, ..high.clone() })
}

/// The settings of the target group for one backend of one route: those of the backend's own configuration, then the default's.
///
/// `object_kind` is `Service` or `Gateway`. Gateways have no default.
pub fn target_group_props(
    object_kind: &str,
    object: &ObjectKey,
    route: &RouteId,
    default: Option<&TargetGroupConfigurationSpec>,
    cluster: &dyn Cluster,
) -> Option<TargetGroupProps> {
    let own = cluster.target_group_configuration_of(object_kind, object);
    let own = own.map(|found| props_of(&found.spec, route));
    merge_props(own, default.map(|default| props_of(default, route)))
}

/// The kind and the name of the object that a configuration is for, in its namespace; for lists by object.
pub fn target(configuration: &TargetGroupConfigurationSpec) -> Option<(&str, &str)> {
    let reference = configuration.target_reference.as_ref()?;
    Some((reference.kind.as_deref().unwrap_or("Service"), reference.name.as_str()))
}

/// What one configuration says for a route.
fn props_of(configuration: &TargetGroupConfigurationSpec, route: &RouteId) -> TargetGroupProps {
    let all = configuration.default_configuration.clone().unwrap_or_default();
    match override_for(configuration, route) {
        Some(some) => overlay_props(some, &all),
        None => all,
    }
}

fn override_for<'a>(
    configuration: &'a TargetGroupConfigurationSpec,
    route: &RouteId,
) -> Option<&'a TargetGroupProps> {
    let mut best: Option<(u8, &TargetGroupProps)> = None;
    for entry in configuration.route_configurations.iter().flatten() {
        let rank = rank(&entry.route_identifier, route);
        if rank > best.map_or(0, |(rank, _)| rank) {
            best = Some((rank, &entry.target_group_props));
        }
    }
    best.map(|(_, props)| props)
}

/// 3: this route; 2: routes of its kind and namespace; 1: routes of its kind; 0: not this route.
fn rank(identifier: &RouteIdentifier, route: &RouteId) -> u8 {
    let same_namespace = identifier.namespace == route.key.namespace();
    match (identifier.kind == route.kind.as_str(), identifier.name.as_str(), identifier.namespace.as_str()) {
        (true, name, _) if same_namespace && name == route.key.name() => 3,
        (true, "", _) if same_namespace => 2,
        (true, "", "") => 1,
        _ => 0,
    }
}

fn merge_props(high: Option<TargetGroupProps>, low: Option<TargetGroupProps>) -> Option<TargetGroupProps> {
    match (high, low) {
        (Some(high), Some(low)) => Some(overlay_props(&high, &low)),
        (only, None) | (None, only) => only,
    }
}

/// `high` where it says something, `low` elsewhere; tags and attributes by key.
fn overlay_props(high: &TargetGroupProps, low: &TargetGroupProps) -> TargetGroupProps {
    macro_rules! either {
        ($($field:ident),+ $(,)?) => {
            TargetGroupProps {
                tags: merge_tags(high.tags.as_ref(), low.tags.as_ref()),
                target_group_attributes: merge_attributes(
                    high.target_group_attributes.as_deref(),
                    low.target_group_attributes.as_deref(),
                ),
                $($field: high.$field.clone().or_else(|| low.$field.clone()),)+
            }
        };
    }
    either!(
        target_group_name,
        ip_address_type,
        health_check_config,
        node_selector,
        target_type,
        protocol,
        protocol_version,
        target_control_port,
        enable_multi_cluster,
    )
}

#[cfg(test)]
mod tests;
