//! A controller, an AWS account and an API server; the controller can be killed.

mod owned_resources;
mod pace;

pub use owned_resources::OwnedResources;
pub use pace::{Pace, Paced};

use crate::ApiServer;
use aws_load_balancer_controller::{
    args::Workers,
    aws::{
        Cloud,
        assume_role::{AssumedRole, CloudFor},
        decorators::Decorators,
        throttle::Throttles,
    },
    aws_api::{Action, Operation},
    cluster::{KubeConnection, events::recorder, lease::Leadership, stores::Stores},
    config::Config,
    controller::{
        ReconcileResult, ingress,
        manager::{Dependencies, LeaderTasks, Manager},
    },
    deploy::audit::AuditPeriods,
    metrics::Metrics,
    model::{Owner, StackId},
};
use aws_sim::{Clock, Sim, World};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// Nothing has happened for this long: nothing will.
const QUIET: Duration = Duration::from_mins(1);
/// Between two looks whether the controller is dead.
const TICK: Duration = Duration::from_millis(250);
/// Whoever is not at rest by then never will be.
const LIMIT: Duration = Duration::from_hours(24);

/// How the rig is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Settings of the controller; the VPC is filled in.
    pub config: Config,
    /// How many work.
    pub workers: Workers,
    /// The controller's own rate limits.
    pub throttles: Throttles,
    /// How fast AWS answers, and how often.
    pub pace: Option<Pace>,
    /// AWS to begin with.
    pub world: World,
    /// How often it is looked whether others changed AWS.
    pub audit: AuditPeriods,
    /// The name of the lease; empty: its default.
    pub lease: String,
}

impl Default for Options {
    /// Defaults of the flags, no rate limits, an AWS that answers at once.
    fn default() -> Self {
        let config =
            Config { cluster_name: "demo".to_owned(), region: "us-west-2".to_owned(), ..Config::default() };
        Self {
            config,
            workers: workers(3),
            throttles: Throttles::none(),
            pace: None,
            world: World::demo(),
            audit: AuditPeriods::default(),
            lease: String::new(),
        }
    }
}

/// As many workers of each kind.
pub fn workers(each: usize) -> Workers {
    Workers {
        service: each,
        ingress: each,
        target_group_binding: each,
        gateway_class: each,
        alb_gateway: each,
        nlb_gateway: each,
        global_accelerator: each,
        target_group_binding_max_backoff: Duration::from_secs(1000),
        global_accelerator_max_backoff: Duration::from_secs(1000),
    }
}

/// A controller on simulators.
pub struct Rig {
    /// AWS.
    pub aws: Sim,
    /// Kubernetes.
    pub api: ApiServer,
    config: Arc<Config>,
    pub(crate) options: Options,
    running: Option<Running>,
}

/// A controller that runs.
struct Running {
    engine: Manager,
    metrics: Arc<Metrics>,
    _leading: LeaderTasks,
    _tasks: JoinSet<()>,
}

impl Rig {
    /// AWS and Kubernetes, without a controller.
    pub fn new(options: Options) -> Self {
        let aws = Sim::new(options.world.clone().with_clock(Clock::running()));
        let vpc_id = aws.world(|world| world.id("VPC").to_owned());
        let config = Arc::new(Config { vpc_id, ..options.config.clone() });
        Self { aws, api: ApiServer::default(), config, options, running: None }
    }

    /// Another installation on the same AWS and Kubernetes, without a controller. The world of the options is not used.
    #[must_use]
    pub fn beside(&self, options: Options) -> Self {
        let vpc_id = self.config.vpc_id.clone();
        let config = Arc::new(Config { vpc_id, ..options.config.clone() });
        Self { aws: self.aws.clone(), api: self.api.clone(), config, options, running: None }
    }

    /// The settings of the controller.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Starts a controller, which leads at once. Done when it begins to work.
    pub async fn start(&mut self) {
        self.start_with(self.options.workers.clone()).await;
    }

    /// As [`Rig::start`], with other workers.
    pub async fn start_with(&mut self, workers: Workers) {
        let metrics = Arc::new(Metrics::new());
        let (recorder, writer) = recorder(self.client());
        let cloud = self.cloud(&metrics);
        let parts = Dependencies {
            config: self.config.clone(),
            workers,
            client: self.client(),
            cloud: cloud.clone(),
            clouds: Arc::new(OneName(cloud)),
            stores: Arc::new(Stores::new(&self.config)),
            recorder,
            metrics: metrics.clone(),
            leadership: Leadership::permanent(),
            namespace: "kube-system".to_owned(),
            lease: self.options.lease.clone(),
            authority: None,
            on_lead: Arc::new(|_| {}),
            audit: self.options.audit,
            registrations_a_second: self.options.throttles.rate(Action::RegisterTargets),
        };
        let stores = parts.stores.clone();
        let engine = Manager::new(parts);
        let (mut tasks, mut leading) = (JoinSet::new(), LeaderTasks::default());
        tasks.spawn(writer.run());
        engine.watch(&mut tasks);
        tokio::join!(stores.synced(), engine.open());
        engine.lead(&mut leading);
        self.running = Some(Running { engine, metrics, _leading: leading, _tasks: tasks });
    }

