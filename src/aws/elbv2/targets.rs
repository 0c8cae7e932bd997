//! Targets and their health.

use crate::aws::sdk::{answered, done, each, id, named, some};
use crate::aws_api::elbv2::{
    DeregisterTargets, DescribeTargetHealth, RegisterTargets, Target, TargetHealth, TargetHealthState,
};
use crate::aws_api::{Action, CloudError, Ref};
use aws_sdk_elasticloadbalancingv2::{Client, types};

pub(super) async fn describe_health(
    client: &Client,
    request: DescribeTargetHealth,
) -> Result<Vec<TargetHealth>, CloudError> {
    const ACTION: Action = Action::DescribeTargetHealth;
    let call = client
        .describe_target_health()
        .target_group_arn(id(ACTION, &request.arn)?)
        .set_targets(to_targets(ACTION, request.targets)?);
    let answer = answered(ACTION, call.send().await)?;
    let targets = each(answer.target_health_descriptions, target_health);
    named(ACTION, targets, |one| one.target.id.known().unwrap_or_default())
}

pub(super) async fn register(client: &Client, request: RegisterTargets) -> Result<(), CloudError> {
    const ACTION: Action = Action::RegisterTargets;
    let call = client
        .register_targets()
        .target_group_arn(id(ACTION, &request.arn)?)
        .set_targets(to_targets(ACTION, request.targets)?);
    done(ACTION, call.send().await)
}

pub(super) async fn deregister(client: &Client, request: DeregisterTargets) -> Result<(), CloudError> {
    const ACTION: Action = Action::DeregisterTargets;
    let call = client
        .deregister_targets()
        .target_group_arn(id(ACTION, &request.arn)?)
        .set_targets(to_targets(ACTION, request.targets)?);
    done(ACTION, call.send().await)
}

fn to_targets(
    action: Action,
    targets: Vec<Target>,
) -> Result<Option<Vec<types::TargetDescription>>, CloudError> {
    let targets: Result<Vec<_>, _> = targets.into_iter().map(|target| to_target(action, target)).collect();
    targets.map(some)
}

fn to_target(action: Action, target: Target) -> Result<types::TargetDescription, CloudError> {
    let Target { id: target_id, port, availability_zone, quic_server_id } = target;
    Ok(types::TargetDescription::builder()
        .id(id(action, &target_id)?)
        .set_port(port)
        .set_availability_zone(availability_zone)
        .set_quic_server_id(quic_server_id)
        .build())
}

fn target_health(sdk: types::TargetHealthDescription) -> TargetHealth {
    let target = sdk.target.unwrap_or_else(|| types::TargetDescription::builder().build());
    let health = sdk.target_health;
    let state = health.as_ref().and_then(|health| health.state.as_ref()).map_or("", |state| state.as_str());
    TargetHealth {
        target: Target {
            id: Ref::Known(target.id.unwrap_or_default()),
            port: target.port,
            availability_zone: target.availability_zone,
            quic_server_id: target.quic_server_id,
        },
        state: TargetHealthState::from(state),
        reason: health
            .as_ref()
            .and_then(|health| health.reason.as_ref())
            .map(|reason| reason.as_str().to_owned()),
        description: health.and_then(|health| health.description),
    }
}
