//! `status` on simulators: what the controller made, as the tree shows it. `tests/cases/topology`: to be read by people; `UPDATE_GOLDEN=1`
//! writes it anew.

use crate::services::run;
use aws_load_balancer_controller::args::{Environment, Invocation, StatusFormat, parse};
use aws_load_balancer_controller::aws::Cloud;
use aws_load_balancer_controller::cli::status::{self, StatusParts, Style, render};
use aws_load_balancer_controller::cluster::binding_store::KubeBindings;
use aws_load_balancer_controller::cluster::stores::{EventHandler, Stores};
use aws_load_balancer_controller::cluster::topology_reads::events;
use aws_load_balancer_controller::cluster::{CacheEvent, gateway_stores::GatewayChange};
use aws_load_balancer_controller::controller::topology::sources;
use aws_load_balancer_controller::deploy::{Deployer, ResourceCache};
use aws_load_balancer_controller::topology::{AwsSource, State, Topology, build};
use aws_load_balancer_controller::{api, targets};
use harness::assets::repository;
use rig::{Options, Rig, fixtures};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

struct Nobody;

impl EventHandler for Nobody {
    fn service(&self, _: &api::ObjectKey, _: CacheEvent<api::Service>) {}
    fn ingress(&self, _: &api::ObjectKey, _: CacheEvent<api::Ingress>) {}
    fn global_accelerator(&self, _: &api::ObjectKey, _: CacheEvent<api::GlobalAccelerator>) {}
    fn ingress_class(&self, _: &api::ObjectKey, _: CacheEvent<api::IngressClass>) {}
    fn ingress_class_params(&self, _: &api::ObjectKey, _: CacheEvent<api::IngressClassParams>) {}
    fn namespace(&self, _: &api::ObjectKey, _: CacheEvent<api::Namespace>) {}
    fn binding(&self, _: &api::ObjectKey, _: CacheEvent<api::TargetGroupBinding>) {}
    fn endpoints(&self, _: &api::ObjectKey) {}
    fn pod(&self, _: &api::ObjectKey, _: CacheEvent<targets::view::PodView>) {}
    fn node(&self, _: &api::ObjectKey, _: CacheEvent<targets::view::NodeView>) {}
    fn gateway(&self, _: GatewayChange) {}
}

/// The tree of a cluster, with AWS or without.
async fn look(rig: &Rig, with_aws: bool) -> Topology {
    let (client, config) = (rig.api.client(), rig.config().clone());
    let stores = Stores::new(&config);
    let mut watches = JoinSet::new();
    let nobody: Arc<dyn EventHandler> = Arc::new(Nobody);
    stores.watch(&client, &config, &nobody, &mut watches);
    stores.synced().await;
    let told = Arc::new(events(&client, None).await.unwrap());
    let why = || Err("no credentials".to_owned());
    let bare = sources(&stores, &config, told.clone(), why(), BTreeMap::new());
    let aws: Result<Arc<AwsSource>, String> = if with_aws {
        let cloud: Arc<dyn Cloud> = Arc::new(rig.aws.clone());
        let bindings = Arc::new(KubeBindings::new(client.clone(), stores.bindings.clone()));
        let deployer = Deployer::new(cloud, bindings, Arc::new(ResourceCache::new(&config)), config.clone());
        let stacks: BTreeSet<_> = bare.stacks().collect();
        let read = deployer.aws_source(&stacks, &BTreeSet::new(), &AwsSource::default()).await;
        Ok(Arc::new(read.unwrap()))
    } else {
        why()
    };
    build(&sources(&stores, &config, told, aws, BTreeMap::new()))
}

