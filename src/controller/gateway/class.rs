//! GatewayClasses: whether they can be used (upstream's `controllers/gateway/gateway_class_controller.go`).

use crate::api::ObjectKey;
use crate::api::gateway::{
    Gateway, GatewayClass, GatewayClassStatus, LAST_PROCESSED_CONFIG_ANNOTATION,
    LAST_PROCESSED_CONFIG_TIMESTAMP_ANNOTATION,
};
use crate::api::meta::{has_finalizer, is_being_deleted};
use crate::clock::now;
use crate::cluster::pages::list_all;
use crate::cluster::write;
use crate::controller::ReconcileResult;
use crate::controller::context::ReconcileContext;
use crate::gateway::Controller;
use crate::gateway::config::{ConfigError, class_configuration, default_target_group, processed_version};
use crate::gateway::features::supported;
use crate::gateway::status::{ClassOutcome, StatusTime, class_status};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::sync::Arc;

const FINALIZER: &str = "gateway.k8s.aws/gatewayclass";

/// Says of a class whether it can be used, and keeps it while Gateways use it.
pub async fn reconcile(context: &ReconcileContext, key: &ObjectKey) -> ReconcileResult {
    let Some(class) = context.stores.gateways.classes.get(key) else { return ReconcileResult::Gone };
    if !is_ours(context, &class) {
        return ReconcileResult::Gone;
    }
    let pass = ClassReconcile { context, api: context.objects.gateway_classes(), class };
    match pass.run().await {
        Ok(result) => result,
        Err(error) => {
            tracing::warn!(class = %key, %error, "GatewayClass not reconciled");
            ReconcileResult::Retry
        }
    }
}

/// Whether Gateways of a class are served here.
pub(super) fn is_ours(context: &ReconcileContext, class: &GatewayClass) -> bool {
    let features = &context.config.features;
    match Controller::of_name(&class.spec.controller_name) {
        Some(Controller::Alb) => features.alb_gateway_api,
        Some(Controller::Nlb) => features.nlb_gateway_api,
        None => false,
    }
}

struct ClassReconcile<'a> {
    context: &'a ReconcileContext,
    api: Api<GatewayClass>,
    class: Arc<GatewayClass>,
}

impl ClassReconcile<'_> {
    async fn run(&self) -> Result<ReconcileResult, kube::Error> {
        let name = self.class.metadata.name.clone().unwrap_or_default();
        let stores = &*self.context.stores.gateways;
        if is_being_deleted(&*self.class) {
            let is_used = !stores.gateways.list_group(&ObjectKey::cluster(name.as_str())).is_empty();
            if is_used || self.is_used_elsewhere(&name).await? {
                tracing::info!(class = name, "deletion of the GatewayClass waits for its Gateways");
                // why: of what happens in other namespaces nothing is heard here
                let is_heard_of = self.context.config.watch_namespace.is_empty();
                return Ok(if is_heard_of { ReconcileResult::AwaitChange } else { ReconcileResult::Retry });
            }
            write::remove_finalizer(&self.api, &name, FINALIZER).await?;
            return Ok(ReconcileResult::Gone);
        }
        if !has_finalizer(&*self.class, FINALIZER) {
            write::add_finalizer(&self.api, &name, FINALIZER).await?;
        }
        let configuration = match class_configuration(&self.class, stores) {
            Ok(configuration) => configuration,
            Err(error) => {
                if !self.is_configured_elsewhere() {
                    self.write_status(&name, &outcome(&error, &self.class)).await?;
                }
                return Ok(ReconcileResult::AwaitChange);
            }
        };
        let default = match default_target_group("GatewayClass", configuration.as_deref(), stores) {
            Ok(default) => default,
            Err(error) => {
                tracing::warn!(class = name, %error, "configuration of the GatewayClass cannot be used");
                return Ok(ReconcileResult::AwaitChange);
            }
        };
        let version = processed_version(configuration.as_deref(), default.as_deref());
        self.annotate(&name, &version).await?;
        self.write_status(&name, &ClassOutcome::Accepted).await?;
        Ok(ReconcileResult::Done)
    }

    /// Whether the class names a configuration of a namespace that is not watched here: another installation judges it.
    fn is_configured_elsewhere(&self) -> bool {
        let watched = &self.context.config.watch_namespace;
        let named = self.class.spec.parameters_ref.as_ref().and_then(|named| named.namespace.as_ref());
        !watched.is_empty() && named.is_some_and(|named| named != watched)
    }

    /// Whether a Gateway of a namespace that is not watched here uses the class.
    async fn is_used_elsewhere(&self, name: &str) -> Result<bool, kube::Error> {
        if self.context.config.watch_namespace.is_empty() {
            return Ok(false);
        }
        let is_of_class = |gateway: Gateway| (gateway.spec.gateway_class_name == name).then_some(());
        Ok(!list_all(&self.context.objects.gateways(), is_of_class).await?.is_empty())
    }

    async fn annotate(&self, name: &str, version: &str) -> Result<(), kube::Error> {
        let annotations = self.class.metadata.annotations.as_ref();
        let known = annotations.and_then(|all| all.get(LAST_PROCESSED_CONFIG_ANNOTATION));
        if known.map(String::as_str) == Some(version) {
            return Ok(());
        }
        let patch = json!({ "metadata": { "annotations": {
            LAST_PROCESSED_CONFIG_ANNOTATION: version,
            LAST_PROCESSED_CONFIG_TIMESTAMP_ANNOTATION: now().as_second().to_string(),
        } } });
        self.api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
    }

    async fn write_status(&self, name: &str, outcome: &ClassOutcome) -> Result<(), kube::Error> {
        let none = GatewayClassStatus::default();
        let old = self.class.status.as_ref().unwrap_or(&none);
        let generation = self.class.metadata.generation.unwrap_or_default();
        let moment = StatusTime { generation, now: now() };
        let controller = Controller::of_name(&self.class.spec.controller_name);
        let options = super::options(&self.context.config.features);
        let features = controller.map(|controller| supported(controller, options)).unwrap_or_default();
        match class_status(old, outcome, &features, moment) {
            Some(new) => write::patch_status(&self.api, name, &json!(new)).await,
            None => Ok(()),
        }
    }
}

fn outcome(error: &ConfigError, class: &GatewayClass) -> ClassOutcome {
    let reference = class.spec.parameters_ref.as_ref();
    let named = reference.and_then(|reference| {
        let namespace = reference.namespace.as_deref()?;
        Some(ObjectKey::namespaced(namespace, reference.name.as_str()))
    });
    match (error, named) {
        (ConfigError::NamespaceMissing, _) | (_, None) => ClassOutcome::NamespaceMissing,
        (_, Some(key)) => ClassOutcome::NotFound(key),
    }
}
