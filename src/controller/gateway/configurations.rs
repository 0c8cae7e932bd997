//! Configurations of Gateways: kept while something uses them, and told whether they can be used.
//!
//! Matches upstream's `controllers/gateway/{loadbalancer,targetgroup,listenerrule}_configuration_controller.go`. Whether a
//! TargetGroupConfiguration is used is told by the routes that there are, not by what was built since the start.

use super::class::is_ours;
use crate::api::ObjectKey;
use crate::api::gateway::{GATEWAY_KIND, Gateway};
use crate::api::gateway_config::{
    LOAD_BALANCER_CONFIGURATION_KIND, ListenerRuleConfiguration, LoadBalancerConfiguration,
    TargetGroupConfiguration,
};
use crate::api::meta::{has_finalizer, is_being_deleted};
use crate::cluster::ApiError;
use crate::cluster::gateway_stores::{GatewayStores, RouteObject, RouteParent, gateway_of, parents};
use crate::cluster::objects::NamespacedKind;
use crate::controller::ReconcileResult;
use crate::controller::context::ReconcileContext;
use crate::gateway::config::target;
use crate::gateway::status::{rule_configuration_status, secret_of};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const LOAD_BALANCER_FINALIZER: &str = "gateway.k8s.aws/loadbalancerconfigurations";
const TARGET_GROUP_FINALIZER: &str = "gateway.k8s.aws/targetgroupconfigurations";
const LISTENER_RULE_FINALIZER: &str = "gateway.k8s.aws/listenerruleconfigurations";

/// When to look again for a Secret that is not there.
const SECRET_INTERVAL: Duration = Duration::from_secs(10);

/// Keeps a LoadBalancerConfiguration while a class or a Gateway names it.
pub async fn reconcile_load_balancer(context: &ReconcileContext, key: &ObjectKey) -> ReconcileResult {
    let Some(found) = context.stores.gateways.load_balancer_configurations.get(key) else {
        return ReconcileResult::Gone;
    };
    let uses = || uses_of_load_balancer(context, key);
    let kept = keep::<LoadBalancerConfiguration>(context, &found, LOAD_BALANCER_FINALIZER, uses).await;
    ended(kept, key)
}

/// Keeps a TargetGroupConfiguration while a route, or a LoadBalancerConfiguration that is kept itself, uses it.
pub async fn reconcile_target_group(context: &ReconcileContext, key: &ObjectKey) -> ReconcileResult {
    let Some(found) = context.stores.gateways.target_group_configurations.get(key) else {
        return ReconcileResult::Gone;
    };
    let uses = || uses_of_target_group(context, key, &found);
    let kept = keep::<TargetGroupConfiguration>(context, &found, TARGET_GROUP_FINALIZER, uses).await;
    ended(kept, key)
}

/// Keeps a ListenerRuleConfiguration while a route names it, and says whether it can be used.
pub async fn reconcile_listener_rule(context: &ReconcileContext, key: &ObjectKey) -> ReconcileResult {
    let Some(found) = context.stores.gateways.listener_rule_configurations.get(key) else {
        return ReconcileResult::Gone;
    };
    let uses = || {
        let routes = context.stores.gateways.routes_of_rule(key);
        routes.iter().map(|route| route.route().id.key.to_string()).collect()
    };
    let kept = keep::<ListenerRuleConfiguration>(context, &found, LISTENER_RULE_FINALIZER, uses).await;
    // why: `ended` tells the error
    if is_being_deleted(&*found) || kept.is_err() {
        return ended(kept, key);
    }
    match write_status(context, key, &found).await {
        Ok(result) => result,
        Err(error) => ended(Err(error), key),
    }
}

async fn write_status(
    context: &ReconcileContext,
    key: &ObjectKey,
    found: &ListenerRuleConfiguration,
) -> Result<ReconcileResult, ApiError> {
    let secret = secret_of(found);
    let missing = match &secret {
        Some(secret) if context.objects.read_secret(secret).await?.is_none() => Some(secret),
        _ => None,
    };
    if let Some(status) = rule_configuration_status(found, missing) {
        context.objects.patch_status::<ListenerRuleConfiguration>(key, &json!(status)).await?;
    }
    Ok(match missing {
        Some(_) => ReconcileResult::MissingReference(Some(SECRET_INTERVAL)),
        None => ReconcileResult::Done,
    })
}

/// Adds a finalizer, and takes it away from an object that is being deleted once nothing uses it.
async fn keep<K: NamespacedKind>(
    context: &ReconcileContext,
    object: &K,
    finalizer: &str,
    uses: impl Fn() -> BTreeSet<String>,
) -> Result<ReconcileResult, ApiError> {
    let key = ObjectKey::of(object);
    if !is_being_deleted(object) {
        if !has_finalizer(object, finalizer) {
            context.objects.add_finalizer::<K>(&key, finalizer).await?;
        }
        return Ok(ReconcileResult::Done);
    }
    let uses = uses();
    if !uses.is_empty() {
        tracing::info!(kind = %K::kind(&()), object = %key, ?uses, "deletion waits while it is in use");
        return Ok(ReconcileResult::AwaitChange);
    }
    context.objects.remove_finalizer::<K>(&key, finalizer).await?;
    Ok(ReconcileResult::Gone)
}

