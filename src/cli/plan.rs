//! `plan`: what the controller would change in AWS, without changing it.
//!
//! The cluster is listed once; each Service and Ingress group goes through gather, build and diff as in the controller, and
//! there it ends. Manifests are first given to the API server as a dry run, so that defaults and webhooks count. What targets
//! are registered is not planned: they follow the pods.

mod concern;
mod rehearsal;
mod report;

pub use report::{Report, StackReport};

use super::visit::{Account, Visit, VisitError};
use crate::api::ObjectKey;
use crate::args::PlanRequest;
use crate::build;
use crate::build::ingress::MemberOutcome;
use crate::cluster::Connection;
use crate::cluster::manifests::{Manifest, ManifestError, namespaces_of, read_manifests, rehearse};
use crate::cluster::stores::{Listener, Stores};
use crate::controller::dispatch::Classes;
use crate::controller::facts::FactSource;
use crate::controller::gather;
use crate::finding::Finding;
use crate::inputs::Facts;
use crate::inputs::group;
use crate::model::{Owner, StackId};
use concern::Concern;
use futures::{StreamExt, stream};
use rehearsal::Rehearsal;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;

/// How many stacks are planned side by side.
const SIDE_BY_SIDE: usize = 8;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The installation.
    #[error(transparent)]
    Visit(#[from] VisitError),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Plans the whole cluster, or what some manifests concern.
pub async fn run(request: &PlanRequest) -> Result<Report, PlanError> {
    let objects = read_files(&request.files)?;
    let visit = Visit::begin(&request.inspection).await?;
    let account = visit.account().await?;
    let stores = list_cluster(&visit.client, &account).await;
    let (concern, report) = if request.files.is_empty() {
        (Concern::everything(&stores, &account.config), Report::default())
    } else {
        overlay(&visit.client, &stores, &account, objects).await?
    };
    let report = Report { exit_code: request.exit_code, ..report };
    Ok(plan_stacks(&visit.client, &account, &stores, concern, report).await)
}

/// Plans every stack of the cluster as it is now.
pub(super) async fn plan_cluster(client: &Connection, account: &Account) -> Report {
    let stores = list_cluster(client, account).await;
    let concern = Concern::everything(&stores, &account.config);
    plan_stacks(client, account, &stores, concern, Report::default()).await
}

async fn plan_stacks(
    client: &Connection,
    account: &Account,
    stores: &Stores,
    concern: Concern,
    report: Report,
) -> Report {
    let rehearsal = Arc::new(Rehearsal::new(account.cloud.clone()));
    let facts = account.facts(client, stores, rehearsal.clone());
    let planner = Planner { account, stores, facts };
    let stacks =
        stream::iter(concern.stacks).map(|id| planner.plan(id)).buffered(SIDE_BY_SIDE).collect().await;
    Report { stacks, problems: concern.problems, shared: rehearsal.rehearsed(), ..report }
}

/// The cluster as it is now.
async fn list_cluster(client: &Connection, account: &Account) -> Stores {
    let stores = Stores::new(&account.config);
    let mut watches = JoinSet::new();
    let nobody: Arc<dyn Listener> = Arc::new(concern::Nobody);
    stores.watch(client, &account.config, &nobody, &mut watches);
    stores.synced().await;
    watches.shutdown().await;
    stores
}

/// Puts manifests over what the cluster holds; answers what they concern.
async fn overlay(
    client: &Connection,
    stores: &Stores,
    account: &Account,
    objects: Vec<serde_json::Value>,
) -> Result<(Concern, Report), PlanError> {
    let (mut concern, mut report) = (Concern::default(), Report::default());
    let mut manifests = Vec::new();
    let created = namespaces_of(&objects);
    for object in objects {
        let name = describe(&object);
        match rehearse(client, client.default_namespace(), &created, object).await? {
            Some(manifest) => manifests.push(manifest),
            None => report.skipped.push(name),
        }
    }
    for manifest in manifests {
        concern.add_former(stores, &account.config, &manifest);
        concern.changed.push(apply(stores, manifest));
    }
    concern.settle(stores, &account.config);
    Ok((concern, report))
}

fn describe(object: &serde_json::Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("?");
    format!("{} {}", text("/kind"), text("/metadata/name"))
}

fn apply(stores: &Stores, manifest: Manifest) -> concern::Changed {
    match manifest {
        Manifest::Service(service) => {
            let key = ObjectKey::of(&*service);
            stores.services.apply(key.clone(), *service);
            concern::Changed::Service(key)
        }
        Manifest::Ingress(ingress) => {
            let key = ObjectKey::of(&*ingress);
            stores.ingresses.apply(key.clone(), *ingress);
            concern::Changed::Ingress(key)
        }
        Manifest::Namespace(namespace) => {
            stores.namespaces.apply(ObjectKey::of(&*namespace), *namespace);
            concern::Changed::Class
        }
        Manifest::IngressClass(class) => {
            stores.ingress_classes.apply(ObjectKey::of(&*class), *class);
            concern::Changed::Class
        }
        Manifest::IngressClassParams(params) => {
            stores.ingress_class_params.apply(ObjectKey::of(&*params), *params);
            concern::Changed::Class
        }
    }
}

struct Planner<'a> {
    account: &'a Account,
    stores: &'a Stores,
    facts: FactSource,
}

impl Planner<'_> {
    async fn plan(&self, id: StackId) -> StackReport {
        match id.owner {
            Owner::Service => self.plan_service(id).await,
            Owner::Ingress => self.plan_group(id).await,
        }
    }

    async fn plan_service(&self, id: StackId) -> StackReport {
        let key = ObjectKey::namespaced(id.namespace.as_str(), id.name.as_str());
        let Some(service) = self.stores.services.get(&key) else { return StackReport::of(id) };
        let config = &self.account.config;
        let build = |facts: &Facts| build::service::build(&service, facts, config);
        match gather::build(&self.facts, &id, build).await {
            Ok(built) => {
                let report = StackReport::of(id).finding(built.findings.iter());
                self.diff(report, &built.stack).await
            }
            Err(failure) => StackReport::of(id).failed(&failure),
        }
    }

    async fn plan_group(&self, id: StackId) -> StackReport {
        let config = &self.account.config;
        let (classes, ingresses) = (Classes::of(self.stores), self.stores.ingresses.list());
        let group = group::load_group(&id, &ingresses, &classes.view(), config);
        let build = |facts: &Facts| build::ingress::build(&group, facts, config);
        match gather::build(&self.facts, &id, build).await {
            Ok(built) => {
                let members: Vec<Finding> =
                    built.members.iter().flat_map(MemberOutcome::diagnostics).collect();
                let held = built.held.iter().map(|(_, finding)| finding);
                let report = StackReport::of(id).finding(members.iter().chain(held));
                match &built.stack {
                    Some(stack) => self.diff(report, stack).await,
                    None => report,
                }
            }
            Err(failure) => StackReport::of(id).failed(&failure),
        }
    }

    async fn diff(&self, report: StackReport, stack: &crate::model::Stack) -> StackReport {
        match self.facts.deployer.plan(stack).await {
            Ok(plan) => report.planned(plan),
            Err(failure) => report.failed(&failure),
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
