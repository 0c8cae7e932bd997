//! What only AWS finds wrong with a member of an Ingress group costs that member alone.

mod backoff;

use crate::services::run;
use aws_load_balancer_controller::aws_api::{Action, elbv2::ListenerAction};
use aws_sim::{Calls, Effect, Fault};
use rig::{Options, Rig, fixtures};
use serde_json::Value;
use std::collections::BTreeMap;

/// A certificate that is well spelt and does not exist.
const NO_CERTIFICATE: &str =
    "arn:aws:acm:us-west-2:123456789012:certificate/00000000-0000-4000-8000-000000000000";

/// AWS takes five values in all.
const TOO_MANY_VALUES: &str = r#"[{"field": "source-ip", "sourceIPConfig": {"values":
    ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16"]}}]"#;

async fn open() -> Rig {
    let mut rig = Rig::new(Options::default());
    rig.seed();
    for (number, name) in ["one", "two", "three"].into_iter().enumerate() {
        rig.api.put(fixtures::cluster_service(name, &[80]));
        rig.serve(name, &[number]);
    }
    rig.start().await;
    rig
}

/// Puts a member of the group `three` into the cluster.
fn put(rig: &Rig, name: &str, annotations: &[(&str, &str)]) {
    let common = [("group.name", "three"), ("target-type", "ip")];
    let annotations: Vec<(&str, &str)> = common.into_iter().chain(annotations.iter().copied()).collect();
    rig.api.put(fixtures::ingress(name, &annotations, &[(&format!("{name}.example.com"), "/", name)]));
}

/// Reasons of the members' events since then.
fn told(rig: &Rig, since: usize) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in rig.api.events().split_off(since).into_iter().filter(|event| event.kind == "Ingress") {
        told.entry(event.object.rsplit('/').next().unwrap().to_owned()).or_default().push(event.reason);
    }
    told
}

fn has_address(rig: &Rig, name: &str) -> bool {
    let ingress = rig.api.get("ingresses", fixtures::NAMESPACE, name).unwrap();
    ingress.pointer("/status/loadBalancer/ingress/0/hostname").is_some()
}

fn hosts(rig: &Rig) -> Vec<String> {
    let rules = rig.owned_resources().rules;
    let text = format!("{rules:?}");
    ["one", "two", "three"]
        .into_iter()
        .filter(|name| text.contains(&format!("{name}.example.com")))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_certificate_that_is_not_there_costs_the_member_that_names_it() {
    run(async {
        let mut rig = open().await;
        let certificate = rig.aws.world(|world| world.id("CERT_1").to_owned());
        let https = ("listen-ports", r#"[{"HTTPS": 443}]"#);
        put(&rig, "one", &[https, ("certificate-arn", &certificate)]);
        put(&rig, "two", &[https, ("certificate-arn", NO_CERTIFICATE)]);
        put(&rig, "three", &[https, ("certificate-arn", &certificate)]);
        rig.run_until_idle().await;
        assert_eq!(hosts(&rig), ["one", "two", "three"], "what AWS takes of it stays");
        let told = told(&rig, 0);
        assert!(told["two"].iter().all(|reason| reason == "FailedDeployModel"), "{told:?}");
        assert_eq!(
            (&*told["one"], &*told["three"]),
            (&["SuccessfullyReconciled".to_owned()][..], &["SuccessfullyReconciled".to_owned()][..])
        );
        assert_eq!(["one", "two", "three"].map(|name| has_address(&rig, name)), [true, false, true]);
    });
}

#[test]
fn who_leaves_beside_a_refused_member_leaves_and_who_changes_is_served() {
    run(async {
        let mut rig = open().await;
        for name in ["one", "two", "three"] {
            put(&rig, name, &[]);
        }
        rig.run_until_idle().await;
        let since = rig.api.events().len();
        put(&rig, "one", &[("target-group-attributes", "speed=high")]);
        put(&rig, "two", &[("healthcheck-path", "/healthy")]);
        rig.api.delete("ingresses", fixtures::NAMESPACE, "three");
        rig.run_until_idle().await;
        assert_eq!(hosts(&rig), ["one", "two"]);
        assert!(rig.api.get("ingresses", fixtures::NAMESPACE, "three").is_none());
        assert!(
            rig.owned_resources()
                .target_groups
                .iter()
                .any(|group| group.health_check.path.as_deref() == Some("/healthy"))
        );
        let told = told(&rig, since);
        assert!(told["one"].iter().all(|reason| reason == "FailedDeployModel"), "{told:?}");
        assert_eq!(told["two"], ["SuccessfullyReconciled"]);
    });
}

#[test]
fn a_refusal_is_tried_again_now_and_then_and_changes_nothing_for_the_others() {
    try_for_hours("target-group-attributes", "speed=high", Action::ModifyTargetGroupAttributes);
    // The rules of the others come after the one that is refused.
    try_for_hours("conditions.one", TOO_MANY_VALUES, Action::CreateRule);
}

fn try_for_hours(annotation: &str, value: &str, refused: Action) {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", &[(annotation, value)]);
        put(&rig, "two", &[]);
        put(&rig, "three", &[]);
        rig.run_until_idle().await;
        let (before, since) = (rig.owned_resources().lines(), rig.api.events().len());
        rig.aws.clear_calls();
        tokio::time::sleep(std::time::Duration::from_hours(3)).await;
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().lines(), before);
        let writes = rig.writes();
        assert!(!writes.is_empty() && writes.iter().all(|call| *call == refused), "{writes:?}");
        // One with each audit, every four and a half minutes, and a few of its own.
        assert!(writes.len() < 60, "{}", writes.len());
        assert_eq!(told(&rig, since).keys().collect::<Vec<_>>(), ["one"]);
        let bound = rig.api.list("targetgroupbindings");
        assert_eq!(bound.len(), 3, "what AWS took of it stays: {bound:#?}");
    });
}

