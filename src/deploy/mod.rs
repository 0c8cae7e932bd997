//! Layer 3: makes AWS and the cluster as a stack wants them.
//!
//! [`Deployer::deploy`] is the whole of it for the controllers: nothing to do is told from the [`inventory`] without a call;
//! otherwise [`observe`], diff ([`crate::plan`]), [`execute`]. What it learns on the way (a quota that is used up, something that
//! exists although no answer said so) makes it look and plan again; what takes time in AWS is not waited for but asked to
//! be looked at again later.
//!
//! Matches upstream's `pkg/deploy` in outcome; it has no cache of its own but the inventory.

pub mod audit;
pub mod backend_security_group;
pub mod bindings;
pub mod execute;
pub mod failure;
pub mod inventory;
pub mod ledger;
mod live;
pub mod observe;
mod refusals;
pub mod targets;

pub use bindings::{BindingStore, StoreError};
pub use failure::{Class, DeployFailure, StepFailure};
pub use inventory::{Depth, Inventory};
pub use ledger::Ledger;

use crate::aws::Cloud;
use crate::cloud::ec2::CreateTags;
use crate::cloud::elbv2::{AddTags, LoadBalancerType};
use crate::cloud::{Bindings, CloudError, Ref, Request, Symbol, SymbolKind};
use crate::config::Config;
use crate::model::{Owner, ResourceId, Stack, StackId};
use crate::plan::binding::{digest_observed, digest_wanted};
use crate::plan::{Digest, Limits, Plan, Stage, Step, StepId, Terms, diff};
use execute::{Executor, Outcome};
use parking_lot::Mutex;
use refusals::Refusals;
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
struct Patience(Duration);

impl Patience {
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
    inventory: Arc<Inventory>,
    config: Arc<Config>,
    /// The same for comparisons of what can stop traffic: tags of listeners and rules do not count.
    config_of_traffic: Arc<Config>,
    shield: observe::ShieldSubscription,
    /// Since when stacks wait for something in AWS to let go.
    waiting_since: Mutex<BTreeMap<StackId, Instant>>,
    /// Deletions that AWS refused.
    refusals: Refusals,
    on_group_in_use: Option<Box<dyn Fn() + Send + Sync>>,
    on_stage: Option<OnStage>,
    ledger: Option<Arc<Ledger>>,
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
    /// ARN.
    pub arn: String,
    /// DNS name, in AWS's case.
    pub dns_name: String,
    /// Kind.
    pub kind: LoadBalancerType,
}

/// What came of trying steps alone.
#[derive(Debug)]
pub enum Retried {
    /// There are no such steps any more, they succeeded, or they cannot be tried alone.
    Done,
    /// They failed.
    Refused(DeployFailure),
}

/// One look at the world and what came of it.
struct Round {
    plan: Plan,
    outcome: Outcome,
}

