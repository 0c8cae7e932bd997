//! Layer 3: makes AWS and the cluster as a stack wants them.
//!
//! [`Deployer::deploy`] is the whole of it for the controllers: nothing to do is told from the [`resource_cache`] without a call;
//! otherwise [`observe`], diff ([`crate::plan`]), [`execute`]. What it learns on the way (a quota that is used up, something that
//! exists although no answer said so) makes it look and plan again; what takes time in AWS is not waited for but asked to
//! be looked at again later.
//!
//! Matches upstream's `pkg/deploy` in outcome; it has no cache of its own but the resource cache.

pub mod audit;
pub mod backend_security_group;
pub mod binding_store;
pub mod certificates;
pub mod deployed_state;
pub mod execute;
pub mod failure;
pub mod leaving_target_groups;
mod live;
pub mod observe;
mod refused_deletions;
pub mod resource_cache;
pub mod secret_certificates;
mod take_over;
pub mod targets;
mod topology;

pub use binding_store::{BindingStore, StoreError};
pub use certificates::CertificateCache;
pub use deployed_state::DeployedState;
pub use failure::{DeployFailure, FailureClass, StepFailure};
pub use leaving_target_groups::LeavingTargetGroups;
pub use resource_cache::{Depth, ResourceCache};
pub use take_over::TakeOverPlan;

use crate::aws::Cloud;
use crate::aws_api::ec2::CreateTags;
use crate::aws_api::elbv2::{AddTags, LoadBalancerType};
use crate::aws_api::{CloudError, Ref, Request, ResolvedIds, Symbol, SymbolKind};
use crate::config::Config;
use crate::model::{Owner, ResourceId, Stack, StackId};
use crate::plan::binding::{digest_observed, digest_wanted};
use crate::plan::{Digest, ExhaustedQuotas, Plan, PlanContext, Stage, Step, StepId, diff};
use execute::{ExecutionResult, Executor};
use parking_lot::Mutex;
use refused_deletions::RefusedDeletions;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often one deployment looks and plans again because it has learnt something.
const ROUNDS: usize = 5;

/// When to look again at what a read did not show.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// When to try again what AWS says exists already although no read shows it.
const CATCH_UP: Duration = Duration::from_secs(5);

/// How long a stack has been waiting for something in AWS to let go.
struct DeletionTimeout(Duration);

impl DeletionTimeout {
    /// After this long it counts as a failure that the user should hear of.
    const LIMIT: Duration = Duration::from_mins(2);
    /// Longest time between two looks.
    const LONGEST: Duration = Duration::from_secs(15);

    fn is_lost(&self) -> bool {
        self.0 >= Self::LIMIT
    }

    /// The longer it takes, the rarer it is looked at.
    fn interval(&self) -> Duration {
        (self.0 / 2).min(Self::LONGEST)
    }
}

/// Makes AWS and the cluster as stacks want them. One deployment of a stack at a time; different stacks run side by side.
pub struct Deployer {
    cloud: Arc<dyn Cloud>,
    bindings: Arc<dyn BindingStore>,
    resource_cache: Arc<ResourceCache>,
    config: Arc<Config>,
    /// The same for comparisons of what can stop traffic: tags of listeners and rules do not count.
    config_of_traffic: Arc<Config>,
    shield: observe::ShieldSubscription,
    /// Since when stacks wait for something in AWS to let go.
    waiting_since: Mutex<BTreeMap<StackId, Instant>>,
    /// Deletions that AWS refused.
    refused_deletions: RefusedDeletions,
    on_group_in_use: Option<Box<dyn Fn() + Send + Sync>>,
    on_stage: Option<OnStage>,
    deployed_state: Option<Arc<DeployedState>>,
    /// `None`: certificate management is off.
    certificates: Option<Arc<CertificateCache>>,
    leaving: Option<Arc<LeavingTargetGroups>>,
}

/// Who is told how long the steps of one kind took in a deployment.
type OnStage = Box<dyn Fn(Owner, Stage, Duration) + Send + Sync>;

/// What a deployment made or found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// The stack's load balancers that exist.
    pub load_balancers: BTreeMap<ResourceId, DeployedLoadBalancer>,
    /// When to look again although nothing failed: something takes time in AWS.
    pub revisit: Option<Duration>,
    /// Whether anything was compared or done; not when the stack was known to be as it is wanted.
    pub is_news: bool,
    /// How many steps were taken.
    pub steps: usize,
}

impl Deployed {
    /// Where the stack's load balancer is reached, if it has just one.
    pub fn host(&self) -> Option<&str> {
        self.load_balancers.values().next().map(|found| found.dns_name.as_str())
    }
}

