//! What is known about the targets of one target group, between two looks at AWS.
//!
//! Upstream's `pkg/targetgroupbinding/targets_manager.go`, with one difference: what we registered ourselves a moment
//! ago is not forgotten because a read does not show it yet. Time comes in as milliseconds of a monotonic clock.

use crate::aws_api::elbv2::{Target, TargetHealth, TargetHealthState};
use std::collections::{BTreeMap, BTreeSet};

/// How long a full listing is good for.
pub const LISTING_MILLIS: u64 = 5 * 60 * 1000;
/// How long what we did ourselves outweighs a read that does not show it: as long as any other write of ours.
pub const PROPAGATION_MILLIS: u64 = 2 * 60 * 1000;

/// How long what we deregistered is remembered: readiness probes that fail for one reason do not fail at the same moment.
pub const REMEMBERED_MILLIS: u64 = 30 * 1000;

/// Id and port: what DescribeTargetHealth is asked by.
type IdAndPort = (String, Option<i32>);

/// Health of a target, as AWS told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// State.
    pub state: TargetHealthState,
    /// AWS's reason code; empty when healthy.
    pub reason: String,
    /// AWS's words; empty when healthy.
    pub description: String,
}

/// A target that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRecord {
    /// The target as AWS describes it.
    pub target: Target,
    /// Its health; `None` until AWS has been asked after we touched it.
    pub health: Option<Health>,
    /// What we did to it, and when.
    touched: Option<(LastChange, u64)>,
}

/// What was done to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastChange {
    Registered,
    Deregistered,
}

/// The targets of one target group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetGroupState {
    records: Vec<TargetRecord>,
    listed_at: Option<u64>,
    refreshed_at: Option<u64>,
    /// Targets that we deregistered a moment ago, and when.
    departed: Vec<(Target, u64)>,
}

impl TargetRecord {
    /// A target with this health.
    pub fn new(target: Target, health: Option<Health>) -> Self {
        Self { target, health, touched: None }
    }

    /// Whether it is on its way out.
    pub fn is_draining(&self) -> bool {
        use TargetHealthState::{Draining, UnhealthyDraining};
        self.state().is_some_and(|state| matches!(state, Draining | UnhealthyDraining))
    }

    /// Its state, if it is known.
    pub fn state(&self) -> Option<&TargetHealthState> {
        self.health.as_ref().map(|health| &health.state)
    }

    /// Whether a read that tells this of the target (`None`: that it is not there) is older than what we did to it.
    fn outweighs(&self, told: Option<&TargetRecord>, now: u64) -> bool {
        let Some((touch, at)) = self.touched else { return false };
        now.saturating_sub(at) < PROPAGATION_MILLIS
            && match touch {
                LastChange::Registered => told.is_none_or(TargetRecord::is_draining),
                LastChange::Deregistered => told.is_some_and(|told| !told.is_draining()),
            }
    }

    /// `<id>:<port>`, with the QUIC server id if AWS told one.
    pub fn identity(&self) -> String {
        let base = self.id_and_port();
        match &self.target.quic_server_id {
            Some(server_id) => format!("{base}:{server_id}"),
            None => base,
        }
    }

    /// `<id>:<port>`.
    pub fn id_and_port(&self) -> String {
        format!("{}:{}", self.target.id, self.target.port.unwrap_or(0))
    }
}

impl TargetGroupState {
    /// Whether the targets have been listed at all.
    pub fn is_listed(&self) -> bool {
        self.listed_at.is_some()
    }

    /// Whether the listing is recent enough to decide what is missing in AWS.
    pub fn is_fresh(&self, now: u64) -> bool {
        self.listed_at.is_some_and(|at| now.saturating_sub(at) < LISTING_MILLIS)
    }

    /// When the targets were last listed.
    pub fn listed_at(&self) -> Option<u64> {
        self.listed_at
    }

    /// When AWS was last asked anything about these targets.
    pub fn refreshed_at(&self) -> Option<u64> {
        self.refreshed_at
    }

    /// Notes that there was nothing to ask about.
    pub fn note_refreshed(&mut self, now: u64) {
        self.refreshed_at = Some(now);
    }

    /// The targets.
    pub fn records(&self) -> &[TargetRecord] {
        &self.records
    }

