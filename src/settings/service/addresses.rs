//! Subnet mappings: static addresses and source NAT prefixes.

use super::context::ServiceContext;
use super::load_balancer_context::LoadBalancerContext;
use crate::annotations::service as keys;
use crate::aws_api::elbv2::{IpAddressType, Scheme, SubnetMapping};
use crate::facts::BuildError;
use crate::finding::Finding;
use crate::settings::addresses;
use crate::settings::subnets::has_ipv6;
use std::net::IpAddr;

/// `on` or `off`; `off` unless said otherwise.
pub(super) fn read_source_nat(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
) -> Result<&'static str, BuildError> {
    let Some("on") = context.choice(keys::SOURCE_NAT, &["on", "off"])? else { return Ok("off") };
    if balancer.ip_address_type == IpAddressType::Ipv4 {
        return Err(needs_dualstack(context, keys::SOURCE_NAT).into());
    }
    let without: Vec<&str> =
        balancer.subnets.iter().filter(|subnet| !has_ipv6(subnet)).map(|subnet| subnet.id.as_str()).collect();
    if without.is_empty() {
        return Ok("on");
    }
    let message = format!("subnets {} have no associated IPv6 CIDR", without.join(", "));
    Err(context.error(keys::SOURCE_NAT, message).into())
}

/// The subnets with the addresses that annotations ask for in them.
pub(super) fn read_mappings(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
    source_nat: &str,
) -> Result<Vec<SubnetMapping>, BuildError> {
    let allocations = list_allocations(context, balancer)?;
    let ipv4 = list_private_ipv4(context, balancer)?;
    let ipv6 = list_ipv6(context, balancer)?;
    let prefixes = list_source_nat_prefixes(context, balancer, source_nat)?;
    let mut mappings = Vec::with_capacity(balancer.subnets.len());
    for (at, subnet) in balancer.subnets.iter().enumerate() {
        let at_position = |list: &Option<Vec<String>>| list.as_ref().and_then(|items| items.get(at).cloned());
        mappings.push(SubnetMapping {
            allocation_id: at_position(&allocations),
            private_ipv4_address: addresses::place_ipv4(
                ipv4.as_deref().unwrap_or_default(),
                subnet,
                &context.origin(keys::PRIVATE_IPV4_ADDRESSES),
            )?,
            ipv6_address: addresses::place_ipv6(
                ipv6.as_deref().unwrap_or_default(),
                subnet,
                &context.origin(keys::IPV6_ADDRESSES),
            )?,
            source_nat_ipv6_prefix: at_position(&prefixes),
            subnet_id: subnet.id.clone(),
        });
    }
    Ok(mappings)
}

fn list_allocations(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
) -> Result<Option<Vec<String>>, BuildError> {
    let Some(allocations) = context.list(keys::EIP_ALLOCATIONS) else { return Ok(None) };
    if balancer.scheme != Scheme::InternetFacing {
        return Err(needs_scheme(context, keys::EIP_ALLOCATIONS, &Scheme::InternetFacing).into());
    }
    check_count(context, balancer, keys::EIP_ALLOCATIONS, allocations.len())?;
    Ok(Some(allocations))
}

fn list_private_ipv4(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
) -> Result<Option<Vec<IpAddr>>, BuildError> {
    let Some(listed) = context.list(keys::PRIVATE_IPV4_ADDRESSES) else { return Ok(None) };
    if balancer.scheme != Scheme::Internal {
        return Err(needs_scheme(context, keys::PRIVATE_IPV4_ADDRESSES, &Scheme::Internal).into());
    }
    check_count(context, balancer, keys::PRIVATE_IPV4_ADDRESSES, listed.len())?;
    let origin = context.origin(keys::PRIVATE_IPV4_ADDRESSES);
    addresses::parse_ipv4(&listed, &origin).map(Some)
}

fn list_ipv6(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
) -> Result<Option<Vec<IpAddr>>, BuildError> {
    let Some(listed) = context.list(keys::IPV6_ADDRESSES) else { return Ok(None) };
    if !balancer.is_dualstack() {
        return Err(needs_dualstack(context, keys::IPV6_ADDRESSES).into());
    }
    check_count(context, balancer, keys::IPV6_ADDRESSES, listed.len())?;
    addresses::parse_ipv6(&listed, &context.origin(keys::IPV6_ADDRESSES)).map(Some)
}

fn list_source_nat_prefixes(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
    source_nat: &str,
) -> Result<Option<Vec<String>>, BuildError> {
    let Some(prefixes) = context.list(keys::SOURCE_NAT_PREFIXES) else { return Ok(None) };
    if !balancer.is_dualstack() {
        return Err(needs_dualstack(context, keys::SOURCE_NAT_PREFIXES).into());
    }
    if source_nat != "on" {
        let switch = context.annotations.key(keys::SOURCE_NAT);
        let message = format!("source NAT prefixes are given while {switch} is not on");
        return Err(context.error(keys::SOURCE_NAT_PREFIXES, message).into());
    }
    check_count(context, balancer, keys::SOURCE_NAT_PREFIXES, prefixes.len())?;
    for (prefix, subnet) in prefixes.iter().zip(&balancer.subnets) {
        addresses::check_source_nat(prefix, subnet, &context.origin(keys::SOURCE_NAT_PREFIXES))?;
    }
    Ok(Some(prefixes))
}

fn check_count(
    context: &ServiceContext<'_>,
    balancer: &LoadBalancerContext<'_>,
    suffix: &str,
    count: usize,
) -> Result<(), BuildError> {
    let subnets = balancer.subnets.len();
    if count == subnets {
        return Ok(());
    }
    let message = format!("{count} values are given for {subnets} subnets, expected one per subnet");
    Err(context.error(suffix, message).into())
}

fn needs_scheme(context: &ServiceContext<'_>, suffix: &str, scheme: &Scheme) -> Finding {
    let key = context.annotations.key(keys::SCHEME);
    context
        .error(suffix, format!("works only on {scheme} load balancers"))
        .hint(format!("set {key}: {scheme}"))
}

fn needs_dualstack(context: &ServiceContext<'_>, suffix: &str) -> Finding {
    let key = context.annotations.key(keys::IP_ADDRESS_TYPE);
    context.error(suffix, "works only on dualstack load balancers").hint(format!("set {key}: dualstack"))
}
