//! Target groups, their targets, and the pods and nodes behind them.

use super::kubernetes::binding_state;
use super::sources::TargetGroupInAws;
use super::state_reason::{StateReason, unread};
use super::tree::{Tree, object_item};
use super::{Item, State, TargetCount, TopologyKind, remedy};
use crate::api::target_group_binding::TargetType;
use crate::api::{IntOrString, ObjectKey, TargetGroupBinding};
use crate::aws_api::elbv2::{self, TargetHealth, TargetHealthState};
use crate::targets::conditions::gate_of;
use crate::targets::endpoints::{self, Backing, Endpoint};
use crate::targets::view::{NodeView, PodView, Readiness};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the targets of a group stand.
enum Targets<'a> {
    /// As AWS says.
    Told(&'a [TargetHealth]),
    /// AWS was not asked, or does not say.
    Untold,
}

/// A target that is wanted, by address and port.
type WantedTargets = BTreeMap<(String, Option<i32>), Backing>;

impl<'a> Tree<'a> {
    /// The target group of an ARN.
    pub fn target_group(&mut self, arn: &str) -> String {
        let id = id_of_arn(arn);
        if self.has_here(&id) {
            return id;
        }
        let found = self.target_groups.get(arn).copied();
        let binding = self.bindings_by_arn.get(arn).cloned();
        self.add_target_group(id, name_of_arn(arn), found, binding.as_deref())
    }

    /// The target group of a binding, which need not be known.
    pub fn bound_target_group(&mut self, binding: &TargetGroupBinding) -> String {
        if let Some(arn) = &binding.spec.target_group_arn {
            return self.target_group(arn);
        }
        let name = binding.spec.target_group_name.as_deref().unwrap_or_default();
        self.add_target_group(id_of_binding(binding), name, None, Some(binding))
    }

    fn add_target_group(
        &mut self,
        id: String,
        name: &str,
        found: Option<&'a TargetGroupInAws>,
        binding: Option<&TargetGroupBinding>,
    ) -> String {
        let mut item = Item { id, kind: TopologyKind::TargetGroup, name: name.to_owned(), ..Item::default() };
        if let Some(found) = found {
            describe(&mut item, &found.entity);
        }
        if let Some(binding) = binding {
            item.details.insert("binding", ObjectKey::of(binding).to_string());
            item.details.insert("service", service_port(binding));
        }
        let wanted = binding.map(|binding| self.wanted(binding)).unwrap_or_default();
        let told = match found.map(|found| &found.targets) {
            Some(Ok(targets)) => Targets::Told(targets),
            Some(Err(_)) | None => Targets::Untold,
        };
        let gate = binding.map(|binding| gate_of(&ObjectKey::of(binding)));
        let targets = self.targets(&item.id, &told, wanted, gate.as_deref());
        let count = count(&targets);
        let mut judged =
            binding.map(|binding| binding_state(binding, &self.sources.events)).unwrap_or_default();
        if let Some(Err(error)) = found.map(|found| &found.targets) {
            judged = judged.or_worse(unread("targets", error));
        } else {
            let event = judged.event.clone();
            let is_local = binding.is_some_and(|binding| self.is_local(binding));
            let of_health = health_state(count, &targets, matches!(told, Targets::Told(_)), is_local);
            judged = judged.or_worse(of_health).event(event);
        }
        judged.give(&mut item);
        item.targets = Some(count);
        item.children = targets.into_iter().map(|target| self.add(target)).collect();
        self.add(item)
    }

    /// The targets that a binding asks for. Those that cannot be told are none; its event says why.
    fn wanted(&self, binding: &TargetGroupBinding) -> WantedTargets {
        let resolved = endpoints::resolve(binding, self.sources.cluster, self.sources.config);
        // why: the event of the binding tells why they cannot be told
        let endpoints = resolved.map_or_else(|_| Vec::new(), |resolution| resolution.endpoints);
        let entry = |endpoint: Endpoint| ((endpoint.id.to_string(), Some(endpoint.port)), endpoint.backing);
        endpoints.into_iter().map(entry).collect()
    }

    /// Whether only nodes with a pod of the Service answer.
    fn is_local(&self, binding: &TargetGroupBinding) -> bool {
        let service = self.sources.cluster.service(&endpoints::service_of(binding));
        let policy = service.and_then(|service| service.spec.as_ref()?.external_traffic_policy.clone());
        binding.spec.target_type == Some(TargetType::Instance) && policy.as_deref() == Some("Local")
    }

