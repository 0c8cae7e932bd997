//! Why a deployment did not reach what was wanted, and what that means for the next try.

use super::deployed_state::StateStoreError;
use super::{Deployed, StoreError};
use crate::api::ObjectKey;
use crate::aws_api::CloudError;
use crate::model::ResourceAddress;
use crate::plan::binding::BindingError;
use crate::plan::{DiffError, Digest, Problem, ProblemCause, Quota, QuotaExceeded, Stage, Step};
use crate::settings::alb::ListenerPart;
use std::fmt;
use std::time::Duration;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureClass {
    /// May go by itself: try again, ever more slowly.
    Retry,
    /// Trying again will not help before somebody changes something.
    UserMustAct,
    /// Another replica leads now: stop.
    NotLeader,
    /// A mistake of ours.
    Bug,
}

/// What went wrong in one step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// AWS refused, or did not answer.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The API server.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The deployed state.
    #[error(transparent)]
    StateStore(#[from] StateStoreError),
    /// A binding that cannot be written.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// What is there cannot be compared.
    #[error(transparent)]
    Diff(#[from] DiffError),
    /// A quota of the account is used up.
    #[error("quota of {0} exceeded")]
    QuotaExceeded(Quota),
    /// A binding whose finalizer has not been removed yet.
    #[error("TargetGroupBinding {0} is still being deleted")]
    StillThere(ObjectKey),
    /// Something is wrong about which no step can be taken.
    #[error("{0}")]
    Problem(String),
    /// AWS's answer had no id in it.
    #[error("{0}: the response contains no id")]
    NoId(&'static str),
}

/// One step that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}{}", self.place(), self.source_text())]
pub struct StepFailure {
    /// Kind of resource; `None` when it was not about one.
    pub stage: Option<Stage>,
    /// The resource that it was about.
    pub resource: ResourceAddress,
    /// Keys of the values that AWS refused while it took the others; empty: the step failed as a whole.
    pub values: Vec<String>,
    /// What went wrong.
    pub cause: Cause,
    /// Who asks for it: `Ingress shop/web, alb.ingress.kubernetes.io/subnets`; empty: it need not be said.
    pub sources: Vec<String>,
    /// Tells what was done from anything else that could be done to the resource; `None`: nothing was.
    pub op: Option<Digest>,
}

impl StepFailure {
    /// A step's failure.
    pub fn of(step: &Step, cause: impl Into<Cause>) -> Self {
        Self {
            stage: Some(step.stage),
            resource: step.resource.clone(),
            values: Vec::new(),
            cause: cause.into(),
            sources: Vec::new(),
            op: Some(Digest::of(&step.op)),
        }
    }

    /// Values that AWS refused while it took the others of the same call.
    pub fn of_values(step: &Step, keys: Vec<String>, error: CloudError) -> Self {
        Self { values: keys, ..Self::of(step, error) }
    }

    /// What it was about, as users call it: `rule 2 of listener 443`, `idle_timeout.timeout_seconds of load balancer`.
    pub fn place(&self) -> String {
        let resource = self.place_of_resource();
        if self.values.is_empty() { resource } else { format!("{} of {resource}", self.values.join(", ")) }
    }

    fn place_of_resource(&self) -> String {
        let resource = match &self.resource {
            ResourceAddress::Rule { listener, priority } => {
                return format!("rule {priority} of listener {listener}");
            }
            ResourceAddress::RulesOf(listener) => return format!("rules of listener {listener}"),
            ResourceAddress::Id(id) => id,
        };
        match self.stage {
            Some(Stage::LoadBalancers) if resource == "LoadBalancer" => "load balancer".to_owned(),
            Some(Stage::LoadBalancers) => format!("load balancer {resource}"),
            Some(Stage::SecurityGroups) => format!("security group {resource}"),
            Some(Stage::AlbTargets) => format!("targets of {resource}"),
            Some(Stage::Certificates) => format!("certificate {resource}"),
            Some(Stage::TargetGroups) => format!("target group {resource}"),
            Some(Stage::Listeners) => format!("listener {resource}"),
            Some(Stage::Rules) => format!("rule {resource}"),
            Some(Stage::Bindings) => format!("TargetGroupBinding {resource}"),
            Some(Stage::Wafv2 | Stage::WafRegional) => "web ACL of the load balancer".to_owned(),
            Some(Stage::Shield) => "Shield protection of the load balancer".to_owned(),
            None => resource.clone(),
        }
    }

    fn source_text(&self) -> String {
        if self.sources.is_empty() {
            String::new()
        } else {
            format!(" (asked for by {})", self.sources.join("; "))
        }
    }

    /// What no step can help.
    pub fn of_problem(problem: &Problem) -> Self {
        let Problem { stage, resource, cause } = problem;
        let cause = match cause {
            ProblemCause::Cloud(error) => Cause::Cloud(error.clone()),
            ProblemCause::UserMustAct(text) => Cause::Problem(text.clone()),
        };
        Self { stage: Some(*stage), ..Self::of_cause(resource.clone(), cause) }
    }

    /// A failure of no step in particular.
    fn of_cause(resource: impl Into<ResourceAddress>, cause: Cause) -> Self {
        let resource = resource.into();
        Self { stage: None, resource, values: Vec::new(), cause, sources: Vec::new(), op: None }
    }

    /// All that AWS said, for the log; `None`: it was not AWS that refused.
    pub(super) fn answer(&self) -> Option<String> {
        match &self.cause {
            Cause::Cloud(error @ CloudError::Service { .. }) => Some(error.in_full()),
            _ => None,
        }
    }

    /// Something that found no room.
    pub fn of_shortfall(shortfall: &QuotaExceeded) -> Self {
        let QuotaExceeded { quota, resource, step: _ } = shortfall;
        let cause = Cause::QuotaExceeded(quota.clone());
        let failure = Self::of_cause(String::new(), cause);
        Self { stage: Some(Stage::Rules), resource: resource.clone(), ..failure }
    }

    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match &self.cause {
            // why: without a step it was a read; whatever AWS said of it, nobody's wish was refused
            Cause::Cloud(error)
                if self.stage.is_none() && !matches!(class_of(error), FailureClass::NotLeader) =>
            {
                FailureClass::Retry
            }
            Cause::Cloud(error) => class_of(error),
            Cause::Store(StoreError::Refused { .. } | StoreError::AlreadyExists(_))
            | Cause::Diff(_)
            | Cause::Problem(_)
            | Cause::QuotaExceeded(_) => FailureClass::UserMustAct,
            Cause::Store(_) | Cause::StateStore(_) | Cause::StillThere(_) => FailureClass::Retry,
            Cause::Binding(_) | Cause::NoId(_) => FailureClass::Bug,
        }
    }
}

impl StepFailure {
    /// Whether AWS says that something exists already.
    pub(super) fn exists_already(&self) -> bool {
        let Cause::Cloud(error) = &self.cause else { return false };
        error.is(&[
            "DuplicateLoadBalancerName",
            "DuplicateTargetGroupName",
            "DuplicateListener",
            "PriorityInUse",
            "InvalidGroup.Duplicate",
            "InvalidPermission.Duplicate",
        ])
    }

    /// What of a listener it is that AWS refuses, of a step about a listener.
    pub fn listener_part(&self) -> ListenerPart {
        let Cause::Cloud(error) = &self.cause else { return ListenerPart::Port };
        let (operation, code) = (error.operation(), error.code().unwrap_or_default());
        let parts = [
            ("Certificate", ListenerPart::Certificate),
            ("SSLPolicy", ListenerPart::SslPolicy),
            ("TrustStore", ListenerPart::TrustStore),
            ("TargetGroup", ListenerPart::DefaultActions),
        ];
        let named = parts.into_iter().find(|(name, _)| code.contains(name)).map(|(_, part)| part);
        match named {
            Some(part) => part,
            None if operation == "ModifyListenerAttributes" => ListenerPart::Attribute,
            None if operation == "AddListenerCertificates" => ListenerPart::Certificate,
            None => ListenerPart::Port,
        }
    }

    /// What AWS, or the API server, refused because of what is wanted: neither a right that lacks, nor a quota, nor something
    /// that may go by itself.
    pub fn refusal(&self) -> Option<&Cause> {
        let is_wrong = match &self.cause {
            Cause::Cloud(error) => {
                // why: a target group that a user names may not exist; ours have been looked for again by now
                let is_unknown = error.is(&["TargetGroupNotFound"]);
                let is_elsewhere = error.code().is_some_and(|code| {
                    ["AccessDenied", "Unauthorized", "TooMany"].iter().any(|family| code.starts_with(family))
                });
                is_unknown || (self.class() == FailureClass::UserMustAct && !is_elsewhere)
            }
            Cause::Store(_) => self.class() == FailureClass::UserMustAct,
            _ => false,
        };
        is_wrong.then_some(&self.cause)
    }
}

/// A deployment that did not reach what was wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DeployFailure {
    /// Set when nothing failed but the stack is not gone yet: look again after this long, without a fuss.
    pub revisit: Option<Duration>,
    /// What failed, in the order of the plan. Empty if `revisit` is set.
    pub failures: Vec<StepFailure>,
    /// What is there nevertheless.
    pub deployed: Deployed,
}

