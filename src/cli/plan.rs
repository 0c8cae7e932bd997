//! `plan`: what the controller would change in AWS, without changing it.
//!
//! The cluster is listed once; each Service, Ingress group and Gateway goes through gather, build and diff as in the controller, and
//! there it ends. Manifests are first given to the API server as a dry run, so that defaults and webhooks count. What targets
//! are registered is not planned: they follow the pods.

mod accelerators;
mod dry_run_cloud;
mod gateways;
mod report;
mod selection;
mod take_over;

pub use accelerators::AcceleratorReport;
pub use report::{PlanReport, StackReport};
pub(in crate::cli) use selection::NoEventHandler;

use super::session::{AwsSession, Session, SessionError};
use crate::admission::limits;
use crate::api::ObjectKey;
use crate::args::PlanRequest;
use crate::builder;
use crate::builder::ingress::MemberOutcome;
use crate::cluster::KubeConnection;
use crate::cluster::manifests::{
    ManifestError, ManifestObject, dry_run_object, namespaces_of, read_manifests,
};
use crate::cluster::stores::{EventHandler, Stores};
use crate::controller::event_handlers::Classes;
use crate::controller::fact_source::FactSource;
use crate::controller::gateway::resolved::{NamingObjects, Resolved, Subject};
use crate::controller::ingress::taken_over_by;
use crate::controller::{gateway, gather};
use crate::deploy::Deployer;
use crate::facts::Facts;
use crate::facts::group;
use crate::finding::Finding;
use crate::gateway::Controller;
use crate::gateway::config::resolve;
use crate::model::{Owner, Stack, StackId};
use crate::settings::gateway::AddOns;
use dry_run_cloud::DryRunCloud;
use futures::{StreamExt, stream};
use selection::Selection;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use take_over::TakeOverOutcome;
use tokio::task::JoinSet;

/// How many stacks are planned side by side.
const SIDE_BY_SIDE: usize = 8;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The settings of the installation cannot be told.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A manifest cannot be planned.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Plans the whole cluster, or what some manifests concern.
pub async fn run(request: &PlanRequest) -> Result<PlanReport, PlanError> {
    let objects = read_files(&request.files)?;
    let session = Session::begin(&request.session_flags).await?;
    let account = session.account().await?;
    let stores = list_cluster(&session.client, &account).await;
    let (selection, report) = if request.files.is_empty() {
        (Selection::everything(&stores, &account.config), PlanReport::default())
    } else {
        overlay(&session.client, &stores, &account, objects).await?
    };
    let report = PlanReport { exit_code: request.exit_code, ..report };
    Ok(plan_stacks(&session.client, &account, &stores, selection, report).await)
}

/// Plans every stack of the cluster as it is now.
pub(super) async fn plan_cluster(client: &KubeConnection, account: &AwsSession) -> PlanReport {
    let stores = list_cluster(client, account).await;
    let selection = Selection::everything(&stores, &account.config);
    plan_stacks(client, account, &stores, selection, PlanReport::default()).await
}

/// Plans some stacks of the cluster as it is. Answers the reports, and what has read AWS for them.
pub(super) async fn plan_some(
    client: &KubeConnection,
    account: &AwsSession,
    stores: &Stores,
    stacks: BTreeSet<StackId>,
) -> (Vec<StackReport>, Arc<Deployer>) {
    let planner = Planner::new(client, account, stores);
    (planner.plan_all(stacks).await, planner.facts.deployer.clone())
}

/// Plans every stack of a cluster that is followed already, or what some manifests concern.
pub(super) async fn plan_text(
    client: &KubeConnection,
    account: &AwsSession,
    followed: &Stores,
    manifests: Option<&str>,
) -> Result<PlanReport, PlanError> {
    let Some(text) = manifests else {
        let selection = Selection::everything(followed, &account.config);
        return Ok(plan_stacks(client, account, followed, selection, PlanReport::default()).await);
    };
    let objects = read_manifests(text)?;
    let stores = list_cluster(client, account).await;
    let (selection, report) = overlay(client, &stores, account, objects).await?;
    Ok(plan_stacks(client, account, &stores, selection, report).await)
}

/// What all stacks of the cluster are to be. Those that cannot be built are left out.
pub(super) async fn built_stacks(
    client: &KubeConnection,
    account: &AwsSession,
    stores: &Stores,
) -> Vec<Stack> {
    let selection = Selection::everything(stores, &account.config);
    let planner = Planner::new(client, account, stores);
    let builds = stream::iter(selection.stacks).map(|id| planner.build(id)).buffered(SIDE_BY_SIDE);
    builds.filter_map(async |(_, stack)| stack).collect().await
}

