//! One owner's mistake in a call that many share: only the owner waits and is told, and AWS is not asked in vain for long.

use super::simulation::{Simulation, endpoint_of, key};
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::aws_api::ec2::{CreateSecurityGroup, RevokeIngress};
use aws_load_balancer_controller::aws_api::elbv2::RegisterTargets;
use aws_load_balancer_controller::aws_api::{Request, Tags};
use aws_load_balancer_controller::controller::ReconcileResult;
use aws_load_balancer_controller::targets::view::PodView;
use aws_sim::{Call, Calls, Effect, Fault};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Owners without a fault.
const GOOD: u16 = 5;
const MISSING: &str = "sg-00000000000badbad";

/// A mistake in `spec.networking`, and what the culprit must be told.
struct InvalidTarget {
    name: &'static str,
    networking: String,
    told: Vec<String>,
    /// Whether the others come first: whoever finds a full group is not served, without being to blame.
    comes_last: bool,
}

fn of_group(group: &str, port: u32) -> String {
    format!("ingress: [{{from: [{{securityGroup: {{groupID: {group}}}}}], ports: [{{port: {port}}}]}}]")
}

fn of_block(block: &str, port: u16) -> String {
    format!("{{from: [{{ipBlock: {{cidr: {block}}}}}], ports: [{{port: {port}}}]}}")
}

async fn mistakes(simulation: &Simulation) -> Vec<InvalidTarget> {
    let sg_1 = simulation.sim.world(|world| world.id("SG_1").to_owned());
    let foreign = foreign_group(simulation).await;
    let field = "spec.networking.ingress[0].from[0].securityGroup.groupID".to_owned();
    let of = |name, networking, told: &[&str]| {
        let told = told.iter().map(|text| (*text).to_owned()).collect();
        InvalidTarget { name, networking, told, comes_last: false }
    };
    let blocks: Vec<String> = (0..70).map(|n| of_block(&format!("10.9.{n}.0/24"), 9001)).collect();
    let many = format!("ingress: [{}]", blocks.join(", "));
    let mixed =
        format!("{}, {}]", of_group(MISSING, 9001).trim_end_matches(']'), of_block("10.8.0.0/16", 9002));
    vec![
        of("a group that is not there", of_group(MISSING, 9001), &[&field, MISSING, "InvalidGroup.NotFound"]),
        of("a group of another VPC", of_group(&foreign, 9001), &[&field, &foreign, "different networks"]),
        of("an id that is none", of_group("sg-nope", 9001), &[&field, "sg-nope", "InvalidGroupId.Malformed"]),
        of("a port that is none", of_group(&sg_1, 70_000), &["70000", "65535"]),
        of("one peer among others", mixed, &[&field, MISSING]),
        InvalidTarget {
            comes_last: true,
            ..of("more rules than fit", many, &["ipBlock.cidr", "RulesPerSecurityGroupLimitExceeded"])
        },
    ]
}

async fn foreign_group(simulation: &Simulation) -> String {
    let vpc_id = "vpc-00000000000000001".to_owned();
    simulation.sim.world(|world| world.add_vpc(&vpc_id));
    let (name, description) = ("foreign".to_owned(), "foreign".to_owned());
    simulation.interfere(CreateSecurityGroup { name, description, vpc_id, tags: Tags::new() }).await;
    simulation.sim.world(|world| {
        let found = world.ask(aws_load_balancer_controller::aws_api::ec2::DescribeSecurityGroups::default());
        found.unwrap().items.into_iter().find(|group| group.name == "foreign").unwrap().id
    })
}

/// Bindings, and when each is to be looked at next.
#[derive(Default)]
struct Scenario {
    due: BTreeMap<String, Duration>,
    failures: BTreeMap<String, u32>,
    now: Duration,
}

impl Scenario {
    fn add(&mut self, simulation: &Simulation, name: &str, networking: &str) {
        simulation.bind(name, &format!(", networking: {{{networking}}}"));
        self.due.insert(name.to_owned(), self.now);
    }

