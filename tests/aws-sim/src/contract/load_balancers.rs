//! Clauses about load balancers.

use super::*;
use aws_load_balancer_controller::aws_api::Attributes;

pub(super) async fn an_alb_gets_an_arn_and_a_dns_name_of_its_kind(account: TestAccount) -> Promise {
    let lb = account.alb().await?;
    same(lb.arn.contains(&format!(":loadbalancer/app/{}/", lb.name)), true)?;
    same(lb.dns_name.starts_with(&format!("internal-{}-", lb.name)), true)?;
    same(lb.security_groups, vec![account.id("SG_1")])?;
    same(lb.enforce_inbound_rules_on_private_link, None)
}

pub(super) async fn an_nlb_gets_a_dns_name_with_its_arns_id(account: TestAccount) -> Promise {
    let lb = account.send(account.internal(LoadBalancerType::Network)).await?;
    let id = lb.arn.rsplit('/').next().unwrap_or_default();
    same(lb.dns_name.starts_with(&format!("{}-{id}.elb.", lb.name)), true)?;
    same(lb.enable_prefix_for_ipv6_source_nat.as_deref(), Some("off"))
}

pub(super) async fn the_same_request_twice_makes_one_load_balancer(account: TestAccount) -> Promise {
    let request = account.internal(LoadBalancerType::Application);
    let first = account.send(request.clone()).await?;
    same(account.send(request).await?.arn, first.arn)
}

pub(super) async fn a_name_belongs_to_one_load_balancer(account: TestAccount) -> Promise {
    let request = account.internal(LoadBalancerType::Network);
    account.send(request.clone()).await?;
    let other = CreateLoadBalancer { scheme: Scheme::InternetFacing, ..request };
    refused(account.send(other).await, "DuplicateLoadBalancerName")
}

pub(super) async fn an_alb_needs_two_zones(account: TestAccount) -> Promise {
    let mut request = account.internal(LoadBalancerType::Application);
    request.subnet_mappings.pop();
    refused(account.send(request).await, "ValidationError")
}

pub(super) async fn two_subnets_of_a_zone_are_refused(account: TestAccount) -> Promise {
    let mut request = account.internal(LoadBalancerType::Network);
    request.subnet_mappings = ["PRIV_A", "SPARE_A"].map(|name| in_subnet(&account.id(name))).into();
    refused(account.send(request).await, "InvalidConfigurationRequest")
}

pub(super) async fn an_unknown_subnet_is_refused(account: TestAccount) -> Promise {
    let mut request = account.internal(LoadBalancerType::Network);
    request.subnet_mappings.push(in_subnet("subnet-0000000000000000f"));
    refused(account.send(request).await, "SubnetNotFound")
}

pub(super) async fn names_are_checked(account: TestAccount) -> Promise {
    for name in ["", "-a", "a-", "a_b", "internal-a", "a23456789012345678901234567890123"] {
        let request =
            CreateLoadBalancer { name: name.to_owned(), ..account.internal(LoadBalancerType::Network) };
        refused(account.send(request).await, "ValidationError")?;
    }
    Ok(())
}

pub(super) async fn a_protected_load_balancer_stays(account: TestAccount) -> Promise {
    let arn = Ref::from(account.alb().await?.arn);
    let protect = |on: &str| ModifyLoadBalancerAttributes {
        arn: arn.clone(),
        attributes: Attributes::from([("deletion_protection.enabled".to_owned(), on.to_owned())]),
    };
    account.send(protect("true")).await?;
    refused(account.send(DeleteLoadBalancer { arn: arn.clone() }).await, "OperationNotPermitted")?;
    account.send(protect("false")).await?;
    Ok(account.send(DeleteLoadBalancer { arn }).await?)
}

pub(super) async fn deleting_twice_succeeds(account: TestAccount) -> Promise {
    let arn = account.alb().await?.arn;
    account.send(DeleteLoadBalancer { arn: arn.as_str().into() }).await?;
    account.send(DeleteLoadBalancer { arn: arn.as_str().into() }).await?;
    let gone = DescribeLoadBalancers { arns: vec![arn], ..DescribeLoadBalancers::default() };
    refused(account.send(gone).await, "LoadBalancerNotFound")
}