/// A load balancer of a deployed stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedLoadBalancer {
    /// Its ARN, by which all calls name it.
    pub arn: String,
    /// DNS name, in AWS's case.
    pub dns_name: String,
    /// Whether it is an ALB or an NLB.
    pub kind: LoadBalancerType,
}

/// What came of trying steps alone.
#[derive(Debug)]
pub enum Retried {
    /// There are no such steps any more, they succeeded, or they cannot be tried alone.
    Done,
    /// AWS refused them again.
    Refused(DeployFailure),
}

/// One look at the world and what came of it.
struct DeployRound {
    plan: Plan,
    outcome: ExecutionResult,
}

impl Deployer {
    /// A deployer; the resource cache is shared with whoever answers builds.
    pub fn new(
        cloud: Arc<dyn Cloud>,
        bindings: Arc<dyn BindingStore>,
        resource_cache: Arc<ResourceCache>,
        config: Arc<Config>,
    ) -> Self {
        let (shield, waiting_since) = (observe::ShieldSubscription::default(), Mutex::default());
        let (on_group_in_use, on_stage, deployed_state) = (None, None, None);
        let refused_deletions = RefusedDeletions::default();
        let manages_certificates = config.features.enable_certificate_management;
        let certificates = manages_certificates.then(|| Arc::new(CertificateCache::new(&config)));
        let mut of_traffic = (*config).clone();
        of_traffic.features.listener_rules_tagging = false;
        Self {
            cloud,
            bindings,
            resource_cache,
            config,
            config_of_traffic: Arc::new(of_traffic),
            shield,
            waiting_since,
            refused_deletions,
            on_group_in_use,
            on_stage,
            deployed_state,
            certificates,
            leaving: None,
        }
    }

    /// What to do when a security group cannot be deleted because something still refers to it: rules on the targets'
    /// groups that nobody needs any more may be the reason.
    #[must_use]
    pub fn on_group_in_use(mut self, collect: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_group_in_use = Some(Box::new(collect));
        self
    }

    /// Whom to tell how long the steps of each kind took.
    #[must_use]
    pub fn on_stage(mut self, tell: impl Fn(Owner, Stage, Duration) + Send + Sync + 'static) -> Self {
        self.on_stage = Some(Box::new(tell));
        self
    }

    /// Keeps the deployed state over restarts: stacks are taken off it before anything of them is changed.
    #[must_use]
    pub fn with_deployed_state(mut self, deployed_state: Arc<DeployedState>) -> Self {
        self.deployed_state = Some(deployed_state);
        self
    }

    /// Whom to tell of target groups that go with their load balancers: their targets need not be deregistered.
    #[must_use]
    pub fn with_leaving(mut self, leaving: Arc<LeavingTargetGroups>) -> Self {
        self.leaving = Some(leaving);
        self
    }

    /// The resource cache.
    pub fn resource_cache(&self) -> &Arc<ResourceCache> {
        &self.resource_cache
    }

    /// What is known of certificates; `None`: certificate management is off.
    pub fn certificates(&self) -> Option<&Arc<CertificateCache>> {
        self.certificates.as_ref()
    }

    /// Brings AWS and the cluster to what the stack wants.
    ///
    /// `Ok` means that it is there, save for what `revisit` waits for. A stack that wants nothing is only `Ok` once nothing
    /// is left of it, so that its finalizer may go.
    pub async fn deploy(&self, stack: &Stack) -> Result<Deployed, DeployFailure> {
        self.resource_cache.ready(&*self.cloud).await.map_err(DeployFailure::of_cloud)?;
        let desired = Digest::of_desired(stack, &self.config, self.resource_cache.seal());
        let bindings = digest_observed(&self.bindings.of_stack(&stack.id));
        if self.resource_cache.is_synced(&stack.id, desired, bindings) {
            return Ok(self.known_deployment(stack));
        }
        if let Some(depth) = self.resource_cache.due(&stack.id, desired, bindings)
            && Box::pin(self.is_as_it_was(stack, depth)).await?
        {
            return Ok(self.known_deployment(stack));
        }
        self.resource_cache.mark_out_of_sync(&stack.id);
        self.restore_tags(stack).await?;
        let mut exhausted_quotas = ExhaustedQuotas::default();
        let (mut steps, mut was_stale) = (0, false);
        for round in 1.. {
            let DeployRound { plan, mut outcome } = Box::pin(self.run(stack, &exhausted_quotas)).await?;
            steps += outcome.done;
            let has_learnt = outcome
                .newly_exhausted
                .drain(..)
                .fold(false, |news, quota| exhausted_quotas.learn(quota) | news);
            let is_newly_stale = outcome.is_stale && !was_stale;
            was_stale |= outcome.is_stale;
            if (has_learnt || is_newly_stale) && round < ROUNDS {
                continue;
            }
            self.wait_for_reads(stack, &outcome).await?;
            return self.to_result(stack, desired, &plan, outcome, steps);
        }
        Ok(Deployed::default())
    }

