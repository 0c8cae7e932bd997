//! Finds what others change in AWS, without asking for everything all the time.
//!
//! What can stop traffic is looked at within five minutes: a sweep of the region sees load balancers, target groups, security
//! groups and their tags with few calls; a comparison of each stack sees its listeners, rules and certificates; the targets of
//! each target group are listed. What cannot, attributes and the tags of listeners and rules, is part of every second
//! comparison. All of it together makes no more calls than a [`CallBudget`] allows; where that is too little, the periods stretch.

use super::Deployer;
use crate::model::StackId;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often audits look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AuditPeriods {
    /// What can stop traffic is looked at this often.
    pub traffic: Duration,
    /// Everything else is looked at this often.
    pub full: Duration,
    /// Rules of the targets' security groups are read this often.
    pub rules: Duration,
    /// Most calls a second, in the long run.
    pub rate: f64,
}

impl Default for AuditPeriods {
    /// Half a call a second is a twentieth of what AWS allows for reads of Elastic Load Balancing: ten a second.
    fn default() -> Self {
        Self {
            traffic: Duration::from_secs(270),
            full: Duration::from_mins(9),
            rules: Duration::from_secs(150),
            rate: 0.5,
        }
    }
}

/// Between two looks whether something is due.
pub const TICK: Duration = Duration::from_secs(10);
/// Calls that may be made at once after a while without any.
const BURST: f64 = 30.0;

/// Calls that audits may make.
pub struct CallBudget {
    rate: f64,
    state: Mutex<(f64, Instant)>,
}

impl CallBudget {
    /// A full budget.
    pub fn new(pace: &AuditPeriods) -> Self {
        Self { rate: pace.rate.max(0.001), state: Mutex::new((BURST, Instant::now())) }
    }

    /// Waits until so many calls may be made.
    pub async fn spend(&self, calls: usize) {
        let debt = {
            let mut state = self.state.lock();
            let (saved, at) = *state;
            let now = Instant::now();
            let earned = now.duration_since(at).as_secs_f64() * self.rate;
            let calls = f64::from(u32::try_from(calls).unwrap_or(u32::MAX));
            let left = (saved + earned).min(BURST) - calls;
            *state = (left, now);
            -left
        };
        if debt > 0.0 {
            sleep(Duration::from_secs_f64(debt / self.rate)).await;
        }
    }
}

/// Audits stacks until it is dropped. `wake` hands a stack to its controller, and says whether it is known to have changed. To
/// be run by the leader only.
pub async fn audit(
    deployer: &Deployer,
    pace: AuditPeriods,
    budget: &CallBudget,
    wake: impl Fn(StackId, bool),
) {
    let mut swept = Instant::now();
    loop {
        sleep(TICK).await;
        if swept.elapsed() >= pace.traffic {
            swept = Instant::now();
            budget.spend(deployer.resource_cache().sweep_calls()).await;
            sweep(deployer, &wake).await;
        }
        while let Some((stack, calls)) = deployer.resource_cache().next_due(pace.traffic, pace.full) {
            budget.spend(calls).await;
            wake(stack, false);
        }
    }
}

async fn sweep(deployer: &Deployer, wake: &impl Fn(StackId, bool)) {
    match deployer.sweep().await {
        Ok(drifted) => {
            for stack in drifted {
                tracing::info!(%stack, "resources in AWS were changed outside of the controller");
                wake(stack, true);
            }
        }
        Err(error) => tracing::warn!(%error, "scan of AWS failed; it is repeated at the next interval"),
    }
}

#[cfg(test)]
mod tests;
