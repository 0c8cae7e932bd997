//! Gateways, ListenerSets, routes, grants and configurations come, go, change and break while calls fail: AWS ends up as after a fresh apply,
//! nothing is leaked, and then there is nothing to do.

use super::{CONFIGURATION, cluster, gateway, http_route};
use crate::faults::faults;
use crate::services::{cases, difference, run};
use aws_sim::Fault;
use proptest::prelude::*;
use rig::{Rig, fixtures, fixtures::NAMESPACE};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GATEWAYS: [&str; 2] = ["edge", "inner"];
const ROUTES: usize = 4;

/// A route as it is wanted.
#[derive(Clone, Debug)]
struct Wanted {
    gateway: usize,
    path: usize,
    service: usize,
    weight: i32,
    /// Another backend, in another namespace.
    crosses: bool,
    /// Another parent, the ListenerSet.
    by_set: bool,
    is_broken: bool,
}

#[derive(Clone, Debug)]
enum Edit {
    Put(usize, Wanted),
    DeleteRoute(usize),
    /// Which listeners a Gateway has, or none: it is deleted.
    Gateway(usize, Option<Vec<usize>>),
    Grant(bool),
    /// The port of a ListenerSet of the first Gateway, or none: it is deleted.
    ListenerSet(Option<usize>),
    /// Whether the first Gateway admits ListenerSets.
    Admits(bool),
    /// Seconds between health checks of a Service.
    HealthChecks(i32),
    /// Tags of the load balancers of a class.
    Tags(usize),
    Fault(Fault),
    Restart,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let sometimes = || proptest::bool::weighted(0.3);
    let others = (sometimes(), sometimes(), proptest::bool::weighted(0.2));
    (0..GATEWAYS.len(), 0_usize..3, 0_usize..2, 0..3, others).prop_map(
        |(gateway, path, service, weight, (crosses, by_set, is_broken))| Wanted {
            gateway,
            path,
            service,
            weight,
            crosses,
            by_set,
            is_broken,
        },
    )
}

fn edit() -> impl Strategy<Value = Edit> {
    let ports = proptest::sample::subsequence(vec![0, 1, 2], 1..=3);
    prop_oneof![
        6 => (0..ROUTES, wanted()).prop_map(|(number, wanted)| Edit::Put(number, wanted)),
        2 => (0..ROUTES).prop_map(Edit::DeleteRoute),
        3 => (0..GATEWAYS.len(), proptest::option::weighted(0.8, ports))
            .prop_map(|(number, ports)| Edit::Gateway(number, ports)),
        1 => proptest::bool::ANY.prop_map(Edit::Grant),
        1 => proptest::option::weighted(0.8, 0_usize..4).prop_map(Edit::ListenerSet),
        1 => proptest::bool::ANY.prop_map(Edit::Admits),
        1 => (5..60).prop_map(Edit::HealthChecks),
        1 => (0_usize..3).prop_map(Edit::Tags),
        2 => faults(1..25).prop_map(Edit::Fault),
        1 => Just(Edit::Restart),
    ]
}

/// What the user asks for, all in all.
#[derive(Clone, Debug, Default)]
struct State {
    routes: BTreeMap<usize, Wanted>,
    gateways: BTreeMap<usize, Vec<usize>>,
    has_grant: bool,
    listener_set: Option<usize>,
    admits: bool,
    health_checks: i32,
    tags: usize,
}

fn name(number: usize) -> String {
    format!("route-{number}")
}

fn service(number: usize) -> &'static str {
    if number == 0 { "web" } else { "api" }
}

fn listeners(ports: &[usize]) -> Value {
    let listener = |port: &usize| {
        json!({
            "name": format!("http-{port}"), "port": 80 + port, "protocol": "HTTP",
            "allowedRoutes": {"namespaces": {"from": "Same"}},
        })
    };
    ports.iter().map(listener).collect::<Vec<_>>().into()
}

fn route(number: usize, wanted: &Wanted) -> Value {
    let gateway = GATEWAYS[wanted.gateway];
    let mut route = http_route(&name(number), gateway, &format!("/{}", wanted.path), service(wanted.service));
    if wanted.by_set {
        let set = json!({"kind": "ListenerSet", "name": "more"});
        route["spec"]["parentRefs"].as_array_mut().unwrap().push(set);
    }
    let rule = &mut route["spec"]["rules"][0];
    rule["backendRefs"][0]["weight"] = wanted.weight.into();
    if wanted.crosses {
        let far = json!({"name": "far", "namespace": "other", "port": 80, "weight": 1});
        rule["backendRefs"].as_array_mut().unwrap().push(far);
    }
    if wanted.is_broken {
        rule["filters"] = json!([{"type": "RequestMirror"}]);
    }
    route
}

