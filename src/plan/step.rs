//! One step of a plan.

use crate::api::{ObjectKey, TargetGroupBinding};
use crate::aws_api::{Request, Symbol};
use crate::model::{Binding, ResourceAddress};
use std::collections::BTreeMap;
use std::time::Duration;

/// A step's place in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// The kind of resource a step is about; upstream's deployment steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Managed security groups and their rules.
    SecurityGroups,
    /// Certificates that ACM is asked for, and the records that validate their names.
    Certificates,
    /// ALBs as targets of a frontend NLB.
    AlbTargets,
    /// Target groups and their attributes.
    TargetGroups,
    /// Load balancers and their attributes.
    LoadBalancers,
    /// Listeners, their attributes and certificates.
    Listeners,
    /// Rules of listeners, and their order.
    Rules,
    /// TargetGroupBindings in the cluster.
    Bindings,
    /// The WAFv2 web ACL of an ALB.
    Wafv2,
    /// WAF Classic association.
    WafRegional,
    /// The Shield protection of an ALB.
    Shield,
}

impl Stage {
    /// Upstream's name of the step, as its metrics label it.
    pub fn label(self) -> &'static str {
        match self {
            Self::SecurityGroups => "*ec2.securityGroupSynthesizer",
            Self::Certificates => "*acm.certificateSynthesizer",
            Self::AlbTargets => "*elbv2.frontendNlbTargetSynthesizer",
            Self::TargetGroups => "*elbv2.targetGroupSynthesizer",
            Self::LoadBalancers => "*elbv2.loadBalancerSynthesizer",
            Self::Listeners => "*elbv2.listenerSynthesizer",
            Self::Rules => "*elbv2.listenerRuleSynthesizer",
            Self::Bindings => "*elbv2.targetGroupBindingSynthesizer",
            Self::Wafv2 => "*wafv2.webACLAssociationSynthesizer",
            Self::WafRegional => "*wafregional.webACLAssociationSynthesizer",
            Self::Shield => "*shield.protectionSynthesizer",
        }
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A call that changes AWS.
    Aws(Box<Request>),
    /// Creates a TargetGroupBinding.
    CreateBinding(Box<BindingWrite>),
    /// Makes an existing TargetGroupBinding as wanted.
    PatchBinding {
        /// The binding as it is wanted.
        write: Box<BindingWrite>,
        /// As it is.
        observed: Box<TargetGroupBinding>,
    },
    /// Deletes a TargetGroupBinding.
    DeleteBinding(LeavingBinding),
    /// Gives the binding's controller a moment to act on the latest spec. Never fails.
    AwaitBindingObserved(ObjectKey),
    /// Waits until a deleted TargetGroupBinding is gone.
    AwaitBindingGone(LeavingBinding),
    /// Waits until nothing uses a certificate, by its ARN, so that its records may go before it does.
    AwaitCertificateFree(String),
}

/// A TargetGroupBinding that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingBinding {
    /// Namespace and name.
    pub key: ObjectKey,
    /// ARN of its target group, if that goes, too, and no load balancer uses it by then: its targets stay in it.
    pub target_group: Option<String>,
}

/// A TargetGroupBinding to write, with references not resolved yet.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingWrite {
    /// What it shall be.
    pub binding: Binding,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
}

impl BindingWrite {
    /// A binding of a stack with these labels.
    pub fn new(binding: Binding, of_stack: &BTreeMap<String, String>) -> Self {
        let mut labels = binding.labels.clone();
        labels.extend(of_stack.iter().map(|(key, value)| (key.clone(), value.clone())));
        Self { binding, labels }
    }

    /// Namespace and name.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::namespaced(self.binding.namespace.as_str(), self.binding.name.as_str())
    }
}

/// What a step's failure means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The deployment failed.
    #[default]
    Fail,
    /// Too early: try again later, without a fuss.
    Requeue(Duration),
}

/// One step towards what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What kind of resource it is about.
    pub stage: Stage,
    /// The resource that it changes.
    pub resource: ResourceAddress,
    /// What it does.
    pub op: Op,
    /// The symbols that its answer gives an id to.
    pub binds: Vec<Symbol>,
    /// Steps that must have succeeded before.
    pub after: Vec<StepId>,
    /// Why it is needed: a few words, lower case.
    pub why: String,
    /// What its failure means.
    pub on_failure: OnFailure,
}

impl Step {
    /// A step that depends on nothing but the references in it.
    pub fn new(stage: Stage, resource: impl Into<ResourceAddress>, op: Op, why: impl Into<String>) -> Self {
        Self {
            stage,
            resource: resource.into(),
            op,
            binds: Vec::new(),
            after: Vec::new(),
            why: why.into(),
            on_failure: OnFailure::Fail,
        }
    }

    /// A step that calls AWS.
    pub fn aws(
        stage: Stage,
        resource: impl Into<ResourceAddress>,
        request: impl Into<Request>,
        why: impl Into<String>,
    ) -> Self {
        Self::new(stage, resource, Op::Aws(Box::new(request.into())), why)
    }

    /// Says which symbols the answer gives an id to.
    #[must_use]
    pub fn binding(mut self, symbols: impl IntoIterator<Item = Symbol>) -> Self {
        self.binds.extend(symbols);
        self
    }

    /// Says what must have succeeded before.
    #[must_use]
    pub fn after(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        self.after.extend(steps);
        self.after.sort_unstable();
        self.after.dedup();
        self
    }

    /// Says that a failure only means that it is too early.
    #[must_use]
    pub fn or_revisit(mut self, after: Duration) -> Self {
        self.on_failure = OnFailure::Requeue(after);
        self
    }
}
