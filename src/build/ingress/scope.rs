//! What the parts of the build share: the members with their annotations, and the ledger of what is wrong with them.

use super::doubt::Doubt;
use crate::annotations::ingress::{Fault, of};
use crate::annotations::table::oversized;
use crate::annotations::{ALB_PREFIX, Annotations};
use crate::api::ingress_class_params::IngressClassParamsSpec;
use crate::api::{ObjectKey, Service};
use crate::build::Origin;
use crate::config::Config;
use crate::finding::{Finding, ObjectRef, Part};
use crate::inputs::group::{IngressGroup, Member, Refusal, service_references};
use crate::inputs::{ExistingLoadBalancer, Facts, Halt};
use crate::model::StackId;
use k8s_openapi::api::networking::v1::IngressSpec;
use std::collections::{BTreeMap, BTreeSet};

/// Resource id of the ALB.
pub(super) const LOAD_BALANCER_ID: &str = "LoadBalancer";
/// Resource id of the NLB in front of it.
pub(super) const FRONTEND_NLB_ID: &str = "FrontendNlb";

/// What one build looks at.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    pub stack: &'a StackId,
    /// Members in group order; a member is named by its place here.
    pub members: Vec<MemberView<'a>>,
    pub facts: &'a Facts,
    pub config: &'a Config,
}

/// An active member, as the build reads it.
#[derive(Clone, Debug)]
pub(super) struct MemberView<'a> {
    pub index: usize,
    pub key: &'a ObjectKey,
    pub object: ObjectRef,
    pub annotations: Annotations<'a>,
    pub spec: Option<&'a IngressSpec>,
    pub params: Option<&'a IngressClassParamsSpec>,
    /// Name of the parameters of its class.
    pub class: Option<&'a str>,
    pub defect: Option<&'a Finding>,
    pub refusal: Option<&'a Refusal>,
    /// Services that its backends forward to.
    pub services: BTreeSet<String>,
    pub raw_annotations: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Scope<'a> {
    pub fn new(group: &'a IngressGroup, facts: &'a Facts, config: &'a Config) -> Self {
        let members = group.members.iter().enumerate().map(|(index, member)| MemberView::new(index, member));
        Self { stack: &group.id, members: members.collect(), facts, config }
    }

    /// The group's ALB, if there is one.
    pub fn live_load_balancer(&self) -> Result<Option<&'a ExistingLoadBalancer>, Halt> {
        let existing = self.facts.existing_load_balancers(self.stack)??;
        Ok(existing.iter().find(|found| found.resource_id.as_deref() == Some(LOAD_BALANCER_ID)))
    }

    /// The NLB in front of the group's ALB, if there is one.
    pub fn live_frontend_nlb(&self) -> Result<Option<&'a ExistingLoadBalancer>, Halt> {
        let existing = self.facts.existing_load_balancers(self.stack)??;
        Ok(existing.iter().find(|found| found.resource_id.as_deref() == Some(FRONTEND_NLB_ID)))
    }

    /// Members whose class is known, so that they have a say in the settings of the group.
    pub fn settlers(&self) -> impl Iterator<Item = &MemberView<'a>> {
        self.members.iter().filter(|member| member.defect.is_none())
    }

    /// Whether AWS has just refused what a member wants.
    pub fn is_refused(&self, member: usize) -> bool {
        self.members.get(member).is_some_and(|member| member.refusal.is_some())
    }

    /// Whether some member's say is not known.
    pub fn has_misplaced(&self) -> bool {
        self.members.iter().any(|member| member.defect.is_some())
    }
}

impl<'a> MemberView<'a> {
    fn new(index: usize, member: &'a Member) -> Self {
        let annotations = member.ingress.metadata.annotations.as_ref();
        Self {
            index,
            key: &member.key,
            object: member.object(),
            annotations: of(annotations),
            spec: member.ingress.spec.as_ref(),
            params: member.params.as_ref().map(|params| &params.spec),
            class: member.params.as_ref().and_then(|params| params.metadata.name.as_deref()),
            defect: member.defect.as_ref(),
            refusal: member.refusal.as_ref(),
            services: service_references(&member.ingress),
            raw_annotations: annotations,
        }
    }

