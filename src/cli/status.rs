//! `status`: what there is of load balancers, as a tree, and whether it is as it should be.
//!
//! The cluster is listed once and then followed. AWS is read if it can be: then a plan decides whether a stack is synced, and AWS tells
//! of health. Nothing is changed.

mod report;

pub use report::{Style, render};

use super::plan::plan_some;
use super::session::{AwsSession, SessionError, find_account, listed};
use crate::args::{StatusFormat, StatusRequest};
use crate::aws::Cloud;
use crate::cluster::KubeConnection;
use crate::cluster::api_error::said;
use crate::cluster::connect::connect_as_user;
use crate::cluster::stores::{EventHandler, Stores};
use crate::cluster::topology_reads::{cut_note, events};
use crate::config::Config;
use crate::controller::topology::{other_target_groups, sources};
use crate::model::StackId;
use crate::topology::{
    AwsSource, Events, PlanSource, Topology, TopologyQuery, TopologySources, build, is_stack_of, select,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Between two looks at the cluster alone.
const LOOK: Duration = Duration::from_secs(2);
/// Between two looks at AWS.
const LOOK_AT_AWS: Duration = Duration::from_secs(15);
/// Clears a terminal, and goes to its top.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// How a run ended, as its exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusOutcome {
    /// Everything that was shown is synced.
    Synced,
    /// Something is not, or what was asked for is not there.
    NotSynced,
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The cluster or the settings.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The report cannot be written in the format.
    #[error("the report cannot be written: {0}")]
    Format(String),
    /// Standard output is closed.
    #[error("the report cannot be written: {0}")]
    Report(#[from] io::Error),
}

/// What is looked at, and how it is shown.
pub struct StatusParts {
    /// The API server.
    pub client: KubeConnection,
    /// The controller's settings.
    pub config: Arc<Config>,
    /// AWS, for reading, or why it is not asked.
    pub cloud: Result<Arc<dyn Cloud>, String>,
    /// Whether people look at a terminal.
    pub is_terminal: bool,
}

/// Shows what was asked for, once or whenever it changes.
pub async fn run(
    request: &StatusRequest,
    stdout: &mut (dyn Write + Send),
    stderr: &mut (dyn Write + Send),
) -> Result<StatusOutcome, StatusError> {
    let flags = &request.session_flags;
    let client = connect_as_user(flags.kubeconfig.as_deref()).await.map_err(SessionError::from)?;
    let without_aws = request.without_aws.then_some("--without-aws was given");
    let (config, account) = find_account(&client, flags, without_aws).await?;
    let cloud = account.map(|account| account.cloud);
    let parts = StatusParts { client, config, cloud, is_terminal: io::stdout().is_terminal() };
    run_on(parts, request, stdout, stderr).await
}

/// The same of parts that are given.
pub async fn run_on(
    parts: StatusParts,
    request: &StatusRequest,
    stdout: &mut (dyn Write + Send),
    stderr: &mut (dyn Write + Send),
) -> Result<StatusOutcome, StatusError> {
    let style = Style {
        colours: parts.is_terminal && request.format == StatusFormat::Text,
        all_targets: request.name.is_some(),
    };
    let visit = Visit::begin(parts, request).await?;
    let deadline = request.wait.map(|wait| Instant::now() + wait);
    let mut shown: Option<Topology> = None;
    loop {
        let topology = visit.look(stderr).await?;
        let is_unread = visit.account.is_ok() && topology.without_aws.is_some();
        let outcome = match outcome_of(request, &topology) {
            // why: whoever waits for it wants to know, and AWS may answer next time
            StatusOutcome::Synced if request.wait.is_some() && is_unread => StatusOutcome::NotSynced,
            outcome => outcome,
        };
        let is_over =
            deadline.is_none_or(|deadline| outcome == StatusOutcome::Synced || Instant::now() >= deadline);
        if !request.watch && is_over {
            let text = render(&topology, request.format, style).map_err(StatusError::Format)?;
            stdout.write_all(text.as_bytes())?;
            if topology.roots.is_empty() {
                writeln!(stderr, "{}", visit.nothing())?;
            }
            return Ok(outcome);
        }
        if request.watch && shown.as_ref() != Some(&topology) {
            let text = render(&topology, request.format, style).map_err(StatusError::Format)?;
            write!(stdout, "{}{text}", between(request.format, style, shown.is_none()))?;
            stdout.flush()?;
            shown = Some(topology);
        }
        let rest =
            deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        sleep(visit.period().min(rest)).await;
    }
}

/// What stands between two trees, or before the first.
fn between(format: StatusFormat, style: Style, is_first: bool) -> &'static str {
    match format {
        StatusFormat::Text if style.colours => CLEAR,
        StatusFormat::Text if !is_first => "\n",
        StatusFormat::Yaml if !is_first => "---\n",
        StatusFormat::Text | StatusFormat::Yaml | StatusFormat::Json => "",
    }
}

