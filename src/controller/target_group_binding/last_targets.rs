//! The last targets of a binding, as a pass sees them: what stands behind them, and who is told that they stay.

use super::backings::{Backings, TargetBacking};
use super::target_sync::TargetSync;
use crate::api::meta::CHECKPOINT_TIMESTAMP_ANNOTATION;
use crate::api::target_group_binding::TargetType;
use crate::api::{ObjectKey, Service, TargetGroupBinding};
use crate::aws_api::elbv2::Target;
use crate::deploy::targets::traits::BindingEvent;
use crate::status::event::Reason;
use crate::targets::endpoints::{Backing, Endpoint, Resolution, instance_id, is_eligible, service_of};
use crate::targets::last_targets::{BackingState, identities};
use crate::targets::view::{NodeView, PodView, Readiness};
use std::collections::{BTreeMap, BTreeSet};

/// Seconds by which the clocks of the API server and of this process may differ.
const SKEW: i64 = 30;
/// Targets that a message names.
const NAMED: usize = 5;

impl TargetSync<'_> {
    /// Whether last targets stay. Not those of a Service without selector: whoever takes its endpoints away means it.
    pub(super) fn keeps_last(&self) -> bool {
        let has_selector = || {
            let service = self.controller.view.service(&service_of(self.binding));
            let spec = service.as_ref().and_then(|service| service.spec.as_ref());
            spec.and_then(|spec| spec.selector.as_ref()).is_some_and(|selector| !selector.is_empty())
        };
        let is_of_nodes = self.binding.spec.target_type == Some(TargetType::Instance);
        self.controller.config.keep_last_healthy_targets && (is_of_nodes || has_selector())
    }

    /// What stands behind the targets that this binding can have.
    pub(super) fn list_backings(&self) -> Backings {
        let view = &self.controller.view;
        let mut backings = Backings::new();
        if self.binding.spec.target_type == Some(TargetType::Instance) {
            for node in view.nodes() {
                let Ok(id) = instance_id(&node) else { continue };
                let selector = self.binding.spec.node_selector.as_ref();
                // why: taking nodes away by their labels is meant
                let is_sure = is_eligible(&node, selector).unwrap_or(false);
                let standing = standing_of_node(&node);
                backings.insert(id.into(), TargetBacking { standing, is_sure, backing: Backing::Node(node) });
            }
            return backings;
        }
        let proof = PodProof::of(self.binding, &self.resolution);
        for pod in view.pods(self.key.namespace()) {
            let Some(ip) = pod.ip.clone() else { continue };
            let standing = proof.standing_of(&ip, &pod);
            let is_sure = proof.is_sure_of(&ip, &pod);
            // why: pods in their node's network share its address
            if backings.get(&ip).is_none_or(|other| other.standing < standing) {
                backings.insert(ip, TargetBacking { standing, is_sure, backing: Backing::Pod(pod) });
            }
        }
        backings
    }

    /// Last targets as endpoints, for whatever depends on what stands behind targets.
    pub(super) fn as_endpoints(&self, targets: &[Target]) -> Vec<Endpoint> {
        if targets.is_empty() {
            return Vec::new();
        }
        let backings = self.list_backings();
        let endpoint = |target: &Target| {
            let id = target.id.known()?;
            let backing = backings.get(id)?.backing.clone();
            let port = target.port.unwrap_or(0);
            let quic_server_id = target.quic_server_id.as_deref().map(Into::into);
            Some(Endpoint { id: id.into(), port, quic_server_id, backing })
        };
        targets.iter().filter_map(endpoint).collect()
    }

    /// Remembers the last targets, and tells of them if there is something new to tell.
    pub(super) fn note_kept(&self) {
        let message = (!self.kept.is_empty()).then(|| self.describe_kept());
        let kept = identities(&self.kept);
        let mut told = None;
        self.controller.states.change(self.key, |state| {
            told = std::mem::replace(&mut state.told_of_kept, message.clone());
            state.kept = kept;
        });
        let Some(message) = message.filter(|message| told.as_ref() != Some(message)) else { return };
        tracing::warn!(binding = %self.key, "{message}");
        let event = BindingEvent { is_warning: true, reason: Reason::KeptLastTargets.as_str(), message };
        if let Some(service) = self.controller.view.service(&service_of(self.binding)) {
            self.controller.api.record_on_service(&service, event.clone());
        }
        self.controller.api.record(self.binding, event);
    }

    fn describe_kept(&self) -> String {
        let key = service_of(self.binding);
        let cause = if self.binding.spec.target_type == Some(TargetType::Instance) {
            "no node that the binding selects is ready".to_owned()
        } else {
            let service = self.controller.view.service(&key);
            let selector = service.as_deref().map(selector_of).unwrap_or_default();
            self.resolution.explain_emptiness(&key.to_string(), &selector)
        };
        let mut named: Vec<String> = self.kept.iter().map(Endpoint::identity).take(NAMED).collect();
        if self.kept.len() > NAMED {
            named.push(format!("{} more", self.kept.len() - NAMED));
        }
        let (count, group, named) = (self.kept.len(), &self.group.arn, named.join(", "));
        format!(
            "{cause}: the last {count} targets ({named}) stay registered in target group {group} while their pods or nodes live; AWS's health checks decide which get traffic; --keep-last-healthy-targets=false switches this off"
        )
    }

    /// The pods behind last targets, whose end is to be noticed at once.
    pub(super) fn pods_of_kept(&self) -> BTreeSet<ObjectKey> {
        self.kept.iter().filter_map(|endpoint| endpoint.pod()).map(|pod| pod.key.clone()).collect()
    }
}

/// What tells whether a live pod is the one behind a target, and not a later one with the same address.
struct PodProof {
    unready: BTreeMap<Box<str>, bool>,
    /// Unix seconds of the last checkpoint: a pod that is older had its address when the targets were registered.
    checkpoint_at: Option<i64>,
}

impl PodProof {
    fn of(binding: &TargetGroupBinding, resolution: &Resolution) -> Self {
        let annotations = binding.metadata.annotations.as_ref();
        let at = annotations.and_then(|all| all.get(CHECKPOINT_TIMESTAMP_ANNOTATION));
        let dropped = resolution.dropped.iter();
        Self {
            unready: dropped.map(|dropped| (dropped.id.clone(), dropped.is_leaving)).collect(),
            checkpoint_at: at.and_then(|at| at.parse().ok()),
        }
    }

    fn standing_of(&self, ip: &str, pod: &PodView) -> BackingState {
        let is_leaving = self.unready.get(ip).copied();
        if pod.is_terminating || pod.has_ended || is_leaving == Some(true) {
            return BackingState::Gone;
        }
        if pod.containers_ready {
            return BackingState::Ready;
        }
        BackingState::Alive
    }

    /// Whether a pod is surely the one behind a target with its address.
    fn is_sure_of(&self, ip: &str, pod: &PodView) -> bool {
        let is_old = self.checkpoint_at.is_some_and(|at| pod.created_at <= at.saturating_add(SKEW));
        is_old || self.unready.contains_key(ip)
    }
}

fn standing_of_node(node: &NodeView) -> BackingState {
    match node.ready {
        _ if node.is_leaving => BackingState::Gone,
        Readiness::True => BackingState::Ready,
        Readiness::False | Readiness::Unknown => BackingState::Alive,
    }
}

/// `spec.selector` as kubectl shows it.
fn selector_of(service: &Service) -> String {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let terms: Vec<String> =
        selector.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    if terms.is_empty() { "none".to_owned() } else { terms.join(",") }
}
