//! The clockwork beside the workers: what is done again and again.

use super::CurrentControllers;
use super::workers::Controllers;
use crate::aws::recent_writes;
use crate::cluster::stores::Stores;
use crate::controller::event_handlers::EventHandlers;
use crate::deploy::audit::{AuditPeriods, CallBudget, TICK, audit};
use crate::deploy::{DeployedState, Deployer};
use crate::metrics::{Metrics, ResourceLabels};
use crate::model::StackId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

/// Between two looks at what could be written down for a restart.
const SAVE_INTERVAL: Duration = Duration::from_secs(2);
/// What is written down may lag behind by this much while it keeps changing.
const MAX_SAVE_DELAY: Duration = Duration::from_secs(30);
/// Between two counts of cached objects, as upstream.
const CACHE_COUNT_INTERVAL: Duration = Duration::from_secs(30);
/// Whoever waits for so long to be worked on is told why …
const PATIENCE: Duration = Duration::from_secs(30);
/// … and so often it is looked who does …
const PATIENCE_INTERVAL: Duration = Duration::from_secs(10);
/// … of so many at most.
const MOST_TOLD: usize = 50;
/// Between two looks for certificates that nobody uses: from while some are left, to where there are none.
const COLLECTION_WAITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(5));
/// Calls that compare an accelerator with one listener: itself, its tags, its listeners, an endpoint group.
const CALLS_OF_ACCELERATOR: usize = 4;
/// Between two rankings of busy objects, as upstream.
const TALKERS_INTERVAL: Duration = Duration::from_mins(3);

/// Starts what only the leader does.
pub(super) fn spawn(
    event_handlers: &Arc<EventHandlers>,
    work: &Arc<Controllers>,
    (period, pace): (Duration, AuditPeriods),
    registrations_a_second: Option<f64>,
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(tell_who_waits(work.clone(), registrations_a_second));
    tasks.spawn(resync(event_handlers.clone(), period));
    tasks.spawn(grant_deregistrations(work.clone()));
    let budget = Arc::new(CallBudget::new(&pace));
    tasks.spawn(audit_stacks(work.clone(), pace, budget.clone()));
    tasks.spawn(audit_targets(work.clone(), pace, budget.clone()));
    tasks.spawn(audit_rules(work.clone(), pace));
    if work.context.config.features.global_accelerator_controller {
        tasks.spawn(audit_accelerators(work.clone(), pace, budget));
    }
    tasks.spawn(collect_garbage(work.clone()));
    if work.context.config.features.secret_certificates {
        tasks.spawn(collect_secret_certificates(work.clone()));
    }
    tasks.spawn(save_deployed_state(work.clone()));
    let writes = work.recent_writes.clone();
    tasks.spawn(async move { every(recent_writes::KEPT, || writes.forget_old()).await });
}

