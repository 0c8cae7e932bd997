//! GlobalAccelerators on simulators: from manifests to AWS and back to their status, with calls that go wrong.

mod planned;
mod random;

use crate::services::run;
use aws_load_balancer_controller::aws_api::global_accelerator::{
    Accelerator, CreateAccelerator, ListAcceleratorTags, ListAccelerators, UpdateAccelerator,
};
use aws_load_balancer_controller::aws_api::{Action, Service};
use aws_sim::{Calls, Effect, Fault, Settings, WorldBuilder};
use rig::{Options, Rig, fixtures::NAMESPACE};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

const PLURAL: &str = "globalaccelerators";

fn options() -> Options {
    let mut options = Options::default();
    options.config.features.global_accelerator_controller = true;
    // why: what is told apart here are the calls for accelerators
    options.audit = rig::rig::seldom();
    options
}

/// An account and a cluster with the Services `web` and `api`, each with a load balancer.
fn cluster_with(options: Options) -> Rig {
    let rig = Rig::new(options);
    rig.api.install_accelerators();
    rig.api.install_gateway_api();
    rig.seed();
    for (number, service) in ["web", "api"].into_iter().enumerate() {
        rig.api.put(load_balancer(service));
        rig.serve(service, &[number]);
    }
    rig
}

fn cluster() -> Rig {
    cluster_with(options())
}

/// A Service with an NLB.
fn load_balancer(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": {
            "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip",
        }},
        "spec": {
            "type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
        },
    })
}

fn accelerator(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "aga.k8s.aws/v1beta1", "kind": "GlobalAccelerator",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
    })
}

/// A listener on port 80 for these endpoints.
fn listener(endpoints: &Value) -> Value {
    json!({
        "protocol": "TCP", "portRanges": [{"fromPort": 80, "toPort": 80}],
        "endpointGroups": [{"endpoints": endpoints}],
    })
}

fn service(name: &str) -> Value {
    json!({"type": "Service", "name": name})
}

/// A spec with one listener for Services.
fn spec_for(services: &[&str]) -> Value {
    let endpoints: Vec<Value> = services.iter().map(|name| service(name)).collect();
    json!({"listeners": [listener(&json!(endpoints))]})
}

fn status(rig: &Rig, name: &str) -> Value {
    rig.api.get(PLURAL, NAMESPACE, name).map(|found| found["status"].clone()).unwrap_or_default()
}

/// `status/reason` of the condition `Ready`.
fn ready(rig: &Rig, name: &str) -> String {
    let status = status(rig, name);
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.iter().find(|condition| condition["type"] == "Ready").cloned().unwrap_or_default();
    format!("{}/{}", found["status"].as_str().unwrap_or("-"), found["reason"].as_str().unwrap_or("-"))
}

fn accelerators(rig: &Rig) -> Vec<Accelerator> {
    rig.ask(ListAccelerators::default()).items
}

/// What AWS has of accelerators, with names in place of ids.
fn lines(rig: &Rig) -> Vec<String> {
    let owned = rig.owned_resources();
    let found = rig.aws.world(|world| world.accelerator_lines());
    let mut lines: Vec<String> = found.iter().map(|line| without_hashes(&owned.rename(line))).collect();
    lines.sort();
    lines
}

/// A line whose names of load balancers lack their hash, which tells one Service from a later one of the same name.
fn without_hashes(line: &str) -> String {
    let mut parts = line.split("lb:");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
        text.extend(["lb:", name, rest]);
    }
    text
}

/// Calls of Global Accelerator since the log was cleared.
fn own_calls(rig: &Rig) -> Vec<Action> {
    rig.calls().into_iter().filter(|action| action.service() == Service::GlobalAccelerator).collect()
}

fn events(rig: &Rig, reason: &str) -> Vec<String> {
    let told = rig.api.events().into_iter().filter(|event| event.kind == "GlobalAccelerator");
    told.filter(|event| event.reason == reason).map(|event| event.message).collect()
}

