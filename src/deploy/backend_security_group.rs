//! The shared backend security group: one per cluster, the source of traffic from load balancers to targets.
//!
//! Matches upstream's `pkg/networking/backend_sg_provider.go`: found by tags, never by name; created when somebody needs
//! it; deleted when nobody does. Unlike upstream, an object that lives without the group does not keep it alive, a group that
//! vanished is noticed instead of handed out until restart, and a restart while the last load balancer goes does not leave
//! the group behind. Several installations in one cluster share it: it stays while a load balancer of another one has it.

use crate::api::meta::{BACKEND_SECURITY_GROUP_RESOURCE, CLUSTER_RESOURCE_TAG, CLUSTER_TAG};
use crate::aws::{Cloud, pages, send};
use crate::aws_api::ec2::{
    CreateSecurityGroup, CreateTags, DeleteSecurityGroup, DeleteTags, DescribeSecurityGroups, Filter,
    SecurityGroup,
};
use crate::aws_api::elbv2::DescribeLoadBalancers;
use crate::aws_api::{CloudError, Ref, Tags};
use crate::config::Config;
use crate::model::StackId;
use crate::settings::names;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;

const DESCRIPTION: &str = "[k8s] Shared Backend SecurityGroup for LoadBalancer";

/// Knows the group, and who needs it.
pub struct BackendSecurityGroup {
    cloud: Arc<dyn Cloud>,
    config: Arc<Config>,
    state: Mutex<GroupState>,
    /// Held while the group is looked for, created or deleted, so that two stacks never create two.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct GroupState {
    group: KnownGroup,
    users: BTreeSet<StackId>,
}

/// What is known of the group since start.
#[derive(Default)]
enum KnownGroup {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// It does not exist.
    Absent,
    /// Its id.
    Present(String),
}

impl BackendSecurityGroup {
    /// Nothing is asked of AWS before somebody needs the group.
    pub fn new(cloud: Arc<dyn Cloud>, config: Arc<Config>) -> Self {
        Self { cloud, config, state: Mutex::default(), changing: tokio::sync::Mutex::default() }
    }

    /// The group's id for a stack that needs it; finds or creates the group if need be.
    pub async fn acquire(&self, stack: &StackId) -> Result<String, CloudError> {
        if !self.config.backend_security_group.is_empty() {
            return Ok(self.config.backend_security_group.clone());
        }
        if let Some(id) = self.note_user(stack) {
            return Ok(id);
        }
        let _changing = self.changing.lock().await;
        if let Some(id) = self.known() {
            return Ok(id);
        }
        let id = match self.find().await? {
            Some(group) => self.adopt(group).await?,
            None => self.create().await?,
        };
        self.state.lock().group = KnownGroup::Present(id.clone());
        Ok(id)
    }

    /// Says that a stack does not need the group (any more). `is_going`: because the stack goes; then a group that was made
    /// before the last start is looked for, too. `all_known`: every stack that may need it has been built since start, so
    /// that "no user" means nobody.
    pub async fn release(
        &self,
        stack: &StackId,
        is_going: bool,
        all_known: impl Fn() -> bool,
    ) -> Result<(), CloudError> {
        self.state.lock().users.remove(stack);
        if !self.is_deletable(is_going) || !all_known() {
            return Ok(());
        }
        let _changing = self.changing.lock().await;
        let Some(group) = self.take_deletable(is_going) else { return Ok(()) };
        let deleted = self.delete_group(&group).await;
        let Err(error) = deleted else { return Ok(()) };
        self.state.lock().group = group;
        let is_in_use = error.is(&["DependencyViolation"]);
        if is_in_use && self.is_of_others().await? { Ok(()) } else { Err(error) }
    }

    /// Whether a load balancer in AWS has the group. To be asked when none is left that this process knows of.
    async fn is_of_others(&self) -> Result<bool, CloudError> {
        let id = match self.known() {
            Some(id) => Some(id),
            None => self.find().await?.map(|group| group.id),
        };
        let Some(id) = id else { return Ok(false) };
        let load_balancers = pages::all(&*self.cloud, DescribeLoadBalancers::default()).await?;
        Ok(load_balancers.iter().any(|load_balancer| load_balancer.security_groups.contains(&id)))
    }