#[test]
fn a_member_that_is_mended_is_served_at_once() {
    run(async {
        let mut rig = open().await;
        put(
            &rig,
            "one",
            &[("target-group-attributes", "speed=high"), ("healthcheck-interval-seconds", "4000")],
        );
        put(&rig, "two", &[]);
        rig.run_until_idle().await;
        assert_eq!(hosts(&rig), ["two"]);
        put(&rig, "one", &[]);
        rig.run_until_idle().await;
        assert_eq!(hosts(&rig), ["one", "two"]);
        assert!(has_address(&rig, "one"));
    });
}

#[test]
fn what_is_wrong_with_the_load_balancer_itself_is_told_to_all() {
    run(async {
        let mut rig = open().await;
        rig.aws.arm(Fault::on(Calls::Of(Action::CreateLoadBalancer), Effect::fail("InvalidSubnet")));
        put(&rig, "one", &[]);
        put(&rig, "two", &[]);
        rig.run_until_idle().await;
        let told = told(&rig, 0);
        assert!(
            told["one"].contains(&"FailedDeployModel".to_owned())
                && told["two"].contains(&"FailedDeployModel".to_owned())
        );
    });
}

/// Annotation of the members `one`, `two` and `three`; the value of `two` is the one that AWS refuses. Then the call, and how many
/// values AWS has taken in the end.
type Together = ([(&'static str, &'static str); 3], Action, usize);

const TOGETHER: &[Together] = &[
    (
        [
            ("load-balancer-attributes", "idle_timeout.timeout_seconds=30"),
            ("load-balancer-attributes", "speed=high"),
            ("load-balancer-attributes", "routing.http2.enabled=false"),
        ],
        Action::ModifyLoadBalancerAttributes,
        2,
    ),
    (
        [
            ("listener-attributes.HTTP-80", "routing.http.response.server.enabled=false"),
            ("listener-attributes.HTTP-80", "speed=high"),
            ("listener-attributes.HTTP-80", "routing.http.response.x_frame_options.header_value=DENY"),
        ],
        Action::ModifyListenerAttributes,
        2,
    ),
];

#[test]
fn a_value_that_aws_refuses_in_a_call_of_several_members_waits_alone() {
    for (annotations, action, taken) in TOGETHER {
        run(async {
            let mut rig = open().await;
            for (name, annotation) in ["one", "two", "three"].into_iter().zip(annotations) {
                put(&rig, name, &[*annotation]);
            }
            rig.run_until_idle().await;
            assert_eq!(hosts(&rig), ["one", "two", "three"], "{action:?}");
            assert_eq!(["one", "two", "three"].map(|name| has_address(&rig, name)), [true; 3], "{action:?}");
            let told_first = told(&rig, 0);
            assert!(told_first["two"].iter().all(|reason| reason == "FailedDeployModel"), "{told_first:?}");
            for other in ["one", "three"] {
                assert_eq!(told_first[other], ["SuccessfullyReconciled"], "{action:?}");
            }
            let is_taken = |call: &&aws_sim::Call| call.action() == *action && call.error_code().is_none();
            let values =
                rig.aws.writes().iter().filter(is_taken).flat_map(|call| call.request.value_keys()).count();
            assert_eq!(values, *taken, "{action:?}");

            rig.aws.clear_calls();
            tokio::time::sleep(std::time::Duration::from_hours(1)).await;
            let writes = rig.writes();
            assert!(!writes.is_empty() && writes.iter().all(|call| call == action), "{action:?}: {writes:?}");
            assert!(writes.len() <= 12, "ever more rarely: {}", writes.len());

            let since = rig.api.events().len();
            put(&rig, "two", &[]);
            put(&rig, "three", &[*annotations.last().unwrap(), ("healthcheck-path", "/healthy")]);
            rig.run_until_idle().await;
            let told_at_last = told(&rig, since);
            assert_eq!(told_at_last["two"].last().map(String::as_str), Some("SuccessfullyReconciled"));
        });
    }
}

