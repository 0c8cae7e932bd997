//! What an Elastic Load Balancing form asks for.
//!
//! The port's requests are always whole. Where AWS lets a caller leave something as it is (`ModifyListener`,
//! `ModifyRule`), what the form leaves out is taken from the world.

use super::{
    Node,
    read_routing::{actions, conditions, mutual_authentication, transforms},
};
use crate::{
    World,
    refusal::{CallResult, bad_value, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{Attributes, Ref, Request, Tags, elbv2::*};
use std::collections::{BTreeMap, BTreeSet};

/// Changes of a load balancer that exists.
const LOAD_BALANCER_CHANGES: &[&str] = &[
    "DeleteLoadBalancer",
    "SetSecurityGroups",
    "SetSubnets",
    "SetIpAddressType",
    "ModifyIpPools",
    "ModifyLoadBalancerAttributes",
    "ModifyCapacityReservation",
];

/// The requests of a form: one, or one for each resource, certificate or listener it names.
pub(super) fn requests(action: &str, form: &Node, world: &World) -> CallResult<Vec<Request>> {
    Ok(vec![match action {
        "DescribeListeners" => return describe_listeners(form, world),
        "DescribeRules" => return describe_rules(form),
        "AddTags" => return add_tags(form),
        "RemoveTags" => return remove_tags(form),
        "AddListenerCertificates" => {
            return each_certificate(form, |listener_arn, certificate_arn| {
                AddListenerCertificate { listener_arn, certificate_arn }.into()
            });
        }
        "RemoveListenerCertificates" => {
            return each_certificate(form, |listener_arn, certificate_arn| {
                RemoveListenerCertificate { listener_arn, certificate_arn }.into()
            });
        }
        _ if action.starts_with("Describe") => description(action, form)?,
        _ if action.contains("Target") => target_group_change(action, form)?,
        _ if action.contains("Listener") || action.contains("Rule") => routing_change(action, form, world)?,
        _ => load_balancer_change(action, form, world)?,
    }])
}

fn unknown(action: &str) -> crate::refusal::Refusal {
    refuse("InvalidAction", format!("Could not find operation {action} for version 2015-12-01"))
}

fn description(action: &str, form: &Node) -> CallResult<Request> {
    let marker = form.text("Marker");
    let arn = |name: &str| form.required(name).map(Ref::from);
    Ok(match action {
        "DescribeLoadBalancers" => {
            DescribeLoadBalancers { arns: form.texts("LoadBalancerArns"), names: form.texts("Names"), marker }
                .into()
        }
        "DescribeTargetGroups" => DescribeTargetGroups {
            arns: form.texts("TargetGroupArns"),
            names: form.texts("Names"),
            load_balancer_arn: form.text("LoadBalancerArn"),
            marker,
        }
        .into(),
        "DescribeTags" => DescribeTags { arns: form.texts("ResourceArns") }.into(),
        "DescribeListenerCertificates" => {
            DescribeListenerCertificates { listener_arn: arn("ListenerArn")?, marker }.into()
        }
        "DescribeLoadBalancerAttributes" => {
            DescribeLoadBalancerAttributes { arn: arn("LoadBalancerArn")? }.into()
        }
        "DescribeTargetGroupAttributes" => {
            DescribeTargetGroupAttributes { arn: arn("TargetGroupArn")? }.into()
        }
        "DescribeListenerAttributes" => DescribeListenerAttributes { arn: arn("ListenerArn")? }.into(),
        "DescribeCapacityReservation" => DescribeCapacityReservation { arn: arn("LoadBalancerArn")? }.into(),
        "DescribeTrustStores" => DescribeTrustStores { names: form.texts("Names"), marker }.into(),
        "DescribeTargetHealth" => {
            DescribeTargetHealth { arn: arn("TargetGroupArn")?, targets: targets(form)? }.into()
        }
        _ => return Err(unknown(action)),
    })
}

/// Listeners by load balancer, or by their own ARNs: then the load balancer of each is asked.
fn describe_listeners(form: &Node, world: &World) -> CallResult<Vec<Request>> {
    let marker = form.text("Marker");
    let of = |arn: String| DescribeListeners { load_balancer_arn: arn.into(), marker: marker.clone() }.into();
    if let Some(arn) = form.text("LoadBalancerArn") {
        return Ok(vec![of(arn)]);
    }
    let mut parents = BTreeSet::new();
    for arn in form.texts("ListenerArns") {
        parents.insert(world.elb.listener(&arn.into())?.described.load_balancer_arn.clone());
    }
    ensure(!parents.is_empty(), || {
        bad_value("You must specify either listener ARNs or a load balancer ARN")
    })?;
    Ok(parents.into_iter().map(of).collect())
}

/// Rules by listener, or by their own ARNs: then the listener of each is asked.
fn describe_rules(form: &Node) -> CallResult<Vec<Request>> {
    let marker = form.text("Marker");
    let of = |arn: String| DescribeRules { listener_arn: arn.into(), marker: marker.clone() }.into();
    if let Some(arn) = form.text("ListenerArn") {
        return Ok(vec![of(arn)]);
    }
    let parent = |arn: &String| crate::elb::parent(arn, ":listener-rule/", ":listener/");
    let parents: BTreeSet<_> = form.texts("RuleArns").iter().map(parent).collect();
    ensure(!parents.is_empty(), || bad_value("You must specify either a listener ARN or rule ARNs"))?;
    Ok(parents.into_iter().map(of).collect())
}

fn add_tags(form: &Node) -> CallResult<Vec<Request>> {
    let tags = tags(form)?;
    let add = |arn: String| AddTags { arn: arn.into(), tags: tags.clone() }.into();
    Ok(resources(form)?.into_iter().map(add).collect())
}

fn remove_tags(form: &Node) -> CallResult<Vec<Request>> {
    let remove = |arn: String| RemoveTags { arn: arn.into(), keys: form.texts("TagKeys") }.into();
    Ok(resources(form)?.into_iter().map(remove).collect())
}

fn resources(form: &Node) -> CallResult<Vec<String>> {
    let arns = form.texts("ResourceArns");
    ensure(!arns.is_empty(), || bad_value("At least one resource must be specified"))?;
    Ok(arns)
}

fn each_certificate(form: &Node, request: fn(Ref, Ref) -> Request) -> CallResult<Vec<Request>> {
    let listener = Ref::from(form.required("ListenerArn")?);
    let certificates = form.list("Certificates");
    ensure(!certificates.is_empty(), || bad_value("A certificate must be specified"))?;
    let arn = |node: &&Node| Ref::from(node.text_or_empty("CertificateArn"));
    Ok(certificates.iter().map(|node| request(listener.clone(), arn(node))).collect())
}

fn load_balancer_change(action: &str, form: &Node, world: &World) -> CallResult<Request> {
    if action == "CreateLoadBalancer" {
        return create_load_balancer(form);
    }
    ensure(LOAD_BALANCER_CHANGES.contains(&action), || unknown(action))?;
    let arn = Ref::from(form.required("LoadBalancerArn")?);
    Ok(match action {
        "DeleteLoadBalancer" => DeleteLoadBalancer { arn }.into(),
        "SetSecurityGroups" => SetSecurityGroups {
            arn,
            security_groups: form.texts("SecurityGroups").into_iter().map(Ref::from).collect(),
            enforce_inbound_rules_on_private_link: form
                .text("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"),
        }
        .into(),
        "SetSubnets" => SetSubnets {
            arn,
            subnet_mappings: subnet_mappings(form),
            enable_prefix_for_ipv6_source_nat: form.text("EnablePrefixForIpv6SourceNat"),
        }
        .into(),
        "SetIpAddressType" => {
            SetIpAddressType { arn, ip_address_type: form.required("IpAddressType")?.as_str().into() }.into()
        }
        "ModifyIpPools" => modify_ip_pools(arn, form, world)?,
        "ModifyLoadBalancerAttributes" => {
            ModifyLoadBalancerAttributes { arn, attributes: attributes(form) }.into()
        }
        "ModifyCapacityReservation" => modify_capacity_reservation(arn, form)?,
        _ => return Err(unknown(action)),
    })
}

fn modify_ip_pools(arn: Ref, form: &Node, world: &World) -> CallResult<Request> {
    let keeps = form.texts("RemoveIpamPools").is_empty();
    let current = world.elb.load_balancer(&arn)?.described.ipv4_ipam_pool_id.clone();
    let given = form.at("IpamPools").text("Ipv4IpamPoolId");
    Ok(ModifyIpPools { arn, ipv4_ipam_pool_id: given.or(current.filter(|_| keeps)) }.into())
}

fn modify_capacity_reservation(arn: Ref, form: &Node) -> CallResult<Request> {
    let capacity_units = form.at("MinimumLoadBalancerCapacity").number("CapacityUnits")?;
    let resets = form.flag("ResetCapacityReservation").unwrap_or(false);
    ensure(resets != capacity_units.is_some(), || {
        bad_value(
            "You must specify either a minimum load balancer capacity or a reset of the capacity reservation",
        )
    })?;
    Ok(ModifyCapacityReservation { arn, capacity_units }.into())
}

fn create_load_balancer(form: &Node) -> CallResult<Request> {
    let or = |name: &str, default: &str| form.text(name).unwrap_or_else(|| default.to_owned());
    Ok(CreateLoadBalancer {
        name: form.required("Name")?,
        kind: or("Type", "application").as_str().into(),
        scheme: or("Scheme", "internet-facing").as_str().into(),
        ip_address_type: or("IpAddressType", "ipv4").as_str().into(),
        subnet_mappings: subnet_mappings(form),
        security_groups: form.texts("SecurityGroups").into_iter().map(Ref::from).collect(),
        enable_prefix_for_ipv6_source_nat: form.text("EnablePrefixForIpv6SourceNat"),
        ipv4_ipam_pool_id: form.at("IpamPools").text("Ipv4IpamPoolId"),
        customer_owned_ipv4_pool: form.text("CustomerOwnedIpv4Pool"),
        tags: tags(form)?,
    }
    .into())
}

fn target_group_change(action: &str, form: &Node) -> CallResult<Request> {
    if action == "CreateTargetGroup" {
        return create_target_group(form);
    }
    let arn = Ref::from(form.required("TargetGroupArn")?);
    Ok(match action {
        "ModifyTargetGroup" => ModifyTargetGroup { arn, health_check: health_check(form)? }.into(),
        "ModifyTargetGroupAttributes" => {
            ModifyTargetGroupAttributes { arn, attributes: attributes(form) }.into()
        }
        "DeleteTargetGroup" => DeleteTargetGroup { arn }.into(),
        "RegisterTargets" => RegisterTargets { arn, targets: targets(form)? }.into(),
        "DeregisterTargets" => DeregisterTargets { arn, targets: targets(form)? }.into(),
        _ => return Err(unknown(action)),
    })
}

fn create_target_group(form: &Node) -> CallResult<Request> {
    let or = |name: &str, default: &str| form.text(name).unwrap_or_else(|| default.to_owned());
    Ok(CreateTargetGroup {
        name: form.required("Name")?,
        target_type: or("TargetType", "instance").as_str().into(),
        port: form.number("Port")?,
        protocol: form.required("Protocol")?.as_str().into(),
        protocol_version: form.text("ProtocolVersion"),
        ip_address_type: or("IpAddressType", "ipv4").as_str().into(),
        vpc_id: form.text_or_empty("VpcId"),
        health_check: Some(health_check(form)?),
        target_control_port: form.number("TargetControlPort")?,
        tags: tags(form)?,
    }
    .into())
}

fn routing_change(action: &str, form: &Node, world: &World) -> CallResult<Request> {
    let arn = |name: &str| form.required(name).map(Ref::from);
    Ok(match action {
        "CreateListener" => {
            let load_balancer_arn = arn("LoadBalancerArn")?;
            CreateListener { load_balancer_arn, settings: settings(form, None)?, tags: tags(form)? }.into()
        }
        "ModifyListener" => {
            let arn = arn("ListenerArn")?;
            let settings = settings(form, Some(&world.elb.listener(&arn)?.described))?;
            ModifyListener { arn, settings }.into()
        }
        "DeleteListener" => DeleteListener { arn: arn("ListenerArn")? }.into(),
        "ModifyListenerAttributes" => {
            ModifyListenerAttributes { arn: arn("ListenerArn")?, attributes: attributes(form) }.into()
        }
        "CreateRule" => CreateRule {
            listener_arn: arn("ListenerArn")?,
            priority: form.number("Priority")?.unwrap_or_default(),
            conditions: conditions(form)?,
            actions: actions(form, "Actions")?,
            transforms: transforms(form),
            tags: tags(form)?,
        }
        .into(),
        "ModifyRule" => modify_rule(form, world)?,
        "DeleteRule" => DeleteRule { arn: arn("RuleArn")? }.into(),
        "SetRulePriorities" => {
            let mut priorities = Vec::new();
            for pair in form.list("RulePriorities") {
                priorities.push((
                    Ref::from(pair.text_or_empty("RuleArn")),
                    pair.number("Priority")?.unwrap_or_default(),
                ));
            }
            SetRulePriorities { priorities }.into()
        }
        _ => return Err(unknown(action)),
    })
}

fn modify_rule(form: &Node, world: &World) -> CallResult<Request> {
    let arn = Ref::from(form.required("RuleArn")?);
    let current = world.elb.rule(&arn).map(|rule| rule.described.clone()).ok();
    let (conditions_then, actions_then, transforms_then) =
        current.map(|rule| (rule.conditions, rule.actions, rule.transforms)).unwrap_or_default();
    let resets = form.flag("ResetTransforms").unwrap_or(false);
    Ok(ModifyRule {
        arn,
        conditions: if form.has("Conditions") { conditions(form)? } else { conditions_then },
        actions: if form.has("Actions") { actions(form, "Actions")? } else { actions_then },
        transforms: if resets || form.has("Transforms") { transforms(form) } else { transforms_then },
    }
    .into())
}

/// Settings of a listener; what the form leaves out stays as it was.
fn settings(form: &Node, was: Option<&Listener>) -> CallResult<ListenerSettings> {
    let certificates = form.list("Certificates");
    ensure(certificates.len() <= 1, || bad_value("You must specify exactly one certificate"))?;
    let protocol = form.text("Protocol").map(|text| Protocol::from(text.as_str()));
    let protocol = protocol.or_else(|| was.map(|listener| listener.protocol.clone()));
    let port = form.number("Port")?.or(was.map(|listener| listener.port));
    let actions_then = || was.map(|listener| listener.default_actions.clone()).unwrap_or_default();
    let given = form.has("DefaultActions");
    Ok(ListenerSettings {
        port: port.ok_or_else(|| bad_value("A listener port must be specified"))?,
        protocol: protocol.ok_or_else(|| bad_value("A listener protocol must be specified"))?,
        default_actions: if given { actions(form, "DefaultActions")? } else { actions_then() },
        certificate: certificates.first().map(|node| Ref::from(node.text_or_empty("CertificateArn"))),
        ssl_policy: form.text("SslPolicy"),
        alpn_policy: form.texts("AlpnPolicy"),
        mutual_authentication: mutual_authentication(form),
    })
}

fn subnet_mappings(form: &Node) -> Vec<SubnetMapping> {
    let plain = form.texts("Subnets").into_iter();
    let plain = plain.map(|subnet_id| SubnetMapping { subnet_id, ..SubnetMapping::default() });
    let mapped = form.list("SubnetMappings").into_iter().map(|node| SubnetMapping {
        allocation_id: node.text("AllocationId"),
        private_ipv4_address: node.text("PrivateIPv4Address"),
        ipv6_address: node.text("IPv6Address"),
        source_nat_ipv6_prefix: node.text("SourceNatIpv6Prefix"),
        subnet_id: node.text_or_empty("SubnetId"),
    });
    plain.chain(mapped).collect()
}

fn targets(form: &Node) -> CallResult<Vec<Target>> {
    let target = |node: &Node| {
        Ok(Target {
            id: node.text_or_empty("Id").into(),
            port: node.number("Port")?,
            availability_zone: node.text("AvailabilityZone"),
            quic_server_id: node.text("QuicServerId"),
        })
    };
    form.list("Targets").into_iter().map(target).collect()
}

fn health_check(form: &Node) -> CallResult<HealthCheck> {
    let matcher = form.at("Matcher");
    let matcher = Matcher { http_code: matcher.text("HttpCode"), grpc_code: matcher.text("GrpcCode") };
    Ok(HealthCheck {
        port: form.text("HealthCheckPort"),
        protocol: form.text("HealthCheckProtocol").map(|text| text.as_str().into()),
        path: form.text("HealthCheckPath"),
        matcher: Some(matcher).filter(|matcher| *matcher != Matcher::default()),
        interval_seconds: form.number("HealthCheckIntervalSeconds")?,
        timeout_seconds: form.number("HealthCheckTimeoutSeconds")?,
        healthy_threshold: form.number("HealthyThresholdCount")?,
        unhealthy_threshold: form.number("UnhealthyThresholdCount")?,
    })
}

fn tags(form: &Node) -> CallResult<Tags> {
    let pairs = form.pairs("Tags", "Key", "Value");
    let tags: BTreeMap<_, _> = pairs.iter().cloned().collect();
    ensure(tags.len() == pairs.len(), || {
        refuse("DuplicateTagKeys", "A tag key was specified more than once")
    })?;
    Ok(tags)
}

fn attributes(form: &Node) -> Attributes {
    form.pairs("Attributes", "Key", "Value").into_iter().collect()
}
