//! A read that is refused is not an empty answer.

use crate::services::run;
use crate::sources::{Source, production, sources};
use aws_load_balancer_controller::aws_api::Action;
use aws_sim::{Calls, Effect, Fault, Outcome};
use rig::{Options, Rig, fixtures};
use std::collections::BTreeMap;
use std::time::Duration;
use strum::VariantArray as _;

/// How often in a row a read is refused: once, and more often than any reconcile tries by itself.
const TIMES: [usize; 2] = [1, 6];

/// What happens while reads are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Create,
    Edit,
    Audit,
    Delete,
}

const PHASES: [Phase; 4] = [Phase::Create, Phase::Edit, Phase::Audit, Phase::Delete];

/// Everything that makes the controller read something of its own.
fn open() -> Rig {
    let mut options = Options::default();
    options.config.enable_shield = true;
    let rig = Rig::new(options);
    rig.aws.world(aws_sim::World::subscribe_to_shield);
    rig.seed();
    rig
}

fn put_service(rig: &Rig, interval: &str) {
    let annotations = [
        ("aws-load-balancer-nlb-target-type", "ip"),
        ("aws-load-balancer-minimum-load-balancer-capacity", "CapacityUnits=3000"),
        ("aws-load-balancer-healthcheck-interval", interval),
    ];
    rig.api.put(fixtures::load_balancer("web", &[80], &annotations));
}

