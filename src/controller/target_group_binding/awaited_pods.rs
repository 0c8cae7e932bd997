//! Pods whose changes concern bindings that could not be told otherwise.

use crate::api::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};

/// Pods that bindings wait for, both ways round.
#[derive(Debug, Default)]
pub(super) struct AwaitedPods {
    by_pod: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    by_binding: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
}

impl AwaitedPods {
    /// The bindings that wait for a pod.
    pub(super) fn bindings_of(&self, pod: &ObjectKey) -> BTreeSet<ObjectKey> {
        self.by_pod.get(pod).cloned().unwrap_or_default()
    }

    /// Says which pods a binding waits for: these and no others.
    pub(super) fn replace(&mut self, binding: &ObjectKey, pods: BTreeSet<ObjectKey>) {
        for pod in self.by_binding.remove(binding).unwrap_or_default() {
            if let Some(bindings) = self.by_pod.get_mut(&pod) {
                bindings.remove(binding);
                if bindings.is_empty() {
                    self.by_pod.remove(&pod);
                }
            }
        }
        for pod in &pods {
            self.by_pod.entry(pod.clone()).or_default().insert(binding.clone());
        }
        if !pods.is_empty() {
            self.by_binding.insert(binding.clone(), pods);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_waits_for_the_pods_named_last() {
        let key = |name: &str| ObjectKey::namespaced("shop", name);
        let pods = |names: &[&str]| names.iter().map(|name| key(name)).collect::<BTreeSet<_>>();
        let mut awaited = AwaitedPods::default();
        awaited.replace(&key("one"), pods(&["a", "b"]));
        awaited.replace(&key("two"), pods(&["b"]));
        assert_eq!(awaited.bindings_of(&key("b")), pods(&["one", "two"]));
        awaited.replace(&key("one"), pods(&["c"]));
        assert_eq!(awaited.bindings_of(&key("a")), pods(&[]));
        assert_eq!(awaited.bindings_of(&key("b")), pods(&["two"]));
        awaited.replace(&key("one"), pods(&[]));
        awaited.replace(&key("two"), pods(&[]));
        assert!(awaited.by_pod.is_empty() && awaited.by_binding.is_empty());
    }
}