/// Starts what every replica does.
pub(super) fn spawn_counts(
    stores: Arc<Stores>,
    work: Arc<CurrentControllers>,
    metrics: Arc<Metrics>,
    tasks: &mut JoinSet<()>,
) {
    let of_talkers = metrics.clone();
    tasks
        .spawn(async move { every(TALKERS_INTERVAL, || work.load().top_talkers.publish(&of_talkers)).await });
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
async fn resync(event_handlers: Arc<EventHandlers>, period: Duration) {
    every(period, || event_handlers.enqueue_all()).await;
}

/// Tells bindings that wait for long why they do, each once a wait.
async fn tell_who_waits(work: Arc<Controllers>, registrations_a_second: Option<f64>) {
    let mut told = BTreeSet::new();
    every(PATIENCE_INTERVAL, || {
        let (overdue, waiting) = work.queues.bindings.overdue(PATIENCE, MOST_TOLD);
        for binding in overdue.iter().filter(|binding| !told.contains(*binding)) {
            work.bindings.report_delay(binding, waiting, registrations_a_second);
        }
        told = overdue.into_iter().collect();
    })
    .await;
}

/// Finds what others changed of load balancers.
async fn audit_stacks(work: Arc<Controllers>, pace: AuditPeriods, budget: Arc<CallBudget>) {
    let wake = |stack, has_changed| {
        if has_changed {
            work.context.facts.cache.invalidate();
        }
        work.queues.wake(stack);
    };
    audit(&work.context.deployer, pace, &budget, wake).await;
}

/// Finds targets that others registered or deregistered.
async fn audit_targets(work: Arc<Controllers>, pace: AuditPeriods, budget: Arc<CallBudget>) {
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

/// Has accelerators compared in which others may have changed something.
async fn audit_accelerators(work: Arc<Controllers>, pace: AuditPeriods, budget: Arc<CallBudget>) {
    loop {
        sleep(TICK).await;
        for key in work.context.accelerators.due_for_audit(pace.traffic) {
            budget.spend(CALLS_OF_ACCELERATOR).await;
            work.queues.accelerators.add(key);
        }
    }
}

/// Finds and repairs what others changed of the rules that let traffic through to targets.
async fn audit_rules(work: Arc<Controllers>, pace: AuditPeriods) {
    let period = pace.rules;
    let mut ticks = interval_at(Instant::now() + period, period);
    loop {
        ticks.tick().await;
        if let Err(error) = work.bindings.audit().await {
            tracing::warn!(%error, "security group rules not compared");
        }
    }
}

/// Takes needless rules away whenever a security group cannot be deleted.
async fn collect_garbage(work: Arc<Controllers>) {
    loop {
        work.group_in_use.notified().await;
        if let Err(error) = work.bindings.collect_garbage().await {
            tracing::warn!(%error, "unneeded security group rules not revoked");
        }
    }
}

/// Deletes certificates of Secrets that nobody uses any more, and has those looked at again whose Secrets could not be used.
async fn collect_secret_certificates(work: Arc<Controllers>) {
    let certificates = &work.context.facts.secret_certificates;
    let mut wait = COLLECTION_WAITS.0;
    loop {
        let all_known = work.context.all_built();
        let is_done = match certificates.collect(all_known).await {
            Ok(collected) => {
                collected.wake.into_iter().for_each(|stack| work.queues.wake(stack));
                all_known && !collected.is_pending
            }
            Err(error) => {
                tracing::warn!(%error, "unneeded certificates not deleted");
                false
            }
        };
        wait = if is_done { COLLECTION_WAITS.1 } else { (wait * 2).min(COLLECTION_WAITS.1) };
        // why: that the wait is over is no failure
        if timeout(wait, certificates.wait_for_release()).await.is_ok() {
            wait = COLLECTION_WAITS.0;
        }
    }
}

/// Has the bindings whose turn it is deregister targets.
async fn grant_deregistrations(work: Arc<Controllers>) {
    let queue = work.queues.bindings.clone();
    work.bindings.grant_deregistrations(|key| queue.add_first(key)).await;
}

/// Writes down what a restart need not compare again, once it has stopped changing or lags behind for long.
async fn save_deployed_state(work: Arc<Controllers>) {
    let mut ticks = interval_at(Instant::now() + SAVE_INTERVAL, SAVE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (deployed_state, deployer) = (&work.deployed_state, &work.context.deployer);
    let (mut unverified, mut last, mut saved) = (BTreeSet::new(), BTreeMap::new(), Instant::now());
    loop {
        ticks.tick().await;
        for stack in verify_unchanged(deployed_state, deployer, &work, &mut unverified).await {
            work.queues.wake(stack);
        }
        let remembered = deployer.resource_cache().records();
        let is_calm = last == remembered;
        last = remembered;
        if is_calm || saved.elapsed() >= MAX_SAVE_DELAY {
            saved = Instant::now();
            save(deployed_state).await;
        }
    }
}

/// Looks at the stacks that were synced a while ago and that nobody has looked at since.
async fn verify_unchanged(
    deployed_state: &DeployedState,
    deployer: &Deployer,
    work: &Controllers,
    before: &mut BTreeSet<StackId>,
) -> Vec<StackId> {
    let now = deployer.resource_cache().unverified();
    let lasting = now.intersection(before).cloned().collect();
    *before = now;
    match deployed_state.verify(&lasting, &*work.context.facts.cloud).await {
        Ok(drifted) => drifted,
        Err(error) => {
            tracing::warn!(%error, "deployed state could not be verified");
            sleep(MAX_SAVE_DELAY).await;
            Vec::new()
        }
    }
}

/// Writes down what is new.
pub(super) async fn save(deployed_state: &DeployedState) {
    if let Err(error) = deployed_state.save().await {
        tracing::warn!(%error, "deployed state not saved yet");
    }
}

fn count_objects(stores: &Stores, metrics: &Metrics) {
    let counts = [
        ("service", stores.services.len()),
        ("ingress", stores.ingresses.len()),
        ("targetgroupbinding", stores.bindings.len()),
    ];
    let accelerators = &stores.accelerators;
    let of_accelerators = accelerators.is_on().then(|| ("globalaccelerator", accelerators.objects.len()));
    for (resource, count) in counts.into_iter().chain(of_accelerators) {
        let gauge = metrics.cache_objects.get_or_create(&ResourceLabels::new(resource));
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
