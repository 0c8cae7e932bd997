//! Deletions that AWS refuses because something still uses the resource: few tries, and a quick end once it lets go.

use crate::services::run;
use aws_load_balancer_controller::aws_api::Action;
use aws_sim::{Calls, Effect, Fault};
use rig::{Options, Rig, fixtures, load};
use std::time::Duration;

/// Eight Services, a group of six Ingresses and four single ones.
async fn open() -> Rig {
    let mut rig = Rig::new(load::options());
    rig.seed();
    rig.add_services(8, 2);
    for name in ["web", "api"] {
        rig.api.put(fixtures::cluster_service(name, &[80]));
    }
    for number in 0..10 {
        let group = if number < 6 { "g".to_owned() } else { format!("single-{number}") };
        let annotations = [("group.name", group.as_str()), ("target-type", "ip")];
        let host = format!("i{number}.example.com");
        let paths = [(host.as_str(), "/a", "web"), (host.as_str(), "/b", "api")];
        rig.api.put(fixtures::ingress(&format!("i{number}"), &annotations, &paths));
    }
    rig.start().await;
    rig.run_until_idle().await;
    rig
}

fn delete_everything(rig: &Rig) {
    for kind in ["services", "ingresses"] {
        for object in rig.api.list(kind) {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            rig.api.delete(kind, fixtures::NAMESPACE, name);
        }
    }
}

fn left(rig: &Rig) -> usize {
    rig.api.list("ingresses").len()
        + rig.api.list("services").iter().filter(|one| one["spec"]["type"] == "LoadBalancer").count()
}

#[test]
fn deletions_that_aws_refuses_for_a_minute_are_tried_sixty_times_at_most_and_end_soon_after() {
    run(async {
        let rig = open().await;
        let before = rig.aws.world(|world| world.resources().len());
        assert!(before > 31);
        let refuse = |action, code: &str| rig.aws.arm(Fault::on(Calls::Of(action), Effect::fail(code)));
        refuse(Action::DeleteTargetGroup, "ResourceInUse");
        refuse(Action::DeleteSecurityGroup, "DependencyViolation");
        rig.aws.clear_calls();
        delete_everything(&rig);
        tokio::time::sleep(Duration::from_mins(1)).await;
        let refused = rig.aws.calls().iter().filter(|call| call.error_code().is_some()).count();
        assert!(refused <= 60, "{refused} refused");
        assert_eq!(left(&rig), 10 + 8, "nothing goes as long as something of it is left");
        rig.aws.disarm();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(left(&rig), 0);
        let world = rig.aws.world(|world| world.resources());
        assert!(!world.iter().any(|id| id.contains("k8s-")), "{world:?}");
    });
}

#[test]
fn a_target_group_that_somebody_else_uses_does_not_keep_the_others() {
    run(async {
        let mut rig = Rig::new(Options::default());
        rig.seed();
        rig.api.put(fixtures::load_balancer(
            "edge",
            &[80, 443, 8443],
            &[("aws-load-balancer-nlb-target-type", "ip")],
        ));
        rig.serve("edge", &[1]);
        rig.start().await;
        rig.run_until_idle().await;
        let found = rig.owned_resources();
        let kept = found.target_groups[0].arn.clone();
        let is_kept = kept.clone();
        let of_kept = Calls::matching(move |request| {
            matches!(request, aws_load_balancer_controller::aws_api::Request::DeleteTargetGroup(delete)
                if delete.arn.known() == Some(&is_kept))
        });
        rig.aws.arm(Fault::on(of_kept, Effect::fail("ResourceInUse")));
        rig.api.delete("services", fixtures::NAMESPACE, "edge");
        tokio::time::sleep(Duration::from_mins(1)).await;
        let left: Vec<_> = rig.owned_resources().target_groups.into_iter().map(|group| group.arn).collect();
        assert_eq!(left, vec![kept]);
    });
}
