//! What others change in AWS is put back: within five minutes what stops traffic, within ten everything else.

use crate::services::run;
use aws_load_balancer_controller::aws_api::ec2::RevokeIngress;
use aws_load_balancer_controller::aws_api::elbv2::{
    DeleteListener, DeleteLoadBalancer, DeleteRule, DeleteTargetGroup, DeregisterTargets,
    FixedResponseAction, HealthCheck, Listener, ListenerAction, ListenerSettings, LoadBalancer,
    ModifyListener, ModifyLoadBalancerAttributes, ModifyRule, ModifyTargetGroup, ModifyTargetGroupAttributes,
    RegisterTargets, RemoveListenerCertificate, RemoveTags, SetRulePriorities, SetSecurityGroups, Target,
    TargetGroup,
};
use aws_load_balancer_controller::aws_api::{Attributes, Ref};
use rig::{Options, Rig, fixtures, rig::OwnedResources};
use std::collections::BTreeMap;
use std::time::Duration;

const TRAFFIC: Duration = Duration::from_mins(5);
const REST: Duration = Duration::from_mins(10);

/// Something that somebody changes by hand.
type Drift = (&'static str, Duration, fn(&Rig, &OwnedResources));

async fn open() -> Rig {
    let mut rig = Rig::new(Options::default());
    rig.seed();
    rig.start().await;
    for (number, name) in ["web", "api"].into_iter().enumerate() {
        rig.api.put(fixtures::cluster_service(name, &[80]));
        rig.serve(name, &[number * 10, number * 10 + 1]);
    }
    let annotations = [
        ("aws-load-balancer-nlb-target-type", "ip"),
        ("aws-load-balancer-attributes", "load_balancing.cross_zone.enabled=true"),
    ];
    rig.api.put(fixtures::load_balancer("edge", &[80], &annotations));
    rig.serve("edge", &[20, 21]);
    let paths = [("a.example.com", "/a", "web"), ("a.example.com", "/b", "api")];
    rig.api.put(fixtures::ingress("first", &[("group.name", "g"), ("target-type", "ip")], &paths));
    rig.run_until_idle().await;
    rig
}

fn load_balancer<'a>(found: &'a OwnedResources, prefix: &str) -> &'a LoadBalancer {
    found.load_balancers.iter().find(|one| one.name.starts_with(prefix)).expect("a load balancer")
}

fn listener_of<'a>(found: &'a OwnedResources, prefix: &str) -> &'a Listener {
    let arn = &load_balancer(found, prefix).arn;
    found.listeners.iter().find(|one| one.load_balancer_arn == *arn).expect("a listener")
}

fn target_group<'a>(found: &'a OwnedResources, prefix: &str) -> &'a TargetGroup {
    found.target_groups.iter().find(|one| one.name.starts_with(prefix)).expect("a target group")
}

const NLB: &str = "k8s-shop-edge-";
const ALB: &str = "k8s-g-";
const GROUP_OF_NLB: &str = "k8s-shop-edge-";
const GROUP_OF_ALB: &str = "k8s-shop-web-";

