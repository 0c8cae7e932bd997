//! The deployed state of all stacks, in ConfigMaps of the controller's namespace: one for each shard, the first of which has the name
//! alone and the others their number behind it. The others are owned by the first: whoever deletes it has the others deleted, too.
//!
//! Only the leader writes, and only over what it has read or written last: a former leader that does not know yet that it is
//! one gets a conflict instead of overwriting what its successor took from the deployed state.

use super::api_error::said;
use super::lease::Leadership;
use super::write::{is_conflict, is_not_found};
use crate::api::{ConfigMap, ObjectMeta, OwnerReference};
use crate::deploy::deployed_state::{ShardWrite, StateStore, StateStoreError, StateStoreFuture, StoredShard};
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

/// The key of the number of shards, where there are several.
const COUNT_KEY: &str = "shards";

/// A ConfigMap for each shard.
pub struct ConfigMapStateStore {
    api: Api<ConfigMap>,
    namespace: String,
    name: String,
    leadership: Leadership,
    /// Metadata of each as it was read or written last.
    last: Mutex<BTreeMap<usize, ObjectMeta>>,
}

impl ConfigMapStateStore {
    /// The ConfigMaps in this namespace, of those who share this lease; nothing is read yet.
    pub fn new(client: Client, namespace: &str, lease: &str, leadership: Leadership) -> Self {
        let api = Api::namespaced(client, namespace);
        let name = name_beside(lease);
        Self { api, namespace: namespace.to_owned(), name, leadership, last: Mutex::default() }
    }

    fn name_of(&self, number: usize) -> String {
        if number == 0 { self.name.clone() } else { format!("{}-{number}", self.name) }
    }

    /// The shard as an object. All but the first belong to the first, and go with it.
    fn with_shard(&self, number: usize, shard: &StoredShard) -> ConfigMap {
        let last = self.last.lock();
        let fresh = || ObjectMeta {
            name: Some(self.name_of(number)),
            namespace: Some(self.namespace.clone()),
            ..ObjectMeta::default()
        };
        let mut metadata = last.get(&number).cloned().unwrap_or_else(fresh);
        if number > 0 {
            let owner = last.get(&0).and_then(|first| first.uid.clone()).map(|uid| OwnerReference {
                api_version: "v1".to_owned(),
                kind: "ConfigMap".to_owned(),
                name: self.name.clone(),
                uid,
                ..OwnerReference::default()
            });
            metadata.owner_references = owner.map(|owner| vec![owner]);
        }
        let count = (shard.count > 1).then(|| (COUNT_KEY.to_owned(), shard.count.to_string()));
        let text = (KEY.to_owned(), shard.text.clone());
        let data = Some(std::iter::once(text).chain(count).collect());
        ConfigMap { metadata, data, ..ConfigMap::default() }
    }

    async fn read_current(&self, number: usize) -> Result<Option<StoredShard>, Error> {
        let found = self.api.get_opt(&self.name_of(number)).await?;
        let Some(ConfigMap { metadata, data, .. }) = found else {
            self.last.lock().remove(&number);
            return Ok(None);
        };
        self.note(number, metadata);
        Ok(data.and_then(stored_shard))
    }

    fn note(&self, number: usize, metadata: ObjectMeta) {
        let metadata = ObjectMeta { managed_fields: None, ..metadata };
        self.last.lock().insert(number, metadata);
    }

    async fn replace(&self, number: usize, shard: &StoredShard) -> Result<(), Error> {
        let map = self.with_shard(number, shard);
        let exists = map.metadata.resource_version.is_some();
        let written = if exists {
            self.api.replace(&self.name_of(number), &PostParams::default(), &map).await
        } else {
            self.api.create(&PostParams::default(), &map).await
        };
        match written {
            Ok(written) => self.note(number, written.metadata),
            // why: whoever still leads the next time has seen what stands there
            Err(error) if is_conflict(&error) => {
                self.read_current(number).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Makes a shard that somebody deleted; where that went with the first one, its owner is not there any more.
    async fn replace_deleted(&self, number: usize, shard: &StoredShard) -> Result<(), Error> {
        self.last.lock().remove(&number);
        if number > 0 {
            self.read_current(0).await?;
        }
        self.replace(number, shard).await
    }

    fn failure(&self, number: usize, error: &Error) -> StateStoreError {
        failure(&self.name_of(number), error)
    }
}

/// What a ConfigMap holds. Without a number of shards it is the only one, as versions wrote it that knew of one alone.
fn stored_shard(mut data: BTreeMap<String, String>) -> Option<StoredShard> {
    let text = data.remove(KEY)?;
    let count = match data.remove(COUNT_KEY).map(|count| count.parse()) {
        Some(Ok(count)) => count,
        // why: what is no number was written by somebody else; then the others are not looked at
        Some(Err(_)) | None => 1,
    };
    Some(StoredShard { text, count })
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
    fn read(&self, number: usize) -> StateStoreFuture<'_, Option<StoredShard>> {
        Box::pin(async move { self.read_current(number).await.map_err(|error| self.failure(number, &error)) })
    }

    fn write(&self, number: usize, shard: StoredShard) -> StateStoreFuture<'_, ShardWrite> {
        Box::pin(async move {
            if !self.leadership.is_leader() {
                return Err(StateStoreError::Unreachable("this replica does not lead".to_owned()));
            }
            let written = match self.replace(number, &shard).await {
                // why: somebody deleted it; nothing is lost
                Err(error) if is_not_found(&error) => {
                    self.replace_deleted(number, &shard).await.map(|()| ShardWrite::Deleted)
                }
                written => written.map(|()| ShardWrite::AsLeft),
            };
            written.map_err(|error| self.failure(number, &error))
        })
    }
}
