//! Reads of AWS that lag behind its writes: nothing that serves is taken away, nothing is made twice, nothing is leaked.

use crate::services::run;
use aws_load_balancer_controller::aws_api::{Action, Request};
use aws_sim::{Calls, Delays, Effect, Fault, Settings, WorldBuilder};
use rig::{Options, Rig, fixtures};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const BINDINGS: &str = "targetgroupbindings";
const INGRESSES: [&str; 3] = ["first", "second", "third"];

/// Every read of what this controller writes.
const READS: [Action; 14] = [
    Action::DescribeLoadBalancers,
    Action::DescribeTargetGroups,
    Action::DescribeTags,
    Action::DescribeListeners,
    Action::DescribeListenerCertificates,
    Action::DescribeListenerAttributes,
    Action::DescribeLoadBalancerAttributes,
    Action::DescribeTargetGroupAttributes,
    Action::DescribeRules,
    Action::DescribeTargetHealth,
    Action::DescribeSecurityGroups,
    Action::GetWafv2WebAcl,
    Action::GetWafRegionalWebAcl,
    Action::DescribeShieldProtection,
];

/// What lags.
#[derive(Clone, Copy, Debug)]
enum Lagging {
    Nothing,
    One(Action),
    All,
}

impl Lagging {
    fn arm(self, rig: &Rig, by: Duration) {
        match self {
            Self::Nothing => {}
            Self::One(action) => rig.aws.lag(Calls::Of(action), by),
            Self::All => rig.aws.lag(Calls::Reads, by),
        }
    }
}

fn options() -> Options {
    let delays =
        Delays { initial: Duration::from_secs(2), draining: Duration::from_secs(3), ..Delays::default() };
    let settings = Settings { delays, ..Settings::default() };
    Options { world: WorldBuilder::new("demo").settings(settings).build(), ..Options::default() }
}

/// A cluster with two Services of type LoadBalancer, a group of three Ingresses and two Services behind it.
struct Cluster {
    rig: Rig,
    /// The targets that are wanted since the last edit.
    wanted: BTreeSet<String>,
}

impl Cluster {
    async fn open(lagging: Lagging, by: Duration) -> Self {
        let mut rig = Rig::new(options());
        rig.seed();
        lagging.arm(&rig, by);
        rig.start().await;
        Self { rig, wanted: BTreeSet::new() }
    }

    fn create(&mut self) {
        for (number, name) in ["web", "api"].into_iter().enumerate() {
            self.rig.api.put(fixtures::cluster_service(name, &[80]));
            self.serve(name, number * 10, 0..3);
        }
        for (number, name) in ["edge", "core"].into_iter().enumerate() {
            self.put_service(name, "10");
            self.serve(name, 20 + number * 10, 0..3);
        }
        for name in INGRESSES {
            self.put_ingress(name, "/a");
        }
    }

    fn put_service(&self, name: &str, interval: &str) {
        let annotations = [
            ("aws-load-balancer-nlb-target-type", "ip"),
            ("aws-load-balancer-healthcheck-interval", interval),
        ];
        self.rig.api.put(fixtures::load_balancer(name, &[80], &annotations));
    }

    fn put_ingress(&self, name: &str, path: &str) {
        let host = format!("{name}.example.com");
        let paths = [(host.as_str(), path, "web"), (host.as_str(), "/b", "api")];
        self.rig.api.put(fixtures::ingress(name, &[("group.name", "g"), ("target-type", "ip")], &paths));
    }

    fn serve(&mut self, service: &str, first: usize, pods: std::ops::Range<usize>) {
        let pods: Vec<usize> = pods.map(|pod| first + pod).collect();
        self.rig.serve(service, &pods);
        self.wanted.extend(pods.iter().map(|pod| self.rig.aws.world(|world| fixtures::address(world, *pod))));
    }

    /// One pod of each Service is exchanged for another.
    fn roll(&mut self) {
        self.wanted.clear();
        for (number, name) in ["web", "api", "edge", "core"].into_iter().enumerate() {
            self.serve(name, number * 10, 1..4);
        }
    }

    fn edit(&self) {
        self.put_service("edge", "15");
        self.put_ingress("second", "/c");
        self.put_ingress("third", "/d");
    }

    fn delete(&mut self) {
        self.wanted.clear();
        for name in INGRESSES {
            self.rig.api.delete("ingresses", fixtures::NAMESPACE, name);
        }
        for name in ["edge", "core"] {
            self.rig.api.delete("services", fixtures::NAMESPACE, name);
        }
    }

    fn bindings(&self) -> BTreeMap<String, Value> {
        let bindings = self.rig.api.list(BINDINGS);
        bindings
            .iter()
            .map(|one| (one["metadata"]["uid"].to_string(), one["spec"]["targetGroupARN"].clone()))
            .collect()
    }

