//! Services to NLBs: the five steps for one Service.
//!
//! Matches upstream's `controllers/service`: finalizer before anything is made, status after it is made, cleanup when the
//! Service is not ours (any more), and the events of each.

use super::context::Context;
use super::gather::{self, BuildFailure};
use super::worker::Verdict;
use crate::api::meta::SERVICE_FINALIZER;
use crate::api::{ObjectKey, Service};
use crate::build;
use crate::cluster::events::Regarding;
use crate::cluster::write;
use crate::deploy::{DeployFailure, Deployed};
use crate::model::Stack;
use crate::status;
use crate::status::event::{Event, Reason};
use kube::Api;
use serde_json::json;
use std::sync::Arc;

const COMPONENT: &str = "service";

/// Brings AWS and the Service's status in line with one Service.
pub async fn reconcile(context: &Context, key: &ObjectKey) -> Verdict {
    let Some(service) = context.stores.services.get(key) else { return Verdict::Done };
    let pass = Pass { context, key, service };
    match pass.run().await {
        Ok(verdict) => verdict,
        Err(failure) => pass.report_failure(&failure),
    }
}

/// Why a pass ended early.
enum Failure {
    Build(BuildFailure),
    AddFinalizer(kube::Error),
    Deploy(DeployFailure),
    UpdateStatus(kube::Error),
    CleanupStatus(kube::Error),
    RemoveFinalizer(kube::Error),
    BackendSecurityGroup(crate::cloud::CloudError),
}

struct Pass<'a> {
    context: &'a Context,
    key: &'a ObjectKey,
    service: Arc<Service>,
}

impl Pass<'_> {
    async fn run(&self) -> Result<Verdict, Failure> {
        let config = &self.context.config;
        let id = build::service::stack_id(&self.service);
        if !build::service::is_selected(&self.service, config)
            && !build::service::is_pending_finalization(&self.service)
        {
            return Ok(Verdict::Done);
        }
        let built = gather::build(&self.context.facts, &id, |facts| build::service::build(&self.service, facts, config))
            .await
            .map_err(Failure::Build)?;
        self.context.note_built(&id);
        if built.stack.load_balancers.is_empty() {
            return self.clean_up(&built.stack).await;
        }
        self.add_finalizer().await?;
        let deployed = self.context.deployer.deploy(&built.stack).await.map_err(Failure::Deploy)?;
        if !built.uses_backend_security_group {
            self.release_backend_security_group(&built.stack).await?;
        }
        self.update_status(&deployed).await?;
        self.report_success(&deployed);
        Ok(deployed.revisit.map_or(Verdict::Done, Verdict::After))
    }

    fn api(&self) -> Api<Service> {
        Api::namespaced(self.context.client.clone(), self.key.namespace())
    }

    async fn add_finalizer(&self) -> Result<(), Failure> {
        if build::service::is_pending_finalization(&self.service) {
            return Ok(());
        }
        write::add_finalizer(&self.api(), self.key.name(), SERVICE_FINALIZER)
            .await
            .map(drop)
            .map_err(Failure::AddFinalizer)
    }

    async fn update_status(&self, deployed: &Deployed) -> Result<(), Failure> {
        let Some(load_balancer) = deployed.load_balancers.values().next() else { return Ok(()) };
        match status::service::patch(&self.service, &load_balancer.dns_name) {
            None => Ok(()),
            Some(status) => {
                write::patch_status(&self.api(), self.key.name(), &status).await.map_err(Failure::UpdateStatus)
            }
        }
    }

    async fn clean_up(&self, stack: &Stack) -> Result<Verdict, Failure> {
        self.context.deployer.deploy(stack).await.map_err(Failure::Deploy)?;
        self.release_backend_security_group(stack).await?;
        let has_status = self.service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        if has_status.and_then(|status| status.ingress.as_ref()).is_some_and(|ingress| !ingress.is_empty()) {
            match write::patch_status(&self.api(), self.key.name(), &json!({"loadBalancer": {"ingress": null}})).await {
                Err(error) if !write::is_not_found(&error) => return Err(Failure::CleanupStatus(error)),
                _ => {}
            }
        }
        write::remove_finalizer(&self.api(), self.key.name(), SERVICE_FINALIZER)
            .await
            .map_err(Failure::RemoveFinalizer)?;
        Ok(Verdict::Done)
    }

    async fn release_backend_security_group(&self, stack: &Stack) -> Result<(), Failure> {
        self.context.release_backend_security_group(&stack.id).await.map_err(Failure::BackendSecurityGroup)
    }

    fn report_success(&self, deployed: &Deployed) {
        if deployed.is_news {
            self.record(&Event::normal(Reason::SuccessfullyReconciled, "Successfully reconciled"));
        }
    }

    fn report_failure(&self, failure: &Failure) -> Verdict {
        let event = match failure {
            Failure::Build(failure) => Event::failed_build(failure),
            Failure::Deploy(DeployFailure { revisit: Some(after), .. }) => return Verdict::After(*after),
            Failure::Deploy(failure) => Event::failed_deploy(failure),
            Failure::AddFinalizer(error) => Event::failed_add_finalizer(error),
            Failure::UpdateStatus(error) => Event::failed_update_status(error),
            Failure::CleanupStatus(error) => Event::failed_cleanup_status(error),
            Failure::RemoveFinalizer(error) => Event::failed_remove_finalizer(error),
            Failure::BackendSecurityGroup(error) => {
                tracing::warn!(service = %self.key, %error, "backend security group not released");
                return Verdict::Retry;
            }
        };
        tracing::warn!(service = %self.key, reason = event.reason.as_str(), message = event.message, "reconcile failed");
        self.record(&event);
        Verdict::Retry
    }

    fn record(&self, event: &Event) {
        let regarding = Regarding::of("v1", "Service", &*self.service);
        let recorder = self.context.recorder.component(COMPONENT);
        recorder.record(regarding, event.kind.as_str(), event.reason.as_str(), event.message.clone());
    }
}
