//! Certificates of TLS Secrets, from manifests to AWS and back to events and status.

mod faults;
mod gateways;
mod rotation;

use crate::services::run;
use aws_load_balancer_controller::aws_api::{Action, Service};
use aws_sim::{Calls, Effect, Fault};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair};
use rig::{Options, Rig, fixtures};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const FROM_SECRETS: (&str, &str) = ("certificate-source", "secret");
const BOTH_PORTS: (&str, &str) = ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#);

/// Settings with the gate on.
fn options() -> Options {
    let mut options = Options { audit: rig::rig::seldom(), ..Options::default() };
    options.config.features.secret_certificates = true;
    options
}

async fn open() -> Rig {
    let mut rig = Rig::new(options());
    rig.seed();
    for (number, name) in ["one", "two"].into_iter().enumerate() {
        rig.api.put(fixtures::cluster_service(name, &[80]));
        rig.serve(name, &[number]);
    }
    rig.start().await;
    rig
}

/// With the Ingress `one`, which has its certificate from the Secret `web`.
async fn served() -> Rig {
    let mut rig = open().await;
    put_secret(&rig, "web", &pair("*.example.com"));
    rig.api.put(ingress("one", &["web"], &[]));
    rig.run_until_idle().await;
    rig
}

/// A certificate of its own making for a host, with its key.
fn pair(host: &str) -> (String, String) {
    pair_with(host, &KeyPair::generate().unwrap())
}

fn pair_with(host: &str, key: &KeyPair) -> (String, String) {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    params.not_after = rcgen::date_time_ymd(4000, 1, 1);
    (params.self_signed(key).unwrap().pem(), key.serialize_pem())
}

fn put_secret(rig: &Rig, name: &str, (certificate, key): &(String, String)) {
    rig.api.put(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": fixtures::NAMESPACE},
        "data": {"tls.crt": STANDARD.encode(certificate), "tls.key": STANDARD.encode(key)},
    }));
}

fn ingress(name: &str, secrets: &[&str], annotations: &[(&str, &str)]) -> Value {
    let annotations: Vec<_> =
        [("target-type", "ip"), FROM_SECRETS].into_iter().chain(annotations.iter().copied()).collect();
    let host = format!("{name}.example.com");
    let mut ingress = fixtures::ingress(name, &annotations, &[(&host, "/", name)]);
    let tls = secrets.iter().map(|secret| json!({"hosts": [host], "secretName": secret}));
    ingress["spec"]["tls"] = tls.collect();
    ingress
}

/// ARNs of what is imported, by Secret.
fn imported(rig: &Rig) -> Vec<(String, String)> {
    let tagged = rig.aws.world(|world| world.imported_certificates());
    let mut all: Vec<_> =
        tagged.into_iter().map(|(arn, tags)| (tags["elbv2.k8s.aws/secret"].clone(), arn)).collect();
    all.sort();
    all
}

/// Names of the Secrets whose certificates are imported.
fn secrets(rig: &Rig) -> Vec<String> {
    imported(rig).into_iter().map(|(secret, _)| secret).collect()
}

fn imports(rig: &Rig) -> usize {
    rig.aws.world(|world| world.imports())
}

/// The certificates of all listeners, the extra ones too.
fn attached(rig: &Rig) -> BTreeSet<String> {
    let all = imported(rig);
    let used = |arn: &String| {
        let request = aws_load_balancer_controller::aws_api::acm::DescribeCertificate { arn: arn.clone() };
        !rig.ask(request).in_use_by.is_empty()
    };
    all.into_iter().filter(|(_, arn)| used(arn)).map(|(secret, _)| secret).collect()
}

fn warnings(rig: &Rig) -> Vec<String> {
    let told = rig.api.events().into_iter().filter(|event| event.reason.starts_with("Failed"));
    told.map(|event| format!("{}: {}", event.object.rsplit('/').next().unwrap(), event.message)).collect()
}

fn shop(name: &str) -> String {
    format!("{}/{name}", fixtures::NAMESPACE)
}

#[test]
fn a_secret_is_imported_once_for_all_and_goes_with_its_last_user() {
    run(async {
        let mut rig = open().await;
        put_secret(&rig, "web", &pair("*.example.com"));
        rig.api.put(ingress("one", &["web"], &[BOTH_PORTS]));
        rig.api.put(ingress("two", &["web"], &[]));
        let annotations = [
            ("aws-load-balancer-ssl-secret", "web"),
            ("aws-load-balancer-nlb-target-type", "ip"),
            ("aws-load-balancer-scheme", "internal"),
        ];
        rig.api.put(fixtures::load_balancer("three", &[443], &annotations));
        rig.run_until_idle().await;
        assert_eq!((secrets(&rig), imports(&rig)), (vec![shop("web")], 1), "{:?}", warnings(&rig));
        let arn = imported(&rig)[0].1.clone();
        let described = rig.ask(aws_load_balancer_controller::aws_api::acm::DescribeCertificate { arn });
        assert_eq!(described.in_use_by.len(), 3);
        assert_eq!(warnings(&rig), Vec::<String>::new());

        for (plural, name) in [("ingresses", "one"), ("services", "three")] {
            rig.api.delete(plural, fixtures::NAMESPACE, name);
            rig.run_until_idle().await;
            assert_eq!(secrets(&rig), [shop("web")], "{name}");
        }
        rig.api.delete("ingresses", fixtures::NAMESPACE, "two");
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!((secrets(&rig), imports(&rig)), (Vec::new(), 1));
    });
}

