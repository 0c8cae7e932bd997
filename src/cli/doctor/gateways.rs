//! Gateway API: which kinds are served, and which classes and Gateways nobody serves.

use super::Check;
use crate::api::ObjectKey;
use crate::api::gateway::{Gateway, GatewayClass, true_condition};
use crate::api::gateway_config::LOAD_BALANCER_CONFIGURATION_KIND;
use crate::cli::session::Session;
use crate::cluster::api_error::said;
use crate::cluster::doctor_reads::{DoctorReads, GatewayBundle};
use crate::cluster::gateway_stores::GatewayKind;
use crate::config::FeatureGates;
use crate::finding::enumerate;
use crate::gateway::Controller;
use kube::Error;
use std::collections::{BTreeMap, BTreeSet};
use strum::VariantArray as _;

const SUBJECT: &str = "Gateway API";
const INSTALL_KINDS: &str = "install Gateway API of version 1.6 or later (standard channel), and what `aws-load-balancer-controller crds` prints";
const CONTROLLERS: [Controller; 2] = [Controller::Alb, Controller::Nlb];

/// What there is of Gateway API.
struct GatewayEstate<'a> {
    features: &'a FeatureGates,
    served: BTreeSet<GatewayKind>,
    bundle: Option<GatewayBundle>,
    classes: Vec<GatewayClass>,
    gateways: Vec<Gateway>,
    /// The LoadBalancerConfigurations that classes of ours name, and whether they are there.
    configurations: BTreeMap<ObjectKey, bool>,
}

pub(super) async fn check(reads: &DoctorReads, session: &Session) -> Vec<Check> {
    match GatewayEstate::read(reads, &session.settings.config.features).await {
        Ok(estate) => estate.checks(),
        Err(error) => vec![Check::fail(SUBJECT, said(&error))],
    }
}

impl<'a> GatewayEstate<'a> {
    async fn read(reads: &DoctorReads, features: &'a FeatureGates) -> Result<Self, Error> {
        let served = reads.gateway_kinds().await?;
        let mut estate = Self {
            features,
            bundle: None,
            classes: Vec::new(),
            gateways: Vec::new(),
            configurations: BTreeMap::new(),
            served,
        };
        if estate.served.contains(&GatewayKind::Gateway) {
            // why: whoever may not read definitions may still know the rest
            estate.bundle = reads.gateway_bundle().await.ok().flatten();
            estate.gateways = reads.gateways().await?;
        }
        if estate.served.contains(&GatewayKind::Class) {
            estate.classes = reads.gateway_classes().await?;
        }
        if estate.served.contains(&GatewayKind::LoadBalancerConfiguration) {
            let named: Vec<ObjectKey> = estate.classes.iter().filter_map(parameters).collect();
            for key in named {
                let is_there = reads.has_load_balancer_configuration(&key).await?;
                estate.configurations.insert(key, is_there);
            }
        }
        Ok(estate)
    }

    fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.kinds_check()];
        if self.is_installed() {
            checks.extend(CONTROLLERS.into_iter().filter_map(|controller| self.gate_check(controller)));
            checks.extend(self.listener_sets_check());
            checks.extend(self.classes.iter().filter_map(|class| self.class_check(class)));
            checks.extend(self.gateways_check());
        }
        checks
    }

    fn is_installed(&self) -> bool {
        self.served.contains(&GatewayKind::Gateway) || self.served.contains(&GatewayKind::Class)
    }

    /// Which kinds are served, and from which release.
    fn kinds_check(&self) -> Check {
        if !self.is_installed() {
            return Check::ok(SUBJECT, "not installed, so there are no Gateways");
        }
        let kinds = self.served.iter().map(|kind| {
            let resource = kind.resource();
            format!("{} {}", resource.kind, resource.version)
        });
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        match &self.bundle {
            Some(GatewayBundle { version, channel }) => {
                Check::ok(SUBJECT, format!("{version}, {channel} channel: {kinds}"))
            }
            None => Check::ok(SUBJECT, kinds),
        }
    }

    /// A gate that is on, and kinds that are missing.
    fn gate_check(&self, controller: Controller) -> Option<Check> {
        let mut required = GatewayKind::VARIANTS.iter().filter(|kind| kind.is_required_by(controller));
        let missing: Vec<String> = required
            .by_ref()
            .filter(|kind| !self.served.contains(kind))
            .map(|kind| format!("{} {}", kind.resource().kind, kind.resource().api_version))
            .collect();
        if missing.is_empty() || !self.is_on(controller) {
            return None;
        }
        let subject = format!("Gate {}", gate(controller));
        let detail = format!(
            "on, but the API server does not serve {}, so no Gateway of a class of {} is served",
            missing.join(", "),
            controller.name(),
        );
        let is_used = self.classes.iter().any(|class| class.spec.controller_name == controller.name());
        let check = if is_used { Check::fail(subject, detail) } else { Check::warn(subject, detail) };
        Some(check.remedy(INSTALL_KINDS))
    }

    fn listener_sets_check(&self) -> Option<Check> {
        let is_missing =
            self.features.gateway_listener_set && !self.served.contains(&GatewayKind::ListenerSet);
        let detail = "on, but the API server does not serve ListenerSet, so no ListenerSet adds listeners";
        is_missing.then(|| Check::warn("Gate GatewayListenerSet", detail).remedy(INSTALL_KINDS))
    }

    /// A class of this controller.
    fn class_check(&self, class: &GatewayClass) -> Option<Check> {
        let controller = Controller::of_name(&class.spec.controller_name)?;
        let subject = format!("GatewayClass {}", name(class));
        if !self.is_on(controller) {
            let detail = format!("of {}, but the gate {} is off", controller.name(), gate(controller));
            return Some(Check::warn(subject, detail).remedy("switch it on with --feature-gates"));
        }
        if let Some(detail) = self.parameters_problem(class) {
            let remedy = "create the object, or correct spec.parametersRef";
            return Some(Check::fail(subject, detail).remedy(remedy));
        }
        let conditions = class.status.iter().flat_map(|status| &status.conditions);
        if is_accepted(class) {
            return Some(Check::ok(subject, format!("accepted, of {}", controller.name())));
        }
        let message =
            conditions.filter(|condition| condition.type_ == "Accepted").map(|one| &one.message).next();
        let detail = match message {
            Some(message) => format!("not accepted: {message}"),
            None => "not accepted: it has no condition Accepted".to_owned(),
        };
        Some(Check::fail(subject, detail).remedy("look into the logs of the leader"))
    }

    /// What is wrong with the parameters of a class.
    fn parameters_problem(&self, class: &GatewayClass) -> Option<String> {
        let reference = class.spec.parameters_ref.as_ref()?;
        let Some(key) = parameters(class) else {
            return Some(format!("spec.parametersRef names {} without a namespace", reference.name));
        };
        let is_missing = self.configurations.get(&key) == Some(&false);
        is_missing.then(|| {
            format!("spec.parametersRef names {LOAD_BALANCER_CONFIGURATION_KIND} {key}, which does not exist")
        })
    }

    /// Gateways that nobody serves.
    fn gateways_check(&self) -> Option<Check> {
        if self.gateways.is_empty() {
            return None;
        }
        let subject = "Gateways";
        let unserved: Vec<String> =
            self.gateways.iter().filter_map(|gateway| self.unserved(gateway)).collect();
        if unserved.is_empty() {
            return Some(Check::ok(
                subject,
                format!("{}, each of a class that is served", self.gateways.len()),
            ));
        }
        let remedy = "name a class that is there and accepted in spec.gatewayClassName";
        Some(Check::warn(subject, format!("nobody serves {}", enumerate(unserved))).remedy(remedy))
    }

    fn unserved(&self, gateway: &Gateway) -> Option<String> {
        let (key, class_name) = (ObjectKey::of(gateway), &gateway.spec.gateway_class_name);
        let Some(class) = self.classes.iter().find(|class| name(class) == class_name) else {
            return Some(format!("{key}: there is no GatewayClass {class_name}"));
        };
        let controller = Controller::of_name(&class.spec.controller_name);
        match controller.filter(|controller| !self.is_on(*controller)) {
            Some(controller) => Some(format!("{key}: the gate {} is off", gate(controller))),
            None if is_accepted(class) => None,
            None => Some(format!("{key}: GatewayClass {class_name} is not accepted")),
        }
    }

    fn is_on(&self, controller: Controller) -> bool {
        match controller {
            Controller::Alb => self.features.alb_gateway_api,
            Controller::Nlb => self.features.nlb_gateway_api,
        }
    }
}

fn gate(controller: Controller) -> &'static str {
    match controller {
        Controller::Alb => "ALBGatewayAPI",
        Controller::Nlb => "NLBGatewayAPI",
    }
}

fn name(class: &GatewayClass) -> &str {
    class.metadata.name.as_deref().unwrap_or_default()
}

fn is_accepted(class: &GatewayClass) -> bool {
    class.status.as_ref().is_some_and(|status| true_condition(&status.conditions, "Accepted").is_some())
}

/// The parameters of a class of this controller.
fn parameters(class: &GatewayClass) -> Option<ObjectKey> {
    Controller::of_name(&class.spec.controller_name)?;
    let reference = class.spec.parameters_ref.as_ref()?;
    Some(ObjectKey::namespaced(reference.namespace.as_deref()?, reference.name.as_str()))
}

#[cfg(test)]
mod tests;
