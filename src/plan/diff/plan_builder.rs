//! A plan in the making: steps are noted in any order and sorted by phase at the end.

use crate::aws_api::{Request, ResolvedIds};
use crate::model::ResourceAddress;
use crate::plan::{Op, Plan, Problem, Quota, QuotaExceeded, Requeue, Step, StepId};
use std::time::Duration;

/// When a step is due. Within a phase, steps keep the order in which they were noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    SecurityGroups,
    Certificates,
    DetachAlbs,
    /// Only when a quota is used up: what can go goes first.
    Frees,
    TargetGroups,
    LoadBalancers,
    /// Bindings of new target groups of a load balancer that serves already: targets are registered before it sends
    /// traffic to them.
    EarlyBindings,
    AwaitEarlyBindings,
    Listeners,
    Rules,
    /// Rules for which there was no room.
    LateRules,
    Bindings,
    Protection,
    DeleteBindings,
    Capacity,
    DeleteTargetGroups,
    AttachAlbs,
    DeleteSecurityGroups,
    DeleteCertificates,
}

/// Steps noted so far.
#[derive(Default)]
pub(super) struct PlanBuilder {
    steps: Vec<(Phase, Step)>,
    shortfalls: Vec<QuotaExceeded>,
    revisits: Vec<Requeue>,
    notices: Vec<String>,
    problems: Vec<Problem>,
}

impl PlanBuilder {
    pub(super) fn emit(&mut self, phase: Phase, step: Step) -> StepId {
        let id = StepId(self.steps.len());
        self.steps.push((phase, step));
        id
    }

    /// Whether a step is exactly this call.
    pub(super) fn is_request<R: Clone + Into<Request>>(&self, id: StepId, request: &R) -> bool {
        let op = Op::Aws(Box::new(request.clone().into()));
        self.steps.get(id.0).is_some_and(|(_, step)| step.op == op)
    }

    /// The phase in which a step is due.
    pub(super) fn phase_of(&self, id: StepId) -> Option<Phase> {
        self.steps.get(id.0).map(|(phase, _)| *phase)
    }

    /// The steps noted for a phase so far.
    pub(super) fn in_phase(&self, phase: Phase) -> impl Iterator<Item = StepId> {
        let steps = self.steps.iter().enumerate();
        steps.filter(move |(_, (due, _))| *due == phase).map(|(at, _)| StepId(at))
    }

    /// Says that a step will probably find no room.
    pub(super) fn fall_short(&mut self, quota: Quota, resource: ResourceAddress, step: StepId) {
        self.shortfalls.push(QuotaExceeded { quota, resource, step });
    }

    pub(super) fn revisit(&mut self, after: Duration, why: impl Into<String>) {
        self.revisits.push(Requeue { after, why: why.into() });
    }

    pub(super) fn notice(&mut self, text: String) {
        self.notices.push(text);
    }

    /// Says what keeps a resource from being as wanted.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Sorts the steps by phase and renumbers what they refer to.
    pub(super) fn finish(self, known: ResolvedIds) -> Plan {
        let Self { steps, mut shortfalls, revisits, notices, problems } = self;
        let mut order: Vec<usize> = (0..steps.len()).collect();
        let phase_of = |noted: &usize| steps.get(*noted).map(|(phase, _)| *phase);
        order.sort_by_key(phase_of);
        let mut place = vec![StepId(0); steps.len()];
        for (at, noted) in order.iter().enumerate() {
            if let Some(slot) = place.get_mut(*noted) {
                *slot = StepId(at);
            }
        }
        let mut steps: Vec<(usize, Step)> =
            steps.into_iter().enumerate().map(|(noted, (_, step))| (noted, step)).collect();
        steps.sort_by_key(|(noted, _)| place.get(*noted).copied());
        let steps = steps.into_iter().map(|(_, step)| renumber(step, &place)).collect();
        for shortfall in &mut shortfalls {
            shortfall.step = place.get(shortfall.step.0).copied().unwrap_or(shortfall.step);
        }
        Plan { steps, known, shortfalls, revisits, notices, problems }
    }
}

fn renumber(mut step: Step, place: &[StepId]) -> Step {
    step.after = step.after.iter().filter_map(|id| place.get(id.0).copied()).collect();
    step.after.sort_unstable();
    step.after.dedup();
    step
}
