//! Which target gets what comes next.

use super::{
    Place, Shared,
    view::{BalancerView, GroupView, ListenerView, View, attribute},
};
use crate::elb::TargetKey;
use aws_load_balancer_controller::aws_api::elbv2::{
    ForwardAction, ListenerAction, TargetGroupTuple, TargetHealthState,
};
use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
};

/// Whose turn it is in each target group, and chance.
#[derive(Debug)]
pub(super) struct Turns {
    chance: Mutex<StdRng>,
    next: Mutex<HashMap<String, usize>>,
}

impl Turns {
    pub(super) fn new(chance: StdRng) -> Self {
        Self { chance: Mutex::new(chance), next: Mutex::default() }
    }

    /// A number below `limit`, which is not 0.
    pub(super) fn random(&self, limit: usize) -> usize {
        self.chance.lock().random_range(0..limit)
    }

    fn next(&self, arn: &str, count: usize) -> usize {
        let mut all = self.next.lock();
        let turn = all.entry(arn.to_owned()).or_default();
        *turn = turn.wrapping_add(1);
        turn.checked_rem(count).unwrap_or_default()
    }
}

impl Shared {
    /// A target group of an action, at random by weight; `None` if no weight is above 0.
    pub(super) fn pick_group<'a>(&self, forward: &'a ForwardAction) -> Option<&'a str> {
        let weight = |group: &TargetGroupTuple| usize::try_from(group.weight.unwrap_or(1)).unwrap_or(0);
        let total: usize = forward.target_groups.iter().map(weight).sum();
        if total == 0 {
            return None;
        }
        let mut left = self.turns.random(total);
        let chosen = forward.target_groups.iter().find(|group| {
            let weight = weight(group);
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        });
        chosen?.target_group.known()
    }

    /// The targets that new connections through a zone may go to: the healthy ones, or all if none is (AWS fails open).
    pub(super) fn usable<'a>(
        &self,
        group: &'a GroupView,
        balancer: &BalancerView,
        zone: &str,
    ) -> Vec<&'a TargetKey> {
        let near = near(group, balancer, zone);
        let healthy: Vec<_> = near.iter().copied().filter(|key| self.is_healthy(group, key)).collect();
        if healthy.is_empty() { near } else { healthy }
    }

    /// The target of an HTTP request, by the algorithm of its group.
    pub(super) fn pick_target<'a>(
        &self,
        group: &'a GroupView,
        balancer: &BalancerView,
        zone: &str,
    ) -> Option<&'a TargetKey> {
        let usable = self.usable(group, balancer, zone);
        let arn = &group.described.arn;
        match attribute(&group.attributes, "load_balancing.algorithm.type") {
            "least_outstanding_requests" => {
                let turn = self.turns.next(arn, usable.len());
                let rotated = usable.iter().cycle().skip(turn).take(usable.len());
                rotated.min_by_key(|key| self.connections.count(&(arn.clone(), (**key).clone()))).copied()
            }
            "weighted_random" if !usable.is_empty() => usable.get(self.turns.random(usable.len())).copied(),
            _ => usable.get(self.turns.next(arn, usable.len())).copied(),
        }
    }

    /// The target of a new flow: at random, or the same for a client where the group is sticky by source.
    pub(super) fn pick_flow<'a>(
        &self,
        group: &'a GroupView,
        balancer: &BalancerView,
        zone: &str,
        client: IpAddr,
    ) -> Option<&'a TargetKey> {
        let usable = self.usable(group, balancer, zone);
        if attribute(&group.attributes, "stickiness.enabled") != "true" {
            return (!usable.is_empty()).then(|| usable.get(self.turns.random(usable.len())).copied())?;
        }
        // why: with the highest hash of client and target, a client moves only when its own target goes
        usable.into_iter().max_by_key(|key| {
            let mut hasher = DefaultHasher::new();
            (client, &key.id, key.port).hash(&mut hasher);
            hasher.finish()
        })
    }

    /// Whether what arrives in a zone finds a healthy target.
    pub(super) fn is_served(&self, view: &View, listener: &ListenerView, zone: &str) -> bool {
        let actions = listener.rules.iter().flat_map(|rule| &rule.actions);
        let mut groups = actions
            .filter_map(|action| match action {
                ListenerAction::Forward(forward) => Some(&forward.target_groups),
                _ => None,
            })
            .flatten()
            .filter_map(|tuple| view.groups.get(tuple.target_group.known()?));
        groups.any(|group| {
            near(group, &listener.balancer, zone).into_iter().any(|key| self.is_healthy(group, key))
        })
    }

    fn is_healthy(&self, group: &GroupView, key: &TargetKey) -> bool {
        let place: Place = (group.described.arn.clone(), key.clone());
        matches!(self.health(&place), TargetHealthState::Healthy | TargetHealthState::Unavailable)
    }
}

/// The targets that a zone may send to.
fn near<'a>(group: &'a GroupView, balancer: &BalancerView, zone: &str) -> Vec<&'a TargetKey> {
    let everywhere = group.crosses_zones(balancer);
    let near = group.targets.iter().filter(|(_, at)| everywhere || at.as_ref().is_none_or(|at| at == zone));
    near.map(|(key, _)| key).collect()
}