    /// Refuses annotations that are too long for AWS whatever they say.
    pub fn check_lengths(&self) -> Result<(), Halt> {
        match oversized(ALB_PREFIX, self.raw_annotations) {
            Some((key, problem)) => Err(self.blame(Fault::new(key, problem)).into()),
            None => Ok(()),
        }
    }

    pub fn namespace(&self) -> &'a str {
        self.key.namespace()
    }

    /// Where an annotation of the Ingress stands.
    pub fn origin(&self, suffix: &str) -> Origin {
        Origin::field(&self.object, self.annotations.key(suffix))
    }

    /// Where a field of the class's parameters stands.
    pub fn params_origin(&self, field: &str) -> Origin {
        Origin::field(&self.object, format!("IngressClassParams spec.{field}"))
    }

    /// A fault of one of its annotations.
    pub fn blame(&self, fault: impl Into<Fault>) -> Finding {
        found_on(fault.into(), &self.object)
    }

    /// Its annotations overlaid by those of a Service behind it.
    pub fn with_service(&self, service: &'a Service) -> Overlay<'a> {
        let upper = service.metadata.annotations.as_ref();
        let key = ObjectKey::of(service);
        Overlay {
            annotations: of(self.raw_annotations).overlaid_by(upper),
            ingress: self.object.clone(),
            service: ObjectRef {
                kind: "Service",
                namespace: key.namespace().to_owned(),
                name: key.name().to_owned(),
            },
            upper,
        }
    }
}

/// An Ingress's annotations under those of a Service.
#[derive(Clone, Debug)]
pub(super) struct Overlay<'a> {
    pub annotations: Annotations<'a>,
    ingress: ObjectRef,
    service: ObjectRef,
    upper: Option<&'a BTreeMap<String, String>>,
}

impl Overlay<'_> {
    /// Refuses annotations of the Service that are too long for AWS whatever they say.
    pub fn check_lengths(&self) -> Result<(), Halt> {
        match oversized(ALB_PREFIX, self.upper) {
            Some((key, problem)) => Err(self.blame(Fault::new(key, problem)).into()),
            None => Ok(()),
        }
    }

    /// A fault of one of the annotations: the Service's, if it carries the key, else the Ingress's.
    pub fn blame(&self, fault: impl Into<Fault>) -> Finding {
        let fault = fault.into();
        let on_service = self.upper.is_some_and(|annotations| annotations.contains_key(&fault.key));
        found_on(fault, if on_service { &self.service } else { &self.ingress })
    }

    /// A value outside of the allowed ones.
    pub fn refuse(&self, suffix: &str, allowed: &[&str]) -> Finding {
        let value = self.annotations.string(suffix).unwrap_or_default();
        self.blame(self.annotations.error(suffix, format!("one of {}", allowed.join(", "))))
            .suggest(value, allowed.iter().copied())
    }

    /// The Service as findings name it.
    pub fn service(&self) -> &ObjectRef {
        &self.service
    }
}

