//! Certificates that are made for Ingresses: whatever happens on the way, none is made twice or left behind, nor is a record, and nobody
//! waits for one who does not use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "converge/stacks.rs"]
#[allow(dead_code)]
mod stacks;
#[path = "converge/test_bed.rs"]
#[allow(dead_code)]
mod test_bed;

use aws_load_balancer_controller::aws_api::acm::CertificateStatus;
use aws_load_balancer_controller::aws_api::elbv2::{DescribeListeners, DescribeLoadBalancers, Listener};
use aws_load_balancer_controller::aws_api::{Action, Service, SymbolKind, Tags};
use aws_load_balancer_controller::model::{RequestedCertificate, ResourceId, Stack};
use aws_sim::{Calls, Effect, Fault};
use std::time::Duration;
use test_bed::{TestBed, run};

const AUTHORITY: &str = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/one";

fn test_bed() -> TestBed {
    let test_bed = TestBed::with(true);
    test_bed.sim.world(|world| {
        world.add_hosted_zone("Z1", "example.net", false);
        world.add_hosted_zone("Z2", "shop.example.net", false);
        world.add_hosted_zone("Z3", "in.shop.example.net", true);
        world.add_certificate_authority(AUTHORITY);
    });
    test_bed
}

/// An ALB with a listener over HTTP and one over HTTPS, whose certificate is made for these names.
fn stack(member: &str, names: &[&str], authority: Option<&str>) -> Stack {
    let wish = stacks::Wish { listeners: vec![0, 1], rules: vec![(0, 0)], ..stacks::Wish::plain() };
    let mut stack = stacks::build(&wish);
    let kind = if authority.is_some() { "private" } else { "amazon_issued" };
    let id = ResourceId::from(format!("{kind}/{}-{member}", names[0].replace('*', "wildcard")));
    for listener in stack.listeners.values_mut().filter(|listener| listener.port == 443) {
        listener.certificates = vec![id.pending(SymbolKind::CertificateArn)];
    }
    let certificate = RequestedCertificate {
        authority: authority.map(str::to_owned),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        tags: Tags::new(),
    };
    stack.certificates.insert(id, certificate);
    stack
}

/// The same for another stack.
fn renamed(mut stack: Stack, name: &str) -> Stack {
    let rename = |text: &mut String| *text = format!("{text}-{name}");
    rename(&mut stack.id.name);
    stack.security_groups.values_mut().for_each(|one| rename(&mut one.name));
    stack.load_balancers.values_mut().for_each(|one| rename(&mut one.name));
    stack.target_groups.values_mut().for_each(|one| rename(&mut one.name));
    stack.bindings.values_mut().for_each(|one| rename(&mut one.name));
    stack
}

fn certificates(test_bed: &TestBed) -> Vec<(Vec<String>, CertificateStatus)> {
    let all = test_bed.sim.world(aws_sim::World::requested_certificates);
    all.into_iter().map(|one| (one.domains, one.status)).collect()
}

fn issued(names: &[&str]) -> (Vec<String>, CertificateStatus) {
    (names.iter().map(|name| (*name).to_owned()).collect(), CertificateStatus::Issued)
}

fn records(test_bed: &TestBed) -> Vec<String> {
    let records = test_bed.sim.world(|world| world.records());
    records.into_iter().map(|(zone, name)| format!("{zone} {name}")).collect()
}

fn listeners(test_bed: &TestBed) -> Vec<Listener> {
    test_bed.sim.world(|world| {
        let load_balancers = world.ask(DescribeLoadBalancers::default()).unwrap().items;
        let of = |arn: String| {
            let request = DescribeListeners { load_balancer_arn: arn.into(), ..DescribeListeners::default() };
            world.ask(request).unwrap().items
        };
        load_balancers.into_iter().map(|one| one.arn).flat_map(of).collect()
    })
}

fn ports(test_bed: &TestBed) -> Vec<i32> {
    let mut ports: Vec<i32> = listeners(test_bed).iter().map(|listener| listener.port).collect();
    ports.sort_unstable();
    ports
}

fn empty(stack: &Stack) -> Stack {
    Stack::empty(stack.id.clone())
}

