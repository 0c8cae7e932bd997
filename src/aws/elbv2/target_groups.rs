//! Target groups.

use super::tags;
use crate::aws::sdk::{answered, done, each, id, lacks, named, some};
use crate::aws_api::elbv2::{
    CreateTargetGroup, DeleteTargetGroup, DescribeTargetGroups, HealthCheck, IpAddressType, Matcher,
    ModifyTargetGroup, Page, TargetGroup, TargetType,
};
use crate::aws_api::{Action, CloudError};
use aws_sdk_elasticloadbalancingv2::{Client, types};

pub(super) async fn describe(
    client: &Client,
    request: DescribeTargetGroups,
) -> Result<Page<TargetGroup>, CloudError> {
    const ACTION: Action = Action::DescribeTargetGroups;
    let call = client
        .describe_target_groups()
        .set_target_group_arns(some(request.arns))
        .set_names(some(request.names))
        .set_load_balancer_arn(request.load_balancer_arn)
        .set_marker(request.marker);
    let answer = answered(ACTION, call.send().await)?;
    let items = named(ACTION, each(answer.target_groups, target_group), |one| &one.arn)?;
    Ok(Page { items, next_marker: answer.next_marker })
}

pub(super) async fn create(client: &Client, request: CreateTargetGroup) -> Result<TargetGroup, CloudError> {
    const ACTION: Action = Action::CreateTargetGroup;
    let CreateTargetGroup {
        name,
        target_type,
        port,
        protocol,
        protocol_version,
        ip_address_type,
        vpc_id,
        health_check,
        target_control_port,
        tags,
    } = request;
    let mut call = client
        .create_target_group()
        .name(name)
        .target_type(target_type.as_str().into())
        .set_port(port)
        .protocol(protocol.as_str().into())
        .set_protocol_version(protocol_version)
        .vpc_id(vpc_id)
        .set_target_control_port(target_control_port)
        .set_tags(tags::to_sdk(tags));
    if ip_address_type != IpAddressType::Ipv4 {
        call = call.ip_address_type(ip_address_type.as_str().into());
    }
    if let Some(check) = health_check {
        call = call
            .health_check_enabled(true)
            .set_health_check_port(check.port)
            .set_health_check_protocol(check.protocol.map(|protocol| protocol.as_str().into()))
            .set_health_check_path(check.path)
            .set_matcher(check.matcher.map(to_matcher))
            .set_health_check_interval_seconds(check.interval_seconds)
            .set_health_check_timeout_seconds(check.timeout_seconds)
            .set_healthy_threshold_count(check.healthy_threshold)
            .set_unhealthy_threshold_count(check.unhealthy_threshold);
    }
    let answer = answered(ACTION, call.send().await)?;
    let created = answer.target_groups.unwrap_or_default().into_iter().next();
    created.map(target_group).filter(|one| !one.arn.is_empty()).ok_or_else(|| lacks(ACTION, "target group"))
}

pub(super) async fn modify(client: &Client, request: ModifyTargetGroup) -> Result<(), CloudError> {
    const ACTION: Action = Action::ModifyTargetGroup;
    let check = request.health_check;
    let call = client
        .modify_target_group()
        .target_group_arn(id(ACTION, &request.arn)?)
        .health_check_enabled(true)
        .set_health_check_port(check.port)
        .set_health_check_protocol(check.protocol.map(|protocol| protocol.as_str().into()))
        .set_health_check_path(check.path)
        .set_matcher(check.matcher.map(to_matcher))
        .set_health_check_interval_seconds(check.interval_seconds)
        .set_health_check_timeout_seconds(check.timeout_seconds)
        .set_healthy_threshold_count(check.healthy_threshold)
        .set_unhealthy_threshold_count(check.unhealthy_threshold);
    done(ACTION, call.send().await)
}

pub(super) async fn delete(client: &Client, request: DeleteTargetGroup) -> Result<(), CloudError> {
    const ACTION: Action = Action::DeleteTargetGroup;
    let call = client.delete_target_group().target_group_arn(id(ACTION, &request.arn)?);
    done(ACTION, call.send().await)
}

fn to_matcher(matcher: Matcher) -> types::Matcher {
    types::Matcher::builder().set_http_code(matcher.http_code).set_grpc_code(matcher.grpc_code).build()
}

fn target_group(sdk: types::TargetGroup) -> TargetGroup {
    TargetGroup {
        arn: sdk.target_group_arn.unwrap_or_default(),
        name: sdk.target_group_name.unwrap_or_default(),
        target_type: TargetType::from(sdk.target_type.as_ref().map_or("", |kind| kind.as_str())),
        port: sdk.port,
        protocol: sdk.protocol.as_ref().map(|protocol| protocol.as_str().into()),
        protocol_version: sdk.protocol_version,
        ip_address_type: sdk
            .ip_address_type
            .as_ref()
            .map_or(IpAddressType::Ipv4, |family| family.as_str().into()),
        vpc_id: sdk.vpc_id,
        health_check: HealthCheck {
            port: sdk.health_check_port,
            protocol: sdk.health_check_protocol.as_ref().map(|protocol| protocol.as_str().into()),
            path: sdk.health_check_path,
            matcher: sdk
                .matcher
                .map(|matcher| Matcher { http_code: matcher.http_code, grpc_code: matcher.grpc_code }),
            interval_seconds: sdk.health_check_interval_seconds,
            timeout_seconds: sdk.health_check_timeout_seconds,
            healthy_threshold: sdk.healthy_threshold_count,
            unhealthy_threshold: sdk.unhealthy_threshold_count,
        },
        target_control_port: sdk.target_control_port,
        load_balancer_arns: sdk.load_balancer_arns.unwrap_or_default(),
    }
}