fn put_ingress(rig: &Rig, path: &str) {
    let id = |name: &str| rig.aws.world(|world| world.id(name).to_owned());
    let (security_group, certificate) = (id("SG_1"), id("CERT_1"));
    let annotations = [
        ("target-type", "ip"),
        ("listen-ports", r#"[{"HTTP": 80}, {"HTTPS": 443}]"#),
        ("certificate-arn", certificate.as_str()),
        ("mutual-authentication", r#"[{"port": 443, "mode": "verify", "trustStore": "clients"}]"#),
        ("wafv2-acl-name", "web-1"),
        ("shield-advanced-protection", "true"),
        ("security-groups", security_group.as_str()),
        ("manage-backend-security-group-rules", "true"),
    ];
    rig.api.put(fixtures::ingress("secure", &annotations, &[("www.example.com", path, "shop")]));
    rig.api.put(fixtures::ingress(
        "found",
        &[("target-type", "ip"), ("listen-ports", r#"[{"HTTPS": 443}]"#)],
        &[("a.apps.example.com", path, "shop")],
    ));
}

fn enter(rig: &Rig, phase: Phase) {
    match phase {
        Phase::Create => {
            rig.api.put(fixtures::cluster_service("shop", &[80]));
            put_service(rig, "10");
            put_ingress(rig, "/");
            rig.serve("web", &[0, 1]);
            rig.serve("shop", &[2, 3]);
        }
        Phase::Edit => {
            put_service(rig, "20");
            put_ingress(rig, "/edited");
            rig.serve("web", &[1, 4]);
        }
        Phase::Audit => {}
        Phase::Delete => {
            rig.api.delete("services", fixtures::NAMESPACE, "web");
            rig.api.delete("ingresses", fixtures::NAMESPACE, "secure");
            rig.api.delete("ingresses", fixtures::NAMESPACE, "found");
        }
    }
}

/// Lets a phase come to its end.
async fn pass(rig: &mut Rig, phase: Phase) {
    if phase == Phase::Audit {
        tokio::time::sleep(Duration::from_mins(70)).await;
    }
    rig.run_until_idle().await;
}

/// An undisturbed run: after each phase, what is there, what was destroyed, and what was read.
struct Undisturbed {
    rigs: BTreeMap<usize, Vec<String>>,
    destroyed: BTreeMap<usize, usize>,
    read: Vec<Action>,
}

/// What is there, without ids: they follow each other in the order in which things are made, which a retry changes.
fn lines(rig: &Rig) -> Vec<String> {
    let mut lines: Vec<String> = rig.owned_resources().lines().iter().map(|line| without_ids(line)).collect();
    lines.sort();
    lines
}

fn without_ids(line: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric();
    let words = line.split_inclusive(|letter| !is_part(letter)).map(|token| {
        let word = token.trim_end_matches(|letter| !is_part(letter));
        let is_id = word.len() >= 4 && word.chars().all(|letter| letter.is_ascii_hexdigit());
        if is_id { token.replacen(word, "#", 1) } else { token.to_owned() }
    });
    words.collect()
}

fn destroys(action: Action) -> bool {
    let name = action.name();
    ["Delete", "Deregister", "Revoke", "Remove", "Disassociate"].iter().any(|verb| name.starts_with(verb))
}

/// How many calls destroyed something. One that AWS refuses destroys nothing.
fn destroyed(rig: &Rig) -> usize {
    let has_effect = |call: &&aws_sim::Call| {
        destroys(call.action()) && matches!(call.outcome, Outcome::Done | Outcome::AnswerLost)
    };
    rig.aws.world(|world| world.writes().filter(has_effect).count())
}

async fn undisturbed() -> Undisturbed {
    let mut rig = open();
    rig.start().await;
    let mut seen = Undisturbed { rigs: BTreeMap::new(), destroyed: BTreeMap::new(), read: Vec::new() };
    for (place, phase) in PHASES.into_iter().enumerate() {
        rig.aws.clear_calls();
        enter(&rig, phase);
        pass(&mut rig, phase).await;
        seen.read.extend(rig.calls().into_iter().filter(|action| !action.is_write()));
        seen.rigs.insert(place, lines(&rig));
        seen.destroyed.insert(place, destroyed(&rig));
    }
    seen.read.sort();
    seen.read.dedup();
    seen
}

/// Refuses a read in every phase; what is wrong afterwards, in words.
async fn refuse(read: Action, effect: &Effect, times: usize, expected: &Undisturbed) -> Vec<String> {
    let mut rig = open();
    let mut wrong = Vec::new();
    rig.aws.arm(Fault::on(Calls::Of(read), effect.clone()).times(times));
    rig.start().await;
    for (place, phase) in PHASES.into_iter().enumerate() {
        rig.aws.clear_calls();
        rig.aws.disarm();
        rig.aws.arm(Fault::on(Calls::Of(read), effect.clone()).times(times));
        let since = rig.api.events().len();
        enter(&rig, phase);
        pass(&mut rig, phase).await;
        let found = lines(&rig);
        if found != expected.rigs[&place] {
            let other = found.iter().find(|line| !expected.rigs[&place].contains(line));
            wrong.push(format!("{phase:?}: not as undisturbed: {other:?}"));
        }
        if destroyed(&rig) > expected.destroyed[&place] {
            wrong.push(format!("{phase:?}: destroyed {:?}", rig.writes()));
        }
        wrong.extend(false_causes(&rig, since).into_iter().map(|cause| format!("{phase:?}: {cause}")));
    }
    let mistakes = rig.metrics();
    let mistakes = mistakes.lines().filter(|line| {
        line.starts_with("controller_runtime_terminal_reconcile_errors_total") && !line.ends_with(" 0")
    });
    wrong.extend(mistakes.map(str::to_owned));
    wrong
}

/// Warnings that name another cause than the refused read.
fn false_causes(rig: &Rig, since: usize) -> Vec<String> {
    let causes = ["Rate exceeded", "injected by the simulator", "the connection was reset", "it is garbled"];
    let told = rig.api.events().split_off(since);
    let warnings = told.into_iter().filter(|event| event.severity == "Warning");
    warnings
        .map(|event| event.message)
        .filter(|text| !causes.iter().any(|cause| text.contains(cause)))
        .collect()
}

fn refuse_every_read(effects: &[Effect]) {
    run(async {
        let expected = undisturbed().await;
        let asked = Action::VARIANTS.iter().filter(|action| expected.read.contains(action)).count();
        assert!(asked >= 20, "the shop makes the controller read: {:?}", expected.read);
        let mut wrong = Vec::new();
        for read in &expected.read {
            for effect in effects {
                for times in TIMES {
                    let found = refuse(*read, effect, times, &expected).await;
                    wrong.extend(
                        found.into_iter().map(|what| format!("{} {effect:?} ×{times}: {what}", read.name())),
                    );
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn a_throttled_read_is_tried_again_and_nobodys_mistake() {
    refuse_every_read(&[Effect::Throttle]);
}

#[test]
fn a_denied_read_is_tried_again_and_nobodys_mistake() {
    refuse_every_read(&[Effect::fail("AccessDenied")]);
}

#[test]
fn a_failed_read_is_tried_again_and_nobodys_mistake() {
    refuse_every_read(&[Effect::fail("InternalFailure")]);
}

#[test]
fn a_read_without_an_answer_is_tried_again_and_nobodys_mistake() {
    refuse_every_read(&[Effect::LoseAnswer]);
}

#[test]
fn a_read_whose_answer_is_garbled_is_tried_again_and_nobodys_mistake() {
    refuse_every_read(&[Effect::Garble]);
}

/// Folders whose errors are answers of AWS and of the API server.
const FOLDERS: [&str; 4] = ["src/aws", "src/cluster", "src/deploy", "src/controller"];

/// Ways to lose an error. `Result::unwrap_or_default` is forbidden everywhere by `clippy.toml`, which knows types.
const LOST: [&str; 9] = [
    ".ok()",
    "Result::ok",
    "if let Ok(",
    "Err(_)",
    ".is_ok()",
    ".is_ok_and(",
    ".is_err()",
    "unwrap_or_else(|_|",
    "map_or_else(|_|",
];

/// What reads a value that is at hand is no read.
const AT_HAND: [&str; 4] = ["parse", "try_from", "instance_id(", "timestamp()"];

#[test]
fn an_error_that_is_dropped_has_a_reason_beside_it() {
    let mut dropped = Vec::new();
    for Source { path, text } in sources(&FOLDERS) {
        dropped.extend(lines_that_drop(&text).into_iter().map(|line| format!("{path}:{line}")));
    }
    assert!(
        dropped.is_empty(),
        "an error is not an empty answer; say `// why:` above:\n{}",
        dropped.join("\n")
    );
}

#[test]
fn a_dropped_error_is_found() {
    let cases = [
        ("let found = read().await.ok();", vec![1]),
        ("// why: only counted\nlet found = read().await.ok();", vec![]),
        ("if let Ok(found) = read().await {\n}", vec![1]),
        ("match read().await {\n  Ok(found) => found,\n  Err(_) => Vec::new(),\n}", vec![3]),
        ("let port = text.parse().ok();", vec![]),
        ("// .ok()\n#[cfg(test)]\nmod tests { read().ok(); }", vec![]),
    ];
    for (text, expected) in cases {
        assert_eq!(lines_that_drop(text), expected, "{text}");
    }
}

/// Numbers of the lines that drop an error without a reason.
fn lines_that_drop(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = production(text).lines().collect();
    let drops = |line: &&str| {
        !line.trim_start().starts_with("//")
            && LOST.iter().any(|way| line.contains(way))
            && !AT_HAND.iter().any(|reading| line.contains(reading))
    };
    let has_reason = |at: usize| lines[at.saturating_sub(5)..=at].iter().any(|line| line.contains("// why:"));
    let dropping = lines.iter().enumerate().filter(|(at, line)| drops(line) && !has_reason(*at));
    dropping.map(|(at, _)| at + 1).collect()
}