#[test]
fn an_accelerator_is_made_kept_and_goes_without_a_trace() {
    run(async {
        let mut rig = cluster();
        rig.start().await;
        rig.run_until_idle().await;
        let before = rig.aws.world(|world| world.resources());
        rig.api.put(accelerator("edge", &spec_for(&["web", "api"])));
        rig.run_until_idle().await;
        assert_eq!(ready(&rig, "edge"), "True/AcceleratorReady");
        let [shown] = accelerators(&rig).try_into().unwrap();
        assert_eq!(status(&rig, "edge")["acceleratorARN"], shown.arn);
        assert_eq!(status(&rig, "edge")["dnsName"], shown.dns_name);
        assert_eq!(lines(&rig).len(), 5, "{:?}", lines(&rig));
        assert_eq!(events(&rig, "SuccessfullyReconciled").len(), 1);

        rig.aws.clear_calls();
        rig.restart().await;
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), []);

        rig.api.delete(PLURAL, NAMESPACE, "edge");
        rig.run_until_idle().await;
        assert_eq!(rig.api.get(PLURAL, NAMESPACE, "edge"), None);
        assert_eq!(rig.aws.world(|world| world.resources()), before);
    });
}

#[test]
fn endpoints_follow_their_services_without_being_polled_for() {
    run(async {
        let mut rig = cluster();
        rig.api.put(accelerator("edge", &spec_for(&["web", "late"])));
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(ready(&rig, "edge"), "True/AcceleratorReady");
        let waiting = events(&rig, "WarningEndpoints");
        assert!(waiting[0].contains("Service shop/late: it does not exist"), "{waiting:?}");
        rig.aws.clear_calls();
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(own_calls(&rig), []);
        rig.api.put(load_balancer("late"));
        rig.run_until_idle().await;
        assert!(lines(&rig).iter().any(|line| line.contains("late")), "{:?}", lines(&rig));
        rig.api.delete("services", NAMESPACE, "late");
        rig.run_until_idle().await;
        assert!(!lines(&rig).iter().any(|line| line.contains("late")), "{:?}", lines(&rig));
    });
}

#[test]
fn an_accelerator_whose_first_deployment_fails_is_recorded_and_goes_with_its_object() {
    run(async {
        let mut rig = cluster();
        rig.start().await;
        rig.run_until_idle().await;
        let before = rig.aws.world(|world| world.resources());
        let mut spec = spec_for(&["web"]);
        spec["listeners"][0]["endpointGroups"][0] = json!({"region": "moon"});
        rig.api.put(accelerator("edge", &spec));
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(ready(&rig, "edge"), "False/DeploymentFailed");
        let [shown] = accelerators(&rig).try_into().unwrap();
        assert_eq!(status(&rig, "edge")["acceleratorARN"], shown.arn);
        let told = events(&rig, "FailedDeploy");
        assert!(told[0].contains("spec.listeners[0], region moon: CreateEndpointGroup"), "{told:?}");
        rig.api.delete(PLURAL, NAMESPACE, "edge");
        rig.run_until_idle().await;
        assert_eq!(rig.api.get(PLURAL, NAMESPACE, "edge"), None);
        assert_eq!(rig.aws.world(|world| world.resources()), before);
    });
}

#[test]
fn an_accelerator_whose_creation_was_not_answered_is_found_although_the_spec_has_changed() {
    run(async {
        for effect in [Effect::LoseAnswer, Effect::CrashAfter, Effect::Garble] {
            let mut rig = cluster();
            rig.start().await;
            rig.run_until_idle().await;
            rig.aws.arm(Fault::on(Calls::Of(Action::CreateAccelerator), effect).at(1));
            rig.api.put(accelerator("edge", &spec_for(&["web"])));
            rig.catch_up().await;
            let mut other = spec_for(&["web"]);
            other["name"] = "renamed".into();
            rig.api.put(accelerator("edge", &other));
            rig.run_until_idle().await;
            let [shown] = accelerators(&rig).try_into().unwrap();
            assert_eq!(shown.name, "renamed");
            assert_eq!(ready(&rig, "edge"), "True/AcceleratorReady");
        }
    });
}

