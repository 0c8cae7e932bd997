//! Accelerators come, go and change while calls fail: AWS ends up as after a fresh apply, nothing is leaked or made twice, and
//! then there is nothing to do.

use super::{PLURAL, accelerator, accelerators, cluster, lines, load_balancer, own_calls};
use crate::faults::effects;
use crate::services::{cases, run};
use aws_load_balancer_controller::aws_api::{Action, Service};
use aws_sim::{Calls, Effect, Fault};
use proptest::prelude::*;
use rig::{Rig, fixtures::NAMESPACE};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const NAMES: [&str; 2] = ["edge", "inner"];

/// Protocol and port ranges of a listener.
type ListenerRow = (&'static str, &'static [(i32, i32)]);

/// Protocol and ranges of listeners; no two of them have a port in common, but for the last, which is chosen alone.
const LISTENERS: &[ListenerRow] = &[
    ("TCP", &[(80, 80)]),
    ("TCP", &[(81, 82), (443, 443)]),
    ("UDP", &[(53, 53), (80, 80)]),
    ("TCP", &[(8080, 8080)]),
];
const OTHERS: &[ListenerRow] =
    &[("TCP", &[(80, 81)]), ("TCP", &[(82, 82), (9000, 9000)]), ("UDP", &[(443, 443)])];

/// An accelerator as it is wanted.
#[derive(Clone, Debug)]
struct Wanted {
    name: Option<&'static str>,
    /// Which table of listeners, and which of them.
    table: bool,
    listeners: Vec<usize>,
    services: Vec<(&'static str, i32)>,
    has_region: bool,
    dial: i32,
    override_to: Option<i32>,
    team: i32,
}

#[derive(Clone, Debug)]
enum Edit {
    Put(usize, Wanted),
    Delete(usize),
    /// Whether the Service `api` is there.
    Service(bool),
    Fault(Fault),
    Restart,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let services = proptest::sample::subsequence(vec!["web", "api"], 0..=2);
    let listeners = proptest::sample::subsequence(vec![0_usize, 1, 2, 3], 0..=4);
    let override_to = proptest::option::of(proptest::sample::select(vec![8080, 9000, 9001]));
    let name = proptest::option::of(proptest::sample::select(vec!["one", "two"]));
    let weights = proptest::collection::vec(1..4, 2);
    (name, any::<bool>(), listeners, services, weights, any::<bool>(), 0..3, override_to, 0..3).prop_map(
        |(name, table, listeners, services, weights, has_region, dial, override_to, team)| Wanted {
            name,
            table,
            listeners,
            services: services.into_iter().zip(weights).collect(),
            has_region,
            dial: dial * 50,
            override_to,
            team,
        },
    )
}

/// A fault that strikes at one of the next calls for accelerators.
fn fault() -> impl Strategy<Value = Fault> {
    let calls = Calls::matching(|request| request.action().service() == Service::GlobalAccelerator);
    (1..20_usize, effects()).prop_map(move |(at, effect)| Fault::on(calls.clone(), effect).at(at))
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (0..NAMES.len(), wanted()).prop_map(|(number, wanted)| Edit::Put(number, wanted)),
        2 => (0..NAMES.len()).prop_map(Edit::Delete),
        1 => any::<bool>().prop_map(Edit::Service),
        4 => fault().prop_map(Edit::Fault),
        1 => Just(Edit::Restart),
    ]
}

fn spec(wanted: &Wanted) -> Value {
    let table = if wanted.table { LISTENERS } else { OTHERS };
    let chosen: Vec<_> = wanted.listeners.iter().filter_map(|index| table.get(*index)).collect();
    let is_taken = |port: i32| {
        chosen.iter().any(|(_, ranges)| ranges.iter().any(|(from, to)| (*from..=*to).contains(&port)))
    };
    let override_to = wanted.override_to.filter(|port| !is_taken(*port));
    let listener = |(number, (protocol, ranges)): (usize, &&ListenerRow)| {
        let ranges: Vec<Value> =
            ranges.iter().map(|(from, to)| json!({"fromPort": from, "toPort": to})).collect();
        let endpoint =
            |(name, weight): &(&str, i32)| json!({"type": "Service", "name": name, "weight": weight});
        let endpoints: Vec<Value> = wanted.services.iter().map(endpoint).collect();
        let mut group = json!({"endpoints": endpoints, "trafficDialPercentage": wanted.dial});
        // why only one: AWS has each endpoint port overridden for one listener
        if let Some(port) = override_to.filter(|_| number == wanted.services.len() % chosen.len()) {
            group["portOverrides"] = json!([{"listenerPort": ranges[0]["fromPort"], "endpointPort": port}]);
        }
        let mut groups = vec![group];
        if wanted.has_region {
            groups.push(json!({"region": "eu-west-1"}));
        }
        json!({"protocol": protocol, "portRanges": ranges, "endpointGroups": groups})
    };
    let listeners: Vec<Value> = chosen.iter().enumerate().map(listener).collect();
    let mut spec = json!({"listeners": listeners, "tags": {"team": wanted.team.to_string()}});
    if let Some(name) = wanted.name {
        spec["name"] = name.into();
    }
    spec
}

