#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::api::Trimmed;
use crate::targets::test_support::yaml;

const POD: &str = r#"
metadata:
  name: web-1
  namespace: shop
  uid: u1
  creationTimestamp: "2023-11-14T22:13:20Z"
  annotations:
    vpc.amazonaws.com/pod-eni: '[{"eniId":"eni-1","ifAddress":"02:0","privateIp":"10.0.1.4","ipv6Addr":""}]'
    service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers: app
spec:
  nodeName: node-a
  readinessGates:
  - conditionType: other.example/gate
  - conditionType: target-health.elbv2.k8s.aws/bind
  - conditionType: target-health.alb.ingress.k8s.aws/old_web_80
  containers:
  - name: app
    ports: [{name: http, containerPort: 8080}, {containerPort: 9090}]
    env: [{name: SERVER_ID, value: "HHF+gAAAFQU="}]
  initContainers:
  - name: once
    ports: [{name: never, containerPort: 1}]
  - name: sidecar
    restartPolicy: Always
    ports: [{name: admin, containerPort: 15000}]
status:
  podIP: 10.0.1.4
  conditions:
  - {type: ContainersReady, status: "True"}
  - {type: Ready, status: "False"}
  - type: target-health.elbv2.k8s.aws/bind
    status: "False"
    reason: Target.Timeout
    lastTransitionTime: "2023-11-14T22:13:30Z"
"#;

#[test]
fn a_pod_is_reduced_to_what_is_read() {
    let view = PodView::from_pod(&yaml(POD), "SERVER_ID");
    assert_eq!(view.key.to_string(), "shop/web-1");
    assert_eq!((view.created_at, view.ip.as_deref()), (1_700_000_000, Some("10.0.1.4")));
    assert!(view.containers_ready && !view.is_terminating);
    assert_eq!(view.named_port("http"), Some(8080));
    assert_eq!(view.named_port("admin"), Some(15000));
    assert_eq!(view.named_port("never"), None, "a container that ends has no port");
    let gates: Vec<&str> = view.gates.iter().map(|gate| &*gate.condition_type).collect();
    let ours = ["target-health.elbv2.k8s.aws/bind", "target-health.alb.ingress.k8s.aws/old_web_80"];
    assert_eq!(gates, ours);
    let condition = view.gates[0].condition.as_ref().unwrap();
    assert_eq!((&*condition.status, &*condition.reason), ("False", "Target.Timeout"));
    assert!(view.gates[1].condition.is_none());
    assert_eq!(&*view.branch_interfaces[0].id, "eni-1");
    assert_eq!(view.quic.for_port(9090), Some("0x1c717e8000001505"));
}

#[test]
fn broken_annotations_are_no_information() {
    let broken = POD.replace("'[{\"eniId", "'[[{\"eniId").replace("HHF+gAAAFQU=", "%%%");
    let view = PodView::from_pod(&yaml(&broken), "SERVER_ID");
    assert!(view.branch_interfaces.is_empty());
    assert_eq!(view.quic, QuicServerIds::default());
    assert_eq!(PodView::from_pod(&yaml(POD), "OTHER").quic, QuicServerIds::default());
}

#[test]
fn a_node_is_reduced_to_what_is_read() {
    let node = |taint: &str, ready: &str| {
        NodeView::from_node(&yaml(&format!(
            "metadata: {{name: n, uid: u, labels: {{a: b}}}}\n\
             spec: {{providerID: 'aws:///z/i-1', taints: [{taint}]}}\n\
             status:\n  addresses: [{{type: InternalIP, address: 10.0.0.9}}, {{type: Hostname, address: n}}]\n  \
             conditions: [{ready}]"
        )))
    };
    let view = node("", "{type: Ready, status: 'True'}");
    assert_eq!((view.ready, view.is_leaving), (Readiness::True, false));
    assert_eq!(view.internal_ips, [Box::from("10.0.0.9")].into());
    let cases = [
        ("{key: ToBeDeletedByClusterAutoscaler, effect: PreferNoSchedule}", true),
        ("{key: karpenter.sh/disrupted, effect: NoSchedule}", true),
        ("{key: karpenter.sh/disrupted, effect: NoExecute}", false),
        ("{key: node.kubernetes.io/unschedulable, effect: NoSchedule}", false),
    ];
    for (taint, leaving) in cases {
        assert_eq!(node(taint, "").is_leaving, leaving, "{taint}");
    }
    assert_eq!(node("", "{type: Ready, status: Unknown}").ready, Readiness::Unknown);
    assert_eq!(node("", "{type: Ready, status: Odd}").ready, Readiness::False);
    assert_eq!(node("", "").ready, Readiness::False);
}

