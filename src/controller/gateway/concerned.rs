//! Which Gateways a change concerns.

use super::configurations::{classes_with, gateways_with, load_balancers_with};
use crate::api::gateway::{
    GATEWAY_KIND, Gateway, LISTENER_SET_KIND, ListenerSet, ReferenceGrant, true_condition,
};
use crate::api::gateway_config::TargetGroupConfiguration;
use crate::api::{ObjectKey, ObjectMeta};
use crate::cluster::CacheEvent;
use crate::cluster::gateway_stores::{
    GatewayChange, GatewayStores, RouteObject, RouteParent, gateway_of, parents,
};
use crate::config::FeatureGates;
use crate::gateway::Controller;
use crate::gateway::config::target;
use crate::gateway::route::RouteKind;
use crate::model::StackId;
use crate::take_over::request::recorded;
use std::collections::BTreeSet;
use strum::VariantArray as _;

/// The Gateways that may have to change because of what has changed. They may be gone, or of a class that nobody serves here.
pub fn gateways(stores: &GatewayStores, change: &GatewayChange) -> BTreeSet<ObjectKey> {
    match change {
        GatewayChange::KindsListed => stores.gateways.keys().into_iter().collect(),
        GatewayChange::Class(key) => of_class(stores, key).collect(),
        GatewayChange::Gateway(key, event) => by_gateway(stores, key, event),
        GatewayChange::ListenerSet(event) => by_listener_set(event),
        GatewayChange::Route(_, named) => {
            named.iter().filter_map(|parent| gateway_of_parent(stores, parent)).collect()
        }
        GatewayChange::ReferenceGrant(event) => by_reference_grant(stores, event),
        GatewayChange::LoadBalancerConfiguration(key) => with_load_balancer_configuration(stores, key),
        GatewayChange::TargetGroupConfiguration(key, event) => {
            by_target_group_configuration(stores, key, event)
        }
        GatewayChange::ListenerRuleConfiguration(key) => of_routes(stores, &stores.routes_of_rule(key)),
    }
}

/// The Gateways with a route to a Service.
pub fn gateways_of_service(stores: &GatewayStores, key: &ObjectKey) -> BTreeSet<ObjectKey> {
    of_routes(stores, &stores.routes_of_backend("Service", key))
}

/// The Gateways that routes and ListenerSets of a namespace name, which its labels may admit.
pub fn gateways_of_namespace(stores: &GatewayStores, name: &str) -> BTreeSet<ObjectKey> {
    let of_kind = |kind: &RouteKind| of_routes(stores, &stores.routes_in(*kind, name));
    let of_sets = stores.listener_sets.list_namespace(name);
    let of_sets = of_sets.iter().map(|set| gateway_of(set));
    RouteKind::VARIANTS.iter().flat_map(of_kind).chain(of_sets).collect()
}

