//! The last targets of a target group: they stay while no endpoint takes their place and what stands behind them lives.
//!
//! A readiness probe that depends on something broken, or a mistyped selector, leaves a Service without endpoints at once
//! although its pods run on. Upstream then deregisters every target, so that clients get errors where AWS's own health
//! checks could still have told which targets answer. Here the targets stay; scaling to zero and the deletion of pods,
//! nodes, the Service or the binding take them away as ever.

use super::endpoints::{Endpoint, Resolution};
use super::target_group_state::TargetRecord;
use crate::aws_api::elbv2::{Target, TargetHealthState};
use std::collections::BTreeSet;

/// How it is with what stands behind a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackingState {
    /// Gone, about to go, or something else has its address.
    #[default]
    Gone,
    /// It runs.
    Alive,
    /// It runs and is ready.
    Ready,
}

/// What is known about the last targets.
#[derive(Clone, Copy)]
pub struct LastTargets<'a> {
    /// Whether last targets stay (`--keep-last-healthy-targets`).
    pub is_on: bool,
    /// Identities of the targets that stayed for this reason after the pass before.
    pub kept: &'a BTreeSet<String>,
    /// Targets that were deregistered a moment ago.
    pub departed: &'a [Target],
    /// Whether what stands at a target's address is what was registered, and not something younger.
    pub is_sure: &'a dyn Fn(&Target) -> bool,
}

/// Targets that are no endpoints, by what becomes of them.
pub(super) struct SplitTargets<'a> {
    /// They stay.
    pub(super) last: Vec<&'a TargetRecord>,
    /// They were deregistered a moment ago and are registered again.
    pub(super) restore: Vec<Target>,
    /// They go, or wait for replacements.
    pub(super) others: Vec<&'a TargetRecord>,
}

impl LastTargets<'_> {
    /// Picks the last targets among the candidates for removal. `is_served`: whether some other target is healthy.
    pub(super) fn split<'r>(
        self,
        resolution: &Resolution,
        candidates: Vec<&'r TargetRecord>,
        is_served: bool,
        standing: &dyn Fn(&Target) -> BackingState,
    ) -> SplitTargets<'r> {
        if !self.is_on || !resolution.endpoints.is_empty() || is_served {
            return SplitTargets { last: Vec::new(), restore: Vec::new(), others: candidates };
        }
        let is_sure =
            |record: &TargetRecord| self.kept.contains(&record.identity()) || (self.is_sure)(&record.target);
        let lives = |target: &Target| standing(target) > BackingState::Gone;
        let (last, others): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|record| lives(&record.target) && is_sure(record) && self.may_serve(record));
        let restore = self.departed.iter().filter(|target| resolution.has_unready(target) && lives(target));
        let restore = if last.is_empty() { Vec::new() } else { restore.cloned().collect() };
        SplitTargets { last, restore, others }
    }

    /// Whether a target was, or can have been, healthy.
    fn may_serve(self, record: &TargetRecord) -> bool {
        match record.state() {
            // why: AWS, not the pods, decides about a target that was healthy once
            None | Some(TargetHealthState::Healthy | TargetHealthState::Unhealthy) => true,
            Some(_) => self.kept.contains(&record.identity()),
        }
    }
}

impl Resolution {
    /// Whether a target is an endpoint that is not ready, and not on its way out.
    fn has_unready(&self, target: &Target) -> bool {
        let id = target.id.known().unwrap_or_default();
        self.dropped.iter().any(|dropped| *dropped.id == *id && !dropped.is_leaving)
    }

    /// Why there are no endpoints, in words for users; `selector`: the Service's.
    pub fn explain_emptiness(&self, service: &str, selector: &str) -> String {
        let staying = self.dropped.iter().filter(|dropped| !dropped.is_leaving);
        match staying.map(|dropped| &dropped.id).collect::<BTreeSet<_>>().len() {
            0 => format!("Service {service} selects no pod (spec.selector: {selector})"),
            1 => format!("the only endpoint of Service {service} is not ready"),
            more => format!("none of the {more} endpoints of Service {service} is ready"),
        }
    }
}

/// Identities of targets.
pub fn identities(endpoints: &[Endpoint]) -> BTreeSet<String> {
    endpoints.iter().map(Endpoint::identity).collect()
}

#[cfg(test)]
mod tests;
