//! The process: connects, serves, elects a leader, works, and shuts down.
//!
//! Every task lives in one `JoinSet`; the first to end ends the process. Webhooks, probes, metrics and caches run on every
//! replica; only the leader works on the queues, and only the leader may write to AWS.

mod console;
mod identity;
mod webhooks;

pub use console::{ConsoleParts, MakeConsoleSource};

use super::manager::{Dependencies, LeaderTasks, Manager, OnLead};
use crate::api::ObjectKey;
use crate::args::Settings;
use crate::aws::assume_role::{AssumedRoles, CloudFor};
use crate::aws::client::AwsConnectError;
use crate::aws::decorators::Decorators;
use crate::aws::throttle::TokenBuckets;
use crate::aws::throttle::adaptive::LearnsRates;
use crate::aws::vpc::{VpcError, resolve_vpc};
use crate::aws::{AwsCloud, Cloud};
use crate::aws_api::Action;
use crate::cluster::KubeConnection;
use crate::cluster::connect::{KubeConnectError, connect};
use crate::cluster::events::{FLUSH, Recorder, Writer, recorder};
use crate::cluster::lease::{Election, Leadership};
use crate::cluster::stores::Stores;
use crate::config::Config;
use crate::metrics::{LeaseLabels, Metrics};
use crate::serve::certificate::CertificateError;
use crate::serve::connections::ConnectionLimits;
use crate::serve::listener::Server;
use crate::serve::{Router, admin};
use crate::telemetry;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Why the process ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The API server.
    #[error(transparent)]
    Kubernetes(#[from] KubeConnectError),
    /// AWS cannot be reached as it is configured.
    #[error(transparent)]
    Aws(#[from] AwsConnectError),
    /// The VPC cannot be told.
    #[error(transparent)]
    Vpc(#[from] VpcError),
    /// The serving certificate.
    #[error("webhook certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {purpose}: {source}")]
    Listen {
        /// The address that was to be listened on.
        address: String,
        /// What would have been served there.
        purpose: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A setting of the webhook certificates.
    #[error("{0}")]
    Setting(String),
    /// Signals cannot be heard.
    #[error("signals: {0}")]
    Signals(std::io::Error),
    /// A second signal.
    #[error("second termination signal: stopped before the shutdown was complete")]
    ForcedShutdown,
    /// A task that should run for ever has ended.
    #[error("a task ended: {0}")]
    TaskEnded(String),
}

/// What every part of the process shares.
struct Process {
    settings: Settings,
    config: Arc<Config>,
    client: KubeConnection,
    cloud: Arc<dyn Cloud>,
    clouds: Arc<dyn CloudFor>,
    metrics: Arc<Metrics>,
    stores: Arc<Stores>,
    recorder: Recorder,
    leadership: Leadership,
    shutdown: watch::Sender<bool>,
}

/// Runs the controller until a signal ends it.
pub async fn run(settings: Settings, console: MakeConsoleSource) -> Result<(), ProcessError> {
    let signals = Signals::new()?;
    let metrics = Arc::new(Metrics::new());
    let kubeconfig = settings.kubeconfig.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let counted = metrics.clone();
    let count = move |code: &str, host: &str, method: &str| counted.count_api_request(code, host, method);
    let client = connect(&kubeconfig, count).await?;
    let (leadership, election) = election(&client, &settings, &metrics);
    let guards = guards(&settings, &metrics, &leadership);
    let buckets = Arc::new(TokenBuckets::new(&guards.throttles));
    let learns = Arc::new(LearnsRates::new(metrics.clone(), buckets.clone()));
    let aws = AwsCloud::connect(&settings.aws, learns).await?.fenced_by(leadership.may_write());
    let aws = Arc::new(aws);
    let cloud = guards.wrap_with(aws.clone(), buckets.clone());
    metrics.read_when_asked(move |metrics| metrics.set_tokens(buckets.left()));
    let config = Arc::new(config(&settings, &aws, &cloud).await?);
    let clouds = AssumedRoles::new(&aws, cloud.clone(), &config.cluster_name, guards);
    let (recorder, writer) = recorder(client.clone());
    let stores = Arc::new(Stores::new(&config));
    let shutdown = watch::Sender::new(false);
    let process = Process {
        settings,
        config,
        client,
        cloud,
        clouds: Arc::new(clouds),
        metrics,
        stores,
        recorder,
        leadership,
        shutdown,
    };
    process.run(signals, election, writer, console).await
}

fn election(
    client: &KubeConnection,
    settings: &Settings,
    metrics: &Metrics,
) -> (Leadership, Option<Election>) {
    let Some(lease) = &settings.leader_election else { return (Leadership::permanent(), None) };
    let election = Election::new(client.clone(), own_namespace(client, settings), &lease.id, identity::new());
    let slow_renewals = metrics.slow_renewals.get_or_create(&LeaseLabels::new(lease.id.as_str())).clone();
    let election = election.on_slow_renewal(move || {
        slow_renewals.inc();
    });
    (election.leadership(), Some(election))
}

fn own_namespace<'a>(client: &'a KubeConnection, settings: &'a Settings) -> &'a str {
    let given = settings.leader_election.as_ref().map(|lease| lease.namespace.as_str());
    given.filter(|namespace| !namespace.is_empty()).unwrap_or_else(|| client.default_namespace())
}

fn guards(settings: &Settings, metrics: &Arc<Metrics>, leadership: &Leadership) -> Decorators {
    Decorators {
        throttles: settings.throttles.clone(),
        observer: metrics.clone(),
        may_write: leadership.may_write(),
    }
}

async fn config(settings: &Settings, aws: &AwsCloud, cloud: &Arc<dyn Cloud>) -> Result<Config, ProcessError> {
    let vpc_id = resolve_vpc(&**cloud, &settings.vpc, aws.metadata().vpc_id()).await?;
    Ok(Config { region: aws.region().to_owned(), vpc_id, ..settings.config.clone() })
}

impl Process {
    async fn run(
        self,
        mut signals: Signals,
        election: Option<Election>,
        writer: Writer,
        console: MakeConsoleSource,
    ) -> Result<(), ProcessError> {
        tracing::info!(
            cluster = self.config.cluster_name,
            region = self.config.region,
            vpc = self.config.vpc_id,
            "starting"
        );
        for warning in &self.settings.warnings {
            tracing::warn!("{warning}");
        }
        let (mut tasks, mut listeners) = (JoinSet::new(), JoinSet::new());
        let engine = Manager::new(self.parts());
        self.listen(&mut tasks, &mut listeners).await?;
        self.serve_console(console, &mut tasks, &mut listeners).await?;
        tasks.spawn(watch_log_level_signal()?);
        engine.watch(&mut tasks);
        let mut events = JoinSet::new();
        events.spawn(writer.run());
        let (mut leading, mut election) = (LeaderTasks::default(), election);
        let ended = {
            let lead = lead(&engine, &mut election, &mut leading);
            tokio::pin!(lead);
            tokio::select! {
                () = &mut lead => Err(ProcessError::TaskEnded("it leads no more".to_owned())),
                () = signals.received() => Ok(()),
                Some(task) = tasks.join_next() => Err(task_ended(task)),
                Some(task) = listeners.join_next() => Err(task_ended(task)),
            }
        };
        tokio::select! {
            () = self.stop(&engine, leading, election, events, listeners) => ended,
            () = signals.received() => Err(ProcessError::ForcedShutdown),
        }
    }

    /// Shows on the metrics whether this replica leads.
    fn count_leading(&self) -> OnLead {
        let (metrics, lease) = (self.metrics.clone(), self.settings.leader_election.clone());
        Arc::new(move |leads| {
            if let Some(lease) = &lease {
                metrics.leader.get_or_create(&LeaseLabels::new(lease.id.as_str())).set(leads.into());
            }
        })
    }

    /// The Secret of the webhooks' authority.
    fn authority(&self) -> Option<ObjectKey> {
        let own = self.settings.webhook.own_certificates.as_ref()?;
        Some(ObjectKey::namespaced(own.secret.0.as_str(), own.secret.1.as_str()))
    }

    fn parts(&self) -> Dependencies {
        Dependencies {
            config: self.config.clone(),
            workers: self.settings.workers.clone(),
            client: self.client.clone(),
            cloud: self.cloud.clone(),
            clouds: self.clouds.clone(),
            stores: self.stores.clone(),
            recorder: self.recorder.clone(),
            metrics: self.metrics.clone(),
            leadership: self.leadership.clone(),
            namespace: own_namespace(&self.client, &self.settings).to_owned(),
            lease: self.settings.leader_election.as_ref().map(|lease| lease.id.clone()).unwrap_or_default(),
            authority: self.authority(),
            on_lead: self.count_leading(),
            audit: crate::deploy::audit::AuditPeriods::default(),
            registrations_a_second: self.settings.throttles.rate(Action::RegisterTargets),
        }
    }

    async fn listen(&self, tasks: &mut JoinSet<()>, listeners: &mut JoinSet<()>) -> Result<(), ProcessError> {
        let certificate = self.serve_webhooks(tasks, listeners).await?;
        let ready: admin::ReadinessCheck = Arc::new(move || {
            if certificate.is_ready() { Ok(()) } else { Err("no serving certificate yet".to_owned()) }
        });
        let stores = self.stores.clone();
        let synced: admin::ReadinessCheck = Arc::new(move || {
            if stores.is_synced() {
                Ok(())
            } else {
                Err("not everything in the cluster is listed yet".to_owned())
            }
        });
        let probes = admin::probes(ready, synced);
        self.serve_http(&self.settings.health_probe_bind_addr, "probes", probes, listeners).await?;
        if let Some(address) = &self.settings.metrics_bind_addr {
            let metrics = self.metrics.clone();
            let exposition: admin::Exposition = Arc::new(move || metrics.render());
            self.serve_http(address, "metrics", admin::metrics(exposition), listeners).await?;
        }
        Ok(())
    }

    async fn serve_http(
        &self,
        address: &str,
        purpose: &'static str,
        router: Router,
        listeners: &mut JoinSet<()>,
    ) -> Result<(), ProcessError> {
        let listener = admin::bind(address).await.map_err(|source| ProcessError::Listen {
            address: address.to_owned(),
            purpose,
            source,
        })?;
        let server = Server::new(ConnectionLimits::default(), self.metrics.connections(purpose));
        listeners.spawn(server.serve(listener, None, router, self.shutdown_signal()));
        Ok(())
    }

    /// Completes when the process shuts down.
    fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut shutdown = self.shutdown.subscribe();
        async move {
            // why: the sender going away means shutting down as well.
            let _ = shutdown.wait_for(|shutdown| *shutdown).await;
        }
    }

    /// Lets reconciles in flight end and hands the lease over, while the listeners take their leave; then writes the last events.
    async fn stop(
        &self,
        engine: &Manager,
        leading: LeaderTasks,
        mut election: Option<Election>,
        mut events: JoinSet<()>,
        mut listeners: JoinSet<()>,
    ) {
        self.shutdown.send_replace(true);
        let handed_over = async {
            engine.stop(leading).await;
            if let Some(election) = &mut election {
                election.release().await;
            }
        };
        let left = async { while listeners.join_next().await.is_some() {} };
        tokio::join!(handed_over, left);
        let _ = timeout(FLUSH, events.join_next()).await;
        tracing::info!("stopped");
    }
}

/// Leads whenever the lease allows it; without an election, always.
async fn lead(engine: &Manager, election: &mut Option<Election>, leading: &mut LeaderTasks) {
    if let Some(election) = election {
        return engine.take_turns(election, leading).await;
    }
    engine.begin_term(leading).await;
    std::future::pending::<()>().await;
}

fn task_ended(task: Result<(), tokio::task::JoinError>) -> ProcessError {
    let reason = task.err().map_or_else(|| "it returned".to_owned(), |error| error.to_string());
    ProcessError::TaskEnded(reason)
}

/// SIGUSR1 has everything logged, and once more, only what `--log-level` says.
fn watch_log_level_signal() -> Result<impl Future<Output = ()> + Send + use<>, ProcessError> {
    let mut heard = signal(SignalKind::user_defined1()).map_err(ProcessError::Signals)?;
    Ok(async move {
        while heard.recv().await.is_some() {
            let is_verbose = telemetry::toggle_verbose();
            tracing::info!(is_verbose, "log level switched");
        }
    })
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, ProcessError> {
        let hear = |kind| signal(kind).map_err(ProcessError::Signals);
        Ok(Self { terminate: hear(SignalKind::terminate())?, interrupt: hear(SignalKind::interrupt())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
