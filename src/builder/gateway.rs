//! The load balancer of a Gateway (upstream's `pkg/gateway/model`).

mod retained;

use super::alb::AlbBuilder;
use super::nlb;
use crate::api::ObjectKey;
use crate::aws_api::elbv2::RuleCondition;
use crate::config::Config;
use crate::facts::group::AwsRefusal;
use crate::facts::{BuildError, Facts};
use crate::finding::ObjectRef;
use crate::model::Stack;
use crate::settings::alb::Contributor;
use crate::settings::gateway::{self as settings, AddOns, GatewayLoadBalancer, GatewayReport, GatewayView};
use crate::settings::{AlbSettings, Diagnostics};

/// What a build of a Gateway yields.
#[derive(Clone, Debug, PartialEq)]
pub struct BuiltGateway {
    /// The wanted resources.
    pub stack: Stack,
    /// What is wrong with its listeners and routes.
    pub report: GatewayReport,
    /// Whether it uses the shared backend security group.
    pub uses_backend_security_group: bool,
}

/// What a Gateway wants to exist. `add_ons`: what was added to its load balancer before.
///
/// Errors: a mistake in its configuration, which is about everything; what is wrong with listeners and routes is reported.
pub fn build(
    view: GatewayView<'_>,
    add_ons: AddOns,
    facts: &Facts,
    config: &Config,
) -> Result<BuiltGateway, BuildError> {
    let (load_balancer, report) = settings::read(view, add_ons, facts, config)?;
    let mut stack = Stack::empty(settings::stack_id(view.key, view.controller));
    let uses_backend_security_group = match load_balancer {
        GatewayLoadBalancer::Alb(alb) => add_alb(*alb, &view, facts, config, &mut stack)?,
        GatewayLoadBalancer::Nlb(nlb) => nlb::add(&nlb, facts, config, &mut stack)?,
    };
    if !report.retained_ports.is_empty() || !report.retained_target_groups.is_empty() {
        let live = facts.live_stack(&stack.id)??;
        retained::keep(live, &report, &mut stack);
    }
    Ok(BuiltGateway { stack, report, uses_backend_security_group })
}

fn add_alb(
    settings: AlbSettings<'_>,
    view: &GatewayView<'_>,
    facts: &Facts,
    config: &Config,
    stack: &mut Stack,
) -> Result<bool, BuildError> {
    let gateway = GatewayContributor { key: view.key, object: view.object() };
    let contributors: [&dyn Contributor; 1] = [&gateway];
    let mut diagnostics = Diagnostics::new(vec![gateway.object.clone()], false);
    let builder = AlbBuilder::new(settings, Vec::new(), &contributors, &mut diagnostics, facts, config);
    let built = builder.add_to(stack)?;
    Ok(built.is_some_and(|built| built.uses_backend_group))
}

/// The Gateway, which alone brings rules to its ALB.
struct GatewayContributor<'a> {
    key: &'a ObjectKey,
    object: ObjectRef,
}

impl Contributor for GatewayContributor<'_> {
    fn key(&self) -> &ObjectKey {
        self.key
    }

    fn object(&self) -> &ObjectRef {
        &self.object
    }

    fn refusal(&self) -> Option<&AwsRefusal> {
        None
    }

    fn service_of_target_group<'i>(&self, _: &'i str) -> Option<&'i str> {
        None
    }

    fn refers_to(&self, _: &str) -> bool {
        false
    }

    fn has_default_actions(&self) -> bool {
        false
    }

    fn asks_for(&self, _: &[RuleCondition]) -> bool {
        false
    }
}
