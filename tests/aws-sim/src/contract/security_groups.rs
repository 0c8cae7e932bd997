//! Clauses about security groups.

use super::*;
use aws_load_balancer_controller::cloud::ec2::{
    AuthorizeIngress, CreateSecurityGroup, CreateTags, DeleteSecurityGroup, DeleteTags,
    DescribeSecurityGroups, Filter, IngressRule, RevokeIngress, RuleSource, SecurityGroup,
};

impl Ground {
    async fn group(&self) -> Result<String, CloudError> {
        let name = self.name("sg-of-clause").replace("sg-", "group-");
        let request = CreateSecurityGroup {
            description: name.clone(),
            name,
            vpc_id: self.id("VPC"),
            tags: Tags::new(),
        };
        Ok(self.send(request).await?.id)
    }

    async fn authorize(&self, id: &str, rule: IngressRule) -> Result<(), CloudError> {
        self.send(AuthorizeIngress { group_id: id.into(), rules: vec![rule] }).await
    }

    async fn groups(&self, filters: Vec<Filter>) -> Result<Vec<SecurityGroup>, CloudError> {
        Ok(self.send(DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() }).await?.items)
    }

    async fn one_group(&self, id: &str) -> Result<Vec<SecurityGroup>, CloudError> {
        self.groups(vec![Filter::new("group-id", [id])]).await
    }
}

fn tcp_from(source: RuleSource, description: &str) -> IngressRule {
    let description = Some(description.to_owned());
    IngressRule { protocol: "tcp".to_owned(), from_port: Some(80), to_port: Some(80), source, description }
}

fn world() -> RuleSource {
    RuleSource::Ipv4("0.0.0.0/0".to_owned())
}

pub(super) async fn a_rule_exists_once_whatever_its_description(ground: Ground) -> Kept {
    let id = ground.group().await?;
    ground.authorize(&id, tcp_from(world(), "one")).await?;
    refused(ground.authorize(&id, tcp_from(world(), "two")).await, "InvalidPermission.Duplicate")
}

pub(super) async fn a_missing_rule_cannot_be_revoked(ground: Ground) -> Kept {
    let id = ground.group().await?;
    let revoke = |description| RevokeIngress {
        group_id: id.as_str().into(),
        rules: vec![tcp_from(world(), description)],
    };
    refused(ground.send(revoke("x")).await, "InvalidPermission.NotFound")?;
    ground.authorize(&id, tcp_from(world(), "one")).await?;
    Ok(ground.send(revoke("another description")).await?)
}

pub(super) async fn host_bits_of_cidrs_are_cleared(ground: Ground) -> Kept {
    let id = ground.group().await?;
    ground.authorize(&id, tcp_from(RuleSource::Ipv4("10.1.2.3/16".to_owned()), "x")).await?;
    let rules = ground.one_group(&id).await?.into_iter().flat_map(|group| group.ingress);
    same(rules.map(|rule| rule.source).collect(), vec![RuleSource::Ipv4("10.1.0.0/16".to_owned())])
}

pub(super) async fn a_name_belongs_to_one_group(ground: Ground) -> Kept {
    let name = ground.name("group");
    let request =
        CreateSecurityGroup { description: name.clone(), name, vpc_id: ground.id("VPC"), tags: Tags::new() };
    ground.send(request.clone()).await?;
    refused(ground.send(request).await, "InvalidGroup.Duplicate")
}

pub(super) async fn a_group_named_by_a_rule_stays(ground: Ground) -> Kept {
    let (named, naming) = (ground.group().await?, ground.group().await?);
    let rule = tcp_from(RuleSource::SecurityGroup(named.as_str().into()), "x");
    ground.authorize(&naming, rule).await?;
    let delete = |id: &str| DeleteSecurityGroup { group_id: id.into() };
    refused(ground.send(delete(&named)).await, "DependencyViolation")?;
    ground.send(delete(&naming)).await?;
    Ok(ground.send(delete(&named)).await?)
}

pub(super) async fn a_group_of_a_load_balancer_stays(ground: Ground) -> Kept {
    let id = ground.group().await?;
    let mut request = ground.internal(LoadBalancerType::Network);
    request.security_groups = vec![id.as_str().into()];
    let lb = ground.send(request).await?;
    same(lb.enforce_inbound_rules_on_private_link.as_deref(), Some("on"))?;
    refused(ground.send(DeleteSecurityGroup { group_id: id.into() }).await, "DependencyViolation")
}

pub(super) async fn a_group_of_a_node_stays(ground: Ground) -> Kept {
    let delete = DeleteSecurityGroup { group_id: ground.id("SG_NODES").into() };
    refused(ground.send(delete).await, "DependencyViolation")
}

pub(super) async fn groups_are_found_by_tag(ground: Ground) -> Kept {
    let id = ground.group().await?;
    let tags = Tags::from([("clause".to_owned(), id.clone())]);
    ground.send(CreateTags { resource_id: id.as_str().into(), tags }).await?;
    let filters = vec![Filter::new("vpc-id", [ground.id("VPC")]), Filter::new("tag:clause", [id.clone()])];
    same(ground.groups(filters).await?.into_iter().map(|group| group.id).collect(), vec![id])
}

pub(super) async fn tags_are_deleted_by_key_and_value(ground: Ground) -> Kept {
    let id = ground.group().await?;
    let tags = |value: &str| Tags::from([("k".to_owned(), value.to_owned())]);
    ground.send(CreateTags { resource_id: id.as_str().into(), tags: tags("v") }).await?;
    for (value, left) in [("w", 1), ("v", 0)] {
        ground.send(DeleteTags { resource_id: id.as_str().into(), tags: tags(value) }).await?;
        same(ground.one_group(&id).await?.iter().map(|group| group.tags.len()).collect(), vec![left])?;
    }
    Ok(())
}

pub(super) async fn malformed_and_unknown_groups_differ(ground: Ground) -> Kept {
    let delete = |id: &str| DeleteSecurityGroup { group_id: id.into() };
    refused(ground.send(delete("sg-0000000000000000f")).await, "InvalidGroup.NotFound")?;
    refused(ground.send(delete("group")).await, "InvalidGroupId.Malformed")
}
