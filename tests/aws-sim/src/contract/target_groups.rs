//! Clauses about target groups.

use super::*;
use aws_load_balancer_controller::cloud::Attributes;

pub(super) async fn a_target_group_gets_the_defaults_of_its_protocol(ground: Ground) -> Kept {
    let http = ground.send(ground.ip_group(Protocol::Http)).await?;
    same(http.protocol_version.as_deref(), Some("HTTP1"))?;
    same(http.health_check.path.as_deref(), Some("/"))?;
    same(http.health_check.timeout_seconds, Some(5))?;
    let tcp = ground.send(ground.ip_group(Protocol::Tcp)).await?;
    same(tcp.health_check.protocol, Some(Protocol::Tcp))?;
    same(tcp.health_check.path, None)?;
    let attributes = ground.send(DescribeTargetGroupAttributes { arn: tcp.arn.into() }).await?;
    same(attributes.get("preserve_client_ip.enabled").map(String::as_str), Some("false"))?;
    same(attributes.get("deregistration_delay.timeout_seconds").map(String::as_str), Some("300"))
}

pub(super) async fn a_name_belongs_to_one_target_group(ground: Ground) -> Kept {
    let request = ground.ip_group(Protocol::Http);
    ground.send(request.clone()).await?;
    let other = CreateTargetGroup { port: Some(81), ..request };
    refused(ground.send(other).await, "DuplicateTargetGroupName")
}

pub(super) async fn the_same_target_group_twice_is_one(ground: Ground) -> Kept {
    let request = ground.ip_group(Protocol::Http);
    let first = ground.send(request.clone()).await?;
    same(ground.send(request).await?.arn, first.arn)
}

pub(super) async fn health_checks_keep_what_is_not_changed(ground: Ground) -> Kept {
    let group = ground.send(ground.ip_group(Protocol::Http)).await?;
    let health_check = HealthCheck { interval_seconds: Some(60), ..HealthCheck::default() };
    ground.send(ModifyTargetGroup { arn: group.arn.as_str().into(), health_check }).await?;
    let asked = DescribeTargetGroups { arns: vec![group.arn], ..DescribeTargetGroups::default() };
    let found = ground.send(asked).await?.items.into_iter().next().map(|group| group.health_check);
    let expected = HealthCheck { interval_seconds: Some(60), ..group.health_check };
    same(found, Some(expected))
}

pub(super) async fn health_checks_are_checked(ground: Ground) -> Kept {
    for health_check in [
        HealthCheck { path: Some("no-slash".to_owned()), ..HealthCheck::default() },
        HealthCheck { port: Some("70000".to_owned()), ..HealthCheck::default() },
        HealthCheck { protocol: Some(Protocol::Tcp), ..HealthCheck::default() },
        HealthCheck { healthy_threshold: Some(1), ..HealthCheck::default() },
        HealthCheck { interval_seconds: Some(5), timeout_seconds: Some(5), ..HealthCheck::default() },
    ] {
        let request =
            CreateTargetGroup { health_check: Some(health_check), ..ground.ip_group(Protocol::Http) };
        refused(ground.send(request).await, "ValidationError")?;
    }
    Ok(())
}

pub(super) async fn a_target_group_in_use_stays(ground: Ground) -> Kept {
    let (lb, group) = (ground.alb().await?, ground.send(ground.ip_group(Protocol::Http)).await?);
    let listener = ground.send(listener_on(&lb, 80, vec![forward_to([group.arn.as_str()])])).await?;
    let delete = || DeleteTargetGroup { arn: group.arn.as_str().into() };
    refused(ground.send(delete()).await, "ResourceInUse")?;
    let asked =
        DescribeTargetGroups { load_balancer_arn: Some(lb.arn.clone()), ..DescribeTargetGroups::default() };
    let users: Vec<_> =
        ground.send(asked).await?.items.into_iter().map(|group| group.load_balancer_arns).collect();
    same(users, vec![vec![lb.arn]])?;
    ground.send(DeleteListener { arn: listener.arn.into() }).await?;
    ground.send(delete()).await?;
    Ok(ground.send(delete()).await?)
}

pub(super) async fn a_target_group_serves_one_load_balancer(ground: Ground) -> Kept {
    let group = ground.send(ground.ip_group(Protocol::Http)).await?;
    let (first, second) = (ground.alb().await?, ground.alb().await?);
    ground.send(listener_on(&first, 80, vec![forward_to([group.arn.as_str()])])).await?;
    let other = listener_on(&second, 80, vec![forward_to([group.arn.as_str()])]);
    refused(ground.send(other).await, "TargetGroupAssociationLimit")
}

pub(super) async fn protocols_must_match_the_listener(ground: Ground) -> Kept {
    let (lb, group) = (ground.alb().await?, ground.send(ground.ip_group(Protocol::Tcp)).await?);
    let request = listener_on(&lb, 80, vec![forward_to([group.arn.as_str()])]);
    refused(ground.send(request).await, "IncompatibleProtocols")
}

pub(super) async fn client_ip_preservation_is_a_must_for_udp(ground: Ground) -> Kept {
    let group = ground.send(ground.ip_group(Protocol::Udp)).await?;
    let attributes = Attributes::from([("preserve_client_ip.enabled".to_owned(), "false".to_owned())]);
    let request = ModifyTargetGroupAttributes { arn: group.arn.into(), attributes };
    refused(ground.send(request).await, "InvalidConfigurationRequest")
}
