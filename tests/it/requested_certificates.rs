//! Certificates that are made for Ingresses, from manifests to AWS and back to events and status.

use crate::services::run;
use aws_load_balancer_controller::aws_api::acm::{Certificate, CertificateStatus};
use aws_load_balancer_controller::aws_api::{Action, Service};
use aws_load_balancer_controller::config::Config;
use aws_sim::{Calls, Effect, Fault, World};
use rig::{Options, Rig, fixtures};
use std::collections::BTreeMap;
use std::time::Duration;

const CREATE: (&str, &str) = ("create-acm-cert", "true");
const BOTH_PORTS: (&str, &str) = ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#);

/// A controller that makes certificates, in an account with the zone `example.com`.
async fn open() -> Rig {
    let options = Options::default();
    let mut config: Config = options.config.clone();
    config.features.enable_certificate_management = true;
    let mut rig = Rig::new(Options { config, ..options });
    rig.aws.world(|world| world.add_hosted_zone("Z1", "example.com", false));
    rig.seed();
    for (number, name) in ["one", "two", "three"].into_iter().enumerate() {
        rig.api.put(fixtures::cluster_service(name, &[80]));
        rig.serve(name, &[number]);
    }
    rig.start().await;
    rig
}

/// Puts a member of the group `edge` into the cluster.
fn put(rig: &Rig, name: &str, host: &str, annotations: &[(&str, &str)]) {
    let common = [("group.name", "edge"), ("target-type", "ip")];
    let annotations: Vec<(&str, &str)> = common.into_iter().chain(annotations.iter().copied()).collect();
    rig.api.put(fixtures::ingress(name, &annotations, &[(host, "/", name)]));
}

fn certificates(rig: &Rig) -> Vec<Certificate> {
    rig.aws.world(World::requested_certificates)
}

/// Subject and status of each certificate, with how many use it.
fn shown(rig: &Rig) -> Vec<(String, CertificateStatus, usize)> {
    let shown = |one: Certificate| (one.domains[0].clone(), one.status, one.in_use_by.len());
    let mut all: Vec<_> = certificates(rig).into_iter().map(shown).collect();
    all.sort();
    all
}

fn records(rig: &Rig) -> usize {
    rig.aws.world(|world| world.records().len())
}

fn listeners(rig: &Rig) -> Vec<i32> {
    let mut ports: Vec<i32> = rig.owned_resources().listeners.iter().map(|one| one.port).collect();
    ports.sort_unstable();
    ports
}

/// Texts of the warnings that each Ingress got.
fn warnings(rig: &Rig) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in rig.api.events().into_iter().filter(|event| event.reason.starts_with("Failed")) {
        told.entry(event.object.rsplit('/').next().unwrap().to_owned()).or_default().push(event.message);
    }
    told
}

fn issued(names: &[&str]) -> Vec<(String, CertificateStatus, usize)> {
    names.iter().map(|name| ((*name).to_owned(), CertificateStatus::Issued, 1)).collect()
}

#[test]
fn each_member_gets_its_certificate_and_it_goes_with_the_member() {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", "one.example.com", &[CREATE]);
        put(&rig, "two", "two.example.com", &[CREATE]);
        rig.run_until_idle().await;
        assert_eq!(shown(&rig), issued(&["one.example.com", "two.example.com"]));
        assert_eq!((listeners(&rig), records(&rig)), (vec![443], 2));
        rig.api.delete("ingresses", fixtures::NAMESPACE, "two");
        rig.run_until_idle().await;
        assert_eq!((shown(&rig), records(&rig)), (issued(&["one.example.com"]), 1));
        rig.api.delete("ingresses", fixtures::NAMESPACE, "one");
        rig.run_until_idle().await;
        assert_eq!((shown(&rig).len(), records(&rig)), (0, 0));
        assert!(rig.api.get("ingresses", fixtures::NAMESPACE, "one").is_none());
        assert_eq!(warnings(&rig), BTreeMap::new());
    });
}

#[test]
fn a_validation_that_takes_hours_blocks_nobody() {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", "one.example.com", &[CREATE, BOTH_PORTS]);
        rig.run_until_idle().await;
        rig.aws.world(|world| world.settings.delays.validation = Duration::from_hours(3));
        put(&rig, "two", "two.example.com", &[CREATE, BOTH_PORTS]);
        tokio::time::sleep(Duration::from_mins(10)).await;
        let pending = ("two.example.com".to_owned(), CertificateStatus::PendingValidation, 0);
        assert_eq!(shown(&rig), [issued(&["one.example.com"]), vec![pending]].concat());
        assert_eq!(listeners(&rig), [80, 443], "those of the first member serve");
        put(
            &rig,
            "three",
            "three.example.com",
            &[BOTH_PORTS, ("certificate-arn", &certificates(&rig)[0].arn)],
        );
        tokio::time::sleep(Duration::from_mins(1)).await;
        let rules = format!("{:?}", rig.owned_resources().rules);
        for host in ["one.example.com", "two.example.com", "three.example.com"] {
            assert!(rules.contains(host), "{host}");
        }
        tokio::time::sleep(Duration::from_hours(4)).await;
        rig.run_until_idle().await;
        assert_eq!(shown(&rig), issued(&["one.example.com", "two.example.com"]));
    });
}