    /// Kills the controller, in the middle of whatever it does.
    pub async fn kill(&mut self) {
        self.running = None;
        self.catch_up().await;
    }

    /// Kills the controller and starts another one.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.aws.revive();
        self.start().await;
    }

    /// Lets everybody see what has changed, and do what can be done at once.
    pub async fn catch_up(&self) {
        sleep(Duration::from_millis(1)).await;
    }

    /// Waits until nothing happens any more; a controller that AWS saw die is replaced. Answers how long that took.
    ///
    /// # Panics
    /// If that never comes.
    pub async fn run_until_idle(&mut self) -> Duration {
        let began = Instant::now();
        let (mut last, mut since) = (self.activity(), began);
        while since.elapsed() < QUIET {
            sleep(TICK).await;
            if self.aws.has_crashed() {
                self.restart().await;
            }
            let now = self.activity();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            assert!(began.elapsed() < LIMIT, "no rest; last: {:?}", self.aws.calls().last());
        }
        since.duration_since(began)
    }

    /// Reconciles an Ingress group once, past the queue. For a controller whose workers leave groups alone.
    ///
    /// # Panics
    /// If no controller runs.
    pub async fn reconcile_group(&self, id: &StackId) -> ReconcileResult {
        let running = self.running.as_ref().expect("a controller");
        let result = ingress::reconcile(&running.engine.work().context, id).await;
        self.catch_up().await;
        result
    }

    /// The controller's machinery.
    pub fn engine(&self) -> Option<&Manager> {
        self.running.as_ref().map(|running| &running.engine)
    }

    /// The text of the controller's metrics.
    pub fn metrics(&self) -> String {
        self.running.as_ref().map(|running| running.metrics.render()).unwrap_or_default()
    }

    /// Operations called since the log was cleared.
    pub fn calls(&self) -> Vec<Action> {
        self.aws.world(|world| world.calls().iter().map(aws_sim::Call::action).collect())
    }

    /// Operations called since the log was cleared that were meant to change something.
    pub fn writes(&self) -> Vec<Action> {
        self.aws.world(|world| world.writes().map(aws_sim::Call::action).collect())
    }

    /// Asks AWS behind the controller's back.
    ///
    /// # Panics
    /// If AWS refuses.
    pub fn ask<O: Operation>(&self, operation: O) -> O::Output {
        self.aws.world(|world| world.ask(operation)).expect("AWS answers")
    }

    /// Everything in AWS that a controller can have made, by name.
    pub fn owned_resources(&self) -> OwnedResources {
        OwnedResources::of(&self.aws)
    }

    fn activity(&self) -> (usize, usize) {
        (self.aws.world(|world| world.calls().len()), self.api.changes())
    }

    /// A client of the API server. What is dead for AWS is dead for the API server too.
    fn client(&self) -> KubeConnection {
        let aws = self.aws.clone();
        self.api.client_while(move || !aws.has_crashed())
    }

    fn cloud(&self, metrics: &Arc<Metrics>) -> Arc<dyn Cloud> {
        let guards = Decorators {
            throttles: self.options.throttles.clone(),
            observer: metrics.clone(),
            may_write: Arc::new(|| true),
        };
        match self.options.pace {
            Some(pace) => guards.wrap(Paced::new(self.aws.clone(), pace)),
            None => guards.wrap(self.aws.clone()),
        }
    }
}

/// Audits once a day. For tests that wait for rest with so much in AWS that audits never rest, or that allow no read.
pub fn seldom() -> AuditPeriods {
    let day = Duration::from_hours(24);
    AuditPeriods { traffic: day, full: day, rules: day, ..AuditPeriods::default() }
}

/// Everybody is the controller itself.
pub struct OneName(pub Arc<dyn Cloud>);

impl CloudFor for OneName {
    fn cloud_for(&self, _: Option<&AssumedRole>) -> Arc<dyn Cloud> {
        self.0.clone()
    }
}

/// The stack of an explicit Ingress group.
pub fn group(name: &str) -> StackId {
    StackId { owner: Owner::Ingress, namespace: String::new(), name: name.to_owned() }
}
