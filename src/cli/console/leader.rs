//! What the console shows inside of the controller: its own caches, and what AWS says.
//!
//! Whoever forwards a port reads with the controller's rights. So manifests are linted and not planned: a plan would give them to the
//! API server in the controller's name.

use super::view::ConsoleView;
use crate::cli::session::AwsSession;
use crate::cluster::KubeConnection;
use crate::cluster::lease::Leadership;
use crate::cluster::plan_annotations::{
    AnnotatedObject, get_gateway, get_ingress, list_gateways, list_ingresses,
};
use crate::controller::process::ConsoleParts;
use crate::serve::console::{ConsoleSource, VisitItem};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// How often the caches are looked at while a page is open; they tell their changes to the controller alone.
const LOOK: Duration = Duration::from_secs(2);
/// Why manifests are not planned.
const NOT_PLANNED: &str = "Manifests are linted only: the controller's page plans nothing in the controller's name. The command \
                           `aws-load-balancer-controller console`, or `plan -f`, plans them with your own rights.";

/// The controller's caches and its AWS.
pub struct LeaderSource {
    client: KubeConnection,
    leadership: Leadership,
    view: ConsoleView,
}

impl LeaderSource {
    /// Looks at the parts of a controller.
    pub fn new(parts: ConsoleParts) -> Self {
        let ConsoleParts { client, cloud, config, stores, leadership } = parts;
        let account = AwsSession { cloud, config: config.clone() };
        let view = ConsoleView::new(client.clone(), config, Ok(account), stores);
        Self { client, leadership, view }
    }
}

impl ConsoleSource for LeaderSource {
    fn about(&self) -> BoxFuture<'_, Value> {
        let config = &self.view.config;
        let about = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "cluster": config.cluster_name,
            "region": config.region,
            "leads": self.leadership.is_leader(),
        });
        std::future::ready(about).boxed()
    }

    fn topology<'a>(&'a self, visit: &'a mut VisitItem<'_>) -> BoxFuture<'a, Result<Value, String>> {
        async move {
            self.view.stores.synced().await;
            self.view.topology(visit).await
        }
        .boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        async {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = self.view.changed() => {}
            }
        }
        .boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        self.view.rest().boxed()
    }

    fn plan(&self, manifests: Option<String>) -> BoxFuture<'_, Result<Value, String>> {
        async move {
            match manifests {
                None => self.view.plan(None).await,
                Some(text) => Ok(json!({"lint": self.view.lint(text), "failure": NOT_PLANNED})),
            }
        }
        .boxed()
    }

    fn usage(&self) -> BoxFuture<'_, Result<Value, String>> {
        self.view.usage().boxed()
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
