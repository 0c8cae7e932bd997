//! Load balancers with their security groups.

use super::security_groups::{MANAGED_ID, SecurityGroups};
use crate::model::{LoadBalancer, Stack};
use crate::settings::LoadBalancerSettings;

/// Adds a load balancer and the security group that is created for it to a stack.
pub(super) fn add(settings: &LoadBalancerSettings, groups: &SecurityGroups, stack: &mut Stack) {
    let load_balancer = LoadBalancer {
        name: settings.name.clone(),
        kind: settings.kind.clone(),
        scheme: settings.scheme.clone(),
        ip_address_type: settings.ip_address_type.clone(),
        enable_prefix_for_ipv6_source_nat: settings.enable_prefix_for_ipv6_source_nat.map(str::to_owned),
        subnet_mappings: settings.subnet_mappings.clone(),
        security_groups: groups.attached.clone(),
        enforce_inbound_rules_on_private_link: settings
            .enforce_inbound_rules_on_private_link
            .map(str::to_owned),
        customer_owned_ipv4_pool: settings.customer_owned_ipv4_pool.clone(),
        ipv4_ipam_pool_id: settings.ipv4_ipam_pool_id.clone(),
        attributes: settings.attributes.clone(),
        minimum_capacity_units: settings.minimum_capacity_units,
        tags: settings.tags.clone(),
    };
    stack.load_balancers.insert(settings.id.clone(), load_balancer);
    stack.security_groups.extend(groups.managed.clone().map(|group| (MANAGED_ID.into(), group)));
}
