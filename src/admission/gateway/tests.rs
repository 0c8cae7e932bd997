#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::owner::GatewayOwner;
use super::*;
use crate::api::gateway::ReferenceGrant;
use crate::api::gateway_config::{ListenerRuleConfiguration, LoadBalancerConfiguration};
use crate::api::{Namespace, ObjectKey};
use crate::gateway::NamespaceSource;
use serde_json::json;
use std::sync::Arc;

/// A cluster with a class of each of our controllers and one of another, with a Gateway `alb`, `nlb` and `other` of each in namespace `shop`, and
/// with a ListenerSet `more` of the first.
#[derive(Default)]
pub(super) struct Cluster {
    /// `spec` of the Gateway `alb`, beside its class; without one, it admits the ListenerSets of its namespace.
    pub alb: Option<Value>,
    /// ListenerSets beside `more`.
    pub sets: Vec<ListenerSet>,
    pub load_balancers: Vec<LoadBalancerConfiguration>,
    pub rules: Vec<ListenerRuleConfiguration>,
    /// Those of namespace `vault`; those of namespace `nobody` are not known.
    pub grants: Vec<ReferenceGrant>,
}

fn object<K: DeserializeOwned>(value: Value) -> Arc<K> {
    Arc::new(serde_json::from_value(value).unwrap())
}

impl NamespaceSource for Cluster {
    fn namespace(&self, name: &str) -> Option<Arc<Namespace>> {
        let labels = json!({"team": name});
        (name != "unknown").then(|| object(json!({"metadata": {"name": name, "labels": labels}})))
    }
}

impl GatewaySource for Cluster {
    fn known_class(&self, name: &str) -> Option<Arc<GatewayClass>> {
        let controller = match name {
            "alb" | "nlb" => format!("gateway.k8s.aws/{name}"),
            "other" => "istio.io/gateway-controller".to_owned(),
            _ => return None,
        };
        Some(object(json!({"metadata": {"name": name}, "spec": {"controllerName": controller}})))
    }

    fn known_gateway(&self, key: &ObjectKey) -> Option<Arc<Gateway>> {
        let name = key.name();
        let is_there = key.namespace() == "shop" && ["alb", "nlb", "other"].contains(&name);
        let mut spec = json!({"allowedListeners": {"namespaces": {"from": "Same"}}});
        if let Some(given) = self.alb.as_ref().filter(|_| name == "alb") {
            spec = given.clone();
        }
        spec["gatewayClassName"] = json!(name);
        let gateway = json!({"metadata": {"name": name, "namespace": "shop"}, "spec": spec});
        is_there.then(|| object(gateway))
    }

    fn known_listener_set(&self, key: &ObjectKey) -> Option<Arc<ListenerSet>> {
        let set = json!({"metadata": {"name": "more", "namespace": "shop"}, "spec": {"parentRef": {"name": "alb"}}});
        (key.name() == "more").then(|| object(set))
    }

    fn known_listener_sets(&self, _: &ObjectKey) -> Vec<Arc<ListenerSet>> {
        self.sets.iter().cloned().map(Arc::new).collect()
    }

    fn known_reference_grants(&self, namespace: &str) -> Option<Vec<Arc<ReferenceGrant>>> {
        match namespace {
            "vault" => Some(self.grants.iter().cloned().map(Arc::new).collect()),
            "nobody" => None,
            _ => Some(Vec::new()),
        }
    }

    fn known_load_balancer_configuration(&self, key: &ObjectKey) -> Option<Arc<LoadBalancerConfiguration>> {
        let mut all = self.load_balancers.iter();
        all.find(|one| one.metadata.name.as_deref() == Some(key.name())).cloned().map(Arc::new)
    }

    fn known_listener_rule_configuration(&self, key: &ObjectKey) -> Option<Arc<ListenerRuleConfiguration>> {
        let mut all = self.rules.iter();
        all.find(|one| one.metadata.name.as_deref() == Some(key.name())).cloned().map(Arc::new)
    }
}

fn route(parent: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"name": parent}],
            "rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": 1000}], "retry": {"attempts": 3}}],
        },
    })
}

#[test]
fn objects_of_others_and_of_nobody_known_are_admitted_in_silence() {
    for parent in ["other", "unknown"] {
        let route = route(parent);
        let admitted =
            check_foreign(&Config::default(), &Change::create("shop", &route), &Cluster::default());
        assert_eq!(admitted, Ok(Admitted::unchanged()), "{parent}");
    }
}

