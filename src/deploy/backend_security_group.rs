//! The shared backend security group: one per cluster, the source of traffic from load balancers to targets.
//!
//! Matches upstream's `pkg/networking/backend_sg_provider.go`: found by tags, never by name; created when somebody needs
//! it; deleted when nobody does. Unlike upstream, an object that lives without the group does not keep it alive, and a
//! group that vanished is noticed instead of handed out until restart.

use crate::aws::{Cloud, send};
use crate::build::names;
use crate::cloud::ec2::{
    CreateSecurityGroup, CreateTags, DeleteSecurityGroup, DeleteTags, DescribeSecurityGroups, Filter,
    SecurityGroup,
};
use crate::cloud::{CloudError, Ref, Tags};
use crate::config::Config;
use crate::model::StackId;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;

const DESCRIPTION: &str = "[k8s] Shared Backend SecurityGroup for LoadBalancer";

/// Knows the group, and who needs it.
pub struct BackendSecurityGroup {
    cloud: Arc<dyn Cloud>,
    config: Arc<Config>,
    state: Mutex<State>,
    /// Held while the group is looked for, created or deleted, so that two stacks never create two.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    id: Option<String>,
    users: BTreeSet<StackId>,
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
        self.state.lock().id = Some(id.clone());
        Ok(id)
    }

    /// Says that a stack does not need the group (any more). `all_known`: every stack that may need it has been built
    /// since start, so that "no user" means nobody.
    pub async fn release(&self, stack: &StackId, all_known: impl Fn() -> bool) -> Result<(), CloudError> {
        self.state.lock().users.remove(stack);
        if !self.is_deletable() || !all_known() {
            return Ok(());
        }
        let _changing = self.changing.lock().await;
        let Some(id) = self.known().filter(|_| self.is_deletable()) else { return Ok(()) };
        match send(&*self.cloud, DeleteSecurityGroup { group_id: Ref::Known(id) }).await {
            Err(error) if !error.is(&["InvalidGroup.NotFound"]) => Err(error),
            _ => {
                self.state.lock().id = None;
                Ok(())
            }
        }
    }

    /// Forgets the id, because AWS says that there is no such group.
    pub fn forget(&self) {
        self.state.lock().id = None;
    }

    /// The id, if it is known.
    pub fn known(&self) -> Option<String> {
        self.state.lock().id.clone()
    }

    fn note_user(&self, stack: &StackId) -> Option<String> {
        let mut state = self.state.lock();
        state.users.insert(stack.clone());
        state.id.clone()
    }

    fn is_deletable(&self) -> bool {
        let state = self.state.lock();
        state.id.is_some() && state.users.is_empty()
    }

    async fn find(&self) -> Result<Option<SecurityGroup>, CloudError> {
        let cluster = self.config.cluster_name.clone();
        let request = DescribeSecurityGroups {
            filters: vec![
                Filter::new("vpc-id", [self.config.vpc_id.clone()]),
                Filter::new("tag:elbv2.k8s.aws/cluster", [cluster]),
                Filter::new("tag:elbv2.k8s.aws/resource", ["backend-sg"]),
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
        tags.insert("elbv2.k8s.aws/cluster".to_owned(), self.config.cluster_name.clone());
        tags.insert("elbv2.k8s.aws/resource".to_owned(), "backend-sg".to_owned());
        tags
    }
}
