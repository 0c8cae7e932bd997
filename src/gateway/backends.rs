//! What the rules of a route refer to: Services, target groups, Gateways and ListenerRuleConfigurations.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::config::target_group_props;
use super::grants::{Referrer, may_refer};
use super::route::{References, Route, RouteProblem, RouteReason};
use super::{Cluster, GatewayOptions};
use crate::annotations::value::target_group_excess;
use crate::api::gateway::{BackendRef, GATEWAY_KIND, GROUP, Gateway, true_condition};
use crate::api::gateway_config::{ListenerRuleConfiguration, TargetGroupConfigurationSpec, TargetGroupProps};
use crate::api::{ObjectKey, Service, ServicePort};

/// The largest weight that ELB takes.
pub const MAX_WEIGHT: i32 = 999;

/// Kinds of backends.
pub const BACKEND_KINDS: [&str; 3] = [SERVICE_KIND, TARGET_GROUP_NAME_KIND, GATEWAY_KIND];
/// The kind of a backend that names none.
pub const SERVICE_KIND: &str = "Service";
const TARGET_GROUP_NAME_KIND: &str = "TargetGroupName";

/// What is said of a rule with several ListenerRuleConfigurations.
pub const SEVERAL_CONFIGURATIONS: &str =
    "Only one listener rule config can be referenced per route rule, found multiple";
/// What is said of a backend of another kind than [`BACKEND_KINDS`].
pub const UNKNOWN_KIND: &str = "Unknown backend reference kind";
/// What is said of a backend without a port.
pub const PORT_REQUIRED: &str = "Port is required";
/// What is said of a backend of another namespace, whose owner does not admit the reference.
pub const NOT_PERMITTED: &str = "No explicit ReferenceGrant exists to allow the reference.";
/// What is said of filters at a backend.
pub const BACKEND_FILTERS: &str = "filters of backendRefs are not supported by load balancers";

/// What is said of a weight that ELB does not take.
pub fn weight_problem(weight: i32) -> Option<String> {
    let is_fine = (0..=MAX_WEIGHT).contains(&weight);
    (!is_fine).then(|| format!("Weight [{weight}] must be less than or equal to {MAX_WEIGHT}"))
}

/// What a backend is called: those of one name are one target group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackendName {
    kind: String,
    /// Without a namespace where the kind has none.
    object: ObjectKey,
    port: Option<i32>,
}

impl BackendName {
    /// That of a reference from a namespace.
    pub fn of(reference: &BackendRef, namespace: &str) -> Self {
        let kind = reference.kind.as_deref().unwrap_or(SERVICE_KIND).to_owned();
        let name = reference.name.as_str();
        if kind == TARGET_GROUP_NAME_KIND {
            return Self { kind, object: ObjectKey::cluster(name), port: None };
        }
        let namespace = reference.namespace.as_deref().unwrap_or(namespace);
        Self { kind, object: ObjectKey::namespaced(namespace, name), port: reference.port }
    }
}

/// For example `Service shop/web, port 80`.
impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.object)?;
        self.port.map_or(Ok(()), |port| write!(f, ", port {port}"))
    }
}

/// What is said of backends that ELB does not take together: too many, or one that is named several times with more than the largest
/// weight in all.
pub fn shares_problem(shares: impl IntoIterator<Item = (BackendName, i32)>) -> Option<String> {
    let mut sums: BTreeMap<BackendName, (usize, i64)> = BTreeMap::new();
    for (backend, weight) in shares {
        let (count, sum) = sums.entry(backend).or_default();
        // why: a weight that is wrong by itself is told by itself
        if weight_problem(weight).is_none() {
            *count += 1;
            *sum = sum.saturating_add(weight.into());
        }
    }
    let is_too_much = |(count, sum): &(usize, i64)| *count > 1 && *sum > MAX_WEIGHT.into();
    target_group_excess(sums.len()).or_else(|| {
        let (backend, (_, sum)) = sums.iter().find(|(_, found)| is_too_much(found))?;
        Some(format!("the weights of {backend} add up to {sum}, expected at most {MAX_WEIGHT}"))
    })
}

/// Where requests are sent, and their share.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    /// What is forwarded to.
    pub backend: RouteBackend,
    /// As what the rule names it.
    pub name: BackendName,
    /// Their share, 0 to [`MAX_WEIGHT`] unless the rule keeps its shares.
    pub weight: i32,
}

impl Weighted {
    /// Its name and weight.
    pub fn share(&self) -> (BackendName, i32) {
        (self.name.clone(), self.weight)
    }
}

