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
    let (config, others, invalid_keys) = (Config::default(), Arc::default(), BTreeSet::new());
    let options =
        DryBuildOptions { config: &config, is_new: true, others: &others, invalid_keys: &invalid_keys };
    let dry_build = dry_build_service(&service, &options);
    dry_build.findings.iter().map(|finding| finding.to_string().replace(prefix, "")).collect()
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

/// An Ingress whose action of each name is as given, and how often it is built to tell which are read.
fn attempts(given: usize, read: usize) -> (BTreeSet<String>, usize) {
    let key = |at: usize| format!("alb.ingress.kubernetes.io/actions.a-{at}");
    let annotations: BTreeMap<String, String> = (0..given).map(|at| (key(at), "x".to_owned())).collect();
    let mut ingress = Ingress::default();
    ingress.metadata.annotations = Some(annotations.clone());
    let invalid_keys: BTreeSet<String> = annotations.into_keys().collect();
    let count = std::cell::Cell::new(0);
    let build = |ingress: &Ingress| -> BuildOutcome {
        count.set(count.get() + 1);
        let annotations = ingress.metadata.annotations.as_ref().unwrap();
        let mut stack = Stack::empty(crate::facts::group::explicit_group("web"));
        let listeners = (0..read).filter(|at| annotations.contains_key(&key(*at))).count();
        stack.id.name.push_str(&listeners.to_string());
        Ok((Vec::new(), Some(stack)))
    };
    let attempts_left = AttemptBudget::of_ingress(&ingress);
    let dry_build = collect_errors(&mut ingress, &invalid_keys, attempts_left, build);
    (dry_build.unread, count.get())
}

/// How often an Ingress is built whose doubted values all stop the build.
fn builds_of_wrong(count: usize) -> usize {
    let keys: BTreeSet<String> =
        (0..count).map(|at| format!("alb.ingress.kubernetes.io/actions.a-{at}")).collect();
    let mut ingress = Ingress::default();
    ingress.metadata.annotations = Some(keys.iter().map(|key| (key.clone(), "{".to_owned())).collect());
    let builds = std::cell::Cell::new(0);
    let build = |ingress: &Ingress| -> BuildOutcome {
        builds.set(builds.get() + 1);
        match ingress.metadata.annotations.as_ref().unwrap().keys().next() {
            Some(key) => Err(Box::new(Finding::error(&ingress_ref(ingress), "is no JSON").at(key))),
            None => Ok((Vec::new(), Some(Stack::empty(crate::facts::group::explicit_group("web"))))),
        }
    };
    let attempts_left = AttemptBudget::of_ingress(&ingress);
    let dry_build = collect_errors(&mut ingress, &keys, attempts_left, build);
    assert!(dry_build.stack.is_some() && dry_build.unread.is_empty());
    builds.get()
}

#[test]
fn many_wrong_values_take_no_more_builds_than_a_few() {
    let builds = [2, 8, 100, 1000].map(builds_of_wrong);
    assert_eq!(builds, [3, 9, 9, 9]);
}

#[test]
fn many_values_that_nothing_reads_are_told_by_two_builds() {
    let (unread, count) = attempts(1000, 0);
    assert_eq!((unread.len(), count), (1000, 2));
    let (unread, count) = attempts(1000, 2);
    assert_eq!(unread.len(), 998);
    assert!(count < 30, "{count}");
}

#[test]
fn the_larger_an_object_the_fewer_builds_are_tried() {
    let small = AttemptBudget::for_object(1000, 5).0;
    let large = AttemptBudget::for_object(256 * 1024, 6000).0;
    assert_eq!((small, large), (MAX_ATTEMPTS, 7));
    assert_eq!(AttemptBudget::for_object(usize::MAX / 64, 100_000).0, MIN_ATTEMPTS);
    let (unread, count) = attempts(4000, 4000);
    assert!(unread.is_empty() && count <= 128, "{count}");
}

/// Every backend is a Service of its own, and all are asked for at once.
#[test]
fn an_ingress_may_have_more_backends_than_questions_were_asked_once() {
    let backend = |at: usize| json!({"service": {"name": format!("web-{at}"), "port": {"number": at + 1}}});
    let paths: Vec<Value> = (0..600)
        .map(|at| json!({"path": format!("/p{at}"), "pathType": "Prefix", "backend": backend(at)}))
        .collect();
    let ingress: Ingress = serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "web"}, "spec": {"rules": [{"http": {"paths": paths}}]},
    }))
    .unwrap();
    let (config, others, invalid_keys) = (Config::default(), Arc::default(), BTreeSet::new());
    let options =
        DryBuildOptions { config: &config, is_new: true, others: &others, invalid_keys: &invalid_keys };
    let stack = dry_build_ingress(&ingress, None, &options).stack.expect("it is built");
    assert_eq!((stack.rules.len(), stack.target_groups.len()), (600, 600));
}