    /// Comes back later where reads do not show yet what is there.
    ///
    /// why: a process that began a moment ago does not know what its predecessor wrote at last
    async fn wait_for_reads(&self, stack: &Stack, outcome: &ExecutionResult) -> Result<(), DeployFailure> {
        let exists_already = |failure: &StepFailure| failure.exists_already();
        let is_behind = self.resource_cache.is_young()
            && !outcome.failures.is_empty()
            && outcome.failures.iter().all(exists_already);
        if is_behind {
            return Err(DeployFailure::later(CATCH_UP, self.known_deployment(stack)));
        }
        if !stack.load_balancers.is_empty() || !outcome.failures.is_empty() || !outcome.waits.is_empty() {
            return Ok(());
        }
        if self.resource_cache.has_unconfirmed(&stack.id) {
            return Err(DeployFailure::later(CATCH_UP, Deployed::default()));
        }
        let rest = self.resource_cache.uncertain_for(&stack.id, &*self.cloud).await;
        match rest.map_err(DeployFailure::of_cloud)? {
            Some(rest) => Err(DeployFailure::later(rest, Deployed::default())),
            None if self.resource_cache.has_resources(&stack.id) => {
                Err(DeployFailure::later(Duration::from_secs(1), Deployed::default()))
            }
            None => self.wait_for_certificates(stack).await,
        }
    }

    /// Comes back later while a certificate of a stack that wants nothing may be there.
    async fn wait_for_certificates(&self, stack: &Stack) -> Result<(), DeployFailure> {
        let Some(known) = self.certificates.as_ref().filter(|_| stack.id.owner == Owner::Ingress) else {
            return Ok(());
        };
        let is_gone =
            Box::pin(known.is_gone(&stack.id, &*self.cloud)).await.map_err(DeployFailure::of_cloud)?;
        if is_gone { Ok(()) } else { Err(DeployFailure::later(CATCH_UP, Deployed::default())) }
    }

    /// Compares a stack that was brought to just this state. Answers whether nobody has changed it since, as far as that can be
    /// found out: an audit whose reads fail is no reason to bother anybody.
    async fn is_as_it_was(&self, stack: &Stack, depth: Depth) -> Result<bool, DeployFailure> {
        let plan = match self.compare(stack, depth).await {
            Ok(plan) => plan,
            Err(failure) if failure.is_about_what_is_gone() => return Ok(false),
            Err(failure) => {
                tracing::warn!(stack = %stack.id, %failure, "comparison with AWS failed; it is repeated at the next interval");
                self.resource_cache.mark_compared(&stack.id, None);
                return Ok(true);
            }
        };
        if !plan.is_empty() || !plan.revisits.is_empty() {
            tracing::info!(stack = %stack.id, %plan, "resources in AWS were changed outside of the controller");
            return Ok(false);
        }
        self.resource_cache.mark_compared(&stack.id, Some(depth));
        Ok(true)
    }

    async fn compare(&self, stack: &Stack, depth: Depth) -> Result<Plan, DeployFailure> {
        let seen_within = audit::AuditPeriods::default().full;
        let stack_resources =
            self.resource_cache.stack_resources_seen_within(&stack.id, seen_within, &*self.cloud).await;
        let actual = self.observe(stack, stack_resources.map_err(DeployFailure::of_cloud)?, depth).await;
        let secrets = self.resource_cache.secrets(&stack.id);
        let exhausted_quotas = ExhaustedQuotas::default();
        let config = if depth == Depth::Full { &self.config } else { &self.config_of_traffic };
        let context = PlanContext { config, exhausted_quotas: &exhausted_quotas, secrets: &secrets };
        diff(stack, &actual.map_err(DeployFailure::of_cloud)?, context).map_err(DeployFailure::of_diff)
    }

    /// Puts back the tags by which the stack's resources are found, where somebody took them away.
    async fn restore_tags(&self, stack: &Stack) -> Result<(), DeployFailure> {
        for (id, tags) in self.resource_cache.lost_tags(stack) {
            tracing::warn!(stack = %stack.id, resource = id, ?tags, "tags that identify the resource were removed; restoring them");
            let reference = Ref::from(id.as_str());
            let request: Request = if id.starts_with("sg-") {
                CreateTags { resource_id: reference, tags }.into()
            } else {
                AddTags { arn: reference, tags }.into()
            };
            let response = self.cloud.call(request.clone()).await.map_err(DeployFailure::of_cloud)?;
            self.resource_cache.record(&stack.id, &request, &response);
        }
        Ok(())
    }

