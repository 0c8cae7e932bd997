//! Tags of EC2 resources.

use crate::{
    World,
    refusal::{CallResult, Refusal, refuse},
    tags,
};
use aws_load_balancer_controller::aws_api::{
    Tags,
    ec2::{CreateTags, DeleteTags},
};

impl World {
    pub(crate) fn create_tags(&mut self, request: &CreateTags) -> CallResult<()> {
        let current = self.ec2_tags_mut(request.resource_id.resolved()?)?;
        tags::check(&request.tags, current, bad_tag, too_many)?;
        current.extend(request.tags.clone());
        Ok(())
    }

    /// Removes tags of this key and value; others stay.
    pub(crate) fn delete_tags(&mut self, request: &DeleteTags) -> CallResult<()> {
        let current = self.ec2_tags_mut(request.resource_id.resolved()?)?;
        current.retain(|key, value| request.tags.get(key) != Some(value));
        Ok(())
    }

    pub(crate) fn ec2_tags_mut(&mut self, id: &str) -> CallResult<&mut Tags> {
        let ec2 = &mut self.ec2;
        let found = match id.split('-').next().unwrap_or_default() {
            "sg" => ec2.security_groups.get_mut(id).map(|group| &mut group.tags),
            "subnet" => ec2.subnets.get_mut(id).map(|subnet| &mut subnet.tags),
            "vpc" => ec2.vpcs.get_mut(id).map(|vpc| &mut vpc.tags),
            "i" if ec2.instances.contains_key(id) => {
                Some(ec2.instance_tags.entry(id.to_owned()).or_default())
            }
            _ => None,
        };
        found.ok_or_else(|| match id.split_once('-') {
            Some(("sg", _)) => super::security_group::no_such_group(id),
            _ => refuse("InvalidID", format!("The ID '{id}' is not valid")),
        })
    }
}

pub(crate) fn bad_tag(message: String) -> Refusal {
    refuse("InvalidParameterValue", message)
}

pub(crate) fn too_many() -> Refusal {
    refuse("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
}