/// What is wanted, and what there is then.
struct Step {
    wanted: Stack,
    certificates: Vec<(Vec<String>, CertificateStatus)>,
    records: &'static [&'static str],
}

/// Makes the k-th call fail, for every k: while a certificate is made, replaced and deleted.
fn for_every_call(fault: impl Fn(usize) -> Fault) {
    let before = stack("m", &["*.shop.example.net", "shop.example.net"], None);
    let after = stack("m", &["*.shop.example.net", "a.example.net"], None);
    for k in 1..120 {
        let is_last = run(async {
            let mut test_bed = test_bed();
            let mut struck = false;
            let steps = [
                Step {
                    wanted: before.clone(),
                    certificates: vec![issued(&["*.shop.example.net", "shop.example.net"])],
                    records: &["Z2 _shop-example-net.shop.example.net."],
                },
                Step {
                    wanted: after.clone(),
                    certificates: vec![issued(&["*.shop.example.net", "a.example.net"])],
                    records: &["Z1 _a-example-net.a.example.net.", "Z2 _shop-example-net.shop.example.net."],
                },
                Step { wanted: empty(&after), certificates: Vec::new(), records: &[] },
            ];
            for (number, step) in steps.into_iter().enumerate() {
                test_bed.sim.clear_calls();
                test_bed.sim.disarm();
                test_bed.sim.arm(fault(k));
                test_bed.converge(&step.wanted).await;
                struck |= test_bed.sim.calls().len() >= k;
                let context = format!("call {k} of step {number}");
                assert_eq!(certificates(&test_bed), step.certificates, "{context}");
                assert_eq!(records(&test_bed), step.records, "{context}");
                test_bed.restart();
            }
            let made = test_bed.sim.world(|world| world.certificates_made());
            assert_eq!(made, 2, "call {k}: each certificate is made once");
            test_bed.check_nothing_left(&format!("call {k}"));
            !struck
        });
        if is_last {
            break;
        }
    }
}

#[test]
fn a_crash_at_any_write_leaks_nothing_and_makes_nothing_twice() {
    for_every_call(|k| Fault::on(Calls::Writes, Effect::CrashBefore).at(k));
    for_every_call(|k| Fault::on(Calls::Writes, Effect::CrashAfter).at(k));
}

#[test]
fn a_lost_answer_to_any_write_leaks_nothing_and_makes_nothing_twice() {
    for_every_call(|k| Fault::on(Calls::Writes, Effect::LoseAnswer).at(k));
}

#[test]
fn throttling_at_any_call_only_costs_time() {
    for_every_call(|k| Fault::on(Calls::All, Effect::Throttle).at(k).times(3));
}

#[test]
fn a_certificate_asked_for_by_a_lost_call_goes_with_its_owner() {
    let stack = stack("m", &["a.example.net"], None);
    run(async {
        let test_bed = test_bed();
        test_bed.sim.arm(Fault::on(Calls::Of(Action::RequestCertificate), Effect::LoseAnswer).at(1));
        test_bed.deployer().deploy(&stack).await.unwrap_err();
        test_bed.deploy(&empty(&stack)).await;
        assert_eq!(certificates(&test_bed), []);
    });
}

#[test]
fn a_deployed_stack_costs_no_call_and_a_restart_no_write() {
    let stack = stack("m", &["a.example.net", "b.shop.example.net"], None);
    run(async {
        let mut test_bed = test_bed();
        test_bed.deploy(&stack).await;
        test_bed.sim.clear_calls();
        assert!(!test_bed.deployer().deploy(&stack).await.unwrap().is_news);
        assert_eq!(test_bed.sim.calls().len(), 0);
        test_bed.restart();
        test_bed.deploy(&stack).await;
        assert_eq!(test_bed.writes(), Vec::<Action>::new());
    });
}