impl DeployFailure {
    /// AWS could not be asked what is there.
    pub fn of_cloud(error: CloudError) -> Self {
        Self::before_any_step(error.operation().to_owned(), error.into())
    }

    /// What is there cannot be compared.
    pub fn of_diff(error: DiffError) -> Self {
        let DiffError::Untagged { resource, .. } = &error;
        Self::before_any_step(resource.clone(), error.into())
    }

    /// The stack could not be taken from the deployed state.
    pub fn of_state_store(error: StateStoreError) -> Self {
        Self::before_any_step("deployed state".to_owned(), error.into())
    }

    /// AWS refused a step.
    pub fn of_step(step: &Step, error: CloudError) -> Self {
        Self { revisit: None, failures: vec![StepFailure::of(step, error)], deployed: Deployed::default() }
    }

    /// A TargetGroupBinding could not be written.
    pub fn of_store(error: StoreError) -> Self {
        Self::before_any_step("TargetGroupBinding".to_owned(), error.into())
    }

    /// Whether AWS was asked about something that does not exist, or what exists cannot be told apart.
    pub(super) fn is_about_what_is_gone(&self) -> bool {
        self.failures.iter().any(|failure| match &failure.cause {
            Cause::Cloud(error) => error
                .code()
                .is_some_and(|code| code.ends_with("NotFound") || code.ends_with("NotFoundException")),
            Cause::Diff(_) => true,
            _ => false,
        })
    }

