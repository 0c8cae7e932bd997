//! Looks at AWS all the time: a target group that carries traffic keeps a healthy target as long as there is a ready pod.

use aws_load_balancer_controller::aws_api::elbv2::{ListenerAction, TargetHealthState};
use rig::{Rig, rig::OwnedResources};
use serde_json::Value;
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
    /// Healthy targets at the last look, by listener (a load balancer that replaces another starts anew) and target group.
    healthy: BTreeMap<(String, String), BTreeSet<String>>,
    /// The target groups of listeners at the last look that had targets, by listener.
    serving: BTreeMap<String, BTreeSet<String>>,
    /// Targets that another cluster has registered, by ARN of the target group: they must stay.
    pub foreign: BTreeMap<String, BTreeSet<String>>,
}

impl Watchdog {
    /// As [`Rig::run_until_idle`], looking all the time.
    pub async fn run_until_idle(&mut self, rig: &mut Rig) -> Result<(), String> {
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
                self.look(rig).map_err(|lost| format!("{lost}, after {}", latest(rig)))?;
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

    /// Looks once. An error says which target group lost its last healthy target, or another cluster's.
    pub fn look(&mut self, rig: &Rig) -> Result<(), String> {
        let (found, cluster) = (rig.owned_resources(), Cluster { rig });
        for (arn, foreign) in &self.foreign {
            let present = ids(&found, arn, |state| *state != TargetHealthState::Draining);
            if !foreign.is_subset(&present) {
                return Err(format!("{} lost targets of another cluster", name(&found, arn)));
            }
        }
        let (mut healthy, mut serving) = (BTreeMap::new(), BTreeMap::new());
        for listener in &found.listeners {
            let groups = target_groups(&listener.default_actions);
            for arn in &groups {
                let is_healthy = |state: &TargetHealthState| *state == TargetHealthState::Healthy;
                let targets = self.targets(&found, arn, is_healthy);
                let place = (listener.arn.clone(), arn.clone());
                if targets.is_empty() && cluster.wants(arn) && self.could_have_stayed(&place, &cluster) {
                    return Err(format!("{} lost its last healthy target", name(&found, arn)));
                }
                healthy.insert(place, targets);
            }
            let is_in = |state: &TargetHealthState| *state != TargetHealthState::Draining;
            let registered = groups.iter().any(|arn| !self.targets(&found, arn, is_in).is_empty());
            let served = self.serving.get(&listener.arn).is_some_and(|before| !before.is_empty());
            if !registered && served && groups.iter().any(|arn| cluster.wants(arn)) {
                return Err(format!("port {} was given a target group without targets", listener.port));
            }
            serving.insert(listener.arn.clone(), if registered { groups } else { BTreeSet::new() });
        }
        (self.healthy, self.serving) = (healthy, serving);
        Ok(())
    }

    /// Whether a target that was healthy at the last look still stands.
    fn could_have_stayed(&self, place: &(String, String), cluster: &Cluster<'_>) -> bool {
        self.healthy.get(place).into_iter().flatten().any(|target| cluster.is_alive(target))
    }

    /// Targets of ours.
    fn targets(
        &self,
        found: &OwnedResources,
        arn: &str,
        is_wanted: impl Fn(&TargetHealthState) -> bool,
    ) -> BTreeSet<String> {
        let mut targets = ids(found, arn, is_wanted);
        targets.retain(|id| !self.foreign.get(arn).is_some_and(|foreign| foreign.contains(id)));
        targets
    }
}

fn ids(
    found: &OwnedResources,
    arn: &str,
    is_wanted: impl Fn(&TargetHealthState) -> bool,
) -> BTreeSet<String> {
    let targets = found.targets.get(arn).map(Vec::as_slice).unwrap_or_default();
    let wanted = targets.iter().filter(|target| is_wanted(&target.state));
    wanted.map(|target| target.target.id.known().unwrap_or_default().to_owned()).collect()
}

/// The latest calls that changed something.
fn latest(rig: &Rig) -> String {
    let writes: Vec<_> = rig.aws.writes().iter().rev().take(12).map(|call| format!("{call:?}")).collect();
    writes.join("\n")
}

/// The target groups that actions forward to.
fn target_groups(actions: &[ListenerAction]) -> BTreeSet<String> {
    let forwards = actions.iter().filter_map(|action| match action {
        ListenerAction::Forward(forward) => Some(forward),
        _ => None,
    });
    let tuples = forwards.flat_map(|forward| &forward.target_groups);
    tuples.filter_map(|tuple| tuple.target_group.known().map(str::to_owned)).collect()
}

fn name(found: &OwnedResources, arn: &str) -> String {
    found.target_group(arn).map(|group| group.name.clone()).unwrap_or_default()
}

/// What the cluster has to offer.
struct Cluster<'a> {
    rig: &'a Rig,
}

impl Cluster<'_> {
    /// Whether a target group shall have targets: its Service has the port and ready pods and, where nodes are the targets,
    /// there is one.
    fn wants(&self, arn: &str) -> bool {
        let bound = self.rig.api.list("targetgroupbindings");
        let Some(binding) = bound.iter().find(|binding| {
            binding["spec"]["targetGroupARN"] == arn && binding["metadata"].get("deletionTimestamp").is_none()
        }) else {
            return false;
        };
        let service = binding["spec"]["serviceRef"]["name"].as_str().unwrap_or_default();
        let namespace = binding["metadata"]["namespace"].as_str().unwrap_or_default();
        let slice = self.rig.api.get("endpointslices", namespace, &format!("{service}-1"));
        let object = self.rig.api.get("services", namespace, service);
        let port = &binding["spec"]["serviceRef"]["port"];
        let has_port = object.is_some_and(|object| has_port(&object, port));
        let has_pods = slice.is_some_and(|slice| {
            slice["endpoints"].as_array().is_some_and(|endpoints| !endpoints.is_empty())
        });
        let of_nodes = binding["spec"]["targetType"] == "instance";
        let selector = &binding["spec"]["nodeSelector"]["matchLabels"];
        let may_serve = |node: &Value| serves(node) && is_selected(node, selector);
        has_port && has_pods && (!of_nodes || self.rig.api.list("nodes").iter().any(|node| may_serve(node)))
    }

    /// Whether the pod or node behind a target stands and is not about to go.
    fn is_alive(&self, target: &str) -> bool {
        if !target.starts_with("i-") {
            return self.rig.api.list("pods").iter().any(|pod| pod["status"]["podIP"] == target);
        }
        self.rig.api.list("nodes").iter().any(|node| {
            let id = node["spec"]["providerID"].as_str().unwrap_or_default();
            id.ends_with(target) && is_ready(node) && node["spec"].get("taints").is_none()
        })
    }
}

fn has_port(service: &Value, wanted: &Value) -> bool {
    let ports = service["spec"]["ports"].as_array();
    ports.into_iter().flatten().any(|port| port["port"] == *wanted || port["name"] == *wanted)
}

fn is_ready(node: &Value) -> bool {
    node["status"]["conditions"][0]["status"] == "True"
}

fn serves(node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let is_excluded = labels.get("node.kubernetes.io/exclude-from-external-load-balancers").is_some();
    is_ready(node) && !is_excluded && node["spec"].get("taints").is_none()
}

fn is_selected(node: &Value, selector: &Value) -> bool {
    let wanted = selector.as_object().into_iter().flatten();
    wanted.into_iter().all(|(key, value)| node["metadata"]["labels"][key] == *value)
}