    /// Lets time pass, with every binding reconciled when it asks for it, or after ever longer pauses where it fails.
    async fn live(&mut self, simulation: &Simulation, time: Duration) {
        let end = self.now + time;
        while let Some((name, due)) = self.due.clone().into_iter().min_by_key(|(_, due)| *due) {
            if due > end {
                break;
            }
            simulation.wait(due.saturating_sub(self.now)).await;
            self.now = self.now.max(due);
            let pause = match simulation.once(&name).await {
                ReconcileResult::RequeueAfter(pause)
                | ReconcileResult::DoneUntil(pause)
                | ReconcileResult::MissingReference(Some(pause)) => pause,
                ReconcileResult::Retry => self.back_off(&name),
                ReconcileResult::Done
                | ReconcileResult::AwaitChange
                | ReconcileResult::TooCostly
                | ReconcileResult::MissingReference(None)
                | ReconcileResult::Gone => Duration::from_hours(100),
            };
            self.due.insert(name, self.now + pause);
        }
        simulation.wait(end.saturating_sub(self.now)).await;
        self.now = end;
    }

    fn back_off(&mut self, name: &str) -> Duration {
        let failures = self.failures.entry(name.to_owned()).or_default();
        *failures += 1;
        Duration::from_millis(5 << (*failures).min(17)).min(Duration::from_secs(1000))
    }
}

fn refused(simulation: &Simulation) -> Vec<Call> {
    simulation.sim.calls().into_iter().filter(|call| call.error_code().is_some()).collect()
}

fn told(simulation: &Simulation, binding: &str) -> String {
    simulation.cluster.events(binding).into_iter().fold(String::new(), |mut all, (reason, message)| {
        writeln!(all, "{reason}: {message}").unwrap();
        all
    })
}

