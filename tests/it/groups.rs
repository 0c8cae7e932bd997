//! Ingress groups as a whole on simulators: members come, go, change, move and break while calls fail; AWS ends up as after a
//! fresh apply, with the rules in the order of the members, nothing is leaked, and then there is nothing to do.

use crate::faults::faults;
use crate::services::{cases, difference, run};
use aws_load_balancer_controller::aws_api::elbv2::RuleCondition;
use aws_sim::Fault;
use proptest::prelude::*;
use rig::{Options, Rig, fixtures};
use std::collections::BTreeMap;

const MEMBERS: usize = 5;
const GROUPS: [&str; 2] = ["left", "right"];
/// What breaks a member on its own: before anything of it is deployed, or only in the eyes of AWS.
const BREAKAGES: [(&str, &str); 6] = [
    ("target-type", "lambda"),
    ("healthcheck-interval-seconds", "often"),
    ("auth-type", "riddle"),
    ("listen-ports", "80"),
    // These only AWS refuses.
    ("healthcheck-interval-seconds", "4000"),
    ("target-group-attributes", "speed=high"),
];

/// A member as it is wanted.
#[derive(Clone, Debug)]
struct Member {
    group: Option<usize>,
    order: i32,
    /// Which paths.
    paths: Vec<usize>,
    service: usize,
    breakage: Option<usize>,
}

#[derive(Clone, Debug)]
enum Edit {
    Put(usize, Member),
    Delete(usize),
    Fault(Fault),
    Restart,
}

fn member() -> impl Strategy<Value = Member> {
    let group = proptest::option::weighted(0.9, 0..GROUPS.len());
    let paths = proptest::sample::subsequence((0..4).collect::<Vec<usize>>(), 1..=3).prop_shuffle();
    let breakage = proptest::option::weighted(0.25, 0..BREAKAGES.len());
    (group, -2..3, paths, 0_usize..2, breakage).prop_map(|(group, order, paths, service, breakage)| Member {
        group,
        order,
        paths,
        service,
        breakage,
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (0..MEMBERS, member()).prop_map(|(number, member)| Edit::Put(number, member)),
        2 => (0..MEMBERS).prop_map(Edit::Delete),
        2 => faults(1..20).prop_map(Edit::Fault),
        1 => Just(Edit::Restart),
    ]
}

fn name(number: usize) -> String {
    format!("member-{number}")
}

fn put(rig: &Rig, number: usize, member: &Member) {
    let Member { group, order, paths, service, breakage } = member;
    let order = order.to_string();
    let mut annotations = vec![("target-type", "ip"), ("group.order", order.as_str())];
    annotations.extend(group.map(|group| ("group.name", GROUPS[group])));
    annotations.extend(breakage.map(|breakage| BREAKAGES[breakage]));
    let (host, service) = (format!("{}.example.com", name(number)), format!("web-{service}"));
    let paths: Vec<String> = paths.iter().map(|path| format!("/path-{path}")).collect();
    let rules: Vec<_> = paths.iter().map(|path| (host.as_str(), path.as_str(), service.as_str())).collect();
    rig.api.put(fixtures::ingress(&name(number), &annotations, &rules));
}

fn seed(rig: &Rig) {
    rig.seed();
    for service in 0..2 {
        rig.api.put(fixtures::cluster_service(&format!("web-{service}"), &[80]));
        rig.serve(&format!("web-{service}"), &[service]);
    }
}

/// Services with the identities that they have elsewhere.
fn seed_like(rig: &Rig, other: &Rig) {
    rig.seed();
    for service in other.api.list("services") {
        let mut service = (*service).clone();
        service["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        rig.api.put(service);
    }
    (0..2).for_each(|service| rig.serve(&format!("web-{service}"), &[service]));
}

async fn fresh(like: &Rig, members: &BTreeMap<usize, Member>) -> Rig {
    let mut fresh = Rig::new(Options::default());
    seed_like(&fresh, like);
    for (number, member) in members {
        put(&fresh, *number, member);
    }
    fresh.start().await;
    fresh.run_until_idle().await;
    fresh
}

/// Hosts of the rules of each listener, in the order of priority, one for each run of equal hosts.
fn orders(rig: &Rig) -> Vec<Vec<String>> {
    let host = |condition: &RuleCondition| match condition {
        RuleCondition::HostHeader(hosts) => hosts.values.first().cloned(),
        _ => None,
    };
    let found = rig.owned_resources();
    let hosts = found.rules.values().map(|rules| {
        let mut hosts: Vec<String> =
            rules.iter().filter_map(|rule| rule.conditions.iter().find_map(host)).collect();
        hosts.dedup();
        hosts
    });
    hosts.collect()
}

/// Whether the members' rules are in the order of the members.
fn is_in_order(hosts: &[String], members: &BTreeMap<usize, Member>) -> bool {
    let place = |host: &String| {
        let number = members.keys().find(|number| *host == format!("{}.example.com", name(**number)));
        number.map(|number| (members[number].order, *number))
    };
    hosts.iter().map(place).is_sorted()
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn any_groups_with_a_fault_end_as_a_fresh_apply_in_the_order_of_their_members(
        edits in proptest::collection::vec(edit(), 3..9),
    ) {
        run(async {
            let mut rig = Rig::new(Options::default());
            let given = rig.aws.world(|world| world.resources());
            seed(&rig);
            rig.start().await;
            let mut members: BTreeMap<usize, Member> = BTreeMap::new();
            for edit in &edits {
                match edit {
                    Edit::Put(number, member) => {
                        members.insert(*number, member.clone());
                        put(&rig, *number, member);
                    }
                    Edit::Delete(number) => {
                        members.remove(number);
                        rig.api.delete("ingresses", fixtures::NAMESPACE, &name(*number));
                    }
                    Edit::Fault(fault) => rig.aws.arm(fault.clone()),
                    Edit::Restart => rig.restart().await,
                }
                rig.run_until_idle().await;
                // why: the place of what a broken member keeps is the place that it has now
                let orders = orders(&rig);
                prop_assert!(orders.iter().all(|hosts| is_in_order(hosts, &members)), "{orders:?} {edits:#?}");
            }
            rig.aws.disarm();
            for (number, member) in &mut members {
                member.breakage = None;
                put(&rig, *number, member);
            }
            rig.run_until_idle().await;
            tokio::time::sleep(std::time::Duration::from_hours(2)).await;
            rig.run_until_idle().await;
            let fresh = fresh(&rig, &members).await;
            prop_assert_eq!(difference(&rig, &fresh), Vec::<String>::new(), "{:#?}", edits);

            rig.aws.clear_calls();
            rig.restart().await;
            rig.run_until_idle().await;
            prop_assert_eq!(rig.writes(), vec![], "a second reconcile: {:#?}", edits);

            for number in members.keys() {
                rig.api.delete("ingresses", fixtures::NAMESPACE, &name(*number));
            }
            rig.run_until_idle().await;
            prop_assert_eq!(rig.aws.world(|world| world.resources()), given, "{:#?}", edits);
            prop_assert_eq!(rig.api.list("ingresses").len() + rig.api.list("targetgroupbindings").len(), 0);
            Ok(())
        })?;
    }
}
