use super::*;
use crate::aws_api::iam::statements_of;
use crate::aws_api::sts::CallerIdentity;

fn absent() -> Absent {
    let identity =
        CallerIdentity { account: "1".to_owned(), arn: "arn:aws-cn:sts::1:assumed-role/r/s".to_owned() };
    Absent::of(&ArnScope::of(&identity, &Config { region: "cn-north-1".to_owned(), ..Config::default() }))
}

#[test]
fn exactly_what_reads_is_tried_each_by_its_own_question() {
    for action in Action::VARIANTS {
        let question = absent().question(*action);
        let is_own = !statements_of(*action).is_empty() || *action == Action::GetCallerIdentity;
        // why not: it is allowed by tags, which what does not exist has not
        let is_by_tags = matches!(action, Action::DescribeAccelerator | Action::GetCertificate);
        assert_eq!(question.is_some(), is_own && !is_by_tags && !action.is_write(), "{action:?}");
        assert!(question.is_none_or(|question| question.action() == *action), "{action:?}");
    }
}

#[test]
fn names_of_absent_things_are_of_the_callers_partition() {
    let expected = "arn:aws-cn:elasticloadbalancing:cn-north-1:1:loadbalancer/app/doctor/0000000000000000";
    assert_eq!(absent().load_balancer.known(), Some(expected));
}

#[test]
fn a_refusal_is_named_and_an_unknown_thing_is_none() {
    let error = |code: &str| CloudError::Service {
        operation: "X",
        code: code.to_owned(),
        message: String::new(),
        request_id: None,
    };
    assert!(is_denied(&error("UnauthorizedOperation")));
    assert!(!is_denied(&error("LoadBalancerNotFound")));
    let check = to_check(3, &["ec2:DescribeVpcs".to_owned()], None);
    assert_eq!(check.detail, "not granted: ec2:DescribeVpcs");
    assert!(check.remedy.is_some());
}