#[test]
fn without_the_gate_nothing_is_asked_of_acm_or_route_53() {
    let wish = stacks::Wish { listeners: vec![0, 1], ..stacks::Wish::plain() };
    run(async {
        let test_bed = TestBed::new();
        test_bed.deploy(&stacks::build(&wish)).await;
        test_bed.sweep().await;
        assert!(test_bed.deployer().certificates().is_none());
        let asked = test_bed.sim.calls().into_iter().map(|call| call.request.action().service());
        let asked: Vec<_> = asked.filter(|one| matches!(one, Service::Acm | Service::Route53)).collect();
        assert_eq!(asked, []);
    });
}

#[test]
fn only_the_listener_waits_for_its_certificate() {
    let stack = stack("m", &["a.example.net"], None);
    run(async {
        let test_bed = test_bed();
        test_bed.sim.world(|world| world.settings.delays.validation = Duration::from_mins(3));
        let mut passes = 0;
        loop {
            let deployed = test_bed.deployer().deploy(&stack).await.unwrap();
            passes += 1;
            let Some(revisit) = deployed.revisit else { break };
            assert!(revisit <= Duration::from_mins(1), "{revisit:?}");
            assert_eq!(ports(&test_bed), [80]);
            assert_eq!(deployed.load_balancers.len(), 1);
            tokio::time::sleep(revisit).await;
            test_bed.sim.advance(revisit);
        }
        assert_eq!(ports(&test_bed), [80, 443]);
        assert!(passes < 20, "{passes}");
        assert_eq!(test_bed.writes().iter().filter(|one| **one == Action::CreateRecord).count(), 1);
    });
}

#[test]
fn the_old_certificate_serves_until_the_new_one_is_issued() {
    let before = stack("m", &["a.example.net"], None);
    let after = stack("m", &["a.example.net", "b.example.net"], None);
    run(async {
        let test_bed = test_bed();
        test_bed.deploy(&before).await;
        let https = |test_bed: &TestBed| {
            let all = listeners(test_bed);
            all.into_iter().find(|listener| listener.port == 443).unwrap().certificates
        };
        let old = https(&test_bed);
        test_bed.sim.world(|world| world.settings.delays.validation = Duration::from_mins(3));
        for _ in 0..3 {
            test_bed.deployer().deploy(&after).await.unwrap().revisit.unwrap();
            assert_eq!(https(&test_bed), old);
            assert_eq!(certificates(&test_bed).len(), 2);
        }
        test_bed.sim.advance(Duration::from_mins(3));
        test_bed.deploy(&after).await;
        assert_ne!(https(&test_bed), old);
        assert_eq!(certificates(&test_bed), [issued(&["a.example.net", "b.example.net"])]);
        assert_eq!(records(&test_bed).len(), 2);
        let deleted = test_bed.writes().into_iter().filter(|one| *one == Action::DeleteRecord);
        assert_eq!(deleted.count(), 0, "the name that stays needs its record");
    });
}

#[test]
fn a_record_goes_with_the_last_certificate_that_needs_it() {
    let one = stack("m", &["a.example.net"], None);
    let other = renamed(stack("n", &["*.a.example.net"], None), "other");
    run(async {
        let test_bed = test_bed();
        test_bed.deploy(&one).await;
        test_bed.deploy(&other).await;
        assert_eq!(records(&test_bed).len(), 1);
        test_bed.deploy(&empty(&one)).await;
        assert_eq!(certificates(&test_bed), [issued(&["*.a.example.net"])]);
        assert_eq!(records(&test_bed).len(), 1);
        test_bed.deploy(&empty(&other)).await;
        assert_eq!((certificates(&test_bed).len(), records(&test_bed).len()), (0, 0));
    });
}

#[test]
fn the_record_of_a_certificate_that_somebody_else_made_stays() {
    let stack = stack("m", &["a.example.net"], None);
    run(async {
        let test_bed = test_bed();
        test_bed.deploy(&stack).await;
        let arn = "arn:aws:acm:us-west-2:123456789012:certificate/of-somebody";
        test_bed.sim.world(|world| world.add_certificate(arn, &["a.example.net"]));
        tokio::time::sleep(Duration::from_mins(1)).await;
        test_bed.deploy(&empty(&stack)).await;
        assert_eq!((certificates(&test_bed).len(), records(&test_bed).len()), (0, 1));
    });
}

