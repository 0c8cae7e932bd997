//! Which bindings are for a pod that is being created.

use crate::api::Service;
use serde_json::Value;
use std::collections::BTreeMap;

/// The labels of a pod as it comes.
pub struct PodLabels(BTreeMap<String, String>);

impl PodLabels {
    /// Those of a pod.
    pub fn of(pod: &Value) -> Self {
        let labels = pod.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
        Self(labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
    }

    /// Whether a Service selects the pod. One without a selector selects nothing.
    pub fn are_selected_by(&self, service: &Service) -> bool {
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        selector.is_some_and(|selector| {
            !selector.is_empty() && selector.iter().all(|(key, value)| self.0.get(key) == Some(value))
        })
    }
}