/// A Service, an Ingress with two paths, one that is mistaken, and pods.
async fn estate() -> Rig {
    let mut rig = Rig::new(Options::default());
    rig.seed();
    rig.api.put(fixtures::load_balancer("tcp", &[443], &[("aws-load-balancer-nlb-target-type", "ip")]));
    rig.serve("tcp", &[1]);
    for (service, pods) in [("web", [2, 3]), ("api", [4, 5])] {
        rig.api.put(fixtures::cluster_service(service, &[80]));
        rig.serve(service, &pods);
    }
    let paths = [("shop.example.com", "/api", "api"), ("shop.example.com", "/", "web")];
    rig.api.put(fixtures::ingress("shop", &[("target-type", "ip")], &paths));
    rig.api.put(fixtures::ingress("broken", &[("scheme", "open")], &[("b.example.com", "/", "web")]));
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

/// Lets the controller begin late, and gives its targets time to become healthy. Whoever watches never rests.
async fn begin_late(rig: &mut Rig) {
    sleep(Duration::from_secs(20)).await;
    rig.start().await;
    sleep(Duration::from_mins(3)).await;
}

#[test]
fn whoever_watches_sees_a_load_balancer_come() {
    run(async {
        let mut rig = Rig::new(Options::default());
        rig.seed();
        rig.api.put(fixtures::load_balancer("tcp", &[443], &[("aws-load-balancer-nlb-target-type", "ip")]));
        rig.serve("tcp", &[1, 2]);
        let parts = StatusParts {
            client: rig.api.client(),
            config: rig.config().clone(),
            cloud: Ok(Arc::new(rig.aws.clone())),
            is_terminal: false,
        };
        let given = ["aws-load-balancer-controller", "status", "--namespace=shop", "--watch"];
        let Ok(Invocation::Status(request)) = parse(given, &Environment::default()) else {
            panic!("{given:?}")
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        tokio::select! {
            ended = status::run_on(parts, &request, &mut stdout, &mut stderr) => panic!("{ended:?}"),
            () = begin_late(&mut rig) => {}
        }
        assert_eq!(String::from_utf8_lossy(&stderr), "");
        assert_golden("status-watch.txt", &String::from_utf8(stdout).unwrap());
    });
}

fn assert_golden(file: &str, text: &str) {
    let path = repository().join("tests/cases/topology").join(file);
    #[expect(clippy::disallowed_methods, reason = "a switch of these tests alone")]
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "UPDATE_GOLDEN=1 writes {file} anew");
}

#[test]
fn the_tree_shows_what_the_controller_made() {
    run(async {
        let rig = estate().await;
        rig.aws.world(aws_sim::World::clear_calls);
        let topology = look(&rig, true).await;
        assert_eq!(rig.writes(), [], "looking changes nothing");
        let text =
            render(&topology, StatusFormat::Text, Style { colours: false, all_targets: true }).unwrap();
        assert_golden("status.txt", &text);
        let shop = &topology.items["ingress/shop/shop"];
        assert_eq!((shop.worst, shop.targets.unwrap().total), (State::Synced, 4));
        assert_eq!(topology.items["ingress/shop/broken"].state, State::Failed);
        assert_eq!(topology.worst(), State::Failed);
        let parsed: serde_json::Value =
            serde_json::from_str(&render(&topology, StatusFormat::Json, Style::default()).unwrap()).unwrap();
        let same: serde_json::Value =
            serde_saphyr::from_str(&render(&topology, StatusFormat::Yaml, Style::default()).unwrap())
                .unwrap();
        assert_eq!(parsed, same);
        assert_eq!(parsed["items"]["ingress/shop/shop"]["state"], "synced");
    });
}

#[test]
fn the_cluster_alone_shows_less_and_says_so() {
    run(async {
        let rig = estate().await;
        rig.aws.world(aws_sim::World::clear_calls);
        let topology = look(&rig, false).await;
        assert_eq!(rig.calls(), [], "nobody asks AWS");
        let text = render(&topology, StatusFormat::Text, Style::default()).unwrap();
        assert_golden("status-without-aws.txt", &text);
    });
}

#[test]
fn few_calls_are_made_and_none_twice() {
    run(async {
        let rig = estate().await;
        rig.aws.world(aws_sim::World::clear_calls);
        look(&rig, true).await;
        let calls = rig.calls();
        // One sweep: load balancers, target groups, two lists of security groups and one of tags. Then listeners of two load
        // balancers, rules of the one listener of the ALB, and the health of three target groups.
        assert_eq!(calls.len(), 5 + 2 + 1 + 3, "{calls:?}");
    });
}

/// An event of an object in the cluster of the tests.
fn event(number: usize, component: &str, kind: &str, name: &str, reason: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "shop", "name": format!("{name}.{number}")},
        "involvedObject": {"kind": kind, "namespace": "shop", "name": name}, "source": {"component": component}, "type": "Warning",
        "reason": reason, "message": format!("number {number}"), "lastTimestamp": format!("2030-01-01T{:02}:{:02}:00Z", number / 60 % 24, number % 60),
    })
}

#[test]
fn events_of_others_are_not_read_and_of_an_object_the_newest_is_told() {
    run(async {
        let rig = Rig::new(Options::default());
        for number in 0..1000 {
            rig.api.put(event(number, "kubelet", "Pod", &format!("pod-{number}"), "BackOff"));
        }
        for number in 0..450 {
            rig.api.put(event(number, "ingress", "Ingress", "web", "Noted"));
        }
        rig.api.put(event(7, "service", "Service", "tcp", "FailedBuildModel"));
        let listed = || rig.api.traffic().of_kind(&["list"], "events");
        let before = listed();
        let found = events(&rig.api.client(), None).await.unwrap();
        let (requests, bytes) = (listed().requests - before.requests, listed().bytes - before.bytes);
        // Six reporters, of whom one has three pages.
        assert_eq!(requests, 6 + 2);
        assert!(bytes < 451 * 600, "{bytes} bytes: events of others are sent and thrown away");
        let of = |kind: &str, name: &str| {
            let key = api::ObjectKey::namespaced("shop", name);
            found.of(kind, &key, None).next().map(|event| event.message.clone())
        };
        assert_eq!(of("Ingress", "web").as_deref(), Some("number 449"));
        assert_eq!(of("Service", "tcp").as_deref(), Some("number 7"));
        assert_eq!(of("Pod", "pod-1"), None);
        assert!(!found.is_cut);
    });
}
