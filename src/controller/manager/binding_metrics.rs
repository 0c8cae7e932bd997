//! What bindings tell, as metrics.

use super::components::BINDINGS;
use crate::api::ObjectKey;
use crate::deploy::targets::traits::{BindingMetrics, TargetCounts};
use crate::metrics::{Metrics, ObjectLabels, TargetLabels, name_target_group};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The states in which targets are counted.
const STATES: [&str; 4] = ["desired", "registered", "healthy", "kept"];

/// Counts what bindings do.
pub(super) struct BindingCounters {
    metrics: Arc<Metrics>,
    /// The target groups whose targets are counted, by binding.
    groups: Mutex<BTreeMap<ObjectKey, String>>,
}

impl BindingCounters {
    /// Counts into these metrics.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, groups: Mutex::default() }
    }

    fn set_targets(&self, binding: &ObjectKey, group: &str, state: &str, count: Option<usize>) {
        let labels = TargetLabels::new(binding.namespace(), binding.name(), name_target_group(group), state);
        match count {
            Some(count) => {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.metrics.targets.get_or_create(&labels).set(count);
            }
            None => drop(self.metrics.targets.remove(&labels)),
        }
    }
}

impl Drop for BindingCounters {
    /// Who does not lead any more says nothing about targets.
    fn drop(&mut self) {
        for (binding, group) in std::mem::take(&mut *self.groups.lock()) {
            for state in STATES {
                self.set_targets(&binding, &group, state, None);
            }
        }
    }
}

impl BindingMetrics for BindingCounters {
    fn gate_opened(&self, binding: &ObjectKey, waited: Duration) {
        self.metrics.observe_gate(binding.namespace(), binding.name(), waited);
    }

    fn step_failed(&self, category: &'static str) {
        self.metrics.count_error(BINDINGS, category);
    }

    fn server_ids_missing(&self, binding: &ObjectKey, endpoints: usize) {
        let labels = ObjectLabels::new(binding.namespace(), binding.name());
        let endpoints = u64::try_from(endpoints).unwrap_or(u64::MAX);
        self.metrics.quic_target_missing_server_id.get_or_create(&labels).inc_by(endpoints);
    }

    fn stage_took(&self, stage: &'static str, took: Duration) {
        self.metrics.observe_stage(BINDINGS, stage, took);
    }

    fn targets(&self, binding: &ObjectKey, group: &str, counts: TargetCounts) {
        if self.groups.lock().get(binding).is_some_and(|former| former != group) {
            self.binding_gone(binding);
        }
        self.groups.lock().insert(binding.clone(), group.to_owned());
        self.set_targets(binding, group, "desired", Some(counts.desired));
        self.set_targets(binding, group, "registered", counts.registered);
        self.set_targets(binding, group, "healthy", counts.healthy);
        self.set_targets(binding, group, "kept", counts.kept);
    }

    fn binding_gone(&self, binding: &ObjectKey) {
        let Some(group) = self.groups.lock().remove(binding) else { return };
        for state in STATES {
            self.set_targets(binding, &group, state, None);
        }
    }
}

#[cfg(test)]
mod tests;
