//! Target groups: creation, description, change, deletion.

use super::{Kind, Registration, TargetKey, attributes, check_name, health_check};
use crate::{
    World,
    refusal::{CallResult, bad_value, bad_word, ensure, refuse},
    tags,
};
use aws_load_balancer_controller::aws_api::{
    Attributes, Ref, Tags,
    elbv2::{
        CreateTargetGroup, DeleteTargetGroup, DescribeTargetGroups, IpAddressType, ModifyTargetGroup, Page,
        Protocol, TargetGroup, TargetType,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const VERSIONS: &[&str] = &["HTTP1", "HTTP2", "GRPC"];

/// A target group and what `DescribeTargetGroups` does not show of it.
#[derive(Clone, Debug)]
pub(crate) struct TargetGroupState {
    /// As described, but for `load_balancer_arns`.
    pub(crate) described: TargetGroup,
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
    /// ARNs of the load balancers whose actions forward to it.
    pub(crate) used_by: BTreeSet<String>,
    /// Since when some load balancer uses it.
    pub(crate) used_since: Duration,
    pub(crate) targets: BTreeMap<TargetKey, Registration>,
    /// Deregistered targets, and until when they drain.
    pub(crate) draining: BTreeMap<TargetKey, (Registration, Duration)>,
}

impl TargetGroupState {
    /// As described.
    pub(crate) fn shown(&self) -> TargetGroup {
        TargetGroup { load_balancer_arns: self.used_by.iter().cloned().collect(), ..self.described.clone() }
    }
}

impl World {
    pub(crate) fn create_target_group(&mut self, request: &CreateTargetGroup) -> CallResult<TargetGroup> {
        self.check_target_group(request)?;
        let mut described = new_target_group(request)?;
        if let Some(existing) =
            self.elb.target_groups.values().find(|group| group.described.name == request.name)
        {
            described.arn.clone_from(&existing.described.arn);
            ensure(existing.described == described, || {
                let name = &request.name;
                refuse(
                    "DuplicateTargetGroupName",
                    format!("A target group with the same name '{name}' exists, but with different settings"),
                )
            })?;
            return Ok(existing.shown());
        }
        ensure(self.elb.target_groups.len() < self.settings.quotas.target_groups, || {
            refuse("TooManyTargetGroups", "The maximum number of target groups has been reached")
        })?;
        let id = self.ids.hex(16);
        described.arn =
            self.account.arn("elasticloadbalancing", &format!("targetgroup/{}/{id}", request.name));
        let state = TargetGroupState {
            attributes: attributes::target_group_defaults(&request.target_type, &request.protocol),
            described: described.clone(),
            tags: request.tags.clone(),
            used_by: BTreeSet::new(),
            used_since: Duration::ZERO,
            targets: BTreeMap::new(),
            draining: BTreeMap::new(),
        };
        self.elb.target_groups.insert(described.arn.clone(), state);
        Ok(described)
    }

    pub(crate) fn describe_target_groups(
        &self,
        request: &DescribeTargetGroups,
    ) -> CallResult<Page<TargetGroup>> {
        let DescribeTargetGroups { arns, names, load_balancer_arn, marker } = request;
        let ways = [!arns.is_empty(), !names.is_empty(), load_balancer_arn.is_some()];
        ensure(ways.iter().filter(|way| **way).count() <= 1, || {
            bad_value("Target group ARNs, names and a load balancer ARN cannot be specified at the same time")
        })?;
        self.check_asked_exist(request)?;
        let all = !ways.contains(&true);
        let wanted = self.elb.target_groups.iter().filter(|(arn, group)| {
            let by_user = load_balancer_arn.as_ref().is_some_and(|user| group.used_by.contains(user));
            all || arns.contains(arn) || names.contains(&group.described.name) || by_user
        });
        self.elb_page(wanted.map(|(arn, group)| (arn.clone(), group.shown())), marker.as_deref())
    }

    pub(crate) fn modify_target_group(&mut self, request: &ModifyTargetGroup) -> CallResult<()> {
        let group = &mut self.elb.target_group_mut(&request.arn)?.described;
        group.health_check =
            health_check::normalize(group, &request.health_check, Some(&group.health_check))?;
        Ok(())
    }

    /// Deletes a target group; succeeds if it is gone already.
    pub(crate) fn delete_target_group(&mut self, request: &DeleteTargetGroup) -> CallResult<()> {
        let arn = request.arn.resolved()?;
        let Some(group) = self.elb.target_groups.get(arn) else {
            return ensure(Kind::of(arn) == Some(Kind::TargetGroup), || Kind::TargetGroup.not_found(arn));
        };
        ensure(group.used_by.is_empty(), || {
            refuse(
                "ResourceInUse",
                format!("Target group '{arn}' is currently in use by a listener or a rule"),
            )
        })?;
        self.elb.target_groups.remove(arn);
        Ok(())
    }

    fn check_asked_exist(&self, request: &DescribeTargetGroups) -> CallResult<()> {
        for arn in &request.arns {
            self.elb.target_group(&Ref::from(arn.as_str()))?;
        }
        if let Some(arn) = &request.load_balancer_arn {
            self.elb.load_balancer(&Ref::from(arn.as_str()))?;
        }
        let known: BTreeSet<_> = self.elb.target_groups.values().map(|group| &group.described.name).collect();
        ensure(request.names.iter().all(|name| known.contains(name)), || {
            refuse("TargetGroupNotFound", "One or more target groups not found")
        })
    }

    fn check_target_group(&self, request: &CreateTargetGroup) -> CallResult<()> {
        check_name("Target group", &request.name)?;
        tags::check(&request.tags, &Tags::new(), bad_value, super::tagging::too_many)?;
        check_kind(request)?;
        let port = request.port.ok_or_else(|| bad_value("A port must be specified"))?;
        ensure((1..=65535).contains(&port), || {
            bad_value(format!("Port '{port}' must be between '1' and '65535'"))
        })?;
        let vpc_id = &request.vpc_id;
        ensure(self.ec2.vpcs.contains_key(vpc_id), || {
            bad_value(format!("The VPC ID '{vpc_id}' is not found"))
        })?;
        check_combination(request)
    }
}

/// Target types and protocols that exist, and those that are simulated.
fn check_kind(request: &CreateTargetGroup) -> CallResult<()> {
    let CreateTargetGroup { target_type, protocol, .. } = request;
    ensure(!matches!(target_type, TargetType::Other(_)), || bad_word("targetType", target_type))?;
    ensure(!matches!(protocol, Protocol::Other(_)), || bad_word("protocol", protocol))?;
    ensure(*target_type != TargetType::Lambda, || {
        bad_value("Target groups of target type 'lambda' are not simulated")
    })?;
    ensure(*protocol != Protocol::Geneve, || {
        bad_value("Target groups with the protocol 'GENEVE' are not simulated")
    })
}

/// Target type, protocol, protocol version and address family that go together.
fn check_combination(request: &CreateTargetGroup) -> CallResult<()> {
    let CreateTargetGroup { target_type, protocol, ip_address_type, .. } = request;
    let alb = *target_type == TargetType::Alb;
    ensure(!alb || *protocol == Protocol::Tcp, || {
        refuse(
            "UnsupportedProtocol",
            format!("Protocol '{protocol}' is not supported for target groups with target type 'alb'"),
        )
    })?;
    let http = matches!(protocol, Protocol::Http | Protocol::Https);
    let version = request.protocol_version.as_deref();
    ensure(version.is_none_or(|version| http && VERSIONS.contains(&version)), || {
        bad_value(format!(
            "The protocol version is not valid for target groups with the protocol '{protocol}'"
        ))
    })?;
    let ipv6 = *ip_address_type == IpAddressType::Ipv6;
    ensure(*ip_address_type == IpAddressType::Ipv4 || ipv6 && !alb, || {
        bad_value(format!(
            "IP address type '{ip_address_type}' is not supported for target groups with target type '{target_type}'"
        ))
    })
}

/// What the request describes, still without an ARN.
fn new_target_group(request: &CreateTargetGroup) -> CallResult<TargetGroup> {
    let http = matches!(request.protocol, Protocol::Http | Protocol::Https);
    let mut group = TargetGroup {
        arn: String::new(),
        name: request.name.clone(),
        target_type: request.target_type.clone(),
        port: request.port,
        protocol: Some(request.protocol.clone()),
        protocol_version: request.protocol_version.clone().or_else(|| http.then(|| "HTTP1".to_owned())),
        ip_address_type: request.ip_address_type.clone(),
        vpc_id: Some(request.vpc_id.clone()),
        health_check: health_check::none(),
        target_control_port: request.target_control_port,
        load_balancer_arns: Vec::new(),
    };
    let given = request.health_check.clone().unwrap_or_else(health_check::none);
    group.health_check = health_check::normalize(&group, &given, None)?;
    Ok(group)
}
