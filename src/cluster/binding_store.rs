//! TargetGroupBinding objects, for whoever deploys stacks.

use super::cache::Cache;
use super::write::{is_conflict, is_not_found};
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::deploy::bindings::{BindingStore, Pending, StoreError};
use crate::model::StackId;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::Value;
use std::sync::Arc;

/// Bindings in the API server, listed from the cache.
pub struct KubeBindings {
    client: Client,
    cache: Arc<Cache<TargetGroupBinding>>,
}

impl KubeBindings {
    /// Lists come from `cache`, everything else from the API server.
    pub fn new(client: Client, cache: Arc<Cache<TargetGroupBinding>>) -> Self {
        Self { client, cache }
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
        self.cache
            .list()
            .iter()
            .filter(|binding| is_of_stack(binding))
            .map(|binding| (**binding).clone())
            .collect()
    }

    fn get(&self, key: ObjectKey) -> Pending<'_, Option<TargetGroupBinding>> {
        Box::pin(async move { self.api(&key).get_opt(key.name()).await.map_err(failure(&key)) })
    }

    fn create(&self, binding: TargetGroupBinding) -> Pending<'_, TargetGroupBinding> {
        Box::pin(async move {
            let key = ObjectKey::of(&binding);
            self.api(&key).create(&PostParams::default(), &binding).await.map_err(failure(&key))
        })
    }

    fn patch(&self, key: ObjectKey, patch: Value) -> Pending<'_, TargetGroupBinding> {
        Box::pin(async move {
            let patch = Patch::Merge(&patch);
            self.api(&key).patch(key.name(), &PatchParams::default(), &patch).await.map_err(failure(&key))
        })
    }

    fn delete(&self, key: ObjectKey) -> Pending<'_, ()> {
        Box::pin(async move {
            match self.api(&key).delete(key.name(), &DeleteParams::default()).await {
                Ok(_) => Ok(()),
                Err(error) if is_not_found(&error) => Ok(()),
                Err(error) => Err(failure(&key)(error)),
            }
        })
    }
}
