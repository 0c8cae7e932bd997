//! Whether a take-over leaves everything as it is: no step towards the Gateway's stack may make, delete or replace anything, or change
//! what answers requests and who may connect.

use super::pairing::ServicePorts;
use crate::api::{IntOrString, ObjectKey, TargetGroupBinding};
use crate::aws_api::elbv2::{HealthCheck, ListenerAction, RuleCondition, SetRulePriorities, ValuesOrRegexes};
use crate::aws_api::{Action, Request, ResolvedIds};
use crate::builder::pattern::may_meet;
use crate::model::Stack;
use crate::plan::actual::{Actual, Rule};
use crate::plan::binding::{is_same, render_binding};
use crate::plan::{BindingWrite, Op, Plan, Stage, Step};
use std::collections::BTreeMap;
use std::fmt;

/// Something that stands in the way of a take-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeOverObstacle {
    /// Of what, and what it is.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl TakeOverObstacle {
    /// A problem with its remedy.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for TakeOverObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.remedy)
    }
}

/// The stack for the proof: what a stack leaves as it is counts as not wanted, because nobody would look after it any more.
pub fn strict(stack: &Stack) -> Stack {
    let mut stack = stack.clone();
    stack.protection.wafv2_web_acl_arn.get_or_insert_default();
    stack.protection.waf_regional_web_acl_id.get_or_insert_default();
    stack.protection.shield.get_or_insert_default();
    for load_balancer in stack.load_balancers.values_mut() {
        load_balancer.minimum_capacity_units.get_or_insert_default();
    }
    stack
}

/// What stands in the way of a take-over whose steps are these. `actual`: what the load balancer has now.
pub fn obstacles(plan: &Plan, actual: &Actual, ports: ServicePorts<'_>) -> Vec<TakeOverObstacle> {
    let proof = Proof { actual, known: &plan.known, ports };
    let mut steps: Vec<&Step> = plan.steps.iter().collect();
    steps.sort_by_key(|step| weight_of(step.stage));
    let mut found: Vec<_> = steps.into_iter().filter_map(|step| proof.of_step(step)).collect();
    // why only if nothing else is: a binding comes and goes with its target group
    if found.is_empty() {
        found.extend(plan.steps.iter().filter_map(|step| proof.of_binding(step)));
    }
    let unknown = plan.revisits.iter().map(|revisit| revisit.why.clone());
    let unknown = unknown.chain(plan.problems.iter().map(|problem| problem.cause.to_string()));
    found.extend(unknown.map(|why| {
        TakeOverObstacle::new(
            format!("it cannot be told whether all stays as it is: {why}"),
            "try again later",
        )
    }));
    found
}

struct Proof<'a> {
    actual: &'a Actual,
    known: &'a ResolvedIds,
    ports: ServicePorts<'a>,
}

