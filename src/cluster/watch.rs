//! Keeps a [`Cache`] in step with the API server.
//!
//! Every watch survives disconnects (with back-off), objects that do not parse (they are skipped and named in the log)
//! and restarts of the stream (differences are told as changes).

use super::cache::{Cache, Change};
use crate::api::{ObjectKey, ObjectMeta};
use futures::{StreamExt, TryStreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Annotation in which kubectl keeps a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Which objects a watch sees.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// One namespace, or all.
    pub namespace: Option<String>,
}

impl Scope {
    fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }
}

/// Watches a namespaced kind until the process ends.
pub async fn follow<K, V>(
    client: Client,
    scope: Scope,
    cache: Arc<Cache<V>>,
    project: impl Fn(K) -> V,
    changed: impl Fn(&ObjectKey, Change<V>),
) where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    K: Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    V: PartialEq,
{
    follow_api(scope.api::<DeserializeGuard<K>>(client), cache, project, changed).await;
}

/// Watches a cluster-scoped kind until the process ends.
pub async fn follow_cluster<K, V>(
    client: Client,
    cache: Arc<Cache<V>>,
    project: impl Fn(K) -> V,
    changed: impl Fn(&ObjectKey, Change<V>),
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    V: PartialEq,
{
    follow_api(Api::<DeserializeGuard<K>>::all(client), cache, project, changed).await;
}

async fn follow_api<K, V>(
    api: Api<DeserializeGuard<K>>,
    cache: Arc<Cache<V>>,
    project: impl Fn(K) -> V,
    changed: impl Fn(&ObjectKey, Change<V>),
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    V: PartialEq,
{
    let mut listing = BTreeMap::new();
    let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
    loop {
        match events.try_next().await {
            Ok(Some(event)) => on_event(event, &mut listing, &cache, &project, &changed),
            Ok(None) => return,
            Err(error) => tracing::warn!(kind = %K::kind(&()), %error, "watch interrupted"),
        }
    }
}

fn on_event<K, V>(
    event: watcher::Event<DeserializeGuard<K>>,
    listing: &mut BTreeMap<ObjectKey, V>,
    cache: &Cache<V>,
    project: &impl Fn(K) -> V,
    changed: &impl Fn(&ObjectKey, Change<V>),
) where
    K: Resource<DynamicType = ()>,
    V: PartialEq,
{
    match event {
        watcher::Event::Init => listing.clear(),
        watcher::Event::InitApply(object) => {
            if let Some((key, object)) = readable(object) {
                listing.insert(key, project(object));
            }
        }
        watcher::Event::InitDone => {
            for (key, change) in cache.replace(std::mem::take(listing)) {
                changed(&key, change);
            }
        }
        watcher::Event::Apply(object) => {
            if let Some((key, object)) = readable(object)
                && let Some(change) = cache.apply(key.clone(), project(object))
            {
                changed(&key, change);
            }
        }
        watcher::Event::Delete(object) => {
            let key = key_of(object.meta());
            if let Some(change) = cache.delete(&key) {
                changed(&key, change);
            }
        }
    }
}

/// The object, without what nobody reads; `None` (and a log line) when it does not parse.
fn readable<K: Resource<DynamicType = ()>>(guard: DeserializeGuard<K>) -> Option<(ObjectKey, K)> {
    let key = key_of(guard.meta());
    match guard.0 {
        Ok(mut object) => {
            let meta = object.meta_mut();
            meta.managed_fields = None;
            if let Some(annotations) = &mut meta.annotations {
                annotations.remove(LAST_APPLIED);
            }
            Some((key, object))
        }
        Err(invalid) => {
            tracing::warn!(kind = %K::kind(&()), object = %key, error = %invalid.error, "object does not parse and is skipped");
            None
        }
    }
}

fn key_of(meta: &ObjectMeta) -> ObjectKey {
    let name = meta.name.as_deref().unwrap_or_default();
    match meta.namespace.as_deref() {
        Some(namespace) => ObjectKey::namespaced(namespace, name),
        None => ObjectKey::cluster(name),
    }
}
