//! What the console shows of a cluster and an account, as a user reads them.

use super::view::ConsoleView;
use crate::args::SessionFlags;
use crate::cli::session::{SessionError, find_account, listed};
use crate::cluster::KubeConnection;
use crate::cluster::plan_annotations::{
    AnnotatedObject, get_gateway, get_ingress, list_gateways, list_ingresses,
};
use crate::cluster::stores::Stores;
use crate::serve::console::{ConsoleSource, TopologySnapshot};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

/// A cluster and an account.
pub struct SessionSource {
    client: KubeConnection,
    flags: SessionFlags,
    view: OnceCell<(ConsoleView, JoinSet<()>)>,
}

impl SessionSource {
    /// Nothing is read yet.
    pub fn new(client: KubeConnection, flags: SessionFlags) -> Self {
        Self { client, flags, view: OnceCell::new() }
    }

    /// What is looked at. It is followed from when it is first asked for; an error is no answer, and it is tried again.
    async fn view(&self) -> Result<&ConsoleView, String> {
        let begun = self.view.get_or_try_init(|| self.begin()).await;
        begun.map(|(view, _)| view)
    }

    async fn begin(&self) -> Result<(ConsoleView, JoinSet<()>), String> {
        self.follow().await.map_err(|error| error.to_string())
    }

    async fn follow(&self) -> Result<(ConsoleView, JoinSet<()>), SessionError> {
        let client = self.client.clone();
        let (config, account) = find_account(&client, &self.flags, None).await?;
        let stores = Arc::new(Stores::new(&config));
        let (view, mut watches) = (ConsoleView::new(client, config, account, stores), JoinSet::new());
        view.watch(&mut watches);
        listed(&view.stores).await?;
        Ok((view, watches))
    }
}

impl ConsoleSource for SessionSource {
    fn about(&self) -> BoxFuture<'_, Value> {
        async {
            let version = env!("CARGO_PKG_VERSION");
            match self.view.get() {
                Some((view, _)) => json!({"version": version, "cluster": view.config.cluster_name, "region": view.config.region}),
                None => json!({"version": version}),
            }
        }
        .boxed()
    }

    fn topology(&self) -> BoxFuture<'_, Result<TopologySnapshot, String>> {
        async { self.view().await?.topology().await }.boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        async {
            match self.view.get() {
                Some((view, _)) => view.changed().await,
                None => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        async {
            if let Some((view, _)) = self.view.get() {
                view.rest().await;
            }
        }
        .boxed()
    }

    fn plan(&self, manifests: Option<String>) -> BoxFuture<'_, Result<Value, String>> {
        async move { self.view().await?.plan(manifests).await }.boxed()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Value, String>> {
        async { self.view().await?.usage().await }.boxed()
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
