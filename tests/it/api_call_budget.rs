//! Figures that hold whatever the machine: how many calls to AWS something takes, in time that only waiting makes pass.

use crate::services::run;
use aws_load_balancer_controller::aws_api::Action;
use rig::load::{self, Count};
use rig::{Options, Rig, fixtures};
use std::time::Duration;

/// A restart looks at everything once: so many reads at most, and then it is steady.
const RESTART_READS: usize = 100;
const RESTART_TIME: Duration = Duration::from_secs(10);

async fn steady(options: Options, fill: impl FnOnce(&Rig)) -> Rig {
    let mut rig = Rig::new(options);
    rig.seed();
    fill(&rig);
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

/// Restarts the controller. Answers its calls, and when it made the last of them.
async fn restart(rig: &mut Rig) -> (Count, Duration) {
    rig.kill().await;
    rig.aws.clear_calls();
    let began = rig.aws.world(|world| world.now());
    rig.start().await;
    rig.run_until_idle().await;
    (rig.count(), rig.last_call(began))
}

#[test]
fn a_restart_with_three_hundred_groups_takes_a_hundred_reads_and_ten_seconds() {
    run(async {
        let mut rig = steady(load::paced(), |rig| rig.add_groups(300, 3)).await;
        let (count, took) = restart(&mut rig).await;
        assert!(count.reads <= RESTART_READS, "{:?}", rig.count_by_operation());
        assert_eq!(count.writes, 0);
        assert!(took <= RESTART_TIME, "steady after {took:?}");
    });
}

#[test]
fn a_restart_with_sixty_services_takes_sixty_reads_and_five_seconds() {
    run(async {
        let mut rig = steady(load::paced(), |rig| rig.add_services(60, 3)).await;
        let (count, took) = restart(&mut rig).await;
        assert!(count.reads <= 60, "{:?}", rig.count_by_operation());
        assert_eq!(count.writes, 0);
        assert!(took <= Duration::from_secs(5), "steady after {took:?}");
    });
}

#[test]
fn a_reconcile_that_finds_nothing_to_do_makes_no_call() {
    run(async {
        let fill = |rig: &Rig| {
            rig.add_groups(20, 3);
            rig.api.put(fixtures::load_balancer(
                "edge",
                &[80, 443],
                &[("aws-load-balancer-nlb-target-type", "ip")],
            ));
            rig.serve("edge", &[500, 501]);
        };
        let mut rig = steady(load::options(), fill).await;
        // why: what is asked about load balancers that exist is asked at the first look after they were made
        rig.engine().unwrap().resync();
        rig.run_until_idle().await;
        let reconciles = count_reconciles(&rig);
        rig.aws.clear_calls();
        rig.engine().unwrap().resync();
        rig.run_until_idle().await;
        assert_eq!(rig.calls(), vec![]);
        assert!(count_reconciles(&rig) > reconciles + 20 + 60);
    });
}

/// How often anything was reconciled, as the metrics tell.
fn count_reconciles(rig: &Rig) -> usize {
    let metrics = rig.metrics();
    let lines = metrics.lines().filter(|line| line.starts_with("controller_runtime_reconcile_total{"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

#[test]
fn editing_one_path_among_a_hundred_rules_takes_one_write() {
    run(async {
        let paths = |edited: &str| -> serde_json::Value {
            let paths: Vec<String> =
                (0..100).map(|n| if n == 49 { edited.to_owned() } else { format!("/path-{n:03}") }).collect();
            let rules: Vec<_> = paths.iter().map(|path| ("www.example.com", path.as_str(), "web")).collect();
            fixtures::ingress("many", &[("group.name", "many"), ("target-type", "ip")], &rules)
        };
        let mut rig = steady(load::options(), |rig| {
            rig.api.put(fixtures::cluster_service("web", &[80]));
            rig.serve("web", &[1, 2]);
            rig.api.put(paths("/path-049"));
        })
        .await;
        rig.aws.clear_calls();
        rig.api.put(paths("/another"));
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), vec![Action::ModifyRule]);
        rig.aws.clear_calls();
        rig.api.put(fixtures::ingress(
            "first",
            &[("group.name", "many"), ("group.order", "-1"), ("target-type", "ip")],
            &[],
        ));
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), vec![], "a member without rules");
    });
}
