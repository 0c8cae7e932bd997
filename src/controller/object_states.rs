//! What became of each object when it was last worked on: for the metrics that name those that are not as wanted.
//!
//! Holds an entry for every object that is served, and for no other.

use super::ReconcileResult;
use super::top_talkers::ObjectName;
use crate::metrics::{Metrics, ObjectStateLabels, TalkerLabels};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// The state that an object is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ObjectState {
    /// As it is wanted.
    Synced,
    /// Nothing failed; it takes its time.
    Waiting,
    /// It failed and is tried again.
    Failing,
    /// It fails until somebody changes something.
    Invalid,
}

/// Objects by controller, namespace and name.
#[derive(Debug, Default)]
pub struct ObjectStates(Mutex<BTreeMap<ObjectId, StateEntry>>);

type ObjectId = (&'static str, String, String);

#[derive(Clone, Copy, Debug)]
struct StateEntry {
    state: ObjectState,
    /// When it was last as wanted, or first worked on.
    succeeded: Instant,
}

impl ObjectStates {
    /// Notes how a reconcile has ended.
    pub fn note(&self, controller: &'static str, object_name: &impl ObjectName, result: ReconcileResult) {
        let (namespace, name) = object_name.namespaced_name();
        let object = (controller, namespace.to_owned(), name.to_owned());
        let mut entries = self.0.lock();
        let Some(state) = state_after(result) else {
            entries.remove(&object);
            return;
        };
        let entry = entries.entry(object).or_insert_with(|| StateEntry { state, succeeded: Instant::now() });
        entry.state = state;
        if state == ObjectState::Synced {
            entry.succeeded = Instant::now();
        }
    }

    /// Tells the state of every object, and how long ago it was last as wanted.
    pub fn publish(&self, metrics: &Metrics) {
        metrics.object_state.clear();
        metrics.object_success_age.clear();
        for ((controller, namespace, name), StateEntry { state, succeeded }) in &*self.0.lock() {
            let state: &str = state.into();
            let labels = ObjectStateLabels::new(*controller, namespace, name, state);
            metrics.object_state.get_or_create(&labels).set(1);
            let labels = TalkerLabels::new(*controller, namespace, name);
            metrics.object_success_age.get_or_create(&labels).set(succeeded.elapsed().as_secs_f64());
        }
    }
}

/// `None`: the object is not served any more.
fn state_after(result: ReconcileResult) -> Option<ObjectState> {
    Some(match result {
        ReconcileResult::Done | ReconcileResult::DoneUntil(_) => ObjectState::Synced,
        ReconcileResult::RequeueAfter(_) => ObjectState::Waiting,
        ReconcileResult::Retry => ObjectState::Failing,
        ReconcileResult::AwaitChange | ReconcileResult::TooCostly | ReconcileResult::MissingReference(_) => {
            ObjectState::Invalid
        }
        ReconcileResult::Gone => return None,
    })
}

#[cfg(test)]
mod tests;
