//! What the settings of a load balancer depend on among each other.

use crate::aws_api::Tags;
use crate::aws_api::ec2::Subnet;
use crate::aws_api::elbv2::{IpAddressType, Scheme};
use crate::facts::ExistingLoadBalancer;

/// What the other settings of the load balancer depend on.
pub(super) struct LoadBalancerContext<'a> {
    pub scheme: Scheme,
    pub ip_address_type: IpAddressType,
    pub subnets: Vec<&'a Subnet>,
    /// The load balancer that there is.
    pub existing: Option<&'a ExistingLoadBalancer>,
    /// User tags of every resource.
    pub tags: Tags,
}

impl LoadBalancerContext<'_> {
    pub fn is_dualstack(&self) -> bool {
        self.ip_address_type == IpAddressType::Dualstack
    }
}
