//! Dry runs: whether a change would be allowed. Nothing is changed.

use crate::{
    World,
    identity::Answer,
    refusal::{CallResult, Refusal, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{
    Ref, Tags,
    ec2::{CreateSecurityGroup, DryRun},
    iam::{Context, permission},
};

impl World {
    /// Refuses what the caller may not do, and what does not exist; nothing else is looked at.
    pub(crate) fn dry_run(&mut self, change: &DryRun) -> CallResult<()> {
        let name = permission(change.action());
        let none = Tags::new();
        match change {
            DryRun::CreateSecurityGroup(change) => self.try_creation(&name, change),
            DryRun::DeleteSecurityGroup(change) => self.try_group(&name, &change.group_id, &none),
            DryRun::AuthorizeIngress(change) => self.try_group(&name, &change.group_id, &none),
            DryRun::RevokeIngress(change) => self.try_group(&name, &change.group_id, &none),
            DryRun::CreateTags(change) => self.try_group(&name, &change.resource_id, &change.tags),
            DryRun::DeleteTags(change) => self.try_group(&name, &change.resource_id, &change.tags),
        }
    }

    fn try_creation(&self, name: &str, change: &CreateSecurityGroup) -> CallResult<()> {
        let group = self.account.arn("ec2", "security-group/*");
        let mut context = tags_of("RequestTag", &change.tags);
        self.authorize(name, &group, &context)?;
        self.authorize(name, &self.account.arn("ec2", &format!("vpc/{}", change.vpc_id)), &context)?;
        if !change.tags.is_empty() {
            context.insert("ec2:CreateAction".to_owned(), "CreateSecurityGroup".to_owned());
            self.authorize("ec2:CreateTags", &group, &context)?;
        }
        ensure(self.ec2.vpcs.contains_key(&change.vpc_id), || {
            refuse("InvalidVpcID.NotFound", format!("The vpc ID '{}' does not exist", change.vpc_id))
        })
    }

    fn try_group(&self, name: &str, id: &Ref, tags: &Tags) -> CallResult<()> {
        let group = self.security_group(id)?;
        let mut context = tags_of("RequestTag", tags);
        context.extend(tags_of("ResourceTag", &group.tags));
        let vpc = self.account.arn("ec2", &format!("vpc/{}", group.vpc_id));
        context.insert("ec2:Vpc".to_owned(), vpc);
        self.authorize(name, &self.account.arn("ec2", &format!("security-group/{}", group.id)), &context)
    }

    fn authorize(&self, permission: &str, resource: &str, context: &Context) -> CallResult<()> {
        let identity = &self.settings.identity;
        let because = match identity.judge(permission, resource, context) {
            Answer::Allowed => return Ok(()),
            Answer::Denied => "with an explicit deny in an identity-based policy".to_owned(),
            Answer::Organization => {
                format!("because no service control policy allows the {permission} action")
            }
            Answer::Boundary => format!("because no permissions boundary allows the {permission} action"),
            Answer::Nobody => format!("because no identity-based policy allows the {permission} action"),
        };
        let caller = identity.caller_arn(&self.account);
        Err(unauthorized(&format!(
            "User: {caller} is not authorized to perform: {permission} on resource: {resource} {because}."
        )))
    }
}

fn tags_of(of: &str, tags: &Tags) -> Context {
    tags.iter().map(|(key, value)| (format!("aws:{of}/{key}"), value.clone())).collect()
}

fn unauthorized(why: &str) -> Refusal {
    refuse(
        "UnauthorizedOperation",
        format!(
            "You are not authorized to perform this operation. {why} Encoded authorization failure message: c2ltdWxhdGVk"
        ),
    )
}