async fn plan_stacks(
    client: &KubeConnection,
    account: &AwsSession,
    stores: &Stores,
    selection: Selection,
    report: PlanReport,
) -> PlanReport {
    let planner = Planner::new(client, account, stores);
    let stacks = planner.plan_all(selection.stacks).await;
    let accelerators = planner.plan_accelerators(selection.accelerators).await;
    let shared = planner.dry_run_cloud.simulated_writes();
    PlanReport { stacks, accelerators, problems: selection.problems, shared, ..report }
}

/// The cluster as it is now.
async fn list_cluster(client: &KubeConnection, account: &AwsSession) -> Stores {
    let stores = Stores::new(&account.config);
    let mut watches = JoinSet::new();
    let nobody: Arc<dyn EventHandler> = Arc::new(selection::NoEventHandler);
    stores.watch(client, &account.config, &nobody, &mut watches);
    stores.synced().await;
    watches.shutdown().await;
    stores
}

/// Puts manifests over what the cluster holds; answers what they concern.
async fn overlay(
    client: &KubeConnection,
    stores: &Stores,
    account: &AwsSession,
    objects: Vec<serde_json::Value>,
) -> Result<(Selection, PlanReport), PlanError> {
    let (mut selection, mut report) = (Selection::default(), PlanReport::default());
    let mut manifests = Vec::new();
    let created = namespaces_of(&objects);
    for object in objects {
        let name = describe(&object);
        match dry_run_object(client, client.default_namespace(), &created, object).await? {
            Some(manifest) => manifests.push(manifest),
            None => report.skipped.push(name),
        }
    }
    for manifest in manifests {
        selection.add_former(stores, &account.config, &manifest);
        selection.changed.push(apply(stores, manifest)?);
    }
    gateways::foresee(&stores.gateways);
    selection.select(stores, &account.config);
    Ok((selection, report))
}

fn describe(object: &serde_json::Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("?");
    format!("{} {}", text("/kind"), text("/metadata/name"))
}

fn apply(stores: &Stores, manifest: ManifestObject) -> Result<selection::Changed, ManifestError> {
    Ok(match manifest {
        ManifestObject::Service(service) => {
            let key = ObjectKey::of(&*service);
            stores.services.apply(key.clone(), *service);
            selection::Changed::Service(key)
        }
        ManifestObject::Ingress(ingress) => {
            let key = ObjectKey::of(&*ingress);
            stores.ingresses.apply(key.clone(), *ingress);
            selection::Changed::Ingress(key)
        }
        ManifestObject::Namespace(namespace) => {
            let key = ObjectKey::of(&*namespace);
            stores.namespaces.apply(key.clone(), *namespace);
            selection::Changed::Namespace(key)
        }
        ManifestObject::Gateway(kind, object) => {
            let object_name = describe(&object);
            let changes = stores.gateways.apply(kind, object);
            let unreadable = |source| ManifestError::NotReadable { object: object_name, source };
            selection::Changed::Gateway(changes.map_err(unreadable)?)
        }
        ManifestObject::GlobalAccelerator(accelerator) => {
            let key = ObjectKey::of(&*accelerator);
            stores.accelerators.objects.apply(key.clone(), *accelerator);
            selection::Changed::GlobalAccelerator(key)
        }
        ManifestObject::IngressClass(class) => {
            stores.ingress_classes.apply(ObjectKey::of(&*class), *class);
            selection::Changed::Class
        }
        ManifestObject::IngressClassParams(params) => {
            stores.ingress_class_params.apply(ObjectKey::of(&*params), *params);
            selection::Changed::Class
        }
    })
}

struct Planner<'a> {
    account: &'a AwsSession,
    stores: &'a Stores,
    facts: FactSource,
    dry_run_cloud: Arc<DryRunCloud>,
}

/// What was found on the way to a stack, and the stack, if it could be built.
type StackBuild = (StackReport, Option<Stack>);

impl<'a> Planner<'a> {
    fn new(client: &KubeConnection, account: &'a AwsSession, stores: &'a Stores) -> Self {
        let dry_run_cloud = Arc::new(DryRunCloud::new(account.cloud.clone()));
        let facts = account.facts(client, stores, dry_run_cloud.clone());
        Self { account, stores, facts, dry_run_cloud }
    }

    async fn plan_all(&self, stacks: impl IntoIterator<Item = StackId>) -> Vec<StackReport> {
        stream::iter(stacks).map(|id| self.plan(id)).buffered(SIDE_BY_SIDE).collect().await
    }

