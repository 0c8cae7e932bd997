//! What each webhook does, one step at a time: a step is a function of the request and of what is known. A step that lacks
//! something says what, and is done again once that is there. So no step waits, and each can run on any thread.

use super::pod_drain;
use super::request_facts::{MissingFact, RequestFacts, StepError};
use super::review::AdmissionRequest;
use super::webhooks::Webhooks;
use crate::admission::gateway::GatewaySource;
use crate::admission::ingress::ClassSource;
use crate::admission::{self, AdmissionError, Admitted, Denial};
use crate::api::gateway::{Gateway, GatewayClass, ListenerSet, ReferenceGrant};
use crate::api::gateway_config::{ListenerRuleConfiguration, LoadBalancerConfiguration};
use crate::api::{IngressClass, IngressClassParams, ObjectKey};
use crate::aws::assume_role::AssumedRole;
use crate::cluster::gateway_stores::GatewayStores;
use crate::cluster::stores::Stores;
use crate::config::AnnotationValidation;
use crate::gateway::Cluster;
use std::sync::Arc;

type ReviewStep = fn(&Webhooks, &AdmissionRequest, &RequestFacts) -> Result<Admitted, StepError>;

/// What becomes of an object that cannot be checked in time, or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// As `--annotation-validation` says: `enforce` refuses it, else it is admitted with a warning.
    AsConfigured,
    /// It is refused: the checks of this webhook refuse whatever the setting.
    Refused,
    /// It is admitted with a warning: this webhook completes objects that another one checks, or warns of objects that may be
    /// anybody's.
    Admitted,
}

/// A webhook with its path and steps.
#[derive(Clone, Copy)]
pub struct Webhook {
    /// Where it is asked.
    pub path: &'static str,
    /// What it does.
    pub step: ReviewStep,
    /// What becomes of what it cannot check.
    pub unchecked: Unchecked,
}

impl Webhook {
    /// Whether an object that is not checked is refused.
    pub fn refuses_unchecked(&self, mode: AnnotationValidation) -> bool {
        match self.unchecked {
            Unchecked::AsConfigured => mode == AnnotationValidation::Enforce,
            Unchecked::Refused => true,
            Unchecked::Admitted => false,
        }
    }
}

const fn row(path: &'static str, unchecked: Unchecked, step: ReviewStep) -> Webhook {
    Webhook { path, step, unchecked }
}

/// All webhooks that are served.
pub const WEBHOOKS: &[Webhook] = &[
    row("/mutate-v1-service", Unchecked::Admitted, default_service),
    row("/mutate-v1-pod", Unchecked::Admitted, inject_gates),
    row("/mutate-v1-pod-drain", Unchecked::Admitted, pod_drain::step),
    row("/mutate-v1-pod-server-id", Unchecked::Admitted, inject_quic_ids),
    row("/mutate-elbv2-k8s-aws-v1beta1-targetgroupbinding", Unchecked::Admitted, complete_binding),
    row("/validate-elbv2-k8s-aws-v1beta1-targetgroupbinding", Unchecked::Refused, check_binding),
    row("/validate-elbv2-k8s-aws-v1beta1-ingressclassparams", Unchecked::Refused, check_class_params),
    row(
        "/validate-gateway-k8s-aws-v1-loadbalancerconfiguration",
        Unchecked::AsConfigured,
        check_load_balancer_configuration,
    ),
    row(
        "/validate-gateway-k8s-aws-v1-targetgroupconfiguration",
        Unchecked::AsConfigured,
        check_target_group_configuration,
    ),
    row(
        "/validate-gateway-k8s-aws-v1-listenerruleconfiguration",
        Unchecked::AsConfigured,
        check_listener_rule_configuration,
    ),
    row("/validate-aga-k8s-aws-v1beta1-globalaccelerator", Unchecked::Refused, check_global_accelerator),
    row("/validate-gateway-networking-k8s-io-v1", Unchecked::Admitted, check_gateway_api),
    row("/validate-networking-v1-ingress", Unchecked::AsConfigured, check_ingress),
    row("/validate-v1-service", Unchecked::AsConfigured, check_service),
    row("/mutate-alb-target-control-namespace-v1-pod", Unchecked::Admitted, inject_target_control),
    row("/mutate-alb-target-control-object-v1-pod", Unchecked::Admitted, inject_target_control),
];

#[expect(clippy::unnecessary_wraps, reason = "all steps have one signature")]
fn default_service(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    let object = &request.object.value;
    Ok(admission::service::default_class(&hooks.config, request.operation(), object, request.old()))
}

#[expect(clippy::unnecessary_wraps, reason = "all steps have one signature")]
fn inject_gates(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    Ok(admission::readiness_gates::inject_readiness_gates(
        &hooks.config,
        request.operation(),
        &request.object.value,
        hooks.selecting_bindings(request),
    ))
}

fn inject_quic_ids(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    known: &RequestFacts,
) -> Result<Admitted, StepError> {
    let (variable, pod) = (&hooks.config.quic_environment_variable_name, &request.object.value);
    let count = admission::quic::needed_ids(request.operation(), pod, variable);
    if count == 0 {
        return Ok(admission::readiness_gates::with_warnings(&hooks.config, &request.change()));
    }
    let Some(ids) = &known.quic_ids else {
        return Err(StepError::Missing(MissingFact::QuicIds { count, is_dry_run: request.is_dry_run() }));
    };
    let ids = ids.clone().map_err(|reason| Denial::for_now("serverIDInjector", reason))?;
    let warned = admission::readiness_gates::with_warnings(&hooks.config, &request.change());
    let injected = admission::quic::inject_server_ids(request.operation(), pod, variable, ids);
    Ok(Admitted { warnings: warned.warnings, ..injected })
}

