//! How many calls to AWS an operation takes: the table of docs/performance.md, counted on the simulator.

use crate::services::run;
use rig::load;
use rig::{Rig, fixtures};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What stands around the table in the document.
const BEGIN: &str = "<!-- begin: calls per operation -->\n";
const END: &str = "<!-- end: calls per operation -->";

const DOCUMENT: &str = include_str!("../../docs/performance.md");

/// What a user does, and what AWS's API needs for it at least.
struct Operation {
    name: &'static str,
    /// Changes the cluster.
    act: fn(&Rig),
    /// The writes that no sequence of calls could do without.
    minimum: &'static [(&'static str, usize)],
    /// Reads and writes of the Go controller, 3.5.0, against an AWS emulator.
    go: (usize, usize),
}

const OPERATIONS: [Operation; 9] = [
    Operation {
        name: "a Service of one port and two pods comes",
        act: |rig| {
            rig.api.put(service("second", &[]));
            rig.serve("second", &[10, 11]);
        },
        minimum: &[
            ("AuthorizeSecurityGroupIngress", 1),
            ("CreateListener", 1),
            ("CreateLoadBalancer", 1),
            ("CreateSecurityGroup", 1),
            ("CreateTargetGroup", 1),
            ("RegisterTargets", 1),
        ],
        go: (18, 6),
    },
    Operation {
        name: "it gets a pod more",
        act: |rig| rig.serve("second", &[10, 11, 12]),
        minimum: &[("RegisterTargets", 1)],
        go: (2, 1),
    },
    Operation {
        name: "an attribute of its target group changes",
        act: |rig| {
            let attribute = "deregistration_delay.timeout_seconds=30";
            rig.api.put(service("second", &[("aws-load-balancer-target-group-attributes", attribute)]));
        },
        minimum: &[("ModifyTargetGroupAttributes", 1)],
        go: (15, 1),
    },
    Operation {
        name: "an annotation of it changes that means nothing here",
        act: |rig| touch(rig, "services", "second"),
        minimum: &[],
        go: (12, 0),
    },
    Operation {
        name: "it goes",
        act: |rig| assert!(rig.api.delete("services", fixtures::NAMESPACE, "second")),
        minimum: &[("DeleteLoadBalancer", 1), ("DeleteSecurityGroup", 1), ("DeleteTargetGroup", 1)],
        go: (5, 4),
    },
    Operation {
        name: "an Ingress of three paths to three Services of two pods comes",
        act: |rig| rig.add_groups_from(1, 1, 3),
        minimum: &[
            ("AuthorizeSecurityGroupIngress", 1),
            ("CreateListener", 1),
            ("CreateLoadBalancer", 1),
            ("CreateRule", 3),
            ("CreateSecurityGroup", 1),
            ("CreateTargetGroup", 3),
            ("RegisterTargets", 3),
        ],
        go: (21, 13),
    },
    Operation {
        name: "one of its paths changes",
        act: |rig| {
            let mut ingress =
                (*rig.api.get("ingresses", fixtures::NAMESPACE, &load::group(1)).unwrap()).clone();
            ingress["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/elsewhere".into();
            rig.api.put(ingress);
        },
        minimum: &[("ModifyRule", 1)],
        go: (17, 1),
    },
    Operation {
        name: "an annotation of it changes that means nothing here",
        act: |rig| touch(rig, "ingresses", &load::group(1)),
        minimum: &[],
        go: (13, 0),
    },
    Operation {
        name: "it goes",
        act: |rig| assert!(rig.api.delete("ingresses", fixtures::NAMESPACE, &load::group(1))),
        minimum: &[("DeleteLoadBalancer", 1), ("DeleteSecurityGroup", 1), ("DeleteTargetGroup", 3)],
        go: (8, 8),
    },
];

fn service(name: &str, annotations: &[(&str, &str)]) -> Value {
    let of_pods = ("aws-load-balancer-nlb-target-type", "ip");
    fixtures::load_balancer(name, &[80], &[&[of_pods], annotations].concat())
}

fn touch(rig: &Rig, kind: &str, name: &str) {
    let mut object = (*rig.api.get(kind, fixtures::NAMESPACE, name).unwrap()).clone();
    object["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    rig.api.put(object);
}

/// An account in which everything stands that load balancers share, and a controller that has come to rest.
async fn open() -> Rig {
    let mut rig = Rig::new(load::options());
    rig.seed();
    rig.api.put(service("first", &[]));
    rig.serve("first", &[8, 9]);
    rig.add_groups(1, 3);
    rig.start().await;
    rig.run_until_idle().await;
    // why: what is asked about load balancers that exist is asked at the first look after they were made
    rig.engine().unwrap().resync();
    rig.run_until_idle().await;
    rig
}

fn row(operation: &Operation, reads: usize, writes: usize) -> String {
    let minimum: usize = operation.minimum.iter().map(|(_, count)| count).sum();
    let (go_reads, go_writes) = operation.go;
    format!("| {} | {reads} + {writes} | {go_reads} + {go_writes} | 0 + {minimum} |\n", operation.name)
}

#[test]
fn no_operation_writes_more_than_the_api_needs_and_the_document_says_what_it_takes() {
    run(async {
        let mut rig = open().await;
        let mut table = String::from(
            "| what happens | this controller | the Go controller, 3.5.0 | least that the API allows |\n|---|---|---|---|\n",
        );
        for operation in &OPERATIONS {
            rig.aws.clear_calls();
            (operation.act)(&rig);
            rig.run_until_idle().await;
            let count = rig.count();
            let mut writes: BTreeMap<&str, usize> = BTreeMap::new();
            for action in rig.writes() {
                *writes.entry(action.name()).or_default() += 1;
            }
            let minimum: BTreeMap<&str, usize> = operation.minimum.iter().copied().collect();
            assert_eq!(writes, minimum, "{}", operation.name);
            table.push_str(&row(operation, count.reads, count.writes));
        }
        let (_, rest) = DOCUMENT.split_once(BEGIN).expect("a table in docs/performance.md");
        let (written, _) = rest.split_once(END).expect("the end of the table");
        assert_eq!(written, table, "docs/performance.md tells other counts than are measured");
    });
}

#[test]
fn sixty_services_and_thirty_groups_go_with_the_least_of_calls_and_within_eight_seconds() {
    let (services, groups) = (60, 30);
    run(async {
        let mut options = load::options();
        options.throttles = aws_load_balancer_controller::aws::throttle::Throttles::default();
        let mut rig = Rig::new(options);
        rig.seed();
        for number in 0..services {
            let name = format!("edge-{number}");
            rig.api.put(service(&name, &[]));
            rig.serve(&name, &[1000 + 2 * number, 1001 + 2 * number]);
        }
        rig.add_groups(groups, 3);
        rig.start().await;
        rig.run_until_idle().await;
        rig.restart().await;
        rig.run_until_idle().await;
        rig.aws.clear_calls();
        let began = rig.aws.world(|world| world.now());
        for number in 0..services {
            rig.api.delete("services", fixtures::NAMESPACE, &format!("edge-{number}"));
        }
        for number in 0..groups {
            rig.api.delete("ingresses", fixtures::NAMESPACE, &load::group(number));
        }
        rig.run_until_idle().await;
        let took = rig.last_call(began);
        let mut counts = rig.count_by_operation();
        let deleted = ["DeleteLoadBalancer", "DeleteTargetGroup", "DeleteSecurityGroup"];
        let deletions = deleted.map(|name| counts.remove(name).unwrap_or_default());
        // why: the shared group of all load balancers goes with the last
        assert_eq!(deletions, [services + groups, services + 3 * groups, services + groups + 1]);
        let others: usize = counts.values().sum();
        assert!(others <= 60, "{counts:?}");
        assert!(took <= std::time::Duration::from_secs(8), "{took:?}");
    });
}
