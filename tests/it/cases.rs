//! `tests/cases/services` and `tests/cases/ingresses`: manifests, the plan they make, and the events they end in; to be read by
//! people. `before.yaml`, if there is one, is what the cluster and AWS hold already. `UPDATE_CASES=1` writes plans and events anew.

use crate::services::run;
use aws_load_balancer_controller::api::{Ingress, Service};
use aws_load_balancer_controller::builder;
use aws_load_balancer_controller::controller::event_handlers::Classes;
use aws_load_balancer_controller::controller::gather;
use aws_load_balancer_controller::facts::Facts;
use aws_load_balancer_controller::facts::group::{concerned_groups, load_group};
use aws_load_balancer_controller::model::Stack;
use aws_load_balancer_controller::settings;
use rig::{Options, Rig, rig::workers};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// All cases, by area and name.
fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases");
    let entries =
        ["services", "ingresses"].into_iter().flat_map(|area| std::fs::read_dir(root.join(area)).unwrap());
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

#[test]
fn every_case_makes_its_plan_and_ends_in_its_events() {
    let cases = cases();
    assert!(cases.len() >= 12);
    expect_recorded(cases, |case| {
        let (plan, events) = run(play(case));
        [("plan.txt", plan), ("events.txt", events)]
    });
}

/// Compares what cases come to with the files that record it; `UPDATE_CASES=1` records anew.
pub(crate) fn expect_recorded(cases: Vec<PathBuf>, play: impl Fn(&Path) -> [(&'static str, String); 2]) {
    #[expect(clippy::disallowed_methods, reason = "a switch of these tests alone")]
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut differing = Vec::new();
    for case in cases {
        for (file, text) in play(&case) {
            let path = case.join(file);
            if update {
                std::fs::write(&path, text).unwrap();
            } else if std::fs::read_to_string(&path).ok().unwrap_or_default() != text {
                differing.push(format!("{}:\n{text}", path.display()));
            }
        }
    }
    assert!(differing.is_empty(), "UPDATE_CASES=1 accepts these:\n{}", differing.join("\n"));
}

/// The plan that a case's manifests make, and the events that they end in.
async fn play(case: &Path) -> (String, String) {
    let read = |file: &str| std::fs::read_to_string(case.join(file)).ok();
    let mut rig = Rig::new(Options::default());
    rig.seed();
    if let Some(before) = read("before.yaml") {
        rig.api.apply(&with_landmarks(&rig, &before));
        rig.start().await;
        rig.run_until_idle().await;
        rig.kill().await;
    }
    let since = rig.api.events().len();
    rig.api.apply(&with_landmarks(&rig, &read("input.yaml").unwrap()));
    rig.start_with(workers(0)).await;
    let plan = readable(&rig, &plan(&rig).await);
    rig.kill().await;
    rig.start().await;
    rig.run_until_idle().await;
    let told: BTreeSet<String> = rig
        .api
        .events()
        .split_off(since)
        .into_iter()
        .filter(|told| told.kind != "TargetGroupBinding")
        .map(|told| {
            format!("{} {}: {} {}: {}\n", told.kind, told.object, told.severity, told.reason, told.message)
        })
        .collect();
    (plan, readable(&rig, &told.into_iter().collect::<String>()))
}

/// The plans of everything in the cluster.
async fn plan(rig: &Rig) -> String {
    let work = rig.engine().unwrap().work();
    let context = &work.context;
    let config = rig.config();
    let mut text = String::new();
    for service in context.stores.services.list() {
        let (id, service): (_, &Service) = (settings::service::stack_id(&service), &service);
        let is_ours = settings::service::is_selected(service, config)
            || settings::service::is_pending_finalization(service);
        if !is_ours {
            continue;
        }
        let _ = writeln!(text, "service {id}");
        match gather::build(&context.facts, &id, |facts: &Facts| {
            builder::service::build(service, facts, config)
        })
        .await
        {
            Ok(built) => show(rig, &built.stack, &mut text).await,
            Err(failure) => drop(writeln!(text, "  ! {failure}")),
        }
    }
    let (classes, ingresses) = (Classes::of(&context.stores), context.stores.ingresses.list());
    let groups: BTreeSet<_> = ingresses
        .iter()
        .flat_map(|ingress: &std::sync::Arc<Ingress>| {
            concerned_groups(ingress, &classes.view(), config).groups
        })
        .collect();
    for id in groups {
        let group = load_group(&id, &ingresses, &classes.view(), config);
        let _ = writeln!(text, "ingress group {id}");
        let built = gather::build(&context.facts, &id, |facts: &Facts| {
            builder::ingress::build(&group, facts, config)
        })
        .await
        .unwrap();
        for finding in built.members.iter().flat_map(|member| &member.findings) {
            let _ = writeln!(text, "  ! {finding}");
        }
        if let Some(stack) = &built.stack {
            show(rig, stack, &mut text).await;
        }
    }
    text
}

async fn show(rig: &Rig, stack: &Stack, text: &mut String) {
    let plan = rig.engine().unwrap().work().context.deployer.plan(stack).await.unwrap();
    for line in plan.to_string().lines() {
        let _ = writeln!(text, "  {line}");
    }
}

/// Names of the account (`{PUB_A}`) become its ids.
fn with_landmarks(rig: &Rig, text: &str) -> String {
    let ids = rig.aws.world(|world| world.ids().clone());
    ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
}

/// Ids become names.
fn readable(rig: &Rig, text: &str) -> String {
    let ids = rig.aws.world(|world| world.ids().clone());
    let text = rig.owned_resources().rename(text);
    ids.iter().filter(|(_, id)| id.len() > 8).fold(text, |text, (name, id)| text.replace(id.as_str(), name))
}
