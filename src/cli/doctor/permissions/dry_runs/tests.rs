#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws::CloudFuture;
use crate::aws_api::ec2::{DescribePage, SecurityGroup};
use crate::aws_api::{Request, Response};
use std::sync::Mutex;

/// An EC2 with one group that each filter finds, which answers every dry run alike.
struct Ec2 {
    groups: Result<Option<&'static str>, CloudError>,
    answer: Result<(), CloudError>,
    heard: Mutex<Vec<Request>>,
}

impl Ec2 {
    fn new(groups: Result<Option<&'static str>, CloudError>, answer: Result<(), CloudError>) -> Self {
        Self { groups, answer, heard: Mutex::default() }
    }
}

impl Cloud for Ec2 {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            self.heard.lock().unwrap().push(request.clone());
            match request {
                Request::DescribeSecurityGroups(_) => {
                    let found = self
                        .groups
                        .clone()?
                        .map(|id| SecurityGroup { id: id.to_owned(), ..SecurityGroup::default() });
                    let page = DescribePage { items: found.into_iter().collect(), next_token: None };
                    Ok(Response::DescribeSecurityGroups(page))
                }
                Request::DryRun(_) => self.answer.clone().map(Response::DryRun),
                other => panic!("nothing else is asked: {other:?}"),
            }
        })
    }
}

fn error(code: &str, message: &str) -> CloudError {
    CloudError::Service {
        operation: "X",
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: Some("1".to_owned()),
    }
}

fn config() -> Config {
    Config { cluster_name: "demo".to_owned(), vpc_id: "vpc-1".to_owned(), ..Config::default() }
}

#[tokio::test]
async fn with_groups_of_both_kinds_everything_that_ec2_changes_is_asked() {
    let ec2 = Ec2::new(Ok(Some("sg-1")), Ok(()));
    let results = run(&ec2, &config()).await;
    assert!(results.iter().all(|result| result.outcome == PermissionOutcome::Granted), "{results:?}");
    let told = |statement: Statement| {
        let of = results.iter().filter(|result| result.need.statement == statement);
        of.map(|result| result.need.permission.as_str()).collect::<Vec<_>>()
    };
    let rules = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"];
    assert_eq!(told(Statement::ChangeTargetRules), rules);
    assert_eq!(told(Statement::ChangeSecurityGroup), [rules[0], rules[1], "ec2:DeleteSecurityGroup"]);
    assert_eq!(told(Statement::TagSecurityGroup), ["ec2:CreateTags", "ec2:DeleteTags"]);
    assert_eq!(told(Statement::CreateSecurityGroup), ["ec2:CreateSecurityGroup"]);
    assert_eq!(told(Statement::TagNewSecurityGroup), ["ec2:CreateTags"]);
}

#[tokio::test]
async fn groups_are_those_of_the_cluster_in_its_vpc() {
    let ec2 = Ec2::new(Ok(None), Ok(()));
    run(&ec2, &config()).await;
    let heard = ec2.heard.lock().unwrap();
    let filters: Vec<String> = heard
        .iter()
        .filter_map(|request| match request {
            Request::DescribeSecurityGroups(read) => Some(&read.filters),
            _ => None,
        })
        .flatten()
        .map(|filter| format!("{}={}", filter.name, filter.values.join(",")))
        .collect();
    let expected = [
        "vpc-id=vpc-1",
        "tag:elbv2.k8s.aws/cluster=demo",
        "vpc-id=vpc-1",
        "tag-key=kubernetes.io/cluster/demo",
    ];
    assert_eq!(filters, expected);
}

#[tokio::test]
async fn without_a_group_only_the_creation_of_one_is_asked() {
    for groups in [Ok(None), Err(error("UnauthorizedOperation", "no"))] {
        let results = run(&Ec2::new(groups, Ok(())), &config()).await;
        let permissions: Vec<&str> = results.iter().map(|result| result.need.permission.as_str()).collect();
        assert_eq!(permissions, ["ec2:CreateSecurityGroup", "ec2:CreateTags"]);
    }
}

#[tokio::test]
async fn only_unauthorized_means_that_it_is_not_allowed() {
    let words = "You are not authorized. User: u is not authorized to perform: ec2:CreateTags. \
                 Encoded authorization failure message: AbC";
    let readable = "You are not authorized. User: u is not authorized to perform: ec2:CreateTags.";
    let slow = error("RequestLimitExceeded", "slow");
    let unreachable = CloudError::Unreachable { operation: "X", message: "reset".to_owned() };
    let cases = [
        (
            error("UnauthorizedOperation", words),
            PermissionOutcome::Refused(DenialReason::Other(readable.to_owned())),
        ),
        (slow.clone(), PermissionOutcome::Unknown(UnknownReason::Error(slow))),
        (unreachable.clone(), PermissionOutcome::Unknown(UnknownReason::Error(unreachable))),
    ];
    for (answer, expected) in cases {
        let results = run(&Ec2::new(Ok(None), Err(answer)), &config()).await;
        assert!(results.iter().all(|result| result.outcome == expected), "{results:?}");
    }
}
