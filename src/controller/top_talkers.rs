//! Which objects are reconciled most often: for the metric that names the noisy ones.
//!
//! Matches upstream's `pkg/metrics/lbc/topTalkers`. On purpose different: an object that is quiet again loses its series
//! instead of keeping its last value for ever.

use crate::api::ObjectKey;
use crate::metrics::{Metrics, TalkerLabels};
use crate::model::StackId;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many are named, a controller.
const NAMED: usize = 3;

/// Something that is reconciled.
pub trait ObjectName {
    /// Namespace (empty: none) and name.
    fn namespaced_name(&self) -> (&str, &str);
}

impl ObjectName for ObjectKey {
    fn namespaced_name(&self) -> (&str, &str) {
        (self.namespace(), self.name())
    }
}

impl ObjectName for StackId {
    fn namespaced_name(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}

/// Counts reconciles by controller and object.
#[derive(Debug, Default)]
pub struct TopTalkers(Mutex<BTreeMap<&'static str, BTreeMap<NamespacedName, i64>>>);

/// Namespace and name.
type NamespacedName = (String, String);

impl TopTalkers {
    /// Counts one reconcile.
    pub fn count(&self, controller: &'static str, object_name: &impl ObjectName) {
        let (namespace, name) = object_name.namespaced_name();
        let mut counts = self.0.lock();
        let of_controller = counts.entry(controller).or_default();
        *of_controller.entry((namespace.to_owned(), name.to_owned())).or_default() += 1;
    }

    /// Names the busiest objects since the last time, and starts to count anew.
    pub fn publish(&self, metrics: &Metrics) {
        let counts = std::mem::take(&mut *self.0.lock());
        metrics.top_talkers.clear();
        for (controller, of_controller) in counts {
            for ((namespace, name), count) in busiest(of_controller) {
                let labels = TalkerLabels::new(controller, namespace, name);
                metrics.top_talkers.get_or_create(&labels).set(count);
            }
        }
    }
}

fn busiest(counts: BTreeMap<NamespacedName, i64>) -> Vec<(NamespacedName, i64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts.truncate(NAMED);
    counts
}

#[cfg(test)]
mod tests;
