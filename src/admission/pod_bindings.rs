//! Which bindings are for a pod that is being created.

use crate::api::target_group_binding::TargetType;
use crate::api::{Service, TargetGroupBinding};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The bindings (of the pod's namespace) whose Service selects the pod. `service` knows Services by name.
pub fn selecting(
    pod: &Value,
    bindings: impl IntoIterator<Item = Arc<TargetGroupBinding>>,
    service: impl Fn(&str) -> Option<Arc<Service>>,
) -> impl Iterator<Item = SelectingBinding> {
    let labels = PodLabels::of(pod);
    bindings.into_iter().filter_map(move |binding| {
        let service = service(&binding.spec.service_ref.name)?;
        labels.are_selected_by(&service).then_some(SelectingBinding { binding, service })
    })
}

/// A binding that selects a pod, with its Service.
#[derive(Clone, Debug)]
pub struct SelectingBinding {
    /// The binding.
    pub binding: Arc<TargetGroupBinding>,
    /// Its Service.
    pub service: Arc<Service>,
}

impl SelectingBinding {
    /// The ARN of the target group whose deregistration delay counts; `None`: pods are no targets of it.
    pub fn delayed_target_group(&self) -> Option<&str> {
        let spec = &self.binding.spec;
        let is_ip = spec.target_type == Some(TargetType::Ip);
        spec.target_group_arn.as_deref().filter(|arn| is_ip && !arn.is_empty())
    }
}

/// The labels of a pod as it comes.
struct PodLabels(BTreeMap<String, String>);

impl PodLabels {
    /// Those of a pod.
    fn of(pod: &Value) -> Self {
        let labels = pod.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
        Self(labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
    }

    /// Whether a Service selects the pod. One without a selector selects nothing.
    fn are_selected_by(&self, service: &Service) -> bool {
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        selector.is_some_and(|selector| {
            !selector.is_empty() && selector.iter().all(|(key, value)| self.0.get(key) == Some(value))
        })
    }
}