#[test]
fn the_same_refusal_is_told_in_the_same_words() {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", &[("target-group-attributes", "speed=high")]);
        let ip = ("aws-load-balancer-nlb-target-type", "ip");
        rig.api.put(fixtures::load_balancer(
            "two",
            &[80],
            &[ip, ("aws-load-balancer-attributes", "speed=high")],
        ));
        rig.run_until_idle().await;
        tokio::time::sleep(std::time::Duration::from_hours(1)).await;
        for kind in ["Ingress", "Service"] {
            let told = rig
                .api
                .events()
                .into_iter()
                .filter(|event| event.kind == kind && event.severity == "Warning");
            let mut messages: Vec<String> = told.map(|event| event.message).collect();
            assert!(messages.len() > 1, "{kind} is told with each try");
            messages.dedup();
            assert_eq!(messages.len(), 1, "{messages:?}");
            assert!(!messages[0].contains("request id"), "{messages:?}");
        }
    });
}

#[test]
fn a_default_backend_that_aws_does_not_know_costs_its_member() {
    run(async {
        let mut rig = open().await;
        for name in ["one", "two"] {
            put(&rig, name, &[]);
        }
        rig.run_until_idle().await;
        let gone = r#"{"type": "forward", "targetGroupARN": "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/gone/0123456789abcdef"}"#;
        let mut ingress: Value = fixtures::ingress(
            "three",
            &[("group.name", "three"), ("target-type", "ip"), ("actions.gone", gone)],
            &[],
        );
        ingress["spec"]["defaultBackend"] =
            serde_json::json!({"service": {"name": "gone", "port": {"name": "use-annotation"}}});
        rig.api.put(ingress);
        put(&rig, "two", &[("healthcheck-path", "/healthy")]);
        let since = rig.api.events().len();
        rig.run_until_idle().await;
        let told = told(&rig, since);
        assert!(told["three"].iter().all(|reason| reason == "FailedDeployModel"), "{told:?}");
        assert_eq!(
            (told.get("one"), &*told["two"]),
            (Some(&vec!["SuccessfullyReconciled".to_owned()]), &["SuccessfullyReconciled".to_owned()][..])
        );
        let found = rig.owned_resources();
        let default = &found.listener(80).unwrap().default_actions;
        assert!(matches!(default.as_slice(), [ListenerAction::FixedResponse(_)]), "{default:?}");
    });
}

#[test]
fn what_aws_refuses_of_one_port_of_a_service_does_not_stop_the_other() {
    run(async {
        let mut rig = open().await;
        rig.api.put(fixtures::load_balancer(
            "one",
            &[80, 443],
            &[
                ("aws-load-balancer-nlb-target-type", "ip"),
                ("aws-load-balancer-listener-attributes.TCP-80", "speed=high"),
            ],
        ));
        rig.serve("one", &[0]);
        rig.run_until_idle().await;
        let found = rig.owned_resources();
        assert!(found.listener(443).is_some());
        assert!(found.targets.len() == 2 && found.targets.values().all(|targets| !targets.is_empty()));
        let events = rig.api.events();
        let told = events.iter().filter(|event| event.kind == "Service").map(|event| event.reason.as_str());
        assert!(
            told.clone().count() > 0 && told.clone().all(|reason| reason == "FailedDeployModel"),
            "{events:?}"
        );
    });
}

#[test]
fn no_load_balancer_is_made_while_aws_refuses_its_target_groups() {
    run(async {
        let mut rig = open().await;
        let ip = ("aws-load-balancer-nlb-target-type", "ip");
        let impossible = ("aws-load-balancer-target-group-attributes", "speed=high");
        rig.api.put(fixtures::load_balancer("one", &[80], &[ip, impossible]));
        rig.run_until_idle().await;
        assert!(rig.owned_resources().load_balancers.is_empty());
        rig.api.put(fixtures::load_balancer("one", &[80], &[ip]));
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().load_balancers.len(), 1);
        rig.api.put(fixtures::load_balancer("one", &[80, 443], &[ip, impossible]));
        rig.run_until_idle().await;
        assert!(rig.owned_resources().listener(443).is_some(), "one that is there serves what it can");
    });
}

#[test]
fn a_member_that_joins_is_told_even_if_aws_has_all_it_wants() {
    run(async {
        let mut rig = open().await;
        let say =
            [("actions.say", r#"{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}"#)];
        let saying = |name: &str| {
            let annotations: Vec<_> = [("group.name", "three")].into_iter().chain(say).collect();
            let mut ingress = fixtures::ingress(name, &annotations, &[("a.example.com", "/", "say")]);
            let service = &mut ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
            service["port"] = serde_json::json!({"name": "use-annotation"});
            ingress
        };
        rig.api.put(saying("one"));
        rig.run_until_idle().await;
        let (before, since) = (rig.owned_resources().lines(), rig.api.events().len());
        rig.api.delete("ingresses", fixtures::NAMESPACE, "one");
        rig.api.put(saying("two"));
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().lines(), before);
        assert_eq!(told(&rig, since)["two"], ["SuccessfullyReconciled"]);
    });
}