    /// What is known of the group, if nobody needs it. From then on it counts as absent, so that whoever needs it waits until it is
    /// gone instead of getting an id that is about to be deleted.
    fn take_deletable(&self, is_going: bool) -> Option<KnownGroup> {
        let mut state = self.state.lock();
        let is_deletable = self.may_delete(&state, is_going);
        is_deletable.then(|| std::mem::replace(&mut state.group, KnownGroup::Absent))
    }

    async fn delete_group(&self, group: &KnownGroup) -> Result<(), CloudError> {
        let id = match group {
            KnownGroup::Present(id) => Some(id.clone()),
            KnownGroup::Unknown | KnownGroup::Absent => self.find().await?.map(|group| group.id),
        };
        match id {
            Some(id) => self.delete(id).await,
            None => Ok(()),
        }
    }

    /// Forgets the id, because AWS says that there is no such group.
    pub fn forget(&self) {
        self.state.lock().group = KnownGroup::Unknown;
    }

    /// The id, if it is known.
    pub fn known(&self) -> Option<String> {
        match &self.state.lock().group {
            KnownGroup::Present(id) => Some(id.clone()),
            KnownGroup::Unknown | KnownGroup::Absent => None,
        }
    }

    fn note_user(&self, stack: &StackId) -> Option<String> {
        self.state.lock().users.insert(stack.clone());
        self.known()
    }

    fn is_deletable(&self, is_going: bool) -> bool {
        self.may_delete(&self.state.lock(), is_going)
    }

    /// Whether the group may be there and nobody needs it. One that the user names is never ours to delete.
    fn may_delete(&self, state: &GroupState, is_going: bool) -> bool {
        let is_ours =
            self.config.enable_backend_security_group && self.config.backend_security_group.is_empty();
        let may_exist = match state.group {
            KnownGroup::Present(_) => true,
            KnownGroup::Unknown => is_going,
            KnownGroup::Absent => false,
        };
        is_ours && may_exist && state.users.is_empty()
    }

    async fn delete(&self, id: String) -> Result<(), CloudError> {
        match send(&*self.cloud, DeleteSecurityGroup { group_id: Ref::Known(id) }).await {
            Err(error) if !error.is(&["InvalidGroup.NotFound"]) => Err(error),
            _ => Ok(()),
        }
    }

    async fn find(&self) -> Result<Option<SecurityGroup>, CloudError> {
        let cluster = self.config.cluster_name.clone();
        let request = DescribeSecurityGroups {
            filters: vec![
                Filter::new("vpc-id", [self.config.vpc_id.clone()]),
                Filter::new(format!("tag:{CLUSTER_TAG}"), [cluster]),
                Filter::new(format!("tag:{CLUSTER_RESOURCE_TAG}"), [BACKEND_SECURITY_GROUP_RESOURCE]),
            ],
            ..DescribeSecurityGroups::default()
        };
        match send(&*self.cloud, request).await {
            Ok(page) => Ok(page.items.into_iter().next()),
            Err(error) if error.is(&["InvalidGroup.NotFound"]) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes over a group that is there, and brings its tags in line.
    async fn adopt(&self, group: SecurityGroup) -> Result<String, CloudError> {
        let desired = self.tags();
        let ours = |key: &str| !key.starts_with("aws:");
        let missing: Tags = desired
            .iter()
            .filter(|(key, value)| ours(key) && group.tags.get(*key) != Some(*value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let surplus: Tags =
            group.tags.into_iter().filter(|(key, _)| ours(key) && !desired.contains_key(key)).collect();
        let resource_id = Ref::Known(group.id.clone());
        if !missing.is_empty() {
            send(&*self.cloud, CreateTags { resource_id: resource_id.clone(), tags: missing }).await?;
        }
        if !surplus.is_empty() {
            send(&*self.cloud, DeleteTags { resource_id, tags: surplus }).await?;
        }
        Ok(group.id)
    }

    async fn create(&self) -> Result<String, CloudError> {
        let request = CreateSecurityGroup {
            name: names::backend_security_group(&self.config.cluster_name),
            description: DESCRIPTION.to_owned(),
            vpc_id: self.config.vpc_id.clone(),
            tags: self.tags(),
        };
        Ok(send(&*self.cloud, request).await?.id)
    }

    fn tags(&self) -> Tags {
        let mut tags = self.config.default_tags.clone();
        tags.insert(CLUSTER_TAG.to_owned(), self.config.cluster_name.clone());
        tags.insert(CLUSTER_RESOURCE_TAG.to_owned(), BACKEND_SECURITY_GROUP_RESOURCE.to_owned());
        tags
    }
}
