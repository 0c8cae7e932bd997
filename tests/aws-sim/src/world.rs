//! The world: everything the simulated account holds, and the one function that changes it.

use crate::call_log::CALLER;
use crate::{
    Call, Clock, Outcome, Settings, acm::Acm, ec2::Ec2, elb::Elb, global_accelerator::GlobalAccelerator,
    ids::Ids, protection::Protection, refusal::CallResult, route53::Route53, world_builder::Landmarks,
};
use aws_load_balancer_controller::aws_api::{CloudError, Operation, Request, Response};
use std::time::Duration;

/// The account and region that the world is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// For example `us-west-2`.
    pub region: String,
}

impl Default for Account {
    fn default() -> Self {
        Self { id: "123456789012".to_owned(), region: "us-west-2".to_owned() }
    }
}

impl Account {
    /// An ARN of this account and region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.id)
    }
}

/// One AWS account in one region.
///
/// A world is a value: cloning it takes a snapshot, and two worlds that saw the same requests are the same, ids included.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Whose world it is.
    pub account: Account,
    /// Delays, quotas and health; may be changed at any time.
    pub settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) elb: Elb,
    pub(crate) ec2: Ec2,
    pub(crate) acm: Acm,
    pub(crate) route53: Route53,
    pub(crate) protection: Protection,
    pub(crate) global_accelerator: GlobalAccelerator,
    pub(crate) landmarks: Landmarks,
    log: Vec<Call>,
}

impl World {
    /// An empty account whose time stands still until it is advanced.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same world with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// A copy without the calls so far.
    pub(crate) fn without_log(&mut self) -> Self {
        let log = std::mem::take(&mut self.log);
        let copy = self.clone();
        self.log = log;
        copy
    }

    /// Time since the world began.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Moves time forward.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Performs one request and logs it.
    pub fn apply(&mut self, request: Request) -> Result<Response, CloudError> {
        let answer = self.perform(&request);
        self.record(request, Outcome::of(&answer));
        answer
    }

    /// Performs one request without logging it: for a look at the world that is nobody's call.
    pub fn perform(&mut self, request: &Request) -> Result<Response, CloudError> {
        self.dispatch(request).map_err(|refusal| refusal.of(request.action().name(), self.ids.uuid()))
    }

    /// Asks something without logging it.
    pub fn ask<O: Operation>(&mut self, operation: O) -> Result<O::Output, CloudError> {
        let response = self.perform(&operation.into())?;
        O::output(response).ok_or_else(|| CloudError::Malformed {
            operation: O::ACTION.name(),
            message: "the answer belongs to another operation".to_owned(),
        })
    }

    /// ARNs and ids of everything that a controller can create, sorted: to see what was left behind.
    pub fn resources(&self) -> Vec<String> {
        let elb = &self.elb;
        let arns = elb.load_balancers.keys().chain(elb.target_groups.keys());
        let arns = arns.chain(elb.listeners.keys()).chain(elb.rules.keys());
        let accelerators = &self.global_accelerator;
        let arns = arns.chain(accelerators.accelerators.keys()).chain(accelerators.listeners.keys());
        let arns = arns.chain(accelerators.groups.keys());
        let mut all: Vec<_> = arns.chain(self.ec2.security_groups.keys()).cloned().collect();
        all.sort();
        all
    }

    /// Calls so far, oldest first.
    pub fn calls(&self) -> &[Call] {
        &self.log
    }

    /// Calls that were meant to change something, oldest first.
    pub fn writes(&self) -> impl Iterator<Item = &Call> {
        self.log.iter().filter(|call| call.is_write())
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&mut self) {
        self.log.clear();
    }

    pub(crate) fn record(&mut self, request: Request, outcome: Outcome) {
        let caller = CALLER.try_with(Clone::clone).ok();
        self.log.push(Call { at: self.now(), caller, request, outcome });
    }
}

/// One row per operation: how it is performed, and whether it can be refused.
macro_rules! dispatch {
    ($($kind:ident $action:ident => $method:ident;)*) => {
        impl World {
            fn dispatch(&mut self, request: &Request) -> CallResult<Response> {
                Ok(match request { $(Request::$action(request) => Response::$action(dispatch!(@$kind self.$method(request))),)* })
            }
        }
    };
    (@sure $call:expr) => { $call };
    (@may $call:expr) => { $call? };
}