#[test]
fn an_accelerator_is_found_again_after_its_status_was_lost_and_deleted_without_it() {
    run(async {
        let mut rig = cluster();
        rig.api.put(accelerator("edge", &spec_for(&["web"])));
        rig.start().await;
        rig.run_until_idle().await;
        rig.kill().await;
        rig.api.edit(PLURAL, NAMESPACE, "edge", |object| {
            object["status"] = json!({});
        });
        rig.aws.clear_calls();
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), []);
        assert_eq!(ready(&rig, "edge"), "True/AcceleratorReady");
        rig.kill().await;
        rig.api.edit(PLURAL, NAMESPACE, "edge", |object| object["status"] = json!({}));
        rig.api.delete(PLURAL, NAMESPACE, "edge");
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(accelerators(&rig), []);
    });
}

#[test]
fn an_accelerator_of_another_cluster_is_left_alone() {
    run(async {
        let mut rig = cluster();
        let foreign = rig.ask(CreateAccelerator {
            name: "theirs".to_owned(),
            ip_address_type: "IPV4".into(),
            ip_addresses: Vec::new(),
            enabled: true,
            idempotency_token: "theirs".to_owned(),
            tags: [("elbv2.k8s.aws/cluster", "other"), ("aga.k8s.aws/stack", "shop/edge")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        });
        let mut object = accelerator("edge", &json!({}));
        object["status"] = json!({"acceleratorARN": foreign.arn});
        rig.api.put(object);
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(accelerators(&rig).len(), 2);
        assert_ne!(status(&rig, "edge")["acceleratorARN"], foreign.arn);
        rig.api.delete(PLURAL, NAMESPACE, "edge");
        rig.run_until_idle().await;
        let [left] = accelerators(&rig).try_into().unwrap();
        assert_eq!((left.arn.clone(), left.enabled), (foreign.arn, true));
        let tags = rig.ask(ListAcceleratorTags { arn: left.arn });
        assert_eq!(tags["elbv2.k8s.aws/cluster"], "other");
    });
}

#[test]
fn a_load_balancer_that_is_not_there_yet_is_waited_for_and_then_discovered() {
    run(async {
        let mut rig = cluster();
        let spec = json!({"listeners": [{"endpointGroups": [{"endpoints": [service("late")]}]}]});
        rig.api.put(accelerator("edge", &spec));
        rig.start().await;
        rig.run_until_idle().await;
        assert_eq!(ready(&rig, "edge"), "Unknown/AcceleratorProvisioning");
        assert_eq!((events(&rig, "FailedBuildModel"), accelerators(&rig)), (vec![], vec![]));
        rig.api.put(load_balancer("late"));
        rig.run_until_idle().await;
        assert_eq!(ready(&rig, "edge"), "True/AcceleratorReady");
        let deployed = lines(&rig);
        rig.api.edit("services", NAMESPACE, "late", |service| service["status"] = json!({}));
        rig.run_until_idle().await;
        assert_eq!(lines(&rig), deployed, "what was discovered stays");
    });
}

#[test]
fn a_load_balancer_that_is_not_active_is_no_endpoint_yet() {
    run(async {
        let mut options = options();
        let mut settings = Settings::default();
        settings.delays.provisioning = Duration::from_mins(3);
        options.world = WorldBuilder::new("demo").settings(settings).build();
        let mut rig = cluster_with(options);
        rig.api.put(accelerator("edge", &spec_for(&["web"])));
        rig.start().await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(events(&rig, "FailedDeploy"), Vec::<String>::new());
        assert!(!lines(&rig).iter().any(|line| line.contains("lb:")), "{:?}", lines(&rig));
        tokio::time::sleep(Duration::from_mins(5)).await;
        rig.run_until_idle().await;
        assert!(lines(&rig).iter().any(|line| line.contains("lb:")), "{:?}", lines(&rig));
    });
}

#[test]
fn endpoints_stay_while_aws_cannot_be_asked_about_load_balancers() {
    run(async {
        let mut rig = cluster();
        rig.api.put(accelerator("edge", &spec_for(&["web", "api"])));
        rig.start().await;
        rig.run_until_idle().await;
        let deployed = lines(&rig);
        rig.aws.arm(Fault::on(Calls::Of(Action::DescribeLoadBalancers), Effect::Throttle));
        rig.restart().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(lines(&rig), deployed);
        assert_eq!(ready(&rig, "edge"), "False/EndpointLoadFailed");
        rig.aws.disarm();
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(ready(&rig, "edge"), "True/AcceleratorReady");
        assert_eq!(lines(&rig), deployed);
    });
}

#[test]
fn while_aws_deploys_it_is_asked_for_its_progress_alone() {
    run(async {
        let mut options = options();
        let mut settings = Settings::default();
        settings.delays.accelerator = Duration::from_secs(80);
        options.world = WorldBuilder::new("demo").settings(settings).build();
        let mut rig = cluster_with(options);
        rig.start().await;
        rig.run_until_idle().await;
        rig.api.put(accelerator("edge", &spec_for(&["web"])));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(ready(&rig, "edge"), "Unknown/AcceleratorProvisioning");
        rig.aws.clear_calls();
        rig.run_until_idle().await;
        assert_eq!(ready(&rig, "edge"), "True/AcceleratorReady");
        let calls = own_calls(&rig);
        assert!(calls.iter().all(|action| *action == Action::DescribeAccelerator), "{calls:?}");
        assert!((2..=12).contains(&calls.len()), "{calls:?}");

        rig.aws.clear_calls();
        rig.api.delete(PLURAL, NAMESPACE, "edge");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(ready(&rig, "edge"), "False/AcceleratorDeleting");
        assert_eq!(events(&rig, "FailedCleanup").len(), 1);
        rig.run_until_idle().await;
        assert_eq!(rig.api.get(PLURAL, NAMESPACE, "edge"), None);
        let deletions = rig.writes().into_iter().filter(|action| *action == Action::DeleteAccelerator);
        assert_eq!(deletions.count(), 1, "none is tried before AWS can do it");
    });
}

/// An accelerator that somebody has disabled, with what AWS had of it before.
async fn disabled_by_somebody(options: Options) -> (Rig, Vec<String>) {
    let mut rig = cluster_with(options);
    rig.api.put(accelerator("edge", &spec_for(&["web"])));
    rig.start().await;
    rig.run_until_idle().await;
    let deployed = lines(&rig);
    let [shown] = accelerators(&rig).try_into().unwrap();
    rig.ask(UpdateAccelerator { arn: shown.arn, name: None, ip_address_type: None, enabled: false });
    assert_ne!(lines(&rig), deployed);
    (rig, deployed)
}

#[test]
fn what_others_change_is_brought_back_with_the_next_change() {
    run(async {
        let (mut rig, deployed) = disabled_by_somebody(options()).await;
        rig.api.edit(PLURAL, NAMESPACE, "edge", |object| object["metadata"]["labels"] = json!({"a": "b"}));
        rig.run_until_idle().await;
        assert_eq!(lines(&rig), deployed);
    });
}

#[test]
fn what_others_change_is_brought_back_by_an_audit_that_costs_few_calls() {
    run(async {
        let audited = Options { audit: Options::default().audit, ..options() };
        let (mut rig, deployed) = disabled_by_somebody(audited).await;
        tokio::time::sleep(Duration::from_mins(6)).await;
        assert_eq!(lines(&rig), deployed);
        rig.run_until_idle().await;
        let before = own_calls(&rig).len();
        tokio::time::sleep(Duration::from_hours(1)).await;
        let made = own_calls(&rig).len() - before;
        assert!(
            (40..=60).contains(&made),
            "{made} calls an hour, expected four each four and a half minutes"
        );
    });
}

#[test]
fn names_that_are_nobodys_cost_one_list_of_the_region_a_minute() {
    run(async {
        let mut rig = cluster();
        rig.start().await;
        rig.run_until_idle().await;
        for name in ["one", "two", "three"] {
            let mut object = load_balancer(name);
            object["spec"]["loadBalancerClass"] = json!("example.com/other");
            let ingress = [json!({"hostname": format!("{name}.example.com")})];
            object["status"] = json!({"loadBalancer": {"ingress": ingress}});
            rig.api.put(object);
        }
        let count = |rig: &Rig| {
            rig.calls().into_iter().filter(|action| *action == Action::DescribeLoadBalancers).count()
        };
        let before = count(&rig);
        rig.api.put(accelerator("edge", &spec_for(&["one", "two", "three"])));
        tokio::time::sleep(Duration::from_mins(5)).await;
        let lists = count(&rig) - before;
        assert!((1..=6).contains(&lists), "{lists} lists in five minutes");
    });
}

/// Starts a controller and counts requests to the API server whose path has a word.
async fn requests_for(rig: &mut Rig, word: &'static str) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    rig.api.refuse(move |_, path| {
        counted.fetch_add(usize::from(path.contains(word)), Ordering::SeqCst);
        false
    });
    rig.start().await;
    rig.run_until_idle().await;
    count.load(Ordering::SeqCst)
}

