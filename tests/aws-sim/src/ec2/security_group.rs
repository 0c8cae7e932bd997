//! Security groups: creation and deletion.

use crate::{
    World,
    refusal::{CallResult, Refusal, ensure, refuse},
    tags,
};
use aws_load_balancer_controller::aws_api::{
    Ref, Tags,
    ec2::{CreateSecurityGroup, CreatedSecurityGroup, DeleteSecurityGroup, RuleSource, SecurityGroup},
};

impl World {
    pub(crate) fn create_security_group(
        &mut self,
        request: &CreateSecurityGroup,
    ) -> CallResult<CreatedSecurityGroup> {
        let CreateSecurityGroup { name, description, vpc_id, tags } = request;
        check_texts(name, description)?;
        ensure(self.ec2.vpcs.contains_key(vpc_id), || {
            refuse("InvalidVpcID.NotFound", format!("The vpc ID '{vpc_id}' does not exist"))
        })?;
        tags::check(tags, &Tags::new(), super::tagging::bad_tag, super::tagging::too_many)?;
        let mut groups = self.ec2.security_groups.values();
        let taken = groups.any(|group| group.name == *name && group.vpc_id == *vpc_id);
        ensure(!taken, || {
            refuse(
                "InvalidGroup.Duplicate",
                format!("The security group '{name}' already exists for VPC '{vpc_id}'"),
            )
        })?;
        ensure(self.ec2.security_groups.len() < self.settings.quotas.security_groups, || {
            refuse("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
        })?;
        let id = self.ids.ec2("sg");
        let group = SecurityGroup {
            id: id.clone(),
            name: name.clone(),
            description: description.clone(),
            vpc_id: vpc_id.clone(),
            ingress: Vec::new(),
            tags: tags.clone(),
        };
        self.ec2.security_groups.insert(id.clone(), group);
        Ok(CreatedSecurityGroup { id })
    }

    pub(crate) fn delete_security_group(&mut self, request: &DeleteSecurityGroup) -> CallResult<()> {
        let id = request.group_id.resolved()?.to_owned();
        let group = self.security_group(&request.group_id)?;
        ensure(group.name != "default", || {
            refuse(
                "CannotDelete",
                format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
            )
        })?;
        ensure(!self.is_in_use(&id), || {
            refuse("DependencyViolation", format!("resource {id} has a dependent object"))
        })?;
        self.ec2.security_groups.remove(&id);
        Ok(())
    }

    pub(crate) fn security_group(&self, id: &Ref) -> CallResult<&SecurityGroup> {
        let id = id.resolved()?;
        self.ec2.security_groups.get(id).ok_or_else(|| no_such_group(id))
    }

    pub(crate) fn security_group_mut(&mut self, id: &Ref) -> CallResult<&mut SecurityGroup> {
        let id = id.resolved()?;
        self.ec2.security_groups.get_mut(id).ok_or_else(|| no_such_group(id))
    }

    /// Whether an interface has this group or a rule of another group names it.
    fn is_in_use(&self, id: &str) -> bool {
        let named = RuleSource::SecurityGroup(Ref::from(id));
        let mut others = self.ec2.security_groups.values().filter(|group| group.id != id);
        let mut interfaces =
            self.ec2.interfaces.values().flat_map(|interface| &interface.described.security_group_ids);
        others.any(|group| group.ingress.iter().any(|rule| rule.source == named))
            || interfaces.any(|group| group == id)
            || self.load_balancers_hold(id)
    }
}

pub(crate) fn no_such_group(id: &str) -> Refusal {
    let hex = id
        .strip_prefix("sg-")
        .is_some_and(|hex| !hex.is_empty() && hex.chars().all(|c| c.is_ascii_hexdigit()));
    if hex {
        refuse("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
    } else {
        refuse("InvalidGroupId.Malformed", format!("Invalid id: \"{id}\" (expecting \"sg-...\")"))
    }
}

fn check_texts(name: &str, description: &str) -> CallResult<()> {
    for (what, text) in [("GroupName", name), ("GroupDescription", description)] {
        ensure(!text.is_empty(), || {
            refuse("MissingParameter", format!("The request must contain the parameter {what}"))
        })?;
        ensure(text.chars().count() <= 255 && text.chars().all(is_allowed), || {
            refuse(
                "InvalidParameterValue",
                format!(
                    "Value ({text}) for parameter {what} is invalid. Character sets beyond ASCII are not supported."
                ),
            )
        })?;
    }
    ensure(name != "default" && !name.starts_with("sg-"), || {
        refuse(
            "InvalidParameterValue",
            format!(
                "Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*."
            ),
        )
    })
}

/// Characters of names and descriptions of groups and rules in a VPC.
pub(crate) fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c)
}
