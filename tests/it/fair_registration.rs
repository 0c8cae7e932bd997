//! Who waits how long while AWS admits four registrations a second, and what those who wait are told.

use crate::services::run;
use aws_load_balancer_controller::aws::throttle::Throttles;
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::aws_api::elbv2::{CreateTargetGroup, Protocol, TargetType};
use aws_sim::contract::TestAccount;
use futures::FutureExt as _;
use rig::{Options, Rig, fixtures, load};
use serde_json::{Value, json};
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
