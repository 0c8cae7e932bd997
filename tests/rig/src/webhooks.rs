//! The webhook server without a cluster and without AWS: its caches are filled by hand.

use aws_load_balancer_controller::api::AlbTargetControlConfigSpec;
use aws_load_balancer_controller::aws::assume_role::{AssumedRole, CloudFor};
use aws_load_balancer_controller::aws::{Cloud, CloudFuture};
use aws_load_balancer_controller::aws_api::{CloudError, Request};
use aws_load_balancer_controller::cluster::stores::Stores;
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::metrics::{LookupMeter, Metrics};
use aws_load_balancer_controller::pool::Pool;
use aws_load_balancer_controller::serve::bodies::Bodies;
use aws_load_balancer_controller::serve::lookups::Lookups;
use aws_load_balancer_controller::serve::webhooks::{
    QuicIds, ServerFeatures, TargetControlConfigs, Webhooks,
};
use futures::future::BoxFuture;
use std::sync::Arc;

/// What webhooks know that start with empty caches, and whose AWS refuses every call.
pub fn webhooks(config: Config) -> Webhooks {
    let config = Arc::new(config);
    Webhooks {
        stores: Arc::new(Stores::new(&config)),
        config,
        lookups: Lookups::new(Arc::new(NoAws), LookupMeter::default()),
        bodies: Bodies::default(),
        pool: Pool::default(),
        quic_ids: Arc::new(NoAws),
        target_control: Arc::new(NoAws),
        server: Arc::new(NoAws),
        metrics: Arc::new(Metrics::new()),
    }
}

/// Stands in for everybody whom webhooks may ask.
struct NoAws;

impl CloudFor for NoAws {
    fn cloud_for(&self, _: Option<&AssumedRole>) -> Arc<dyn Cloud> {
        Arc::new(Self)
    }
}

impl Cloud for NoAws {
    fn call(&self, _: Request) -> CloudFuture<'_> {
        Box::pin(async { Err(CloudError::Fenced { operation: "none" }) })
    }
}

/// Always the same id, because nothing here needs them to differ.
impl QuicIds for NoAws {
    fn take(&self, count: usize, _: bool) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(async move { Ok(vec!["LBhzwAAAApE=".to_owned(); count]) })
    }
}

impl ServerFeatures for NoAws {
    fn has_sleep(&self) -> BoxFuture<'_, Result<bool, String>> {
        Box::pin(async { Ok(true) })
    }
}

impl TargetControlConfigs for NoAws {
    fn settings<'a>(
        &'a self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<AlbTargetControlConfigSpec>, String>> {
        Box::pin(async { Ok(None) })
    }
}
