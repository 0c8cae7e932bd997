//! A cluster that is followed, and the account it lives in, as the pages of the console need them.
//!
//! The caches tell of changes at once. AWS does not, so it is read again and again while a page is open, less often the longer a read
//! takes; meanwhile pages show what the last read said.

use crate::api::{
    GlobalAccelerator, Ingress, IngressClass, IngressClassParams, Namespace, ObjectKey, Service,
    TargetGroupBinding,
};
use crate::cli::lint::lint_text;
use crate::cli::plan::{PlanReport, built_stacks, plan_text};
use crate::cli::session::AwsSession;
use crate::cluster::api_error::said;
use crate::cluster::gateway_stores::GatewayChange;
use crate::cluster::stores::{EventHandler, Stores};
use crate::cluster::topology_reads::events;
use crate::cluster::{CacheEvent, KubeConnection};
use crate::config::Config;
use crate::controller::topology::{other_target_groups, sources};
use crate::model::StackId;
use crate::serve::console::VisitItem;
use crate::targets::view::{NodeView, PodView};
use crate::topology::{AwsSource, Events, TopologyKind, build_each, usage};
use futures::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How soon after a read of AWS, or of events, there is the next one, and how late.
const SOONEST: Duration = Duration::from_secs(15);
const LATEST: Duration = Duration::from_mins(10);
/// Of the time, at most one part in so many is spent reading them.
const SHARE: u32 = 10;
/// Stands in for what AWS says until it has said something.
const BEING_ASKED: &str = "it is being read at this moment";

/// What AWS said, or why it said nothing.
type AwsAnswer = Result<Arc<AwsSource>, String>;

/// What the controller said of objects, and when it is read again; `None`: now.
#[derive(Default)]
struct KnownEvents {
    events: Arc<Events>,
    due: Option<Instant>,
}

/// A cluster and an account that are looked at.
pub struct ConsoleView {
    client: KubeConnection,
    /// The controller's settings.
    pub config: Arc<Config>,
    account: Result<AwsSession, String>,
    /// What is in the cluster.
    pub stores: Arc<Stores>,
    changes: Arc<Notify>,
    events: Mutex<KnownEvents>,
    aws: Mutex<AwsAnswer>,
    reading: tokio::sync::Mutex<AwsReading>,
}

/// The read of AWS that is under way, or when there is the next one.
struct AwsReading {
    due: Instant,
    begun: Instant,
    /// why a task of its own: a read that nobody waits for any more must come to its end, because it may be next in line for a call that
    /// others wait for, too
    read: JoinSet<AwsAnswer>,
}

impl Default for AwsReading {
    fn default() -> Self {
        let now = Instant::now();
        Self { due: now, begun: now, read: JoinSet::new() }
    }
}

impl ConsoleView {
    /// Nothing is looked at yet.
    pub fn new(
        client: KubeConnection,
        config: Arc<Config>,
        account: Result<AwsSession, String>,
        stores: Arc<Stores>,
    ) -> Self {
        let aws = Mutex::new(not_asked(&account));
        let (changes, events, reading) = (Arc::default(), Mutex::default(), tokio::sync::Mutex::default());
        Self { client, config, account, stores, changes, events, aws, reading }
    }

    /// Forgets what was read, since nobody looks any more: whoever looks next is not shown what was so long ago.
    pub async fn rest(&self) {
        *self.reading.lock().await = AwsReading::default();
        *self.events.lock() = KnownEvents::default();
        *self.aws.lock() = not_asked(&self.account);
    }

    /// Follows the cluster.
    pub fn watch(&self, watches: &mut JoinSet<()>) {
        let told: Arc<dyn EventHandler> = Arc::new(ChangeNotifier(self.changes.clone()));
        self.stores.watch(&self.client, &self.config, &told, watches);
    }

    /// Shows what is there, as far as it is known at this moment.
    pub async fn topology(&self, visit: &mut VisitItem<'_>) -> Result<Value, String> {
        let (events, aws) = (self.events().await, self.aws.lock().clone());
        let sources = sources(&self.stores, &self.config, events, aws, BTreeMap::new());
        let (mut text, mut outcome) = (Vec::new(), Ok(()));
        let roots = build_each(&sources, &mut |item| {
            text.clear();
            match serde_json::to_writer(&mut text, &item) {
                Ok(()) => visit(&item.id, &text),
                Err(error) => outcome = Err(error.to_string()),
            }
        });
        outcome?;
        let mut head = json!({"roots": roots});
        if let (Err(reason), Some(head)) = (sources.aws, head.as_object_mut()) {
            head.insert("withoutAws".to_owned(), reason.into());
        }
        Ok(head)
    }

    /// Completes when something in the cluster has changed, or AWS has been read.
    pub async fn changed(&self) {
        tokio::select! {
            () = self.changes.notified() => {}
            () = self.read_aws(), if self.account.is_ok() => {}
        }
    }

    /// What the controller said of objects. Where it may not be read, nothing.
    async fn events(&self) -> Arc<Events> {
        let now = Instant::now();
        {
            let known = self.events.lock();
            if known.due.is_some_and(|due| now < due) {
                return known.events.clone();
            }
        }
        let found = events(&self.client, None).await.unwrap_or_else(|error| {
            tracing::debug!(error = %said(&error), "events are not shown");
            Events::default()
        });
        let (events, due) = (Arc::new(found), Some(next_read(now)));
        *self.events.lock() = KnownEvents { events: events.clone(), due };
        events
    }

