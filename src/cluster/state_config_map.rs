//! The deployed state of all stacks, in a ConfigMap of the controller's namespace.
//!
//! Only the leader writes, and only over what it has read or written last: a former leader that does not know yet that it is
//! one gets a conflict instead of overwriting what its successor took from the deployed state.

use super::api_error::said;
use super::lease::Leadership;
use super::write::{is_conflict, is_not_found};
use crate::api::{ConfigMap, ObjectMeta};
use crate::deploy::deployed_state::{StateStore, StateStoreError, StateStoreFuture};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Name of the ConfigMap, where the lease has the name that it has by default.
const NAME: &str = "aws-load-balancer-controller-deployed";
/// What its name ends with. It begins as that of the lease, which no two installations of a namespace share.
const SUFFIX: &str = "-deployed";
/// The name of the lease by default.
const DEFAULT_LEASE: &str = "aws-load-balancer-controller-leader";
/// Its key.
const KEY: &str = "stacks";

/// The ConfigMap.
pub struct ConfigMapStateStore {
    api: Api<ConfigMap>,
    namespace: String,
    name: String,
    leadership: Leadership,
    /// What was read or written last.
    last: Mutex<Option<ConfigMap>>,
}

impl ConfigMapStateStore {
    /// The ConfigMap in this namespace, of those who share this lease; nothing is read yet.
    pub fn new(client: Client, namespace: &str, lease: &str, leadership: Leadership) -> Self {
        let api = Api::namespaced(client, namespace);
        let name = name_beside(lease);
        Self { api, namespace: namespace.to_owned(), name, leadership, last: Mutex::default() }
    }

    fn with_text(&self, text: String) -> ConfigMap {
        let fresh = || ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        };
        let mut map = self.last.lock().clone().unwrap_or_else(fresh);
        map.metadata.managed_fields = None;
        map.data = Some(BTreeMap::from([(KEY.to_owned(), text)]));
        map
    }

    async fn read_current(&self) -> Result<Option<ConfigMap>, Error> {
        let found = self.api.get_opt(&self.name).await?;
        self.last.lock().clone_from(&found);
        Ok(found)
    }

    async fn replace(&self, map: ConfigMap) -> Result<(), Error> {
        let exists = map.metadata.resource_version.is_some();
        let written = if exists {
            self.api.replace(&self.name, &PostParams::default(), &map).await
        } else {
            self.api.create(&PostParams::default(), &map).await
        };
        match written {
            Ok(written) => *self.last.lock() = Some(written),
            // why: whoever still leads the next time has seen what stands there
            Err(error) if is_conflict(&error) => {
                self.read_current().await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn name_beside(lease: &str) -> String {
    if lease.is_empty() || lease == DEFAULT_LEASE { NAME.to_owned() } else { format!("{lease}{SUFFIX}") }
}

fn failure(name: &str, error: &Error) -> StateStoreError {
    let is_forbidden = matches!(error, Error::Api(status) if status.code == 403);
    let text = format!("configmap {name}: {}", said(error));
    if is_forbidden {
        StateStoreError::Forbidden(text)
    } else if is_conflict(error) {
        StateStoreError::Unreachable(format!("{text}; does another replica lead?"))
    } else {
        StateStoreError::Unreachable(text)
    }
}

impl StateStore for ConfigMapStateStore {
    fn read(&self) -> StateStoreFuture<'_, Option<String>> {
        Box::pin(async move {
            let found = self.read_current().await.map_err(|error| failure(&self.name, &error))?;
            Ok(found.and_then(|map| map.data?.remove(KEY)))
        })
    }

    fn write(&self, text: String) -> StateStoreFuture<'_, ()> {
        Box::pin(async move {
            if !self.leadership.is_leader() {
                return Err(StateStoreError::Unreachable("this replica does not lead".to_owned()));
            }
            match self.replace(self.with_text(text.clone())).await {
                // why: somebody deleted it; nothing is lost
                Err(error) if is_not_found(&error) => {
                    *self.last.lock() = None;
                    self.replace(self.with_text(text)).await.map_err(|error| failure(&self.name, &error))
                }
                written => written.map_err(|error| failure(&self.name, &error)),
            }
        })
    }
}