/// A Service has its finalizer after its first build, which imports.
#[test]
fn what_was_imported_for_a_service_that_went_before_it_had_its_finalizer_goes_too() {
    run(async {
        let mut rig = open().await;
        put_secret(&rig, "web", &pair("*.example.com"));
        rig.api.refuse(|method, path| method == "PATCH" && path.contains("/services/web"));
        let annotations =
            [("aws-load-balancer-ssl-secret", "web"), ("aws-load-balancer-nlb-target-type", "ip")];
        rig.api.put(fixtures::load_balancer("web", &[443], &annotations));
        rig.run_until_idle().await;
        assert_eq!(secrets(&rig), [shop("web")], "{:?}", warnings(&rig));
        rig.api.delete("services", fixtures::NAMESPACE, "web");
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!((secrets(&rig), imports(&rig)), (Vec::new(), 1));
    });
}

#[test]
fn a_secret_that_changes_is_imported_again_under_its_arn_and_a_bad_one_changes_nothing() {
    run(async {
        let mut rig = served().await;
        let before = imported(&rig);
        assert_eq!(before.len(), 1, "{:?}", warnings(&rig));

        rig.aws.clear_calls();
        put_secret(&rig, "web", &pair("*.example.com"));
        rig.run_until_idle().await;
        assert_eq!((imported(&rig), imports(&rig)), (before.clone(), 2));
        assert_eq!(rig.writes(), [Action::ImportCertificate], "listeners stay as they are");

        rig.aws.clear_calls();
        put_secret(&rig, "web", &(pair("*.example.com").0, pair("*.example.com").1));
        rig.run_until_idle().await;
        assert_eq!((imported(&rig), rig.writes()), (before.clone(), Vec::new()));
        let told = warnings(&rig);
        assert!(
            told.iter().any(|text| text.contains("one: ") && text.contains("tls.key is not the key")),
            "{told:?}"
        );
        assert!(told.iter().all(|text| text.contains("keep the certificate")), "{told:?}");

        rig.api.delete("secrets", fixtures::NAMESPACE, "web");
        rig.run_until_idle().await;
        assert_eq!(
            (imported(&rig), rig.writes()),
            (before.clone(), Vec::new()),
            "a Secret that is gone is a bad one"
        );

        put_secret(&rig, "web", &pair("*.example.com"));
        rig.run_until_idle().await;
        assert_eq!((imported(&rig), imports(&rig)), (before, 3));
    });
}

#[test]
fn a_key_of_another_kind_is_a_certificate_of_its_own_that_takes_the_place_of_the_other() {
    run(async {
        let mut rig = served().await;
        let before = imported(&rig);
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        put_secret(&rig, "web", &pair_with("*.example.com", &other));
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        let after = imported(&rig);
        assert_eq!(after.len(), 1, "the other one goes");
        assert_ne!(after, before);
        assert_eq!(attached(&rig), BTreeSet::from([shop("web")]));
    });
}

#[test]
fn a_secret_that_cannot_be_used_keeps_others_from_nothing_and_is_used_once_it_can_be() {
    run(async {
        let mut rig = open().await;
        put_secret(&rig, "good", &pair("*.example.com"));
        put_secret(&rig, "bad", &("nonsense".to_owned(), "nonsense".to_owned()));
        rig.api.put(ingress("one", &["good", "bad", "missing"], &[]));
        rig.api.put(ingress("two", &["bad"], &[]));
        rig.run_until_idle().await;
        assert_eq!(secrets(&rig), [shop("good")]);
        let told = warnings(&rig);
        let expected = [
            "one: Failed build model due to ingress/shop/one spec.tls[1].secretName: secret shop/bad cannot be used: tls.crt cannot be read",
            "one: Failed build model due to ingress/shop/one spec.tls[2].secretName: secret shop/missing cannot be used: there is no such secret",
            "two: Failed build model due to ingress/shop/two spec.tls[0].secretName: secret shop/bad cannot be used: tls.crt cannot be read",
        ];
        for expected in expected {
            let expected = expected.replace("shop", fixtures::NAMESPACE);
            assert!(told.iter().any(|text| text.starts_with(&expected)), "{expected} in {told:#?}");
        }
        put_secret(&rig, "bad", &pair("two.example.com"));
        rig.run_until_idle().await;
        assert_eq!(attached(&rig), BTreeSet::from([shop("bad"), shop("good")]));
        assert_eq!(
            rig.owned_resources().listeners.len(),
            2,
            "the Secret is watched although nothing was built"
        );
    });
}

