//! Clauses about security groups.

use super::*;
use aws_load_balancer_controller::aws_api::ec2::{
    AuthorizeIngress, CreateSecurityGroup, CreateTags, DeleteSecurityGroup, DeleteTags,
    DescribeSecurityGroups, Filter, IngressRule, RevokeIngress, RuleSource, SecurityGroup,
};

impl TestAccount {
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

pub(super) async fn a_rule_exists_once_whatever_its_description(account: TestAccount) -> Promise {
    let id = account.group().await?;
    account.authorize(&id, tcp_from(world(), "one")).await?;
    refused(account.authorize(&id, tcp_from(world(), "two")).await, "InvalidPermission.Duplicate")
}

pub(super) async fn a_missing_rule_cannot_be_revoked(account: TestAccount) -> Promise {
    let id = account.group().await?;
    let revoke = |description| RevokeIngress {
        group_id: id.as_str().into(),
        rules: vec![tcp_from(world(), description)],
    };
    refused(account.send(revoke("x")).await, "InvalidPermission.NotFound")?;
    account.authorize(&id, tcp_from(world(), "one")).await?;
    Ok(account.send(revoke("another description")).await?)
}

pub(super) async fn host_bits_of_cidrs_are_cleared(account: TestAccount) -> Promise {
    let id = account.group().await?;
    account.authorize(&id, tcp_from(RuleSource::Ipv4("10.1.2.3/16".to_owned()), "x")).await?;
    let rules = account.one_group(&id).await?.into_iter().flat_map(|group| group.ingress);
    same(rules.map(|rule| rule.source).collect(), vec![RuleSource::Ipv4("10.1.0.0/16".to_owned())])
}

pub(super) async fn a_name_belongs_to_one_group(account: TestAccount) -> Promise {
    let name = account.name("group");
    let request =
        CreateSecurityGroup { description: name.clone(), name, vpc_id: account.id("VPC"), tags: Tags::new() };
    account.send(request.clone()).await?;
    refused(account.send(request).await, "InvalidGroup.Duplicate")
}

pub(super) async fn a_group_named_by_a_rule_stays(account: TestAccount) -> Promise {
    let (named, naming) = (account.group().await?, account.group().await?);
    let rule = tcp_from(RuleSource::SecurityGroup(named.as_str().into()), "x");
    account.authorize(&naming, rule).await?;
    let delete = |id: &str| DeleteSecurityGroup { group_id: id.into() };
    refused(account.send(delete(&named)).await, "DependencyViolation")?;
    account.send(delete(&naming)).await?;
    Ok(account.send(delete(&named)).await?)
}

pub(super) async fn a_group_of_a_load_balancer_stays(account: TestAccount) -> Promise {
    let id = account.group().await?;
    let mut request = account.internal(LoadBalancerType::Network);
    request.security_groups = vec![id.as_str().into()];
    let lb = account.send(request).await?;
    same(lb.enforce_inbound_rules_on_private_link.as_deref(), Some("on"))?;
    refused(account.send(DeleteSecurityGroup { group_id: id.into() }).await, "DependencyViolation")
}

pub(super) async fn a_group_of_a_node_stays(account: TestAccount) -> Promise {
    let delete = DeleteSecurityGroup { group_id: account.id("SG_NODES").into() };
    refused(account.send(delete).await, "DependencyViolation")
}

pub(super) async fn groups_are_found_by_tag(account: TestAccount) -> Promise {
    let id = account.group().await?;
    let tags = Tags::from([("clause".to_owned(), id.clone())]);
    account.send(CreateTags { resource_id: id.as_str().into(), tags }).await?;
    let filters = vec![Filter::new("vpc-id", [account.id("VPC")]), Filter::new("tag:clause", [id.clone()])];
    same(account.groups(filters).await?.into_iter().map(|group| group.id).collect(), vec![id])
}

pub(super) async fn tags_are_deleted_by_key_and_value(account: TestAccount) -> Promise {
    let id = account.group().await?;
    let tags = |value: &str| Tags::from([("k".to_owned(), value.to_owned())]);
    account.send(CreateTags { resource_id: id.as_str().into(), tags: tags("v") }).await?;
    for (value, left) in [("w", 1), ("v", 0)] {
        account.send(DeleteTags { resource_id: id.as_str().into(), tags: tags(value) }).await?;
        same(account.one_group(&id).await?.iter().map(|group| group.tags.len()).collect(), vec![left])?;
    }
    Ok(())
}

pub(super) async fn malformed_and_unknown_groups_differ(account: TestAccount) -> Promise {
    let delete = |id: &str| DeleteSecurityGroup { group_id: id.into() };
    refused(account.send(delete("sg-0000000000000000f")).await, "InvalidGroup.NotFound")?;
    refused(account.send(delete("group")).await, "InvalidGroupId.Malformed")
}