#[test]
fn a_name_without_a_public_zone_is_told_and_nothing_is_made() {
    let stack = stack("m", &["a.example.net", "www.example.org"], None);
    run(async {
        let test_bed = test_bed();
        let https_only = {
            let mut stack = stack.clone();
            stack.listeners.retain(|_, listener| listener.port == 443);
            stack.rules.retain(|(listener, _), _| stack.listeners.contains_key(listener));
            stack
        };
        let failure = test_bed.deployer().deploy(&https_only).await.unwrap_err();
        assert!(failure.to_string().contains("www.example.org"), "{failure}");
        assert_eq!((certificates(&test_bed).len(), ports(&test_bed).len()), (0, 0));
        assert!(!test_bed.writes().contains(&Action::CreateLoadBalancer));
        let failure = test_bed.deployer().deploy(&stack).await.unwrap_err();
        assert_eq!(failure.failures.len(), 1, "{failure}");
        assert_eq!(ports(&test_bed), [80], "what needs no certificate is made");
    });
}

#[test]
fn a_private_certificate_needs_no_zone_and_follows_its_authority() {
    let other = AUTHORITY.replace("one", "two");
    run(async {
        let test_bed = test_bed();
        test_bed.sim.world(|world| world.add_certificate_authority(&other));
        test_bed.deploy(&stack("m", &["www.corp"], Some(AUTHORITY))).await;
        assert_eq!(certificates(&test_bed), [issued(&["www.corp"])]);
        test_bed.deploy(&stack("m", &["www.corp"], Some(&other))).await;
        let made = test_bed.sim.world(aws_sim::World::requested_certificates);
        let authorities: Vec<_> = made.iter().map(|one| one.certificate_authority_arn.clone()).collect();
        assert_eq!(authorities, [Some(other.clone())]);
        assert!(!test_bed.sim.calls().iter().any(|call| call.request.action().service() == Service::Route53));
    });
}

#[test]
fn what_will_not_be_issued_is_told_and_asked_for_again_only_after_half_an_hour() {
    let unknown = AUTHORITY.replace("one", "none");
    let stack = stack("m", &["www.corp"], Some(&unknown));
    run(async {
        let test_bed = test_bed();
        let requests = |test_bed: &TestBed| {
            test_bed.writes().into_iter().filter(|one| *one == Action::RequestCertificate).count()
        };
        test_bed.deployer().deploy(&stack).await.unwrap();
        for _ in 0..20 {
            let failure = test_bed.deployer().deploy(&stack).await.unwrap_err();
            assert!(failure.to_string().contains("PCA_RESOURCE_NOT_FOUND"), "{failure}");
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        assert_eq!((requests(&test_bed), ports(&test_bed)), (1, vec![80]));
        tokio::time::sleep(Duration::from_mins(15)).await;
        test_bed.sim.advance(Duration::from_hours(2));
        test_bed.deployer().deploy(&stack).await.unwrap();
        assert_eq!(requests(&test_bed), 2);
        assert_eq!(certificates(&test_bed).len(), 1);
    });
}

#[test]
fn a_certificate_that_is_used_elsewhere_waits_with_its_records() {
    let one = stack("m", &["a.example.net"], None);
    let elsewhere = |arn: &str| {
        let mut stack = renamed(stack("n", &["b.example.net"], None), "other");
        stack.certificates.clear();
        for listener in stack.listeners.values_mut().filter(|listener| listener.port == 443) {
            listener.certificates = vec![arn.into()];
        }
        stack
    };
    run(async {
        let test_bed = test_bed();
        test_bed.deploy(&one).await;
        let arn = test_bed.sim.world(aws_sim::World::requested_certificates).remove(0).arn;
        let other = elsewhere(&arn);
        test_bed.deploy(&other).await;
        let early = test_bed.deployer().deploy(&empty(&one)).await.unwrap_err();
        assert!(early.revisit.is_some(), "{early}");
        assert_eq!((certificates(&test_bed).len(), records(&test_bed).len()), (1, 1));
        test_bed.deploy(&empty(&other)).await;
        test_bed.deploy(&empty(&one)).await;
        assert_eq!((certificates(&test_bed).len(), records(&test_bed).len()), (0, 0));
    });
}
