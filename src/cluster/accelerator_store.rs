//! GlobalAccelerators, watched from when the API server serves their kind, if they are reconciled at all.

use super::cache::{Cache, CacheEvent};
use super::watch::{WatchScope, follow};
use super::write;
use crate::api::global_accelerator::{EndpointType, GlobalAccelerator};
use crate::api::{ObjectKey, Service};
use crate::config::Config;
use crate::global_accelerator::endpoints::references;
use crate::global_accelerator::is_in_region;
use kube::{Client, Resource};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Between two looks whether the kind is served.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(15);
/// Between two attempts to find out at first.
const DISCOVERY_RETRY: Duration = Duration::from_secs(1);

/// GlobalAccelerators, by what they refer to.
#[derive(Debug)]
pub struct AcceleratorStore {
    /// The objects.
    pub objects: Arc<Cache<GlobalAccelerator>>,
    is_on: bool,
    /// The region, if the gate is on and its partition does not have the service.
    region_without: Option<String>,
    /// Whether they are watched; `None`: nobody has found out yet.
    watched: watch::Sender<Option<bool>>,
}

/// Whether GlobalAccelerators are reconciled.
pub fn is_on(config: &Config) -> bool {
    config.features.global_accelerator_controller && is_in_region(&config.region)
}

/// Where the GlobalAccelerators are found that refer to an object.
fn place(kind: EndpointType, key: &ObjectKey) -> ObjectKey {
    key.sibling(format!("{kind} {}", key.name()))
}

/// Where those are found that refer to objects of a namespace that is not theirs.
fn foreign_place(namespace: &str) -> ObjectKey {
    ObjectKey::namespaced(namespace, "")
}

fn places(object: &GlobalAccelerator) -> Vec<ObjectKey> {
    let own = object.metadata.namespace.as_deref().unwrap_or_default();
    let mut places: Vec<ObjectKey> = Vec::new();
    for (kind, key) in references(object) {
        if key.namespace() != own {
            places.push(foreign_place(key.namespace()));
        }
        places.push(place(kind, &key));
    }
    places
}

impl AcceleratorStore {
    /// An empty cache.
    pub fn new(config: &Config) -> Self {
        let is_on = is_on(config);
        let is_asked_for = config.features.global_accelerator_controller;
        Self {
            region_without: (is_asked_for && !is_on).then(|| config.region.clone()),
            objects: Arc::new(Cache::grouped(places)),
            is_on,
            watched: watch::Sender::new((!is_on).then_some(false)),
        }
    }

    /// Whether they are reconciled.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Watches GlobalAccelerators from when they are served, until it is dropped. If they are not reconciled, it does nothing.
    pub async fn watch(
        self: Arc<Self>,
        client: Client,
        scope: WatchScope,
        changed: impl Fn(&ObjectKey, CacheEvent<GlobalAccelerator>),
    ) {
        if let Some(region) = &self.region_without {
            tracing::warn!(
                region,
                "gate GlobalAcceleratorController has no effect: AWS Global Accelerator is not there in this partition"
            );
        }
        if !self.is_on {
            return std::future::pending().await;
        }
        loop {
            match is_served(&client).await {
                Ok(true) => break,
                Ok(false) => {
                    self.watched.send_replace(Some(false));
                    sleep(DISCOVERY_INTERVAL).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "kind GlobalAccelerator cannot be discovered");
                    sleep(DISCOVERY_RETRY).await;
                }
            }
        }
        tracing::info!("watching GlobalAccelerators");
        self.watched.send_replace(Some(true));
        follow(client, scope, self.objects.clone(), std::convert::identity, changed).await;
    }

    /// Asks for everything that is watched to be listed again.
    pub fn refresh(&self) {
        if self.is_watched() {
            self.objects.refresh();
        }
    }

    /// Waits until everything that is watched is listed, as fresh as was asked for last.
    pub async fn synced(&self) {
        let mut watched = self.watched.subscribe();
        // why: the sender lives as long as `self`
        let _ = watched.wait_for(Option::is_some).await;
        if self.is_watched() {
            self.objects.synced().await;
        }
    }

    /// Whether everything that is watched is listed.
    pub fn is_synced(&self) -> bool {
        let is_known = self.watched.borrow().is_some();
        is_known && (!self.is_watched() || self.objects.is_synced())
    }

    fn is_watched(&self) -> bool {
        *self.watched.borrow() == Some(true)
    }

    /// The GlobalAccelerators that refer to an object.
    pub fn referring_to(&self, kind: EndpointType, key: &ObjectKey) -> Vec<ObjectKey> {
        self.keys_at(&place(kind, key))
    }

    /// The GlobalAccelerators of other namespaces that refer to objects of a namespace.
    pub fn referring_into(&self, namespace: &str) -> Vec<ObjectKey> {
        self.keys_at(&foreign_place(namespace))
    }

    fn keys_at(&self, place: &ObjectKey) -> Vec<ObjectKey> {
        self.objects.list_group(place).iter().map(|object| ObjectKey::of(&**object)).collect()
    }
}

/// Whether a GlobalAccelerator refers to Gateways, or to what only a ReferenceGrant allows.
pub fn needs_gateway_api(object: &GlobalAccelerator) -> bool {
    let own = object.metadata.namespace.as_deref().unwrap_or_default();
    references(object).iter().any(|(kind, key)| *kind == EndpointType::Gateway || key.namespace() != own)
}

/// Whether what GlobalAccelerators read of a Service has changed.
pub fn concerns_accelerators(old: Option<&Service>, new: Option<&Service>) -> bool {
    let read = |service: &Service| {
        let kind = service.spec.as_ref().and_then(|spec| spec.type_.clone());
        (kind, service.status.as_ref().and_then(|status| status.load_balancer.clone()))
    };
    old.map(read) != new.map(read)
}

async fn is_served(client: &Client) -> Result<bool, kube::Error> {
    let version = GlobalAccelerator::api_version(&());
    match client.list_api_group_resources(&version).await {
        Ok(list) => Ok(list.resources.iter().any(|resource| resource.name == GlobalAccelerator::plural(&()))),
        Err(error) if write::is_not_found(&error) => Ok(false),
        Err(error) => Err(error),
    }
}
