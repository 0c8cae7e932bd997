#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::targets::test_support::{TestCluster, key, node, pod, slice_entry, yaml};
use std::collections::BTreeMap;

const SERVICE: &str = "metadata: {name: web, namespace: shop}\n\
    spec: {type: NodePort, ports: [{port: 80, nodePort: 30080}, {name: metrics, port: 9090, nodePort: 30090}]}";

fn binding(spec: &str) -> TargetGroupBinding {
    yaml(&format!(
        "apiVersion: elbv2.k8s.aws/v1beta1\nkind: TargetGroupBinding\nmetadata: {{name: bind, namespace: shop}}\nspec: {spec}"
    ))
}

const IP: &str = "{targetType: ip, serviceRef: {name: web, port: 80}}";
const INSTANCE: &str = "{targetType: instance, serviceRef: {name: web, port: 80}}";

fn cluster(entries: Vec<EndpointView>, pods: Vec<PodView>) -> TestCluster {
    let slice = SliceView {
        service: key("web"),
        family: AddressFamily::Ipv4,
        ports: [("".into(), 8080), ("metrics".into(), 9090)].into(),
        endpoints: entries.into(),
    };
    let mut cluster = TestCluster::default();
    cluster.services.insert(key("web"), Arc::new(yaml(SERVICE)));
    cluster.slices.insert(key("web"), vec![Arc::new(slice)]);
    cluster.pods = pods.into_iter().map(|pod| (pod.key.clone(), Arc::new(pod))).collect();
    cluster.nodes.insert("node-a".to_owned(), Arc::new(node("node-a")));
    cluster
}

fn identities(resolution: &Resolution) -> Vec<String> {
    resolution.endpoints.iter().map(Endpoint::identity).collect()
}

fn resolved(cluster: &TestCluster, spec: &str) -> Result<Resolution, ResolveError> {
    resolve(&binding(spec), cluster, &Config::default())
}

#[test]
fn the_table_of_endpoint_states_is_upstreams() {
    // ready, terminating, ContainersReady, node's Ready (None: no such node), wanted
    let cases = [
        (true, false, true, Some(Readiness::True), "target"),
        (true, true, false, None, "target"),
        (false, false, false, Some(Readiness::True), "none"),
        (false, false, true, None, "none"),
        (false, false, true, Some(Readiness::True), "target"),
        (false, true, true, Some(Readiness::True), "none"),
        (false, false, true, Some(Readiness::Unknown), "last resort"),
        (false, true, true, Some(Readiness::Unknown), "last resort"),
        (false, false, true, Some(Readiness::False), "none"),
    ];
    for (ready, terminating, containers_ready, node_ready, wanted) in cases {
        let case = (ready, terminating, containers_ready, node_ready, wanted);
        let subject = PodView { containers_ready, ..pod(1) };
        let entry = slice_entry(&subject, ready, terminating);
        let mut alone = cluster(vec![entry], vec![subject]);
        alone.nodes = node_ready
            .map(|ready| ("node-a".to_owned(), Arc::new(NodeView { ready, ..node("node-a") })))
            .into_iter()
            .collect();
        let found = resolved(&alone, "{targetType: ip, serviceRef: {name: web, port: metrics}}").unwrap();
        assert_eq!(found.endpoints.len(), usize::from(wanted != "none"), "{case:?}");
        assert!(found.unknown.is_empty(), "{case:?}");
        let mut config = Config::default();
        config.features.endpoints_fail_open = false;
        let strict =
            resolve(&binding("{targetType: ip, serviceRef: {name: web, port: metrics}}"), &alone, &config)
                .unwrap();
        assert_eq!(strict.endpoints.len(), usize::from(wanted == "target"), "{case:?}");
    }
}

#[test]
fn the_last_resort_does_not_count_beside_a_target() {
    let (a, lost) = (pod(1), PodView { node: Some("node-b".into()), ..pod(2) });
    let entries = vec![slice_entry(&a, true, false), slice_entry(&lost, false, false)];
    let mut both = cluster(entries, vec![a, lost]);
    let silent = NodeView { ready: Readiness::Unknown, ..node("node-b") };
    both.nodes.insert("node-b".to_owned(), Arc::new(silent));
    let found = resolved(&both, "{targetType: ip, serviceRef: {name: web, port: metrics}}").unwrap();
    assert_eq!(identities(&found), ["10.0.1.1:9090"]);
}

#[test]
fn a_service_port_without_name_takes_every_port_and_a_named_one_its_own() {
    let a = pod(1);
    let one = cluster(vec![slice_entry(&a, true, false)], vec![a]);
    assert_eq!(identities(&resolved(&one, IP).unwrap()), ["10.0.1.1:8080", "10.0.1.1:9090"]);
    let named = resolved(&one, "{targetType: ip, serviceRef: {name: web, port: metrics}}").unwrap();
    assert_eq!(identities(&named), ["10.0.1.1:9090"]);
}

#[test]
fn slices_of_the_other_family_are_not_read() {
    let a = pod(1);
    let one = cluster(vec![slice_entry(&a, true, false)], vec![a]);
    let six = "{targetType: ip, ipAddressType: ipv6, serviceRef: {name: web, port: metrics}}";
    assert!(resolved(&one, six).unwrap().endpoints.is_empty());
}

#[test]
fn a_pod_that_is_not_in_the_cache_is_unknown_and_not_absent() {
    let (a, b) = (pod(1), pod(2));
    let entries = vec![slice_entry(&a, true, false), slice_entry(&b, false, true)];
    let found =
        resolved(&cluster(entries, vec![]), "{targetType: ip, serviceRef: {name: web, port: metrics}}");
    let found = found.unwrap();
    assert!(found.endpoints.is_empty());
    let unknown: Vec<_> = found.unknown.iter().map(|u| (u.pod.to_string(), &*u.id, u.port)).collect();
    assert_eq!(unknown, [("shop/web-1".to_owned(), "10.0.1.1", 9090)], "one that leaves is not waited for");
}

