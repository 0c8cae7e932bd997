//! Changes of where a load balancer lies: subnets, address family, IP pools.

use super::{
    attributes::follow_address_family,
    placement::{Placement, ipam_is_for_applications},
};
use crate::{
    World,
    refusal::{CallResult, bad_configuration, ensure},
};
use aws_load_balancer_controller::aws_api::{
    Ref,
    elbv2::{
        IpAddressType, LoadBalancer, LoadBalancerType, ModifyIpPools, SetIpAddressType, SetSubnets,
        SubnetMapping,
    },
};

impl World {
    pub(crate) fn set_subnets(&mut self, request: &SetSubnets) -> CallResult<()> {
        let mut lb = self.elb.load_balancer(&request.arn)?.described.clone();
        if let Some(switch) = &request.enable_prefix_for_ipv6_source_nat {
            ensure(lb.kind == LoadBalancerType::Network, || {
                bad_configuration(
                    "Prefixes for IPv6 source NAT can only be enabled for dualstack network load balancers",
                )
            })?;
            lb.enable_prefix_for_ipv6_source_nat = Some(switch.clone());
        }
        self.replace(&request.arn, &lb, &request.subnet_mappings)
    }

    pub(crate) fn set_ip_address_type(&mut self, request: &SetIpAddressType) -> CallResult<()> {
        let mut lb = self.elb.load_balancer(&request.arn)?.described.clone();
        lb.ip_address_type = request.ip_address_type.clone();
        let serves_ipv6 = self.elb.target_groups.values().any(|group| {
            group.used_by.contains(&lb.arn) && group.described.ip_address_type == IpAddressType::Ipv6
        });
        ensure(lb.ip_address_type != IpAddressType::Ipv4 || !serves_ipv6, || {
            bad_configuration(
                "The IP address type cannot be changed to 'ipv4' while the load balancer routes to target groups of IP address type 'ipv6'",
            )
        })?;
        let same =
            |subnet_id: &String| SubnetMapping { subnet_id: subnet_id.clone(), ..SubnetMapping::default() };
        let mappings: Vec<_> = lb.zones.iter().map(|zone| same(&zone.subnet_id)).collect();
        self.replace(&request.arn, &lb, &mappings)
    }

    pub(crate) fn modify_ip_pools(&mut self, request: &ModifyIpPools) -> CallResult<()> {
        let lb = self.elb.load_balancer_mut(&request.arn)?;
        ensure(lb.described.kind == LoadBalancerType::Application, ipam_is_for_applications)?;
        lb.described.ipv4_ipam_pool_id.clone_from(&request.ipv4_ipam_pool_id);
        Ok(())
    }

    /// Gives a load balancer the properties of `wanted` in these subnets, if AWS would accept them.
    fn replace(&mut self, arn: &Ref, wanted: &LoadBalancer, mappings: &[SubnetMapping]) -> CallResult<()> {
        let placement = Placement {
            kind: &wanted.kind,
            scheme: &wanted.scheme,
            family: &wanted.ip_address_type,
            source_nat: wanted.enable_prefix_for_ipv6_source_nat.as_deref() == Some("on"),
            mappings,
            previous: Some(wanted),
        };
        placement.check_family()?;
        let (_, zones) = self.place(&placement)?;
        let lb = self.elb.load_balancer_mut(arn)?;
        lb.described = LoadBalancer { zones, ..wanted.clone() };
        follow_address_family(&mut lb.attributes, &lb.described);
        Ok(())
    }
}
