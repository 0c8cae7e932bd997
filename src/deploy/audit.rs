//! Finds what others change in AWS, without asking for everything all the time.
//!
//! Two things alternate: a sweep of the whole region, which sees load balancers, target groups, security groups and their
//! tags with few calls; and full comparisons of a few stacks at a time, which also see listeners, rules and attributes.
//! Whatever looks different is handed to the controllers to be reconciled.

use super::Deployer;
use crate::model::StackId;
use std::time::Duration;

/// How often an audit looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two sweeps.
    pub sweep: Duration,
    /// Every stack is compared in full within about this time.
    pub full: Duration,
}

impl Default for Pace {
    /// A stack costs about ten reads an hour, a region of a thousand resources one read in ten seconds.
    fn default() -> Self {
        Self { sweep: Duration::from_mins(10), full: Duration::from_hours(1) }
    }
}

/// In how many portions the full comparisons are spread between two sweeps.
const PORTIONS: u32 = 10;

/// Audits until it is dropped. `wake` hands a stack to its controller. To be run by the leader only.
pub async fn audit(deployer: &Deployer, pace: Pace, wake: impl Fn(StackId)) {
    let interval = pace.sweep / PORTIONS;
    loop {
        for _ in 0..PORTIONS {
            tokio::time::sleep(interval).await;
            let inventory = deployer.inventory();
            let portion = portion(inventory.count_settled(), interval, pace.full);
            inventory.expire(pace.full, portion).into_iter().for_each(&wake);
        }
        match deployer.sweep().await {
            Ok(drifted) => {
                for stack in drifted {
                    tracing::info!(%stack, "something changed in AWS without us");
                    wake(stack);
                }
            }
            Err(error) => tracing::warn!(%error, "AWS could not be looked through; the next sweep will"),
        }
    }
}

/// How many of the stacks are due in one interval so that all are within the period: rounded up.
fn portion(stacks: usize, interval: Duration, period: Duration) -> usize {
    let intervals = period.as_millis() / interval.as_millis().max(1);
    stacks.div_ceil(usize::try_from(intervals).unwrap_or(usize::MAX).max(1))
}

#[cfg(test)]
mod tests;
