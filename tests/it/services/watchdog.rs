//! Looks at AWS all the time: a target group that carries traffic keeps a healthy target as long as there is a ready pod.

use aws_load_balancer_controller::cloud::elbv2::{ListenerAction, TargetHealthState};
use rig::{Rig, rig::Inventory, shop};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

const TICK: Duration = Duration::from_millis(250);
const QUIET: Duration = Duration::from_mins(1);

/// Remembers which target groups had a healthy target.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    /// Target groups in use that had a healthy target at the last look.
    healthy: BTreeSet<String>,
    /// The target groups of listeners at the last look that had targets, by listener.
    serving: BTreeMap<String, BTreeSet<String>>,
}

impl Watchdog {
    /// As [`Rig::settle`], looking all the time.
    pub async fn settle(&mut self, rig: &mut Rig) -> Result<(), String> {
        let activity = |rig: &Rig| (rig.aws.world(|world| world.calls().len()), rig.api.revision());
        let began = Instant::now();
        let (mut last, mut since) = (activity(rig), began);
        while since.elapsed() < QUIET {
            tokio::time::sleep(TICK).await;
            if rig.aws.has_crashed() {
                rig.restart().await;
            }
            let now = activity(rig);
            if now != last || since.elapsed() < Duration::from_secs(10) {
                self.look(rig)?;
            }
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if began.elapsed() > Duration::from_hours(24) {
                return Err(format!("no rest: {:?}", rig.aws.calls().last()));
            }
        }
        Ok(())
    }

    /// Looks once. An error says which target group lost its last healthy target.
    pub fn look(&mut self, rig: &Rig) -> Result<(), String> {
        let found = rig.inventory();
        let mut healthy = BTreeSet::new();
        let mut serving = BTreeMap::new();
        for listener in &found.listeners {
            let groups = target_groups(&listener.default_actions);
            let has_pods = groups.iter().any(|arn| has_ready_pods(rig, arn));
            for arn in &groups {
                let is_healthy = count(&found, arn, |state| *state == TargetHealthState::Healthy) > 0;
                if is_healthy {
                    healthy.insert(arn.clone());
                } else if has_pods && self.healthy.contains(arn) {
                    return Err(format!("{} lost its last healthy target", name(&found, arn)));
                }
            }
            let registered = groups
                .iter()
                .any(|arn| count(&found, arn, |state| *state != TargetHealthState::Draining) > 0);
            if !registered
                && has_pods
                && self.serving.get(&listener.arn).is_some_and(|before| !before.is_empty())
            {
                return Err(format!("port {} was given a target group without targets", listener.port));
            }
            serving.insert(listener.arn.clone(), if registered { groups } else { BTreeSet::new() });
        }
        (self.healthy, self.serving) = (healthy, serving);
        Ok(())
    }
}

fn target_groups(actions: &[ListenerAction]) -> BTreeSet<String> {
    let forwards = actions.iter().filter_map(|action| match action {
        ListenerAction::Forward(forward) => Some(forward),
        _ => None,
    });
    let tuples = forwards.flat_map(|forward| &forward.target_groups);
    tuples.filter_map(|tuple| tuple.target_group.known().map(str::to_owned)).collect()
}

fn count(found: &Inventory, arn: &str, is_wanted: impl Fn(&TargetHealthState) -> bool) -> usize {
    let targets = found.targets.get(arn).map(Vec::as_slice).unwrap_or_default();
    targets.iter().filter(|target| is_wanted(&target.state)).count()
}

fn name(found: &Inventory, arn: &str) -> String {
    found.target_group(arn).map(|group| group.name.clone()).unwrap_or_default()
}

/// Whether the Service of a target group has ready pods.
fn has_ready_pods(rig: &Rig, arn: &str) -> bool {
    let bound = rig.api.list("targetgroupbindings");
    let binding = bound.iter().find(|binding| binding["spec"]["targetGroupARN"] == arn);
    let service = binding.and_then(|binding| binding["spec"]["serviceRef"]["name"].as_str());
    let Some(service) = service else { return false };
    let slice = rig.api.get("endpointslices", shop::NAMESPACE, &format!("{service}-1"));
    slice.is_some_and(|slice| slice["endpoints"].as_array().is_some_and(|endpoints| !endpoints.is_empty()))
}