impl Proof<'_> {
    fn of_step(&self, step: &Step) -> Option<TakeOverObstacle> {
        let Op::Aws(request) = &step.op else { return None };
        let remedy = match &**request {
            Request::SetRulePriorities(set) if self.keeps_answers(set) => return None,
            Request::ModifyTargetGroup(modify) => {
                let arn = modify.arn.known().unwrap_or_default();
                let mut groups = self.actual.target_groups.iter();
                let observed = groups.find(|group| group.entity.arn == arn);
                // why also where nothing is known of it: what cannot be compared is not the same
                let unknown = HealthCheck::default();
                let observed = observed.map_or(&unknown, |observed| &observed.entity.health_check);
                let differences = differences(&modify.health_check, observed);
                let problem = format!("health check of target group {}: {differences}", step.resource);
                let remedy = "give it the values in AWS, in a TargetGroupConfiguration";
                return Some(TakeOverObstacle::new(problem, remedy));
            }
            request => remedy_of(request.action())?,
        };
        let verb = step.op.verb();
        let is_told = |name: &str, value: &str| !value.is_empty() && !["id", "name", "tags"].contains(&name);
        let wanted = step.op.details().into_iter().filter(|(name, value)| is_told(name, value));
        let wanted: Vec<String> = wanted.map(|(name, value)| format!("{name}: {value}")).collect();
        let wanted = if wanted.is_empty() { String::new() } else { format!(", with {}", wanted.join(", ")) };
        let problem =
            format!("{} {} would need {verb}{wanted}: {}", kind_of(step.stage), step.resource, step.why);
        Some(TakeOverObstacle::new(problem, remedy))
    }

    /// A binding may get other labels and annotations, and another spelling of its port; its targets stay the same.
    fn of_binding(&self, step: &Step) -> Option<TakeOverObstacle> {
        let is_alike = match &step.op {
            Op::PatchBinding { write, observed } => self.keeps_targets(write, observed),
            Op::CreateBinding(_) | Op::DeleteBinding(_) => false,
            _ => true,
        };
        let problem =
            || format!("TargetGroupBinding {} would need {}: {}", step.resource, step.op.verb(), step.why);
        let remedy = "its Service, targets, node selector and networking must be those of the Ingress";
        (!is_alike).then(|| TakeOverObstacle::new(problem(), remedy))
    }

    fn keeps_targets(&self, write: &BindingWrite, observed: &TargetGroupBinding) -> bool {
        // why: what cannot be written is told by the deployment; nothing is known of its targets
        let Ok(mut wanted) = render_binding(write, self.known) else { return false };
        let service = ObjectKey::of(observed).sibling(observed.spec.service_ref.name.as_str());
        let number = |port: &IntOrString| (self.ports)(&service, port);
        let (port, spelling) = (&wanted.spec.service_ref.port, &observed.spec.service_ref.port);
        if number(port).is_some() && number(port) == number(spelling) {
            wanted.spec.service_ref.port = spelling.clone();
        }
        wanted.metadata = observed.metadata.clone();
        is_same(&wanted, observed)
    }

    /// Whether rules that change places match no request in common, or answer the same.
    fn keeps_answers(&self, set: &SetRulePriorities) -> bool {
        let new: BTreeMap<&str, i32> =
            set.priorities.iter().filter_map(|(arn, priority)| Some((arn.known()?, *priority))).collect();
        let listeners = self.actual.load_balancers.iter().flat_map(|found| &found.listeners);
        listeners.into_iter().all(|listener| {
            let rules: Vec<(i32, i32, &Rule)> = listener
                .rules
                .iter()
                .filter_map(|rule| {
                    let old = rule.entity.priority?;
                    Some((old, new.get(rule.entity.arn.as_str()).copied().unwrap_or(old), rule))
                })
                .collect();
            let is_turned = |one: &(i32, i32, &Rule), other: &(i32, i32, &Rule)| {
                (one.0 < other.0) != (one.1 < other.1) && one.0 != other.0
            };
            rules.iter().enumerate().all(|(at, one)| {
                let mut later = rules.iter().skip(at + 1);
                later.all(|other| !is_turned(one, other) || is_indifferent(one.2, other.2))
            })
        })
    }
}

/// Whether it makes no difference which of two rules comes first.
fn is_indifferent(one: &Rule, other: &Rule) -> bool {
    let answers = |rule: &Rule| (rule.entity.actions.clone(), rule.entity.transforms.clone());
    let is_same = answers(one) == answers(other) && !has_authentication(&one.entity.actions);
    let meet = |condition: &RuleCondition| {
        !other.entity.conditions.iter().any(|against| never_meet(condition, against))
    };
    is_same || !one.entity.conditions.iter().all(meet)
}

/// why: sessions of authentication are kept by rule
fn has_authentication(actions: &[ListenerAction]) -> bool {
    actions.iter().any(|action| {
        matches!(action, ListenerAction::AuthenticateCognito(_) | ListenerAction::AuthenticateOidc(_))
    })
}

/// Whether no request matches both conditions. Never yes where one does.
fn never_meet(one: &RuleCondition, other: &RuleCondition) -> bool {
    use RuleCondition::{HostHeader, HttpRequestMethod, PathPattern};
    let patterns = |one: &ValuesOrRegexes, other: &ValuesOrRegexes, spell: fn(&String) -> String| {
        let is_plain = one.regexes.is_empty() && other.regexes.is_empty();
        let meets =
            |value: &String| other.values.iter().any(|against| may_meet(&spell(value), &spell(against)));
        is_plain && !one.values.iter().any(meets)
    };
    match (one, other) {
        (HostHeader(one), HostHeader(other)) => patterns(one, other, |host| host.to_ascii_lowercase()),
        (PathPattern(one), PathPattern(other)) => patterns(one, other, String::clone),
        (HttpRequestMethod(one), HttpRequestMethod(other)) => {
            !one.iter().any(|method| other.contains(method))
        }
        _ => false,
    }
}

