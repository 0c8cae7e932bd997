#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use serde_json::{Value, json};

fn service(annotations: &Value, spec: &Value) -> Service {
    let mut object = json!({
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations},
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": "service.k8s.aws/nlb",
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}]
        }
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn tried(annotations: &Value, spec: &Value) -> Vec<String> {
    let prefix = "service.beta.kubernetes.io/";
    let annotations: serde_json::Map<String, Value> = annotations
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (format!("{prefix}{key}"), value.clone()))
        .collect();
    let service = service(&Value::Object(annotations), spec);
    let (config, others, doubted) = (Config::default(), Arc::default(), BTreeSet::new());
    let setting = Setting { config: &config, is_new: true, others: &others, doubted: &doubted };
    let trial = try_service(&service, &setting);
    trial.findings.iter().map(|finding| finding.to_string().replace(prefix, "")).collect()
}

#[test]
fn a_mistake_that_follows_from_another_is_not_told() {
    let wrong_scheme =
        json!({"aws-load-balancer-scheme": "public", "aws-load-balancer-eip-allocations": "eipalloc-1"});
    let found = tried(&wrong_scheme, &json!({}));
    assert_eq!(found.len(), 1, "{found:?}");
    let nearly_right = json!({"aws-load-balancer-scheme": "internet-facin", "aws-load-balancer-eip-allocations": "eipalloc-1"});
    assert_eq!(tried(&nearly_right, &json!({})).len(), 1);
}

#[test]
fn other_services_of_an_action_are_taken_to_exist() {
    let action = json!({
        "type": "forward",
        "forwardConfig": {
            "baseServiceWeight": 1,
            "targetGroups": [
                {"serviceName": "blue", "servicePort": 81, "weight": 2},
                {"serviceName": "green", "servicePort": "http", "weight": 2}
            ]
        }
    });
    assert_eq!(tried(&json!({"actions.TCP-80": action.to_string()}), &json!({})), [""; 0]);
}

#[test]
fn a_service_that_gets_no_node_ports_cannot_have_instance_targets() {
    let found = tried(&json!({}), &json!({"allocateLoadBalancerNodePorts": false}));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("needs node ports"), "{found:?}");
    assert_eq!(
        tried(&json!({"aws-load-balancer-nlb-target-type": "ip"}), &json!({"type": "ClusterIP"})),
        [""; 0]
    );
}