impl State {
    fn apply(&mut self, rig: &Rig, edit: &Edit) {
        match edit {
            Edit::Put(number, wanted) => {
                self.routes.insert(*number, wanted.clone());
            }
            Edit::DeleteRoute(number) => {
                self.routes.remove(number);
                rig.api.delete("httproutes", NAMESPACE, &name(*number));
            }
            Edit::Gateway(number, Some(ports)) => {
                self.gateways.insert(*number, ports.clone());
            }
            Edit::Gateway(number, None) => {
                self.gateways.remove(number);
                rig.api.delete("gateways", NAMESPACE, GATEWAYS[*number]);
            }
            Edit::Grant(has_grant) => {
                self.has_grant = *has_grant;
                if !has_grant {
                    rig.api.delete("referencegrants", "other", "routes");
                }
            }
            Edit::ListenerSet(port) => {
                self.listener_set = *port;
                if port.is_none() {
                    rig.api.delete("listenersets", NAMESPACE, "more");
                }
            }
            Edit::Admits(admits) => self.admits = *admits,
            Edit::HealthChecks(seconds) => self.health_checks = *seconds,
            Edit::Tags(tags) => self.tags = *tags,
            Edit::Fault(_) | Edit::Restart => {}
        }
        self.put(rig);
    }

    /// Applies everything; what is as it was, stays.
    fn put(&self, rig: &Rig) {
        rig.api.put(json!({
            "apiVersion": CONFIGURATION, "kind": "LoadBalancerConfiguration",
            "metadata": {"name": "class", "namespace": NAMESPACE},
            "spec": {"tags": {"version": self.tags.to_string()}},
        }));
        rig.api.put(json!({
            "apiVersion": CONFIGURATION, "kind": "TargetGroupConfiguration",
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {
                "targetReference": {"name": "web"},
                "defaultConfiguration": {
                    "targetType": "ip", "healthCheckConfig": {"healthCheckInterval": 15 + self.health_checks},
                },
            },
        }));
        if self.has_grant {
            rig.api.put(json!({
                "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
                "metadata": {"name": "routes", "namespace": "other"},
                "spec": {
                    "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": NAMESPACE}],
                    "to": [{"group": "", "kind": "Service"}],
                },
            }));
        }
        for (number, ports) in &self.gateways {
            let mut gateway = gateway(GATEWAYS[*number], "alb", &listeners(ports));
            if *number == 0 && self.admits {
                gateway["spec"]["allowedListeners"] = json!({"namespaces": {"from": "Same"}});
            }
            rig.api.put(gateway);
        }
        if let Some(port) = self.listener_set {
            rig.api.put(json!({
                "apiVersion": super::GATEWAY_API, "kind": "ListenerSet",
                "metadata": {"name": "more", "namespace": NAMESPACE},
                "spec": {"parentRef": {"name": GATEWAYS[0]}, "listeners": listeners(&[port])},
            }));
        }
        for (number, wanted) in &self.routes {
            rig.api.put(route(*number, wanted));
        }
    }
}

/// A cluster whose class `alb` has parameters, and a Service in another namespace.
fn seeded() -> Rig {
    let rig = cluster();
    let mut class = super::class("alb", "gateway.k8s.aws/alb");
    class["spec"]["parametersRef"] = json!({
        "group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "class", "namespace": NAMESPACE,
    });
    rig.api.put(class);
    rig.api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}));
    let mut far = fixtures::cluster_service("far", &[80]);
    far["metadata"]["namespace"] = "other".into();
    rig.api.put(far);
    let mut settings = super::target_type("far");
    settings["metadata"]["namespace"] = "other".into();
    rig.api.put(settings);
    rig
}

