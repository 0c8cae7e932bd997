//! Security groups with our own recent writes.

use super::RecentWrite;
use crate::aws_api::ec2::{
    CreateSecurityGroup, DescribePage, DescribeSecurityGroups, Filter, IngressRule, SecurityGroup,
};
use crate::aws_api::{Request, Response};
use std::sync::Arc;

/// The groups that a read names; `None`: it names none.
pub(super) fn named(read: &DescribeSecurityGroups) -> Option<Vec<String>> {
    let by_filter = read.filters.iter().find(|filter| filter.name == "group-id");
    let ids =
        if read.group_ids.is_empty() { by_filter.map(|filter| &filter.values)? } else { &read.group_ids };
    Some(ids.clone())
}

pub(super) fn groups(
    read: &DescribeSecurityGroups,
    mut page: DescribePage<SecurityGroup>,
    writes: &[Arc<RecentWrite>],
) -> DescribePage<SecurityGroup> {
    let is_last = page.next_token.is_none();
    for write in writes {
        if let (Request::CreateSecurityGroup(create), Some(Response::CreateSecurityGroup(made))) =
            (&write.request, &write.response)
            && is_last
            && !page.items.iter().any(|seen| seen.id == made.id)
        {
            page.items.extend(Some(new_group(&made.id, create)).filter(|group| matches(read, group)));
        }
        if let Request::DeleteSecurityGroup(delete) = &write.request {
            page.items.retain(|seen| delete.group_id.known() != Some(&seen.id));
        }
        page.items.iter_mut().for_each(|seen| change(seen, &write.request));
    }
    page
}

fn new_group(id: &str, create: &CreateSecurityGroup) -> SecurityGroup {
    SecurityGroup {
        id: id.to_owned(),
        name: create.name.clone(),
        description: create.description.clone(),
        vpc_id: create.vpc_id.clone(),
        ingress: Vec::new(),
        tags: create.tags.clone(),
    }
}

fn change(seen: &mut SecurityGroup, write: &Request) {
    let id = Some(seen.id.as_str());
    match write {
        Request::AuthorizeIngress(add) if add.group_id.known() == id => {
            for rule in &add.rules {
                if !seen.ingress.iter().any(|one| is_same(one, rule)) {
                    seen.ingress.push(rule.clone());
                }
            }
        }
        Request::RevokeIngress(remove) if remove.group_id.known() == id => {
            seen.ingress.retain(|one| !remove.rules.iter().any(|rule| is_same(one, rule)));
        }
        Request::CreateTags(add) if add.resource_id.known() == id => seen.tags.extend(add.tags.clone()),
        Request::DeleteTags(remove) if remove.resource_id.known() == id => {
            seen.tags.retain(|key, value| remove.tags.get(key) != Some(value));
        }
        _ => {}
    }
}

/// Whether two rules are one rule to EC2: their descriptions do not count.
fn is_same(one: &IngressRule, other: &IngressRule) -> bool {
    let IngressRule { protocol, from_port, to_port, source, description: _ } = one;
    (protocol, from_port, to_port, source)
        == (&other.protocol, &other.from_port, &other.to_port, &other.source)
}

/// Whether a read asks for this group. A filter that is not known matches nothing.
fn matches(read: &DescribeSecurityGroups, group: &SecurityGroup) -> bool {
    let is_named = read.group_ids.is_empty() || read.group_ids.contains(&group.id);
    is_named && read.filters.iter().all(|filter| passes(filter, group))
}

fn passes(filter: &Filter, group: &SecurityGroup) -> bool {
    let value = match filter.name.as_str() {
        "vpc-id" => Some(&group.vpc_id),
        "group-id" => Some(&group.id),
        "group-name" => Some(&group.name),
        name => name.strip_prefix("tag:").and_then(|key| group.tags.get(key)),
    };
    value.is_some_and(|value| filter.values.contains(value))
}