    async fn plan(&self, id: StackId) -> StackReport {
        let (report, stack) = self.build(id).await;
        let Some(stack) = stack else { return report };
        let planned = match self.plan_take_over(&stack).await {
            Some(Ok(TakeOverOutcome::Refused(finding))) => return report.finding([&finding]),
            Some(Ok(TakeOverOutcome::Planned(plan))) => Ok(plan),
            Some(Err(failure)) => Err(failure),
            None => self.facts.deployer.plan(&stack).await,
        };
        match planned {
            Ok(plan) => report.planned(plan),
            Err(failure) => report.failed(&failure),
        }
    }

    async fn build(&self, id: StackId) -> StackBuild {
        match id.owner {
            Owner::Service => self.build_service(id).await,
            Owner::Ingress => self.build_group(id).await,
            Owner::AlbGateway | Owner::NlbGateway => self.build_gateway(id).await,
        }
    }

    async fn build_service(&self, id: StackId) -> StackBuild {
        let key = ObjectKey::namespaced(id.namespace.as_str(), id.name.as_str());
        let Some(service) = self.stores.services.get(&key) else { return (StackReport::of(id), None) };
        let config = &self.account.config;
        let build = |facts: &Facts| builder::service::build(&service, facts, config);
        match gather::build(&self.facts, &id, build).await {
            Ok(built) => {
                let report = StackReport::of(id).finding(built.findings.iter());
                (report, Some(built.stack))
            }
            Err(failure) => (StackReport::of(id).failed(&failure), None),
        }
    }

    async fn build_group(&self, id: StackId) -> StackBuild {
        let config = &self.account.config;
        let (classes, ingresses) = (Classes::of(self.stores), self.stores.ingresses.list());
        let group = group::load_group(&id, &ingresses, &classes.view(), config);
        if let Some(gateway) = taken_over_by(&self.stores.gateways, &config.features, &group) {
            return (take_over::left_to(StackReport::of(id), &gateway), None);
        }
        let build = |facts: &Facts| builder::ingress::build(&group, facts, config);
        match gather::build(&self.facts, &id, build).await {
            Ok(built) => {
                let members: Vec<Finding> =
                    built.members.iter().flat_map(MemberOutcome::diagnostics).collect();
                let held = built.held.iter().map(|(_, finding)| finding);
                let report = StackReport::of(id).finding(members.iter().chain(held));
                (report, built.stack)
            }
            Err(failure) => (StackReport::of(id).failed(&failure), None),
        }
    }

    async fn build_gateway(&self, id: StackId) -> StackBuild {
        let (key, stores, config) = (id.object(), &*self.stores.gateways, &self.account.config);
        let Some(gateway) = stores.gateways.get(&key) else { return (StackReport::of(id), None) };
        let class = stores.classes.get(&ObjectKey::cluster(gateway.spec.gateway_class_name.as_str()));
        let controller = class.as_ref().and_then(|class| Controller::of_name(&class.spec.controller_name));
        let (Some(class), Some(controller)) = (class, controller) else {
            return (StackReport::of(id), None);
        };
        let options = gateway::options(&config.features);
        let subject = Subject { stores, gateway: &gateway, key: &key, controller, options };
        let merged = match resolve(&class, &gateway, stores, options) {
            Ok(merged) => merged,
            Err(error) => return (StackReport::of(id).failed(&error), None),
        };
        let named = NamingObjects::of(stores, &key, options);
        let resolved = Resolved::new(subject, &merged, &named);
        let add_ons = AddOns::of_annotations(&gateway);
        let build = |facts: &Facts| builder::gateway::build(resolved.view(), add_ons, facts, config);
        match gather::build(&self.facts, &id, build).await {
            Ok(built) => {
                let routes = gateways::route_findings(&resolved, &built.report);
                let limits = limits::of_gateway(&resolved.view().object(), &built.stack);
                let findings = built.report.listeners.values().chain(&routes).chain(&limits);
                let report = StackReport::of(id).finding(findings);
                (report, Some(built.stack))
            }
            Err(failure) => (StackReport::of(id).failed(&failure), None),
        }
    }
}

fn read_files(paths: &[PathBuf]) -> Result<Vec<serde_json::Value>, PlanError> {
    let mut objects = Vec::new();
    for path in paths {
        let unreadable = |source| PlanError::File { path: path.clone(), source };
        for text in read_texts(path).map_err(unreadable)? {
            objects.extend(read_manifests(&text)?);
        }
    }
    Ok(objects)
}

/// The texts of a file, of standard input, or of the manifests in a folder.
fn read_texts(path: &Path) -> std::io::Result<Vec<String>> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(vec![text]);
    }
    if !path.is_dir() {
        return Ok(vec![std::fs::read_to_string(path)?]);
    }
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let is_manifest = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
    };
    files.retain(is_manifest);
    files.sort();
    files.iter().map(std::fs::read_to_string).collect()
}
