//! What a Gateway asks for: settings of its load balancer, with the listeners, rules and target groups that its listeners and
//! routes come to.
//!
//! A mistake in a LoadBalancerConfiguration stops the build, because it is about everything. Any other costs what it is about:
//! a listener that cannot be built keeps what AWS has of it ([`GatewayReport::retained_ports`]), a target group that cannot be
//! built stays as it is ([`GatewayReport::retained_target_groups`]), and a rule that cannot be built answers 500.

mod addresses;
mod alb;
mod certificate_refs;
mod listeners;
mod live_rules;
mod load_balancer;
mod nlb;
mod protection;
mod rule;
mod security_groups;
mod target_group;

pub use addresses::incomplete_columns;
pub use nlb::quic_refusal;
pub use protection::{AddOn, AddOns};
pub use rule::{condition_problems, conditions};
pub use target_group::{QUIC_NEEDS_IP, control_port_problem, wrong_protocol};

use super::{AlbSettings, NlbSettings, Origin};
use crate::api::ObjectKey;
use crate::api::gateway::Gateway;
use crate::api::gateway_config::{
    ConfiguredAttribute, LOAD_BALANCER_CONFIGURATION_KIND, LoadBalancerConfigurationSpec,
};
use crate::aws_api::Attributes;
use crate::config::Config;
use crate::facts::{BuildError, Facts};
use crate::finding::{Finding, ObjectRef};
use crate::gateway::attachment::{ListenerIndex, Offer, PortRoutes};
use crate::gateway::backends::LoadedRule;
use crate::gateway::certificate_refs::CertificateRefs;
use crate::gateway::config::GatewayConfig;
use crate::gateway::listeners::ListenerProblem;
use crate::gateway::route::{Route, RouteId, RouteProblem};
use crate::gateway::{Controller, GatewayOptions};
use crate::model::{Owner, ResourceId, StackId};
use certificate_refs::PortCertificates;
use std::collections::{BTreeMap, BTreeSet};

/// A Gateway, and what was decided about it.
#[derive(Clone, Copy, Debug)]
pub struct GatewayView<'a> {
    /// The Gateway as the API server has it.
    pub gateway: &'a Gateway,
    /// Its namespace and name.
    pub key: &'a ObjectKey,
    /// Which load balancers it has.
    pub controller: Controller,
    /// What its configurations come to.
    pub config: &'a GatewayConfig,
    /// Its listeners, with those of ListenerSets.
    pub offer: &'a Offer<'a>,
    /// The routes that name it or its ListenerSets.
    pub routes: &'a [Route<'a>],
    /// Their rules, with what they refer to; one entry a route.
    pub loaded: &'a [Vec<LoadedRule>],
    /// What every port serves.
    pub ports: &'a BTreeMap<i32, PortRoutes>,
    /// Ports of which nobody can tell all that they serve.
    pub undecided_ports: &'a BTreeSet<i32>,
    /// The Secrets that listeners name.
    pub certificate_refs: &'a CertificateRefs,
    /// Whether it asks for a plan only, so that nothing is imported.
    pub is_dry_run: bool,
    /// How Gateways are read.
    pub options: GatewayOptions,
}

impl<'a> GatewayView<'a> {
    /// The Gateway, as findings name it.
    pub fn object(&self) -> ObjectRef {
        object(self.key)
    }

    /// The settings of its load balancer.
    fn load_balancer(&self) -> &'a LoadBalancerConfigurationSpec {
        &self.config.load_balancer
    }

    /// Where a field of its configuration is written; the Gateway, if nowhere.
    fn origin(&self, field: &str, is_set: impl Fn(&LoadBalancerConfigurationSpec) -> bool) -> Origin {
        origin(self.key, self.config, field, is_set)
    }
}

/// A Gateway, as findings name it.
fn object(key: &ObjectKey) -> ObjectRef {
    ObjectRef { kind: "Gateway", namespace: key.namespace().to_owned(), name: key.name().to_owned() }
}

/// Where a field of the configuration of a Gateway is written; the Gateway, if nowhere.
fn origin(
    gateway: &ObjectKey,
    config: &GatewayConfig,
    field: &str,
    is_set: impl Fn(&LoadBalancerConfigurationSpec) -> bool,
) -> Origin {
    match config.source_of(is_set) {
        None => Origin::object(&object(gateway)),
        Some(source) => {
            let key = ObjectKey::of(source);
            let object = ObjectRef {
                kind: LOAD_BALANCER_CONFIGURATION_KIND,
                namespace: key.namespace().to_owned(),
                name: key.name().to_owned(),
            };
            Origin::field(&object, format!("spec.{field}"))
        }
    }
}

