use super::*;
use crate::aws::send;
use crate::aws_api::ec2::{AuthorizeIngress, DescribeSecurityGroups, Filter, IngressRule, RuleSource};
use crate::aws_api::elbv2::{
    DeleteTargetGroup, DescribeTargetGroups, DescribeTargetHealth, IpAddressType, Page, TargetGroup,
    TargetType,
};
use crate::aws_api::{Tags, ec2, elbv2};
use tokio::time::advance;

/// An AWS whose reads never show anything, and which makes whatever it is asked to make.
struct Blind;

fn target_group() -> TargetGroup {
    TargetGroup {
        arn: "arn:tg".to_owned(),
        name: "web".to_owned(),
        target_type: TargetType::Ip,
        port: Some(80),
        protocol: None,
        protocol_version: None,
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: None,
        health_check: crate::aws_api::elbv2::HealthCheck::default(),
        target_control_port: None,
        load_balancer_arns: Vec::new(),
    }
}

impl Cloud for Blind {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            let not_found = |code: &str| CloudError::Service {
                operation: request.action().name(),
                code: code.to_owned(),
                message: String::new(),
                request_id: None,
            };
            Ok(match &request {
                Request::CreateTargetGroup(_) => Response::CreateTargetGroup(target_group()),
                Request::DeleteTargetGroup(_) => Response::DeleteTargetGroup(()),
                Request::CreateSecurityGroup(_) => {
                    Response::CreateSecurityGroup(ec2::CreatedSecurityGroup { id: "sg-1".to_owned() })
                }
                Request::AuthorizeIngress(_) => Response::AuthorizeIngress(()),
                Request::DescribeTargetGroups(read) if read.arns.is_empty() => {
                    Response::DescribeTargetGroups(Page::default())
                }
                Request::DescribeSecurityGroups(read) if read.group_ids.is_empty() => {
                    Response::DescribeSecurityGroups(ec2::DescribePage::default())
                }
                Request::DescribeSecurityGroups(_) => return Err(not_found("InvalidGroup.NotFound")),
                _ => return Err(not_found("TargetGroupNotFound")),
            })
        })
    }
}

fn create() -> elbv2::CreateTargetGroup {
    elbv2::CreateTargetGroup {
        name: "web".to_owned(),
        target_type: TargetType::Ip,
        port: Some(80),
        protocol: elbv2::Protocol::Http,
        protocol_version: None,
        ip_address_type: IpAddressType::Ipv4,
        vpc_id: String::new(),
        health_check: None,
        target_control_port: None,
        tags: Tags::from([("key".to_owned(), "value".to_owned())]),
    }
}

async fn target_groups(cloud: &ReadYourWrites<Blind>, arns: &[&str]) -> Result<usize, CloudError> {
    let arns = arns.iter().map(|arn| (*arn).to_owned()).collect();
    let found = send(cloud, DescribeTargetGroups { arns, ..DescribeTargetGroups::default() }).await?;
    Ok(found.items.len())
}

#[tokio::test(start_paused = true)]
async fn what_was_created_is_there_until_reads_must_show_it() {
    let cloud = ReadYourWrites::new(Blind, Arc::default());
    send(&cloud, create()).await.unwrap();
    assert_eq!(target_groups(&cloud, &[]).await, Ok(1));
    assert_eq!(target_groups(&cloud, &["arn:tg"]).await, Ok(1));
    assert!(target_groups(&cloud, &["arn:other"]).await.is_err());
    let tags = send(&cloud, elbv2::DescribeTags { arns: vec!["arn:tg".to_owned()] }).await.unwrap();
    assert_eq!(tags["arn:tg"]["key"], "value");
    let health = DescribeTargetHealth { arn: "arn:tg".into(), targets: Vec::new() };
    assert_eq!(send(&cloud, health).await, Ok(Vec::new()));
    advance(KEPT).await;
    assert_eq!(target_groups(&cloud, &[]).await, Ok(0));
    assert!(target_groups(&cloud, &["arn:tg"]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_gone() {
    let cloud = ReadYourWrites::new(Blind, Arc::default());
    send(&cloud, create()).await.unwrap();
    send(&cloud, DeleteTargetGroup { arn: "arn:tg".into() }).await.unwrap();
    assert_eq!(target_groups(&cloud, &[]).await, Ok(0));
    assert!(target_groups(&cloud, &["arn:tg"]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_security_group_is_found_by_its_filters_with_its_rules() {
    let cloud = ReadYourWrites::new(Blind, Arc::default());
    let tags = Tags::from([("cluster".to_owned(), "demo".to_owned())]);
    let create = ec2::CreateSecurityGroup { vpc_id: "vpc-1".to_owned(), tags, ..Default::default() };
    send(&cloud, create).await.unwrap();
    let rule = IngressRule {
        protocol: "tcp".to_owned(),
        from_port: Some(80),
        to_port: Some(80),
        source: RuleSource::Ipv4("0.0.0.0/0".to_owned()),
        description: None,
    };
    send(&cloud, AuthorizeIngress { group_id: "sg-1".into(), rules: vec![rule] }).await.unwrap();
    for (filter, expected) in [
        (Filter::new("tag:cluster", ["demo"]), 1),
        (Filter::new("tag:cluster", ["other"]), 0),
        (Filter::new("group-id", ["sg-1"]), 1),
        (Filter::new("vpc-id", ["vpc-2"]), 0),
    ] {
        let request = DescribeSecurityGroups { filters: vec![filter.clone()], ..Default::default() };
        let found = send(&cloud, request).await.unwrap().items;
        assert_eq!(found.len(), expected, "{filter:?}");
        assert!(found.iter().all(|group| group.ingress.len() == 1));
    }
}
