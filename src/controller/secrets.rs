//! Watches the Secrets that Ingress groups and Gateways read, each by its name, so that a changed client secret reaches AWS.
//!
//! Matches upstream's `pkg/k8s/secrets_manager.go`: no permission for all Secrets is needed. On purpose different: only
//! metadata is watched, so that no secret stays in memory; contents are read when a group is built.

use crate::api::ObjectKey;
use crate::cluster::KubeConnection;
use crate::cluster::secret_changes::SecretChanges;
use crate::controller::queues::Queues;
use crate::model::{Owner, StackId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::{AbortHandle, JoinSet};

/// The Secrets that are watched, and for whom.
pub struct SecretWatches {
    client: KubeConnection,
    /// `--required-secrets-label`: other Secrets do not exist for the controller.
    label: Option<String>,
    queues: Arc<Queues>,
    interests: Arc<Mutex<SecretReaders>>,
    watches: Mutex<Watches>,
}

#[derive(Default)]
struct Watches {
    tasks: JoinSet<()>,
    by_secret: BTreeMap<ObjectKey, AbortHandle>,
}

impl SecretWatches {
    /// Watches nothing yet; whoever reads a Secret that changes is put into its queue.
    pub fn new(client: KubeConnection, label: Option<&(String, String)>, queues: Arc<Queues>) -> Self {
        let label = label.map(|(key, value)| format!("{key}={value}"));
        Self { client, label, queues, interests: Arc::default(), watches: Mutex::default() }
    }

    /// Says which Secrets a group has read in its latest build.
    pub fn note(&self, group: &StackId, secrets: &BTreeSet<ObjectKey>) {
        let change = self.interests.lock().note(group, secrets);
        let mut watches = self.watches.lock();
        for secret in change.lost {
            if let Some(watch) = watches.by_secret.remove(&secret) {
                watch.abort();
            }
        }
        for secret in change.gained {
            let watch = watches.tasks.spawn(self.watch(secret.clone(), group.owner));
            watches.by_secret.insert(secret, watch);
        }
        // why: tasks that were aborted are let go of
        while watches.tasks.try_join_next().is_some() {}
    }

    /// Says which Secrets a group has read beside those of its latest build.
    pub fn note_more(&self, group: &StackId, mut secrets: BTreeSet<ObjectKey>) {
        if secrets.is_empty() {
            return;
        }
        secrets.extend(self.interests.lock().secrets_of(group));
        self.note(group, &secrets);
    }

    fn watch(&self, secret: ObjectKey, owner: Owner) -> impl Future<Output = ()> + Send + use<> {
        // why: the flag is about Secrets of Ingresses, as upstream has it
        let label = self.label.as_deref().filter(|_| !owner.is_gateway());
        let changes = SecretChanges::new(&self.client, &secret, label);
        let (interests, queues) = (self.interests.clone(), self.queues.clone());
        changes.follow(move || interests.lock().groups_of(&secret).for_each(|group| queues.wake(group)))
    }
}

/// Which group reads which Secrets.
#[derive(Debug, Default)]
struct SecretReaders {
    by_group: BTreeMap<StackId, BTreeSet<ObjectKey>>,
    by_secret: BTreeMap<ObjectKey, BTreeSet<StackId>>,
}

/// Secrets that are read from now on, and those that nobody reads any more.
#[derive(Debug, Default, PartialEq, Eq)]
struct WatchChange {
    gained: BTreeSet<ObjectKey>,
    lost: BTreeSet<ObjectKey>,
}

impl SecretReaders {
    fn note(&mut self, group: &StackId, secrets: &BTreeSet<ObjectKey>) -> WatchChange {
        let before = if secrets.is_empty() {
            self.by_group.remove(group)
        } else {
            self.by_group.insert(group.clone(), secrets.clone())
        };
        let before = before.unwrap_or_default();
        let mut change = WatchChange::default();
        for secret in secrets.difference(&before) {
            let readers = self.by_secret.entry(secret.clone()).or_default();
            if readers.is_empty() {
                change.gained.insert(secret.clone());
            }
            readers.insert(group.clone());
        }
        for secret in before.difference(secrets) {
            let Some(readers) = self.by_secret.get_mut(secret) else { continue };
            readers.remove(group);
            if readers.is_empty() {
                self.by_secret.remove(secret);
                change.lost.insert(secret.clone());
            }
        }
        change
    }

    fn secrets_of(&self, group: &StackId) -> BTreeSet<ObjectKey> {
        self.by_group.get(group).cloned().unwrap_or_default()
    }

    fn groups_of(&self, secret: &ObjectKey) -> impl Iterator<Item = StackId> {
        self.by_secret.get(secret).into_iter().flatten().cloned()
    }
}

#[cfg(test)]
mod tests;
