//! Where a load balancer lies: subnets, zones and static addresses.

use crate::{
    World,
    refusal::{CallResult, Refusal, bad_configuration, bad_value, bad_word, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{
    ec2::Subnet,
    elbv2::{
        CreateLoadBalancer, IpAddressType, LoadBalancer, LoadBalancerAddress, LoadBalancerType, Scheme,
        SubnetMapping, ZoneMapping,
    },
};
use ipnet::{IpNet, Ipv6Net};
use std::{collections::BTreeSet, net::IpAddr};

/// Free addresses a subnet must have for a load balancer.
const FREE_ADDRESSES: i32 = 8;

/// Where a load balancer shall lie, and the properties that decide whether it can.
pub(crate) struct Placement<'a> {
    pub(crate) kind: &'a LoadBalancerType,
    pub(crate) scheme: &'a Scheme,
    pub(crate) family: &'a IpAddressType,
    /// Whether prefixes for IPv6 source NAT are on.
    pub(crate) source_nat: bool,
    pub(crate) mappings: &'a [SubnetMapping],
    /// Where it lay before.
    pub(crate) previous: Option<&'a LoadBalancer>,
}

impl<'a> Placement<'a> {
    pub(crate) fn of_creation(request: &'a CreateLoadBalancer) -> Self {
        Self {
            kind: &request.kind,
            scheme: &request.scheme,
            family: &request.ip_address_type,
            source_nat: request.enable_prefix_for_ipv6_source_nat.as_deref() == Some("on"),
            mappings: &request.subnet_mappings,
            previous: None,
        }
    }

    /// Checks the address family against kind and scheme.
    pub(crate) fn check_family(&self) -> CallResult<()> {
        let family = self.family;
        let is_application = *self.kind == LoadBalancerType::Application;
        ensure(!matches!(family, IpAddressType::Ipv6 | IpAddressType::Other(_)), || {
            bad_word("ipAddressType", family)
        })?;
        let only_internet = *family == IpAddressType::DualstackWithoutPublicIpv4;
        ensure(!only_internet || is_application && *self.scheme == Scheme::InternetFacing, || {
            bad_configuration(format!(
                "IP address type '{family}' is only supported for internet-facing application load balancers"
            ))
        })?;
        ensure(!self.source_nat || !is_application && *family == IpAddressType::Dualstack, || {
            bad_configuration(
                "Prefixes for IPv6 source NAT can only be enabled for dualstack network load balancers",
            )
        })
    }

    fn check_zones(&self, subnets: &[&Subnet]) -> CallResult<()> {
        let ids: BTreeSet<_> = subnets.iter().map(|subnet| &subnet.id).collect();
        ensure(ids.len() == subnets.len(), || {
            bad_configuration("The same subnet was specified more than once")
        })?;
        let zones: BTreeSet<_> = subnets.iter().map(|subnet| &subnet.availability_zone).collect();
        ensure(zones.len() == subnets.len(), || {
            bad_configuration(
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            )
        })?;
        ensure(*self.kind != LoadBalancerType::Application || subnets.len() >= 2, || {
            bad_value("At least two subnets in two different Availability Zones must be specified")
        })
    }

    /// The address a subnet had before, if the subnet stays.
    fn kept_address(&self, subnet_id: &str) -> LoadBalancerAddress {
        let zones = self.previous.map_or(&[][..], |lb| &lb.zones);
        let zone = zones.iter().find(|zone| zone.subnet_id == subnet_id);
        zone.and_then(|zone| zone.addresses.first()).cloned().unwrap_or_default()
    }
}

impl World {
    /// The VPC and the zones of a placement, if AWS would accept it.
    pub(crate) fn place(&self, placement: &Placement<'_>) -> CallResult<(String, Vec<ZoneMapping>)> {
        ensure(!placement.mappings.is_empty(), || bad_value("At least one subnet must be specified"))?;
        let subnets: Vec<&Subnet> = placement
            .mappings
            .iter()
            .map(|mapping| self.subnet(&mapping.subnet_id))
            .collect::<CallResult<_>>()?;
        let vpc_id = self.common_vpc(placement, &subnets)?;
        placement.check_zones(&subnets)?;
        let zones = placement.mappings.iter().zip(subnets);
        let zones: Vec<_> = zones
            .map(|(mapping, subnet)| self.place_in(placement, mapping, subnet))
            .collect::<CallResult<_>>()?;
        check_distinct_addresses(&zones)?;
        Ok((vpc_id, zones))
    }

    fn subnet(&self, id: &str) -> CallResult<&Subnet> {
        self.ec2
            .subnets
            .get(id)
            .ok_or_else(|| refuse("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))
    }

    fn common_vpc(&self, placement: &Placement<'_>, subnets: &[&Subnet]) -> CallResult<String> {
        let mut vpcs: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.vpc_id.as_str()).collect();
        vpcs.extend(placement.previous.map(|lb| lb.vpc_id.as_str()));
        let listed = vpcs.iter().copied().collect::<Vec<_>>().join(", ");
        ensure(vpcs.len() == 1, || {
            refuse("InvalidSubnet", format!("All subnets must belong to the same VPC: '{listed}'"))
        })?;
        let reachable = *placement.scheme != Scheme::InternetFacing || self.ec2.has_internet_gateway(&listed);
        ensure(reachable, || refuse("InvalidSubnet", format!("VPC {listed} has no internet gateway")))?;
        Ok(listed)
    }

    fn place_in(
        &self,
        placement: &Placement<'_>,
        mapping: &SubnetMapping,
        subnet: &Subnet,
    ) -> CallResult<ZoneMapping> {
        let kept =
            placement.previous.is_some_and(|lb| lb.zones.iter().any(|zone| zone.subnet_id == subnet.id));
        ensure(kept || subnet.available_ip_address_count >= FREE_ADDRESSES, || {
            refuse(
                "InvalidSubnet",
                format!(
                    "Not enough IP space available in {}. ELB requires at least {FREE_ADDRESSES} free IP addresses in each subnet.",
                    subnet.id
                ),
            )
        })?;
        ensure(*placement.family == IpAddressType::Ipv4 || ipv6_of(subnet).is_some(), || {
            refuse(
                "InvalidSubnet",
                format!("The subnet '{}' does not have an associated IPv6 CIDR block", subnet.id),
            )
        })?;
        let asks = mapping != &SubnetMapping { subnet_id: subnet.id.clone(), ..SubnetMapping::default() };
        ensure(!asks || *placement.kind == LoadBalancerType::Network, || {
            bad_configuration("Addresses cannot be specified for load balancers of type 'application'")
        })?;
        let address = self.address_in(placement, mapping, subnet)?;
        Ok(ZoneMapping {
            zone_name: subnet.availability_zone.clone(),
            subnet_id: subnet.id.clone(),
            source_nat_ipv6_prefixes: source_nat_prefix(placement, mapping, subnet)?,
            addresses: if address == LoadBalancerAddress::default() { Vec::new() } else { vec![address] },
        })
    }

    fn address_in(
        &self,
        placement: &Placement<'_>,
        mapping: &SubnetMapping,
        subnet: &Subnet,
    ) -> CallResult<LoadBalancerAddress> {
        let mut address = placement.kept_address(&subnet.id);
        if let Some(id) = &mapping.allocation_id {
            self.check_allocation(placement, id)?;
            address.allocation_id = Some(id.clone());
        }
        if let Some(ip) = &mapping.private_ipv4_address {
            check_private_ipv4(placement, ip, subnet)?;
            address.private_ipv4_address = Some(ip.clone());
        }
        if let Some(ip) = &mapping.ipv6_address {
            check_ipv6(placement, ip, subnet)?;
            address.ipv6_address = Some(ip.clone());
        }
        if *placement.family == IpAddressType::Ipv4 {
            address.ipv6_address = None;
        }
        Ok(address)
    }

    fn check_allocation(&self, placement: &Placement<'_>, id: &str) -> CallResult<()> {
        ensure(*placement.scheme == Scheme::InternetFacing, || {
            bad_configuration("Elastic IP addresses cannot be specified for internal load balancers")
        })?;
        ensure(self.ec2.addresses.contains_key(id), || {
            refuse("AllocationIdNotFound", format!("The allocation IDs '{id}' do not exist"))
        })?;
        let own = placement.previous.map(|lb| lb.arn.as_str());
        let others = self.elb.load_balancers.iter().filter(|(arn, _)| Some(arn.as_str()) != own);
        let mut addresses = others.flat_map(|(_, lb)| &lb.described.zones).flat_map(|zone| &zone.addresses);
        let taken = addresses.any(|address| address.allocation_id.as_deref() == Some(id));
        ensure(!(taken && self.settings.exclusive_addresses), || address_in_use(id))
    }
}

fn check_distinct_addresses(zones: &[ZoneMapping]) -> CallResult<()> {
    let mut seen = BTreeSet::new();
    let mut ids =
        zones.iter().flat_map(|zone| &zone.addresses).filter_map(|address| address.allocation_id.as_deref());
    ids.try_for_each(|id| ensure(seen.insert(id), || address_in_use(id)))
}

fn address_in_use(id: &str) -> Refusal {
    refuse("ResourceInUse", format!("The allocation IDs '{id}' are not available for use"))
}

fn check_private_ipv4(placement: &Placement<'_>, ip: &str, subnet: &Subnet) -> CallResult<()> {
    ensure(*placement.scheme == Scheme::Internal, || {
        bad_configuration("Private IPv4 addresses cannot be specified for internet-facing load balancers")
    })?;
    let inside =
        subnet.cidr_block.parse::<IpNet>().is_ok_and(|net| parse_ip(ip).is_ok_and(|ip| net.contains(&ip)));
    ensure(inside, || {
        bad_configuration(format!(
            "The private IPv4 address '{ip}' is not in the CIDR block of subnet '{}'",
            subnet.id
        ))
    })
}

fn check_ipv6(placement: &Placement<'_>, ip: &str, subnet: &Subnet) -> CallResult<()> {
    ensure(*placement.family != IpAddressType::Ipv4, || {
        bad_configuration(
            "IPv6 addresses can only be specified for load balancers of IP address type 'dualstack'",
        )
    })?;
    let parsed = parse_ip(ip)?;
    ensure(ipv6_of(subnet).is_some_and(|net| IpNet::V6(net).contains(&parsed)), || {
        bad_configuration(format!(
            "The IPv6 address '{ip}' is not in the CIDR block of subnet '{}'",
            subnet.id
        ))
    })
}

/// The source NAT prefix as asked for. Whether AWS shows the prefix it chose for `auto_assigned` is not documented.
fn source_nat_prefix(
    placement: &Placement<'_>,
    mapping: &SubnetMapping,
    subnet: &Subnet,
) -> CallResult<Vec<String>> {
    let Some(prefix) = &mapping.source_nat_ipv6_prefix else { return Ok(Vec::new()) };
    ensure(placement.source_nat, || {
        bad_configuration(
            "A source NAT IPv6 prefix can only be specified when prefixes for IPv6 source NAT are enabled",
        )
    })?;
    let fits =
        |net: Ipv6Net| net.prefix_len() == 80 && ipv6_of(subnet).is_some_and(|subnet| subnet.contains(&net));
    ensure(prefix == "auto_assigned" || prefix.parse::<Ipv6Net>().is_ok_and(fits), || {
        bad_configuration(format!(
            "The source NAT IPv6 prefix '{prefix}' is not a /80 prefix of the CIDR block of subnet '{}'",
            subnet.id
        ))
    })?;
    Ok(vec![prefix.clone()])
}

fn ipv6_of(subnet: &Subnet) -> Option<Ipv6Net> {
    let associated = subnet.ipv6_cidr_blocks.iter().find(|(_, associated)| *associated);
    associated.and_then(|(cidr, _)| cidr.parse().ok())
}

fn parse_ip(text: &str) -> CallResult<IpAddr> {
    text.parse().map_err(|_| bad_value(format!("'{text}' is not a valid IP address")))
}

pub(crate) fn ipam_is_for_applications() -> Refusal {
    bad_configuration("IPAM pools can only be specified for application load balancers")
}
