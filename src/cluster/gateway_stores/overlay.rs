//! Objects that somebody is about to apply, put over what is watched.

use super::{GatewayChange, GatewayKind, GatewayStores, route_change};
use crate::api::ObjectKey;
use crate::cluster::cache::{Cache, CacheEvent};
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strum::VariantArray as _;

impl GatewayKind {
    /// The kind of manifests of an API group, in whichever version.
    pub fn of_manifest(group: &str, kind: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|known| {
            let resource = known.resource();
            resource.group == group && resource.kind == kind
        })
    }

    /// Whether its objects are in namespaces.
    pub fn is_namespaced(self) -> bool {
        self != Self::Class
    }
}

impl GatewayStores {
    /// Puts an object in the place of the one that has its name.
    ///
    /// Returns what has changed, as if the old one had been deleted and the new one made, so that nothing is passed over as the
    /// same.
    pub fn apply(&self, kind: GatewayKind, object: Value) -> Result<Vec<GatewayChange>, serde_json::Error> {
        macro_rules! apply {
            ($cache:ident, $change:expr) => {{
                let (key, events) = replace(&self.$cache, object)?;
                events.into_iter().map(|event| $change(key.clone(), event)).collect()
            }};
        }
        Ok(match kind {
            GatewayKind::Class => apply!(classes, |key, _| GatewayChange::Class(key)),
            GatewayKind::Gateway => apply!(gateways, GatewayChange::Gateway),
            GatewayKind::ListenerSet => apply!(listener_sets, |_, event| GatewayChange::ListenerSet(event)),
            GatewayKind::HttpRoute => apply!(http_routes, |_, event| route_change(&event)),
            GatewayKind::GrpcRoute => apply!(grpc_routes, |_, event| route_change(&event)),
            GatewayKind::TcpRoute => apply!(tcp_routes, |_, event| route_change(&event)),
            GatewayKind::UdpRoute => apply!(udp_routes, |_, event| route_change(&event)),
            GatewayKind::TlsRoute => apply!(tls_routes, |_, event| route_change(&event)),
            GatewayKind::ReferenceGrant => {
                apply!(reference_grants, |_, event| GatewayChange::ReferenceGrant(event))
            }
            GatewayKind::LoadBalancerConfiguration => {
                apply!(load_balancer_configurations, |key, _| GatewayChange::LoadBalancerConfiguration(key))
            }
            GatewayKind::TargetGroupConfiguration => {
                apply!(target_group_configurations, GatewayChange::TargetGroupConfiguration)
            }
            GatewayKind::ListenerRuleConfiguration => {
                apply!(listener_rule_configurations, |key, _| GatewayChange::ListenerRuleConfiguration(key))
            }
        })
    }
}

fn replace<K>(cache: &Cache<K>, object: Value) -> Result<(ObjectKey, Vec<CacheEvent<K>>), serde_json::Error>
where
    K: Resource + DeserializeOwned + PartialEq,
{
    let object: K = serde_json::from_value(object)?;
    let key = ObjectKey::of(&object);
    let former = cache.delete(&key);
    let new = cache.apply(key.clone(), object);
    Ok((key, former.into_iter().chain(new).collect()))
}
