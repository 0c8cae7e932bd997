//! Target groups that several clusters share: each deregisters only what it registered itself.
//!
//! Upstream's `pkg/targetgroupbinding/multicluster_manager.go`. The record is a ConfigMap in the binding's namespace.

use super::endpoints::Endpoint;
use crate::api::meta::MULTI_CLUSTER_CONFIG_MAP_PREFIX;
use crate::api::{ConfigMap, ObjectKey, TargetGroupBinding};
use std::collections::{BTreeMap, BTreeSet};

/// The one key of the ConfigMap.
const TARGETS: &str = "targets";

/// Identities of the targets that this cluster registered.
pub type OwnedTargetIds = BTreeSet<String>;

/// Whether other clusters have targets in the target group, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership<'a> {
    /// All targets are ours.
    Sole,
    /// Those on record are ours; `None`: there is no record yet, so none is known to be ours.
    Shared(Option<&'a OwnedTargetIds>),
}

impl Ownership<'_> {
    /// Whether a target is ours to deregister.
    pub fn covers(self, identity: &str) -> bool {
        match self {
            Self::Sole => true,
            Self::Shared(owned) => owned.is_some_and(|owned| owned.contains(identity)),
        }
    }
}

/// Whether a binding's target group is shared with other clusters.
pub fn is_shared(binding: &TargetGroupBinding) -> bool {
    binding.spec.multi_cluster_target_group.unwrap_or_default()
}

/// The ConfigMap that holds a binding's record.
pub fn config_map_key(binding: &ObjectKey) -> ObjectKey {
    binding.sibling(format!("{MULTI_CLUSTER_CONFIG_MAP_PREFIX}{}", binding.name()))
}

/// The record of all endpoints.
pub fn owned(endpoints: &[Endpoint]) -> OwnedTargetIds {
    endpoints.iter().map(Endpoint::identity).collect()
}

/// The record that a ConfigMap holds.
pub fn parse_owned(config_map: &ConfigMap) -> OwnedTargetIds {
    let text = config_map.data.as_ref().and_then(|data| data.get(TARGETS)).map_or("", String::as_str);
    text.split(',').filter(|identity| !identity.is_empty()).map(str::to_owned).collect()
}

/// The ConfigMap for a record.
pub fn render_owned(binding: &ObjectKey, owned: &OwnedTargetIds) -> ConfigMap {
    let key = config_map_key(binding);
    let text = owned.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let mut config_map = ConfigMap::default();
    config_map.metadata.namespace = Some(key.namespace().to_owned());
    config_map.metadata.name = Some(key.name().to_owned());
    config_map.data = Some(BTreeMap::from([(TARGETS.to_owned(), text)]));
    config_map
}

#[cfg(test)]
mod tests;
