//! Who waits how long while AWS admits four registrations a second, and what those who wait are told.

use crate::services::run;
use aws_load_balancer_controller::aws::throttle::Throttles;
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::aws_api::Request;
use aws_load_balancer_controller::aws_api::elbv2::{
    CreateTargetGroup, DescribeTargetHealth, Protocol, TargetHealthState, TargetType,
};
use aws_sim::contract::TestAccount;
use futures::FutureExt as _;
use rig::{Options, Rig, fixtures, load};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Bindings of the namespace in which everything changes.
const NOISY: usize = 200;
/// The other namespace.
const QUIET: &str = "quiet";

/// A target group made outside, the Service `name` with one pod, and a binding of the two.
fn bind(rig: &Rig, number: usize) -> String {
    let account = TestAccount::new(Arc::new(rig.aws.clone()), rig.aws.world(|world| world.ids().clone()));
    let name = load::service(number);
    let group = CreateTargetGroup {
        name: format!("tg-{number}"),
        target_type: TargetType::Ip,
        ..account.ip_group(Protocol::Tcp)
    };
    let arn = account.send(group).now_or_never().unwrap().unwrap().arn;
    rig.api.put(fixtures::cluster_service(&name, &[80]));
    rig.serve(&name, &[2 * number]);
    rig.api.put(json!({
        "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding",
        "metadata": {"name": name, "namespace": fixtures::NAMESPACE},
        "spec": {
            "targetGroupARN": arn, "targetType": "ip", "targetGroupProtocol": "TCP", "ipAddressType": "ipv4",
            "serviceRef": {"name": name, "port": 80},
        },
    }));
    name
}

/// Takes what belongs to a Service over into the other namespace.
fn move_away(rig: &Rig, service: &str) {
    let moved = |plural: &str, name: &str| {
        let mut object: Value = (*rig.api.get(plural, fixtures::NAMESPACE, name).unwrap()).clone();
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.retain(|key, _| matches!(key.as_str(), "name" | "labels"));
        metadata.insert("namespace".to_owned(), QUIET.into());
        for endpoint in object["endpoints"].as_array_mut().into_iter().flatten() {
            endpoint["targetRef"]["namespace"] = QUIET.into();
        }
        rig.api.delete(plural, fixtures::NAMESPACE, name);
        rig.api.put(object);
    };
    let pods = rig.api.list("pods").into_iter();
    let pods = pods.filter(|pod| pod["metadata"]["labels"]["app"] == service);
    let pods = pods.filter(|pod| pod["metadata"]["namespace"] == fixtures::NAMESPACE);
    let pods: Vec<String> = pods.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    moved("services", service);
    moved("endpointslices", &format!("{service}-1"));
    for pod in &pods {
        moved("pods", pod);
    }
    if rig.api.get("targetgroupbindings", fixtures::NAMESPACE, service).is_some() {
        moved("targetgroupbindings", service);
    }
}

#[test]
fn a_noisy_namespace_delays_another_by_its_share_only_and_who_waits_for_long_is_told() {
    run(async {
        let mut rig = Rig::new(Options { throttles: Throttles::default(), ..load::options() });
        rig.seed();
        rig.api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": QUIET}}));
        let noisy: Vec<String> = (0..NOISY).map(|number| bind(&rig, number)).collect();
        let quiet = bind(&rig, NOISY);
        move_away(&rig, &quiet);
        rig.start().await;
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        let began = rig.aws.world(|world| world.now());
        for (number, name) in noisy.iter().enumerate() {
            rig.serve(name, &[2 * number, 2 * number + 1]);
        }
        rig.catch_up().await;
        let mut slice = (*rig.api.get("endpointslices", QUIET, &format!("{quiet}-1")).unwrap()).clone();
        let new_pod = rig.aws.world(|world| fixtures::address(world, 2 * NOISY + 1));
        let mut endpoint = slice["endpoints"][0].clone();
        endpoint["addresses"] = json!([new_pod]);
        endpoint["targetRef"]["name"] = "new".into();
        let mut pod =
            (*rig.api.list("pods").into_iter().find(|pod| pod["metadata"]["namespace"] == QUIET).unwrap())
                .clone();
        pod["metadata"] = json!({"name": "new", "namespace": QUIET, "labels": {"app": quiet}});
        pod["status"]["podIP"] = new_pod.as_str().into();
        pod["status"]["podIPs"] = json!([{"ip": new_pod}]);
        rig.api.put(pod);
        slice["endpoints"].as_array_mut().unwrap().push(endpoint);
        rig.api.put(slice);
        rig.run_until_idle().await;
        let first = rig.registrations();
        let took = |address: &str| first[address].saturating_sub(began);
        let last = first.values().max().unwrap().saturating_sub(began);
        println!("another namespace's target after {:?}, the last of all after {last:?}", took(&new_pod));
        assert!(took(&new_pod) <= Duration::from_secs(2), "{:?}", took(&new_pod));
        assert!(last >= Duration::from_secs(40), "AWS's rate holds: {last:?}");
        let told: Vec<_> =
            rig.api.events().into_iter().filter(|told| told.reason == "RegistrationDelayed").collect();
        assert!(!told.is_empty());
        assert!(told[0].message.ends_with("AWS admits 4 registrations a second in this account and region"));
    });
}