#[test]
fn a_slice_is_reduced_to_pods_with_addresses() {
    let slice = yaml(
        "metadata: {namespace: shop, name: web-abc, labels: {kubernetes.io/service-name: web}}\n\
         addressType: IPv6\n\
         ports: [{port: 8080, protocol: TCP}, {name: metrics, port: 9090}, {name: all}]\n\
         endpoints:\n\
         - {addresses: ['2001:db8::1', '2001:db8::2'], targetRef: {kind: Pod, name: a, namespace: other}}\n\
         - {addresses: ['2001:db8::3'], conditions: {ready: false, terminating: true}, targetRef: {kind: Pod, name: b}}\n\
         - {addresses: ['2001:db8::4'], targetRef: {kind: Node, name: c}}\n\
         - {addresses: ['2001:db8::5']}\n\
         - {addresses: [], targetRef: {kind: Pod, name: d}}\n",
    );
    let view = SliceView::from_slice(&slice).unwrap();
    assert_eq!((view.service.to_string().as_str(), view.family), ("shop/web", AddressFamily::Ipv6));
    assert_eq!(view.ports, [("".into(), 8080), ("metrics".into(), 9090)].into());
    let told: Vec<_> =
        view.endpoints.iter().map(|e| (e.pod.to_string(), e.is_ready, e.is_terminating)).collect();
    assert_eq!(told, [("other/a".to_owned(), true, false), ("shop/b".to_owned(), false, true)]);
    assert_eq!(&*view.endpoints[0].address, "2001:db8::1");
    let nameless = yaml("metadata: {namespace: shop, name: x}\naddressType: IPv4\nendpoints: []");
    assert_eq!(SliceView::from_slice(&nameless), None);
}

#[test]
fn an_endpoints_object_is_one_view_a_subset() {
    let endpoints = yaml(
        "metadata: {namespace: shop, name: web}\n\
         subsets:\n\
         - addresses: [{ip: 10.0.0.1, targetRef: {kind: Pod, name: a}}, {ip: 10.0.0.3}]\n  \
           notReadyAddresses: [{ip: 10.0.0.2, targetRef: {kind: Pod, name: b}}]\n  \
           ports: [{port: 8080}]\n",
    );
    let views = SliceView::from_endpoints(&endpoints);
    assert_eq!((views.len(), views[0].family), (1, AddressFamily::Any));
    let told: Vec<_> = views[0].endpoints.iter().map(|e| (e.pod.to_string(), e.is_ready)).collect();
    assert_eq!(told, [("shop/a".to_owned(), true), ("shop/b".to_owned(), false)]);
}

/// An object whose every field says something, as the API server shows it.
fn full_object(kind_yaml: &str) -> serde_json::Value {
    let mut value: serde_json::Value = yaml(kind_yaml);
    value["metadata"]["managedFields"] =
        serde_json::json!([{"manager": "kubelet", "fieldsV1": {"f:status": {}}}]);
    value["metadata"]["resourceVersion"] = "7".into();
    value["metadata"]["labels"] = serde_json::json!({ENDPOINT_SLICE_SERVICE_LABEL: "web", "zone": "a"});
    value
}

#[test]
fn what_is_read_of_a_trimmed_object_is_what_is_read_of_a_whole_one() {
    let pod = full_object(POD);
    let trimmed: Trimmed<Pod> = serde_json::from_value(pod.clone()).unwrap();
    let whole: Pod = serde_json::from_value(pod).unwrap();
    assert_eq!(PodView::from_pod(&trimmed.0, "SERVER_ID"), PodView::from_pod(&whole, "SERVER_ID"));
    assert_eq!(trimmed.0.metadata.resource_version, whole.metadata.resource_version);
    assert_eq!(
        (&trimmed.0.metadata.managed_fields, &trimmed.0.spec.unwrap().containers[0].image),
        (&None, &None)
    );

    let slice = full_object(
        "metadata: {name: web-1, namespace: shop}\n\
         addressType: IPv6\n\
         ports: [{name: http, port: 8080, protocol: TCP}]\n\
         endpoints:\n\
         - {addresses: [\"fd00::1\"], nodeName: node-a, conditions: {ready: false, terminating: true},\n\
           \x20 targetRef: {kind: Pod, namespace: shop, name: web-1, uid: u}}\n\
         - {addresses: [\"fd00::2\"], targetRef: {kind: Pod, name: web-2}}\n",
    );
    let trimmed: Trimmed<EndpointSlice> = serde_json::from_value(slice.clone()).unwrap();
    let whole: EndpointSlice = serde_json::from_value(slice).unwrap();
    let view = SliceView::from_slice(&whole).unwrap();
    assert_eq!(view.endpoints.len(), 2);
    assert_eq!(SliceView::from_slice(&trimmed.0).unwrap(), view);

    let node = full_object(
        "metadata: {name: node-a, uid: u, creationTimestamp: \"2023-11-14T22:13:20Z\"}\n\
         spec: {providerID: aws:///a/i-1, taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]}\n\
         status:\n\
         \x20 images: [{names: [main], sizeBytes: 5}]\n\
         \x20 addresses: [{type: InternalIP, address: 10.0.0.1}]\n\
         \x20 conditions: [{type: Ready, status: Unknown}]\n",
    );
    let trimmed: Trimmed<Node> = serde_json::from_value(node.clone()).unwrap();
    let whole: Node = serde_json::from_value(node).unwrap();
    let view = NodeView::from_node(&whole);
    assert!(view.is_leaving && view.ready == Readiness::Unknown && view.labels.len() == 2);
    assert_eq!(NodeView::from_node(&trimmed.0), view);
}
