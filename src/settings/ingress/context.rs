//! The members of a group with their annotations, and everything that may be looked at.

use super::paths::asks_for;
use crate::annotations::ingress::{InvalidAnnotation, of};
use crate::annotations::table::{oversized, refusal_of};
use crate::annotations::value::ValueFinding;
use crate::annotations::{ALB_PREFIX, Annotations};
use crate::api::ingress_class_params::IngressClassParamsSpec;
use crate::api::{ObjectKey, Service};
use crate::aws_api::elbv2::RuleCondition;
use crate::config::Config;
use crate::facts::group::{AwsRefusal, IngressGroup, Member, service_references};
use crate::facts::{BuildError, ExistingLoadBalancer, Facts};
use crate::finding::{Finding, ObjectRef};
use crate::model::{LOAD_BALANCER_ID, StackId};
use crate::settings::Origin;
use crate::settings::alb::Contributor;
use k8s_openapi::api::networking::v1::IngressSpec;
use std::collections::{BTreeMap, BTreeSet};

/// Resource id of the NLB in front of the ALB.
pub const FRONTEND_NLB_ID: &str = "FrontendNlb";

/// The group whose settings are read.
#[derive(Clone, Debug)]
pub(crate) struct GroupContext<'a> {
    pub stack: &'a StackId,
    /// Members in group order; a member is named by its place here.
    pub members: Vec<MemberView<'a>>,
    pub facts: &'a Facts,
    pub config: &'a Config,
}

/// An active member.
#[derive(Clone, Debug)]
pub(crate) struct MemberView<'a> {
    pub index: usize,
    pub key: &'a ObjectKey,
    pub object: ObjectRef,
    pub annotations: Annotations<'a>,
    pub spec: Option<&'a IngressSpec>,
    pub params: Option<&'a IngressClassParamsSpec>,
    /// Name of the parameters of its class.
    pub class: Option<&'a str>,
    pub defect: Option<&'a Finding>,
    pub refusal: Option<&'a AwsRefusal>,
    /// Services that its backends forward to.
    pub services: BTreeSet<String>,
    pub raw_annotations: Option<&'a BTreeMap<String, String>>,
}

impl<'a> GroupContext<'a> {
    pub fn new(group: &'a IngressGroup, facts: &'a Facts, config: &'a Config) -> Self {
        let members = group.members.iter().enumerate().map(|(index, member)| MemberView::new(index, member));
        Self { stack: &group.id, members: members.collect(), facts, config }
    }

    /// The group's ALB, if there is one.
    pub fn live_load_balancer(&self) -> Result<Option<&'a ExistingLoadBalancer>, BuildError> {
        let existing = self.facts.existing_load_balancers(self.stack)??;
        Ok(existing.iter().find(|found| found.resource_id.as_deref() == Some(LOAD_BALANCER_ID)))
    }

    /// The NLB in front of the group's ALB, if there is one.
    pub fn live_frontend_nlb(&self) -> Result<Option<&'a ExistingLoadBalancer>, BuildError> {
        let existing = self.facts.existing_load_balancers(self.stack)??;
        Ok(existing.iter().find(|found| found.resource_id.as_deref() == Some(FRONTEND_NLB_ID)))
    }

    /// Members whose class is known, so that they have a say in the settings of the group.
    pub fn members_with_settings(&self) -> impl Iterator<Item = &MemberView<'a>> {
        self.members.iter().filter(|member| member.defect.is_none())
    }

    /// Whether AWS has just refused what a member wants.
    pub fn is_refused(&self, member: usize) -> bool {
        self.members.get(member).is_some_and(|member| member.refusal.is_some())
    }

    /// Whether some member's say is not known.
    pub fn has_unplaceable(&self) -> bool {
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
    pub fn check_lengths(&self) -> Result<(), BuildError> {
        match oversized(ALB_PREFIX, self.raw_annotations) {
            Some((key, problem)) => Err(self.blame(InvalidAnnotation::new(key, problem)).into()),
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
    pub fn blame(&self, fault: impl Into<InvalidAnnotation>) -> Finding {
        found_on(fault.into(), &self.object, self.raw_annotations)
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
            lower: self.raw_annotations,
        }
    }
}

impl Contributor for MemberView<'_> {
    fn key(&self) -> &ObjectKey {
        self.key
    }

    fn object(&self) -> &ObjectRef {
        &self.object
    }

    fn refusal(&self) -> Option<&AwsRefusal> {
        self.refusal
    }

    fn service_of_target_group<'i>(&self, id: &'i str) -> Option<&'i str> {
        let rest = id.strip_prefix(&format!("{}-", self.key))?;
        rest.rsplit_once(':').map(|(service, _)| service)
    }

    fn refers_to(&self, service: &str) -> bool {
        self.services.contains(service)
    }

    fn has_default_actions(&self) -> bool {
        self.spec.is_some_and(|spec| spec.default_backend.is_some())
    }

    fn asks_for(&self, conditions: &[RuleCondition]) -> bool {
        asks_for(self.spec, &self.annotations, conditions)
    }
}

