//! Load balancers.

use super::tags;
use crate::aws::sdk::{answered, done, each, id, ids, lacks, named, some};
use crate::aws_api::elbv2::{
    CapacityReservation, CreateLoadBalancer, DeleteLoadBalancer, DescribeCapacityReservation,
    DescribeLoadBalancers, IpAddressType, LoadBalancer, LoadBalancerAddress, LoadBalancerType,
    ModifyCapacityReservation, ModifyIpPools, Page, Scheme, SetIpAddressType, SetSecurityGroups, SetSubnets,
    SubnetMapping, ZoneMapping,
};
use crate::aws_api::{Action, CloudError};
use aws_sdk_elasticloadbalancingv2::{Client, types};

pub(super) async fn describe(
    client: &Client,
    request: DescribeLoadBalancers,
) -> Result<Page<LoadBalancer>, CloudError> {
    const ACTION: Action = Action::DescribeLoadBalancers;
    let call = client
        .describe_load_balancers()
        .set_load_balancer_arns(some(request.arns))
        .set_names(some(request.names))
        .set_marker(request.marker);
    let answer = answered(ACTION, call.send().await)?;
    let items = named(ACTION, each(answer.load_balancers, load_balancer), |one| &one.arn)?;
    Ok(Page { items, next_marker: answer.next_marker })
}

pub(super) async fn create(client: &Client, request: CreateLoadBalancer) -> Result<LoadBalancer, CloudError> {
    const ACTION: Action = Action::CreateLoadBalancer;
    let CreateLoadBalancer {
        name,
        kind,
        scheme,
        ip_address_type,
        subnet_mappings,
        security_groups,
        enable_prefix_for_ipv6_source_nat,
        ipv4_ipam_pool_id,
        customer_owned_ipv4_pool,
        tags,
    } = request;
    let call = client
        .create_load_balancer()
        .name(name)
        .r#type(kind.as_str().into())
        .scheme(scheme.as_str().into())
        .ip_address_type(ip_address_type.as_str().into())
        .set_subnet_mappings(some(to_subnet_mappings(subnet_mappings)))
        .set_security_groups(some(ids(ACTION, &security_groups)?))
        .set_enable_prefix_for_ipv6_source_nat(enable_prefix_for_ipv6_source_nat.as_deref().map(Into::into))
        .set_ipam_pools(ipv4_ipam_pool_id.map(to_ipam_pools))
        .set_customer_owned_ipv4_pool(customer_owned_ipv4_pool)
        .set_tags(tags::to_sdk(tags));
    let answer = answered(ACTION, call.send().await)?;
    let created = answer.load_balancers.unwrap_or_default().into_iter().next();
    created.map(load_balancer).filter(|one| !one.arn.is_empty()).ok_or_else(|| lacks(ACTION, "load balancer"))
}

pub(super) async fn delete(client: &Client, request: DeleteLoadBalancer) -> Result<(), CloudError> {
    const ACTION: Action = Action::DeleteLoadBalancer;
    let call = client.delete_load_balancer().load_balancer_arn(id(ACTION, &request.arn)?);
    done(ACTION, call.send().await)
}

pub(super) async fn set_security_groups(
    client: &Client,
    request: SetSecurityGroups,
) -> Result<(), CloudError> {
    const ACTION: Action = Action::SetSecurityGroups;
    let enforce = request.enforce_inbound_rules_on_private_link;
    let call = client
        .set_security_groups()
        .load_balancer_arn(id(ACTION, &request.arn)?)
        .set_security_groups(Some(ids(ACTION, &request.security_groups)?))
        .set_enforce_security_group_inbound_rules_on_private_link_traffic(enforce.as_deref().map(Into::into));
    done(ACTION, call.send().await)
}

pub(super) async fn set_subnets(client: &Client, request: SetSubnets) -> Result<(), CloudError> {
    const ACTION: Action = Action::SetSubnets;
    let prefix = request.enable_prefix_for_ipv6_source_nat;
    let call = client
        .set_subnets()
        .load_balancer_arn(id(ACTION, &request.arn)?)
        .set_subnet_mappings(some(to_subnet_mappings(request.subnet_mappings)))
        .set_enable_prefix_for_ipv6_source_nat(prefix.as_deref().map(Into::into));
    done(ACTION, call.send().await)
}

pub(super) async fn set_ip_address_type(
    client: &Client,
    request: SetIpAddressType,
) -> Result<(), CloudError> {
    const ACTION: Action = Action::SetIpAddressType;
    let call = client
        .set_ip_address_type()
        .load_balancer_arn(id(ACTION, &request.arn)?)
        .ip_address_type(request.ip_address_type.as_str().into());
    done(ACTION, call.send().await)
}

