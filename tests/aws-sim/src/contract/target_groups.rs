//! Clauses about target groups.

use super::*;
use aws_load_balancer_controller::aws_api::Attributes;

pub(super) async fn a_target_group_gets_the_defaults_of_its_protocol(account: TestAccount) -> Promise {
    let http = account.send(account.ip_group(Protocol::Http)).await?;
    same(http.protocol_version.as_deref(), Some("HTTP1"))?;
    same(http.health_check.path.as_deref(), Some("/"))?;
    same(http.health_check.timeout_seconds, Some(5))?;
    let tcp = account.send(account.ip_group(Protocol::Tcp)).await?;
    same(tcp.health_check.protocol, Some(Protocol::Tcp))?;
    same(tcp.health_check.path, None)?;
    let attributes = account.send(DescribeTargetGroupAttributes { arn: tcp.arn.into() }).await?;
    same(attributes.get("preserve_client_ip.enabled").map(String::as_str), Some("false"))?;
    same(attributes.get("deregistration_delay.timeout_seconds").map(String::as_str), Some("300"))
}

pub(super) async fn a_name_belongs_to_one_target_group(account: TestAccount) -> Promise {
    let request = account.ip_group(Protocol::Http);
    account.send(request.clone()).await?;
    let other = CreateTargetGroup { port: Some(81), ..request };
    refused(account.send(other).await, "DuplicateTargetGroupName")
}

pub(super) async fn the_same_target_group_twice_is_one(account: TestAccount) -> Promise {
    let request = account.ip_group(Protocol::Http);
    let first = account.send(request.clone()).await?;
    same(account.send(request).await?.arn, first.arn)
}

pub(super) async fn health_checks_keep_what_is_not_changed(account: TestAccount) -> Promise {
    let group = account.send(account.ip_group(Protocol::Http)).await?;
    let health_check = HealthCheck { interval_seconds: Some(60), ..HealthCheck::default() };
    account.send(ModifyTargetGroup { arn: group.arn.as_str().into(), health_check }).await?;
    let asked = DescribeTargetGroups { arns: vec![group.arn], ..DescribeTargetGroups::default() };
    let found = account.send(asked).await?.items.into_iter().next().map(|group| group.health_check);
    let expected = HealthCheck { interval_seconds: Some(60), ..group.health_check };
    same(found, Some(expected))
}

pub(super) async fn health_checks_are_checked(account: TestAccount) -> Promise {
    for health_check in [
        HealthCheck { path: Some("no-slash".to_owned()), ..HealthCheck::default() },
        HealthCheck { port: Some("70000".to_owned()), ..HealthCheck::default() },
        HealthCheck { protocol: Some(Protocol::Tcp), ..HealthCheck::default() },
        HealthCheck { healthy_threshold: Some(1), ..HealthCheck::default() },
        HealthCheck { interval_seconds: Some(5), timeout_seconds: Some(5), ..HealthCheck::default() },
    ] {
        let request =
            CreateTargetGroup { health_check: Some(health_check), ..account.ip_group(Protocol::Http) };
        refused(account.send(request).await, "ValidationError")?;
    }
    Ok(())
}

pub(super) async fn a_target_group_in_use_stays(account: TestAccount) -> Promise {
    let (lb, group) = (account.alb().await?, account.send(account.ip_group(Protocol::Http)).await?);
    let listener = account.send(listener_on(&lb, 80, vec![forward_to([group.arn.as_str()])])).await?;
    let delete = || DeleteTargetGroup { arn: group.arn.as_str().into() };
    refused(account.send(delete()).await, "ResourceInUse")?;
    let asked =
        DescribeTargetGroups { load_balancer_arn: Some(lb.arn.clone()), ..DescribeTargetGroups::default() };
    let users: Vec<_> =
        account.send(asked).await?.items.into_iter().map(|group| group.load_balancer_arns).collect();
    same(users, vec![vec![lb.arn]])?;
    account.send(DeleteListener { arn: listener.arn.into() }).await?;
    account.send(delete()).await?;
    Ok(account.send(delete()).await?)
}

pub(super) async fn a_target_group_serves_one_load_balancer(account: TestAccount) -> Promise {
    let group = account.send(account.ip_group(Protocol::Http)).await?;
    let (first, second) = (account.alb().await?, account.alb().await?);
    account.send(listener_on(&first, 80, vec![forward_to([group.arn.as_str()])])).await?;
    let other = listener_on(&second, 80, vec![forward_to([group.arn.as_str()])]);
    refused(account.send(other).await, "TargetGroupAssociationLimit")
}

pub(super) async fn protocols_must_match_the_listener(account: TestAccount) -> Promise {
    let (lb, group) = (account.alb().await?, account.send(account.ip_group(Protocol::Tcp)).await?);
    let request = listener_on(&lb, 80, vec![forward_to([group.arn.as_str()])]);
    refused(account.send(request).await, "IncompatibleProtocols")
}

pub(super) async fn client_ip_preservation_is_a_must_for_udp(account: TestAccount) -> Promise {
    let group = account.send(account.ip_group(Protocol::Udp)).await?;
    let attributes = Attributes::from([("preserve_client_ip.enabled".to_owned(), "false".to_owned())]);
    let request = ModifyTargetGroupAttributes { arn: group.arn.into(), attributes };
    refused(account.send(request).await, "InvalidConfigurationRequest")
}