/// Ports of the rules of ours that one source has.
fn is_open(simulation: &Simulation, port: u16) -> bool {
    let port = i32::from(port);
    simulation.our_rules().iter().any(|rule| rule.from_port <= Some(port) && Some(port) <= rule.to_port)
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_networking_costs_its_binding_alone() {
    for number in 0..6 {
        let simulation = Simulation::new(|_| ()).await;
        let invalid_target = mistakes(&simulation).await.swap_remove(number);
        let sg_1 = simulation.sim.world(|world| world.id("SG_1").to_owned());
        let present = simulation.all_rules();
        simulation.sim.world(|world| world.settings.quotas.rules_per_security_group = present + 20);
        simulation.serve(&[simulation.pod(0, &[])]);
        let mut scenario = Scenario::default();
        if !invalid_target.comes_last {
            scenario.add(&simulation, "bad", &invalid_target.networking);
            scenario.live(&simulation, Duration::ZERO).await;
        }
        simulation.sim.clear_calls();
        let good = |n: u16| format!("good-{n}");
        for n in 0..GOOD {
            scenario.add(&simulation, &good(n), &of_group(&sg_1, (8080 + n).into()));
        }
        scenario.live(&simulation, Duration::from_secs(1)).await;
        if invalid_target.comes_last {
            scenario.add(&simulation, "bad", &invalid_target.networking);
        }
        scenario.live(&simulation, Duration::from_hours(1)).await;
        scenario.add(&simulation, "late", &of_group(&sg_1, 8099));
        scenario.live(&simulation, Duration::from_secs(1)).await;
        assert!(
            (8080..8080 + GOOD).chain([8099]).all(|port| is_open(&simulation, port)),
            "{}",
            invalid_target.name
        );
        for name in (0..GOOD).map(good).chain(["late".to_owned()]) {
            assert_eq!(
                told(&simulation, &name),
                "SuccessfullyReconciled: Successfully reconciled\n",
                "{}",
                invalid_target.name
            );
        }
        let words = told(&simulation, "bad");
        assert!(
            invalid_target.told.iter().all(|text| words.contains(text)),
            "{}: {words}",
            invalid_target.name
        );
        let refused = refused(&simulation);
        assert!(refused.len() <= 45, "{}: {} calls refused", invalid_target.name, refused.len());
        scenario.add(&simulation, "bad", &of_group(&sg_1, 9001));
        scenario.live(&simulation, Duration::from_mins(10)).await;
        assert!(is_open(&simulation, 9001), "{}", invalid_target.name);
    }
}

#[tokio::test(start_paused = true)]
async fn audits_bring_nothing_forward_that_aws_refused() {
    let simulation = Simulation::new(|_| ()).await;
    simulation.serve(&[simulation.pod(0, &[]), simulation.pod(1, &[])]);
    let sg_1 = simulation.sim.world(|world| world.id("SG_1").to_owned());
    let mut scenario = Scenario::default();
    scenario.add(&simulation, "bind", "ingress: []");
    scenario.live(&simulation, Duration::from_mins(1)).await;
    let refuse = |action, code: &str| simulation.sim.arm(Fault::on(Calls::Of(action), Effect::fail(code)));
    refuse(Action::AuthorizeIngress, "UnauthorizedOperation");
    scenario.add(&simulation, "bind", &of_group(&sg_1, 8080));
    scenario.live(&simulation, Duration::from_mins(10)).await;
    simulation.sim.clear_calls();
    for _ in 0..24 {
        scenario.live(&simulation, Duration::from_secs(150)).await;
        drop(simulation.controller.audit().await);
    }
    let refused = refused(&simulation);
    let of = |action| refused.iter().filter(|call| call.action() == action).count();
    let tries = of(Action::AuthorizeIngress);
    assert!((1..=16).contains(&tries), "one in five minutes, and few of audits: {tries}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_aws_keeps_is_not_tried_with_every_listing() {
    let simulation = Simulation::new(|_| ()).await;
    simulation.serve(&[simulation.pod(0, &[]), simulation.pod(1, &[])]);
    let mut scenario = Scenario::default();
    scenario.add(&simulation, "bind", "ingress: []");
    scenario.live(&simulation, Duration::from_mins(1)).await;
    simulation.sim.arm(Fault::on(Calls::Of(Action::DeregisterTargets), Effect::fail("InvalidTarget")));
    simulation.serve(&[simulation.pod(0, &[])]);
    scenario.add(&simulation, "bind", "ingress: []");
    scenario.live(&simulation, Duration::from_secs(10)).await;
    simulation.sim.clear_calls();
    for _ in 0..60 {
        if simulation.controller.audit_targets(&key("bind")).await {
            scenario.add(&simulation, "bind", "ingress: []");
        }
        scenario.live(&simulation, Duration::from_secs(10)).await;
    }
    let tries = refused(&simulation).len();
    assert!((1..=5).contains(&tries), "in ten minutes, with pauses that grow to five: {tries}");
    simulation.sim.disarm();
    scenario.live(&simulation, Duration::from_mins(6)).await;
    simulation.controller.audit_targets(&key("bind")).await;
    scenario.add(&simulation, "bind", "ingress: []");
    scenario.live(&simulation, Duration::from_mins(1)).await;
    assert_eq!(simulation.targets().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_appears_gets_its_rule_within_minutes() {
    let simulation = Simulation::new(|_| ()).await;
    simulation.serve(&[simulation.pod(0, &[])]);
    simulation.sim.arm(Fault::on(
        Calls::matching(|request| matches!(request, Request::AuthorizeIngress(_))),
        Effect::fail("InvalidGroup.NotFound"),
    ));
    let mut scenario = Scenario::default();
    let sg_1 = simulation.sim.world(|world| world.id("SG_1").to_owned());
    scenario.add(&simulation, "bind", &of_group(&sg_1, 8080));
    scenario.live(&simulation, Duration::from_hours(1)).await;
    assert!(!is_open(&simulation, 8080));
    simulation.sim.disarm();
    scenario.live(&simulation, Duration::from_mins(6)).await;
    assert!(is_open(&simulation, 8080));
}

#[tokio::test(start_paused = true)]
async fn rules_that_stand_already_or_are_gone_already_are_no_mistake() {
    let simulation = Simulation::new(|_| ()).await;
    simulation.serve(&[simulation.pod(0, &[])]);
    simulation.bind("bind", &simulation.networking("8080"));
    simulation.run_until_idle("bind").await;
    let group_id = simulation.sim.world(|world| world.id("SG_NODES").to_owned());
    // why: somebody else is quicker with one of two, and reads do not show it yet
    let rules = simulation.our_rules();
    simulation.sim.arm(
        Fault::on(Calls::Of(Action::RevokeIngress), Effect::fail("InvalidPermission.NotFound")).times(3),
    );
    simulation.bind("bind", &simulation.networking("9090"));
    simulation.run_until_idle("bind").await;
    assert!(is_open(&simulation, 9090));
    simulation.sim.disarm();
    simulation.interfere(RevokeIngress { group_id: group_id.as_str().into(), rules }).await;
    simulation.sim.arm(
        Fault::on(Calls::Of(Action::AuthorizeIngress), Effect::fail("InvalidPermission.Duplicate")).times(3),
    );
    simulation.bind("bind", &simulation.networking("9191"));
    simulation.run_until_idle("bind").await;
    assert!(!told(&simulation, "bind").contains("Failed"), "{}", told(&simulation, "bind"));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_refused_leaves_the_rule_in_its_place_alone() {
    let simulation = Simulation::new(|_| ()).await;
    simulation.serve(&[simulation.pod(0, &[])]);
    let mut scenario = Scenario::default();
    let sg_1 = simulation.sim.world(|world| world.id("SG_1").to_owned());
    scenario.add(&simulation, "one", &of_group(&sg_1, 8080));
    scenario.live(&simulation, Duration::from_secs(10)).await;
    let is_wide = |request: &Request| matches!(request, Request::AuthorizeIngress(request) if request.rules.iter().any(|rule| rule.to_port == Some(8081)));
    simulation.sim.arm(Fault::on(Calls::matching(is_wide), Effect::fail("InvalidParameterValue")));
    scenario.add(&simulation, "two", &of_group(&sg_1, 8081));
    scenario.live(&simulation, Duration::from_mins(30)).await;
    scenario.add(&simulation, "three", &of_group(&sg_1, 8080));
    scenario.live(&simulation, Duration::from_mins(30)).await;
    assert!(is_open(&simulation, 8080) && !is_open(&simulation, 8081));
    assert!(told(&simulation, "two").contains("InvalidParameterValue"));
    assert!(!told(&simulation, "three").contains("Failed"), "{}", told(&simulation, "three"));
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_cannot_be_built_keeps_the_rules_of_its_peers_and_of_nobody_else() {
    let mut simulation = Simulation::new(|_| ()).await;
    simulation.serve(&[simulation.pod(0, &[])]);
    let mut scenario = Scenario::default();
    let ids = simulation.sim.world(|world| world.ids().clone());
    scenario.add(&simulation, "bind", &of_group(&ids["SG_1"], 8080));
    scenario.add(&simulation, "broken", &of_group(&ids["SG_2"], 9001));
    scenario.live(&simulation, Duration::from_mins(1)).await;
    scenario.add(&simulation, "broken", &of_group(&ids["SG_2"], 70_000));
    simulation.restart();
    scenario.live(&simulation, Duration::from_mins(1)).await;
    scenario.add(&simulation, "bind", &of_group(&ids["SG_1"], 9090));
    scenario.live(&simulation, Duration::from_mins(1)).await;
    assert_eq!(simulation.rules(), ["9001-9001", "9090-9090"]);
}

// ---- targets --------------------------------------------------------------------------------------------------------

fn with_address(simulation: &Simulation, n: u8, address: &str) -> PodView {
    PodView { ip: Some(address.into()), ..simulation.pod(n, &["bind"]) }
}

fn serve_all(simulation: &Simulation, pods: &[PodView]) {
    simulation.cluster.edit(|objects| {
        for pod in pods {
            objects.pods.insert(pod.key.clone(), Arc::new(pod.clone()));
        }
        objects.endpoints.insert(key("web"), pods.iter().map(endpoint_of).collect());
    });
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_can_be_no_target_keeps_no_other_from_being_registered() {
    for (address, told_of) in
        [("8.8.8.8", "8.8.8.8:8080 (pod shop/web-9): RegisterTargets: InvalidTarget"), ("nowhere", "nowhere")]
    {
        let simulation = Simulation::new(|_| ()).await;
        let mut pods: Vec<PodView> = (0..6).map(|n| simulation.pod(n, &["bind"])).collect();
        pods.insert(3, with_address(&simulation, 9, address));
        serve_all(&simulation, &pods);
        let mut scenario = Scenario::default();
        scenario.add(&simulation, "bind", "");
        scenario.live(&simulation, Duration::from_secs(20)).await;
        assert_eq!(simulation.targets(), (0..6).collect::<BTreeSet<u8>>(), "{address}");
        assert!((0..6).all(|n| simulation.gate(n).as_deref() == Some("True")), "{address}");
        assert!(told(&simulation, "bind").contains(told_of), "{}", told(&simulation, "bind"));
        scenario.live(&simulation, Duration::from_hours(1)).await;
        assert!(refused(&simulation).len() <= 30, "{address}: {} refused", refused(&simulation).len());
        pods.push(simulation.pod(6, &["bind"]));
        serve_all(&simulation, &pods);
        simulation.sim.clear_calls();
        simulation.once("bind").await;
        assert!(simulation.targets().contains(&6), "{address}");
        let batches = simulation.sim.calls().into_iter().filter_map(|call| match call.request {
            Request::RegisterTargets(RegisterTargets { targets, .. }) => Some(targets.len()),
            _ => None,
        });
        assert_eq!(batches.max(), Some(1), "the culprit is not mixed with the good again");
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_targets_as_fit_are_registered_and_the_others_are_told() {
    let simulation = Simulation::new(|_| ()).await;
    simulation.sim.world(|world| world.settings.quotas.targets_per_target_group = 4);
    let pods: Vec<PodView> = (0..7).map(|n| simulation.pod(n, &[])).collect();
    simulation.serve(&pods);
    let mut scenario = Scenario::default();
    scenario.add(&simulation, "bind", "");
    scenario.live(&simulation, Duration::from_hours(1)).await;
    assert_eq!(simulation.targets().len(), 4);
    assert!(told(&simulation, "bind").contains("TooManyTargets"), "{}", told(&simulation, "bind"));
    assert!(refused(&simulation).len() <= 60, "{} refused", refused(&simulation).len());
    let gone = *simulation.targets().first().unwrap();
    simulation.kill(gone);
    simulation.once("bind").await;
    assert_eq!(simulation.targets().len(), 4, "the room is used in the same pass");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_be_deregistered_keeps_no_other_registered() {
    let simulation = Simulation::new(|_| ()).await;
    simulation.serve(&(0..5).map(|n| simulation.pod(n, &[])).collect::<Vec<_>>());
    simulation.bind("bind", "");
    simulation.run_until_idle("bind").await;
    let stuck = simulation.address(1);
    let names_it = move |request: &Request| matches!(request, Request::DeregisterTargets(request) if request.targets.iter().any(|target| target.id.to_string() == stuck));
    simulation.sim.arm(Fault::on(Calls::matching(names_it), Effect::fail("InvalidTarget")));
    (0..4).for_each(|n| simulation.kill(n));
    simulation.run_until_idle("bind").await;
    assert_eq!(simulation.targets(), [1, 4].into());
    simulation.sim.disarm();
    simulation.wait(Duration::from_hours(11)).await;
    simulation.run_until_idle("bind").await;
    assert_eq!(simulation.targets(), [4].into());
}