fn drifts() -> Vec<Drift> {
    vec![
        ("a target deregistered", TRAFFIC, |rig, found| {
            let arn = target_group(found, GROUP_OF_NLB).arn.clone();
            let targets = vec![found.targets[&arn][0].target.clone()];
            rig.ask(DeregisterTargets { arn: arn.into(), targets });
        }),
        ("a foreign target registered", TRAFFIC, |rig, found| {
            let arn = target_group(found, GROUP_OF_ALB).arn.as_str().into();
            let id = rig.aws.world(|world| fixtures::address(world, 77));
            rig.ask(RegisterTargets {
                arn,
                targets: vec![Target { id: id.into(), port: Some(8080), ..Target::default() }],
            });
        }),
        ("the rules of the nodes' security group revoked", TRAFFIC, |rig, found| {
            let nodes = rig.aws.world(|world| world.id("SG_NODES").to_owned());
            let group =
                found.security_groups.iter().find(|group| group.id == nodes).expect("the group of the nodes");
            rig.ask(RevokeIngress { group_id: group.id.as_str().into(), rules: group.ingress.clone() });
        }),
        ("the rules of a load balancer's security group revoked", TRAFFIC, |rig, found| {
            let groups = &load_balancer(found, NLB).security_groups;
            let mine = found
                .security_groups
                .iter()
                .filter(|group| groups.contains(&group.id) && !group.ingress.is_empty());
            for group in mine {
                rig.ask(RevokeIngress { group_id: group.id.as_str().into(), rules: group.ingress.clone() });
            }
        }),
        ("a rule deleted", TRAFFIC, |rig, found| {
            let rule = &found.rules[&listener_of(found, ALB).arn][0];
            rig.ask(DeleteRule { arn: rule.arn.as_str().into() });
        }),
        ("a rule's actions changed", TRAFFIC, |rig, found| {
            let rule = &found.rules[&listener_of(found, ALB).arn][0];
            rig.ask(ModifyRule {
                arn: rule.arn.as_str().into(),
                conditions: rule.conditions.clone(),
                actions: vec![teapot()],
                transforms: vec![],
            });
        }),
        ("the priorities of rules changed", TRAFFIC, |rig, found| {
            let rule = &found.rules[&listener_of(found, ALB).arn][0];
            rig.ask(SetRulePriorities { priorities: vec![(rule.arn.as_str().into(), 50)] });
        }),
        ("a listener deleted", TRAFFIC, |rig, found| {
            rig.ask(DeleteListener { arn: listener_of(found, NLB).arn.as_str().into() });
        }),
        ("the default action of a listener changed", TRAFFIC, |rig, found| {
            let listener = listener_of(found, ALB);
            let settings = ListenerSettings {
                port: listener.port,
                protocol: listener.protocol.clone(),
                default_actions: vec![teapot()],
                certificate: None,
                ssl_policy: None,
                alpn_policy: vec![],
                mutual_authentication: None,
            };
            rig.ask(ModifyListener { arn: listener.arn.as_str().into(), settings });
        }),
        ("a load balancer deleted", TRAFFIC, |rig, found| {
            rig.ask(DeleteLoadBalancer { arn: load_balancer(found, NLB).arn.as_str().into() });
        }),
        ("a target group deleted", TRAFFIC, |rig, found| {
            let listener = listener_of(found, NLB);
            rig.ask(DeleteListener { arn: listener.arn.as_str().into() });
            rig.ask(DeleteTargetGroup { arn: target_group(found, GROUP_OF_NLB).arn.as_str().into() });
        }),
        ("the security groups of a load balancer exchanged", TRAFFIC, |rig, found| {
            let other = rig.aws.world(|world| world.id("SG_NODES").to_owned());
            let arn = load_balancer(found, ALB).arn.as_str().into();
            rig.ask(SetSecurityGroups {
                arn,
                security_groups: vec![other.into()],
                ..SetSecurityGroups::default()
            });
        }),
        ("a health check changed", TRAFFIC, |rig, found| {
            let arn: Ref = target_group(found, GROUP_OF_ALB).arn.as_str().into();
            let health_check = HealthCheck { healthy_threshold: Some(7), ..HealthCheck::default() };
            rig.ask(ModifyTargetGroup { arn, health_check });
        }),
        ("an attribute of a target group changed", REST, |rig, found| {
            let arn = target_group(found, GROUP_OF_NLB).arn.as_str().into();
            let attributes = Attributes::from([("proxy_protocol_v2.enabled".to_owned(), "true".to_owned())]);
            rig.ask(ModifyTargetGroupAttributes { arn, attributes });
        }),
        ("an attribute of a load balancer changed", REST, |rig, found| {
            let arn = load_balancer(found, NLB).arn.as_str().into();
            let attributes =
                Attributes::from([("load_balancing.cross_zone.enabled".to_owned(), "false".to_owned())]);
            rig.ask(ModifyLoadBalancerAttributes { arn, attributes });
        }),
        ("the tag of a target group removed that says which it is", REST, |rig, found| {
            untag(rig, &target_group(found, GROUP_OF_NLB).arn, "service.k8s.aws/resource");
        }),
        ("the tag of a target group removed that says whose it is", REST, |rig, found| {
            untag(rig, &target_group(found, GROUP_OF_ALB).arn, "ingress.k8s.aws/stack");
        }),
        ("the tag of a load balancer removed that names the cluster", REST, |rig, found| {
            untag(rig, &load_balancer(found, ALB).arn, "elbv2.k8s.aws/cluster");
        }),
        ("a tag of a listener removed", REST, |rig, found| {
            untag(rig, &listener_of(found, ALB).arn, "ingress.k8s.aws/stack");
        }),
    ]
}

fn untag(rig: &Rig, arn: &str, key: &str) {
    rig.ask(RemoveTags { arn: arn.into(), keys: vec![key.to_owned()] });
}

