//! One owner's mistake in a call that many share: only the owner waits and is told, and AWS is not asked in vain for long.

use super::stage::{Stage, endpoint_of, key};
use aws_load_balancer_controller::cloud::Action;
use aws_load_balancer_controller::cloud::ec2::{CreateSecurityGroup, RevokeIngress};
use aws_load_balancer_controller::cloud::elbv2::RegisterTargets;
use aws_load_balancer_controller::cloud::{Request, Tags};
use aws_load_balancer_controller::controller::Verdict;
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
struct Mistake {
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

async fn mistakes(stage: &Stage) -> Vec<Mistake> {
    let sg_1 = stage.sim.world(|world| world.id("SG_1").to_owned());
    let foreign = foreign_group(stage).await;
    let field = "spec.networking.ingress[0].from[0].securityGroup.groupID".to_owned();
    let of = |name, networking, told: &[&str]| {
        let told = told.iter().map(|text| (*text).to_owned()).collect();
        Mistake { name, networking, told, comes_last: false }
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
        Mistake {
            comes_last: true,
            ..of("more rules than fit", many, &["ipBlock.cidr", "RulesPerSecurityGroupLimitExceeded"])
        },
    ]
}

async fn foreign_group(stage: &Stage) -> String {
    let vpc_id = "vpc-00000000000000001".to_owned();
    stage.sim.world(|world| world.add_vpc(&vpc_id));
    let (name, description) = ("foreign".to_owned(), "foreign".to_owned());
    stage.interfere(CreateSecurityGroup { name, description, vpc_id, tags: Tags::new() }).await;
    stage.sim.world(|world| {
        let found = world.ask(aws_load_balancer_controller::cloud::ec2::DescribeSecurityGroups::default());
        found.unwrap().items.into_iter().find(|group| group.name == "foreign").unwrap().id
    })
}

/// Bindings, and when each is to be looked at next.
#[derive(Default)]
struct Town {
    due: BTreeMap<String, Duration>,
    failures: BTreeMap<String, u32>,
    now: Duration,
}

impl Town {
    fn add(&mut self, stage: &Stage, name: &str, networking: &str) {
        stage.bind(name, &format!(", networking: {{{networking}}}"));
        self.due.insert(name.to_owned(), self.now);
    }

    /// Lets time pass, with every binding reconciled when it asks for it, or after ever longer pauses where it fails.
    async fn live(&mut self, stage: &Stage, time: Duration) {
        let end = self.now + time;
        while let Some((name, due)) = self.due.clone().into_iter().min_by_key(|(_, due)| *due) {
            if due > end {
                break;
            }
            stage.wait(due.saturating_sub(self.now)).await;
            self.now = self.now.max(due);
            let pause = match stage.once(&name).await {
                Verdict::After(pause) | Verdict::DoneFor(pause) | Verdict::Lacking(Some(pause)) => pause,
                Verdict::Retry => self.back_off(&name),
                Verdict::Done
                | Verdict::Mistaken
                | Verdict::PutAside
                | Verdict::Lacking(None)
                | Verdict::Gone => Duration::from_hours(100),
            };
            self.due.insert(name, self.now + pause);
        }
        stage.wait(end.saturating_sub(self.now)).await;
        self.now = end;
    }