    /// The targets to ask AWS about: all that are not known to be healthy, by id and port only, because zone and server
    /// id would make DescribeTargetHealth look for other targets.
    pub fn to_refresh(&self) -> Vec<Target> {
        let unconfirmed =
            self.records.iter().filter(|record| record.state() != Some(&TargetHealthState::Healthy));
        let keys: BTreeSet<IdAndPort> = unconfirmed.map(|record| key(&record.target)).collect();
        let bare = |(id, port): IdAndPort| Target { id: id.into(), port, ..Target::default() };
        keys.into_iter().map(bare).collect()
    }

    /// Takes in a full listing.
    pub fn absorb_listing(&mut self, listing: Vec<TargetHealth>, now: u64) {
        let asked = self.records.iter().map(|record| key(&record.target)).collect();
        self.absorb(&asked, listing, now);
        self.listed_at = Some(now);
    }

    /// Takes in the answer about some targets.
    pub fn absorb_answer(&mut self, answer: Vec<TargetHealth>, now: u64) {
        let asked = answer.iter().map(|told| key(&told.target)).collect();
        self.absorb(&asked, answer, now);
    }

    fn absorb(&mut self, asked: &BTreeSet<IdAndPort>, told: Vec<TargetHealth>, now: u64) {
        let mut news: BTreeMap<IdAndPort, Vec<TargetRecord>> = BTreeMap::new();
        for record in told.into_iter().filter_map(record_of) {
            news.entry(key(&record.target)).or_default().push(record);
        }
        self.records.retain(|record| {
            let key = key(&record.target);
            let told = news.get(&key).and_then(|records| records.first());
            let stays = !asked.contains(&key) || record.outweighs(told, now);
            if stays {
                news.remove(&key);
            }
            stays
        });
        self.records.extend(news.into_values().flatten());
        self.records.shrink_to_fit();
        self.refreshed_at = Some(now);
    }

    /// Notes that we registered targets. Harmless before the first listing.
    pub fn note_registered(&mut self, targets: &[Target], now: u64) {
        // why: most groups have few targets, and there are thousands of groups
        self.records.reserve_exact(targets.len());
        for target in targets {
            let key = key(target);
            self.records.retain(|record| self::key(&record.target) != key);
            let touched = Some((LastChange::Registered, now));
            self.records.push(TargetRecord { touched, ..TargetRecord::new(target.clone(), None) });
        }
    }

    /// Targets that we deregistered a moment ago and that nobody has registered again.
    pub fn departed(&self, now: u64) -> Vec<Target> {
        let recent = self.departed.iter().filter(|(_, at)| now.saturating_sub(*at) < REMEMBERED_MILLIS);
        let is_back = |target: &Target| {
            self.records.iter().any(|record| key(&record.target) == key(target) && !record.is_draining())
        };
        recent.filter(|(target, _)| !is_back(target)).map(|(target, _)| target.clone()).collect()
    }

    /// Notes that we deregistered targets: they drain.
    pub fn note_deregistered(&mut self, targets: &[Target], now: u64) {
        let gone: BTreeSet<IdAndPort> = targets.iter().map(key).collect();
        self.departed.retain(|(target, at)| {
            now.saturating_sub(*at) < REMEMBERED_MILLIS && !gone.contains(&key(target))
        });
        self.departed.extend(targets.iter().map(|target| (target.clone(), now)));
        for record in &mut self.records {
            if gone.contains(&key(&record.target)) {
                record.touched = Some((LastChange::Deregistered, now));
                record.health = Some(Health {
                    state: TargetHealthState::Draining,
                    reason: "Target.DeregistrationInProgress".to_owned(),
                    description: "Target deregistration is in progress".to_owned(),
                });
            }
        }
    }
}

fn key(target: &Target) -> IdAndPort {
    (target.id.to_string(), target.port)
}

/// The record of a described target; `None` for one that is not registered.
fn record_of(described: TargetHealth) -> Option<TargetRecord> {
    let TargetHealth { target, state, reason, description } = described;
    let reason = reason.unwrap_or_default();
    if state == TargetHealthState::Unused && reason == "Target.NotRegistered" {
        return None;
    }
    let health = Health { state, reason, description: description.unwrap_or_default() };
    Some(TargetRecord::new(target, Some(health)))
}

#[cfg(test)]
mod tests;
