//! Writes to the objects that controllers serve, and the reads that must not come from a cache.

use super::{ApiError, write};
use crate::api::gateway::{Gateway, GatewayClass};
use crate::api::{ObjectKey, Secret};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The API server, as controllers write to it.
#[derive(Clone)]
pub struct Objects(Client);

/// A namespaced kind that can be read and written.
pub trait NamespacedKind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug
{
}

impl<K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug>
    NamespacedKind for K
{
}

impl Objects {
    /// Objects of the cluster that the client is connected to.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    fn api<K: NamespacedKind>(&self, key: &ObjectKey) -> Api<K> {
        Api::namespaced(self.0.clone(), key.namespace())
    }

    /// Adds a finalizer if it is missing. Returns whether a write was needed.
    pub async fn add_finalizer<K: NamespacedKind>(
        &self,
        key: &ObjectKey,
        finalizer: &str,
    ) -> Result<bool, ApiError> {
        Ok(write::add_finalizer(&self.api::<K>(key), key.name(), finalizer).await?)
    }

    /// Removes a finalizer if it is there. An object that is gone needs nothing.
    pub async fn remove_finalizer<K: NamespacedKind>(
        &self,
        key: &ObjectKey,
        finalizer: &str,
    ) -> Result<bool, ApiError> {
        Ok(write::remove_finalizer(&self.api::<K>(key), key.name(), finalizer).await?)
    }

    /// Merge-patches the status. An object that is gone needs none.
    pub async fn patch_status<K: NamespacedKind>(
        &self,
        key: &ObjectKey,
        status: &Value,
    ) -> Result<(), ApiError> {
        match write::patch_status(&self.api::<K>(key), key.name(), status).await {
            Err(error) if write::is_not_found(&error) => Ok(()),
            patched => Ok(patched?),
        }
    }

    /// Merge-patches the status of an object that has not changed since this version, and answers the version since; `None`: it is
    /// gone, and needs none.
    ///
    /// Errors: among others, that somebody else was faster.
    pub async fn replace_status<K: NamespacedKind>(
        &self,
        key: &ObjectKey,
        version: Option<String>,
        status: &Value,
    ) -> Result<Option<String>, ApiError> {
        let patch = json!({ "metadata": { "resourceVersion": version }, "status": status });
        let api = self.api::<K>(key);
        match api.patch_status(key.name(), &PatchParams::default(), &Patch::Merge(&patch)).await {
            Err(error) if write::is_not_found(&error) => Ok(None),
            patched => Ok(patched?.meta().resource_version.clone()),
        }
    }

    /// Classes of Gateways, which have no namespace.
    pub fn gateway_classes(&self) -> Api<GatewayClass> {
        Api::all(self.0.clone())
    }

    /// Gateways of all namespaces, past any cache.
    pub fn gateways(&self) -> Api<Gateway> {
        Api::all(self.0.clone())
    }

    /// Merge-patches annotations; `None` takes one away.
    pub async fn annotate<K: NamespacedKind>(
        &self,
        key: &ObjectKey,
        annotations: &BTreeMap<&str, Option<&str>>,
    ) -> Result<(), ApiError> {
        let patch = json!({ "metadata": { "annotations": annotations } });
        let api = self.api::<K>(key);
        api.patch(key.name(), &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }

    /// Reads a Secret.
    pub async fn read_secret(&self, key: &ObjectKey) -> Result<Option<Secret>, ApiError> {
        Ok(self.api(key).get_opt(key.name()).await?)
    }
}