    fn targets(
        &mut self,
        group: &str,
        told: &Targets<'_>,
        mut wanted: WantedTargets,
        gate: Option<&str>,
    ) -> Vec<Item> {
        let mut items = Vec::new();
        if let Targets::Told(told) = told {
            for health in *told {
                let id = health.target.id.known().unwrap_or_default().to_owned();
                let backing = wanted.remove(&(id.clone(), health.target.port));
                let mut item = self.target(group, &id, health.target.port, backing.as_ref());
                item.details.insert("health", health.state.to_string());
                target_state(health).give(&mut item);
                items.push(item);
            }
        }
        for ((id, port), backing) in wanted {
            let mut item = self.target(group, &id, port, Some(&backing));
            let judged = match told {
                Targets::Told(_) => StateReason::new(
                    State::Pending,
                    "NotRegistered",
                    "It is to be a target and is not registered yet",
                ),
                Targets::Untold => gate_state(&backing, gate),
            };
            judged.give(&mut item);
            items.push(item);
        }
        items.sort_by(|a, b| a.id.cmp(&b.id));
        items
    }

    fn target(&mut self, group: &str, id: &str, port: Option<i32>, backing: Option<&Backing>) -> Item {
        let place = group.strip_prefix("targetgroup/").unwrap_or(group);
        let name = port.map_or_else(|| id.to_owned(), |port| format!("{id}:{port}"));
        let mut item = Item {
            id: format!("target/{place}/{name}"),
            kind: TopologyKind::Target,
            name,
            ..Item::default()
        };
        match backing {
            Some(Backing::Pod(pod)) => {
                item.related.push(self.pod(pod));
                item.label = format!("pod {}", pod.key.name());
                if let Some(node) = pod.node.as_deref() {
                    item.label = format!("{}, node {node}", item.label);
                    item.related.extend(self.sources.cluster.node(node).map(|node| self.node(&node)));
                }
            }
            Some(Backing::Node(node)) => {
                item.label = format!("node {}", node.name);
                item.related.push(self.node(node));
            }
            None => {
                let load_balancer = self.load_balancers.get(id).cloned();
                item.related.extend(load_balancer);
            }
        }
        item
    }

    fn pod(&mut self, pod: &Arc<PodView>) -> String {
        let mut item = object_item(TopologyKind::Pod, &pod.key);
        item.details.extend(pod.node.iter().map(|node| ("node", node.to_string())));
        item.details.extend(pod.ip.iter().map(|ip| ("ip", ip.to_string())));
        let judged = if pod.is_terminating {
            StateReason::new(State::Pending, "Terminating", "It is being deleted")
        } else if pod.containers_ready {
            StateReason::default()
        } else {
            StateReason::new(State::Unhealthy, "ContainersNotReady", "Its containers are not ready")
                .remedies(vec!["`kubectl describe pod` shows what its probes answer.".to_owned()])
        };
        judged.give(&mut item);
        self.add(item)
    }

    fn node(&mut self, node: &NodeView) -> String {
        let mut item = object_item(TopologyKind::Node, &ObjectKey::cluster(&*node.name));
        let zone = node.labels.get(crate::api::meta::ZONE_LABEL);
        item.details.extend(zone.map(|zone| ("zone", zone.clone())));
        if !node.provider_id.is_empty() {
            item.details.insert("providerID", node.provider_id.to_string());
        }
        let judged = match node.ready {
            Readiness::True => StateReason::default(),
            Readiness::False => StateReason::new(State::Unhealthy, "NotReady", "The node is not ready"),
            Readiness::Unknown => StateReason::new(State::Unhealthy, "NotReady", "The node does not answer"),
        };
        judged.give(&mut item);
        self.add(item)
    }
}

fn describe(item: &mut Item, entity: &elbv2::TargetGroup) {
    let elbv2::TargetGroup { arn, target_type, port, protocol, health_check, .. } = entity;
    let protocol = protocol.as_ref().map(ToString::to_string).unwrap_or_default();
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    item.label = format!("{target_type} {protocol}{port}");
    item.details.insert("arn", arn.clone());
    item.details.insert("targetType", target_type.to_string());
    let check_protocol = health_check.protocol.as_ref().map(ToString::to_string).unwrap_or_default();
    let check_port = health_check.port.as_deref().unwrap_or_default();
    let path = health_check.path.as_deref().unwrap_or_default();
    item.details.insert("healthCheck", format!("{check_protocol} {check_port} {path}").trim().to_owned());
}

/// What AWS says of a target.
fn target_state(health: &TargetHealth) -> StateReason {
    let reason = health.reason.as_deref().unwrap_or_default();
    let message = health.description.as_deref().unwrap_or_default();
    let state = match &health.state {
        TargetHealthState::Healthy | TargetHealthState::Draining | TargetHealthState::Unavailable => {
            State::Synced
        }
        TargetHealthState::Initial => State::Pending,
        TargetHealthState::Unhealthy | TargetHealthState::UnhealthyDraining | TargetHealthState::Unused => {
            State::Unhealthy
        }
        TargetHealthState::Other(_) => State::Unknown,
    };
    StateReason::new(state, reason, message).remedies(remedy::of_target(reason))
}

