//! What hangs on a stack: bindings, protection, and ALBs behind an NLB.

use super::*;
use crate::aws_api::SymbolKind;
use crate::aws_api::elbv2::Target;
use crate::aws_api::protection::ShieldProtection;
use crate::model::{AlbTarget, ResourceId};
use crate::plan::actual::Shield;

#[test]
fn bindings() {
    let cases: &[Case] = &[
        (
            "checkpoint annotations are the binding controller's own",
            |_, actual| {
                let checkpoint = ("elbv2.k8s.aws/checkpoint".to_owned(), "x".to_owned());
                actual.bindings[0].metadata.annotations = Some([checkpoint].into());
            },
            &[],
        ),
        (
            "foreign labels go",
            |_, actual| {
                actual.bindings[0].metadata.labels.as_mut().unwrap().insert("mine".into(), "x".into());
            },
            &["PatchTargetGroupBinding default/web:80", "AwaitTargets default/web:80"],
        ),
        (
            "another port",
            |stack, _| {
                the(&mut stack.bindings).service_port = crate::api::IntOrString::String("http".into());
            },
            &["PatchTargetGroupBinding default/web:80", "AwaitTargets default/web:80"],
        ),
        (
            "one being deleted is made anew once it is gone",
            |_, actual| {
                actual.bindings[0].metadata.deletion_timestamp = Some(world::some_time());
            },
            &["AwaitTargetGroupBindingGone default/web", "CreateTargetGroupBinding default/web:80"],
        ),
        (
            "one that is missing comes",
            |_, actual| actual.bindings.clear(),
            &["CreateTargetGroupBinding default/web:80"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn protection() {
    let cases: &[Case] = &[
        (
            "a web ACL comes",
            |stack, _| stack.protection.wafv2_web_acl_arn = Some("arn:acl".into()),
            &["AssociateWebACL LoadBalancer"],
        ),
        (
            "a web ACL is there",
            |stack, actual| {
                stack.protection.wafv2_web_acl_arn = Some("arn:acl".into());
                actual.protection.wafv2_web_acl_arn = Some("arn:acl".into());
            },
            &[],
        ),
        (
            "a web ACL goes",
            |stack, actual| {
                stack.protection.wafv2_web_acl_arn = Some(String::new());
                actual.protection.wafv2_web_acl_arn = Some("arn:acl".into());
            },
            &["DisassociateWebACL LoadBalancer"],
        ),
        (
            "a web ACL nobody has a wish about stays",
            |_, actual| {
                actual.protection.wafv2_web_acl_arn = Some("arn:acl".into());
            },
            &[],
        ),
        (
            "Shield comes",
            |stack, actual| {
                stack.protection.shield = Some(true);
                actual.protection.shield = Some(Shield::Unprotected);
            },
            &["CreateProtection LoadBalancer"],
        ),
        (
            "Shield without a subscription",
            |stack, actual| {
                stack.protection.shield = Some(true);
                actual.protection.shield = Some(Shield::NotSubscribed);
            },
            &[],
        ),
        (
            "Shield that could not be asked",
            |stack, actual| {
                stack.protection.shield = Some(true);
                actual.protection.shield = Some(Shield::Unknown);
            },
            &[],
        ),
        (
            "our Shield protection goes",
            |stack, actual| {
                stack.protection.shield = Some(false);
                actual.protection.shield = Some(shield("managed by aws-alb-ingress-controller"));
            },
            &["DeleteProtection LoadBalancer"],
        ),
        (
            "a foreign Shield protection stays",
            |stack, actual| {
                stack.protection.shield = Some(false);
                actual.protection.shield = Some(shield("by hand"));
            },
            &[],
        ),
    ];
    check(cases, alb, &world::config());
}

fn shield(name: &str) -> Shield {
    Shield::Protected(ShieldProtection { id: "1".into(), name: name.into() })
}

#[test]
fn albs_behind_an_nlb() {
    let cases: &[Case] = &[
        ("registered at last", |stack, _| with_alb_target(stack), &["RegisterTargets default/web:80"]),
        (
            "registered already",
            |stack, actual| {
                with_alb_target(stack);
                actual.target_groups[0].targets = vec![alb_target(80)];
            },
            &[],
        ),
        (
            "registered with another port",
            |stack, actual| {
                with_alb_target(stack);
                actual.target_groups[0].targets = vec![alb_target(81)];
            },
            &["DeregisterTargets arn:target-group/default/web:80", "RegisterTargets default/web:80"],
        ),
        (
            "let go before the load balancer goes",
            |stack, actual| {
                actual.target_groups[0].targets = vec![alb_target(80)];
                *stack = Stack::empty(stack.id.clone());
            },
            &[
                "DeregisterTargets arn:target-group/default/web:80",
                "DeleteLoadBalancer arn:load-balancer/LoadBalancer",
                "DeleteTargetGroupBinding default/web",
                "AwaitTargetGroupBindingGone default/web",
                "DeleteTargetGroup arn:target-group/default/web:80",
                "DeleteSecurityGroup sg-ManagedLBSecurityGroup",
            ],
        ),
    ];
    check(cases, nlb, &world::config());
}

fn with_alb_target(stack: &mut Stack) {
    let load_balancer = ResourceId::from("LoadBalancer").pending(SymbolKind::LoadBalancerArn);
    stack.alb_targets.insert("default/web:80".into(), AlbTarget { load_balancer, port: 80 });
}

fn alb_target(port: i32) -> Target {
    Target { id: "arn:load-balancer/LoadBalancer".into(), port: Some(port), ..Target::default() }
}
