//! What the controller asks of the API server: the table of docs/performance.md, counted by the API server of the rig.

use crate::services::run;
use harness::assets::repository;
use rig::api_server::Traffic;
use rig::{Rig, fixtures, load};
use std::fs;
use std::time::Duration;
use tokio::time::sleep;

const BEGIN: &str = "<!-- begin: API server load -->\n";
const END: &str = "<!-- end: API server load -->";

/// Services with a load balancer each.
const SERVICES: usize = 50;
/// Pods of each.
const PODS: usize = 4;
/// How long nothing changes.
const REST: Duration = Duration::from_hours(1);

/// Verbs that change something.
const WRITES: [&str; 4] = ["create", "update", "patch", "delete"];

fn name(number: usize) -> String {
    load::service(number)
}

fn pods(number: usize, count: usize) -> Vec<usize> {
    (0..count).map(|rank| load::pod(number, rank, PODS + 1)).collect()
}

/// Writes by kind and verb, as one row.
fn row(what: &str, traffic: &Traffic) -> String {
    let writes = traffic.0.iter().filter(|((verb, _), _)| WRITES.contains(verb));
    let told: Vec<String> =
        writes.map(|((verb, plural), served)| format!("{} × {verb} {plural}", served.requests)).collect();
    let told = if told.is_empty() { "none".to_owned() } else { told.join(", ") };
    let (lists, watches) = (traffic.of(&["list"]), traffic.of(&["watch"]));
    let gets = traffic.of(&["get"]).requests;
    format!("| {what} | {} | {} | {gets} | {told} |\n", lists.requests, watches.requests)
}

async fn take(rig: &mut Rig, table: &mut String, what: &str) -> Traffic {
    rig.run_until_idle().await;
    let traffic = rig.api.traffic();
    table.push_str(&row(what, &traffic));
    rig.api.clear_traffic();
    traffic
}

#[test]
fn the_document_says_what_the_controller_asks_of_the_api_server() {
    run(async {
        let mut rig = Rig::new(load::options());
        rig.seed();
        rig.api.clear_traffic();
        let mut table =
            String::from("| what happens | lists | watches | reads | writes |\n|---|---|---|---|---|\n");
        rig.start().await;
        take(&mut rig, &mut table, "it starts, and there is nothing to do").await;
        for number in 0..SERVICES {
            let of_pods = ("aws-load-balancer-nlb-target-type", "ip");
            rig.api.put(fixtures::load_balancer(&name(number), &[80], &[of_pods]));
            rig.serve(&name(number), &pods(number, PODS));
        }
        take(&mut rig, &mut table, &format!("{SERVICES} Services of one port and {PODS} pods come")).await;
        for binding in rig.api.list("targetgroupbindings") {
            let service = binding["spec"]["serviceRef"]["name"].as_str().unwrap();
            let number: usize = service.trim_start_matches("service-").parse().unwrap();
            let gate =
                format!("target-health.elbv2.k8s.aws/{}", binding["metadata"]["name"].as_str().unwrap());
            rig.serve_gated(service, &pods(number, PODS + 1), &[gate]);
        }
        let grown = take(&mut rig, &mut table, "each gets a pod more, with a readiness gate").await;
        // why two: while AWS checks the target its gate says so, and then that it is healthy
        assert_eq!(grown.of_kind(&["patch"], "pods").requests, 2 * SERVICES);
        rig.engine().unwrap().resync();
        let resync = take(&mut rig, &mut table, "everything is looked at again").await;
        assert_eq!(resync.of(&WRITES).requests, 0);
        sleep(REST).await;
        let rest = take(&mut rig, &mut table, "nothing changes for an hour").await;
        assert_eq!((rest.of(&WRITES).requests, rest.of(&["list"]).requests), (0, 0));
        rig.restart().await;
        let restart = take(&mut rig, &mut table, "it is started again").await;
        assert_eq!(restart.of_kind(&["patch", "update"], "services").requests, 0);
        for number in 0..SERVICES {
            rig.api.delete("services", fixtures::NAMESPACE, &name(number));
        }
        take(&mut rig, &mut table, "all Services go").await;

        println!("{table}");
        let document = fs::read_to_string(repository().join("docs/performance.md")).unwrap();
        let (_, rest) = document.split_once(BEGIN).expect("a table in docs/performance.md");
        let (written, _) = rest.split_once(END).expect("the end of the table");
        assert_eq!(written, table, "docs/performance.md tells other counts than are measured:\n{table}");
    });
}
