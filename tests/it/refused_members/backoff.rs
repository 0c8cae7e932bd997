//! What AWS refuses for hours: it is tried again alone and ever more rarely, everything else stays as it is, and whoever is not
//! served knows why.

use super::{NO_CERTIFICATE, has_address, hosts, open, put, told};
use crate::services::run;
use aws_load_balancer_controller::aws_api::elbv2::{ListenerAction, Protocol};
use aws_load_balancer_controller::aws_api::{Action, Request};
use aws_sim::{Calls, Effect, Fault};
use rig::{Rig, fixtures};
use serde_json::{Value, json};
use std::time::Duration;

/// An IngressClass whose members are one group and redirect to HTTPS.
fn put_class(rig: &Rig, spec: &Value) {
    rig.api.put(json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "IngressClassParams",
        "metadata": {"name": "shared"}, "spec": spec,
    }));
    rig.api.put(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "shared"},
        "spec": {
            "controller": "ingress.k8s.aws/alb",
            "parameters": {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "shared"},
        },
    }));
}

/// A member of the class `shared`.
fn put_of_class(rig: &Rig, name: &str, annotations: &[(&str, &str)]) {
    let annotations: Vec<(&str, &str)> =
        [("target-type", "ip")].into_iter().chain(annotations.iter().copied()).collect();
    let mut ingress = fixtures::ingress(name, &annotations, &[(&format!("{name}.example.com"), "/", name)]);
    ingress["spec"]["ingressClassName"] = "shared".into();
    rig.api.put(ingress);
}

/// Messages of warnings on an Ingress.
fn warnings(rig: &Rig, name: &str) -> Vec<String> {
    let events = rig.api.events().into_iter();
    let own = events.filter(|event| event.severity == "Warning" && event.object == format!("shop/{name}"));
    own.filter(|event| event.kind == "Ingress").map(|event| event.message).collect()
}

/// What changed AWS in an hour in which nobody changes anything.
async fn writes_of_an_hour(rig: &mut Rig) -> Vec<Action> {
    let before = rig.owned_resources().lines();
    rig.aws.clear_calls();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(rig.owned_resources().lines(), before, "nothing moves to and fro");
    rig.writes()
}

fn assert_retried_alone(writes: &[Action], refused: Action) {
    assert!(!writes.is_empty(), "it is tried again");
    assert!(writes.iter().all(|call| *call == refused), "{writes:?}");
    assert!(writes.len() <= 12, "ever more rarely: {}", writes.len());
}

const BOTH: (&str, &str) = ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#);

#[test]
fn a_refused_certificate_of_a_class_is_tried_alone_and_every_member_knows_why() {
    run(async {
        let mut rig = open().await;
        put_class(&rig, &json!({"sslRedirectPort": "443", "group": {"name": "shared"}}));
        rig.catch_up().await;
        put_of_class(&rig, "one", &[BOTH, ("certificate-arn", NO_CERTIFICATE)]);
        put_of_class(&rig, "two", &[]);
        rig.run_until_idle().await;
        let writes = writes_of_an_hour(&mut rig).await;
        assert_retried_alone(&writes, Action::CreateListener);
        let found = rig.owned_resources();
        let plain = found.listener(80).unwrap();
        let leads_nowhere =
            plain.default_actions.iter().any(|action| matches!(action, ListenerAction::Redirect(_)));
        assert!(!leads_nowhere, "there is nothing on 443: {:?}", plain.default_actions);
        let [culprit, other] = ["one", "two"].map(|name| warnings(&rig, name));
        assert!(
            culprit
                .iter()
                .all(|told| told.contains("CertificateNotFound") && !told.contains("there is no listener")),
            "{culprit:?}"
        );
        assert!(!other.is_empty(), "who is not served is told");
        for told in &other {
            assert!(
                told.contains(
                    "there is no listener on port 443, because AWS refuses what Ingress shop/one wants"
                ),
                "{told}"
            );
            assert!(told.contains("CertificateNotFound"), "{told}");
        }
        let certificate = rig.aws.world(|world| world.id("CERT_1").to_owned());
        put_of_class(&rig, "one", &[BOTH, ("certificate-arn", &certificate)]);
        rig.run_until_idle().await;
        assert!(rig.owned_resources().listener(443).is_some());
        assert_eq!(["one", "two"].map(|name| has_address(&rig, name)), [true, true]);
    });
}

