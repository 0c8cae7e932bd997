#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::sts::CallerIdentity;
use std::collections::BTreeSet;

fn config() -> Config {
    let text = str::to_owned;
    Config { cluster_name: text("demo"), region: text("r"), vpc_id: text("vpc-1"), ..Config::default() }
}

fn scope(partition: &str) -> ArnScope {
    let arn = format!("arn:{partition}:sts::1:assumed-role/controller/session");
    ArnScope::of(&CallerIdentity { account: "1".to_owned(), arn }, &config())
}

fn pairs(needs: &[NeedInContext]) -> BTreeSet<(Statement, String)> {
    needs.iter().map(|situated| (situated.need.statement, situated.need.permission.clone())).collect()
}

#[test]
fn everything_that_the_policy_grants_is_asked_but_what_is_tried_by_reading() {
    for partition in ["aws", "aws-cn", "aws-iso"] {
        let scope = scope(partition);
        let granted = Statement::VARIANTS.iter().flat_map(|statement| {
            let permissions = statement.permissions(scope.partition);
            permissions.into_iter().map(|(permission, action)| (*statement, permission, action))
        });
        let is_asked = |action: Action| {
            action.is_write() || matches!(action, Action::DescribeAccelerator | Action::GetCertificate)
        };
        let to_change = granted.filter(|(_, _, action)| action.is_none_or(is_asked));
        let expected: BTreeSet<_> =
            to_change.map(|(statement, permission, _)| (statement, permission)).collect();
        let mut config = Config { default_pca_arn: "authority".to_owned(), ..config() };
        config.features.enable_certificate_management = true;
        config.features.secret_certificates = true;
        config.features.global_accelerator_controller = true;
        assert_eq!(pairs(&needs(&scope, &config)), expected, "{partition}");
    }
}

#[test]
fn what_is_switched_off_is_not_needed() {
    let off = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        let all =
            pairs(&needs(&scope("aws"), &Config { cluster_name: "demo".to_owned(), ..Config::default() }));
        let left = pairs(&needs(&scope("aws"), &config));
        all.difference(&left).map(|(_, permission)| permission.clone()).collect::<Vec<_>>()
    };
    let wafv2 = ["wafv2:GetWebACL", "wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"];
    assert_eq!(off(|config| config.enable_wafv2 = false), wafv2);
    assert_eq!(
        off(|config| config.enable_shield = false),
        ["shield:CreateProtection", "shield:DeleteProtection"]
    );
    assert!(
        off(|config| (config.enable_waf, config.enable_wafv2) = (false, false))
            .contains(&"elasticloadbalancing:SetWebAcl".to_owned())
    );
    assert_eq!(
        off(|config| config.features.lb_capacity_reservation = false),
        ["elasticloadbalancing:ModifyCapacityReservation"]
    );
    assert_eq!(off(|_| {}), [""; 0]);
}

#[test]
fn a_permission_is_asked_about_on_what_it_is_used() {
    let needs = needs(&scope("aws-us-gov"), &config());
    let resources = |permission: &str| -> BTreeSet<String> {
        let of = needs.iter().filter(|situated| situated.need.permission.ends_with(permission));
        of.flat_map(|situated| &situated.resources)
            .map(|arn| arn.splitn(6, ':').last().unwrap().split("/k8s-").next().unwrap().to_owned())
            .collect()
    };
    let cases: [(&str, &[&str]); 8] = [
        (":CreateLoadBalancer", &["loadbalancer/app", "loadbalancer/net"]),
        (":CreateListener", &["loadbalancer/app", "loadbalancer/net"]),
        (":CreateRule", &["listener/app", "listener/net"]),
        (":DeleteRule", &["listener-rule/app", "listener-rule/net"]),
        (":RegisterTargets", &["targetgroup"]),
        (":SetWebAcl", &["loadbalancer/app"]),
        (":CreateSecurityGroup", &["security-group/sg-00000000000000000", "vpc/vpc-1"]),
        (":DescribeAddresses", &[]),
    ];
    for (permission, expected) in cases {
        let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(resources(permission), expected, "{permission}");
    }
    assert!(
        needs.iter().flat_map(|situated| &situated.resources).all(|arn| arn.starts_with("arn:aws-us-gov:"))
    );
}

#[test]
fn requests_carry_the_tag_where_the_controllers_would() {
    let keys = |request_context: RequestContext| {
        let context = request_context.context(&scope("aws"), &config());
        let tags =
            context.into_iter().filter(|(key, _)| key.contains("Tag/") || key.ends_with(":CreateAction"));
        tags.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    let request = "aws:RequestTag/elbv2.k8s.aws/cluster=demo";
    assert_eq!(keys(RequestContext::Own), ["aws:ResourceTag/elbv2.k8s.aws/cluster=demo"]);
    assert_eq!(keys(RequestContext::Foreign), [""; 0]);
    assert_eq!(
        keys(RequestContext::NewTargetGroup),
        [request, "elasticloadbalancing:CreateAction=CreateTargetGroup"]
    );
    assert_eq!(keys(RequestContext::NewSecurityGroup), [request, "ec2:CreateAction=CreateSecurityGroup"]);
}