#[test]
fn nothing_is_watched_or_asked_for_what_is_switched_off_or_not_there() {
    run(async {
        let mut rig = cluster_with(Options { audit: rig::rig::seldom(), ..Options::default() });
        rig.api.put(accelerator("edge", &spec_for(&["web"])));
        assert_eq!(requests_for(&mut rig, "aga.k8s.aws").await, 0, "the gate is off");
        assert_eq!(own_calls(&rig), []);

        let rig_of = |region: &str| {
            let mut options = options();
            options.config.region = region.to_owned();
            let rig = Rig::new(options);
            rig.api.install_accelerators();
            rig
        };
        assert_eq!(requests_for(&mut rig_of("cn-north-1"), "aga.k8s.aws").await, 0, "no such service there");

        let mut rig = Rig::new(options());
        assert_eq!(requests_for(&mut rig, PLURAL).await, 0, "the kind is not served");
        rig.api.install_accelerators();
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        assert_eq!(own_calls(&rig), [], "there is no object");
    });
}

#[test]
fn gateways_are_watched_for_accelerators_that_name_them_alone() {
    run(async {
        let without_gateways = || {
            let mut options = options();
            options.config.features.alb_gateway_api = false;
            options.config.features.nlb_gateway_api = false;
            cluster_with(options)
        };
        let mut rig = without_gateways();
        rig.api.put(accelerator("edge", &spec_for(&["web"])));
        assert_eq!(requests_for(&mut rig, "gateway").await, 0);
        rig.api.relent();
        rig.api.put(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "gate", "namespace": NAMESPACE},
            "spec": {"gatewayClassName": "theirs", "listeners": [{"name": "tcp", "port": 80, "protocol": "TCP"}]},
            "status": {"addresses": [{"type": "Hostname", "value": host_of(&rig, "web")}]},
        }));
        let gate = json!({"type": "Gateway", "name": "gate"});
        rig.api.put(accelerator("edge", &json!({"listeners": [listener(&json!([gate]))]})));
        rig.run_until_idle().await;
        assert!(lines(&rig).iter().any(|line| line.contains("web")), "{:?}", lines(&rig));
        assert_eq!(
            rig.api.get("gateways", NAMESPACE, "gate").unwrap()["metadata"]["finalizers"],
            Value::Null
        );
    });
}