#[test]
fn what_aws_takes_at_last_is_deployed_without_anybody_changing_anything() {
    run(async {
        let mut rig = open().await;
        let certificate = rig.aws.world(|world| world.id("CERT_1").to_owned());
        let is_https = |request: &Request| matches!(request, Request::CreateListener(create) if create.settings.protocol == Protocol::Https);
        rig.aws.arm(Fault::on(Calls::matching(is_https), Effect::fail("CertificateNotFound")));
        put_class(&rig, &json!({"sslRedirectPort": "443", "group": {"name": "shared"}}));
        rig.catch_up().await;
        put_of_class(&rig, "one", &[BOTH, ("certificate-arn", &certificate)]);
        put_of_class(&rig, "two", &[BOTH, ("certificate-arn", &certificate)]);
        rig.run_until_idle().await;
        assert!(rig.owned_resources().listener(443).is_none());
        rig.aws.disarm();
        tokio::time::sleep(Duration::from_hours(1)).await;
        rig.run_until_idle().await;
        assert_eq!(hosts(&rig), ["one", "two"]);
        assert_eq!(["one", "two"].map(|name| has_address(&rig, name)), [true, true]);
    });
}

#[test]
fn the_others_change_while_a_refusal_stands_and_it_is_not_tried_for_that() {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", &[("target-group-attributes", "speed=high")]);
        put(&rig, "two", &[]);
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_hours(1)).await;
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        put(&rig, "two", &[("healthcheck-path", "/healthy")]);
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), [Action::ModifyTargetGroup]);
        rig.aws.clear_calls();
        put(&rig, "one", &[("target-group-attributes", "speed=higher")]);
        rig.run_until_idle().await;
        assert!(
            rig.writes().contains(&Action::ModifyTargetGroupAttributes),
            "a changed wish is tried at once"
        );
    });
}

