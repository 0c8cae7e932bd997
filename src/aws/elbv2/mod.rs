//! Elastic Load Balancing v2 through its SDK client: one small function an operation, split by resource.
//!
//! No decision is made here: what goes in is sent, what comes out is returned, position for position.
//! Matches the request shapes of upstream's `pkg/deploy/elbv2` and `pkg/targetgroupbinding`.

mod actions;
mod attributes;
mod conditions;
mod listeners;
mod load_balancers;
mod rules;
mod tags;
mod target_groups;
mod targets;

use crate::aws_api::{CloudError, Request, Response};
use aws_sdk_elasticloadbalancingv2::Client;

/// Dispatches requests of the service to functions, one row an operation.
macro_rules! dispatch {
    ($client:ident, $request:ident, { $($action:ident => $function:path,)* }) => {
        match $request {
            $(Request::$action(request) => $function($client, request).await.map(Response::$action),)*
            other => Err(super::misrouted(other.action())),
        }
    };
}

/// Performs one call of this service.
pub(super) async fn call(client: &Client, request: Request) -> Result<Response, CloudError> {
    dispatch!(client, request, {
        DescribeLoadBalancers => load_balancers::describe,
        CreateLoadBalancer => load_balancers::create,
        DeleteLoadBalancer => load_balancers::delete,
        SetSecurityGroups => load_balancers::set_security_groups,
        SetSubnets => load_balancers::set_subnets,
        SetIpAddressType => load_balancers::set_ip_address_type,
        ModifyIpPools => load_balancers::modify_ip_pools,
        DescribeCapacityReservation => load_balancers::describe_capacity_reservation,
        ModifyCapacityReservation => load_balancers::modify_capacity_reservation,
        DescribeLoadBalancerAttributes => attributes::describe_load_balancer,
        ModifyLoadBalancerAttributes => attributes::modify_load_balancer,
        DescribeListenerAttributes => attributes::describe_listener,
        ModifyListenerAttributes => attributes::modify_listener,
        DescribeTargetGroupAttributes => attributes::describe_target_group,
        ModifyTargetGroupAttributes => attributes::modify_target_group,
        DescribeTags => tags::describe,
        AddTags => tags::add,
        RemoveTags => tags::remove,
        DescribeListeners => listeners::describe,
        CreateListener => listeners::create,
        ModifyListener => listeners::modify,
        DeleteListener => listeners::delete,
        DescribeListenerCertificates => listeners::describe_certificates,
        AddListenerCertificate => listeners::add_certificate,
        RemoveListenerCertificate => listeners::remove_certificate,
        DescribeTrustStores => listeners::describe_trust_stores,
        DescribeRules => rules::describe,
        CreateRule => rules::create,
        ModifyRule => rules::modify,
        DeleteRule => rules::delete,
        SetRulePriorities => rules::set_priorities,
        DescribeTargetGroups => target_groups::describe,
        CreateTargetGroup => target_groups::create,
        ModifyTargetGroup => target_groups::modify,
        DeleteTargetGroup => target_groups::delete,
        DescribeTargetHealth => targets::describe_health,
        RegisterTargets => targets::register,
        DeregisterTargets => targets::deregister,
    })
}