    fn back_off(&mut self, name: &str) -> Duration {
        let failures = self.failures.entry(name.to_owned()).or_default();
        *failures += 1;
        Duration::from_millis(5 << (*failures).min(17)).min(Duration::from_secs(1000))
    }
}

fn refused(stage: &Stage) -> Vec<Call> {
    stage.sim.calls().into_iter().filter(|call| call.error_code().is_some()).collect()
}

fn told(stage: &Stage, binding: &str) -> String {
    stage.cluster.events(binding).into_iter().fold(String::new(), |mut all, (reason, message)| {
        writeln!(all, "{reason}: {message}").unwrap();
        all
    })
}

/// Ports of the rules of ours that one source has.
fn is_open(stage: &Stage, port: u16) -> bool {
    let port = i32::from(port);
    stage.our_rules().iter().any(|rule| rule.from_port <= Some(port) && Some(port) <= rule.to_port)
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_networking_costs_its_binding_alone() {
    for number in 0..6 {
        let stage = Stage::new(|_| ()).await;
        let mistake = mistakes(&stage).await.swap_remove(number);
        let sg_1 = stage.sim.world(|world| world.id("SG_1").to_owned());
        let present = stage.all_rules();
        stage.sim.world(|world| world.settings.quotas.rules_per_security_group = present + 20);
        stage.serve(&[stage.pod(0, &[])]);
        let mut town = Town::default();
        if !mistake.comes_last {
            town.add(&stage, "bad", &mistake.networking);
            town.live(&stage, Duration::ZERO).await;
        }
        stage.sim.clear_calls();
        let good = |n: u16| format!("good-{n}");
        for n in 0..GOOD {
            town.add(&stage, &good(n), &of_group(&sg_1, (8080 + n).into()));
        }
        town.live(&stage, Duration::from_secs(1)).await;
        if mistake.comes_last {
            town.add(&stage, "bad", &mistake.networking);
        }
        town.live(&stage, Duration::from_hours(1)).await;
        town.add(&stage, "late", &of_group(&sg_1, 8099));
        town.live(&stage, Duration::from_secs(1)).await;
        assert!((8080..8080 + GOOD).chain([8099]).all(|port| is_open(&stage, port)), "{}", mistake.name);
        for name in (0..GOOD).map(good).chain(["late".to_owned()]) {
            assert_eq!(
                told(&stage, &name),
                "SuccessfullyReconciled: Successfully reconciled\n",
                "{}",
                mistake.name
            );
        }
        let words = told(&stage, "bad");
        assert!(mistake.told.iter().all(|text| words.contains(text)), "{}: {words}", mistake.name);
        let refused = refused(&stage);
        assert!(refused.len() <= 45, "{}: {} calls refused", mistake.name, refused.len());
        town.add(&stage, "bad", &of_group(&sg_1, 9001));
        town.live(&stage, Duration::from_mins(10)).await;
        assert!(is_open(&stage, 9001), "{}", mistake.name);
    }
}

#[tokio::test(start_paused = true)]
async fn audits_bring_nothing_forward_that_aws_refused() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &[]), stage.pod(1, &[])]);
    let sg_1 = stage.sim.world(|world| world.id("SG_1").to_owned());
    let mut town = Town::default();
    town.add(&stage, "bind", "ingress: []");
    town.live(&stage, Duration::from_mins(1)).await;
    let refuse = |action, code: &str| stage.sim.arm(Fault::on(Calls::Of(action), Effect::fail(code)));
    refuse(Action::AuthorizeIngress, "UnauthorizedOperation");
    town.add(&stage, "bind", &of_group(&sg_1, 8080));
    town.live(&stage, Duration::from_mins(10)).await;
    stage.sim.clear_calls();
    for _ in 0..24 {
        town.live(&stage, Duration::from_secs(150)).await;
        drop(stage.controller.audit().await);
    }
    let refused = refused(&stage);
    let of = |action| refused.iter().filter(|call| call.action() == action).count();
    let tries = of(Action::AuthorizeIngress);
    assert!((1..=16).contains(&tries), "one in five minutes, and few of audits: {tries}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_aws_keeps_is_not_tried_with_every_listing() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &[]), stage.pod(1, &[])]);
    let mut town = Town::default();
    town.add(&stage, "bind", "ingress: []");
    town.live(&stage, Duration::from_mins(1)).await;
    stage.sim.arm(Fault::on(Calls::Of(Action::DeregisterTargets), Effect::fail("InvalidTarget")));
    stage.serve(&[stage.pod(0, &[])]);
    town.add(&stage, "bind", "ingress: []");
    town.live(&stage, Duration::from_secs(10)).await;
    stage.sim.clear_calls();
    for _ in 0..60 {
        if stage.controller.audit_targets(&key("bind")).await {
            town.add(&stage, "bind", "ingress: []");
        }
        town.live(&stage, Duration::from_secs(10)).await;
    }
    let tries = refused(&stage).len();
    assert!((1..=5).contains(&tries), "in ten minutes, with pauses that grow to five: {tries}");
    stage.sim.disarm();
    town.live(&stage, Duration::from_mins(6)).await;
    stage.controller.audit_targets(&key("bind")).await;
    town.add(&stage, "bind", "ingress: []");
    town.live(&stage, Duration::from_mins(1)).await;
    assert_eq!(stage.targets().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_appears_gets_its_rule_within_minutes() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &[])]);
    stage.sim.arm(Fault::on(
        Calls::matching(|request| matches!(request, Request::AuthorizeIngress(_))),
        Effect::fail("InvalidGroup.NotFound"),
    ));
    let mut town = Town::default();
    let sg_1 = stage.sim.world(|world| world.id("SG_1").to_owned());
    town.add(&stage, "bind", &of_group(&sg_1, 8080));
    town.live(&stage, Duration::from_hours(1)).await;
    assert!(!is_open(&stage, 8080));
    stage.sim.disarm();
    town.live(&stage, Duration::from_mins(6)).await;
    assert!(is_open(&stage, 8080));
}

