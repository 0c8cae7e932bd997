//! Gateways to load balancers: the five steps for one Gateway.
//!
//! Matches upstream's `controllers/gateway`, with these differences: a listener or route that cannot be built is told so and
//! does not keep the others from converging, and a deletion needs nothing but AWS.

pub mod class;
pub mod concerned;
pub mod configurations;
pub mod error_attribution;
pub mod event_handlers;
pub mod queues;
mod report;
pub mod resolved;
mod route_reporter;
pub mod take_over;

use super::context::ReconcileContext;
use super::gather;
use super::reconcile_error::{ReconcileError, ReconcileFailure, log_model};
use super::worker::ReconcileResult;
use crate::api::ObjectKey;
use crate::api::gateway::{Gateway, GatewayClass};
use crate::api::meta::{has_finalizer, is_being_deleted};
use crate::builder::gateway::{self as builder, BuiltGateway};
use crate::cluster::events::Regarding;
use crate::config::FeatureGates;
use crate::deploy::{DeployFailure, Deployed};
use crate::facts::Facts;
use crate::finding::{Finding, Part};
use crate::gateway::config::{GatewayConfig, resolve};
use crate::gateway::listeners::{ListenerProblem, ListenerReason};
use crate::gateway::status::{GatewayOutcome, Knowledge};
use crate::gateway::{Controller, GatewayOptions};
use crate::model::marshal::marshal;
use crate::model::{Stack, StackId};
use crate::settings::gateway::{AddOns, GatewayReport, deletion_protection, stack_id};
use crate::status::event::{Event, Reason};

use error_attribution::{RefusedParts, RefusedRoutes};
use report::Reporter;
use resolved::{NamingObjects, Resolved, Subject};
use route_reporter::{RouteReporter, regarding};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Asks for a plan instead of a load balancer.
const DRY_RUN: &str = "gateway.k8s.aws/dry-run";
/// Where the plan is.
const DRY_RUN_PLAN: &str = "gateway.k8s.aws/dry-run-plan";

/// Brings AWS and the status of all concerned in line with one Gateway.
pub async fn reconcile(
    context: &ReconcileContext,
    controller: Controller,
    key: &ObjectKey,
) -> ReconcileResult {
    let stores = &context.stores.gateways;
    if !stores.can_serve(controller) {
        return ReconcileResult::Gone;
    }
    let id = stack_id(key, controller);
    let Some(gateway) = stores.gateways.get(key) else {
        context.note_gone(&id);
        return ReconcileResult::Gone;
    };
    let class = stores.classes.get(&ObjectKey::cluster(gateway.spec.gateway_class_name.as_str()));
    let is_ours = match &class {
        Some(class) => class.spec.controller_name == controller.name(),
        // why: a class that somebody took away by force must not keep its Gateways
        None => is_being_deleted(&*gateway) && has_finalizer(&*gateway, controller.name()),
    };
    if !is_ours {
        context.note_gone(&id);
        return ReconcileResult::Gone;
    }
    let pass = GatewayReconcile { context, controller, key, id, gateway, class };
    match Box::pin(pass.run()).await {
        Ok(result) => result,
        Err(failure) => pass.report_failure(&failure),
    }
}

/// How Gateways are read.
pub fn options(features: &FeatureGates) -> GatewayOptions {
    GatewayOptions {
        strict: features.gateway_api_strict,
        listener_sets: features.gateway_listener_set,
        secret_certificates: features.secret_certificates,
    }
}

/// What is wrong with the listeners of ports that could not be built, or that AWS refused.
fn listener_problems(report: &GatewayReport, refused: &RefusedParts) -> BTreeMap<i32, ListenerProblem> {
    let problem = |finding: &Finding| ListenerProblem {
        reason: match finding.part {
            Some(Part::Certificates) => ListenerReason::InvalidCertificateRef,
            _ => ListenerReason::Invalid,
        },
        message: finding.to_string(),
    };
    // why refused first: of two about a port, that of the build stays
    let all = refused.listeners.iter().chain(&report.listeners);
    all.map(|(port, finding)| (*port, problem(finding))).collect()
}

/// Whether a Gateway asks for a plan instead of a load balancer.
fn is_dry_run(gateway: &Gateway, controller: Controller) -> bool {
    let annotations = gateway.metadata.annotations.as_ref();
    let is_asked = annotations.and_then(|all| all.get(DRY_RUN)).is_some_and(|value| value == "true");
    is_asked && !has_finalizer(gateway, controller.name())
}

struct GatewayReconcile<'a> {
    context: &'a ReconcileContext,
    controller: Controller,
    key: &'a ObjectKey,
    id: StackId,
    gateway: Arc<Gateway>,
    /// Its class; `None`: it is gone, and so shall the Gateway be.
    class: Option<Arc<GatewayClass>>,
}