pub(super) async fn attributes_begin_with_defaults_and_keep_what_is_set(account: TestAccount) -> Promise {
    let arn = Ref::from(account.alb().await?.arn);
    let attributes = Attributes::from([("idle_timeout.timeout_seconds".to_owned(), "120".to_owned())]);
    account.send(ModifyLoadBalancerAttributes { arn: arn.clone(), attributes }).await?;
    let found = account.send(DescribeLoadBalancerAttributes { arn }).await?;
    for (key, expected) in [
        ("idle_timeout.timeout_seconds", "120"),
        ("deletion_protection.enabled", "false"),
        ("routing.http2.enabled", "true"),
        ("access_logs.s3.enabled", "false"),
    ] {
        same(found.get(key).map(String::as_str), Some(expected))?;
    }
    Ok(())
}

pub(super) async fn unknown_attributes_are_refused(account: TestAccount) -> Promise {
    let arn = Ref::from(account.alb().await?.arn);
    for (key, value) in [("no.such.key", "1"), ("idle_timeout.timeout_seconds", "4001")] {
        let attributes = Attributes::from([(key.to_owned(), value.to_owned())]);
        let request = ModifyLoadBalancerAttributes { arn: arn.clone(), attributes };
        refused(account.send(request).await, "ValidationError")?;
    }
    Ok(())
}

pub(super) async fn a_change_of_attributes_names_some(account: TestAccount) -> Promise {
    let arn = Ref::from(account.alb().await?.arn);
    let request = ModifyLoadBalancerAttributes { arn, attributes: Attributes::new() };
    refused(account.send(request).await, "ValidationError")
}

pub(super) async fn an_nlb_without_groups_cannot_get_them_later(account: TestAccount) -> Promise {
    let lb = account.send(account.internal(LoadBalancerType::Network)).await?;
    let security_groups = vec![account.id("SG_1").into()];
    let request = SetSecurityGroups { arn: lb.arn.into(), security_groups, ..SetSecurityGroups::default() };
    refused(account.send(request).await, "InvalidConfigurationRequest")
}

pub(super) async fn an_elastic_ip_serves_one_load_balancer(account: TestAccount) -> Promise {
    let request = || {
        let mut request = account.internal(LoadBalancerType::Network);
        request.scheme = Scheme::InternetFacing;
        let allocation_id = Some(account.id("EIP_C"));
        request.subnet_mappings = vec![SubnetMapping { allocation_id, ..in_subnet(&account.id("PUB_C")) }];
        request
    };
    let lb = account.send(request()).await?;
    let addresses = lb.zones.iter().flat_map(|zone| &zone.addresses);
    let ids: Vec<_> = addresses.filter_map(|address| address.allocation_id.clone()).collect();
    same(ids, vec![account.id("EIP_C")])?;
    refused(account.send(request()).await, "ResourceInUse")?;
    account.send(DeleteLoadBalancer { arn: lb.arn.into() }).await?;
    account.send(request()).await?;
    Ok(())
}

pub(super) async fn tags_are_added_and_removed(account: TestAccount) -> Promise {
    let arn = account.alb().await?.arn;
    let tags = |pairs: &[(&str, &str)]| -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    account.send(AddTags { arn: arn.as_str().into(), tags: tags(&[("a", "1"), ("b", "2")]) }).await?;
    account.send(AddTags { arn: arn.as_str().into(), tags: tags(&[("b", "3")]) }).await?;
    account.send(RemoveTags { arn: arn.as_str().into(), keys: vec!["a".to_owned()] }).await?;
    let found = account.send(DescribeTags { arns: vec![arn.clone()] }).await?;
    same(found.get(&arn), Some(&tags(&[("b", "3")])))?;
    let reserved = AddTags { arn: arn.into(), tags: tags(&[("aws:x", "1")]) };
    refused(account.send(reserved).await, "ValidationError")
}

pub(super) async fn lists_are_paged(account: TestAccount) -> Promise {
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(account.send(account.internal(LoadBalancerType::Network)).await?.arn);
    }
    let ask = |marker| account.send(DescribeLoadBalancers { marker, ..DescribeLoadBalancers::default() });
    let found: Vec<_> = all_pages(ask).await?.into_iter().map(|lb| lb.arn).collect();
    let count = |arn: &String| found.iter().filter(|known| *known == arn).count();
    same(made.iter().map(count).collect::<Vec<_>>(), vec![1; 5])
}

pub(super) async fn capacity_can_be_reserved_and_reset(account: TestAccount) -> Promise {
    let arn = Ref::from(account.alb().await?.arn);
    for units in [None, Some(100), None] {
        account.send(ModifyCapacityReservation { arn: arn.clone(), capacity_units: units }).await?;
        let found = account.send(DescribeCapacityReservation { arn: arn.clone() }).await?;
        same(found.capacity_units, units)?;
    }
    Ok(())
}