fn host_of(rig: &Rig, service: &str) -> Value {
    let service = rig.api.get("services", NAMESPACE, service).unwrap();
    service["status"]["loadBalancer"]["ingress"][0]["hostname"].clone()
}

#[test]
fn a_service_of_another_namespace_needs_a_grant() {
    run(async {
        let mut rig = cluster();
        rig.api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}));
        let mut far = load_balancer("far");
        far["metadata"]["namespace"] = "other".into();
        rig.api.put(far);
        let far = json!({"type": "Service", "name": "far", "namespace": "other"});
        rig.api.put(accelerator("edge", &json!({"listeners": [listener(&json!([service("web"), far]))]})));
        rig.start().await;
        rig.run_until_idle().await;
        let has_far = |rig: &Rig| lines(rig).iter().any(|line| line.contains("far"));
        assert!(!has_far(&rig));
        rig.api.put(json!({
            "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
            "metadata": {"name": "aga", "namespace": "other"},
            "spec": {
                "from": [{"group": "aga.k8s.aws", "kind": "GlobalAccelerator", "namespace": NAMESPACE}],
                "to": [{"group": "", "kind": "Service"}],
            },
        }));
        rig.run_until_idle().await;
        assert!(has_far(&rig));
        rig.api.delete("referencegrants", "other", "aga");
        rig.run_until_idle().await;
        assert!(!has_far(&rig));
    });
}