#[test]
fn a_certificate_that_cannot_be_had_is_told_to_its_member_alone() {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", "one.example.com", &[CREATE, BOTH_PORTS]);
        put(&rig, "two", "two.example.org", &[CREATE, BOTH_PORTS]);
        rig.run_until_idle().await;
        assert_eq!(shown(&rig), issued(&["one.example.com"]));
        assert_eq!(listeners(&rig), [80, 443]);
        let told = warnings(&rig);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["two"], "{told:?}");
        assert!(told["two"].iter().all(|text| text.contains("two.example.org")), "{told:?}");
        rig.aws.world(|world| world.add_hosted_zone("Z2", "example.org", false));
        tokio::time::sleep(Duration::from_hours(2)).await;
        rig.run_until_idle().await;
        assert_eq!(shown(&rig), issued(&["one.example.com", "two.example.org"]), "once there is a zone");
    });
}

#[test]
fn an_ingress_alone_is_served_over_http_while_its_certificate_cannot_be_had() {
    run(async {
        let mut rig = open().await;
        let annotations = [("target-type", "ip"), CREATE, BOTH_PORTS, ("inbound-cidrs", "0.0.0.0/0")];
        rig.api.put(fixtures::ingress("one", &annotations, &[("one.example.org", "/", "one")]));
        rig.run_until_idle().await;
        assert_eq!(listeners(&rig), [80]);
        let host = |rig: &Rig| {
            let found = rig.api.get("ingresses", fixtures::NAMESPACE, "one").unwrap();
            found["status"]["loadBalancer"]["ingress"][0]["hostname"].as_str().map(str::to_owned)
        };
        assert!(host(&rig).is_some(), "its status names the load balancer");
        assert!(warnings(&rig)["one"].iter().any(|text| text.contains("one.example.org")));

        let annotations = [("target-type", "ip"), CREATE, BOTH_PORTS, ("inbound-cidrs", "10.0.0.0/8")];
        rig.api.put(fixtures::ingress("one", &annotations, &[("one.example.org", "/", "one")]));
        rig.run_until_idle().await;
        let mut groups = rig.owned_resources().security_groups;
        groups.retain(|group| group.name.starts_with("k8s-") && !group.name.starts_with("k8s-traffic"));
        let rules = format!("{groups:?}");
        assert!(rules.contains("10.0.0.0/8") && !rules.contains("0.0.0.0/0"), "{rules}");
    });
}

#[test]
fn a_request_that_acm_refuses_is_told_to_its_member_alone() {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", "one.example.com", &[CREATE, BOTH_PORTS]);
        rig.run_until_idle().await;
        let refusal = Effect::fail("LimitExceededException");
        rig.aws.arm(Fault::on(Calls::Of(Action::RequestCertificate), refusal).times(3));
        put(&rig, "two", "two.example.com", &[CREATE, BOTH_PORTS]);
        rig.run_until_idle().await;
        let told = warnings(&rig);
        assert_eq!(told.keys().collect::<Vec<_>>(), ["two"], "{told:?}");
        assert!(told["two"].iter().any(|text| text.contains("LimitExceededException")), "{told:?}");
        tokio::time::sleep(Duration::from_hours(6)).await;
        rig.run_until_idle().await;
        assert_eq!(shown(&rig), issued(&["one.example.com", "two.example.com"]));
    });
}

#[test]
fn a_member_that_breaks_keeps_its_certificate() {
    run(async {
        let mut rig = open().await;
        put(&rig, "one", "one.example.com", &[CREATE]);
        put(&rig, "two", "two.example.com", &[CREATE]);
        rig.run_until_idle().await;
        put(&rig, "two", "two.example.com", &[CREATE, ("listen-ports", "nonsense")]);
        put(&rig, "one", "uno.example.com", &[CREATE]);
        rig.run_until_idle().await;
        let held = ["one.example.com", "two.example.com", "uno.example.com"];
        assert_eq!(shown(&rig), issued(&held), "listeners keep what they had while a member is broken");
        put(&rig, "two", "two.example.com", &[CREATE]);
        rig.run_until_idle().await;
        assert_eq!(shown(&rig), issued(&["two.example.com", "uno.example.com"]));
        assert_eq!(records(&rig), 2);
    });
}

#[test]
fn a_list_that_fails_halfway_is_not_begun_anew() {
    const COUNT: usize = 40;
    run(async {
        let mut rig = open().await;
        rig.aws.world(|world| {
            for number in 0..COUNT {
                world.add_certificate(
                    &format!("arn:aws:acm:us-west-2:123456789012:certificate/{number}"),
                    &["a.example.org"],
                );
            }
        });
        let calls = Calls::Of(Action::ListCertificateTags);
        rig.aws.arm(Fault::on(calls, Effect::fail("InternalFailure")).at(COUNT / 2));
        put(&rig, "one", "one.example.com", &[CREATE]);
        rig.run_until_idle().await;
        assert_eq!(listeners(&rig), [443]);
        let asked = rig.calls().into_iter().filter(|one| *one == Action::ListCertificateTags).count();
        assert!(asked <= COUNT + COUNT / 4, "{asked} calls for the tags of {COUNT} certificates");
    });
}

#[test]
fn what_is_switched_off_asks_nothing() {
    run(async {
        let mut rig = Rig::new(Options::default());
        rig.seed();
        rig.api.put(fixtures::cluster_service("one", &[80]));
        rig.serve("one", &[0]);
        rig.start().await;
        put(&rig, "one", "one.example.com", &[CREATE]);
        rig.run_until_idle().await;
        assert_eq!(listeners(&rig), [80]);
        let asked =
            rig.calls().into_iter().filter(|one| matches!(one.service(), Service::Acm | Service::Route53));
        assert_eq!(asked.count(), 0);
    });
}