/// Identity of a Gateway's stack.
pub fn stack_id(key: &ObjectKey, controller: Controller) -> StackId {
    let owner = match controller {
        Controller::Alb => Owner::AlbGateway,
        Controller::Nlb => Owner::NlbGateway,
    };
    StackId { owner, namespace: key.namespace().to_owned(), name: key.name().to_owned() }
}

/// The settings of the load balancer of a Gateway.
#[derive(Clone, Debug)]
pub enum GatewayLoadBalancer<'a> {
    /// Settings of an ALB.
    Alb(Box<AlbSettings<'a>>),
    /// Settings of an NLB.
    Nlb(Box<NlbSettings<'a>>),
}

/// What was found on the way to the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewayReport {
    /// What is wrong with routes, by their numbers.
    pub routes: BTreeMap<usize, Vec<RouteProblem>>,
    /// What is wrong with the listeners of a port.
    pub listeners: BTreeMap<i32, Finding>,
    /// Ports that keep what AWS has of them.
    pub retained_ports: BTreeSet<i32>,
    /// Target groups that stay as AWS has them.
    pub retained_target_groups: BTreeSet<ResourceId>,
    /// Secrets that were read.
    pub secrets: BTreeSet<ObjectKey>,
    /// What is wrong with the Secrets that listeners name.
    pub certificate_problems: BTreeMap<ListenerIndex, ListenerProblem>,
    /// Whether something of a listener could not be looked up, which is nobody's mistake.
    pub has_failed_lookup: bool,
    /// Which routes rules and target groups come from.
    pub sources: RouteSources,
}

/// Which routes the resources of a Gateway come from, to attribute errors of AWS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteSources {
    /// By port: the numbers of the routes of the rules, in the order of the priorities from 1 on; `None`: no route's.
    pub rules: BTreeMap<i32, Vec<Option<usize>>>,
    /// By the target group's id, which is its binding's, too.
    pub target_groups: BTreeMap<ResourceId, RouteId>,
}

impl GatewayReport {
    /// Notes what is wrong with a route, once.
    pub fn note(&mut self, route: usize, problem: RouteProblem) {
        let problems = self.routes.entry(route).or_default();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

/// A Gateway with everything that may be looked at.
struct GatewayContext<'a> {
    certificates: PortCertificates,
    view: GatewayView<'a>,
    stack: StackId,
    object: ObjectRef,
    facts: &'a Facts,
    config: &'a Config,
}

/// What a Gateway asks for. `add_ons`: what protected its load balancer or was reserved for it before.
///
/// Errors: a mistake in the configuration of the Gateway, facts that are missing, and look-ups that failed.
pub fn read<'a>(
    view: GatewayView<'a>,
    add_ons: AddOns,
    facts: &'a Facts,
    config: &'a Config,
) -> Result<(GatewayLoadBalancer<'a>, GatewayReport), BuildError> {
    let stack = stack_id(view.key, view.controller);
    let mut of_certificates = GatewayReport::default();
    let certificates = certificate_refs::read(&view, facts, &mut of_certificates)?;
    let context = GatewayContext { certificates, view, object: view.object(), stack, facts, config };
    match view.controller {
        Controller::Alb => {
            let (settings, report) = alb::read(&context, add_ons, of_certificates)?;
            Ok((GatewayLoadBalancer::Alb(Box::new(settings)), report))
        }
        Controller::Nlb => {
            let (settings, report) = nlb::read(&context, add_ons, of_certificates)?;
            Ok((GatewayLoadBalancer::Nlb(Box::new(settings)), report))
        }
    }
}

/// Why a Gateway's load balancer is not deleted; `None`: nothing keeps it.
pub fn deletion_protection(gateway: &ObjectKey, config: &GatewayConfig) -> Option<Finding> {
    let attributes = attributes(config.load_balancer.load_balancer_attributes.as_deref());
    let is_on = attributes.get(super::load_balancer::DELETION_PROTECTION)?;
    if crate::annotations::parse::boolean(is_on) != Some(true) {
        return None;
    }
    let origin =
        origin(gateway, config, "loadBalancerAttributes", |spec| spec.load_balancer_attributes.is_some());
    super::load_balancer::deletion_protection(&attributes, &origin)
}

/// Attributes as configurations list them; of two with one key, the last counts.
fn attributes(listed: Option<&[ConfiguredAttribute]>) -> Attributes {
    listed.unwrap_or_default().iter().map(|one| (one.key.clone(), one.value.clone())).collect()
}