dispatch! {
    may DescribeLoadBalancers => describe_load_balancers;
    may DescribeTargetGroups => describe_target_groups;
    may DescribeTags => describe_tags;
    may DescribeListeners => describe_listeners;
    may DescribeListenerCertificates => describe_listener_certificates;
    may DescribeListenerAttributes => describe_listener_attributes;
    may DescribeLoadBalancerAttributes => describe_load_balancer_attributes;
    may DescribeTargetGroupAttributes => describe_target_group_attributes;
    may DescribeRules => describe_rules;
    may DescribeCapacityReservation => describe_capacity_reservation;
    may DescribeTargetHealth => describe_target_health;
    may DescribeTrustStores => describe_trust_stores;
    may CreateLoadBalancer => create_load_balancer;
    may DeleteLoadBalancer => delete_load_balancer;
    may SetSecurityGroups => set_security_groups;
    may SetSubnets => set_subnets;
    may SetIpAddressType => set_ip_address_type;
    may ModifyIpPools => modify_ip_pools;
    may ModifyLoadBalancerAttributes => modify_load_balancer_attributes;
    may ModifyCapacityReservation => modify_capacity_reservation;
    may CreateTargetGroup => create_target_group;
    may ModifyTargetGroup => modify_target_group;
    may ModifyTargetGroupAttributes => modify_target_group_attributes;
    may DeleteTargetGroup => delete_target_group;
    may CreateListener => create_listener;
    may ModifyListener => modify_listener;
    may DeleteListener => delete_listener;
    may ModifyListenerAttributes => modify_listener_attributes;
    may AddListenerCertificate => add_listener_certificate;
    may RemoveListenerCertificate => remove_listener_certificate;
    may CreateRule => create_rule;
    may ModifyRule => modify_rule;
    may DeleteRule => delete_rule;
    may SetRulePriorities => set_rule_priorities;
    may AddTags => add_tags;
    may RemoveTags => remove_tags;
    may RegisterTargets => register_targets;
    may DeregisterTargets => deregister_targets;
    may DescribeSubnets => describe_subnets;
    may DescribeVpcs => describe_vpcs;
    may DescribeSecurityGroups => describe_security_groups;
    may DescribeRouteTables => describe_route_tables;
    may DescribeAvailabilityZones => describe_availability_zones;
    may DescribeInstances => describe_instances;
    may DescribeNetworkInterfaces => describe_network_interfaces;
    may CreateSecurityGroup => create_security_group;
    may DeleteSecurityGroup => delete_security_group;
    may AuthorizeIngress => authorize_ingress;
    may RevokeIngress => revoke_ingress;
    may CreateTags => create_tags;
    may DeleteTags => delete_tags;
    may DryRun => dry_run;
    may ListCertificates => list_certificates;
    may DescribeCertificate => describe_certificate;
    may ListCertificateTags => list_certificate_tags;
    may RequestCertificate => request_certificate;
    may GetCertificate => get_certificate;
    may ImportCertificate => import_certificate;
    may DeleteCertificate => delete_certificate;
    may ListHostedZones => list_hosted_zones;
    may CreateRecord => create_record;
    may DeleteRecord => delete_record;
    may GetWafv2WebAcl => get_wafv2_web_acl;
    may ListWafv2WebAcls => list_wafv2_web_acls;
    may AssociateWafv2WebAcl => associate_wafv2_web_acl;
    may DisassociateWafv2WebAcl => disassociate_wafv2_web_acl;
    may GetWafRegionalWebAcl => get_waf_regional_web_acl;
    may AssociateWafRegionalWebAcl => associate_waf_regional_web_acl;
    may DisassociateWafRegionalWebAcl => disassociate_waf_regional_web_acl;
    sure GetShieldSubscription => get_shield_subscription;
    may DescribeShieldProtection => describe_shield_protection;
    may CreateShieldProtection => create_shield_protection;
    may DeleteShieldProtection => delete_shield_protection;
    may ListAccelerators => list_accelerators;
    may DescribeAccelerator => describe_accelerator;
    may ListAcceleratorTags => list_accelerator_tags;
    may ListAcceleratorListeners => list_accelerator_listeners;
    may ListEndpointGroups => list_endpoint_groups;
    may CreateAccelerator => create_accelerator;
    may UpdateAccelerator => update_accelerator;
    may DeleteAccelerator => delete_accelerator;
    may TagAccelerator => tag_accelerator;
    may UntagAccelerator => untag_accelerator;
    may CreateAcceleratorListener => create_accelerator_listener;
    may UpdateAcceleratorListener => update_accelerator_listener;
    may DeleteAcceleratorListener => delete_accelerator_listener;
    may CreateEndpointGroup => create_endpoint_group;
    may UpdateEndpointGroup => update_endpoint_group;
    may DeleteEndpointGroup => delete_endpoint_group;
    may AddEndpoints => add_endpoints;
    may RemoveEndpoints => remove_endpoints;
    sure GetCallerIdentity => get_caller_identity;
    may GetRole => get_role;
    may SimulatePrincipalPolicy => simulate_principal_policy;
}

#[cfg(test)]
mod tests;
