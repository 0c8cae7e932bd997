//! References to objects of other namespaces: only with a ReferenceGrant there.

use super::Cluster;
use crate::api::ObjectKey;
use crate::api::gateway::{GROUP, ReferenceGrant};
use std::sync::Arc;

/// An object that refers to others.
#[derive(Clone, Copy, Debug)]
pub struct Referrer<'a> {
    /// Its kind; its group is that of Gateway API.
    pub kind: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
}

/// Whether an object may refer to another one.
pub fn may_refer(from: Referrer<'_>, group: &str, kind: &str, to: &ObjectKey, cluster: &dyn Cluster) -> bool {
    is_permitted(from, group, kind, to, |namespace| Some(cluster.reference_grants(namespace)))
}

/// The same, as far as is known. `known`: the ReferenceGrants of a namespace.
pub fn is_permitted(
    from: Referrer<'_>,
    group: &str,
    kind: &str,
    to: &ObjectKey,
    known: impl FnOnce(&str) -> Option<Vec<Arc<ReferenceGrant>>>,
) -> bool {
    from.namespace == to.namespace()
        || known(to.namespace())
            .is_none_or(|all| all.iter().any(|grant| grants(grant, from, group, kind, to.name())))
}

fn grants(grant: &ReferenceGrant, from: Referrer<'_>, group: &str, kind: &str, name: &str) -> bool {
    let is_from = grant
        .spec
        .from
        .iter()
        .any(|one| one.group == GROUP && one.kind == from.kind && one.namespace == from.namespace);
    let is_named = |one: Option<&str>| one.is_none_or(|one| one == name);
    let is_to = grant
        .spec
        .to
        .iter()
        .any(|one| one.group == group && one.kind == kind && is_named(one.name.as_deref()));
    is_from && is_to
}

#[cfg(test)]
mod tests;
