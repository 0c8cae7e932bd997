//! What objects are told that are served, but not as their owners believe.

use crate::services::run;
use rig::{Options, Rig, fixtures};
use serde_json::{Value, json};
use std::time::Duration;

const SAY: (&str, &str) =
    ("actions.say", r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}"#);

async fn open(change: impl FnOnce(&mut Options)) -> Rig {
    let mut options = Options::default();
    change(&mut options);
    let mut rig = Rig::new(options);
    rig.seed();
    rig.start().await;
    rig
}

/// Reasons of the events about an object, each once, in order of appearance.
fn reasons(rig: &Rig, kind: &str, name: &str) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for event in rig.api.events() {
        if event.kind == kind
            && event.object.starts_with(&format!("shop/{name}"))
            && !reasons.contains(&event.reason)
        {
            reasons.push(event.reason);
        }
    }
    reasons
}

/// An Ingress whose only path is answered by an action.
fn saying(name: &str, annotations: &[(&str, &str)]) -> Value {
    let annotations: Vec<(&str, &str)> = [SAY].into_iter().chain(annotations.iter().copied()).collect();
    let mut ingress = fixtures::ingress(name, &annotations, &[("a.example.com", "/", "say")]);
    let service = &mut ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
    service["port"] = json!({"name": "use-annotation"});
    ingress
}

fn is_invalid(rig: &Rig, controller: &str, name: &str) -> bool {
    let text = rig.metrics();
    let mut lines = text.lines().filter(|line| line.starts_with("awslbc_object_state"));
    lines.any(|line| {
        let is_of = line.contains(&format!("controller=\"{controller}\""))
            && line.contains(&format!("name=\"{name}"));
        is_of && line.contains("state=\"invalid\"")
    })
}

#[test]
fn a_deletion_that_waits_for_protection_says_so() {
    run(async {
        let mut rig = open(|_| ()).await;
        let protected = ("load-balancer-attributes", "deletion_protection.enabled=true");
        rig.api.put(saying("web", &[protected]));
        rig.run_until_idle().await;
        rig.api.delete("ingresses", fixtures::NAMESPACE, "web");
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().load_balancers.len(), 1);
        let events = rig.api.events();
        let told: Vec<_> = events.iter().filter(|event| event.reason == "DeletionProtected").collect();
        assert!(!told.is_empty() && told.iter().all(|event| event.object == "shop/web"), "{events:?}");
        assert!(
            told[0].message.contains("set deletion_protection.enabled=false to delete it"),
            "{}",
            told[0].message
        );
    });
}

#[test]
fn a_backend_that_answers_nothing_is_no_success() {
    run(async {
        let mut rig = open(|_| ()).await;
        rig.api.put(fixtures::ingress("web", &[("target-type", "ip")], &[("a.example.com", "/", "late")]));
        rig.run_until_idle().await;
        assert_eq!(reasons(&rig, "Ingress", "web"), ["BackendNotFound"]);
        assert!(is_invalid(&rig, "ingress", "web"));
        rig.api.put(fixtures::cluster_service("late", &[80]));
        rig.serve("late", &[0]);
        rig.run_until_idle().await;
        assert_eq!(reasons(&rig, "Ingress", "web"), ["BackendNotFound", "SuccessfullyReconciled"]);
        assert!(!is_invalid(&rig, "ingress", "web"));
    });
}

#[test]
fn a_backend_that_can_have_no_targets_is_told() {
    run(async {
        let mut rig = open(|_| ()).await;
        let mut external = fixtures::cluster_service("external", &[80]);
        external["spec"] =
            json!({"type": "ExternalName", "externalName": "x.example.com", "ports": [{"port": 80}]});
        rig.api.put(external);
        let mut alone = fixtures::cluster_service("alone", &[80]);
        alone["spec"].as_object_mut().unwrap().remove("selector");
        rig.api.put(alone);
        for name in ["external", "alone"] {
            rig.api.put(fixtures::ingress(name, &[("target-type", "ip")], &[("a.example.com", "/", name)]));
        }
        rig.run_until_idle().await;
        for name in ["external", "alone"] {
            assert_eq!(reasons(&rig, "Ingress", name), ["BackendNotFound"], "{name}");
            assert!(is_invalid(&rig, "ingress", name), "{name}");
        }
        assert_eq!(reasons(&rig, "TargetGroupBinding", "k8s-shop-"), ["BackendNotFound"]);
        // Whoever makes EndpointSlices himself has targets.
        rig.serve("alone", &[0]);
        rig.run_until_idle().await;
        assert!(!is_invalid(&rig, "ingress", "alone"));
        assert_eq!(rig.owned_resources().targets.values().filter(|targets| !targets.is_empty()).count(), 1);
    });
}

#[test]
fn settings_of_protection_that_is_switched_off_are_pointed_out() {
    run(async {
        let mut rig = open(|options| options.config.enable_wafv2 = false).await;
        let acl =
            "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/a/11111111-1111-1111-1111-111111111111";
        rig.api.put(saying("web", &[("wafv2-acl-arn", acl)]));
        rig.run_until_idle().await;
        assert_eq!(reasons(&rig, "Ingress", "web"), ["WithoutEffect", "SuccessfullyReconciled"]);
        let told = rig.api.events().into_iter().find(|event| event.reason == "WithoutEffect").unwrap();
        assert!(told.message.contains("the controller runs with --enable-wafv2=false"), "{}", told.message);
        assert!(!is_invalid(&rig, "ingress", "web"));
    });
}

#[test]
fn a_merged_port_with_a_certificate_is_refused() {
    run(async {
        let mut rig = open(|_| ()).await;
        let merging = [
            ("aws-load-balancer-nlb-target-type", "ip"),
            ("aws-load-balancer-enable-tcp-udp-listener", "true"),
        ];
        let mut service = fixtures::load_balancer("web", &[443], &merging);
        service["spec"]["ports"] = json!([
            {"name": "a", "port": 443, "targetPort": "http", "protocol": "TCP", "nodePort": 30443},
            {"name": "b", "port": 443, "targetPort": "http", "protocol": "UDP", "nodePort": 30443},
        ]);
        rig.api.put(service.clone());
        rig.serve("web", &[0]);
        rig.run_until_idle().await;
        let before = rig.owned_resources().lines();
        assert_eq!(rig.owned_resources().listeners.len(), 1);
        let certificate = rig.aws.world(|world| world.id("CERT_1").to_owned());
        service["metadata"]["annotations"]["service.beta.kubernetes.io/aws-load-balancer-ssl-cert"] =
            certificate.into();
        rig.api.put(service);
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().lines(), before, "what is there stays");
        assert!(reasons(&rig, "Service", "web").contains(&"FailedBuildModel".to_owned()));
        rig.serve("web", &[1, 2]);
        tokio::time::sleep(Duration::from_mins(6)).await;
        rig.run_until_idle().await;
        assert_eq!(
            rig.owned_resources().targets.values().map(Vec::len).sum::<usize>(),
            2,
            "targets follow the pods"
        );
    });
}
