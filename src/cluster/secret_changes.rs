//! Watches one Secret by its name, without looking into it: only metadata is asked for.

use super::watch::WatchBackoff;
use crate::api::{ObjectKey, Secret};
use futures::TryStreamExt;
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use std::pin::pin;

/// Changes of one Secret.
pub struct SecretChanges {
    secret: ObjectKey,
    api: Api<PartialObjectMeta<Secret>>,
    config: watcher::Config,
}

impl SecretChanges {
    /// A Secret by name; with `label` (`key=value`) only while it carries that label.
    pub fn new(client: &Client, secret: &ObjectKey, label: Option<&str>) -> Self {
        let mut config = watcher::Config::default().fields(&format!("metadata.name={}", secret.name()));
        if let Some(label) = label {
            config = config.labels(label);
        }
        Self { secret: secret.clone(), api: Api::namespaced(client.clone(), secret.namespace()), config }
    }

    /// Tells of every change, until it is dropped.
    pub async fn follow(self, changed: impl Fn()) {
        let mut events = pin!(watcher(self.api, self.config).backoff(WatchBackoff::default()));
        let mut seen = SeenSecret::default();
        loop {
            match events.try_next().await {
                Ok(Some(event)) if seen.on_event(&event) => changed(),
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => tracing::warn!(secret = %self.secret, %error, "secret cannot be watched"),
            }
        }
    }
}

/// The Secret as it was last seen, by its version; `None` in it: it was not there.
#[derive(Debug, Default)]
struct SeenSecret {
    version: Option<String>,
    /// What a listing under way has found.
    listed: Option<String>,
    is_known: bool,
}

impl SeenSecret {
    /// Whether the event means that the Secret is not as it was. What is seen first was there when the group was built.
    fn on_event(&mut self, event: &watcher::Event<PartialObjectMeta<Secret>>) -> bool {
        let now = match event {
            watcher::Event::Init => {
                self.listed = None;
                return false;
            }
            watcher::Event::InitApply(secret) => {
                self.listed.clone_from(&secret.metadata.resource_version);
                return false;
            }
            watcher::Event::InitDone => self.listed.take(),
            watcher::Event::Apply(secret) => secret.metadata.resource_version.clone(),
            watcher::Event::Delete(_) => None,
        };
        let is_changed = self.is_known && self.version != now;
        (self.version, self.is_known) = (now, true);
        is_changed
    }
}

#[cfg(test)]
mod tests;