/// An Ingress's annotations under those of a Service.
#[derive(Clone, Debug)]
pub(crate) struct Overlay<'a> {
    pub annotations: Annotations<'a>,
    ingress: ObjectRef,
    service: ObjectRef,
    upper: Option<&'a BTreeMap<String, String>>,
    lower: Option<&'a BTreeMap<String, String>>,
}

impl Overlay<'_> {
    /// Refuses annotations of the Service that are too long for AWS whatever they say.
    pub fn check_lengths(&self) -> Result<(), BuildError> {
        match oversized(ALB_PREFIX, self.upper) {
            Some((key, problem)) => Err(self.blame(InvalidAnnotation::new(key, problem)).into()),
            None => Ok(()),
        }
    }

    /// A fault of one of the annotations: the Service's, if it carries the key, else the Ingress's.
    pub fn blame(&self, fault: impl Into<InvalidAnnotation>) -> Finding {
        let fault = fault.into();
        match self.upper.filter(|annotations| annotations.contains_key(&fault.key)) {
            Some(upper) => found_on(fault, &self.service, Some(upper)),
            None => found_on(fault, &self.ingress, self.lower),
        }
    }

    /// Where an annotation stands: at the Service, if it carries the key, else at the Ingress.
    pub fn origin(&self, suffix: &str) -> Origin {
        let key = self.annotations.key(suffix);
        let on_service = self.upper.is_some_and(|annotations| annotations.contains_key(&key));
        Origin::field(if on_service { &self.service } else { &self.ingress }, key)
    }

    /// The error for a value outside of the allowed ones.
    pub fn not_one_of(&self, suffix: &str, allowed: &[&str]) -> Finding {
        self.origin(suffix).not_one_of(self.annotations.string(suffix).unwrap_or_default(), allowed)
    }

    /// The Service as findings name it.
    pub fn service(&self) -> &ObjectRef {
        &self.service
    }
}

/// A fault of an annotation, in the words of admission if that refuses the value, too.
fn found_on(
    fault: InvalidAnnotation,
    object: &ObjectRef,
    annotations: Option<&BTreeMap<String, String>>,
) -> Finding {
    let InvalidAnnotation { key, problem, hint } = fault;
    let value = annotations.and_then(|annotations| annotations.get(&key));
    let (problem, hint) = match value.and_then(|value| refusal_of(&key, value)) {
        Some(ValueFinding { severity: _, problem, hint }) => (problem, hint),
        None => (problem, hint),
    };
    let finding = Finding::error(object, problem).at(key);
    match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// Why a port that would be there is not: what AWS refuses of the member that brings it, to be put behind what follows from it.
pub(super) fn refusal_behind(
    group: &GroupContext<'_>,
    lost: &BTreeMap<i32, usize>,
    port: i32,
) -> Option<String> {
    let member = group.members.get(*lost.get(&port)?)?;
    let refusal = &member.refusal?.finding.message;
    Some(format!(", because AWS refuses what Ingress {} wants: {refusal}", member.key))
}
