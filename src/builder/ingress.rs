//! The ALB of an Ingress group, and the NLB in front of it (upstream's `pkg/ingress`).
//!
//! Deletion protection delays the deletion of the load balancer, not that of a single member.

mod outcome;

pub use outcome::{MemberOutcome, MemberState};

use super::alb::{AlbBuilder, AlbOutcome, Attribution, RetainedState};
use crate::api::ObjectKey;
use crate::config::Config;
use crate::facts::group::IngressGroup;
use crate::facts::{BuildError, Facts, LiveStack};
use crate::finding::Finding;
use crate::model::Stack;
use crate::settings::alb::Contributor;
use crate::settings::ingress::{GroupContext, GroupReader, protection_of, shared_settings};
use crate::settings::{AlbSettings, Diagnostics};
use outcome::outcomes;
use std::collections::{BTreeMap, BTreeSet};

/// What a build of a group yields.
#[derive(Clone, Debug)]
pub struct BuiltGroup {
    /// The desired resources. `None`: they are not known, so everything stays as it is (see [`Self::releases`] for members that
    /// leave).
    pub stack: Option<Stack>,
    /// What became of each active member, in group order.
    pub members: Vec<MemberOutcome>,
    /// Departed members that must keep the group's finalizer for now, and why.
    pub held: Vec<(ObjectKey, Finding)>,
    /// Listener ports of the ALB, ascending.
    pub listener_ports: Vec<i32>,
    /// Secrets that were read; changes of them concern the group.
    pub secrets: BTreeSet<ObjectKey>,
    /// Whether the stack needs the shared backend security group.
    pub uses_backend_security_group: bool,
    /// Whose the parts of the stack are.
    pub attribution: Attribution,
    /// Whether a look-up failed, so that the same build may come further when it is tried again.
    pub has_failed_lookup: bool,
}

/// Builds a group.
///
/// Errors: only [`BuildError::MissingFacts`]; every other failure is told by the members' outcomes.
pub fn build(group: &IngressGroup, facts: &Facts, config: &Config) -> Result<BuiltGroup, BuildError> {
    let held = protected_departed(group);
    if group.members.is_empty() {
        // why: with protection on, the load balancer must not be deleted; departed members without it may be released before
        let stack = held.is_empty().then(|| Stack::empty(group.id.clone()));
        return Ok(BuiltGroup { held, ..BuiltGroup::of(stack) });
    }
    let lenient = group.members.len() + group.departing.len() > 1;
    let context = GroupContext::new(group, facts, config);
    let objects = context.members.iter().map(|member| member.object.clone()).collect();
    let mut diagnostics = Diagnostics::new(objects, lenient);
    let result =
        build_stack(&context, &mut diagnostics).map_err(|build_error| build_error.within(diagnostics.part()));
    let has_failed_lookup =
        diagnostics.has_failed_lookup() || matches!(result, Err(BuildError::LookupFailed(_)));
    let (built, blocker) = match result {
        Ok(built) => (built.unwrap_or_else(|| BuiltGroup::of(None)), None),
        Err(build_error @ BuildError::MissingFacts(_)) => return Err(build_error),
        Err(BuildError::Invalid(finding)) => (BuiltGroup::of(None), Some(*finding)),
        Err(BuildError::LookupFailed(failure)) => {
            let object = context.members.first().map(|member| member.object.clone()).unwrap_or_default();
            let finding = Finding { part: failure.part, ..Finding::error(&object, failure.message) };
            (BuiltGroup::of(None), Some(finding))
        }
    };
    let members = outcomes(&context, &mut diagnostics, blocker.as_ref());
    Ok(BuiltGroup { members, has_failed_lookup, ..built })
}

impl BuiltGroup {
    fn of(stack: Option<Stack>) -> Self {
        Self {
            stack,
            members: Vec::new(),
            held: Vec::new(),
            listener_ports: Vec::new(),
            secrets: BTreeSet::new(),
            uses_backend_security_group: false,
            attribution: Attribution::default(),
            has_failed_lookup: false,
        }
    }

    /// Whether a departed member may lose the group's finalizer once the stack (if there is one) is deployed.
    pub fn releases(&self, departed: &ObjectKey) -> bool {
        let held = self.held.iter().any(|(key, _)| key == departed);
        !held && (self.stack.is_some() || self.members.is_empty())
    }

    /// The members of which AWS refused something.
    pub fn refused(&self) -> Vec<&ObjectKey> {
        let refused = self.members.iter().filter(|member| member.state == MemberState::Refused);
        refused.map(|member| &member.key).collect()
    }

    /// Notes that AWS refuses settings of members whose other settings it takes.
    pub fn note_partly_refused(&mut self, refused: &BTreeMap<ObjectKey, Vec<Finding>>) {
        for member in &mut self.members {
            let Some(findings) = refused.get(&member.key) else { continue };
            member.findings.extend(findings.iter().cloned());
            if member.state.is_served() {
                member.state = MemberState::PartlyRefused;
            }
        }
    }

    /// Whether every member that is not built is too costly.
    pub fn lacks_only_too_costly(&self) -> bool {
        let mut others = self.members.iter().filter(|member| member.state != MemberState::Built);
        !self.is_whole()
            && self.held.is_empty()
            && others.all(|member| member.state == MemberState::TooCostly)
    }

    /// Whether every member is built and nobody is held.
    pub fn is_whole(&self) -> bool {
        self.held.is_empty() && self.members.iter().all(|member| member.state == MemberState::Built)
    }
}

/// `None`: nothing can be built of the group, and there is nothing in AWS.
fn build_stack(
    context: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<BuiltGroup>, BuildError> {
    let contributors: Vec<&dyn Contributor> = context.members.iter().map(|member| member as _).collect();
    let mut reader = GroupReader::new(context, diagnostics);
    let mut listeners = reader.listeners()?;
    let excluded = reader.excluded().clone();
    if !excluded.is_empty() {
        let live: &LiveStack = context.facts.live_stack(context.stack)??;
        let retained = RetainedState::new(context.stack, &contributors, live, excluded);
        retained.retain_listeners(&mut listeners);
    }
    let mut settings = reader.read(listeners)?;
    let listener_ports = settings.listeners.keys().copied().collect();
    let secrets = take_secrets(&mut settings);
    let mut stack = Stack::empty(context.stack.clone());
    let shared = shared_settings(context);
    let builder =
        AlbBuilder::new(settings, shared, &contributors, diagnostics, context.facts, context.config);
    let Some(outcome) = builder.add_to(&mut stack)? else { return Ok(None) };
    let AlbOutcome { attribution, uses_backend_group } = outcome;
    Ok(Some(BuiltGroup {
        listener_ports,
        secrets,
        uses_backend_security_group: uses_backend_group,
        attribution,
        ..BuiltGroup::of(Some(stack))
    }))
}

fn take_secrets(settings: &mut AlbSettings<'_>) -> BTreeSet<ObjectKey> {
    let all = settings.contributions.values_mut();
    all.flat_map(|member_listeners| std::mem::take(&mut member_listeners.secrets)).collect()
}

/// Deleted Ingresses whose annotation protects the load balancer that would be deleted with them.
fn protected_departed(group: &IngressGroup) -> Vec<(ObjectKey, Finding)> {
    if !group.members.is_empty() {
        return Vec::new();
    }
    let departed = group
        .departing
        .iter()
        .filter(|departing_ingress| departing_ingress.metadata.deletion_timestamp.is_some());
    departed
        .filter_map(|departing_ingress| {
            Some((ObjectKey::of(departing_ingress.as_ref()), protection_of(departing_ingress)?))
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