#[test]
fn a_member_of_a_group_whose_secret_cannot_be_used_waits_alone() {
    run(async {
        let mut rig = open().await;
        put_secret(&rig, "good", &pair("one.example.com"));
        put_secret(&rig, "bad", &("nonsense".to_owned(), "nonsense".to_owned()));
        let group = [("group.name", "edge")];
        rig.api.put(ingress("one", &["good"], &group));
        rig.api.put(ingress("two", &["bad"], &group));
        rig.run_until_idle().await;
        assert_eq!(attached(&rig), BTreeSet::from([shop("good")]));
        put_secret(&rig, "bad", &pair("two.example.com"));
        rig.run_until_idle().await;
        assert_eq!(attached(&rig), BTreeSet::from([shop("bad"), shop("good")]));
        let before = imported(&rig);
        put_secret(&rig, "bad", &("nonsense".to_owned(), "nonsense".to_owned()));
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!((imported(&rig), attached(&rig).len()), (before, 2), "it keeps what it had");
    });
}

#[test]
fn the_metric_tells_when_certificates_in_use_end() {
    run(async {
        let rig = served().await;
        let arn = imported(&rig)[0].1.clone();
        let line =
            format!("awslbc_certificate_expiry_timestamp_seconds{{certificate=\"{arn}\"}} 64060588800");
        assert!(rig.metrics().lines().any(|one| one == line), "{line}");
    });
}

#[test]
fn what_acm_refuses_is_told_and_tried_again() {
    run(async {
        let mut rig = served().await;
        let before = imported(&rig);
        rig.aws.arm(
            Fault::on(Calls::Of(Action::ImportCertificate), Effect::fail("LimitExceededException")).times(2),
        );
        put_secret(&rig, "web", &pair("*.example.com"));
        rig.run_until_idle().await;
        assert_eq!((imported(&rig), imports(&rig)), (before.clone(), 1));
        let told = warnings(&rig);
        assert!(told.iter().any(|text| text.contains("LimitExceededException")), "{told:?}");
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!((imported(&rig), imports(&rig)), (before, 2));
    });
}

#[test]
fn a_restart_finds_what_was_imported() {
    run(async {
        let mut rig = open().await;
        put_secret(&rig, "web", &pair("*.example.com"));
        put_secret(&rig, "api", &pair("api.example.com"));
        rig.api.put(ingress("one", &["web"], &[]));
        rig.api.put(ingress("two", &["web", "api"], &[]));
        rig.run_until_idle().await;
        let before = imported(&rig);
        rig.aws.clear_calls();
        rig.restart().await;
        rig.run_until_idle().await;
        assert_eq!((imported(&rig), imports(&rig), rig.writes()), (before, 2, Vec::new()));
        rig.kill().await;
        rig.api.put(ingress("two", &["web"], &[]));
        rig.restart().await;
        rig.run_until_idle().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!((secrets(&rig), imports(&rig)), (vec![shop("web")], 2));
    });
}

#[test]
fn a_hundred_listeners_cost_one_import() {
    run(async {
        let mut rig = open().await;
        put_secret(&rig, "web", &pair("*.example.com"));
        let ports: Vec<Value> = (0..25).map(|port| json!({"HTTPS": 8000 + port})).collect();
        let ports = Value::from(ports).to_string();
        for name in ["a", "b", "c", "d"] {
            let mut one = ingress("one", &["web"], &[("listen-ports", &ports)]);
            one["metadata"]["name"] = name.into();
            rig.api.put(one);
        }
        rig.run_until_idle().await;
        assert_eq!(rig.owned_resources().listeners.len(), 100);
        assert_eq!(imports(&rig), 1);
        rig.aws.clear_calls();
        put_secret(&rig, "web", &pair("*.example.com"));
        rig.run_until_idle().await;
        assert_eq!((imports(&rig), rig.writes()), (2, vec![Action::ImportCertificate]));
    });
}

#[test]
fn with_the_gate_off_no_secret_is_read_and_acm_hears_nothing() {
    run(async {
        let mut rig = Rig::new(Options::default());
        rig.seed();
        rig.api.put(fixtures::cluster_service("one", &[80]));
        rig.serve("one", &[0]);
        put_secret(&rig, "web", &pair("*.example.com"));
        rig.api.refuse(|_, uri| {
            assert!(!uri.contains("/secrets"), "{uri}");
            false
        });
        rig.start().await;
        rig.api.put(ingress("one", &["web"], &[("listen-ports", r#"[{"HTTP": 80}]"#)]));
        rig.api.put(fixtures::load_balancer("two", &[443], &[("aws-load-balancer-ssl-secret", "web")]));
        rig.run_until_idle().await;
        assert_eq!(imports(&rig), 0);
        assert_eq!(rig.calls().into_iter().filter(|one| one.service() == Service::Acm).count(), 0);
        assert!(!rig.owned_resources().listeners.is_empty());
    });
}