#[test]
fn what_waits_is_registered_in_one_call_a_target_group() {
    run(async {
        let mut rig = Rig::new(Options { throttles: Throttles::default(), ..load::options() });
        rig.seed();
        let names: Vec<String> = (0..60).map(|number| bind(&rig, number)).collect();
        rig.start().await;
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        for pods in 1..=20 {
            for (number, name) in names.iter().enumerate() {
                let pods: Vec<usize> =
                    (0..pods).map(|pod| 1000 + 20 * number + pod).chain([2 * number]).collect();
                rig.serve(name, &pods);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rig.run_until_idle().await;
        let calls = rig.calls().into_iter().filter(|action| *action == Action::RegisterTargets).count();
        assert_eq!(rig.registrations().len(), 60 * 20);
        assert!(calls <= 2 * 60, "{calls} calls for 60 target groups");
    });
}

/// Bindings that roll out together.
const ROLLED: usize = 100;
/// Calls that AWS admits at once.
const BURST: usize = 20;

/// Bindings with a target each, at rest, under the controller's default rate limits.
async fn at_rest() -> (Rig, Vec<String>) {
    let mut rig = Rig::new(Options { throttles: Throttles::default(), ..load::options() });
    rig.seed();
    let names: Vec<String> = (0..ROLLED).map(|number| bind(&rig, number)).collect();
    rig.start().await;
    rig.run_until_idle().await;
    rig.aws.clear_calls();
    (rig, names)
}

/// Pod `2 * number` of each binding is replaced by the next.
fn replace_pods(rig: &Rig, names: &[String]) {
    for (number, name) in names.iter().enumerate() {
        rig.serve(name, &[2 * number + 1]);
        rig.remove_pod(name, 2 * number);
    }
}

fn address(rig: &Rig, pod: usize) -> String {
    rig.aws.world(|world| fixtures::address(world, pod))
}

/// Addresses of the targets of a binding that do not drain.
fn targets(rig: &Rig, name: &str) -> BTreeSet<String> {
    let binding = rig.api.get("targetgroupbindings", fixtures::NAMESPACE, name).unwrap();
    let arn = binding["spec"]["targetGroupARN"].as_str().unwrap().into();
    let health = rig.ask(DescribeTargetHealth { arn, targets: Vec::new() });
    let staying = health.into_iter().filter(|told| told.state != TargetHealthState::Draining);
    staying.map(|told| told.target.id.known().unwrap().to_owned()).collect()
}

/// How many deregistrations came before the last registration, or before the first one that `is_it`.
fn deregistrations_before(rig: &Rig, is_it: impl Fn(&str) -> bool) -> usize {
    let calls = rig.aws.calls();
    let is_registration = |request: &Request| match request {
        Request::RegisterTargets(request) => {
            request.targets.iter().any(|target| target.id.known().is_some_and(&is_it))
        }
        _ => false,
    };
    let at = calls.iter().rposition(|call| is_registration(&call.request)).unwrap();
    calls[..at].iter().filter(|call| call.action() == Action::DeregisterTargets).count()
}

#[test]
fn in_a_rollout_registrations_do_not_wait_behind_deregistrations() {
    run(async {
        let (mut rig, names) = at_rest().await;
        replace_pods(&rig, &names);
        rig.run_until_idle().await;
        let before = deregistrations_before(&rig, |_| true);
        assert!(before <= BURST, "{before} deregistrations before the last of {ROLLED} registrations");
        for (number, name) in names.iter().enumerate() {
            assert_eq!(targets(&rig, name), BTreeSet::from([address(&rig, 2 * number + 1)]), "{name}");
        }
        let calls = rig.count_by_operation();
        assert_eq!((calls["RegisterTargets"], calls["DeregisterTargets"]), (ROLLED, ROLLED), "{calls:?}");
    });
}

#[test]
fn a_registration_does_not_wait_behind_the_ends_of_bindings() {
    run(async {
        let (mut rig, names) = at_rest().await;
        let (last, others) = names.split_last().unwrap();
        for name in others {
            rig.api.delete("targetgroupbindings", fixtures::NAMESPACE, name);
        }
        rig.catch_up().await;
        let pod = 2 * (ROLLED - 1);
        rig.serve(last, &[pod, pod + 1]);
        rig.run_until_idle().await;
        let new = address(&rig, pod + 1);
        let before = deregistrations_before(&rig, |id| id == new);
        assert!(before <= BURST + 5, "{before} deregistrations before the only registration");
        let left = rig.api.list("targetgroupbindings").len();
        assert_eq!(left, 1, "each has gone once its targets had");
        assert_eq!(rig.count_by_operation()["DeregisterTargets"], ROLLED - 1);
    });
}

#[test]
fn who_is_an_endpoint_again_before_its_turn_to_be_deregistered_stays() {
    run(async {
        let (mut rig, names) = at_rest().await;
        replace_pods(&rig, &names);
        let number = ROLLED - 1;
        let (name, old) = (&names[number], address(&rig, 2 * number));
        let is_registered = |rig: &Rig| targets(rig, name).len() == 2;
        while !is_registered(&rig) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        rig.serve(name, &[2 * number, 2 * number + 1]);
        rig.run_until_idle().await;
        let is_of_it = |request: &Request| match request {
            Request::DeregisterTargets(request) => {
                request.targets.iter().any(|target| target.id.known() == Some(old.as_str()))
            }
            _ => false,
        };
        assert!(!rig.aws.calls().iter().any(|call| is_of_it(&call.request)));
        assert_eq!(targets(&rig, name), BTreeSet::from([old, address(&rig, 2 * number + 1)]));
        assert_eq!(rig.count_by_operation()["DeregisterTargets"], ROLLED - 1);
    });
}

#[test]
fn a_successor_deregisters_what_waited_for_its_turn() {
    run(async {
        let (mut rig, names) = at_rest().await;
        replace_pods(&rig, &names);
        tokio::time::sleep(Duration::from_secs(10)).await;
        rig.restart().await;
        rig.run_until_idle().await;
        for (number, name) in names.iter().enumerate() {
            assert_eq!(targets(&rig, name), BTreeSet::from([address(&rig, 2 * number + 1)]), "{name}");
        }
    });
}