impl GatewayReconcile<'_> {
    async fn run(&self) -> Result<ReconcileResult, ReconcileError> {
        let subject = self.subject();
        let Some(class) = &self.class else { return self.delete(None).await };
        let config = resolve(class, &self.gateway, subject.stores, subject.options);
        if is_being_deleted(&*self.gateway) {
            // why: what is wrong with the configuration must not keep the Gateway
            return self.delete(config.ok()).await;
        }
        let config = match config {
            Ok(config) => config,
            Err(error) => {
                let message = error.to_string();
                tracing::warn!(gateway = %self.key, message, "configuration of the Gateway cannot be used");
                self.reporter().gateway(GatewayOutcome::Invalid(&message)).await?;
                self.suspend_take_over().await?;
                return Ok(ReconcileResult::AwaitChange);
            }
        };
        let named = NamingObjects::of(subject.stores, self.key, subject.options);
        let resolved = Resolved::new(subject, &config, &named);
        let mut routes = RouteReporter::new(&self.context.objects, self.controller, &resolved);
        let built = match self.build(&resolved, AddOns::of_annotations(&self.gateway)).await {
            Ok(built) => built,
            Err(error) => {
                let (refused, _) = self.context.last_refused.of(&self.id);
                routes.tell(&GatewayReport::default(), &refused, Knowledge::Attachment).await;
                // why: the error of the build is handed on, and all of it is tried again
                drop(routes.finish());
                self.reporter().gateway(GatewayOutcome::Failed).await?;
                if matches!(error, ReconcileError::User(_)) {
                    self.suspend_take_over().await?;
                }
                return Err(error);
            }
        };
        log_model(&built.stack);
        // why before: what the build has read may have changed since
        self.context.secrets.note(&self.id, &built.report.secrets);
        if is_dry_run(&self.gateway, self.controller) {
            routes.tell(&built.report, &RefusedRoutes::default(), Knowledge::Deployment).await;
            self.write_plan(Some(&marshal(&built.stack))).await?;
            return routes.finish().map(|()| ReconcileResult::Done);
        }
        // why before: AWS may take its time, and have more to say of them afterwards
        let before = self.context.last_refused.of(&self.id);
        routes.tell(&built.report, &before.0, before.1).await;
        let result = self.carry_out(&resolved, &config, &built).await;
        let after = self.context.last_refused.of(&self.id);
        if after != before {
            routes.tell(&built.report, &after.0, after.1).await;
        }
        let result = result?;
        routes.finish()?;
        Ok(result)
    }

    /// Brings AWS in line with what was built, and tells the Gateway and its ListenerSets.
    async fn carry_out(
        &self,
        resolved: &Resolved<'_>,
        config: &GatewayConfig,
        built: &BuiltGateway,
    ) -> Result<ReconcileResult, ReconcileError> {
        self.write_plan(None).await?;
        if let Some(result) = Box::pin(self.take_over(built)).await? {
            return Ok(result);
        }
        let context = self.context;
        let before = AddOns::of_annotations(&self.gateway);
        let wanted = AddOns::wanted(&config.load_balancer, self.controller == Controller::Alb);
        self.annotate(wanted.annotations_unlike(before, "true")).await?;
        self.add_finalizer().await?;
        let (deployed, refusal) = match self.deploy_parts(resolved, built).await {
            Ok(deployed) => deployed,
            Err(error) => {
                if matches!(error, ReconcileError::User(_)) {
                    self.reporter().gateway(GatewayOutcome::Failed).await?;
                }
                return Err(error);
            }
        };
        context.note_deployed_certificates(&built.stack, &built.report.secrets);
        if !built.uses_backend_security_group {
            context.release_backend_security_group(self.component(), &built.stack).await?;
        }
        let Some(state) = self.reporter().load_balancer_state(&deployed).await? else {
            return Ok(ReconcileResult::Retry);
        };
        let (refused, failure) = refusal.unzip();
        let refused = refused.unwrap_or_default();
        let of_ports = listener_problems(&built.report, &refused);
        let offer = resolved.offer.with_problems(&built.report.certificate_problems, &of_ports);
        self.reporter().gateway(GatewayOutcome::Deployed(resolved.observed(&offer), &state)).await?;
        self.reporter().listener_sets(resolved, &offer, state.is_active).await?;
        self.record_findings(resolved, built, &refused);
        if !state.is_active {
            return Ok(ReconcileResult::RequeueAfter(report::UNTIL_ACTIVE));
        }
        self.annotate(before.annotations_unlike(wanted, "false")).await?;
        let is_whole = built.report.listeners.is_empty() && built.report.certificate_problems.is_empty();
        if deployed.is_news && is_whole && failure.is_none() {
            self.record(&Event::reconciled());
        }
        if let Some(failure) = failure {
            return Ok(context.count_failure(self.component(), &failure));
        }
        Ok(match deployed.revisit {
            Some(after) => ReconcileResult::RequeueAfter(after),
            None if built.report.has_failed_lookup => ReconcileResult::Retry,
            None if !is_whole => ReconcileResult::AwaitChange,
            None => ReconcileResult::Done,
        })
    }

    async fn build(&self, resolved: &Resolved<'_>, add_ons: AddOns) -> Result<BuiltGateway, ReconcileError> {
        let (config, size) = (&self.context.config, resolved.size());
        let build = |facts: &Facts| builder::build(resolved.view(), add_ons, facts, config);
        let built = gather::build_from(Facts::default(), &self.context.facts, &self.id, size, build);
        let built = self.context.timed(self.component(), "build_model", built).await;
        let built = built.map_err(|failure| ReconcileError::of_build(&failure))?;
        self.context.note_built(&self.id);
        Ok(built)
    }

    /// Deploys a Gateway. If AWS refuses single routes and listeners only, the rest is as it is wanted.
    async fn deploy_parts(
        &self,
        resolved: &Resolved<'_>,
        built: &BuiltGateway,
    ) -> Result<(Deployed, Option<(RefusedParts, ReconcileFailure)>), ReconcileError> {
        let last = &self.context.last_refused;
        let failure = match self.try_deploy(&built.stack).await {
            Ok(deployed) => {
                last.note(&self.id, RefusedRoutes::default());
                return Ok((deployed, None));
            }
            Err(failure) => failure,
        };
        let gateway = resolved.view().object();
        let (refused, is_all) = RefusedParts::of(&gateway, resolved, &built.report, &failure);
        if failure.is_permanent() {
            last.note(&self.id, refused.routes.clone());
        }
        match ReconcileError::of_deployment(&failure) {
            ReconcileError::User(reconcile_failure)
                if is_all && !failure.deployed.load_balancers.is_empty() =>
            {
                Ok((failure.deployed, Some((refused, reconcile_failure))))
            }
            error => Err(error),
        }
    }

    async fn deploy(&self, stack: &Stack) -> Result<Deployed, ReconcileError> {
        let deployed = self.try_deploy(stack).await;
        deployed.map_err(|failure| ReconcileError::of_deployment(&failure))
    }

    async fn try_deploy(&self, stack: &Stack) -> Result<Deployed, DeployFailure> {
        let deployed = self.context.deployer.deploy(stack);
        self.context.timed(self.component(), "deploy_model", deployed).await
    }

    /// Deletes everything, unless the configuration keeps it. What else is wrong with the Gateway does not count.
    async fn delete(&self, config: Option<GatewayConfig>) -> Result<ReconcileResult, ReconcileError> {
        if !has_finalizer(&*self.gateway, self.controller.name()) {
            self.context.note_gone(&self.id);
            return Ok(ReconcileResult::Gone);
        }
        let nothing = Stack::empty(self.id.clone());
        if let Some(finding) = config.as_ref().and_then(|config| deletion_protection(self.key, config)) {
            self.record(&Event::warning(Reason::FailedBuildModel, &finding));
            self.reporter().gateway(GatewayOutcome::Failed).await?;
            return Ok(ReconcileResult::AwaitChange);
        }
        self.end_take_over(&nothing).await?;
        if let Some(config) = config {
            self.take_add_ons_away(config).await?;
        }
        self.deploy(&nothing).await?;
        self.context.note_built(&self.id);
        self.context.release_backend_security_group(self.component(), &nothing).await?;
        self.context.note_gone(&self.id);
        let removed =
            self.context.objects.remove_finalizer::<Gateway>(self.key, self.controller.name()).await;
        removed.map_err(|error| {
            ReconcileError::user(Reason::FailedRemoveFinalizer, "remove_finalizers_error")(&error)
        })?;
        Ok(ReconcileResult::Gone)
    }

    /// Deploys a load balancer without the add-ons that it has. One that cannot be built is deleted as it is.
    ///
    /// why: AWS keeps the Shield protection of a load balancer that is gone
    async fn take_add_ons_away(&self, mut config: GatewayConfig) -> Result<(), ReconcileError> {
        let add_ons = AddOns::of_annotations(&self.gateway);
        if add_ons.is_empty() {
            return Ok(());
        }
        config.load_balancer.waf_v2 = None;
        config.load_balancer.shield_configuration = None;
        config.load_balancer.minimum_load_balancer_capacity = None;
        let subject = self.subject();
        let named = NamingObjects::of(subject.stores, self.key, subject.options);
        let resolved = Resolved::new(subject, &config, &named);
        match self.build(&resolved, add_ons).await {
            Ok(built) => drop(self.deploy(&built.stack).await?),
            Err(ReconcileError::User(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.annotate(add_ons.annotations_unlike(AddOns::default(), "false")).await
    }

    async fn write_plan(&self, plan: Option<&str>) -> Result<(), ReconcileError> {
        let annotations = self.gateway.metadata.annotations.as_ref();
        if annotations.and_then(|all| all.get(DRY_RUN_PLAN)).map(String::as_str) == plan {
            return Ok(());
        }
        self.annotate(BTreeMap::from([(DRY_RUN_PLAN, plan)])).await
    }

    async fn annotate(&self, annotations: BTreeMap<&str, Option<&str>>) -> Result<(), ReconcileError> {
        if annotations.is_empty() {
            return Ok(());
        }
        let written = self.context.objects.annotate::<Gateway>(self.key, &annotations).await;
        written.map_err(|error| ReconcileError::Log(format!("annotations not written: {error}")))
    }

    async fn add_finalizer(&self) -> Result<(), ReconcileError> {
        if has_finalizer(&*self.gateway, self.controller.name()) {
            return Ok(());
        }
        let added = self.context.objects.add_finalizer::<Gateway>(self.key, self.controller.name()).await;
        added
            .map(drop)
            .map_err(|error| ReconcileError::user(Reason::FailedAddFinalizer, "add_finalizers_error")(&error))
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            stores: &self.context.stores.gateways,
            gateway: &self.gateway,
            key: self.key,
            controller: self.controller,
            options: options(&self.context.config.features),
        }
    }

    fn component(&self) -> &'static str {
        self.controller.name()
    }

    fn reporter(&self) -> Reporter<'_> {
        Reporter { context: self.context, key: self.key, gateway: &self.gateway }
    }

    /// What is wrong with listeners, as events on the Gateway; with routes, on these.
    fn record_findings(&self, resolved: &Resolved<'_>, built: &BuiltGateway, refused: &RefusedParts) {
        let report = &built.report;
        for finding in report.listeners.values() {
            self.record(&Event::warning(Reason::FailedBuildModel, finding));
        }
        for (_, finding) in refused.listeners.iter().filter(|(port, _)| !report.listeners.contains_key(port))
        {
            self.record(&Event::warning(Reason::FailedDeployModel, finding));
        }
        for (at, problem) in &report.certificate_problems {
            let port = resolved.offer.listener(*at).map(|judged| judged.listener.port);
            let is_told =
                |port: i32| [&report.listeners, &refused.listeners].iter().any(|all| all.contains_key(&port));
            // why not that of the port: it says the same
            if port.is_some_and(|port| !is_told(port)) {
                self.record(&Event::warning(Reason::FailedBuildModel, &problem.message));
            }
        }
        for (number, object) in resolved.route_objects().iter().enumerate() {
            // why not what a reference came to: the condition of the route says all of it
            let known = resolved.loaded(number).iter().flat_map(|rule| &rule.problems).collect::<Vec<_>>();
            let of_build = report.routes.get(&number).into_iter().flatten();
            for problem in of_build.filter(|problem| !known.contains(problem)) {
                self.record_about(
                    regarding(object),
                    &Event::warning(Reason::FailedBuildModel, &problem.message),
                );
            }
            for problem in refused.routes.problems_of(resolved, number) {
                self.record_about(
                    regarding(object),
                    &Event::warning(Reason::FailedDeployModel, &problem.message),
                );
            }
        }
    }

    fn report_failure(&self, failure: &ReconcileError) -> ReconcileResult {
        match failure {
            ReconcileError::Requeue(after) => return ReconcileResult::RequeueAfter(*after),
            ReconcileError::Log(message) => tracing::warn!(gateway = %self.key, message),
            ReconcileError::User(reconcile_failure) => {
                let event = &reconcile_failure.event;
                tracing::warn!(gateway = %self.key, reason = event.reason.as_str(), message = event.message);
                self.record(event);
                return self.context.count_failure(self.component(), reconcile_failure);
            }
        }
        ReconcileResult::Retry
    }

    fn record(&self, event: &Event) {
        let regarding = Regarding::of("gateway.networking.k8s.io/v1", "Gateway", &*self.gateway);
        self.record_about(regarding, event);
    }

    fn record_about(&self, regarding: Regarding, event: &Event) {
        let recorder = self.context.recorder.component(self.component());
        recorder.record(regarding, event.kind.as_str(), event.reason.as_str(), event.message.clone());
    }
}