/// Where requests are sent.
#[derive(Clone, Debug, PartialEq)]
pub enum RouteBackend {
    /// A port of a Service.
    Service {
        /// The Service as the API server has it.
        service: Arc<Service>,
        /// The port of the Service that is meant.
        port: Box<ServicePort>,
        /// Settings of the target group.
        props: Option<Box<TargetGroupProps>>,
    },
    /// A target group that somebody else made.
    TargetGroup {
        /// Name of the target group in AWS.
        name: String,
    },
    /// The ALB of a Gateway.
    Gateway {
        /// The Gateway whose ALB is meant.
        gateway: ObjectKey,
        /// ARN of its load balancer.
        arn: String,
        /// The port of the load balancer.
        port: i32,
        /// Settings of the target group.
        props: Option<Box<TargetGroupProps>>,
    },
}

/// A rule of a route, with everything it refers to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadedRule {
    /// The backends that are there.
    pub backends: Vec<Weighted>,
    /// The ListenerRuleConfiguration that the rule names.
    pub configuration: Option<Arc<ListenerRuleConfiguration>>,
    /// What is wrong with what it refers to. The rule is served without it.
    pub problems: Vec<RouteProblem>,
    /// Why the rule is not served to any backend.
    pub refusal: Option<RouteProblem>,
    /// Why its backends cannot have the shares that it asks for: they keep those that they have in AWS.
    pub kept_shares: Option<RouteProblem>,
    /// Gateways whose load balancers are not there yet: what the rule has in AWS stays until they are.
    pub waits_for: Vec<ObjectKey>,
}

/// Every rule of a route, with everything it refers to.
pub fn load(
    route: &Route<'_>,
    default: Option<&TargetGroupConfigurationSpec>,
    cluster: &dyn Cluster,
    options: GatewayOptions,
) -> Vec<LoadedRule> {
    let loader = Loader { route, default, cluster };
    route.rules.references().iter().map(|references| loader.load_rule(references, options)).collect()
}

struct Loader<'a> {
    route: &'a Route<'a>,
    default: Option<&'a TargetGroupConfigurationSpec>,
    cluster: &'a dyn Cluster,
}

/// Why a backend is left out.
enum Missing {
    Problem(RouteProblem),
    /// The load balancer of a Gateway is not there yet.
    Awaited(ObjectKey, RouteProblem),
}

impl Missing {
    fn problem(reason: RouteReason, message: impl Into<String>) -> Self {
        Self::Problem(RouteProblem::new(reason, message))
    }
}

