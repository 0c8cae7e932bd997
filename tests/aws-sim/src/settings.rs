//! What tests turn: delays, quotas, health, page sizes and what the caller may do.

use crate::{Identity, data_plane::Place};
use aws_load_balancer_controller::aws_api::elbv2::TargetHealthState;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How the world behaves where AWS's behaviour varies.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long things take.
    pub delays: Delays,
    /// Limits of the account.
    pub quotas: Quotas,
    /// What health checks find.
    pub health: Health,
    /// Who calls, and what it may do. Boxed because futures that own a world would be large.
    pub identity: Box<Identity>,
    /// Items on one page of any list.
    pub page_size: usize,
    /// Whether an Elastic IP address can serve one load balancer only (as in AWS).
    pub exclusive_addresses: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delays: Delays::default(),
            quotas: Quotas::default(),
            health: Health::default(),
            identity: Box::default(),
            page_size: 400,
            exclusive_addresses: true,
        }
    }
}

/// How long things take. All zero by default, so that property tests need no time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// From the creation of a load balancer until it is `active`.
    pub provisioning: Duration,
    /// From registration (or the target group's first use) until a target leaves `initial`.
    pub initial: Duration,
    /// How long a target drains at most; the deregistration delay of its target group bounds it too.
    pub draining: Duration,
    /// How long a load balancer's network interfaces hold its security groups after it gave them up.
    pub interface_release: Duration,
    /// From the request of a certificate until ACM says which records validate its names.
    pub validation_records: Duration,
    /// From the request of a certificate until it is issued at the earliest.
    pub validation: Duration,
    /// From a change of an accelerator until it is `DEPLOYED`.
    pub accelerator: Duration,
}

impl Delays {
    /// Short but visible delays, for demonstrations.
    pub fn visible() -> Self {
        Self {
            provisioning: Duration::from_secs(4),
            initial: Duration::from_secs(3),
            draining: Duration::from_secs(3),
            interface_release: Duration::from_secs(5),
            validation_records: Duration::from_secs(2),
            validation: Duration::from_secs(4),
            accelerator: Duration::from_secs(3),
        }
    }
}

/// What health checks find.
#[derive(Clone, Debug)]
pub struct Health {
    /// State of a checked target that nothing is said about.
    pub default: TargetHealthState,
    /// State of targets by `id` or `id:port`.
    pub of: BTreeMap<String, TargetHealthState>,
    /// What a running data plane has measured; a target that is not in it is `initial`.
    pub(crate) measured: Option<Measured>,
}

/// State and reason code of targets.
pub(crate) type Measured = BTreeMap<Place, (TargetHealthState, Option<&'static str>)>;

impl Default for Health {
    fn default() -> Self {
        Self { default: TargetHealthState::Healthy, of: BTreeMap::new(), measured: None }
    }
}

/// Limits of the account; defaults are AWS's.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>,
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-limits.html>,
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quotas {
    /// Application load balancers of the region.
    pub application_load_balancers: usize,
    /// Network load balancers of the region.
    pub network_load_balancers: usize,
    /// Target groups of the region.
    pub target_groups: usize,
    /// Listeners of a load balancer.
    pub listeners: usize,
    /// Rules of an application load balancer, default rules not counted.
    pub rules: usize,
    /// Certificates of a load balancer, default certificates not counted.
    pub certificates: usize,
    /// Certificates that are imported in a year, those under an ARN that is there included.
    pub imports: usize,
    /// Values of a rule's conditions.
    pub condition_values: usize,
    /// Wildcards in a rule's conditions.
    pub condition_wildcards: usize,
    /// Target groups of an application load balancer.
    pub target_groups_per_load_balancer: usize,
    /// Target groups of an action.
    pub target_groups_per_action: usize,
    /// Targets of an application load balancer.
    pub targets_per_application_load_balancer: usize,
    /// Registrations of one target id on an application load balancer.
    pub registrations_per_target: usize,
    /// Targets of a network load balancer.
    pub targets_per_network_load_balancer: usize,
    /// Targets of a target group.
    pub targets_per_target_group: usize,
    /// Security groups of a load balancer.
    pub security_groups_per_load_balancer: usize,
    /// Security groups of the region.
    pub security_groups: usize,
    /// Inbound rules of a security group, for each address family.
    pub rules_per_security_group: usize,
    /// Accelerators of the account.
    pub accelerators: usize,
    /// Listeners of an accelerator.
    pub accelerator_listeners: usize,
    /// Endpoints of an endpoint group.
    pub endpoints_per_group: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            application_load_balancers: 50,
            network_load_balancers: 50,
            target_groups: 3000,
            listeners: 50,
            rules: 100,
            certificates: 25,
            imports: 5000,
            condition_values: 5,
            condition_wildcards: 6,
            target_groups_per_load_balancer: 100,
            target_groups_per_action: 5,
            targets_per_application_load_balancer: 1000,
            registrations_per_target: 1000,
            targets_per_network_load_balancer: 3000,
            targets_per_target_group: 1000,
            security_groups_per_load_balancer: 5,
            security_groups: 2500,
            rules_per_security_group: 60,
            accelerators: 20,
            accelerator_listeners: 10,
            endpoints_per_group: 10,
        }
    }
}
