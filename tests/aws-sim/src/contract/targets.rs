//! Clauses about targets.

use super::*;

impl TestAccount {
    async fn health(&self, arn: &str) -> Result<Vec<TargetHealth>, CloudError> {
        self.send(DescribeTargetHealth { arn: arn.into(), targets: Vec::new() }).await
    }

    async fn register(&self, arn: &str, targets: Vec<Target>) -> Result<(), CloudError> {
        self.send(RegisterTargets { arn: arn.into(), targets }).await
    }
}

fn target(id: &str, port: i32) -> Target {
    Target { id: id.into(), port: Some(port), ..Target::default() }
}

pub(super) async fn targets_of_an_unused_group_are_unused(account: TestAccount) -> Promise {
    let arn = account.send(account.ip_group(Protocol::Http)).await?.arn;
    account.register(&arn, vec![target("10.0.68.1", 8080)]).await?;
    let found = account.health(&arn).await?.into_iter().map(|health| (health.state, health.reason));
    same(found.collect(), vec![(TargetHealthState::Unused, Some("Target.NotInUse".to_owned()))])
}

pub(super) async fn targets_of_a_used_group_are_checked(account: TestAccount) -> Promise {
    let (lb, group) = (account.alb().await?, account.send(account.ip_group(Protocol::Http)).await?);
    account.register(&group.arn, vec![target("10.0.68.2", 8080)]).await?;
    account.send(listener_on(&lb, 80, vec![forward_to([group.arn.as_str()])])).await?;
    let checked = |state: &TargetHealthState| !matches!(state, TargetHealthState::Unused);
    same(account.health(&group.arn).await?.iter().map(|health| checked(&health.state)).collect(), vec![true])
}

pub(super) async fn targets_are_told_apart_by_id_and_port(account: TestAccount) -> Promise {
    let arn = account.send(account.ip_group(Protocol::Http)).await?.arn;
    account.register(&arn, vec![target("10.0.68.3", 1), target("10.0.68.3", 2)]).await?;
    let gone = DeregisterTargets { arn: arn.as_str().into(), targets: vec![target("10.0.68.3", 1)] };
    account.send(gone).await?;
    same(account.health(&arn).await?.iter().map(|health| health.target.port).collect(), vec![Some(2)])
}

pub(super) async fn registering_twice_is_once(account: TestAccount) -> Promise {
    let arn = account.send(account.ip_group(Protocol::Http)).await?.arn;
    account.register(&arn, vec![target("10.0.68.4", 80)]).await?;
    account.register(&arn, vec![Target { port: None, ..target("10.0.68.4", 0) }]).await?;
    same(account.health(&arn).await?.len(), 1)
}

pub(super) async fn unknown_targets_are_not_registered(account: TestAccount) -> Promise {
    let arn = account.send(account.ip_group(Protocol::Http)).await?.arn;
    let unknown = vec![target("10.0.68.5", 80)];
    account.send(DeregisterTargets { arn: arn.as_str().into(), targets: unknown.clone() }).await?;
    let asked = DescribeTargetHealth { arn: arn.into(), targets: unknown };
    let found = account.send(asked).await?.into_iter().map(|health| (health.state, health.reason));
    same(found.collect(), vec![(TargetHealthState::Unused, Some("Target.NotRegistered".to_owned()))])
}

pub(super) async fn addresses_outside_the_vpc_need_a_zone(account: TestAccount) -> Promise {
    let arn = account.send(account.ip_group(Protocol::Http)).await?.arn;
    let outside = target("192.168.1.1", 80);
    refused(account.register(&arn, vec![outside.clone()]).await, "ValidationError")?;
    let everywhere = Target { availability_zone: Some("all".to_owned()), ..outside };
    account.register(&arn, vec![everywhere]).await?;
    refused(account.register(&arn, vec![target("not-an-address", 80)]).await, "ValidationError")
}

pub(super) async fn instances_must_exist(account: TestAccount) -> Promise {
    let request = CreateTargetGroup { target_type: TargetType::Instance, ..account.ip_group(Protocol::Tcp) };
    let arn = account.send(request).await?.arn;
    refused(account.register(&arn, vec![target("i-00000000000000000", 80)]).await, "InvalidTarget")
}

pub(super) async fn an_alb_target_needs_its_listener(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    let request = CreateTargetGroup { target_type: TargetType::Alb, ..account.ip_group(Protocol::Tcp) };
    let arn = account.send(request).await?.arn;
    refused(account.register(&arn, vec![target(&lb.arn, 80)]).await, "InvalidTarget")?;
    account.http_listener(&lb, 80).await?;
    Ok(account.register(&arn, vec![target(&lb.arn, 80)]).await?)
}
