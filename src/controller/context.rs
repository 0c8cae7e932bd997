//! What every reconcile may use.

use super::fact_source::FactSource;
use super::gateway::error_attribution::LastRefused;
use super::global_accelerator::memory::AcceleratorMemory;
use super::ingress::refused_members::RefusedMembers;
use super::secrets::SecretWatches;
use super::stack_claims::StackClaims;
use crate::api::ObjectKey;
use crate::api::gateway::Gateway;
use crate::api::meta::{self, INGRESS_FINALIZER, INGRESS_GROUP_FINALIZER_PREFIX, SERVICE_FINALIZER};
use crate::cluster::Objects;
use crate::cluster::events::Recorder;
use crate::cluster::stores::Stores;
use crate::config::Config;
use crate::deploy::Deployer;
use crate::gateway::Controller;
use crate::metrics::Metrics;
use crate::model::StackId;
use crate::settings::gateway::stack_id;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;

/// What every reconcile may use.
pub struct ReconcileContext {
    /// Settings.
    pub config: Arc<Config>,
    /// Writes to the cluster.
    pub objects: Objects,
    /// The cluster as it is.
    pub stores: Arc<Stores>,
    /// Answers for builds.
    pub facts: FactSource,
    /// Makes AWS as it is wanted.
    pub deployer: Arc<Deployer>,
    /// Events.
    pub recorder: Recorder,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Secrets that groups read.
    pub secrets: Arc<SecretWatches>,
    /// What AWS has refused of members of groups.
    pub refused_members: RefusedMembers,
    /// What AWS has refused of the routes and listeners of Gateways.
    pub last_refused: LastRefused,
    /// What is known of accelerators.
    pub accelerators: AcceleratorMemory,
    /// Groups that somebody works on.
    pub claims: StackClaims,
    /// Stacks that were built at least once since start.
    pub seen: Mutex<BTreeSet<StackId>>,
}

impl ReconcileContext {
    /// Does one stage of a reconcile and takes the time.
    pub async fn timed<T>(
        &self,
        controller: &'static str,
        stage: &'static str,
        work: impl Future<Output = T>,
    ) -> T {
        let began = Instant::now();
        let done = work.await;
        self.metrics.observe_stage(controller, stage, began.elapsed());
        done
    }

    /// Notes that a stack has been built: from now on it is known whether it needs the backend security group.
    pub fn note_built(&self, stack: &StackId) {
        self.seen.lock().insert(stack.clone());
    }

    /// Whether every object that may have AWS resources has been built since start.
    pub fn all_built(&self) -> bool {
        let seen = self.seen.lock();
        let services = self.stores.services.list();
        let service_known = services
            .iter()
            .filter(|service| has_finalizer(&service.metadata, |finalizer| finalizer == SERVICE_FINALIZER))
            .all(|service| seen.contains(&crate::settings::service::stack_id(service)));
        let ingresses = self.stores.ingresses.list();
        let ingress_known = ingresses
            .iter()
            .filter(|ingress| has_finalizer(&ingress.metadata, is_ingress_finalizer))
            .flat_map(|ingress| crate::facts::group::groups_of_finalizers(ingress))
            .all(|group| seen.contains(&group));
        service_known && ingress_known && self.all_gateways_built(&seen)
    }
}

impl ReconcileContext {
    fn all_gateways_built(&self, seen: &BTreeSet<StackId>) -> bool {
        if !self.stores.gateways.is_on() {
            return true;
        }
        let gateways = self.stores.gateways.gateways.list();
        let has_been_built = |gateway: &Gateway, controller: Controller| {
            let is_ours = meta::has_finalizer(gateway, controller.name());
            !is_ours || seen.contains(&stack_id(&ObjectKey::of(gateway), controller))
        };
        let controllers = [Controller::Alb, Controller::Nlb];
        let is_known = |gateway: &Arc<Gateway>| controllers.iter().all(|one| has_been_built(gateway, *one));
        self.stores.gateways.is_synced() && gateways.iter().all(is_known)
    }
}

fn is_ingress_finalizer(finalizer: &str) -> bool {
    finalizer == INGRESS_FINALIZER || finalizer.starts_with(INGRESS_GROUP_FINALIZER_PREFIX)
}

fn has_finalizer(meta: &crate::api::ObjectMeta, is_ours: impl Fn(&str) -> bool) -> bool {
    meta.finalizers.iter().flatten().any(|finalizer| is_ours(finalizer))
}