#[derive(Clone, Debug, Default)]
struct State {
    accelerators: BTreeMap<usize, Wanted>,
    has_no_api: bool,
}

impl State {
    fn apply(&mut self, rig: &Rig, edit: &Edit) {
        match edit {
            Edit::Put(number, wanted) => drop(self.accelerators.insert(*number, wanted.clone())),
            Edit::Delete(number) => {
                self.accelerators.remove(number);
                rig.api.delete(PLURAL, NAMESPACE, NAMES[*number]);
            }
            Edit::Service(is_there) => self.has_no_api = !is_there,
            Edit::Fault(_) | Edit::Restart => {}
        }
        self.put(rig);
    }

    fn put(&self, rig: &Rig) {
        if self.has_no_api {
            rig.api.delete("services", NAMESPACE, "api");
        } else if rig.api.get("services", NAMESPACE, "api").is_none() {
            rig.api.put(load_balancer("api"));
        }
        for (number, wanted) in &self.accelerators {
            let is_leaving = rig
                .api
                .get(PLURAL, NAMESPACE, NAMES[*number])
                .is_some_and(|object| object["metadata"].get("deletionTimestamp").is_some());
            if !is_leaving {
                rig.api.put(accelerator(NAMES[*number], &spec(wanted)));
            }
        }
    }
}

/// Waits until nothing happens, for as long as the slowest retry takes.
async fn settle(rig: &mut Rig) {
    rig.run_until_idle().await;
    tokio::time::sleep(Duration::from_hours(2)).await;
    rig.run_until_idle().await;
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn any_accelerators_with_faults_end_as_a_fresh_apply(edits in proptest::collection::vec(edit(), 3..10)) {
        run(async {
            let mut rig = cluster();
            rig.start().await;
            rig.run_until_idle().await;
            let mut state = State::default();
            for edit in &edits {
                match edit {
                    Edit::Fault(fault) => rig.aws.arm(fault.clone()),
                    Edit::Restart => rig.restart().await,
                    edit => state.apply(&rig, edit),
                }
                rig.run_until_idle().await;
            }
            rig.aws.disarm();
            settle(&mut rig).await;
            state.put(&rig);
            settle(&mut rig).await;
            prop_assert_eq!(accelerators(&rig).len(), state.accelerators.len(), "{:#?}", edits);

            let mut fresh = cluster();
            state.put(&fresh);
            fresh.start().await;
            settle(&mut fresh).await;
            prop_assert_eq!(lines(&rig), lines(&fresh), "{:#?}", edits);

            rig.aws.clear_calls();
            rig.restart().await;
            rig.run_until_idle().await;
            let writes: Vec<Action> = own_calls(&rig).into_iter().filter(|action| action.is_write()).collect();
            prop_assert_eq!(writes, vec![], "a second reconcile: {:#?}", edits);

            for number in state.accelerators.keys() {
                rig.api.delete(PLURAL, NAMESPACE, NAMES[*number]);
            }
            settle(&mut rig).await;
            prop_assert_eq!(lines(&rig), Vec::<String>::new(), "{:#?}", edits);
            prop_assert_eq!(rig.api.list(PLURAL).len(), 0);
            Ok(())
        })?;
    }
}

/// Every call of a first deployment and of a deletion goes wrong once, in every way.
#[test]
fn a_fault_at_any_call_leaves_one_accelerator_and_then_none() {
    let wanted = Wanted {
        name: None,
        table: true,
        listeners: vec![0, 2],
        services: vec![("web", 1), ("api", 2)],
        has_region: true,
        dial: 50,
        override_to: Some(9000),
        team: 1,
    };
    let effects = [
        Effect::CrashBefore,
        Effect::CrashAfter,
        Effect::LoseAnswer,
        Effect::Throttle,
        Effect::fail("InternalServiceErrorException"),
    ];
    for effect in &effects {
        for at in 1..=14 {
            run(async {
                let mut rig = cluster();
                rig.start().await;
                rig.run_until_idle().await;
                let calls =
                    Calls::matching(|request| request.action().service() == Service::GlobalAccelerator);
                rig.aws.arm(Fault::on(calls.clone(), effect.clone()).at(at));
                rig.api.put(accelerator("edge", &spec(&wanted)));
                settle(&mut rig).await;
                assert_eq!((accelerators(&rig).len(), lines(&rig).len()), (1, 11), "{effect:?} at {at}");
                rig.aws.disarm();
                rig.aws.arm(Fault::on(calls, effect.clone()).at(at));
                rig.api.delete(PLURAL, NAMESPACE, "edge");
                settle(&mut rig).await;
                assert_eq!(lines(&rig), Vec::<String>::new(), "{effect:?} at {at}");
                assert_eq!(rig.api.list(PLURAL).len(), 0, "{effect:?} at {at}");
            });
        }
    }
}
