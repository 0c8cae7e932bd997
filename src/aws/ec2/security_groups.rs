//! The operations that change security groups and tags.

use super::answers::CreatedSecurityGroupAnswer;
use super::{Form, Query, read};
use crate::aws::sdk::id;
use crate::aws_api::ec2::{
    AuthorizeIngress, CreateSecurityGroup, CreateTags, CreatedSecurityGroup, DeleteSecurityGroup, DeleteTags,
    IngressRule, RevokeIngress, RuleSource,
};
use crate::aws_api::{Action, CloudError, Operation, Ref, Tags};

impl Query for CreateSecurityGroup {
    fn form(&self) -> Result<Form, CloudError> {
        let form = Form::default()
            .with("GroupName", &self.name)
            .with("GroupDescription", &self.description)
            .with("VpcId", &self.vpc_id);
        if self.tags.is_empty() {
            return Ok(form);
        }
        Ok(form
            .with("TagSpecification.1.ResourceType", "security-group")
            .tags("TagSpecification.1.Tag", &self.tags))
    }

    fn read(xml: &str) -> Result<CreatedSecurityGroup, CloudError> {
        read::<Self, CreatedSecurityGroupAnswer>(xml)
            .map(|answer| CreatedSecurityGroup { id: answer.group_id })
    }
}

impl Query for DeleteSecurityGroup {
    fn form(&self) -> Result<Form, CloudError> {
        Ok(Form::default().with("GroupId", id(Self::ACTION, &self.group_id)?))
    }

    fn read(_: &str) -> Result<(), CloudError> {
        Ok(())
    }
}

impl Query for AuthorizeIngress {
    fn form(&self) -> Result<Form, CloudError> {
        permissions(Self::ACTION, &self.group_id, &self.rules)
    }

    fn read(_: &str) -> Result<(), CloudError> {
        Ok(())
    }
}

impl Query for RevokeIngress {
    fn form(&self) -> Result<Form, CloudError> {
        permissions(Self::ACTION, &self.group_id, &self.rules)
    }

    fn read(_: &str) -> Result<(), CloudError> {
        Ok(())
    }
}

impl Query for CreateTags {
    fn form(&self) -> Result<Form, CloudError> {
        tagging(Self::ACTION, &self.resource_id, &self.tags)
    }

    fn read(_: &str) -> Result<(), CloudError> {
        Ok(())
    }
}

impl Query for DeleteTags {
    fn form(&self) -> Result<Form, CloudError> {
        tagging(Self::ACTION, &self.resource_id, &self.tags)
    }

    fn read(_: &str) -> Result<(), CloudError> {
        Ok(())
    }
}

fn tagging(action: Action, resource: &Ref, tags: &Tags) -> Result<Form, CloudError> {
    Ok(Form::default().with("ResourceId.1", id(action, resource)?).tags("Tag", tags))
}

fn permissions(action: Action, group: &Ref, rules: &[IngressRule]) -> Result<Form, CloudError> {
    let form = Form::default().with("GroupId", id(action, group)?);
    (1..).zip(rules).try_fold(form, |form, (n, rule)| permission(action, form, n, rule))
}

/// One `IpPermissions` entry with exactly one peer.
fn permission(action: Action, form: Form, n: usize, rule: &IngressRule) -> Result<Form, CloudError> {
    let IngressRule { protocol, from_port, to_port, source, description } = rule;
    let prefix = format!("IpPermissions.{n}");
    let form = form
        .with(format!("{prefix}.IpProtocol"), protocol)
        .maybe(format!("{prefix}.FromPort"), from_port.map(|port| port.to_string()))
        .maybe(format!("{prefix}.ToPort"), to_port.map(|port| port.to_string()));
    let (list, key, peer) = match source {
        RuleSource::Ipv4(cidr) => ("IpRanges", "CidrIp", cidr.clone()),
        RuleSource::Ipv6(cidr) => ("Ipv6Ranges", "CidrIpv6", cidr.clone()),
        RuleSource::SecurityGroup(group) => ("Groups", "GroupId", id(action, group)?),
        RuleSource::PrefixList(list) => ("PrefixListIds", "PrefixListId", list.clone()),
        RuleSource::None => return Ok(form),
    };
    Ok(form
        .with(format!("{prefix}.{list}.1.{key}"), peer)
        .maybe(format!("{prefix}.{list}.1.Description"), description.as_deref()))
}
