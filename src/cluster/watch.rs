//! Keeps a [`Cache`] in step with the API server.
//!
//! Every watch survives disconnects (with short pauses), a history that is gone (everything is listed again), objects that do not parse (they are skipped and named in the log)
//! and restarts of the stream (differences are told as changes).
//!
//! Lists come in pages, and their objects go to the cache one by one: beside the cache there is never more than a page of them.

use super::cache::{Cache, CacheEvent};
use crate::api::{ObjectKey, ObjectMeta, Trimmed};
use futures::{StreamExt, TryStreamExt};
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Annotation in which kubectl keeps a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Which objects a watch sees.
#[derive(Clone, Debug, Default)]
pub struct WatchScope {
    /// One namespace, or all.
    pub namespace: Option<String>,
}

impl WatchScope {
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

/// An object as the API server's answer was parsed.
pub trait Parsed:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static
{
    /// The object itself.
    type Object: Resource<DynamicType = ()>;

    /// The object, or what is wrong with it.
    fn object(self) -> Result<Self::Object, Box<InvalidObject>>;
}

/// Of kinds that users write: one that cannot be read does not keep the others from being read.
impl<K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static> Parsed
    for DeserializeGuard<K>
{
    type Object = K;

    fn object(self) -> Result<K, Box<InvalidObject>> {
        self.0.map_err(Box::new)
    }
}

/// Of kinds that the API server checks field by field.
impl<K> Parsed for Trimmed<K>
where
    Self: DeserializeOwned,
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + 'static,
{
    type Object = K;

    fn object(self) -> Result<K, Box<InvalidObject>> {
        Ok(self.0)
    }
}

/// Watches a namespaced kind until the process ends.
pub async fn follow<K, V>(
    client: Client,
    scope: WatchScope,
    cache: Arc<Cache<V>>,
    project: impl Fn(K) -> V,
    changed: impl Fn(&ObjectKey, CacheEvent<V>),
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
    changed: impl Fn(&ObjectKey, CacheEvent<V>),
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    V: PartialEq,
{
    follow_api(Api::<DeserializeGuard<K>>::all(client), cache, project, changed).await;
}

/// Watches a namespaced kind of which only some fields are parsed, until the process ends.
pub async fn follow_trimmed<K, V>(
    client: Client,
    scope: WatchScope,
    cache: Arc<Cache<V>>,
    project: impl Fn(K) -> V,
    changed: impl Fn(&ObjectKey, CacheEvent<V>),
) where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    Trimmed<K>: Parsed<Object = K> + Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    V: PartialEq,
{
    follow_api(scope.api::<Trimmed<K>>(client), cache, project, changed).await;
}

/// Watches a cluster-scoped kind of which only some fields are parsed, until the process ends.
pub async fn follow_trimmed_cluster<K, V>(
    client: Client,
    cache: Arc<Cache<V>>,
    project: impl Fn(K) -> V,
    changed: impl Fn(&ObjectKey, CacheEvent<V>),
) where
    K: Resource<DynamicType = ()>,
    Trimmed<K>: Parsed<Object = K>,
    V: PartialEq,
{
    follow_api(Api::<Trimmed<K>>::all(client), cache, project, changed).await;
}

async fn follow_api<P, V>(
    api: Api<P>,
    cache: Arc<Cache<V>>,
    project: impl Fn(P::Object) -> V,
    changed: impl Fn(&ObjectKey, CacheEvent<V>),
) where
    P: Parsed,
    V: PartialEq,
{
    let mut wanted = cache.wanted();
    loop {
        let round = *wanted.borrow_and_update();
        let mut listed = BTreeSet::new();
        let mut events =
            watcher(api.clone(), watcher::Config::default()).backoff(WatchBackoff::default()).boxed();
        loop {
            tokio::select! {
                event = events.try_next() => match event {
                    Ok(Some(event)) => {
                        let is_list = matches!(event, watcher::Event::InitDone);
                        on_event(event, &mut listed, &cache, &project, &changed);
                        if is_list {
                            cache.note_listed(round);
                        }
                    }
                    Ok(None) => return,
                    Err(error) => tracing::warn!(kind = %P::kind(&()), %error, "watch interrupted"),
                },
                // why: the sender lives as long as `cache`
                _ = wanted.changed() => break,
            }
        }
    }
}

/// The pauses after failures of a watch: short, because whoever waits for it does nothing else.
#[derive(Debug, Default)]
pub(super) struct WatchBackoff {
    last: Option<(Duration, Instant)>,
}

/// The first pause, …
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// … the longest, …
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// … and how long all must be well before pauses are short again.
const CALM: Duration = Duration::from_secs(30);

impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let recent = self.last.filter(|(_, at)| at.elapsed() < CALM);
        let pause = recent.map_or(FIRST_PAUSE, |(last, _)| (last * 2).min(LONGEST_PAUSE));
        self.last = Some((pause, Instant::now()));
        Some(pause)
    }
}

impl Backoff for WatchBackoff {
    /// why: a list that fails begins with an event that is none, so that only time tells whether all is well
    fn reset(&mut self) {}
}

fn on_event<P, V>(
    event: watcher::Event<P>,
    listed: &mut BTreeSet<ObjectKey>,
    cache: &Cache<V>,
    project: &impl Fn(P::Object) -> V,
    changed: &impl Fn(&ObjectKey, CacheEvent<V>),
) where
    P: Parsed,
    V: PartialEq,
{
    let apply = |key: &ObjectKey, object| {
        if let Some(change) = cache.apply(key.clone(), project(object)) {
            changed(key, change);
        }
    };
    match event {
        watcher::Event::Init => listed.clear(),
        watcher::Event::InitApply(object) => {
            if let Some((key, object)) = readable(object) {
                apply(&key, object);
                listed.insert(key);
            }
        }
        watcher::Event::InitDone => {
            for (key, change) in cache.retain(&std::mem::take(listed)) {
                changed(&key, change);
            }
        }
        watcher::Event::Apply(object) => {
            if let Some((key, object)) = readable(object) {
                apply(&key, object);
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
fn readable<P: Parsed>(parsed: P) -> Option<(ObjectKey, P::Object)> {
    let key = key_of(parsed.meta());
    match parsed.object() {
        Ok(mut object) => {
            let meta = object.meta_mut();
            meta.managed_fields = None;
            if let Some(annotations) = &mut meta.annotations {
                annotations.remove(LAST_APPLIED);
            }
            Some((key, object))
        }
        Err(invalid) => {
            tracing::warn!(kind = %P::kind(&()), object = %key, error = %invalid.error, "object does not parse and is skipped");
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
