//! TargetGroupBinding objects, for whoever deploys stacks.

mod recent;

use super::cache::Cache;
use super::stores::places::bindings_of_stack;
use super::write::{is_conflict, is_not_found};
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::deploy::binding_store::{BindingFuture, BindingStore, StoreError};
use crate::model::StackId;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use recent::RecentBindingWrites;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bindings in the API server, listed from the cache and what was written since.
pub struct KubeBindings {
    client: Client,
    cache: Arc<Cache<TargetGroupBinding>>,
    recent: RecentBindingWrites,
}

impl KubeBindings {
    /// Lists come from `cache`, everything else from the API server.
    pub fn new(client: Client, cache: Arc<Cache<TargetGroupBinding>>) -> Self {
        Self { client, cache, recent: RecentBindingWrites::default() }
    }

    fn api(&self, key: &ObjectKey) -> Api<TargetGroupBinding> {
        Api::namespaced(self.client.clone(), key.namespace())
    }
}

fn failure(key: &ObjectKey) -> impl Fn(Error) -> StoreError {
    let key = key.clone();
    move |error| match &error {
        error if is_not_found(error) => StoreError::NotFound(key.clone()),
        Error::Api(status) if status.reason == "AlreadyExists" => StoreError::AlreadyExists(key.clone()),
        error if is_conflict(error) => StoreError::Conflict(key.clone()),
        Error::Api(status) => StoreError::Refused { key: key.clone(), message: status.message.clone() },
        error => StoreError::Unreachable { key: key.clone(), message: error.to_string() },
    }
}

impl BindingStore for KubeBindings {
    fn of_stack(&self, stack: &StackId) -> Vec<TargetGroupBinding> {
        let labels = stack.labels();
        let is_of_stack = |binding: &TargetGroupBinding| {
            let present = binding.metadata.labels.as_ref();
            present.is_some_and(|present| labels.iter().all(|(key, value)| present.get(key) == Some(value)))
        };
        let cached = self.cache.list_group(&bindings_of_stack(stack));
        let cached = cached.into_iter().filter(|binding| is_of_stack(binding));
        let mut bindings: BTreeMap<_, _> =
            cached.map(|binding| (ObjectKey::of(&*binding), (*binding).clone())).collect();
        self.recent.correct(&mut bindings, |key| self.cache.get(key));
        bindings.into_values().filter(is_of_stack).collect()
    }

    fn get(&self, key: ObjectKey) -> BindingFuture<'_, Option<TargetGroupBinding>> {
        Box::pin(async move {
            let found = self.api(&key).get_opt(key.name()).await.map_err(failure(&key))?;
            if let (None, Some(cached)) = (&found, self.cache.get(&key)) {
                self.recent.gone(&cached);
            }
            Ok(found)
        })
    }

    fn create(&self, binding: TargetGroupBinding) -> BindingFuture<'_, TargetGroupBinding> {
        Box::pin(async move {
            let key = ObjectKey::of(&binding);
            let created = self.api(&key).create(&PostParams::default(), &binding).await;
            created.inspect(|binding| self.recent.put(binding)).map_err(failure(&key))
        })
    }

    fn patch(&self, key: ObjectKey, patch: Value) -> BindingFuture<'_, TargetGroupBinding> {
        Box::pin(async move {
            let patch = Patch::Merge(&patch);
            let patched = self.api(&key).patch(key.name(), &PatchParams::default(), &patch).await;
            patched.inspect(|binding| self.recent.put(binding)).map_err(failure(&key))
        })
    }

    fn delete(&self, key: ObjectKey) -> BindingFuture<'_, ()> {
        Box::pin(async move {
            match self.api(&key).delete(key.name(), &DeleteParams::default()).await {
                Ok(_) => Ok(()),
                Err(error) if is_not_found(&error) => Ok(()),
                Err(error) => Err(failure(&key)(error)),
            }
        })
    }
}