    /// Looks through AWS. Answers the synced stacks that are not as they were: they want to be reconciled.
    pub async fn sweep(&self) -> Result<Vec<StackId>, CloudError> {
        let mut drifted = self.resource_cache.sweep(&*self.cloud).await?;
        if let Some(certificates) = &self.certificates {
            match Box::pin(certificates.refresh(&*self.cloud)).await {
                Ok(changed) => {
                    for stack in &changed {
                        self.resource_cache.mark_out_of_sync(stack);
                    }
                    drifted.extend(changed);
                }
                Err(error) => tracing::warn!(%error, "certificates could not be listed"),
            }
        }
        Ok(drifted)
    }

    /// What would be done now, without doing it.
    pub async fn plan(&self, stack: &Stack) -> Result<Plan, DeployFailure> {
        self.resource_cache.ready(&*self.cloud).await.map_err(DeployFailure::of_cloud)?;
        self.plan_now(stack, &ExhaustedQuotas::default()).await
    }

    /// Takes some of the steps towards a stack, and no others: those that were refused before.
    pub async fn retry(
        &self,
        stack: &Stack,
        choose: impl Fn(&[Step]) -> BTreeSet<StepId>,
    ) -> Result<Retried, DeployFailure> {
        self.resource_cache.ready(&*self.cloud).await.map_err(DeployFailure::of_cloud)?;
        let exhausted_quotas = ExhaustedQuotas::default();
        let plan = self.plan_now(stack, &exhausted_quotas).await?;
        let chosen = choose(&plan.steps);
        let plan = plan.only(&chosen);
        if plan.is_empty() {
            return Ok(Retried::Done);
        }
        self.resource_cache.mark_out_of_sync(&stack.id);
        let outcome = self.execute(stack, &plan, &exhausted_quotas).await?;
        if outcome.failures.is_empty() {
            return Ok(Retried::Done);
        }
        let deployed = Deployed { steps: outcome.done, ..Deployed::default() };
        Ok(Retried::Refused(DeployFailure { revisit: None, failures: outcome.failures, deployed }))
    }

    async fn run(
        &self,
        stack: &Stack,
        exhausted_quotas: &ExhaustedQuotas,
    ) -> Result<DeployRound, DeployFailure> {
        let plan = self.plan_now(stack, exhausted_quotas).await?;
        let outcome = self.execute(stack, &plan, exhausted_quotas).await?;
        Ok(DeployRound { plan, outcome })
    }

    async fn execute(
        &self,
        stack: &Stack,
        plan: &Plan,
        exhausted_quotas: &ExhaustedQuotas,
    ) -> Result<ExecutionResult, DeployFailure> {
        if !plan.is_empty() {
            tracing::debug!(stack = %stack.id, steps = plan.steps.len(), "deploying");
            tracing::debug!(stack = %stack.id, %plan, "plan");
            if let Some(deployed_state) = &self.deployed_state {
                deployed_state.invalidate(&stack.id).await.map_err(DeployFailure::of_state_store)?;
            }
        }
        let context = (exhausted_quotas, &self.refused_deletions);
        let executor = Executor::new(&*self.cloud, &*self.bindings, &self.resource_cache, &stack.id, context);
        let executor = executor.with_certificates(self.certificates.as_deref());
        let executor = executor.with_leaving(self.leaving.as_deref());
        let outcome = executor.on_group_in_use(self.on_group_in_use.as_deref()).execute(plan).await;
        if let Some(tell) = &self.on_stage {
            outcome.took.iter().for_each(|(stage, took)| tell(stack.id.owner, *stage, *took));
        }
        Ok(outcome)
    }

    async fn plan_now(
        &self,
        stack: &Stack,
        exhausted_quotas: &ExhaustedQuotas,
    ) -> Result<Plan, DeployFailure> {
        let stack_resources = if stack.is_empty() {
            self.resource_cache.stack_resources_to_delete(&stack.id, &*self.cloud).await
        } else {
            self.resource_cache.stack_resources(&stack.id, &*self.cloud).await
        };
        let stack_resources = stack_resources.map_err(DeployFailure::of_cloud)?;
        if stack_resources.is_unconfirmed() && !stack.load_balancers.is_empty() {
            // why: what one read does not show may still be there, and its successor would take its place
            return Err(DeployFailure::later(LOOK_AGAIN, self.known_deployment(stack)));
        }
        let actual =
            self.observe(stack, stack_resources, Depth::Full).await.map_err(DeployFailure::of_cloud)?;
        let secrets = self.resource_cache.secrets(&stack.id);
        let context = PlanContext { config: &self.config, exhausted_quotas, secrets: &secrets };
        let plan = diff(stack, &actual, context).map_err(DeployFailure::of_diff)?;
        self.check_gateways(stack, &plan)?;
        Ok(plan)
    }