    /// Reads AWS when it is due. The read goes on if nobody waits for its end; the next call takes its answer.
    async fn read_aws(&self) {
        let mut reading = self.reading.lock().await;
        if reading.read.is_empty() {
            sleep_until(reading.due).await;
            reading.begun = Instant::now();
            let Some(read) = self.begin_read() else {
                return std::future::pending().await;
            };
            reading.read.spawn(read);
        }
        let ended = reading.read.join_next().await;
        reading.due = next_read(reading.begun);
        *self.aws.lock() = match ended {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => Err(error.to_string()),
            None => return,
        };
    }

    /// why a deployer for each read, and not the controller's: what that knows must begin with its term, and what this one learns of load
    /// balancers and target groups would be in memory twice until the next read, which asks for the rest of them one by one anyway
    fn begin_read(&self) -> Option<BoxFuture<'static, AwsAnswer>> {
        let account = self.account.as_ref().ok()?;
        let deployer = account.facts(&self.client, &self.stores, account.cloud.clone()).deployer;
        // why: what could not be read before is nothing to share with
        let known = self.aws.lock().as_ref().map_or_else(|_| Arc::default(), Arc::clone);
        let bare = sources(&self.stores, &self.config, Arc::default(), Err(String::new()), BTreeMap::new());
        let stacks: BTreeSet<StackId> = bare.stacks().collect();
        let mut bindings = Vec::new();
        build_each(&bare, &mut |item| {
            if item.kind == TopologyKind::TargetGroupBinding {
                bindings.push(item.object());
            }
        });
        let others = other_target_groups(&self.stores, bindings);
        let read = async move {
            deployer
                .aws_source(&stacks, &others, &known)
                .await
                .map(Arc::new)
                .map_err(|error| error.to_string())
        };
        Some(read.boxed())
    }

    /// What would change; of manifests also what `lint` finds. What is wrong with one of both does not take the other away.
    pub async fn plan(&self, manifests: Option<String>) -> Result<Value, String> {
        let lint = manifests.as_ref().map(|text| self.lint(text.clone()));
        let planned = match &self.account {
            Ok(account) => {
                let planned = plan_text(&self.client, account, &self.stores, manifests.as_deref()).await;
                planned.map_err(|error| error.to_string())
            }
            Err(reason) => Err(format!("There is no plan: {reason}")),
        };
        match (planned, lint) {
            (Ok(report), lint) => Ok(plan_to_json(&report, lint)),
            (Err(reason), Some(lint)) => Ok(json!({"lint": lint, "failure": reason})),
            (Err(reason), None) => Err(reason),
        }
    }

    /// What `lint` finds in manifests.
    pub fn lint(&self, text: String) -> Vec<Value> {
        lint_text("manifests", text, &self.config)
    }

    /// Load balancers by namespace, quotas, and what could be shared.
    pub async fn usage(&self) -> Result<Value, String> {
        let account = self.account.as_ref().map_err(Clone::clone)?;
        let stacks = built_stacks(&self.client, account, &self.stores).await;
        serde_json::to_value(usage(&stacks)).map_err(|error| error.to_string())
    }
}

/// When a read that has ended now is made again.
fn next_read(begun: Instant) -> Instant {
    Instant::now() + (begun.elapsed() * SHARE).clamp(SOONEST, LATEST)
}

fn not_asked(account: &Result<AwsSession, String>) -> AwsAnswer {
    Err(account.as_ref().err().cloned().unwrap_or_else(|| BEING_ASKED.to_owned()))
}

fn plan_to_json(report: &PlanReport, lint: Option<Vec<Value>>) -> Value {
    let mut plan = report.to_json();
    if let Some(plan) = plan.as_object_mut() {
        plan.insert("text".to_owned(), report.to_string().into());
        plan.extend(lint.map(|lint| ("lint".to_owned(), lint.into())));
    }
    plan
}

/// Tells that something has changed, whatever it is.
struct ChangeNotifier(Arc<Notify>);

impl ChangeNotifier {
    fn tell(&self) {
        self.0.notify_one();
    }
}

impl EventHandler for ChangeNotifier {
    fn service(&self, _: &ObjectKey, _: CacheEvent<Service>) {
        self.tell();
    }

    fn ingress(&self, _: &ObjectKey, _: CacheEvent<Ingress>) {
        self.tell();
    }

    fn ingress_class(&self, _: &ObjectKey, _: CacheEvent<IngressClass>) {
        self.tell();
    }

    fn ingress_class_params(&self, _: &ObjectKey, _: CacheEvent<IngressClassParams>) {
        self.tell();
    }

    fn namespace(&self, _: &ObjectKey, _: CacheEvent<Namespace>) {
        self.tell();
    }

    fn binding(&self, _: &ObjectKey, _: CacheEvent<TargetGroupBinding>) {
        self.tell();
    }

    fn endpoints(&self, _: &ObjectKey) {
        self.tell();
    }

    fn pod(&self, _: &ObjectKey, _: CacheEvent<PodView>) {
        self.tell();
    }

    fn node(&self, _: &ObjectKey, _: CacheEvent<NodeView>) {
        self.tell();
    }

    fn gateway(&self, _: GatewayChange) {
        self.tell();
    }

    fn global_accelerator(&self, _: &ObjectKey, _: CacheEvent<GlobalAccelerator>) {
        self.tell();
    }
}
