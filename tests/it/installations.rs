//! Several installations in one cluster, told apart by namespace or by class, never write against one another.

use crate::services::run;
use aws_load_balancer_controller::aws_api::Request;
use aws_load_balancer_controller::aws_api::ec2::RuleSource;
use aws_sim::World;
use rig::{Options, Rig, fixtures};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// The namespace of the other installation.
const OTHER: &str = "office";
/// Longer than all audits take.
const LONG: Duration = Duration::from_mins(25);
/// The class of the other installation, where classes tell them apart.
const CLASS: &str = "example.com/office";

fn watching(namespace: &str, lease: &str) -> Options {
    let mut options = Options { lease: lease.to_owned(), ..Options::default() };
    namespace.clone_into(&mut options.config.watch_namespace);
    options
}

fn open(first: Options) -> Rig {
    let rig = Rig::new(first);
    rig.seed();
    rig.api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OTHER}}));
    rig
}

/// An NLB whose targets are pods, with one pod.
fn put_service(rig: &Rig, namespace: &str, name: &str, class: &str, pod: usize) {
    let mut service = fixtures::load_balancer(name, &[80], &[("aws-load-balancer-nlb-target-type", "ip")]);
    service["metadata"]["namespace"] = namespace.into();
    service["spec"]["loadBalancerClass"] = class.into();
    rig.api.put(service);
    rig.serve_in(namespace, name, &[pod], &[]);
}

/// Rules that the backend security group has on the nodes' group.
fn granted(rig: &Rig) -> Vec<(Option<i32>, Option<i32>)> {
    let nodes = rig.aws.world(|world: &mut World| world.id("SG_NODES").to_owned());
    let groups = rig.owned_resources().security_groups;
    let backend = groups.iter().find(|group| group.name.contains("traffic")).map(|group| group.id.clone());
    let rules = groups.into_iter().filter(|group| group.id == nodes).flat_map(|group| group.ingress);
    let of_backend = rules.filter(|rule| match &rule.source {
        RuleSource::SecurityGroup(id) => id.known() == backend.as_deref(),
        _ => false,
    });
    of_backend.map(|rule| (rule.from_port, rule.to_port)).collect()
}

fn has_backend_group(rig: &Rig) -> bool {
    rig.owned_resources().security_groups.iter().any(|group| group.name.contains("traffic"))
}

/// Both do nothing, for as long as it takes until everything has been looked at again.
async fn assert_peace(one: &mut Rig, other: &mut Rig) {
    one.aws.clear_calls();
    let changes = one.api.changes();
    sleep(LONG).await;
    assert_eq!(one.writes(), [], "they write against one another in AWS");
    assert_eq!(
        one.api.changes(),
        changes,
        "they write against one another in the cluster: {:?}",
        one.api.traffic()
    );
    assert!(one.engine().is_some() && other.engine().is_some());
}

/// Two installations come, work side by side, and go one after the other.
async fn live_together(mut one: Rig, mut other: Rig, class: &str) {
    one.start().await;
    other.start().await;
    put_service(&one, fixtures::NAMESPACE, "web", "service.k8s.aws/nlb", 0);
    put_service(&one, OTHER, "desk", class, 1);
    one.run_until_idle().await;
    assert_eq!(one.owned_resources().load_balancers.len(), 2);
    assert_eq!(granted(&one), [(Some(8080), Some(8080))]);
    one.api.clear_traffic();
    assert_peace(&mut one, &mut other).await;

    one.aws.clear_calls();
    one.api.delete("services", fixtures::NAMESPACE, "web");
    one.run_until_idle().await;
    assert!(one.api.get("services", fixtures::NAMESPACE, "web").is_none(), "its finalizer stays");
    let revoked = one.aws.calls().into_iter().any(|call| matches!(call.request, Request::RevokeIngress(_)));
    assert!(!revoked, "the other installation needs the rule");
    assert_eq!((granted(&one), has_backend_group(&one)), (vec![(Some(8080), Some(8080))], true));
    assert_peace(&mut one, &mut other).await;

    one.api.delete("services", OTHER, "desk");
    one.run_until_idle().await;
    assert!(one.api.get("services", OTHER, "desk").is_none(), "its finalizer stays");
    assert_eq!(one.owned_resources().load_balancers.len(), 0);
    assert_eq!((granted(&one), has_backend_group(&one)), (vec![], false), "nothing is left behind");
}

#[test]
fn installations_that_watch_a_namespace_each_never_write_against_one_another() {
    run(async {
        let one = open(watching(fixtures::NAMESPACE, "one"));
        let other = one.beside(watching(OTHER, "other"));
        live_together(one, other, "service.k8s.aws/nlb").await;
    });
}

#[test]
fn installations_of_a_class_each_never_write_against_one_another() {
    run(async {
        let one = open(Options::default());
        let mut options = Options { lease: "office".to_owned(), ..Options::default() };
        options.config.load_balancer_class = CLASS.to_owned();
        options.config.ingress_class = "office".to_owned();
        let other = one.beside(options);
        live_together(one, other, CLASS).await;
    });
}

#[test]
fn each_installation_writes_down_what_it_deployed_in_a_place_of_its_own() {
    run(async {
        let mut one = open(watching(fixtures::NAMESPACE, ""));
        let mut other = one.beside(watching(OTHER, "office"));
        one.start().await;
        other.start().await;
        put_service(&one, fixtures::NAMESPACE, "web", "service.k8s.aws/nlb", 0);
        put_service(&one, OTHER, "desk", "service.k8s.aws/nlb", 1);
        one.run_until_idle().await;
        let stacks = |name: &str| {
            let map = one.api.get("configmaps", "kube-system", name).unwrap();
            map["data"]["stacks"].as_str().unwrap().to_owned()
        };
        let (own, of_other) = (stacks("aws-load-balancer-controller-deployed"), stacks("office-deployed"));
        assert!(own.contains("shop/web") && !own.contains("office/desk"), "{own}");
        assert!(of_other.contains("office/desk") && !of_other.contains("shop/web"), "{of_other}");
    });
}

#[test]
fn a_class_of_gateways_is_judged_by_the_installation_that_sees_its_configuration() {
    run(async {
        let mut one = open(watching(fixtures::NAMESPACE, "one"));
        one.api.install_gateway_api();
        let mut other = one.beside(watching(OTHER, "other"));
        let mut class = fixtures::gateway_class("alb", "gateway.k8s.aws/alb");
        let configuration = json!({"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "wide", "namespace": OTHER});
        class["spec"]["parametersRef"] = configuration;
        one.api.put(json!({
            "apiVersion": fixtures::GATEWAY_CONFIGURATION, "kind": "LoadBalancerConfiguration",
            "metadata": {"name": "wide", "namespace": OTHER}, "spec": {"scheme": "internal"},
        }));
        one.api.put(class);
        other.start().await;
        other.run_until_idle().await;
        one.start().await;
        one.run_until_idle().await;
        let status =
            || one.api.get("gatewayclasses", "", "alb").unwrap()["status"]["conditions"][0]["status"].clone();
        assert_eq!(status(), "True");
        let mut gateway = fixtures::gateway("edge", 80);
        gateway["metadata"]["namespace"] = OTHER.into();
        one.api.put(gateway);
        one.run_until_idle().await;
        assert_peace(&mut one, &mut other).await;

        one.api.delete("gatewayclasses", "", "alb");
        one.run_until_idle().await;
        assert!(
            one.api.get("gatewayclasses", "", "alb").is_some(),
            "a Gateway of the other installation uses it"
        );
    });
}