impl Loader<'_> {
    fn load_rule(&self, references: &References<'_>, options: GatewayOptions) -> LoadedRule {
        let mut rule = LoadedRule::default();
        match self.load_configuration(&references.configurations) {
            Ok(configuration) => rule.configuration = configuration,
            Err(problem) => {
                rule.problems.push(problem.clone());
                rule.refusal = Some(problem);
                return rule;
            }
        }
        if options.strict && references.has_backend_filters {
            rule.refuse(RouteProblem::unsupported(BACKEND_FILTERS));
        }
        for reference in &references.backends {
            match self.load_backend(reference) {
                Ok(backend) => {
                    rule.keep_shares(weight_problem(backend.weight));
                    rule.backends.push(backend);
                }
                Err(Missing::Problem(problem)) => rule.problems.push(problem),
                Err(Missing::Awaited(gateway, problem)) => {
                    rule.problems.push(problem);
                    rule.waits_for.push(gateway);
                }
            }
        }
        rule.keep_shares(shares_problem(rule.backends.iter().map(Weighted::share)));
        rule
    }

    fn load_configuration(
        &self,
        names: &[&str],
    ) -> Result<Option<Arc<ListenerRuleConfiguration>>, RouteProblem> {
        let problem = |message: String| RouteProblem::new(RouteReason::IncompatibleFilters, message);
        let name = match names {
            [] => return Ok(None),
            [name] => *name,
            _ => {
                return Err(problem(SEVERAL_CONFIGURATIONS.to_owned()));
            }
        };
        let key = self.route.id.key.sibling(name);
        let Some(found) = self.cluster.listener_rule_configuration(&key) else {
            // why the parenthesis: upstream's text
            return Err(problem(format!("ListenerRuleConfiguration [{key}] not found)")));
        };
        let status = found.status.as_ref();
        if status.and_then(|status| status.accepted) == Some(true) {
            return Ok(Some(found));
        }
        let why = status.and_then(|status| status.message.as_deref()).unwrap_or("status unknown");
        // why two spaces: upstream's text
        Err(problem(format!("ListenerRuleConfiguration [{key}] is not accepted. Reason:  {why})")))
    }

    fn load_backend(&self, reference: &BackendRef) -> Result<Weighted, Missing> {
        let backend = match reference.kind.as_deref() {
            None | Some(SERVICE_KIND) => self.load_service(reference)?,
            Some(TARGET_GROUP_NAME_KIND) => RouteBackend::TargetGroup { name: reference.name.clone() },
            Some(GATEWAY_KIND) => self.load_gateway(reference)?,
            Some(_) => {
                return Err(Missing::problem(RouteReason::InvalidKind, UNKNOWN_KIND));
            }
        };
        let name = BackendName::of(reference, self.route.id.key.namespace());
        Ok(Weighted { backend, name, weight: reference.weight.unwrap_or(1) })
    }

    /// The object that a reference is about, if the route may refer to it, and the port that it names.
    fn resolve(&self, reference: &BackendRef, group: &str, kind: &str) -> Result<(ObjectKey, i32), Missing> {
        let port = reference.port;
        let port = port.ok_or_else(|| Missing::problem(RouteReason::UnsupportedValue, PORT_REQUIRED))?;
        let own = self.route.id.key.namespace();
        let key =
            ObjectKey::namespaced(reference.namespace.as_deref().unwrap_or(own), reference.name.as_str());
        let from = Referrer { kind: self.route.id.kind.as_str(), namespace: own };
        if may_refer(from, group, kind, &key, self.cluster) {
            return Ok((key, port));
        }
        Err(Missing::problem(RouteReason::RefNotPermitted, NOT_PERMITTED))
    }

    fn load_service(&self, reference: &BackendRef) -> Result<RouteBackend, Missing> {
        let not_found = |message| Missing::problem(RouteReason::BackendNotFound, message);
        let (key, port) = self.resolve(reference, "", SERVICE_KIND)?;
        let place = || format!("{}:{}", key.namespace(), key.name());
        // why the parenthesis: upstream's text
        let service = self.cluster.service(&key);
        let service = service.ok_or_else(|| not_found(format!("Service ({}) not found)", place())))?;
        let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        let found = ports.find(|found| found.port == port).cloned();
        let found = found.ok_or_else(|| not_found(format!("Unable to find service port for port {port}")))?;
        let props = target_group_props(SERVICE_KIND, &key, &self.route.id, self.default, self.cluster);
        Ok(RouteBackend::Service { service, port: Box::new(found), props: props.map(Box::new) })
    }

    fn load_gateway(&self, reference: &BackendRef) -> Result<RouteBackend, Missing> {
        let (key, port) = self.resolve(reference, GROUP, GATEWAY_KIND)?;
        let place = || format!("{}:{}", key.namespace(), key.name());
        let problem = |message| RouteProblem::new(RouteReason::BackendNotFound, message);
        let Some(gateway) = self.cluster.gateway(&key) else {
            return Err(Missing::Problem(problem(format!("Gateway ({}) not found)", place()))));
        };
        let Some(arn) = load_balancer_arn(&gateway) else {
            let message = format!("Gateway ({}) is not usable yet, LB ARN is not provisioned)", place());
            return Err(Missing::Awaited(key.clone(), problem(message)));
        };
        if arn.split('/').nth(1) != Some("app") {
            let message =
                format!("invalid gateway ARN: {arn}, the resource type must be application load balancer");
            return Err(Missing::Problem(problem(message)));
        }
        let props = target_group_props(GATEWAY_KIND, &key, &self.route.id, None, self.cluster);
        Ok(RouteBackend::Gateway { arn: arn.to_owned(), port, props: props.map(Box::new), gateway: key })
    }
}

impl LoadedRule {
    /// Serves the rule to no backend. The first reason counts.
    fn refuse(&mut self, problem: RouteProblem) {
        self.problems.push(problem.clone());
        self.refusal.get_or_insert(problem);
    }

    /// Leaves the shares of the backends as they are in AWS, if there is a problem. The first reason counts.
    fn keep_shares(&mut self, problem: Option<String>) {
        let Some(problem) = problem.map(RouteProblem::unsupported) else { return };
        self.problems.push(problem.clone());
        self.kept_shares.get_or_insert(problem);
    }
}

/// The ARN of the load balancer of a Gateway, which is the message of its condition `Programmed`.
pub fn load_balancer_arn(gateway: &Gateway) -> Option<&str> {
    let programmed = true_condition(&gateway.status.as_ref()?.conditions, "Programmed")?;
    Some(programmed.message.as_str()).filter(|arn| !arn.is_empty())
}

#[cfg(test)]
mod tests;