/// What the readiness gate of a pod says of its target.
fn gate_state(backing: &Backing, gate: Option<&str>) -> StateReason {
    let not_asked = || {
        StateReason::new(State::Unknown, "NotAsked", "AWS was not asked, and the pod has no readiness gate")
    };
    let Backing::Pod(pod) = backing else {
        return StateReason::new(State::Unknown, "NotAsked", "AWS was not asked about it");
    };
    let Some(gate) = gate.and_then(|gate| pod.gate(gate)) else { return not_asked() };
    let Some(condition) = &gate.condition else {
        return StateReason::new(
            State::Pending,
            "NoCondition",
            "Its readiness gate has not been answered yet",
        );
    };
    match (&*condition.status, &*condition.reason) {
        ("True", _) => StateReason::default(),
        (_, reason) if reason.starts_with("Elb.") && reason != "Elb.InternalError" => {
            StateReason::new(State::Pending, reason, &*condition.message)
        }
        (_, reason) => StateReason::new(State::Unhealthy, reason, &*condition.message)
            .remedies(remedy::of_target(reason)),
    }
}

fn count(targets: &[Item]) -> TargetCount {
    let mut count = TargetCount::default();
    for target in targets {
        if target.details.get("health").is_some_and(|health| health.ends_with("draining")) {
            count.draining += 1;
            continue;
        }
        count.total += 1;
        match target.state {
            State::Synced => count.healthy += 1,
            State::Pending => count.pending += 1,
            State::Unhealthy | State::Failed => count.unhealthy += 1,
            State::Unknown => count.unknown += 1,
        }
    }
    count
}

fn health_state(count: TargetCount, targets: &[Item], is_told: bool, is_local: bool) -> StateReason {
    let TargetCount { total, healthy, unhealthy, pending, unknown, .. } = count;
    let worst = targets
        .iter()
        .filter(|target| target.state == State::Unhealthy)
        .find(|target| !target.reason.is_empty());
    let (reason, remedies) =
        worst.map(|target| (target.reason.as_str(), target.remedies.clone())).unwrap_or_default();
    let summary = format!("{healthy} of {total} targets are healthy");
    if total == 0 && is_told {
        return StateReason::new(State::Unhealthy, "NoTargets", "It has no targets, so nothing answers")
            .remedies(vec![
                "See that the Service has endpoints that are ready: `kubectl get endpointslices`.".to_owned(),
            ]);
    }
    if total == 0 || unknown == total {
        return StateReason::new(State::Unknown, "NotAsked", "The health of its targets is not known");
    }
    if is_local && healthy > 0 && pending == 0 {
        let message = format!(
            "{summary}; nodes without a pod of the Service fail the check, as externalTrafficPolicy is Local"
        );
        let message = if unhealthy > 0 { message } else { summary };
        return StateReason::new(State::Synced, "", message);
    }
    if unhealthy > 0 {
        return StateReason::new(State::Unhealthy, reason, summary).remedies(remedies);
    }
    if pending > 0 {
        return StateReason::new(
            State::Pending,
            "",
            format!("{summary}, {pending} are being registered or checked"),
        );
    }
    StateReason::new(State::Synced, "", summary)
}

/// The id of the target group of an ARN.
pub(super) fn id_of_arn(arn: &str) -> String {
    let tail = arn.split_once(":targetgroup/").map_or(arn, |(_, tail)| tail);
    format!("targetgroup/{tail}")
}

/// The id of the target group of a binding.
pub(super) fn id_of_binding(binding: &TargetGroupBinding) -> String {
    match &binding.spec.target_group_arn {
        Some(arn) => id_of_arn(arn),
        None => format!("targetgroup/binding/{}", ObjectKey::of(binding)),
    }
}

/// The name in the ARN of a target group.
pub(super) fn name_of_arn(arn: &str) -> &str {
    let tail = arn.split_once(":targetgroup/").map_or(arn, |(_, tail)| tail);
    tail.split('/').next().unwrap_or(tail)
}

/// `namespace/name:port` of the Service of a binding.
pub(super) fn service_port(binding: &TargetGroupBinding) -> String {
    let port = match &binding.spec.service_ref.port {
        IntOrString::Int(port) => port.to_string(),
        IntOrString::String(port) => port.clone(),
    };
    format!("{}:{port}", endpoints::service_of(binding))
}
