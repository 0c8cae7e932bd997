//! Tags: the wanted set is authoritative, apart from keys that are not ours to touch.

use super::Diff;
use super::plan_builder::Phase;
use crate::api::meta::LEGACY_INGRESS_CLUSTER_TAG;
use crate::aws_api::{Ref, Tags, ec2, elbv2};
use crate::model::ResourceAddress;
use crate::plan::{Stage, Step};

/// Tag keys of the controller's first version and of its users' tools, left alone on load balancers, target groups and
/// security groups. `kubernetes.io/cluster/<cluster>` belongs to them too.
const LEGACY_KEYS: [&str; 6] = [
    "kubernetes.io/cluster-name",
    "kubernetes.io/namespace",
    "kubernetes.io/ingress-name",
    "kubernetes.io/service-name",
    "kubernetes.io/service-port",
    LEGACY_INGRESS_CLUSTER_TAG,
];

/// What has to change in a resource's tags.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TagChange {
    pub add: Tags,
    pub remove: Tags,
}

impl Diff<'_> {
    /// Tags of an ELBv2 resource. `legacy`: whether the legacy keys are exempt.
    pub(super) fn elbv2_tags(
        &mut self,
        (phase, stage): (Phase, Stage),
        resource: impl Into<ResourceAddress>,
        arn: &Ref,
        (wanted, observed): (&Tags, &Tags),
        legacy: bool,
    ) {
        let TagChange { add, remove } = self.tag_change(wanted, observed, legacy);
        let resource: ResourceAddress = resource.into();
        if !add.is_empty() {
            let request = elbv2::AddTags { arn: arn.clone(), tags: add };
            self.builder.emit(phase, Step::aws(stage, resource.clone(), request, "tags differ"));
        }
        if !remove.is_empty() {
            let request = elbv2::RemoveTags { arn: arn.clone(), keys: remove.into_keys().collect() };
            self.builder.emit(phase, Step::aws(stage, resource, request, "tags nobody asked for"));
        }
    }

    /// Tags of a security group.
    pub(super) fn security_group_tags(&mut self, resource: &str, id: &str, wanted: &Tags, observed: &Tags) {
        let TagChange { add, remove } = self.tag_change(wanted, observed, true);
        let stage = Stage::SecurityGroups;
        if !add.is_empty() {
            let request = ec2::CreateTags { resource_id: id.into(), tags: add };
            self.builder.emit(Phase::SecurityGroups, Step::aws(stage, resource, request, "tags differ"));
        }
        if !remove.is_empty() {
            let request = ec2::DeleteTags { resource_id: id.into(), tags: remove };
            let step = Step::aws(stage, resource, request, "tags nobody asked for");
            self.builder.emit(Phase::SecurityGroups, step);
        }
    }

    fn tag_change(&self, wanted: &Tags, observed: &Tags, legacy: bool) -> TagChange {
        let cluster_key = format!("kubernetes.io/cluster/{}", self.config().cluster_name);
        let is_ours = |key: &str| {
            let is_legacy = legacy && (LEGACY_KEYS.contains(&key) || key == cluster_key);
            !(key.starts_with("aws:") || is_legacy || self.config().external_managed_tags.contains(key))
        };
        let missing = wanted.iter().filter(|(key, value)| observed.get(*key) != Some(*value));
        let surplus = observed.iter().filter(|(key, _)| !wanted.contains_key(*key));
        TagChange { add: owned(missing, is_ours), remove: owned(surplus, is_ours) }
    }
}

fn owned<'t>(tags: impl Iterator<Item = (&'t String, &'t String)>, is_ours: impl Fn(&str) -> bool) -> Tags {
    tags.filter(|(key, _)| is_ours(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}
