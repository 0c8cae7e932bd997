//! One bad object never takes a Gateway down: fifty HTTPRoutes share a load balancer, and one of them, or what it refers to, is
//! broken in every way we could think of, when it is updated, when it is created and while another one is deleted.

mod kinds;

use super::{GATEWAY_API, cluster, gateway, http, target_type};
use crate::services::run;
use aws_load_balancer_controller::aws_api::elbv2::{ListenerAction, RuleCondition};
use kinds::{Breakage, KINDS};
use rig::{Rig, fixtures, fixtures::NAMESPACE};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Routes of the Gateway.
const ROUTES: usize = 50;
/// The one that is broken.
const BROKEN: usize = 25;
/// The one that is deleted while another one is broken.
const LEAVER: usize = 40;
/// Routes share Services, but the broken one has its own.
const SERVICES: usize = 4;

/// What becomes of requests for the broken route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// They are served.
    Served,
    /// They are answered 500.
    Closed,
    /// There is no rule for them.
    Absent,
}

/// A Gateway with fifty routes.
struct Table {
    rig: Rig,
    /// Which paths the sound routes want.
    version: usize,
}

fn name(route: usize) -> String {
    format!("route-{route:02}")
}

fn service(route: usize) -> String {
    if route == BROKEN { "own".to_owned() } else { format!("web-{}", route % SERVICES) }
}

fn path(route: usize, version: usize) -> String {
    format!("/{}/v{version}", name(route))
}

fn sound(route: usize, version: usize) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "HTTPRoute",
        "metadata": {"name": name(route), "namespace": NAMESPACE},
        "spec": {"parentRefs": [{"name": "edge"}], "rules": [{
            "matches": [{"path": {"type": "PathPrefix", "value": path(route, version)}}],
            "backendRefs": [{"name": service(route), "port": 80}],
        }]},
    })
}

impl Table {
    async fn new() -> Self {
        let rig = cluster();
        for (number, service) in (0..SERVICES)
            .map(|number| (number, format!("web-{number}")))
            .chain([(SERVICES, "own".to_owned())])
        {
            rig.api.put(fixtures::cluster_service(&service, &[80]));
            rig.api.put(target_type(&service));
            rig.serve(&service, &[10 + number]);
        }
        rig.api.put(gateway("edge", "alb", &http(80)));
        let mut table = Self { rig, version: 0 };
        table.change_others(&[]);
        table.rig.start().await;
        table.rig.run_until_idle().await;
        table
    }

    /// All routes but these ask for other paths.
    fn change_others(&mut self, left_alone: &[usize]) {
        self.version += 1;
        for route in (0..ROUTES).filter(|route| !left_alone.contains(route)) {
            self.rig.api.put(sound(route, self.version));
        }
    }

    /// What requests come to, by the first path of the rule.
    fn live(&self) -> BTreeMap<String, Outcome> {
        let path = |conditions: &[RuleCondition]| {
            conditions.iter().find_map(|condition| match condition {
                RuleCondition::PathPattern(patterns) => {
                    patterns.values.first().or(patterns.regexes.first()).cloned()
                }
                _ => None,
            })
        };
        let rules = self.rig.owned_resources().rules;
        let live = rules.values().flatten().map(|rule| {
            let is_served = matches!(rule.actions.last(), Some(ListenerAction::Forward(_)));
            let outcome = if is_served { Outcome::Served } else { Outcome::Closed };
            (path(&rule.conditions).unwrap_or_default(), outcome)
        });
        live.collect()
    }

    /// Which of these routes are not served as they ask.
    fn behind(&self, routes: impl Iterator<Item = usize>) -> Vec<String> {
        let live = self.live();
        let is_behind = |route: &usize| live.get(&path(*route, self.version)) != Some(&Outcome::Served);
        routes.filter(is_behind).map(name).collect()
    }

    fn of_broken(&self) -> Outcome {
        let live = self.live();
        let prefix = format!("/{}/", name(BROKEN));
        let mut found =
            live.into_iter().filter(|(path, _)| path.starts_with(&prefix)).map(|(_, outcome)| outcome);
        found.next().unwrap_or(Outcome::Absent)
    }

    /// Breaks the sound world in one way and tells what is not as it should be.
    async fn try_out(&mut self, breakage: &Breakage) -> Vec<String> {
        let mut wrong = Vec::new();
        let others = || (0..ROUTES).filter(|route| *route != BROKEN);
        // it is broken while it is live
        (breakage.act)(&self.rig, sound(BROKEN, self.version));
        self.change_others(&[BROKEN]);
        self.rig.run_until_idle().await;
        self.compare(&mut wrong, "update", breakage.on_update, &self.behind(others()));
        // another one goes meanwhile
        self.rig.api.delete("httproutes", NAMESPACE, &name(LEAVER));
        self.rig.run_until_idle().await;
        let is_gone = !self.live().keys().any(|path| path.starts_with(&format!("/{}/", name(LEAVER))));
        if !is_gone {
            wrong.push("delete: the deleted route is still served".to_owned());
        }
        // it is created broken
        self.rig.api.delete("httproutes", NAMESPACE, &name(BROKEN));
        self.rig.run_until_idle().await;
        (breakage.act)(&self.rig, sound(BROKEN, self.version));
        self.change_others(&[BROKEN]);
        self.rig.run_until_idle().await;
        self.compare(&mut wrong, "create", breakage.on_create, &self.behind(others()));
        // it is mended
        self.mend();
        self.rig.run_until_idle().await;
        let behind = self.behind(0..ROUTES);
        if !behind.is_empty() {
            wrong.push(format!("mended: not served: {}", behind.join(" ")));
        }
        wrong
    }

    fn compare(&self, wrong: &mut Vec<String>, when: &str, expected: Outcome, behind: &[String]) {
        if !behind.is_empty() {
            wrong.push(format!("{when}: not served: {}", behind.join(" ")));
        }
        let found = self.of_broken();
        if found != expected {
            wrong.push(format!("{when}: {found:?}, expected {expected:?}"));
        }
    }

    /// Puts everything back.
    fn mend(&mut self) {
        self.rig.api.put(gateway("edge", "alb", &http(80)));
        self.rig.api.put(fixtures::cluster_service("own", &[80]));
        self.rig.api.put(target_type("own"));
        self.change_others(&[]);
    }
}

#[test]
fn one_bad_object_never_takes_a_gateway_down() {
    run(async {
        let mut table = Table::new().await;
        assert_eq!(table.behind(0..ROUTES), Vec::<String>::new());
        assert!(KINDS.len() >= 40, "{}", KINDS.len());
        let mut report = String::new();
        for breakage in KINDS {
            for wrong in table.try_out(breakage).await {
                writeln!(report, "{}: {wrong}", breakage.name).unwrap();
            }
        }
        assert!(report.is_empty(), "\n{report}");
    });
}