    fn to_result(
        &self,
        stack: &Stack,
        desired: Digest,
        plan: &Plan,
        outcome: ExecutionResult,
        steps: usize,
    ) -> Result<Deployed, DeployFailure> {
        let ExecutionResult {
            bound,
            done: _,
            mut failures,
            waits,
            newly_exhausted: _,
            exceeded,
            is_stale: _,
            took: _,
        } = outcome;
        let known: ResolvedIds = plan.known.clone().into_iter().chain(bound).collect();
        describe_exceeded_quotas(&mut failures, plan, &exceeded);
        let deletion_timeout = self.deletion_timeout(stack, &waits);
        let later = waits.iter().map(|wait| wait.after.max(deletion_timeout.interval()));
        let deployed = Deployed {
            load_balancers: load_balancers(stack, &known),
            revisit: plan.revisits.iter().map(|revisit| revisit.after).chain(later).min(),
            is_news: true,
            steps,
        };
        failures.extend(plan.problems.iter().map(StepFailure::of_problem));
        if deletion_timeout.is_lost() {
            let overdue = waits.into_iter().filter(|wait| wait.is_impatient);
            failures.extend(overdue.map(|wait| wait.failure));
        }
        if !failures.is_empty() {
            return Err(DeployFailure { revisit: None, failures, deployed });
        }
        if deployed.revisit.is_none() {
            self.mark_deployed(stack, desired, &known);
        } else if stack.load_balancers.is_empty() {
            // why: a finalizer must not go before everything is gone
            return Err(DeployFailure { revisit: deployed.revisit, failures, deployed });
        }
        Ok(deployed)
    }

    fn deletion_timeout(&self, stack: &Stack, waits: &[execute::Deferred]) -> DeletionTimeout {
        let mut since = self.waiting_since.lock();
        if !waits.iter().any(|wait| wait.is_impatient) {
            since.remove(&stack.id);
            return DeletionTimeout(Duration::ZERO);
        }
        DeletionTimeout(since.entry(stack.id.clone()).or_insert_with(Instant::now).elapsed())
    }

    fn mark_deployed(&self, stack: &Stack, desired: Digest, known: &ResolvedIds) {
        if stack.is_empty() {
            self.resource_cache.remove(&stack.id);
        // why: what has no digest is not remembered, and compared again
        } else if let Ok(bindings) = digest_wanted(stack, known) {
            let secrets = self.resource_cache.secrets(&stack.id).after(stack);
            self.resource_cache.mark_synced(&stack.id, desired, bindings, secrets);
        }
    }

    /// The deployment of a stack that is known to be as wanted: from the resource cache alone.
    fn known_deployment(&self, stack: &Stack) -> Deployed {
        Deployed { load_balancers: self.resource_cache.deployed(stack), ..Deployed::default() }
    }
}

/// Puts every step that found no room in plain words, also those that were not tried after one had failed.
fn describe_exceeded_quotas(failures: &mut Vec<StepFailure>, plan: &Plan, exceeded: &BTreeSet<StepId>) {
    let exceeded: Vec<_> =
        plan.shortfalls.iter().filter(|shortfall| exceeded.contains(&shortfall.step)).collect();
    failures.retain(|failure| exceeded.iter().all(|shortfall| shortfall.resource != failure.resource));
    failures.extend(exceeded.into_iter().map(StepFailure::of_shortfall));
}

fn load_balancers(stack: &Stack, known: &ResolvedIds) -> BTreeMap<ResourceId, DeployedLoadBalancer> {
    let value =
        |kind: SymbolKind, id: &ResourceId| known.get(&Symbol { kind, id: id.as_str().to_owned() }).cloned();
    stack
        .load_balancers
        .iter()
        .filter_map(|(id, desired)| {
            let arn = value(SymbolKind::LoadBalancerArn, id)?;
            let dns_name = value(SymbolKind::LoadBalancerDnsName, id)?;
            Some((id.clone(), DeployedLoadBalancer { arn, dns_name, kind: desired.kind.clone() }))
        })
        .collect()
}