fn teapot() -> ListenerAction {
    ListenerAction::FixedResponse(FixedResponseAction {
        status_code: "418".to_owned(),
        ..FixedResponseAction::default()
    })
}

#[test]
fn what_others_change_is_put_back_in_time() {
    run(async {
        for (name, within, drift) in drifts() {
            let mut rig = open().await;
            let whole = rig.owned_resources().lines();
            let events = rig.api.events().len();
            drift(&rig, &rig.owned_resources());
            assert_ne!(rig.owned_resources().lines(), whole, "{name}");
            tokio::time::sleep(within).await;
            let found = rig.owned_resources().lines();
            let differs: Vec<_> = found.iter().filter(|line| !whole.contains(line)).collect();
            assert_eq!(found, whole, "{name}, too much: {differs:#?}");
            rig.run_until_idle().await;
            let warnings =
                rig.api.events().into_iter().skip(events).filter(|told| told.severity == "Warning");
            assert_eq!(warnings.map(|told| told.message).collect::<Vec<_>>(), Vec::<String>::new(), "{name}");
        }
    });
}

#[test]
fn tags_taken_away_while_no_replica_ran_are_put_back() {
    run(async {
        for key in ["service.k8s.aws/resource", "service.k8s.aws/stack", "elbv2.k8s.aws/cluster"] {
            let mut rig = open().await;
            let whole = rig.owned_resources().lines();
            rig.kill().await;
            untag(&rig, &target_group(&rig.owned_resources(), GROUP_OF_NLB).arn, key);
            rig.start().await;
            tokio::time::sleep(REST).await;
            assert_eq!(rig.owned_resources().lines(), whole, "{key}");
        }
    });
}

#[test]
fn a_target_group_that_another_cluster_claims_is_left_alone() {
    run(async {
        let mut rig = open().await;
        let arn = target_group(&rig.owned_resources(), GROUP_OF_NLB).arn.clone();
        let tags = BTreeMap::from([("elbv2.k8s.aws/cluster".to_owned(), "another".to_owned())]);
        rig.ask(aws_load_balancer_controller::aws_api::elbv2::AddTags { arn: arn.as_str().into(), tags });
        tokio::time::sleep(REST).await;
        rig.run_until_idle().await;
        let found =
            rig.ask(aws_load_balancer_controller::aws_api::elbv2::DescribeTags { arns: vec![arn.clone()] });
        assert_eq!(found[&arn]["elbv2.k8s.aws/cluster"], "another");
    });
}

/// Calls of an hour without anything to do, for 100 target groups: half behind ALBs, half behind NLBs.
#[test]
fn audits_of_a_hundred_target_groups_make_half_a_call_a_second_at_most() {
    run(async {
        let mut rig = Rig::new(Options { audit: Options::default().audit, ..rig::load::options() });
        rig.seed();
        rig.add_services(25, 2);
        rig.add_groups(10, 5);
        rig.start().await;
        tokio::time::sleep(Duration::from_mins(30)).await;
        rig.aws.clear_calls();
        tokio::time::sleep(Duration::from_hours(1)).await;
        let of_elb =
            rig.count_by_operation().into_iter().filter(|(name, _)| !name.contains("SecurityGroups"));
        let reads: usize = of_elb.map(|(_, count)| count).sum();
        assert!(reads <= 1800, "{reads}: {:?}", rig.count_by_operation());
        assert_eq!(rig.count().writes, 0);
    });
}

#[test]
fn a_certificate_taken_off_a_listener_is_put_back() {
    run(async {
        let mut rig = open().await;
        let certificates =
            rig.aws.world(|world| [world.id("CERT_1").to_owned(), world.id("CERT_2").to_owned()]);
        let both = certificates.join(",");
        let annotations = [
            ("target-type", "ip"),
            ("certificate-arn", both.as_str()),
            ("listen-ports", r#"[{"HTTPS": 443}]"#),
        ];
        rig.api.put(fixtures::ingress("secure", &annotations, &[("b.example.com", "/", "web")]));
        rig.run_until_idle().await;
        let whole = rig.owned_resources().lines();
        let found = rig.owned_resources();
        let listener = found.listener(443).expect("a listener of 443");
        let certificate_arn = certificates[1].as_str().into();
        rig.ask(RemoveListenerCertificate { listener_arn: listener.arn.as_str().into(), certificate_arn });
        assert_ne!(rig.owned_resources().lines(), whole);
        tokio::time::sleep(TRAFFIC).await;
        assert_eq!(rig.owned_resources().lines(), whole);
    });
}
