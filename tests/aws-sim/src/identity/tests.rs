use super::*;

const LOAD_BALANCER: &str = "arn:aws:elasticloadbalancing:us-west-2:1:loadbalancer/app/a/1";
const TAG: &str = "aws:ResourceTag/elbv2.k8s.aws/cluster";
const DELETE: &str = "elasticloadbalancing:DeleteLoadBalancer";

fn owned() -> Context {
    Context::from([(TAG.to_owned(), "demo".to_owned())])
}

#[test]
fn the_controllers_policy_decides_by_resource_and_condition() {
    let identity = Identity::default();
    assert_eq!(identity.judge(DELETE, LOAD_BALANCER, &owned()), Answer::Allowed);
    assert_eq!(identity.judge(DELETE, LOAD_BALANCER, &Context::new()), Answer::Nobody);
    let tags = "elasticloadbalancing:RemoveTags";
    assert_eq!(identity.judge(tags, LOAD_BALANCER, &owned()), Answer::Allowed);
    assert_eq!(
        identity.judge(tags, "arn:aws:elasticloadbalancing:us-west-2:1:truststore/a/1", &owned()),
        Answer::Nobody
    );
    assert_eq!(identity.judge("s3:GetObject", "*", &owned()), Answer::Nobody);
}

#[test]
fn what_is_taken_away_is_refused_for_its_own_reason() {
    let only = || BTreeSet::from([DELETE.to_owned()]);
    let cases = [
        (Identity { lacks: only(), ..Identity::default() }, Answer::Nobody),
        (Identity { denied: only(), ..Identity::default() }, Answer::Denied),
        (Identity { organization_lacks: only(), ..Identity::default() }, Answer::Organization),
        (Identity { boundary_lacks: only(), ..Identity::default() }, Answer::Boundary),
    ];
    for (identity, expected) in cases {
        assert_eq!(identity.judge(DELETE, LOAD_BALANCER, &owned()), expected);
    }
}

#[test]
fn keys_of_all_statements_are_missing_if_the_request_has_them_not() {
    let conditions = BTreeMap::from([(DELETE.to_owned(), "aws:SourceIp".to_owned())]);
    let identity = Identity { conditions, ..Identity::default() };
    assert_eq!(identity.judge(DELETE, LOAD_BALANCER, &owned()), Answer::Nobody);
    let missing = identity.missing_keys(&owned());
    assert!(
        missing.contains(&"aws:SourceIp".to_owned()) && !missing.contains(&TAG.to_owned()),
        "{missing:?}"
    );
    assert!(missing.contains(&"ec2:CreateAction".to_owned()), "{missing:?}");
}
