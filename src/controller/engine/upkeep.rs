//! The clockwork beside the workers: what is done again and again.

use super::Current;
use super::work::Work;
use crate::cluster::stores::Stores;
use crate::controller::dispatch::Dispatcher;
use crate::deploy::audit::{Budget, Pace, TICK, audit};
use crate::deploy::{Deployer, Ledger};
use crate::metrics::{Metrics, ResourceLabels};
use crate::model::StackId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// Between two looks at what could be written down for a restart.
const LEDGER_INTERVAL: Duration = Duration::from_secs(2);
/// What is written down may lag behind by this much while it keeps changing.
const LEDGER_LAG: Duration = Duration::from_secs(30);
/// Between two counts of cached objects, as upstream.
const CACHE_COUNT_INTERVAL: Duration = Duration::from_secs(30);
/// Between two rankings of busy objects, as upstream.
const TALKERS_INTERVAL: Duration = Duration::from_mins(3);

/// Starts what only the leader does.
pub(super) fn spawn(
    dispatcher: &Arc<Dispatcher>,
    work: &Arc<Work>,
    (period, pace): (Duration, Pace),
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(resync(dispatcher.clone(), period));
    let budget = Arc::new(Budget::new(&pace));
    tasks.spawn(audit_stacks(work.clone(), pace, budget.clone()));
    tasks.spawn(audit_targets(work.clone(), pace, budget));
    tasks.spawn(audit_rules(work.clone(), pace));
    tasks.spawn(collect_garbage(work.clone()));
    tasks.spawn(keep_ledger(work.clone()));
}

/// Starts what every replica does.
pub(super) fn spawn_counts(
    stores: Arc<Stores>,
    work: Arc<Current>,
    metrics: Arc<Metrics>,
    tasks: &mut JoinSet<()>,
) {
    let of_talkers = metrics.clone();
    tasks.spawn(async move { every(TALKERS_INTERVAL, || work.load().talkers.publish(&of_talkers)).await });
    tasks.spawn(async move { every(CACHE_COUNT_INTERVAL, || count_objects(&stores, &metrics)).await });
}

async fn every(period: Duration, mut act: impl FnMut()) {
    let period = period.max(Duration::from_secs(1));
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        act();
    }
}

/// Enqueues everything again and again. What AWS said is believed as long as ever: where nothing changed, nothing is asked.
async fn resync(dispatcher: Arc<Dispatcher>, period: Duration) {
    every(period, || dispatcher.enqueue_all()).await;
}

/// Finds what others changed of load balancers.
async fn audit_stacks(work: Arc<Work>, pace: Pace, budget: Arc<Budget>) {
    let wake = |stack, has_changed| {
        if has_changed {
            work.context.facts.memory.distrust();
        }
        work.queues.wake(stack);
    };
    audit(&work.context.deployer, pace, &budget, wake).await;
}

/// Finds targets that others registered or deregistered.
async fn audit_targets(work: Arc<Work>, pace: Pace, budget: Arc<Budget>) {
    sleep(pace.traffic).await;
    loop {
        sleep(TICK).await;
        let due = work.bindings.due_for_audit(pace.traffic);
        // why: what AWS refused is tried again when its turn comes, and all of the binding is looked at then
        for binding in due.into_iter().filter(|binding| !work.queues.bindings.is_backing_off(binding)) {
            budget.spend(1).await;
            if work.bindings.audit_targets(&binding).await {
                budget.spend(2).await;
                work.queues.bindings.add(binding);
            }
        }
    }
}

/// Finds and repairs what others changed of the rules that let traffic through to targets.
async fn audit_rules(work: Arc<Work>, pace: Pace) {
    let period = pace.rules;
    let mut ticks = interval_at(Instant::now() + period, period);
    loop {
        ticks.tick().await;
        if let Err(error) = work.bindings.audit().await {
            tracing::warn!(%error, "rules of security groups not compared");
        }
    }
}

/// Takes needless rules away whenever a security group cannot be deleted.
async fn collect_garbage(work: Arc<Work>) {
    loop {
        work.group_in_use.notified().await;
        if let Err(error) = work.bindings.collect_garbage().await {
            tracing::warn!(%error, "needless rules of security groups not revoked");
        }
    }
}

/// Writes down what a restart need not compare again, once it has stopped changing or lags behind for long.
async fn keep_ledger(work: Arc<Work>) {
    let mut ticks = interval_at(Instant::now() + LEDGER_INTERVAL, LEDGER_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (ledger, deployer) = (&work.ledger, &work.context.deployer);
    let (mut unattested, mut last, mut saved) = (BTreeSet::new(), BTreeMap::new(), Instant::now());
    loop {
        ticks.tick().await;
        for stack in attest_lasting(ledger, deployer, &work, &mut unattested).await {
            work.queues.wake(stack);
        }
        let remembered = deployer.inventory().remember();
        let is_calm = last == remembered;
        last = remembered;
        if is_calm || saved.elapsed() >= LEDGER_LAG {
            saved = Instant::now();
            save(ledger).await;
        }
    }
}

/// Looks at the stacks that were settled a while ago and that nobody has looked at since.
async fn attest_lasting(
    ledger: &Ledger,
    deployer: &Deployer,
    work: &Work,
    before: &mut BTreeSet<StackId>,
) -> Vec<StackId> {
    let now = deployer.inventory().unattested();
    let lasting = now.intersection(before).cloned().collect();
    *before = now;
    match ledger.attest(&lasting, &*work.context.facts.cloud).await {
        Ok(drifted) => drifted,
        Err(error) => {
            tracing::warn!(%error, "what was deployed could not be looked at");
            sleep(LEDGER_LAG).await;
            Vec::new()
        }
    }
}

/// Writes down what is new.
pub(super) async fn save(ledger: &Ledger) {
    if let Err(error) = ledger.save().await {
        tracing::warn!(%error, "what is deployed is not written down yet");
    }
}

fn count_objects(stores: &Stores, metrics: &Metrics) {
    let counts = [
        ("service", stores.services.len()),
        ("ingress", stores.ingresses.len()),
        ("targetgroupbinding", stores.bindings.len()),
    ];
    for (resource, count) in counts {
        let gauge = metrics.cache_objects.get_or_create(&ResourceLabels::new(resource));
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