impl Deployer {
    /// A deployer; the inventory is shared with whoever answers builds.
    pub fn new(
        cloud: Arc<dyn Cloud>,
        bindings: Arc<dyn BindingStore>,
        inventory: Arc<Inventory>,
        config: Arc<Config>,
    ) -> Self {
        let (shield, waiting_since) = (observe::ShieldSubscription::default(), Mutex::default());
        let (on_group_in_use, on_stage, ledger) = (None, None, None);
        let refusals = Refusals::default();
        let mut of_traffic = (*config).clone();
        of_traffic.features.listener_rules_tagging = false;
        Self {
            cloud,
            bindings,
            inventory,
            config,
            config_of_traffic: Arc::new(of_traffic),
            shield,
            waiting_since,
            refusals,
            on_group_in_use,
            on_stage,
            ledger,
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

    /// Keeps a ledger over restarts: stacks are taken off it before anything of them is changed.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Arc<Ledger>) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// The inventory.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// Brings AWS and the cluster to what the stack wants.
    ///
    /// `Ok` means that it is there, save for what `revisit` waits for. A stack that wants nothing is only `Ok` once nothing
    /// is left of it, so that its finalizer may go.
    pub async fn deploy(&self, stack: &Stack) -> Result<Deployed, DeployFailure> {
        self.inventory.ready(&*self.cloud).await.map_err(DeployFailure::of_cloud)?;
        let desired = Digest::of_desired(stack, &self.config, self.inventory.seal());
        let bindings = digest_observed(&self.bindings.of_stack(&stack.id));
        if self.inventory.is_settled(&stack.id, desired, bindings) {
            return Ok(self.known_deployment(stack));
        }
        if let Some(depth) = self.inventory.due(&stack.id, desired, bindings)
            && self.is_as_it_was(stack, depth).await?
        {
            return Ok(self.known_deployment(stack));
        }
        self.inventory.unsettle(&stack.id);
        self.put_tags_back(stack).await?;
        let mut limits = Limits::default();
        let (mut steps, mut was_stale) = (0, false);
        for round in 1.. {
            let Round { plan, mut outcome } = self.run(stack, &limits).await?;
            steps += outcome.done;
            let has_learnt = outcome.lessons.drain(..).fold(false, |news, quota| limits.learn(quota) | news);
            let is_newly_stale = outcome.is_stale && !was_stale;
            was_stale |= outcome.is_stale;
            if (has_learnt || is_newly_stale) && round < ROUNDS {
                continue;
            }
            self.wait_for_reads(stack, &outcome).await?;
            return self.conclude(stack, desired, &plan, outcome, steps);
        }
        Ok(Deployed::default())
    }

    /// Comes back later where reads do not show yet what is there.
    ///
    /// why: a process that began a moment ago does not know what its predecessor wrote at last
    async fn wait_for_reads(&self, stack: &Stack, outcome: &Outcome) -> Result<(), DeployFailure> {
        let exists_already = |failure: &StepFailure| failure.exists_already();
        let is_behind = self.inventory.is_young()
            && !outcome.failures.is_empty()
            && outcome.failures.iter().all(exists_already);
        if is_behind {
            return Err(DeployFailure::later(CATCH_UP, self.known_deployment(stack)));
        }
        if !stack.load_balancers.is_empty() || !outcome.failures.is_empty() || !outcome.waits.is_empty() {
            return Ok(());
        }
        if self.inventory.is_suspicious(&stack.id) {
            return Err(DeployFailure::later(CATCH_UP, Deployed::default()));
        }
        let rest = self.inventory.uncertain_for(&stack.id, &*self.cloud).await;
        match rest.map_err(DeployFailure::of_cloud)? {
            Some(rest) => Err(DeployFailure::later(rest, Deployed::default())),
            None if self.inventory.holds_anything(&stack.id) => {
                Err(DeployFailure::later(Duration::from_secs(1), Deployed::default()))
            }
            None => Ok(()),
        }
    }

    /// Compares a stack that was brought to just this state. Answers whether nobody has changed it since, as far as that can be
    /// found out: an audit whose reads fail is no reason to bother anybody.
    async fn is_as_it_was(&self, stack: &Stack, depth: Depth) -> Result<bool, DeployFailure> {
        let plan = match self.compare(stack, depth).await {
            Ok(plan) => plan,
            Err(failure) if failure.is_about_what_is_gone() => return Ok(false),
            Err(failure) => {
                tracing::warn!(stack = %stack.id, %failure, "not compared with AWS this time");
                self.inventory.reassure(&stack.id, None);
                return Ok(true);
            }
        };
        if !plan.is_empty() || !plan.revisits.is_empty() {
            tracing::info!(stack = %stack.id, %plan, "something changed in AWS without us");
            return Ok(false);
        }
        self.inventory.reassure(&stack.id, Some(depth));
        Ok(true)
    }

    async fn compare(&self, stack: &Stack, depth: Depth) -> Result<Plan, DeployFailure> {
        let seen_within = audit::Pace::default().full;
        let holdings = self.inventory.holdings_seen_within(&stack.id, seen_within, &*self.cloud).await;
        let actual = self.observe(stack, holdings.map_err(DeployFailure::of_cloud)?, depth).await;
        let secrets = self.inventory.secrets(&stack.id);
        let limits = Limits::default();
        let config = if depth == Depth::Full { &self.config } else { &self.config_of_traffic };
        let terms = Terms { config, limits: &limits, secrets: &secrets };
        diff(stack, &actual.map_err(DeployFailure::of_cloud)?, terms).map_err(DeployFailure::of_diff)
    }

    /// Puts back the tags by which the stack's resources are found, where somebody took them away.
    async fn put_tags_back(&self, stack: &Stack) -> Result<(), DeployFailure> {
        for (id, tags) in self.inventory.lost_tags(stack) {
            tracing::warn!(stack = %stack.id, resource = id, ?tags, "somebody took tags away; they are put back");
            let reference = Ref::from(id.as_str());
            let request: Request = if id.starts_with("sg-") {
                CreateTags { resource_id: reference, tags }.into()
            } else {
                AddTags { arn: reference, tags }.into()
            };
            let response = self.cloud.call(request.clone()).await.map_err(DeployFailure::of_cloud)?;
            self.inventory.record(&stack.id, &request, &response);
        }
        Ok(())
    }

    /// Looks through AWS. Answers the settled stacks that are not as they were: they want to be reconciled.
    pub async fn sweep(&self) -> Result<Vec<StackId>, CloudError> {
        self.inventory.sweep(&*self.cloud).await
    }

    /// What would be done now, without doing it.
    pub async fn plan(&self, stack: &Stack) -> Result<Plan, DeployFailure> {
        self.inventory.ready(&*self.cloud).await.map_err(DeployFailure::of_cloud)?;
        self.look(stack, &Limits::default()).await
    }

    /// Takes some of the steps towards a stack, and no others: those that were refused before.
    pub async fn retry(
        &self,
        stack: &Stack,
        choose: impl Fn(&[Step]) -> BTreeSet<StepId>,
    ) -> Result<Retried, DeployFailure> {
        self.inventory.ready(&*self.cloud).await.map_err(DeployFailure::of_cloud)?;
        let limits = Limits::default();
        let plan = self.look(stack, &limits).await?;
        let chosen = choose(&plan.steps);
        let plan = plan.only(&chosen);
        if plan.is_empty() {
            return Ok(Retried::Done);
        }
        self.inventory.unsettle(&stack.id);
        let outcome = self.execute(stack, &plan, &limits).await?;
        if outcome.failures.is_empty() {
            return Ok(Retried::Done);
        }
        let deployed = Deployed { steps: outcome.done, ..Deployed::default() };
        Ok(Retried::Refused(DeployFailure { revisit: None, failures: outcome.failures, deployed }))
    }

    async fn run(&self, stack: &Stack, limits: &Limits) -> Result<Round, DeployFailure> {
        let plan = self.look(stack, limits).await?;
        let outcome = self.execute(stack, &plan, limits).await?;
        Ok(Round { plan, outcome })
    }

    async fn execute(&self, stack: &Stack, plan: &Plan, limits: &Limits) -> Result<Outcome, DeployFailure> {
        if !plan.is_empty() {
            tracing::debug!(stack = %stack.id, steps = plan.steps.len(), "deploying");
            tracing::debug!(stack = %stack.id, %plan, "plan");
            if let Some(ledger) = &self.ledger {
                ledger.withdraw(&stack.id).await.map_err(DeployFailure::of_ledger)?;
            }
        }
        let terms = (limits, &self.refusals);
        let executor = Executor::new(&*self.cloud, &*self.bindings, &self.inventory, &stack.id, terms);
        let outcome = executor.on_group_in_use(self.on_group_in_use.as_deref()).execute(plan).await;
        if let Some(tell) = &self.on_stage {
            outcome.took.iter().for_each(|(stage, took)| tell(stack.id.owner, *stage, *took));
        }
        Ok(outcome)
    }

    async fn look(&self, stack: &Stack, limits: &Limits) -> Result<Plan, DeployFailure> {
        let holdings = self.inventory.holdings(&stack.id, &*self.cloud).await;
        let holdings = holdings.map_err(DeployFailure::of_cloud)?;
        if holdings.is_unconfirmed() && !stack.load_balancers.is_empty() {
            // why: what one read does not show may still be there, and its successor would take its place
            return Err(DeployFailure::later(LOOK_AGAIN, self.known_deployment(stack)));
        }
        let actual = self.observe(stack, holdings, Depth::Full).await.map_err(DeployFailure::of_cloud)?;
        let secrets = self.inventory.secrets(&stack.id);
        let terms = Terms { config: &self.config, limits, secrets: &secrets };
        diff(stack, &actual, terms).map_err(DeployFailure::of_diff)
    }

    fn conclude(
        &self,
        stack: &Stack,
        desired: Digest,
        plan: &Plan,
        outcome: Outcome,
        steps: usize,
    ) -> Result<Deployed, DeployFailure> {
        let Outcome { bound, done: _, mut failures, waits, lessons: _, missed, is_stale: _, took: _ } =
            outcome;
        let known: Bindings = plan.known.clone().into_iter().chain(bound).collect();
        name_shortfalls(&mut failures, plan, &missed);
        let patience = self.patience(stack, &waits);
        let later = waits.iter().map(|wait| wait.after.max(patience.interval()));
        let deployed = Deployed {
            load_balancers: load_balancers(stack, &known),
            revisit: plan.revisits.iter().map(|revisit| revisit.after).chain(later).min(),
            is_news: true,
            steps,
        };
        if patience.is_lost() {
            let overdue = waits.into_iter().filter(|wait| wait.is_impatient);
            failures.extend(overdue.map(|wait| wait.failure));
        }
        if !failures.is_empty() {
            return Err(DeployFailure { revisit: None, failures, deployed });
        }
        if deployed.revisit.is_none() {
            self.remember(stack, desired, &known);
        } else if stack.load_balancers.is_empty() {
            // why: a finalizer must not go before everything is gone
            return Err(DeployFailure { revisit: deployed.revisit, failures, deployed });
        }
        Ok(deployed)
    }

    fn patience(&self, stack: &Stack, waits: &[execute::Wait]) -> Patience {
        let mut since = self.waiting_since.lock();
        if !waits.iter().any(|wait| wait.is_impatient) {
            since.remove(&stack.id);
            return Patience(Duration::ZERO);
        }
        Patience(since.entry(stack.id.clone()).or_insert_with(Instant::now).elapsed())
    }

    fn remember(&self, stack: &Stack, desired: Digest, known: &Bindings) {
        if *stack == Stack::empty(stack.id.clone()) {
            self.inventory.forget(&stack.id);
        // why: what has no digest is not remembered, and compared again
        } else if let Ok(bindings) = digest_wanted(stack, known) {
            let secrets = self.inventory.secrets(&stack.id).after(stack);
            self.inventory.settle(&stack.id, desired, bindings, secrets);
        }
    }

    /// The deployment of a stack that is known to be as wanted: from the inventory alone.
    fn known_deployment(&self, stack: &Stack) -> Deployed {
        Deployed { load_balancers: self.inventory.deployed(stack), ..Deployed::default() }
    }
}

/// Puts every step that found no room in plain words, also those that were not tried after one had failed.
fn name_shortfalls(failures: &mut Vec<StepFailure>, plan: &Plan, missed: &BTreeSet<StepId>) {
    let missed: Vec<_> =
        plan.shortfalls.iter().filter(|shortfall| missed.contains(&shortfall.step)).collect();
    failures.retain(|failure| missed.iter().all(|shortfall| shortfall.resource != failure.resource));
    failures.extend(missed.into_iter().map(StepFailure::of_shortfall));
}

fn load_balancers(stack: &Stack, known: &Bindings) -> BTreeMap<ResourceId, DeployedLoadBalancer> {
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