fn ended(kept: Result<ReconcileResult, ApiError>, key: &ObjectKey) -> ReconcileResult {
    kept.unwrap_or_else(|error| {
        tracing::warn!(object = %key, %error, "configuration of Gateways not reconciled");
        ReconcileResult::Retry
    })
}

/// The classes and Gateways that name a LoadBalancerConfiguration.
fn uses_of_load_balancer(context: &ReconcileContext, key: &ObjectKey) -> BTreeSet<String> {
    let stores = &context.stores.gateways;
    let classes = classes_with(stores, key).into_iter();
    let of_classes = classes.filter(|class| {
        stores.classes.get(&ObjectKey::cluster(class.as_str())).is_some_and(|class| is_ours(context, &class))
    });
    let of_gateways = gateways_with(stores, key).into_iter().filter(|gateway| is_managed(context, gateway));
    of_classes.chain(of_gateways.map(|gateway| gateway.to_string())).collect()
}

/// The classes whose parameters a LoadBalancerConfiguration is.
pub(super) fn classes_with(stores: &GatewayStores, key: &ObjectKey) -> Vec<String> {
    let classes = stores.classes.list();
    let named = classes.iter().filter(|class| {
        class.spec.parameters_ref.as_ref().is_some_and(|reference| {
            reference.kind == LOAD_BALANCER_CONFIGURATION_KIND
                && reference.name == key.name()
                && reference.namespace.as_deref() == Some(key.namespace())
        })
    });
    named.filter_map(|class| class.metadata.name.clone()).collect()
}

/// The Gateways whose own parameters a LoadBalancerConfiguration is.
pub(super) fn gateways_with(stores: &GatewayStores, key: &ObjectKey) -> Vec<ObjectKey> {
    let gateways = stores.gateways.list_namespace(key.namespace());
    let names = |gateway: &Gateway| {
        let infrastructure = gateway.spec.infrastructure.as_ref();
        let reference = infrastructure.and_then(|found| found.parameters_ref.as_ref());
        reference.is_some_and(|reference| {
            reference.kind == LOAD_BALANCER_CONFIGURATION_KIND && reference.name == key.name()
        })
    };
    gateways.iter().filter(|gateway| names(gateway)).map(|gateway| ObjectKey::of(&**gateway)).collect()
}

/// Whether a Gateway is there and its class is served here.
fn is_managed(context: &ReconcileContext, key: &ObjectKey) -> bool {
    let stores = &context.stores.gateways;
    stores.gateways.get(key).is_some_and(|gateway| {
        let class = stores.classes.get(&ObjectKey::cluster(gateway.spec.gateway_class_name.as_str()));
        class.is_some_and(|class| is_ours(context, &class))
    })
}

/// What uses a TargetGroupConfiguration.
fn uses_of_target_group(
    context: &ReconcileContext,
    key: &ObjectKey,
    found: &TargetGroupConfiguration,
) -> BTreeSet<String> {
    let stores = &context.stores.gateways;
    match target(&found.spec) {
        None => {
            let named = load_balancers_with(stores, key).into_iter();
            named
                .filter(|named| !uses_of_load_balancer(context, named).is_empty())
                .map(|named| named.to_string())
                .collect()
        }
        // why not those for Gateways: upstream never keeps them
        Some((GATEWAY_KIND, _)) => BTreeSet::new(),
        Some((kind, name)) => {
            let target = key.sibling(name);
            let routes = stores.routes_of_backend(kind, &target);
            let used = routes.iter().filter(|route| names_managed(context, route));
            let there = stores_service(context, &target);
            used.filter(|_| there).map(|route| route.route().id.key.to_string()).collect()
        }
    }
}

fn stores_service(context: &ReconcileContext, key: &ObjectKey) -> bool {
    context.stores.services.get(key).is_some()
}

/// The LoadBalancerConfigurations that name a TargetGroupConfiguration as the default.
pub(super) fn load_balancers_with(stores: &GatewayStores, key: &ObjectKey) -> Vec<ObjectKey> {
    let all = stores.load_balancer_configurations.list_namespace(key.namespace());
    let names = |found: &LoadBalancerConfiguration| {
        let default = found.spec.default_target_group_configuration.as_ref();
        default.is_some_and(|default| default.name == key.name())
    };
    all.iter().filter(|found| names(found)).map(|found| ObjectKey::of(&**found)).collect()
}

/// Whether a route names a Gateway that is served here.
fn names_managed(context: &ReconcileContext, object: &RouteObject) -> bool {
    parents(&object.route()).iter().any(|parent| match parent {
        RouteParent::Gateway(key) => is_managed(context, key),
        RouteParent::ListenerSet(key) => {
            let set = context.stores.gateways.listener_sets.get(key);
            set.is_some_and(|set| is_managed(context, &gateway_of(&set)))
        }
    })
}