    /// Targets that were deregistered although they are wanted, and resources that were created more than once or deleted.
    fn mistakes(&self, is_restarted: bool) -> Vec<String> {
        let mut created: BTreeMap<String, usize> = BTreeMap::new();
        let mut mistakes = Vec::new();
        for call in self.rig.aws.writes().iter().filter(|call| call.error_code().is_none()) {
            match &call.request {
                Request::DeregisterTargets(gone) => {
                    let wanted = gone.targets.iter().filter_map(|target| target.id.known());
                    mistakes.extend(
                        wanted.filter(|id| self.wanted.contains(*id)).map(|id| format!("{id} deregistered")),
                    );
                }
                Request::CreateLoadBalancer(create) => {
                    *created.entry(format!("lb {}", create.name)).or_default() += 1;
                }
                Request::CreateTargetGroup(create) => {
                    *created.entry(format!("tg {}", create.name)).or_default() += 1;
                }
                Request::CreateSecurityGroup(create) => {
                    *created.entry(format!("sg {}", create.name)).or_default() += 1;
                }
                Request::CreateListener(create) => {
                    let key = format!("listener {} {}", create.load_balancer_arn, create.settings.port);
                    *created.entry(key).or_default() += 1;
                }
                Request::CreateRule(create) => {
                    *created
                        .entry(format!("rule {} {:?}", create.listener_arn, create.conditions))
                        .or_default() += 1;
                }
                Request::DeleteLoadBalancer(_)
                | Request::DeleteTargetGroup(_)
                | Request::DeleteListener(_) => {
                    mistakes.push(format!("{:?}", call.request));
                }
                _ => {}
            }
        }
        // why: a new process asks for what it cannot see yet, and AWS answers with what is there
        let twice = created.into_iter().filter(|(_, times)| *times > 1 && !is_restarted);
        mistakes.extend(twice.map(|(what, times)| format!("{what}: {times} times")));
        mistakes
    }
}

/// Creates, rolls, edits and deletes while reads lag; the process may be exchanged in the middle of each.
async fn live(lagging: Lagging, by: Duration, is_restarted: bool, wanted: &Wanted) {
    let story = format!("{lagging:?} by {by:?}, restarted: {is_restarted}");
    let mut cluster = Cluster::open(lagging, by).await;
    let before = cluster.rig.aws.world(|world| world.resources());
    cluster.create();
    cluster.pause(is_restarted).await;
    cluster.rig.run_until_idle().await;
    assert_eq!(cluster.mistakes(is_restarted), Vec::<String>::new(), "create: {story}");
    assert_eq!(lines(&cluster.rig), wanted.created, "create: {story}");
    let bindings = cluster.bindings();
    cluster.rig.aws.clear_calls();

    cluster.roll();
    cluster.pause(is_restarted).await;
    cluster.rig.run_until_idle().await;
    assert_eq!(cluster.mistakes(is_restarted), Vec::<String>::new(), "rollout: {story}");
    cluster.rig.aws.clear_calls();

    cluster.edit();
    cluster.pause(is_restarted).await;
    cluster.rig.run_until_idle().await;
    assert_eq!(cluster.mistakes(is_restarted), Vec::<String>::new(), "edit: {story}");
    assert_eq!(lines(&cluster.rig), wanted.edited, "edit: {story}");
    assert_eq!(cluster.bindings(), bindings, "no binding was exchanged: {story}");

    cluster.delete();
    cluster.pause(is_restarted).await;
    cluster.rig.run_until_idle().await;
    assert_eq!(cluster.rig.aws.world(|world| world.resources()), before, "deleted: {story}");
    assert!(cluster.rig.api.list("ingresses").is_empty(), "{story}");
}

impl Cluster {
    async fn pause(&mut self, is_restarted: bool) {
        if is_restarted {
            tokio::time::sleep(Duration::from_millis(400)).await;
            self.rig.restart().await;
        }
    }
}

/// What an undisturbed run comes to.
struct Wanted {
    created: Vec<String>,
    edited: Vec<String>,
}

fn lines(rig: &Rig) -> Vec<String> {
    rig.owned_resources().lines()
}

async fn undisturbed() -> Wanted {
    let mut cluster = Cluster::open(Lagging::Nothing, Duration::ZERO).await;
    cluster.create();
    cluster.rig.run_until_idle().await;
    let created = lines(&cluster.rig);
    cluster.roll();
    cluster.rig.run_until_idle().await;
    cluster.edit();
    cluster.rig.run_until_idle().await;
    Wanted { created, edited: lines(&cluster.rig) }
}

#[test]
fn reads_of_one_kind_that_lag_take_nothing_away_and_make_nothing_twice() {
    run(async {
        let wanted = undisturbed().await;
        for action in READS {
            for seconds in [2, 5, 30] {
                live(Lagging::One(action), Duration::from_secs(seconds), false, &wanted).await;
            }
        }
    });
}

