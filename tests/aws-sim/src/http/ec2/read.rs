//! What an EC2 form asks for.

use super::Node;
use crate::{
    World,
    refusal::{CallResult, refuse},
};
use aws_load_balancer_controller::aws_api::{Ref, Request, Tags, ec2::*};

/// The requests of a form: one, or one for each resource that is tagged.
pub(super) fn requests(action: &str, form: &Node, world: &mut World) -> CallResult<Vec<Request>> {
    Ok(vec![match action {
        "DescribeSubnets" => describe(form, "SubnetId", |subnet_ids, filters, next_token| {
            DescribeSubnets { subnet_ids, filters, next_token }.into()
        }),
        "DescribeVpcs" => describe(form, "VpcId", |vpc_ids, filters, next_token| {
            DescribeVpcs { vpc_ids, filters, next_token }.into()
        }),
        "DescribeSecurityGroups" => describe(form, "GroupId", |group_ids, filters, next_token| {
            DescribeSecurityGroups { group_ids, filters, next_token }.into()
        }),
        "DescribeRouteTables" => describe(form, "RouteTableId", |route_table_ids, filters, next_token| {
            DescribeRouteTables { route_table_ids, filters, next_token }.into()
        }),
        "DescribeInstances" => describe(form, "InstanceId", |instance_ids, filters, next_token| {
            DescribeInstances { instance_ids, filters, next_token }.into()
        }),
        "DescribeNetworkInterfaces" => {
            describe(form, "NetworkInterfaceId", |network_interface_ids, filters, next_token| {
                DescribeNetworkInterfaces { network_interface_ids, filters, next_token }.into()
            })
        }
        "DescribeAvailabilityZones" => DescribeAvailabilityZones { zone_ids: form.texts("ZoneId") }.into(),
        "CreateSecurityGroup" => CreateSecurityGroup {
            name: form.text_or_empty("GroupName"),
            description: form.text_or_empty("GroupDescription"),
            vpc_id: form.text_or_empty("VpcId"),
            tags: form
                .list("TagSpecification")
                .into_iter()
                .flat_map(|list| list.pairs("Tag", "Key", "Value"))
                .collect(),
        }
        .into(),
        "DeleteSecurityGroup" => DeleteSecurityGroup { group_id: group_id(form) }.into(),
        "AuthorizeSecurityGroupIngress" => {
            AuthorizeIngress { group_id: group_id(form), rules: rules(form)? }.into()
        }
        "RevokeSecurityGroupIngress" => {
            RevokeIngress { group_id: group_id(form), rules: rules(form)? }.into()
        }
        "CreateTags" => return tag(form, world, |resource_id, tags| CreateTags { resource_id, tags }.into()),
        "DeleteTags" => return tag(form, world, |resource_id, tags| DeleteTags { resource_id, tags }.into()),
        _ => return Err(refuse("InvalidAction", format!("The action {action} is not simulated"))),
    }])
}

fn describe(
    form: &Node,
    ids: &str,
    request: impl FnOnce(Vec<String>, Vec<Filter>, Option<String>) -> Request,
) -> Request {
    let filter = |node: &&Node| Filter::new(node.text_or_empty("Name"), node.texts("Value"));
    let filters = form.list("Filter").iter().map(filter).collect();
    request(form.texts(ids), filters, form.text("NextToken"))
}

fn group_id(form: &Node) -> Ref {
    form.text_or_empty("GroupId").into()
}

/// Permissions with one rule for each peer.
fn rules(form: &Node) -> CallResult<Vec<IngressRule>> {
    let mut rules = Vec::new();
    for permission in form.list("IpPermissions") {
        let protocol = permission.text_or_empty("IpProtocol");
        let (from_port, to_port) = (permission.number("FromPort")?, permission.number("ToPort")?);
        for (source, description) in peers(permission) {
            rules.push(IngressRule { protocol: protocol.clone(), from_port, to_port, source, description });
        }
    }
    Ok(rules)
}

fn peers(permission: &Node) -> Vec<(RuleSource, Option<String>)> {
    let mut peers = Vec::new();
    let mut add = |list: &str, key: &str, source: fn(String) -> RuleSource| {
        for peer in permission.list(list) {
            peers.push((source(peer.text_or_empty(key)), peer.text("Description")));
        }
    };
    add("IpRanges", "CidrIp", RuleSource::Ipv4);
    add("Ipv6Ranges", "CidrIpv6", RuleSource::Ipv6);
    add("PrefixListIds", "PrefixListId", RuleSource::PrefixList);
    add("Groups", "GroupId", |id| RuleSource::SecurityGroup(id.into()));
    if peers.is_empty() {
        peers.push((RuleSource::None, None));
    }
    peers
}

fn tag(form: &Node, world: &mut World, request: fn(Ref, Tags) -> Request) -> CallResult<Vec<Request>> {
    let mut requests = Vec::new();
    for id in form.texts("ResourceId") {
        let current = world.ec2_tags_mut(&id)?.clone();
        let tag = |node: &&Node| {
            let key = node.text_or_empty("Key");
            // A deletion without a value means whatever value the tag has.
            let value = node.text("Value").or_else(|| current.get(&key).cloned()).unwrap_or_default();
            (key, value)
        };
        let tags = form.list("Tag").iter().map(tag).collect();
        requests.push(request(id.into(), tags));
    }
    Ok(requests)
}