    /// Reads do not show yet what they should: look again after this long.
    pub fn later(after: Duration, deployed: Deployed) -> Self {
        Self { revisit: Some(after), failures: Vec::new(), deployed }
    }

    fn before_any_step(resource: String, cause: Cause) -> Self {
        let failures = vec![StepFailure::of_cause(resource, cause)];
        Self { revisit: None, failures, deployed: Deployed::default() }
    }

    /// Whether all that failed is what AWS refused for good.
    pub fn is_permanent(&self) -> bool {
        let is_refused =
            |step: &StepFailure| step.refusal().is_some() || step.class() == FailureClass::UserMustAct;
        !self.failures.is_empty() && self.failures.iter().all(is_refused)
    }

    /// The kind of its first failure.
    pub fn class(&self) -> FailureClass {
        self.failures.first().map_or(FailureClass::Retry, StepFailure::class)
    }

    /// The stage of its first failure, as upstream's metrics label it.
    pub fn stage(&self) -> Option<Stage> {
        self.failures.first().and_then(|failure| failure.stage)
    }
}

impl fmt::Display for DeployFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.failures.is_empty() {
            return f.write_str("not everything is gone yet");
        }
        for (place, failure) in self.failures.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{failure}")?;
        }
        Ok(())
    }
}

/// Error codes that somebody has to do something about, as endings and beginnings of AWS's code families.
const USER_MUST_ACT: [&str; 16] = [
    "AccessDenied",
    "UnauthorizedOperation",
    "ValidationError",
    "ValidationException",
    "LimitExceededException",
    "Invalid",
    "Incompatible",
    "Unsupported",
    "TooMany",
    "Duplicate",
    "OperationNotPermitted",
    "AllocationIdNotFound",
    "CertificateNotFound",
    "SSLPolicyNotFound",
    "TrustStoreNotFound",
    "SubnetNotFound",
];

fn class_of(error: &CloudError) -> FailureClass {
    match error {
        CloudError::Fenced { .. } => FailureClass::NotLeader,
        CloudError::Unresolved { .. } => FailureClass::Bug,
        CloudError::Unreachable { .. } | CloudError::Malformed { .. } => FailureClass::Retry,
        CloudError::Service { code, .. } => {
            let is_known = USER_MUST_ACT.iter().any(|family| code.starts_with(family));
            if is_known && !error.is_throttled() { FailureClass::UserMustAct } else { FailureClass::Retry }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_rules_says_which_and_of_which_listener() {
        let rule = ResourceAddress::Rule { listener: "443".into(), priority: 12 };
        let cases = [
            (rule, "rule 12 of listener 443"),
            (ResourceAddress::RulesOf("443".into()), "rules of listener 443"),
        ];
        for (resource, told) in cases {
            let failure = StepFailure::of_cause("", Cause::QuotaExceeded(Quota::Listeners));
            let failure = StepFailure { stage: Some(Stage::Rules), resource, ..failure };
            assert_eq!(failure.place(), told);
        }
    }

    #[test]
    fn a_failure_says_what_it_was_about() {
        let cases = [
            (Some(Stage::LoadBalancers), "LoadBalancer", "load balancer"),
            (Some(Stage::LoadBalancers), "FrontendNlb", "load balancer FrontendNlb"),
            (Some(Stage::TargetGroups), "shop/web:80", "target group shop/web:80"),
            (Some(Stage::Listeners), "443", "listener 443"),
            (
                Some(Stage::Rules),
                "arn:aws:x:listener-rule/app/web/1/2/3",
                "rule arn:aws:x:listener-rule/app/web/1/2/3",
            ),
            (Some(Stage::Wafv2), "LoadBalancer", "web ACL of the load balancer"),
            (None, "DescribeRules", "DescribeRules"),
        ];
        for (stage, resource, told) in cases {
            let cause = Cause::QuotaExceeded(Quota::Listeners);
            let failure = StepFailure { stage, ..StepFailure::of_cause(resource, cause) };
            assert_eq!(failure.place(), told);
            assert!(failure.to_string().starts_with(&format!("{told}: quota of")), "{failure}");
            let of_values = StepFailure { values: vec!["a".to_owned(), "b".to_owned()], ..failure };
            assert_eq!(of_values.place(), format!("a, b of {told}"));
        }
    }
}