#[test]
fn reads_that_all_lag_take_nothing_away_and_make_nothing_twice() {
    run(async {
        let wanted = undisturbed().await;
        for seconds in [2, 5, 30] {
            live(Lagging::All, Duration::from_secs(seconds), false, &wanted).await;
        }
    });
}

#[test]
fn a_restart_while_reads_lag_takes_nothing_away_and_leaks_nothing() {
    run(async {
        let wanted = undisturbed().await;
        for seconds in [2, 5, 25] {
            live(Lagging::All, Duration::from_secs(seconds), true, &wanted).await;
        }
    });
}

#[test]
fn what_is_gone_in_two_reads_is_made_again() {
    run(async {
        let mut cluster = Cluster::open(Lagging::Nothing, Duration::ZERO).await;
        cluster.create();
        cluster.rig.run_until_idle().await;
        let whole = lines(&cluster.rig);
        let found = cluster.rig.owned_resources();
        let alb = found.load_balancers.iter().find(|one| one.name.starts_with("k8s-g-")).expect("an ALB");
        cluster.rig.ask(aws_load_balancer_controller::aws_api::elbv2::DeleteLoadBalancer {
            arn: alb.arn.as_str().into(),
        });
        tokio::time::sleep(Duration::from_mins(5)).await;
        cluster.rig.run_until_idle().await;
        assert_eq!(lines(&cluster.rig), whole);
    });
}

/// Calls that AWS refuses at first because it does not know everywhere what was created a moment ago, and its words.
const TOO_EARLY: &[(Action, &str)] = &[
    (Action::AuthorizeIngress, "InvalidGroup.NotFound"),
    (Action::CreateLoadBalancer, "InvalidSecurityGroup"),
    (Action::ModifyLoadBalancerAttributes, "LoadBalancerNotFound"),
    (Action::ModifyTargetGroupAttributes, "TargetGroupNotFound"),
    (Action::CreateListener, "LoadBalancerNotFound"),
    (Action::CreateListener, "TargetGroupNotFound"),
    (Action::ModifyListenerAttributes, "ListenerNotFound"),
    (Action::CreateRule, "ListenerNotFound"),
    (Action::CreateRule, "TargetGroupNotFound"),
    (Action::RegisterTargets, "TargetGroupNotFound"),
];

#[test]
fn a_write_that_comes_too_early_is_made_again_in_the_same_pass() {
    run(async {
        for (action, code) in TOO_EARLY {
            let mut rig = Rig::new(options());
            rig.seed();
            rig.start().await;
            rig.aws.arm(Fault::on(Calls::Of(*action), Effect::fail(*code)).times(3));
            let annotations = [
                ("target-type", "ip"),
                ("load-balancer-attributes", "idle_timeout.timeout_seconds=30"),
                ("target-group-attributes", "deregistration_delay.timeout_seconds=30"),
                ("listener-attributes.HTTP-80", "routing.http.response.server.enabled=false"),
            ];
            for name in ["web", "api"] {
                rig.api.put(fixtures::cluster_service(name, &[80]));
            }
            rig.serve("web", &[0]);
            rig.serve("api", &[1]);
            let default = json!({"service": {"name": "api", "port": {"number": 80}}});
            let mut ingress = fixtures::ingress("web", &annotations, &[("a.example.com", "/", "web")]);
            ingress["spec"]["defaultBackend"] = default;
            rig.api.put(ingress);
            rig.run_until_idle().await;
            let struck = rig.aws.writes().iter().filter(|call| call.error_code() == Some(code)).count();
            assert_eq!(struck, 3, "{action:?}");
            let warnings: Vec<_> =
                rig.api.events().into_iter().filter(|event| event.severity == "Warning").collect();
            assert!(warnings.is_empty(), "{action:?} {code}: {warnings:?}");
            let found = rig.owned_resources();
            assert!(
                !found.rules.is_empty() && found.targets.values().all(|all| !all.is_empty()),
                "{action:?}"
            );
        }
    });
}

#[test]
fn a_write_about_what_others_deleted_long_after_is_not_made_again_and_again() {
    run(async {
        let mut cluster = Cluster::open(Lagging::Nothing, Duration::ZERO).await;
        cluster.create();
        cluster.rig.run_until_idle().await;
        cluster.rig.aws.clear_calls();
        let once =
            Fault::on(Calls::Of(Action::ModifyTargetGroup), Effect::fail("TargetGroupNotFound")).times(1);
        cluster.rig.aws.arm(once);
        cluster.edit();
        let before = tokio::time::Instant::now();
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(before.elapsed() < Duration::from_secs(1));
        let tries =
            cluster.rig.writes().iter().filter(|action| **action == Action::ModifyTargetGroup).count();
        assert_eq!(tries, 2, "the second comes after AWS was looked at again, not after a pause");
    });
}