fn found_on(fault: Fault, object: &ObjectRef) -> Finding {
    let finding = Finding::error(object, fault.problem).at(fault.key);
    match fault.hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// Why a port that would be there is not: what AWS refuses of the member that brings it, to be put behind what follows from it.
pub(super) fn refusal_behind(scope: &Scope<'_>, lost: &BTreeMap<i32, usize>, port: i32) -> Option<String> {
    let member = scope.members.get(*lost.get(&port)?)?;
    let refusal = &member.refusal?.finding.message;
    Some(format!(", because AWS refuses what Ingress {} wants: {refusal}", member.key))
}

/// A value outside of the allowed ones.
pub(super) fn refuse(origin: &Origin, value: &str, allowed: &[&str]) -> Finding {
    origin
        .error(format!("{value:?} is not allowed, expected one of {}", allowed.join(", ")))
        .suggest(value, allowed.iter().copied())
}

/// What is wrong, member by member.
///
/// In a group of one the first mistake ends the build, as upstream does. In a larger one mistakes are written down and the
/// build goes on without what they touch.
#[derive(Debug)]
pub(super) struct Ledger {
    lenient: bool,
    findings: BTreeMap<usize, Vec<Finding>>,
    doubts: BTreeMap<usize, BTreeSet<Doubt>>,
    broken: BTreeSet<usize>,
    /// What is being built.
    part: Part,
    /// Whether a look-up failed.
    has_failed_lookup: bool,
}

impl Ledger {
    pub fn new(lenient: bool) -> Self {
        let (findings, doubts) = (BTreeMap::new(), BTreeMap::new());
        Self {
            lenient,
            findings,
            doubts,
            broken: BTreeSet::new(),
            part: Part::Listener,
            has_failed_lookup: false,
        }
    }

    /// Whether the build goes on after a mistake.
    pub fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// Says what is being built from now on, so that mistakes are told apart.
    pub fn begin(&mut self, part: Part) {
        self.part = part;
    }

    /// What is being built.
    pub fn part(&self) -> Part {
        self.part
    }

    /// A setting of a member is not used.
    pub fn tell(&mut self, member: usize, finding: Finding) -> Result<(), Halt> {
        let finding = finding.within(self.part);
        if !self.lenient {
            return Err(finding.into());
        }
        let findings = self.findings.entry(member).or_default();
        if !findings.contains(&finding) {
            findings.push(finding);
        }
        Ok(())
    }

    /// A member cannot be built and keeps what it has.
    pub fn give_up(&mut self, member: usize, finding: Finding) -> Result<(), Halt> {
        self.tell(member, finding)?;
        self.broken.insert(member);
        Ok(())
    }

    /// Splits a result: a value, or a mistake of the member, or a question that nobody answered yet.
    pub fn attempt<T>(
        &mut self,
        member: &MemberView<'_>,
        result: Result<T, Halt>,
    ) -> Result<Option<T>, Halt> {
        match self.judge(member, result)? {
            Ok(value) => Ok(Some(value)),
            Err(finding) => {
                self.give_up(member.index, finding)?;
                Ok(None)
            }
        }
    }

    /// Like [`Self::attempt`], but a mistake costs the member only this setting.
    pub fn attempt_setting<T>(
        &mut self,
        member: &MemberView<'_>,
        result: Result<T, Halt>,
    ) -> Result<Option<T>, Halt> {
        match self.judge(member, result)? {
            Ok(value) => Ok(Some(value)),
            Err(finding) => {
                self.tell(member.index, finding)?;
                Ok(None)
            }
        }
    }

    /// Whether a look-up failed, so that the same build may come further when it is tried again.
    pub fn has_failed_lookup(&self) -> bool {
        self.has_failed_lookup
    }

    fn judge<T>(
        &mut self,
        member: &MemberView<'_>,
        result: Result<T, Halt>,
    ) -> Result<Result<T, Finding>, Halt> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(Halt::Finding(finding)) => Ok(Err(*finding)),
            Err(Halt::Unanswered(failure)) if self.lenient => {
                self.has_failed_lookup = true;
                Ok(Err(Finding { part: failure.part, ..Finding::error(&member.object, failure.message) }))
            }
            Err(halt) => Err(halt),
        }
    }

    pub fn is_broken(&self, member: usize) -> bool {
        self.broken.contains(&member)
    }

    pub fn broken(&self) -> impl Iterator<Item = usize> {
        self.broken.iter().copied()
    }

    pub fn has_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Something is built of a member that it likely does not mean.
    pub fn doubt(&mut self, member: usize, doubt: Doubt) {
        self.doubts.entry(member).or_default().insert(doubt);
    }

    pub fn take_doubts(&mut self, member: usize) -> Vec<Doubt> {
        self.doubts.remove(&member).into_iter().flatten().collect()
    }

    pub fn take_findings(&mut self, member: usize) -> Vec<Finding> {
        self.findings.remove(&member).unwrap_or_default()
    }
}
