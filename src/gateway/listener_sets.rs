//! Which ListenerSets add listeners to a Gateway.

use super::{GatewayOptions, NamespaceSource, namespaces};
use crate::api::ObjectKey;
use crate::api::gateway::{FromNamespaces, GATEWAY_KIND, Gateway, ListenerSet};
use crate::api::selector::SelectorError;

/// The ListenerSets that name a Gateway.
#[derive(Clone, Debug, Default)]
pub struct ListenerSets<'a> {
    /// Those whose listeners count, by precedence: the oldest first, then by namespace and name.
    pub accepted: Vec<&'a ListenerSet>,
    /// Those that the Gateway does not admit, by namespace and name.
    pub rejected: Vec<&'a ListenerSet>,
    /// Those of which nobody can tell, by namespace and name: what they have in AWS stays.
    pub undecided: Vec<(&'a ListenerSet, SelectorError)>,
}

/// Sorts the ListenerSets of the cluster by what a Gateway makes of them; those of other Gateways are left out.
pub fn sort<'a>(
    gateway: &Gateway,
    sets: impl IntoIterator<Item = &'a ListenerSet>,
    cluster: &dyn NamespaceSource,
    options: GatewayOptions,
) -> ListenerSets<'a> {
    let mut sorted = ListenerSets::default();
    let key = ObjectKey::of(gateway);
    for set in sets.into_iter().filter(|set| options.listener_sets && names(set, &key)) {
        match admits(gateway, &key, set, cluster) {
            Ok(true) => sorted.accepted.push(set),
            Ok(false) => sorted.rejected.push(set),
            Err(error) => sorted.undecided.push((set, error)),
        }
    }
    sorted.accepted.sort_by_cached_key(|set| (created(set), name(set)));
    sorted.rejected.sort_by_cached_key(|set| name(set));
    sorted.undecided.sort_by_cached_key(|(set, _)| name(set));
    sorted
}

/// Whether a ListenerSet names a Gateway. The group is not looked at, as upstream does.
pub fn names(set: &ListenerSet, gateway: &ObjectKey) -> bool {
    let parent = &set.spec.parent_ref;
    let own = set.metadata.namespace.as_deref().unwrap_or_default();
    parent.kind.as_deref().is_none_or(|kind| kind == GATEWAY_KIND)
        && parent.name == gateway.name()
        && parent.namespace.as_deref().unwrap_or(own) == gateway.namespace()
}

fn admits(
    gateway: &Gateway,
    key: &ObjectKey,
    set: &ListenerSet,
    cluster: &dyn NamespaceSource,
) -> Result<bool, SelectorError> {
    let filter = gateway.spec.allowed_listeners.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
    let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
    namespaces::admits(filter, FromNamespaces::None, key.namespace(), namespace, cluster)
}

/// Whole seconds, because that is what the API server keeps; a set that is not yet created comes first, as in Go.
fn created(set: &ListenerSet) -> Option<i64> {
    set.metadata.creation_timestamp.as_ref().map(|time| time.0.as_second())
}

/// `namespace/name` as one text, because upstream sorts it as one.
fn name(set: &ListenerSet) -> String {
    ObjectKey::of(set).to_string()
}

#[cfg(test)]
mod tests;