#[tokio::test(start_paused = true)]
async fn rules_that_stand_already_or_are_gone_already_are_no_mistake() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &[])]);
    stage.bind("bind", &stage.networking("8080"));
    stage.settle("bind").await;
    let group_id = stage.sim.world(|world| world.id("SG_NODES").to_owned());
    // why: somebody else is quicker with one of two, and reads do not show it yet
    let rules = stage.our_rules();
    stage.sim.arm(
        Fault::on(Calls::Of(Action::RevokeIngress), Effect::fail("InvalidPermission.NotFound")).times(3),
    );
    stage.bind("bind", &stage.networking("9090"));
    stage.settle("bind").await;
    assert!(is_open(&stage, 9090));
    stage.sim.disarm();
    stage.interfere(RevokeIngress { group_id: group_id.as_str().into(), rules }).await;
    stage.sim.arm(
        Fault::on(Calls::Of(Action::AuthorizeIngress), Effect::fail("InvalidPermission.Duplicate")).times(3),
    );
    stage.bind("bind", &stage.networking("9191"));
    stage.settle("bind").await;
    assert!(!told(&stage, "bind").contains("Failed"), "{}", told(&stage, "bind"));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_refused_leaves_the_rule_in_its_place_alone() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &[])]);
    let mut town = Town::default();
    let sg_1 = stage.sim.world(|world| world.id("SG_1").to_owned());
    town.add(&stage, "one", &of_group(&sg_1, 8080));
    town.live(&stage, Duration::from_secs(10)).await;
    let is_wide = |request: &Request| matches!(request, Request::AuthorizeIngress(request) if request.rules.iter().any(|rule| rule.to_port == Some(8081)));
    stage.sim.arm(Fault::on(Calls::matching(is_wide), Effect::fail("InvalidParameterValue")));
    town.add(&stage, "two", &of_group(&sg_1, 8081));
    town.live(&stage, Duration::from_mins(30)).await;
    town.add(&stage, "three", &of_group(&sg_1, 8080));
    town.live(&stage, Duration::from_mins(30)).await;
    assert!(is_open(&stage, 8080) && !is_open(&stage, 8081));
    assert!(told(&stage, "two").contains("InvalidParameterValue"));
    assert!(!told(&stage, "three").contains("Failed"), "{}", told(&stage, "three"));
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_cannot_be_built_keeps_the_rules_of_its_peers_and_of_nobody_else() {
    let mut stage = Stage::new(|_| ()).await;
    stage.serve(&[stage.pod(0, &[])]);
    let mut town = Town::default();
    let ids = stage.sim.world(|world| world.ids().clone());
    town.add(&stage, "bind", &of_group(&ids["SG_1"], 8080));
    town.add(&stage, "broken", &of_group(&ids["SG_2"], 9001));
    town.live(&stage, Duration::from_mins(1)).await;
    town.add(&stage, "broken", &of_group(&ids["SG_2"], 70_000));
    stage.restart();
    town.live(&stage, Duration::from_mins(1)).await;
    town.add(&stage, "bind", &of_group(&ids["SG_1"], 9090));
    town.live(&stage, Duration::from_mins(1)).await;
    assert_eq!(stage.rules(), ["9001-9001", "9090-9090"]);
}

