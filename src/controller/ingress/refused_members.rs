//! What AWS has refused of the members of groups, so that trying again disturbs nobody.
//!
//! As long as a member wants the same, its group is built without it, and what was refused is tried alone, ever more rarely.
//! Lost with the process: after a restart all of it is tried once.

use crate::api::ObjectKey;
use crate::builder::ingress::{BuiltGroup, MemberOutcome};
use crate::controller::queue::MAX_DELAY;
use crate::deploy::StepFailure;
use crate::facts::group::{AwsRefusal, IngressGroup};
use crate::model::{ResourceAddress, StackId};
use crate::plan::{Digest, Stage, Step, StepId};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// First pause before what was refused is tried again; the queue's for mistakes.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// What AWS refused of each member.
pub(super) type RefusedByMember = BTreeMap<ObjectKey, (AwsRefusal, BTreeSet<RefusedStep>)>;

/// A step that AWS refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RefusedStep {
    /// The kind of resource.
    pub stage: Stage,
    /// The resource.
    pub resource: ResourceAddress,
    /// What was done.
    pub op: Option<Digest>,
}

impl RefusedStep {
    /// A failure as a step that was refused.
    pub(super) fn of(failure: &StepFailure) -> Option<Self> {
        let StepFailure { stage, resource, op, .. } = failure;
        Some(Self { stage: (*stage)?, resource: resource.clone(), op: *op })
    }
}

/// What AWS has refused, by group and member.
#[derive(Debug, Default)]
pub struct RefusedMembers {
    refused: Mutex<BTreeMap<StackId, BTreeMap<ObjectKey, MemberRefusal>>>,
    /// What members were told of refusals, by group and member.
    told: Mutex<BTreeMap<StackId, BTreeMap<ObjectKey, Digest>>>,
}

/// What AWS has refused of a member.
#[derive(Clone, Debug)]
struct MemberRefusal {
    refusal: AwsRefusal,
    /// What the member wanted.
    wanted: Digest,
    /// The steps that failed.
    steps: BTreeSet<RefusedStep>,
    tries: u32,
    next: Instant,
}

/// Members whose refusals still stand.
#[derive(Clone, Debug, Default)]
pub(super) struct StandingRefusals {
    /// Those that are due to be tried again, with the steps that failed.
    pub due: BTreeMap<ObjectKey, BTreeSet<RefusedStep>>,
}

impl RefusedMembers {
    /// Gives up the members whose refusals stand: they want what they wanted then. Forgets the refusals of the others.
    ///
    /// `built` is the group as it would be if nothing were refused.
    pub(super) fn exclude_standing(
        &self,
        group: &mut Cow<'_, IngressGroup>,
        built: &BuiltGroup,
    ) -> Option<StandingRefusals> {
        let mut groups = self.refused.lock();
        built.stack.as_ref()?;
        let refused = groups.get_mut(&group.id)?;
        refused.retain(|member, refused| wanted(built, member) == Some(refused.wanted));
        let (now, mut standing) = (Instant::now(), StandingRefusals::default());
        for (key, refused) in refused.iter() {
            let member = group.to_mut().members.iter_mut().find(|member| member.key == *key);
            if let Some(member) = member {
                member.refusal = Some(refused.refusal.clone());
            }
            if refused.next <= now {
                standing.due.insert(key.clone(), refused.steps.clone());
            }
        }
        let is_empty = refused.is_empty();
        if is_empty {
            groups.remove(&group.id);
            self.told.lock().remove(&group.id);
        }
        (!is_empty).then_some(standing)
    }

    /// Notes what AWS has refused of members, which wanted it as it was built.
    pub(super) fn note(&self, built: &BuiltGroup, id: &StackId, refused: RefusedByMember) {
        let mut groups = self.refused.lock();
        let group = groups.entry(id.clone()).or_default();
        for (member, (refusal, steps)) in refused {
            let Some(wanted) = wanted(built, &member) else { continue };
            let next = Instant::now() + FIRST_PAUSE;
            group.insert(member, MemberRefusal { refusal, wanted, steps, tries: 0, next });
        }
        self.told.lock().remove(id);
    }

    /// Notes that AWS has refused these members the same again.
    pub(super) fn note_again(&self, id: &StackId, again: BTreeMap<ObjectKey, BTreeSet<RefusedStep>>) {
        let mut groups = self.refused.lock();
        let Some(group) = groups.get_mut(id) else { return };
        for (member, steps) in again {
            if let Some(refused) = group.get_mut(&member) {
                refused.steps = steps;
                refused.tries += 1;
                let pause = FIRST_PAUSE.saturating_mul(1 << refused.tries.min(16)).min(MAX_DELAY);
                refused.next = Instant::now() + pause;
            }
        }
    }

    /// Forgets what AWS refused of members: it takes it now, or it has to be tried in full.
    pub(super) fn remove<'k>(&self, id: &StackId, members: impl Iterator<Item = &'k ObjectKey>) {
        let mut groups = self.refused.lock();
        let Some(group) = groups.get_mut(id) else { return };
        members.for_each(|member| drop(group.remove(member)));
    }

    /// Whether a member has not been told this yet.
    pub(super) fn is_news(&self, id: &StackId, member: &ObjectKey, outcome: &MemberOutcome) -> bool {
        let digest = Digest::of(&outcome.findings);
        let mut told = self.told.lock();
        told.entry(id.clone()).or_default().insert(member.clone(), digest) != Some(digest)
    }

    /// Forgets a group that is gone.
    pub(super) fn remove_group(&self, id: &StackId) {
        self.refused.lock().remove(id);
        self.told.lock().remove(id);
    }
}

/// The steps, of those that would make the group as it would be, that were refused.
pub(super) fn refused_steps(
    built: &BuiltGroup,
    due: &BTreeMap<ObjectKey, BTreeSet<RefusedStep>>,
    steps: &[Step],
) -> BTreeSet<StepId> {
    due.iter().flat_map(|(member, refused)| steps_of(built, member, refused, steps)).collect()
}

/// Those of one member: the very same; else what is done to the same resource; else its rules, which are named by a priority
/// that the rules of others may have moved.
fn steps_of(
    built: &BuiltGroup,
    member: &ObjectKey,
    refused: &BTreeSet<RefusedStep>,
    steps: &[Step],
) -> BTreeSet<StepId> {
    let chosen = |is_chosen: &dyn Fn(&Step) -> bool| {
        let numbered = steps.iter().enumerate().filter(|(_, step)| is_chosen(step));
        numbered.map(|(at, _)| StepId(at)).collect::<BTreeSet<StepId>>()
    };
    let same = chosen(&|step| {
        let op = Digest::of(&step.op);
        refused.iter().any(|refused| refused.op == Some(op))
    });
    if !same.is_empty() {
        return same;
    }
    let alike = chosen(&|step| {
        refused.iter().any(|refused| refused.stage == step.stage && refused.resource == step.resource)
    });
    let has_rule = refused.iter().any(|refused| refused.stage == Stage::Rules);
    if !alike.is_empty() || !has_rule {
        return alike;
    }
    chosen(&|step| step.stage == Stage::Rules && built.attribution.of_rule(&step.resource) == Some(member))
}

/// What a member wants of a group's stack.
fn wanted(built: &BuiltGroup, member: &ObjectKey) -> Option<Digest> {
    let stack = built.stack.as_ref()?;
    let share = built.attribution.share_of(stack, member);
    (!share.is_empty()).then(|| Digest::of(&share))
}
