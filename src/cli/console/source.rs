//! What the console shows of a cluster and an account, as a user reads them.

use crate::args::SessionFlags;
use crate::cluster::KubeConnection;
use crate::cluster::plan_annotations::{
    AnnotatedObject, get_gateway, get_ingress, list_gateways, list_ingresses,
};
use crate::serve::console::{ConsoleSource, TopologySnapshot};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

/// A cluster and an account.
pub struct SessionSource {
    client: KubeConnection,
    flags: SessionFlags,
}

impl SessionSource {
    /// Nothing is read yet.
    pub fn new(client: KubeConnection, flags: SessionFlags) -> Self {
        Self { client, flags }
    }
}

impl ConsoleSource for SessionSource {
    fn about(&self) -> BoxFuture<'_, Value> {
        async { json!({"version": env!("CARGO_PKG_VERSION")}) }.boxed()
    }

    fn topology(&self) -> BoxFuture<'_, Result<TopologySnapshot, String>> {
        async { Err("not there yet".to_owned()) }.boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }

    fn plan(&self, _manifests: Option<String>) -> BoxFuture<'_, Result<Value, String>> {
        async { Err("not there yet".to_owned()) }.boxed()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Value, String>> {
        async { Err("not there yet".to_owned()) }.boxed()
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