/// What to do about a call that a take-over must not need; `None`: it may.
fn remedy_of(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::AddTags
        | Action::RemoveTags
        | Action::CreateTags
        | Action::DeleteTags
        | Action::ModifyLoadBalancerAttributes
        | Action::ModifyListenerAttributes
        | Action::ModifyTargetGroupAttributes => return None,
        Action::CreateLoadBalancer => "the Gateway's scheme must be that of the Ingress",
        Action::DeleteLoadBalancer => {
            "a Gateway has no NLB in front of its ALB: switch enable-frontend-nlb off first"
        }
        Action::CreateListener | Action::DeleteListener => {
            "the Gateway's listeners must have the ports and protocols of those in AWS"
        }
        Action::ModifyListener | Action::AddListenerCertificate | Action::RemoveListenerCertificate => {
            "give the listener the certificates, security policy, mutual TLS and default action that it has in AWS"
        }
        Action::CreateRule | Action::DeleteRule | Action::ModifyRule => {
            "the routes must have just the rules that there are in AWS"
        }
        Action::SetRulePriorities => {
            "rules that may match the same requests would change places: give the routes matches that keep their order"
        }
        Action::CreateTargetGroup | Action::DeleteTargetGroup => {
            "every target group in AWS needs just one Service port of one route, of the same target type and protocols: put rules \
             for the same Service of one Ingress into one route"
        }
        Action::CreateSecurityGroup
        | Action::DeleteSecurityGroup
        | Action::AuthorizeIngress
        | Action::RevokeIngress
        | Action::SetSecurityGroups => {
            "give the Gateway the security groups, source ranges and prefix lists of the Ingress, in its LoadBalancerConfiguration"
        }
        Action::AssociateWafv2WebAcl
        | Action::DisassociateWafv2WebAcl
        | Action::AssociateWafRegionalWebAcl
        | Action::DisassociateWafRegionalWebAcl
        | Action::CreateShieldProtection
        | Action::DeleteShieldProtection => {
            "ask for the same web ACL and Shield protection in the Gateway's LoadBalancerConfiguration"
        }
        _ => "give the Gateway what the load balancer has in AWS, in its LoadBalancerConfiguration",
    })
}

/// What is told first: what the rest follows from.
fn weight_of(stage: Stage) -> u8 {
    match stage {
        Stage::LoadBalancers => 0,
        Stage::Listeners => 1,
        Stage::TargetGroups => 2,
        Stage::Rules => 3,
        _ => 4,
    }
}

fn kind_of(stage: Stage) -> &'static str {
    match stage {
        Stage::SecurityGroups => "security group",
        Stage::Certificates => "certificate",
        Stage::AlbTargets => "targets of",
        Stage::TargetGroups => "target group",
        Stage::LoadBalancers => "load balancer",
        Stage::Listeners => "listener",
        Stage::Rules => "rule",
        Stage::Bindings => "TargetGroupBinding",
        Stage::Wafv2 | Stage::WafRegional => "web ACL of",
        Stage::Shield => "Shield protection of",
    }
}

/// What is said of a field that differs.
fn field<T: PartialEq + fmt::Debug>(name: &str, wanted: Option<&T>, observed: Option<&T>) -> Option<String> {
    let wanted = wanted.filter(|wanted| Some(*wanted) != observed)?;
    let observed = observed.map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
    Some(format!("{name} is {observed} in AWS, and {wanted:?} is wanted"))
}

/// The fields of health checks that differ; what is not wanted is left as it is.
fn differences(wanted: &HealthCheck, observed: &HealthCheck) -> String {
    let HealthCheck {
        port,
        protocol,
        path,
        matcher,
        interval_seconds,
        timeout_seconds,
        healthy_threshold,
        unhealthy_threshold,
    } = wanted;
    let codes = |matcher: &crate::aws_api::elbv2::Matcher| {
        matcher.http_code.clone().or_else(|| matcher.grpc_code.clone()).unwrap_or_default()
    };
    let (wanted_codes, codes) = (matcher.as_ref().map(codes), observed.matcher.as_ref().map(codes));
    let fields = [
        field("port", port.as_ref(), observed.port.as_ref()),
        field("protocol", protocol.as_ref(), observed.protocol.as_ref()),
        field("path", path.as_ref(), observed.path.as_ref()),
        field("success codes", wanted_codes.as_ref(), codes.as_ref()),
        field("interval", interval_seconds.as_ref(), observed.interval_seconds.as_ref()),
        field("timeout", timeout_seconds.as_ref(), observed.timeout_seconds.as_ref()),
        field("healthy threshold", healthy_threshold.as_ref(), observed.healthy_threshold.as_ref()),
        field("unhealthy threshold", unhealthy_threshold.as_ref(), observed.unhealthy_threshold.as_ref()),
    ];
    fields.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws_api::elbv2::ModifyTargetGroup;

    #[test]
    fn a_health_check_that_cannot_be_compared_is_not_the_same() {
        let health_check = HealthCheck { interval_seconds: Some(10), ..HealthCheck::default() };
        let modify = ModifyTargetGroup { arn: "arn:target-group/unknown".into(), health_check };
        let step = Step::aws(Stage::TargetGroups, "web", modify, "differs");
        let plan = Plan { steps: vec![step], ..Plan::default() };
        let found = obstacles(&plan, &Actual::default(), &|_, _| None);
        let [obstacle] = &*found else { panic!("{found:?}") };
        assert_eq!(
            obstacle.problem,
            "health check of target group web: interval is nothing in AWS, and 10 is wanted"
        );
    }
}
