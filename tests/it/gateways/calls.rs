//! How many calls to AWS Gateways take, whatever the machine.

use super::{class, gateway, http, http_route, target_type};
use crate::services::run;
use aws_load_balancer_controller::aws_api::Action;
use rig::{Options, Rig, fixtures, load};

const GATEWAYS: usize = 100;
const ROUTES: usize = 5;
/// What a restart reads at most, whatever the number of Gateways up to [`GATEWAYS`].
const RESTART_READS: usize = 40;

/// Gateways that are served, with routes of their own and one Service.
async fn steady(options: Options, gateways: usize, routes: usize) -> Rig {
    let mut rig = Rig::new(options);
    rig.api.install_gateway_api();
    rig.seed();
    rig.api.put(class("alb", "gateway.k8s.aws/alb"));
    rig.api.put(fixtures::cluster_service("web", &[80]));
    rig.api.put(target_type("web"));
    rig.serve("web", &[0, 1]);
    for at in 0..gateways {
        let name = format!("edge-{at}");
        rig.api.put(gateway(&name, "alb", &http(80)));
        for route in 0..routes {
            rig.api.put(http_route(&format!("{name}-{route}"), &name, &format!("/path-{route:03}"), "web"));
        }
    }
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

#[test]
fn a_hundred_gateways_with_five_routes_each_are_read_in_forty_calls_and_then_in_none() {
    run(async {
        let mut rig = steady(load::paced(), GATEWAYS, ROUTES).await;
        assert_eq!(rig.owned_resources().load_balancers.len(), GATEWAYS);
        rig.kill().await;
        rig.aws.clear_calls();
        rig.start().await;
        rig.run_until_idle().await;
        let count = rig.count();
        assert!(count.reads <= RESTART_READS, "{:?}", rig.count_by_operation());
        assert_eq!(count.writes, 0);
        rig.aws.clear_calls();
        rig.engine().unwrap().resync();
        rig.run_until_idle().await;
        assert_eq!(rig.calls(), vec![]);
    });
}

#[test]
fn editing_one_match_among_a_hundred_rules_takes_one_write() {
    run(async {
        let mut rig = steady(load::options(), 1, 100).await;
        rig.aws.clear_calls();
        rig.api.put(http_route("edge-0-49", "edge-0", "/path-zzz", "web"));
        rig.run_until_idle().await;
        assert_eq!(rig.writes(), vec![Action::ModifyRule]);
    });
}