pub(super) async fn modify_ip_pools(client: &Client, request: ModifyIpPools) -> Result<(), CloudError> {
    const ACTION: Action = Action::ModifyIpPools;
    let call = client.modify_ip_pools().load_balancer_arn(id(ACTION, &request.arn)?);
    let call = match request.ipv4_ipam_pool_id {
        Some(pool) => call.ipam_pools(to_ipam_pools(pool)),
        None => call.remove_ipam_pools(types::RemoveIpamPoolEnum::Ipv4),
    };
    done(ACTION, call.send().await)
}

pub(super) async fn describe_capacity_reservation(
    client: &Client,
    request: DescribeCapacityReservation,
) -> Result<CapacityReservation, CloudError> {
    const ACTION: Action = Action::DescribeCapacityReservation;
    let call = client.describe_capacity_reservation().load_balancer_arn(id(ACTION, &request.arn)?);
    let answer = answered(ACTION, call.send().await)?;
    let capacity_units = answer.minimum_load_balancer_capacity.and_then(|capacity| capacity.capacity_units);
    Ok(CapacityReservation { capacity_units })
}

pub(super) async fn modify_capacity_reservation(
    client: &Client,
    request: ModifyCapacityReservation,
) -> Result<(), CloudError> {
    const ACTION: Action = Action::ModifyCapacityReservation;
    let call = client.modify_capacity_reservation().load_balancer_arn(id(ACTION, &request.arn)?);
    let call = match request.capacity_units {
        Some(units) => call.minimum_load_balancer_capacity(
            types::MinimumLoadBalancerCapacity::builder().capacity_units(units).build(),
        ),
        None => call.reset_capacity_reservation(true),
    };
    done(ACTION, call.send().await)
}

fn load_balancer(sdk: types::LoadBalancer) -> LoadBalancer {
    LoadBalancer {
        arn: sdk.load_balancer_arn.unwrap_or_default(),
        dns_name: sdk.dns_name.unwrap_or_default(),
        name: sdk.load_balancer_name.unwrap_or_default(),
        kind: LoadBalancerType::from(sdk.r#type.as_ref().map_or("", |kind| kind.as_str())),
        scheme: Scheme::from(sdk.scheme.as_ref().map_or("", |scheme| scheme.as_str())),
        vpc_id: sdk.vpc_id.unwrap_or_default(),
        state: sdk
            .state
            .and_then(|state| state.code)
            .map_or_else(String::new, |code| code.as_str().to_owned()),
        ip_address_type: sdk
            .ip_address_type
            .as_ref()
            .map_or(IpAddressType::Ipv4, |family| family.as_str().into()),
        zones: each(sdk.availability_zones, zone_mapping),
        security_groups: sdk.security_groups.unwrap_or_default(),
        customer_owned_ipv4_pool: sdk.customer_owned_ipv4_pool,
        enforce_inbound_rules_on_private_link: sdk
            .enforce_security_group_inbound_rules_on_private_link_traffic,
        enable_prefix_for_ipv6_source_nat: sdk
            .enable_prefix_for_ipv6_source_nat
            .map(|value| value.as_str().to_owned()),
        ipv4_ipam_pool_id: sdk.ipam_pools.and_then(|pools| pools.ipv4_ipam_pool_id),
    }
}

fn zone_mapping(sdk: types::AvailabilityZone) -> ZoneMapping {
    ZoneMapping {
        zone_name: sdk.zone_name.unwrap_or_default(),
        subnet_id: sdk.subnet_id.unwrap_or_default(),
        source_nat_ipv6_prefixes: sdk.source_nat_ipv6_prefixes.unwrap_or_default(),
        addresses: each(sdk.load_balancer_addresses, |address| LoadBalancerAddress {
            allocation_id: address.allocation_id,
            private_ipv4_address: address.private_ipv4_address,
            ipv6_address: address.ipv6_address,
        }),
    }
}

fn to_subnet_mappings(mappings: Vec<SubnetMapping>) -> Vec<types::SubnetMapping> {
    mappings.into_iter().map(to_subnet_mapping).collect()
}

fn to_subnet_mapping(mapping: SubnetMapping) -> types::SubnetMapping {
    let SubnetMapping {
        allocation_id,
        private_ipv4_address,
        ipv6_address,
        source_nat_ipv6_prefix,
        subnet_id,
    } = mapping;
    types::SubnetMapping::builder()
        .set_allocation_id(allocation_id)
        .set_private_ipv4_address(private_ipv4_address)
        .set_ipv6_address(ipv6_address)
        .set_source_nat_ipv6_prefix(source_nat_ipv6_prefix)
        .subnet_id(subnet_id)
        .build()
}

fn to_ipam_pools(ipv4_ipam_pool_id: String) -> types::IpamPools {
    types::IpamPools::builder().ipv4_ipam_pool_id(ipv4_ipam_pool_id).build()
}
