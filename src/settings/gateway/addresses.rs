//! Subnet mappings of a Gateway's load balancer: static addresses and source NAT prefixes, a column for each.

use super::GatewayContext;
use crate::api::gateway_config::SubnetConfiguration;
use crate::aws_api::ec2::Subnet;
use crate::aws_api::elbv2::{IpAddressType, Scheme, SubnetMapping};
use crate::facts::BuildError;
use crate::gateway::Controller;
use crate::settings::Origin;
use crate::settings::addresses;

/// A column of `loadBalancerSubnets`.
type Column = fn(&SubnetConfiguration) -> Option<&String>;

/// A column with its field, and how upstream names several of its values.
struct ColumnName {
    field: &'static str,
    plural: &'static str,
    read: Column,
}

const IDENTIFIER: ColumnName =
    ColumnName { field: "identifier", plural: "subnet identifiers", read: |one| one.identifier.as_ref() };
const EIP: ColumnName =
    ColumnName { field: "eipAllocation", plural: "eip allocations", read: |one| one.eip_allocation.as_ref() };
const PRIVATE_IPV4: ColumnName = ColumnName {
    field: "privateIPv4Allocation",
    plural: "private ipv4 allocations",
    read: |one| one.private_ipv4_allocation.as_ref(),
};
const IPV6: ColumnName = ColumnName {
    field: "ipv6Allocation",
    plural: "ipv6 allocations",
    read: |one| one.ipv6_allocation.as_ref(),
};
const SOURCE_NAT: ColumnName = ColumnName {
    field: "sourceNatIPv6Prefix",
    plural: "source nat prefixes",
    read: |one| one.source_nat_ipv6_prefix.as_ref(),
};

/// Ids and names of subnets, as the configuration lists them.
pub(super) fn identifiers(context: &GatewayContext<'_>) -> Result<Vec<String>, BuildError> {
    column(context, &IDENTIFIER)
}

/// The subnets with the addresses that are asked for in them.
pub(super) fn read(
    context: &GatewayContext<'_>,
    scheme: &Scheme,
    ip_address_type: &IpAddressType,
    subnets: &[&Subnet],
) -> Result<Vec<SubnetMapping>, BuildError> {
    let is_dualstack = *ip_address_type == IpAddressType::Dualstack;
    let allocations = column(context, &EIP)?;
    let nlb = |column: &ColumnName, is_given: bool, is_right: bool, problem: &str| {
        let origin = origin(context, column);
        if !is_given {
            Ok(())
        } else if context.view.controller != Controller::Nlb {
            Err(BuildError::from(origin.error(format!("{} works only on NLBs", column.field))))
        } else if is_right {
            Ok(())
        } else {
            Err(origin.error(format!("{} {problem}", column.field)).into())
        }
    };
    let ipv4 = column(context, &PRIVATE_IPV4)?;
    let ipv6 = column(context, &IPV6)?;
    let prefixes = column(context, &SOURCE_NAT)?;
    let needs = |scheme: Scheme| format!("works only on {scheme} load balancers");
    let is_public = *scheme == Scheme::InternetFacing;
    nlb(&EIP, !allocations.is_empty(), is_public, &needs(Scheme::InternetFacing))?;
    let is_internal = *scheme == Scheme::Internal;
    nlb(&PRIVATE_IPV4, !ipv4.is_empty(), is_internal, &needs(Scheme::Internal))?;
    nlb(&IPV6, !ipv6.is_empty(), is_dualstack, "works only on dualstack load balancers")?;
    nlb(&SOURCE_NAT, !prefixes.is_empty(), true, "")?;
    for (column, values) in
        [(&EIP, &allocations), (&PRIVATE_IPV4, &ipv4), (&IPV6, &ipv6), (&SOURCE_NAT, &prefixes)]
    {
        addresses::check_count(values.len(), subnets.len(), &origin(context, column))?;
    }
    let ipv4 = addresses::parse_ipv4(&ipv4, &origin(context, &PRIVATE_IPV4))?;
    let ipv6 = addresses::parse_ipv6(&ipv6, &origin(context, &IPV6))?;
    for (prefix, subnet) in prefixes.iter().zip(subnets) {
        addresses::check_source_nat(prefix, subnet, &origin(context, &SOURCE_NAT))?;
    }
    let mapping = |(at, subnet): (usize, &&Subnet)| {
        Ok(SubnetMapping {
            allocation_id: allocations.get(at).cloned(),
            private_ipv4_address: addresses::place_ipv4(&ipv4, subnet, &origin(context, &PRIVATE_IPV4))?,
            ipv6_address: addresses::place_ipv6(&ipv6, subnet, &origin(context, &IPV6))?,
            source_nat_ipv6_prefix: prefixes.get(at).cloned(),
            subnet_id: subnet.id.clone(),
        })
    };
    subnets.iter().enumerate().map(mapping).collect()
}

/// The values of a column, which the first entry decides whether there is; empty if there is none.
fn column(context: &GatewayContext<'_>, column: &ColumnName) -> Result<Vec<String>, BuildError> {
    let entries = context.view.load_balancer().load_balancer_subnets.as_deref().unwrap_or_default();
    let values: Vec<String> = entries.iter().filter_map(column.read).cloned().collect();
    if values.is_empty() || values.len() == entries.len() {
        return Ok(values);
    }
    Err(origin(context, column).error(incomplete(column)).into())
}

/// why this text: upstream's
fn incomplete(column: &ColumnName) -> String {
    format!("Either specify all {} or none.", column.plural)
}

/// The columns that some entries have and others lack, by their fields, with what is wrong with that.
pub fn incomplete_columns(entries: &[SubnetConfiguration]) -> Vec<(&'static str, String)> {
    let is_incomplete = |column: &&ColumnName| {
        let count = entries.iter().filter_map(column.read).count();
        count > 0 && count < entries.len()
    };
    let columns = [&IDENTIFIER, &EIP, &PRIVATE_IPV4, &IPV6, &SOURCE_NAT].into_iter().filter(is_incomplete);
    columns.map(|column| (column.field, incomplete(column))).collect()
}

fn origin(context: &GatewayContext<'_>, column: &ColumnName) -> Origin {
    let mut origin = context.view.origin("loadBalancerSubnets", |spec| spec.load_balancer_subnets.is_some());
    origin.field = origin.field.map(|field| format!("{field}[].{}", column.field));
    origin
}