/// The same wishes in another account. Gateways have the identities that they have elsewhere.
async fn fresh(like: &Rig, state: &State) -> Rig {
    let mut fresh = seeded();
    for gateway in like.api.list("gateways") {
        let mut gateway = (*gateway).clone();
        gateway["metadata"]
            .as_object_mut()
            .unwrap()
            .retain(|key, _| ["name", "namespace", "uid"].contains(&key.as_str()));
        gateway.as_object_mut().unwrap().remove("status");
        fresh.api.put(gateway);
    }
    state.put(&fresh);
    fresh.start().await;
    fresh.run_until_idle().await;
    fresh
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn any_gateways_with_a_fault_end_as_a_fresh_apply(edits in proptest::collection::vec(edit(), 3..9)) {
        run(async {
            let mut rig = seeded();
            let given = rig.aws.world(|world| world.resources());
            let mut state = State::default();
            state.put(&rig);
            rig.start().await;
            for edit in &edits {
                match edit {
                    Edit::Fault(fault) => rig.aws.arm(fault.clone()),
                    Edit::Restart => rig.restart().await,
                    edit => state.apply(&rig, edit),
                }
                rig.run_until_idle().await;
            }
            rig.aws.disarm();
            rig.run_until_idle().await;
            tokio::time::sleep(std::time::Duration::from_hours(2)).await;
            rig.run_until_idle().await;
            let fresh = fresh(&rig, &state).await;
            prop_assert_eq!(difference(&rig, &fresh), Vec::<String>::new(), "{:#?}", edits);

            rig.aws.clear_calls();
            rig.restart().await;
            rig.run_until_idle().await;
            prop_assert_eq!(rig.writes(), vec![], "a second reconcile: {:#?}", edits);

            for number in state.gateways.keys() {
                rig.api.delete("gateways", NAMESPACE, GATEWAYS[*number]);
            }
            rig.run_until_idle().await;
            prop_assert_eq!(rig.aws.world(|world| world.resources()), given, "{:#?}", edits);
            prop_assert_eq!(rig.api.list("gateways").len() + rig.api.list("targetgroupbindings").len(), 0);
            Ok(())
        })?;
    }
}

/// The rules of an ALB are in an order of their own, whatever order the routes are created or listed in.
#[test]
fn the_order_of_rules_does_not_depend_on_the_order_of_objects() {
    let paths = |reverse: bool| {
        run(async move {
            let mut rig = seeded();
            State::default().put(&rig);
            rig.api.put(gateway("edge", "alb", &listeners(&[0])));
            let mut routes: Vec<(usize, &str)> =
                ["/", "/a", "/a/b", "/long/path"].into_iter().enumerate().collect();
            if reverse {
                routes.reverse();
            }
            for (number, path) in routes {
                rig.api.put(http_route(&name(number), "edge", path, "web"));
            }
            rig.start().await;
            rig.run_until_idle().await;
            super::answers(&rig)
        })
    };
    let order = paths(false);
    assert_eq!(
        order.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["/long/path", "/a/b", "/a", "/*"]
    );
    assert_eq!(paths(true), order);
}

/// A Gateway needs only AWS to be deleted, whatever its configuration has come to.
#[test]
fn a_gateway_goes_although_nothing_that_it_names_is_there_any_more() {
    run(async {
        let mut rig = seeded();
        State::default().put(&rig);
        let mut edge = gateway("edge", "alb", &listeners(&[0]));
        edge["spec"]["infrastructure"]["parametersRef"] =
            json!({"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "own"});
        rig.api.put(json!({
            "apiVersion": CONFIGURATION, "kind": "LoadBalancerConfiguration",
            "metadata": {"name": "own", "namespace": NAMESPACE}, "spec": {},
        }));
        rig.api.put(edge);
        rig.api.put(http_route("web", "edge", "/", "web"));
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().load_balancers.len(), 1);
        // why: a user who is in a hurry takes finalizers off by hand
        let configurations = "loadbalancerconfigurations";
        for (plural, namespace, name) in [
            (configurations, NAMESPACE, "own"),
            (configurations, NAMESPACE, "class"),
            ("gatewayclasses", "", "alb"),
        ] {
            rig.api.delete(plural, namespace, name);
            rig.api.edit(plural, namespace, name, |object| object["metadata"]["finalizers"] = json!([]));
            assert_eq!(rig.api.get(plural, namespace, name), None);
        }
        rig.run_until_idle().await;
        rig.api.delete("gateways", NAMESPACE, "edge");
        rig.run_until_idle().await;
        assert_eq!(rig.api.get("gateways", NAMESPACE, "edge"), None);
        assert_eq!(rig.owned_resources().load_balancers.len(), 0);
    });
}