/// What was asked for by name has to be there; without a name, nothing is fine too.
fn outcome_of(request: &StatusRequest, topology: &Topology) -> StatusOutcome {
    let is_missing = request.name.is_some() && topology.roots.is_empty();
    if topology.worst().is_synced() && !is_missing { StatusOutcome::Synced } else { StatusOutcome::NotSynced }
}

/// A cluster that is followed.
struct Visit {
    client: KubeConnection,
    config: Arc<Config>,
    account: Result<AwsSession, String>,
    stores: Stores,
    query: TopologyQuery,
    _watches: JoinSet<()>,
}

impl Visit {
    async fn begin(parts: StatusParts, request: &StatusRequest) -> Result<Self, StatusError> {
        let StatusParts { client, config, cloud, is_terminal: _ } = parts;
        let account = cloud.map(|cloud| AwsSession { cloud, config: config.clone() });
        let stores = Stores::new(&config);
        let mut watches = JoinSet::new();
        let nobody: Arc<dyn EventHandler> = Arc::new(super::plan::NoEventHandler);
        stores.watch(&client, &config, &nobody, &mut watches);
        listed(&stores).await?;
        let namespace = request.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        let query = TopologyQuery {
            namespace: (!request.all_namespaces).then_some(namespace),
            kind: request.kind,
            name: request.name.clone(),
        };
        Ok(Self { client, config, account, stores, query, _watches: watches })
    }

    fn period(&self) -> Duration {
        if self.account.is_ok() { LOOK_AT_AWS } else { LOOK }
    }

    /// What is there now.
    async fn look(&self, stderr: &mut (dyn Write + Send)) -> Result<Topology, StatusError> {
        let told = match events(&self.client, None).await {
            Ok(events) => {
                if events.is_cut {
                    writeln!(stderr, "{}", cut_note())?;
                }
                Arc::new(events)
            }
            Err(error) => {
                writeln!(stderr, "Events are not shown: {}", said(&error))?;
                Arc::default()
            }
        };
        let without = match &self.account {
            Ok(account) => match self.with_aws(account, &told).await {
                Ok(topology) => return Ok(topology),
                Err(error) => error,
            },
            Err(reason) => reason.clone(),
        };
        let sources = sources(&self.stores, &self.config, told, Err(without), BTreeMap::new());
        Ok(select(&build(&sources), &self.query))
    }

    /// AWS is only asked about what is shown.
    async fn with_aws(&self, account: &AwsSession, told: &Arc<Events>) -> Result<Topology, String> {
        let bare = sources(&self.stores, &self.config, told.clone(), Err(String::new()), BTreeMap::new());
        let asked = select(&build(&bare), &self.query);
        let stacks: BTreeSet<StackId> = bare.stacks().filter(|stack| is_stack_of(&asked, stack)).collect();
        let (reports, deployer) = plan_some(&self.client, account, &self.stores, stacks.clone()).await;
        let others = other_target_groups(&self.stores, asked.bindings_at_the_top());
        let read = deployer.aws_source(&stacks, &others, &AwsSource::default()).await;
        let aws = read.map_err(|error| error.to_string())?;
        let plans = reports.iter().map(|report| (report.id().clone(), PlanSource::from(report))).collect();
        Ok(self.build(told.clone(), aws, plans))
    }

    fn build(&self, told: Arc<Events>, aws: AwsSource, plans: BTreeMap<StackId, PlanSource>) -> Topology {
        let sources: TopologySources<'_> =
            sources(&self.stores, &self.config, told, Ok(Arc::new(aws)), plans);
        select(&build(&sources), &self.query)
    }

    fn nothing(&self) -> String {
        let TopologyQuery { namespace, kind, name } = &self.query;
        let what = match (kind, name) {
            (Some(kind), Some(name)) => format!("{} {name}", kind.as_str()),
            (Some(kind), None) => kind.as_str().to_owned(),
            (None, _) => "object".to_owned(),
        };
        let place =
            namespace.as_ref().map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
        format!("No {what} of the controller was found{place}.")
    }
}