#[test]
fn a_certificate_is_not_missed_where_it_was_refused() {
    run(async {
        let mut rig = open().await;
        let https = ("listen-ports", r#"[{"HTTPS": 443}]"#);
        put(&rig, "one", &[https, ("certificate-arn", NO_CERTIFICATE)]);
        put(&rig, "two", &[]);
        let mut without =
            fixtures::ingress("three", &[("group.name", "three"), ("target-type", "ip"), https], &[]);
        without["spec"]["defaultBackend"] = json!({"service": {"name": "three", "port": {"number": 80}}});
        rig.api.put(without);
        rig.run_until_idle().await;
        let told = warnings(&rig, "three");
        assert!(
            told.iter().any(|told| told.contains("because AWS refuses what Ingress shop/one wants")),
            "{told:?}"
        );
        assert_retried_alone(&writes_of_an_hour(&mut rig).await, Action::CreateListener);
    });
}

/// What belongs to the whole group: which call AWS refuses, who asks for it, and how its source is named.
const SHARED: &[(Action, &str, &str)] = &[
    (
        Action::AssociateWafv2WebAcl,
        "wafv2-acl-arn",
        "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/a/1",
    ),
    (Action::AssociateWafRegionalWebAcl, "waf-acl-id", "11111111-2222-3333-4444-555555555555"),
    (Action::CreateShieldProtection, "shield-advanced-protection", "true"),
];

#[test]
fn what_is_refused_of_the_load_balancer_is_tried_alone_and_its_source_is_named() {
    for (action, annotation, value) in SHARED {
        run(async {
            let mut rig = open().await;
            rig.aws.world(aws_sim::World::subscribe_to_shield);
            rig.aws.arm(Fault::on(
                Calls::Of(*action),
                Effect::Fail { code: "ValidationError".to_owned(), message: format!("{value} is refused") },
            ));
            put(&rig, "one", &[(annotation, value)]);
            put(&rig, "two", &[]);
            put(&rig, "three", &[("target-group-attributes", "speed=high")]);
            rig.run_until_idle().await;
            assert_eq!(hosts(&rig)[..2], ["one", "two"], "{action:?}");
            let told = warnings(&rig, "two");
            let source = format!("asked for by Ingress shop/one, alb.ingress.kubernetes.io/{annotation}");
            assert!(
                !told.is_empty() && told.iter().all(|told| told.contains(&source)),
                "{action:?}: {told:?}"
            );
            let writes = writes_of_an_hour(&mut rig).await;
            let of_member = Action::ModifyTargetGroupAttributes;
            assert!(writes.iter().all(|call| call == action || *call == of_member), "{action:?}: {writes:?}");
            assert!(writes.len() <= 24, "{action:?}: {}", writes.len());
        });
    }
}

#[test]
fn attributes_of_a_class_are_named_as_the_source_of_a_refusal() {
    run(async {
        let mut rig = open().await;
        let attributes = json!([{"key": "speed", "value": "high"}]);
        put_class(&rig, &json!({"group": {"name": "shared"}, "loadBalancerAttributes": attributes}));
        rig.catch_up().await;
        put_of_class(&rig, "one", &[]);
        put_of_class(&rig, "two", &[]);
        rig.run_until_idle().await;
        for name in ["one", "two"] {
            let told = warnings(&rig, name);
            assert!(
                !told.is_empty() && told.iter().all(|told| told.contains("spec.loadBalancerAttributes")),
                "{told:?}"
            );
        }
        assert_retried_alone(&writes_of_an_hour(&mut rig).await, Action::ModifyLoadBalancerAttributes);
        assert_eq!(hosts(&rig), ["one", "two"]);
    });
}

#[test]
fn what_is_refused_of_one_port_of_a_service_is_tried_alone() {
    run(async {
        let mut rig = open().await;
        let ip = ("aws-load-balancer-nlb-target-type", "ip");
        let certificate = ("aws-load-balancer-ssl-cert", NO_CERTIFICATE);
        let tls = ("aws-load-balancer-ssl-ports", "443");
        rig.api.put(fixtures::load_balancer("one", &[80, 443, 8443], &[ip, certificate, tls]));
        rig.run_until_idle().await;
        let found = rig.owned_resources();
        assert_eq!([80, 443, 8443].map(|port| found.listener(port).is_some()), [true, false, true]);
        assert_retried_alone(&writes_of_an_hour(&mut rig).await, Action::CreateListener);
    });
}

#[test]
fn tags_that_aws_refuses_are_tried_alone() {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", &[]);
        put(&rig, "two", &[]);
        rig.run_until_idle().await;
        rig.aws.arm(Fault::on(Calls::Of(Action::AddTags), Effect::fail("ValidationError")));
        put(&rig, "one", &[("tags", "team=a")]);
        put(&rig, "two", &[("healthcheck-path", "/healthy")]);
        rig.run_until_idle().await;
        let is_healthy = |path: &Option<String>| path.as_deref() == Some("/healthy");
        assert!(rig.owned_resources().target_groups.iter().any(|group| is_healthy(&group.health_check.path)));
        let told = told(&rig, 0);
        assert!(told["one"].contains(&"FailedDeployModel".to_owned()), "{told:?}");
        let writes = writes_of_an_hour(&mut rig).await;
        // A call for each resource that the member has.
        assert!(!writes.is_empty() && writes.iter().all(|call| *call == Action::AddTags), "{writes:?}");
        assert!(writes.len() <= 4 * 12, "{}", writes.len());
    });
}

#[test]
fn a_registration_that_aws_refuses_is_not_brought_forward_by_audits() {
    run(async {
        let mut rig = open().await;
        rig.aws.arm(Fault::on(Calls::Of(Action::RegisterTargets), Effect::fail("AccessDenied")));
        rig.api.put(fixtures::load_balancer("one", &[80], &[("aws-load-balancer-nlb-target-type", "ip")]));
        rig.serve("one", &[0]);
        tokio::time::sleep(Duration::from_hours(1)).await;
        let writes = writes_of_an_hour(&mut rig).await;
        assert!((1..=5).contains(&writes.len()), "one in a thousand seconds: {writes:?}");
    });
}