// ---- targets --------------------------------------------------------------------------------------------------------

fn with_address(stage: &Stage, n: u8, address: &str) -> PodView {
    PodView { ip: Some(address.into()), ..stage.pod(n, &["bind"]) }
}

fn serve_all(stage: &Stage, pods: &[PodView]) {
    stage.cluster.edit(|objects| {
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
        let stage = Stage::new(|_| ()).await;
        let mut pods: Vec<PodView> = (0..6).map(|n| stage.pod(n, &["bind"])).collect();
        pods.insert(3, with_address(&stage, 9, address));
        serve_all(&stage, &pods);
        let mut town = Town::default();
        town.add(&stage, "bind", "");
        town.live(&stage, Duration::from_secs(20)).await;
        assert_eq!(stage.targets(), (0..6).collect::<BTreeSet<u8>>(), "{address}");
        assert!((0..6).all(|n| stage.gate(n).as_deref() == Some("True")), "{address}");
        assert!(told(&stage, "bind").contains(told_of), "{}", told(&stage, "bind"));
        town.live(&stage, Duration::from_hours(1)).await;
        assert!(refused(&stage).len() <= 30, "{address}: {} refused", refused(&stage).len());
        pods.push(stage.pod(6, &["bind"]));
        serve_all(&stage, &pods);
        stage.sim.clear_calls();
        stage.once("bind").await;
        assert!(stage.targets().contains(&6), "{address}");
        let batches = stage.sim.calls().into_iter().filter_map(|call| match call.request {
            Request::RegisterTargets(RegisterTargets { targets, .. }) => Some(targets.len()),
            _ => None,
        });
        assert_eq!(batches.max(), Some(1), "the culprit is not mixed with the good again");
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_targets_as_fit_are_registered_and_the_others_are_told() {
    let stage = Stage::new(|_| ()).await;
    stage.sim.world(|world| world.settings.quotas.targets_per_target_group = 4);
    let pods: Vec<PodView> = (0..7).map(|n| stage.pod(n, &[])).collect();
    stage.serve(&pods);
    let mut town = Town::default();
    town.add(&stage, "bind", "");
    town.live(&stage, Duration::from_hours(1)).await;
    assert_eq!(stage.targets().len(), 4);
    assert!(told(&stage, "bind").contains("TooManyTargets"), "{}", told(&stage, "bind"));
    assert!(refused(&stage).len() <= 60, "{} refused", refused(&stage).len());
    let gone = *stage.targets().first().unwrap();
    stage.kill(gone);
    stage.once("bind").await;
    assert_eq!(stage.targets().len(), 4, "the room is used in the same pass");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_be_deregistered_keeps_no_other_registered() {
    let stage = Stage::new(|_| ()).await;
    stage.serve(&(0..5).map(|n| stage.pod(n, &[])).collect::<Vec<_>>());
    stage.bind("bind", "");
    stage.settle("bind").await;
    let stuck = stage.address(1);
    let names_it = move |request: &Request| matches!(request, Request::DeregisterTargets(request) if request.targets.iter().any(|target| target.id.to_string() == stuck));
    stage.sim.arm(Fault::on(Calls::matching(names_it), Effect::fail("InvalidTarget")));
    (0..4).for_each(|n| stage.kill(n));
    stage.settle("bind").await;
    assert_eq!(stage.targets(), [1, 4].into());
    stage.sim.disarm();
    stage.wait(Duration::from_hours(11)).await;
    stage.settle("bind").await;
    assert_eq!(stage.targets(), [4].into());
}