fn check_class_params(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    Ok(admission::ingress_class_params::check(&hooks.config, &request.change())?)
}

fn check_load_balancer_configuration(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    Ok(admission::gateway::check_load_balancer(&hooks.config, &request.change())?)
}

fn check_target_group_configuration(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    Ok(admission::gateway::check_target_group(&hooks.config, &request.change())?)
}

fn check_listener_rule_configuration(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    Ok(admission::gateway::check_listener_rule(&hooks.config, &request.change())?)
}

fn check_global_accelerator(
    _: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    Ok(admission::global_accelerator::check(&request.change())?)
}

fn check_gateway_api(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    let known = &*hooks.stores.gateways;
    Ok(admission::gateway::check_foreign(&hooks.config, &request.change(), known)?)
}

fn check_service(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    Ok(admission::service::check(&hooks.config, &request.change())?)
}

fn check_ingress(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    _: &RequestFacts,
) -> Result<Admitted, StepError> {
    Ok(admission::ingress::check(&hooks.config, &request.change(), &*hooks.stores)?)
}

fn inject_target_control(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    known: &RequestFacts,
) -> Result<Admitted, StepError> {
    let label = |key: &str| hooks.namespace_label(request, key);
    let is_on = hooks.config.features.alb_target_control_agent;
    let pod = &request.object.value;
    if !is_on || !admission::target_control::is_wanted(request.operation(), pod, label) {
        return Ok(Admitted::unchanged());
    }
    match &known.target_control {
        None => Err(StepError::Missing(MissingFact::TargetControl(request.namespace.clone()))),
        Some(Ok(None)) => Ok(Admitted::unchanged()),
        Some(Ok(Some(settings))) => Ok(admission::target_control::inject_agent(pod, settings)?),
        Some(Err(error)) => {
            let (kind, name) = ("ALBTargetControlConfig", admission::target_control::CONFIG_NAME);
            let problem = format!("{kind} {name:?} cannot be read now, try again: {error}");
            Err(Denial::for_now("lookup", problem).into())
        }
    }
}

impl ClassSource for Stores {
    fn ingress_classes(&self) -> Vec<Arc<IngressClass>> {
        self.ingress_classes.list()
    }

    fn ingress_class_params(&self, name: &str) -> Option<Arc<IngressClassParams>> {
        self.ingress_class_params.get(&ObjectKey::cluster(name))
    }
}

impl GatewaySource for GatewayStores {
    fn known_class(&self, name: &str) -> Option<Arc<GatewayClass>> {
        self.classes.get(&ObjectKey::cluster(name))
    }

    fn known_gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>> {
        self.gateways.get(key)
    }

    fn known_listener_set(&self, key: &ObjectKey) -> Option<Arc<ListenerSet>> {
        self.listener_sets.get(key)
    }

    fn known_listener_sets(&self, gateway: &ObjectKey) -> Vec<Arc<ListenerSet>> {
        self.listener_sets.list_group(gateway)
    }

    fn known_reference_grants(&self, namespace: &str) -> Option<Vec<Arc<ReferenceGrant>>> {
        Some(Cluster::reference_grants(self, namespace))
    }

    fn known_load_balancer_configuration(&self, key: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>> {
        self.load_balancer_configurations.get(key)
    }

    fn known_listener_rule_configuration(&self, key: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>> {
        self.listener_rule_configurations.get(key)
    }
}

fn complete_binding(
    _: &Webhooks,
    request: &AdmissionRequest,
    known: &RequestFacts,
) -> Result<Admitted, StepError> {
    let completed = admission::target_group_binding::complete(
        request.operation(),
        &request.object.value,
        &known.target_groups,
    );
    completed.map_err(|admission_error| stop(request, admission_error))
}

fn check_binding(
    hooks: &Webhooks,
    request: &AdmissionRequest,
    known: &RequestFacts,
) -> Result<Admitted, StepError> {
    let others = |arn: &str| hooks.stores.bindings.list_group(&ObjectKey::cluster(arn));
    admission::target_group_binding::check(&hooks.config, &request.change(), &others, &known.target_groups)
        .map_err(|admission_error| stop(request, admission_error))?;
    Ok(admission::target_group_binding::check_fields(&hooks.config, &request.change())?)
}

fn stop(request: &AdmissionRequest, admission_error: AdmissionError) -> StepError {
    match admission_error {
        AdmissionError::Denied(denial) => StepError::Denied(denial),
        AdmissionError::MissingTargetGroup(query) => {
            StepError::Missing(MissingFact::TargetGroup(role_of(request), query))
        }
    }
}

fn role_of(request: &AdmissionRequest) -> Option<AssumedRole> {
    let field = |pointer| {
        let text = request.object.value.pointer(pointer).and_then(serde_json::Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let external_id = field("/spec/assumeRoleExternalId");
    field("/spec/iamRoleArnToAssume").map(|arn| AssumedRole { arn, external_id })
}
