use super::*;
use crate::plan::Quota;

#[test]
fn security_groups() {
    let cases: &[Case] = &[
        (
            "rules are granted before others are revoked",
            |_, actual| {
                let rules = &mut actual.security_groups[0].ingress;
                rules[0].source = crate::aws_api::ec2::RuleSource::Ipv4("10.9.0.0/16".into());
            },
            &[
                "AuthorizeSecurityGroupIngress ManagedLBSecurityGroup",
                "RevokeSecurityGroupIngress ManagedLBSecurityGroup",
            ],
        ),
        (
            "a description is no difference",
            |_, actual| {
                actual.security_groups[0].ingress[0].description = Some("by hand".into());
            },
            &[],
        ),
        (
            "tags",
            |_, actual| drop(actual.security_groups[0].tags.insert("mine".into(), "x".into())),
            &["DeleteTags ManagedLBSecurityGroup"],
        ),
        (
            "of two twins one goes",
            |_, actual| {
                let mut twin = actual.security_groups[0].clone();
                twin.id = "sg-twin".into();
                actual.security_groups.push(twin);
            },
            &["DeleteSecurityGroup sg-twin"],
        ),
    ];
    check(cases, alb, &world::config());
}

#[test]
fn a_full_security_group_revokes_first() {
    let (stack, mut actual) = (alb(), mirror(&alb()));
    actual.security_groups[0].ingress[0].source = crate::aws_api::ec2::RuleSource::Ipv4("10.9.0.0/16".into());
    let mut exhausted_quotas = ExhaustedQuotas::default();
    exhausted_quotas.learn(Quota::IngressRulesOf("sg-ManagedLBSecurityGroup".into()));
    let plan = plan_of(&stack, &actual, &world::config(), &exhausted_quotas);
    assert_eq!(lines(&plan)[0], "RevokeSecurityGroupIngress ManagedLBSecurityGroup", "{plan}");
}
