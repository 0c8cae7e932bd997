#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use serde_json::json;

fn class_after(operation: Operation, object: &Value, old: Option<&Value>) -> Option<String> {
    let admitted = default_class(&Config::default(), operation, object, old);
    admitted.object.map(|object| object["spec"]["loadBalancerClass"].as_str().unwrap().to_owned())
}

#[test]
fn only_load_balancer_services_without_a_class_become_ours() {
    let ours = Some("service.k8s.aws/nlb".to_owned());
    let cases = [
        (json!({"spec": {"type": "LoadBalancer"}}), ours),
        (json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": "other"}}), None),
        (json!({"spec": {"type": "ClusterIP"}}), None),
        (json!({"spec": {}}), None),
        (json!({}), None),
    ];
    for (object, expected) in cases {
        assert_eq!(class_after(Operation::Create, &object, None), expected, "{object}");
    }
}

#[test]
fn an_update_that_forgets_the_class_keeps_it() {
    let forgetful = json!({"spec": {"type": "LoadBalancer"}});
    let ours = json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb"}});
    let classless = json!({"spec": {"type": "LoadBalancer"}});
    assert_eq!(class_after(Operation::Update, &forgetful, Some(&ours)).unwrap(), "service.k8s.aws/nlb");
    assert_eq!(class_after(Operation::Update, &forgetful, Some(&classless)), None);
}
