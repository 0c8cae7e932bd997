//! What the console shows of a cluster and an account, as a user reads them.

use super::view::ConsoleView;
use crate::args::SessionFlags;
use crate::cli::session::{AwsSession, SessionError, find_account, listed};
use crate::cluster::KubeConnection;
use crate::cluster::plan_annotations::{
    AnnotatedObject, get_gateway, get_ingress, list_gateways, list_ingresses,
};
use crate::cluster::stores::Stores;
use crate::config::Config;
use crate::serve::console::{ConsoleSource, VisitItem};
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::{Arc, Weak};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

/// A cluster and an account.
pub struct SessionSource {
    client: KubeConnection,
    flags: SessionFlags,
    account: OnceCell<(Arc<Config>, Result<AwsSession, String>)>,
    /// The cluster while somebody needs it.
    followed: tokio::sync::Mutex<Weak<FollowedCluster>>,
    /// It is needed as long as pages show the topology.
    shown: Mutex<Option<Arc<FollowedCluster>>>,
}

/// A cluster whose objects are listed and watched until it is dropped.
struct FollowedCluster {
    view: ConsoleView,
    _watches: JoinSet<()>,
}

impl SessionSource {
    /// Nothing is read yet.
    pub fn new(client: KubeConnection, flags: SessionFlags) -> Self {
        let (account, followed, shown) = (OnceCell::new(), tokio::sync::Mutex::default(), Mutex::default());
        Self { client, flags, account, followed, shown }
    }

    /// The cluster. All who need it at a time share one; an error is no answer, and it is tried again.
    async fn followed(&self) -> Result<Arc<FollowedCluster>, String> {
        let mut known = self.followed.lock().await;
        if let Some(followed) = known.upgrade() {
            return Ok(followed);
        }
        let begun = Arc::new(self.follow().await.map_err(|error| error.to_string())?);
        *known = Arc::downgrade(&begun);
        Ok(begun)
    }

    async fn follow(&self) -> Result<FollowedCluster, SessionError> {
        let client = self.client.clone();
        let account = self.account.get_or_try_init(|| find_account(&client, &self.flags, None)).await?;
        let (config, account) = account.clone();
        let stores = Arc::new(Stores::new(&config));
        let (view, mut watches) = (ConsoleView::new(client.clone(), config, account, stores), JoinSet::new());
        view.watch(&mut watches);
        listed(&view.stores).await?;
        Ok(FollowedCluster { view, _watches: watches })
    }
}

impl ConsoleSource for SessionSource {
    fn about(&self) -> BoxFuture<'_, Value> {
        let version = env!("CARGO_PKG_VERSION");
        let about = match self.account.get() {
            Some((config, _)) => {
                json!({"version": version, "cluster": config.cluster_name, "region": config.region})
            }
            None => json!({"version": version}),
        };
        std::future::ready(about).boxed()
    }

    fn topology<'a>(&'a self, visit: &'a mut VisitItem<'_>) -> BoxFuture<'a, Result<Value, String>> {
        async move {
            let followed = self.followed().await?;
            *self.shown.lock() = Some(followed.clone());
            followed.view.topology(visit).await
        }
        .boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        let shown = self.shown.lock().clone();
        async move {
            match shown {
                Some(followed) => followed.view.changed().await,
                None => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        let shown = self.shown.lock().take();
        async move {
            if let Some(followed) = shown {
                followed.view.rest().await;
            }
        }
        .boxed()
    }

    fn plan(&self, manifests: Option<String>) -> BoxFuture<'_, Result<Value, String>> {
        async move { self.followed().await?.view.plan(manifests).await }.boxed()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Value, String>> {
        async { self.followed().await?.view.usage().await }.boxed()
    }

    fn gateways(&self, namespace: Option<String>) -> BoxFuture<'_, Result<Vec<AnnotatedObject>, String>> {
        async move { list_gateways(&self.client, namespace.as_deref()).await }.boxed()
    }

    fn gateway(&self, namespace: String, name: String) -> BoxFuture<'_, Result<AnnotatedObject, String>> {
        async move { get_gateway(&self.client, &namespace, &name).await }.boxed()
    }

    fn ingresses(&self) -> BoxFuture<'_, Result<Vec<AnnotatedObject>, String>> {
        list_ingresses(&self.client).boxed()
    }

    fn ingress(&self, namespace: String, name: String) -> BoxFuture<'_, Result<AnnotatedObject, String>> {
        async move { get_ingress(&self.client, &namespace, &name).await }.boxed()
    }
}