#[test]
fn server_ids_count_only_for_quic() {
    let mut a = pod(1);
    a.quic.fallback = Some("0x01".into());
    let one = cluster(vec![slice_entry(&a, true, false)], vec![a]);
    let spec = |protocol: &str| {
        format!(
            "{{targetType: ip, targetGroupProtocol: {protocol}, serviceRef: {{name: web, port: metrics}}}}"
        )
    };
    assert_eq!(identities(&resolved(&one, &spec("QUIC")).unwrap()), ["10.0.1.1:9090:0x01"]);
    assert_eq!(identities(&resolved(&one, &spec("UDP")).unwrap()), ["10.0.1.1:9090"]);
}

#[test]
fn what_is_missing_is_named_as_upstream_names_it() {
    let mut none = cluster(vec![], vec![]);
    let text = |cluster: &TestCluster, spec: &str| resolved(cluster, spec).unwrap_err().to_string();
    assert_eq!(
        text(&none, "{targetType: ip, serviceRef: {name: web, port: 81}}"),
        "backend not found: unable to find port 81 on service shop/web"
    );
    assert_eq!(
        text(&none, "{targetType: ip, serviceRef: {name: web, port: '80'}}"),
        "backend not found: unable to find port 80 on service shop/web",
        "a number in quotes is a name"
    );
    assert_eq!(text(&none, "{serviceRef: {name: web, port: 80}}"), "targetType is not specified: shop/bind");
    none.slices.clear();
    assert_eq!(text(&none, IP), "backend not found: Endpoints \"web\" not found");
    none.services.clear();
    assert_eq!(text(&none, IP), "backend not found: Service \"web\" not found");
}

#[test]
fn instances_are_the_eligible_ready_nodes_on_the_node_port() {
    let mut many = cluster(vec![], vec![]);
    let mut add = |node: NodeView| many.nodes.insert(node.name.to_string(), Arc::new(node));
    let labelled = |name: &str, label: &str, value: &str| NodeView {
        labels: BTreeMap::from([(label.to_owned(), value.to_owned())]),
        ..node(name)
    };
    add(labelled("master", MASTER_NODE_LABEL, ""));
    add(labelled("excluded", EXCLUDE_NODE_LABEL, "false"));
    add(labelled("old", EXCLUDE_BALANCER_LABEL, ""));
    add(labelled("fargate", COMPUTE_TYPE_LABEL, "fargate"));
    add(labelled("control", "node-role.kubernetes.io/control-plane", ""));
    add(labelled("gpu", "kind", "gpu"));
    add(NodeView { is_leaving: true, ..node("leaving") });
    add(NodeView { ready: Readiness::Unknown, ..node("silent") });
    let found = resolved(&many, INSTANCE).unwrap();
    assert_eq!(identities(&found), ["i-control:30080", "i-gpu:30080", "i-node-a:30080"]);
    let gpus = "{targetType: instance, nodeSelector: {matchLabels: {kind: gpu}}, serviceRef: {name: web, port: metrics}}";
    assert_eq!(identities(&resolved(&many, gpus).unwrap()), ["i-gpu:30090"]);
    many.nodes.retain(|name, _| name == "silent");
    assert_eq!(identities(&resolved(&many, INSTANCE).unwrap()), ["i-silent:30080"]);
}

#[test]
fn a_node_that_cannot_be_a_target_fails_the_binding_as_upstream_does() {
    let with_id = |id: &str| {
        let mut one = cluster(vec![], vec![]);
        let odd = NodeView { provider_id: id.into(), ..node("node-a") };
        one.nodes.insert("node-a".to_owned(), Arc::new(odd));
        resolved(&one, INSTANCE).map(|found| identities(&found)).map_err(|error| error.to_string())
    };
    assert_eq!(with_id("eks-hybrid:///us-west-2/c/mi-1"), Ok(vec!["hybrid-mi-1:30080".to_owned()]));
    assert_eq!(with_id(""), Err("providerID is not specified for node: node-a".to_owned()));
    let foreign = "providerID gce://p/z/vm is invalid for EC2 instances, node: node-a";
    assert_eq!(with_id("gce://p/z/vm"), Err(foreign.to_owned()));
    let hybrid = "providerID eks-hybrid:///i-1 is invalid for EKS hybrid instances, node: node-a";
    assert_eq!(with_id("eks-hybrid:///i-1"), Err(hybrid.to_owned()));
}

#[test]
fn instances_need_node_ports_and_a_selector_that_can_be_evaluated() {
    let mut one = cluster(vec![], vec![]);
    let bad = "{targetType: instance, nodeSelector: {matchExpressions: [{key: a, operator: Near}]}, serviceRef: {name: web, port: 80}}";
    assert!(matches!(resolved(&one, bad), Err(ResolveError::Selector(_))));
    let beside = bad.replace("name: web", "name: gone");
    assert!(
        matches!(resolved(&one, &beside), Err(ResolveError::Selector(_))),
        "told before a Service that lacks"
    );
    one.services.insert(key("web"), Arc::new(yaml(&SERVICE.replace("NodePort,", "ClusterIP,"))));
    assert_eq!(
        resolved(&one, INSTANCE).unwrap_err().to_string(),
        "service type must be either 'NodePort' or 'LoadBalancer': shop/web"
    );
}