/// The Ingress groups that go on, or stop, because it changes which Gateway has their load balancer.
pub fn groups_taken_over(stores: &GatewayStores, change: &GatewayChange) -> BTreeSet<StackId> {
    match change {
        GatewayChange::Gateway(_, event) => {
            let (old, new) = event.sides();
            let class = |side: Option<&Gateway>| side.map(|side| side.spec.gateway_class_name.clone());
            let (before, after) = (old.and_then(recorded), new.and_then(recorded));
            if before == after && class(old) == class(new) {
                return BTreeSet::new();
            }
            before.into_iter().chain(after).collect()
        }
        GatewayChange::Class(key) => {
            stores.gateways.list_group(key).iter().filter_map(|gateway| recorded(gateway)).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Whose Gateway it is; `None`: nobody's here, or it is gone.
pub fn controller_of(
    stores: &GatewayStores,
    features: &FeatureGates,
    gateway: &Gateway,
) -> Option<Controller> {
    let class = stores.classes.get(&ObjectKey::cluster(gateway.spec.gateway_class_name.as_str()))?;
    Controller::of_name(&class.spec.controller_name).filter(|controller| match controller {
        Controller::Alb => features.alb_gateway_api,
        Controller::Nlb => features.nlb_gateway_api,
    })
}

/// Whether a Gateway asks for what it asked for before.
pub(super) fn is_same_request(event: &CacheEvent<Gateway>) -> bool {
    let (old, new) = event.sides();
    matches!((old, new), (Some(old), Some(new)) if old.spec == new.spec && is_same_meta(&old.metadata, &new.metadata))
}

fn by_gateway(stores: &GatewayStores, key: &ObjectKey, event: &CacheEvent<Gateway>) -> BTreeSet<ObjectKey> {
    let (old, new) = event.sides();
    let mut concerned = BTreeSet::new();
    if !is_same_request(event) {
        concerned.insert(key.clone());
    }
    if old.and_then(programmed) != new.and_then(programmed) {
        concerned.extend(of_routes(stores, &stores.routes_of_backend("Gateway", key)));
    }
    concerned
}

fn by_listener_set(event: &CacheEvent<ListenerSet>) -> BTreeSet<ObjectKey> {
    let (old, new) = event.sides();
    if let (Some(old), Some(new)) = (old, new)
        && old.spec == new.spec
        && is_same_meta(&old.metadata, &new.metadata)
    {
        return BTreeSet::new();
    }
    old.into_iter().chain(new).map(gateway_of).collect()
}

fn by_reference_grant(stores: &GatewayStores, event: &CacheEvent<ReferenceGrant>) -> BTreeSet<ObjectKey> {
    let (old, new) = event.sides();
    let from = || old.into_iter().chain(new).flat_map(|grant| &grant.spec.from);
    let namespaces =
        |kind: &'static str| from().filter(move |one| one.kind == kind).map(|one| &one.namespace);
    let gateways = namespaces(GATEWAY_KIND).flat_map(|own| stores.gateways.list_namespace(own));
    let sets = namespaces(LISTENER_SET_KIND).flat_map(|own| stores.listener_sets.list_namespace(own));
    let of_certificates = gateways.map(|one| ObjectKey::of(&*one)).chain(sets.map(|set| gateway_of(&set)));
    let of_backends = from()
        .filter_map(|from| Some((from.kind.parse::<RouteKind>().ok()?, &from.namespace)))
        .flat_map(|(kind, namespace)| of_routes(stores, &stores.routes_in(kind, namespace)));
    of_backends.chain(of_certificates).collect()
}

fn by_target_group_configuration(
    stores: &GatewayStores,
    key: &ObjectKey,
    event: &CacheEvent<TargetGroupConfiguration>,
) -> BTreeSet<ObjectKey> {
    let (old, new) = event.sides();
    let of_side = |side: &TargetGroupConfiguration| {
        if let Some((kind, name)) = target(&side.spec) {
            return of_routes(stores, &stores.routes_of_backend(kind, &key.sibling(name)));
        }
        let named = load_balancers_with(stores, key);
        named.iter().flat_map(|named| with_load_balancer_configuration(stores, named)).collect()
    };
    old.into_iter().chain(new).flat_map(of_side).collect()
}

/// The Gateways that are configured by a LoadBalancerConfiguration, themselves or by their class.
fn with_load_balancer_configuration(stores: &GatewayStores, key: &ObjectKey) -> BTreeSet<ObjectKey> {
    let classes = classes_with(stores, key).into_iter().map(ObjectKey::cluster);
    let of_classes = classes.flat_map(|class| of_class(stores, &class).collect::<Vec<_>>());
    gateways_with(stores, key).into_iter().chain(of_classes).collect()
}

fn of_class(stores: &GatewayStores, class: &ObjectKey) -> impl Iterator<Item = ObjectKey> + use<> {
    stores.gateways.list_group(class).into_iter().map(|gateway| ObjectKey::of(&*gateway))
}

fn of_routes(stores: &GatewayStores, routes: &[RouteObject]) -> BTreeSet<ObjectKey> {
    let parents = routes.iter().flat_map(|object| parents(&object.route()));
    parents.filter_map(|parent| gateway_of_parent(stores, &parent)).collect()
}

fn gateway_of_parent(stores: &GatewayStores, parent: &RouteParent) -> Option<ObjectKey> {
    match parent {
        RouteParent::Gateway(key) => Some(key.clone()),
        RouteParent::ListenerSet(key) => stores.listener_sets.get(key).map(|set| gateway_of(&set)),
    }
}

/// Whether what is read of the metadata is as it was.
fn is_same_meta(old: &ObjectMeta, new: &ObjectMeta) -> bool {
    old.generation == new.generation
        && old.annotations == new.annotations
        && old.labels == new.labels
        && old.finalizers == new.finalizers
        && old.deletion_timestamp == new.deletion_timestamp
        && old.uid == new.uid
}

fn programmed(gateway: &Gateway) -> Option<&str> {
    let programmed = true_condition(&gateway.status.as_ref()?.conditions, "Programmed")?;
    Some(programmed.message.as_str())
}