#[test]
fn a_route_of_ours_is_admitted_with_warnings() {
    let route = route("alb");
    let admitted =
        check_foreign(&Config::default(), &Change::create("shop", &route), &Cluster::default()).unwrap();
    assert_eq!(
        admitted.warnings,
        [
            "spec.rules[0].backendRefs[0].weight: Weight [1000] must be less than or equal to 999",
            "spec.rules[0].retry: has no effect: ALBs do not repeat requests"
        ]
    );
    let off = Config { annotation_validation: AnnotationValidation::Off, ..Config::default() };
    assert_eq!(
        check_foreign(&off, &Change::create("shop", &route), &Cluster::default()),
        Ok(Admitted::unchanged())
    );
}

#[test]
fn a_class_of_ours_without_the_namespace_of_its_parameters_is_refused() {
    let class = |controller: &str| {
        json!({
            "kind": "GatewayClass",
            "metadata": {"name": "edge"},
            "spec": {"controllerName": controller, "parametersRef": {"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "edge"}},
        })
    };
    let ours = class("gateway.k8s.aws/alb");
    let check =
        |class: &Value| check_foreign(&Config::default(), &Change::create("", class), &Cluster::default());
    let denial = check(&ours).unwrap_err();
    assert_eq!(
        denial.message,
        "gatewayclass/edge cannot be built:\n- spec.parametersRef.namespace: Namespace must be specified in ParametersRef for LoadBalancerConfiguration\nsee https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/gateway/"
    );
    assert_eq!(check(&class("istio.io/gateway-controller")), Ok(Admitted::unchanged()));
    let mut labelled = ours.clone();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let update = Change::update("", &labelled, &ours);
    assert_eq!(check_foreign(&Config::default(), &update, &Cluster::default()), Ok(Admitted::unchanged()));
}

#[test]
fn our_own_kinds_are_refused_as_the_settings_say() {
    let wrong = json!({"metadata": {"name": "edge"}, "spec": {"loadBalancerName": "internal-edge"}});
    let change = Change::create("shop", &wrong);
    let mode = |annotation_validation| Config { annotation_validation, ..Config::default() };
    let denial = check_load_balancer(&mode(AnnotationValidation::Enforce), &change).unwrap_err();
    assert!(
        denial
            .message
            .starts_with("loadbalancerconfiguration/shop/edge cannot be built:\n- spec.loadBalancerName: "),
        "{denial}"
    );
    let warned = check_load_balancer(&mode(AnnotationValidation::Warn), &change).unwrap();
    assert_eq!(warned.warnings.len(), 1);
    assert_eq!(check_load_balancer(&mode(AnnotationValidation::Off), &change), Ok(Admitted::unchanged()));
    let mut labelled = wrong.clone();
    labelled["metadata"]["finalizers"] = json!(["a"]);
    let update = Change::update("shop", &labelled, &wrong);
    assert_eq!(check_load_balancer(&Config::default(), &update), Ok(Admitted::unchanged()));
}

#[test]
fn a_route_is_ours_if_one_parent_is_and_of_others_if_all_are() {
    let owner = |parents: Value| {
        let route: HttpRoute = serde_json::from_value(
            json!({"metadata": {"namespace": "shop"}, "spec": {"parentRefs": parents}}),
        )
        .unwrap();
        GatewayOwner::of_route(&Route::from(&route), &Cluster::default())
    };
    let ours = GatewayOwner::Ours(crate::gateway::Controller::Alb);
    assert_eq!(owner(json!([{"name": "other"}, {"name": "alb"}])), ours);
    assert_eq!(owner(json!([{"name": "more", "kind": "ListenerSet"}])), ours);
    assert_eq!(owner(json!([{"name": "other"}, {"name": "unknown"}])), GatewayOwner::Unknown);
    assert_eq!(owner(json!([{"name": "alb", "namespace": "elsewhere"}])), GatewayOwner::Unknown);
    assert_eq!(owner(json!([{"name": "other"}, {"kind": "Service", "name": "web"}])), GatewayOwner::Others);
}

#[test]
fn objects_that_are_none_of_their_kind_are_left_to_the_api_server() {
    for object in [
        json!({}),
        json!({"kind": "Gateway", "spec": 5}),
        json!({"kind": "HTTPRoute", "spec": {"rules": {}}}),
        json!([]),
    ] {
        let change = Change::create("shop", &object);
        assert_eq!(
            check_foreign(&Config::default(), &change, &Cluster::default()),
            Ok(Admitted::unchanged())
        );
        assert_eq!(check_target_group(&Config::default(), &change).map(|admitted| admitted.object), Ok(None));
    }
}
