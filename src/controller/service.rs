//! Services to NLBs: the five steps for one Service.
//!
//! Matches upstream's `controllers/service`: finalizer before anything is made, status after it is made, cleanup when the
//! Service is not ours (any more), and the events of each.

use super::context::ReconcileContext;
use super::gather;
use super::reconcile_error::{ReconcileError, log_model};
use super::worker::ReconcileResult;
use crate::api::meta::SERVICE_FINALIZER;
use crate::api::{ObjectKey, Service};
use crate::builder;
use crate::cluster::events::Regarding;
use crate::deploy::Deployed;
use crate::facts::{Facts, cost};
use crate::model::Stack;
use crate::settings;
use crate::status;
use crate::status::event::{Event, Reason};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

const COMPONENT: &str = "service";

/// Brings AWS and the Service's status in line with one Service.
pub async fn reconcile(context: &ReconcileContext, key: &ObjectKey) -> ReconcileResult {
    let found = context.timed(COMPONENT, "fetch_service", async { context.stores.services.get(key) }).await;
    let Some(service) = found else {
        context.note_gone(&settings::service::stack_id_of(key));
        return ReconcileResult::Gone;
    };
    let pass = ServiceReconcile { context, key, service };
    match pass.run().await {
        Ok(result) => result,
        Err(failure) => pass.report_failure(&failure),
    }
}

struct ServiceReconcile<'a> {
    context: &'a ReconcileContext,
    key: &'a ObjectKey,
    service: Arc<Service>,
}

impl ServiceReconcile<'_> {
    async fn run(&self) -> Result<ReconcileResult, ReconcileError> {
        let is_ours = settings::service::is_selected(&self.service, &self.context.config);
        if !is_ours && !settings::service::is_pending_finalization(&self.service) {
            self.context.note_gone(&settings::service::stack_id_of(self.key));
            return Ok(ReconcileResult::Gone);
        }
        if is_ours && let Some(finding) = cost::too_costly_service(&self.service) {
            return Err(ReconcileError::of_cost(&finding));
        }
        let built = self.context.timed(COMPONENT, "build_model", self.build()).await?;
        log_model(&built.stack);
        self.context.secrets.note(&built.stack.id, &built.secrets);
        if built.stack.load_balancers.is_empty() {
            return self.context.timed(COMPONENT, "cleanup_load_balancer", self.clean_up(&built.stack)).await;
        }
        self.context.timed(COMPONENT, "add_finalizers", self.add_finalizer()).await?;
        let deployed = self.context.timed(COMPONENT, "deploy_model", self.deploy(&built.stack)).await?;
        if !built.uses_backend_security_group {
            self.context.release_backend_security_group(COMPONENT, &built.stack).await?;
        }
        self.context.note_deployed_certificates(&built.stack, &built.secrets);
        let host = self.context.timed(COMPONENT, "DNS_resolve", async { deployed.host() }).await;
        self.context.timed(COMPONENT, "update_status", self.update_status(host)).await?;
        for finding in &built.unusable_secrets {
            self.record(&Event::warning(Reason::FailedBuildModel, finding));
        }
        if deployed.is_news {
            self.record(&Event::reconciled());
        }
        Ok(deployed.revisit.map_or(ReconcileResult::Done, ReconcileResult::RequeueAfter))
    }

    async fn build(&self) -> Result<builder::Built, ReconcileError> {
        let config = &self.context.config;
        let id = settings::service::stack_id(&self.service);
        let build = |facts: &Facts| builder::service::build(&self.service, facts, config);
        let size = cost::size_of_service(&self.service);
        let built = gather::build_from(Facts::default(), &self.context.facts, &id, size, build)
            .await
            .map_err(|failure| ReconcileError::of_build(&failure))?;
        self.context.note_built(&id);
        Ok(built)
    }

    async fn deploy(&self, stack: &Stack) -> Result<Deployed, ReconcileError> {
        self.context.deployer.deploy(stack).await.map_err(|failure| ReconcileError::of_deployment(&failure))
    }

    async fn add_finalizer(&self) -> Result<(), ReconcileError> {
        if settings::service::is_pending_finalization(&self.service) {
            return Ok(());
        }
        let added = self.context.objects.add_finalizer::<Service>(self.key, SERVICE_FINALIZER).await;
        added
            .map(drop)
            .map_err(|error| ReconcileError::user(Reason::FailedAddFinalizer, "add_finalizers_error")(&error))
    }

    async fn update_status(&self, host: Option<&str>) -> Result<(), ReconcileError> {
        let Some(status) = host.and_then(|host| status::service::reachable(&self.service, host)) else {
            return Ok(());
        };
        let written =
            self.context.objects.patch_status::<Service>(self.key, &json!({ "loadBalancer": status })).await;
        written
            .map_err(|error| ReconcileError::user(Reason::FailedUpdateStatus, "update_status_error")(&error))
    }

    async fn clean_up(&self, stack: &Stack) -> Result<ReconcileResult, ReconcileError> {
        self.deploy(stack).await?;
        self.context.release_backend_security_group(COMPONENT, stack).await?;
        self.context.note_deployed_certificates(stack, &BTreeSet::new());
        self.clear_status().await?;
        self.context.objects.remove_finalizer::<Service>(self.key, SERVICE_FINALIZER).await.map_err(
            |error| {
                ReconcileError::user(Reason::FailedRemoveFinalizer, "cleanup_load_balancer_error")(&error)
            },
        )?;
        Ok(ReconcileResult::Gone)
    }

    async fn clear_status(&self) -> Result<(), ReconcileError> {
        if status::service::unreachable(&self.service).is_none() {
            return Ok(());
        }
        // why: null, because a merge patch keeps what it does not mention.
        let cleared = json!({"loadBalancer": {"ingress": null}});
        let written = self.context.objects.patch_status::<Service>(self.key, &cleared).await;
        written.map_err(|error| {
            ReconcileError::user(Reason::FailedCleanupStatus, "cleanup_load_balancer_error")(&error)
        })
    }

    fn report_failure(&self, failure: &ReconcileError) -> ReconcileResult {
        match failure {
            ReconcileError::Requeue(after) => return ReconcileResult::RequeueAfter(*after),
            ReconcileError::Log(message) => tracing::warn!(service = %self.key, message),
            ReconcileError::User(reconcile_failure) => {
                let event = &reconcile_failure.event;
                tracing::warn!(service = %self.key, reason = event.reason.as_str(), message = event.message);
                self.record(event);
                return self.context.count_failure(COMPONENT, reconcile_failure);
            }
        }
        ReconcileResult::Retry
    }

    fn record(&self, event: &Event) {
        let regarding = Regarding::of("v1", "Service", &*self.service);
        let recorder = self.context.recorder.component(COMPONENT);
        recorder.record(regarding, event.kind.as_str(), event.reason.as_str(), event.message.clone());
    }
}
