//! Describe calls: resources by id and filter, page by page.

use super::{
    InterfaceState, RouteTableState,
    filters::{self, Filtered},
};
use crate::{
    World,
    page::page,
    refusal::{CallResult, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{
    Tags,
    ec2::{
        AvailabilityZone, DescribeAvailabilityZones, DescribeInstances, DescribeNetworkInterfaces,
        DescribePage, DescribeRouteTables, DescribeSecurityGroups, DescribeSubnets, DescribeVpcs, Filter,
        Instance, NetworkInterface, RouteTable, SecurityGroup, Subnet, Vpc,
    },
};
use std::collections::BTreeMap;

static NO_TAGS: Tags = Tags::new();

/// What a describe call asks for.
struct Query<'a> {
    ids: &'a [String],
    filters: &'a [Filter],
    next_token: Option<&'a str>,
    /// The code for an unknown id, and how AWS calls the resource.
    missing: (&'static str, &'static str),
}

macro_rules! query {
    ($request:expr, $ids:ident, $code:literal, $words:literal) => {
        Query {
            ids: &$request.$ids,
            filters: &$request.filters,
            next_token: $request.next_token.as_deref(),
            missing: ($code, $words),
        }
    };
}

impl World {
    pub(crate) fn describe_subnets(&self, request: &DescribeSubnets) -> CallResult<DescribePage<Subnet>> {
        let query = query!(request, subnet_ids, "InvalidSubnetID.NotFound", "subnet ID");
        self.select(&self.ec2.subnets, &query, Subnet::clone)
    }

    pub(crate) fn describe_vpcs(&self, request: &DescribeVpcs) -> CallResult<DescribePage<Vpc>> {
        let query = query!(request, vpc_ids, "InvalidVpcID.NotFound", "vpc ID");
        self.select(&self.ec2.vpcs, &query, Vpc::clone)
    }

    pub(crate) fn describe_security_groups(
        &self,
        request: &DescribeSecurityGroups,
    ) -> CallResult<DescribePage<SecurityGroup>> {
        let query = query!(request, group_ids, "InvalidGroup.NotFound", "security group");
        self.select(&self.ec2.security_groups, &query, SecurityGroup::clone)
    }

    pub(crate) fn describe_route_tables(
        &self,
        request: &DescribeRouteTables,
    ) -> CallResult<DescribePage<RouteTable>> {
        let query = query!(request, route_table_ids, "InvalidRouteTableID.NotFound", "routeTable ID");
        self.select(&self.ec2.route_tables, &query, |table| table.described.clone())
    }

    pub(crate) fn describe_instances(
        &self,
        request: &DescribeInstances,
    ) -> CallResult<DescribePage<Instance>> {
        let query = query!(request, instance_ids, "InvalidInstanceID.NotFound", "instance ID");
        self.select(&self.ec2.instances, &query, Instance::clone)
    }

    pub(crate) fn describe_network_interfaces(
        &self,
        request: &DescribeNetworkInterfaces,
    ) -> CallResult<DescribePage<NetworkInterface>> {
        let query = query!(
            request,
            network_interface_ids,
            "InvalidNetworkInterfaceID.NotFound",
            "networkInterface ID"
        );
        self.select(&self.ec2.interfaces, &query, |interface| interface.described.clone())
    }

    pub(crate) fn describe_availability_zones(
        &self,
        request: &DescribeAvailabilityZones,
    ) -> CallResult<Vec<AvailabilityZone>> {
        let unknown = |id: &&String| !self.ec2.zones.iter().any(|zone| zone.id == **id);
        if let Some(id) = request.zone_ids.iter().find(unknown) {
            return Err(refuse("InvalidParameterValue", format!("Invalid availability zone-id: [{id}]")));
        }
        let asked = |id: &String| request.zone_ids.is_empty() || request.zone_ids.contains(id);
        let zones = self.ec2.zones.iter().filter(|zone| asked(&zone.id));
        Ok(zones
            .map(|zone| AvailabilityZone { zone_id: zone.id.clone(), zone_type: zone.kind.clone() })
            .collect())
    }

    fn select<T: Filtered, S>(
        &self,
        all: &BTreeMap<String, T>,
        query: &Query<'_>,
        show: impl Fn(&T) -> S,
    ) -> CallResult<DescribePage<S>> {
        filters::check(query.filters)?;
        let (code, words) = query.missing;
        for id in query.ids {
            ensure(all.contains_key(id), || refuse(code, format!("The {words} '{id}' does not exist")))?;
        }
        let mut found = Vec::new();
        for (id, resource) in all {
            let asked = query.ids.is_empty() || query.ids.contains(id);
            if asked && filters::matches(resource, query.filters)? {
                found.push((id.clone(), show(resource)));
            }
        }
        let bad_token = || refuse("InvalidNextToken", "The token is not valid");
        let (items, next_token) = page(found, query.next_token, self.settings.page_size, bad_token)?;
        Ok(DescribePage { items, next_token })
    }
}

fn one(value: &str) -> Vec<String> {
    vec![value.to_owned()]
}

impl Filtered for Subnet {
    fn values(&self, name: &str) -> Option<Vec<String>> {
        Some(match name {
            "vpc-id" => one(&self.vpc_id),
            "subnet-id" => one(&self.id),
            "availability-zone" | "availabilityZone" => one(&self.availability_zone),
            "availability-zone-id" => one(&self.availability_zone_id),
            "cidr-block" | "cidr" => one(&self.cidr_block),
            "state" => one("available"),
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Filtered for Vpc {
    fn values(&self, name: &str) -> Option<Vec<String>> {
        Some(match name {
            "vpc-id" => one(&self.id),
            "state" => one("available"),
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Filtered for SecurityGroup {
    fn values(&self, name: &str) -> Option<Vec<String>> {
        Some(match name {
            "vpc-id" => one(&self.vpc_id),
            "group-id" => one(&self.id),
            "group-name" => one(&self.name),
            "description" => one(&self.description),
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Filtered for RouteTableState {
    fn values(&self, name: &str) -> Option<Vec<String>> {
        Some(match name {
            "vpc-id" => one(&self.vpc_id),
            "route-table-id" => one(&self.described.id),
            "association.main" => one(if self.described.main { "true" } else { "false" }),
            "association.subnet-id" => self.described.subnet_ids.clone(),
            "route.gateway-id" => self.described.gateway_ids.clone(),
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &NO_TAGS
    }
}

impl Filtered for Instance {
    fn values(&self, name: &str) -> Option<Vec<String>> {
        Some(match name {
            "vpc-id" => one(&self.vpc_id),
            "instance-id" => one(&self.id),
            "instance-state-name" => one("running"),
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &NO_TAGS
    }
}

impl Filtered for InterfaceState {
    fn values(&self, name: &str) -> Option<Vec<String>> {
        let interface = &self.described;
        Some(match name {
            "vpc-id" => one(&self.vpc_id),
            "subnet-id" => one(&self.subnet_id),
            "network-interface-id" => one(&interface.id),
            "group-id" => interface.security_group_ids.clone(),
            "addresses.private-ip-address" | "private-ip-address" => interface.private_ipv4_addresses.clone(),
            "ipv6-addresses.ipv6-address" => interface.ipv6_addresses.clone(),
            _ => return None,
        })
    }

    fn tags(&self) -> &Tags {
        &NO_TAGS
    }
}
