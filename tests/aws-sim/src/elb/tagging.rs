//! Tags of load balancers, target groups, listeners, rules and trust stores.

use super::{Elb, Kind};
use crate::{
    World,
    refusal::{CallResult, Refusal, bad_value, ensure, refuse},
    tags,
};
use aws_load_balancer_controller::aws_api::{
    Tags,
    elbv2::{AddTags, DescribeTags, RemoveTags},
};
use std::collections::BTreeMap;

impl World {
    pub(crate) fn describe_tags(&mut self, request: &DescribeTags) -> CallResult<BTreeMap<String, Tags>> {
        ensure((1..=20).contains(&request.arns.len()), || {
            bad_value(
                "1 validation error detected: Value at 'resourceArns' failed to satisfy constraint: Member must have length between 1 and 20",
            )
        })?;
        let tags = |arn: &String| Ok((arn.clone(), self.elb.tags_mut(arn)?.clone()));
        request.arns.iter().map(tags).collect()
    }

    pub(crate) fn add_tags(&mut self, request: &AddTags) -> CallResult<()> {
        let current = self.elb.tags_mut(request.arn.resolved()?)?;
        tags::check(&request.tags, current, bad_value, too_many)?;
        current.extend(request.tags.clone());
        Ok(())
    }

    pub(crate) fn remove_tags(&mut self, request: &RemoveTags) -> CallResult<()> {
        let current = self.elb.tags_mut(request.arn.resolved()?)?;
        current.retain(|key, _| !request.keys.contains(key));
        Ok(())
    }
}

impl Elb {
    fn tags_mut(&mut self, arn: &str) -> CallResult<&mut Tags> {
        let kind = Kind::of(arn).ok_or_else(|| bad_value(format!("'{arn}' is not a valid ARN")))?;
        let tags = match kind {
            Kind::LoadBalancer => self.load_balancers.get_mut(arn).map(|found| &mut found.tags),
            Kind::TargetGroup => self.target_groups.get_mut(arn).map(|found| &mut found.tags),
            Kind::Listener => self.listeners.get_mut(arn).map(|found| &mut found.tags),
            Kind::Rule if self.rules.contains_key(arn) => {
                self.rules.get_mut(arn).map(|found| &mut found.tags)
            }
            Kind::Rule => {
                let mut listeners = self.listeners.values_mut();
                let found = listeners.find(|listener| listener.default_rule_arn == arn);
                found.map(|listener| &mut listener.default_rule_tags)
            }
            Kind::TrustStore => self.trust_stores.get_mut(arn).map(|found| &mut found.tags),
        };
        tags.ok_or_else(|| kind.not_found(arn))
    }
}

pub(crate) fn too_many() -> Refusal {
    refuse("TooManyTags", "The maximum number of tags has been reached")
}
