//! The API of a migration: which Gateways carry plans, and how they compare with those of their Ingresses.
//!
//! Paths, statuses and fields are those of the web console of upstream's `lbc-migrate`.

use super::ConsoleSource;
use super::answers::JsonAnswer;
use crate::cluster::plan_annotations::{AnnotatedObject, GATEWAY_PLAN, INGRESS_PLAN};
use crate::migrate::plan_comparison::{GivenHealthChecks, PlannedResources, StatusCounts, compare};
use axum::http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::sync::OnceCell;

/// Begins the tag of a Gateway that one Ingress was migrated to.
const OF_INGRESS: &str = "ingress/";
/// Begins the tag of a Gateway that an Ingress group was migrated to.
const OF_GROUP: &str = "ingress-group/";
/// The annotation that puts an Ingress into a group.
const GROUP_NAME: &str = "alb.ingress.kubernetes.io/group.name";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NamespaceAnswer {
    namespace: String,
    gateway_count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GatewayAnswer {
    name: String,
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    migrated_from: Option<String>,
    summary: StatusCounts,
}

/// A Gateway with a plan, and the Ingress that carries the plan to compare with, or why there is none.
struct PlanPair {
    gateway: AnnotatedObject,
    migrated_from: Option<String>,
    ingress: Result<AnnotatedObject, String>,
}

/// Namespaces with Gateways that carry plans.
pub(super) async fn namespaces(source: &dyn ConsoleSource) -> JsonAnswer {
    let gateways = match source.gateways(None).await {
        Ok(gateways) => gateways,
        Err(reason) => return not_listed("failed to list Gateways cluster-wide", &reason),
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for gateway in gateways.into_iter().filter(has_plan) {
        *counts.entry(gateway.namespace).or_default() += 1;
    }
    let answer =
        counts.into_iter().map(|(namespace, gateway_count)| NamespaceAnswer { namespace, gateway_count });
    JsonAnswer::of(&answer.collect::<Vec<_>>())
}

/// The Gateways of a namespace that carry plans.
pub(super) async fn gateways(source: &dyn ConsoleSource, query: Option<&str>) -> JsonAnswer {
    let Some(namespace) = parameter(query, "namespace") else { return missing("namespace") };
    let listed = source.gateways(Some(namespace.clone())).await;
    let listed = match listed {
        Ok(listed) => listed,
        Err(reason) => {
            return not_listed(&format!("failed to list Gateways in namespace {namespace}"), &reason);
        }
    };
    let mut answer = Vec::new();
    let holders = PlanHolders::of(source);
    for gateway in listed.into_iter().filter(has_plan) {
        let pair = PlanPair::of(&holders, gateway).await;
        let summary = pair.compared().map_or_else(|_| StatusCounts::default(), |compared| compared.summary);
        let PlanPair { gateway, migrated_from, ingress } = pair;
        let AnnotatedObject { name, namespace, .. } = gateway;
        answer.push(GatewayAnswer { name, namespace, error: ingress.err(), migrated_from, summary });
    }
    JsonAnswer::of(&answer)
}

/// How the plan of a Gateway compares.
pub(super) async fn diff(source: &dyn ConsoleSource, query: Option<&str>) -> JsonAnswer {
    let Some(namespace) = parameter(query, "namespace") else { return missing("namespace") };
    let Some(name) = parameter(query, "gateway") else { return missing("gateway") };
    let not_found = |text: String| JsonAnswer::failure(StatusCode::NOT_FOUND, text);
    let gateway = match source.gateway(namespace.clone(), name.clone()).await {
        Ok(gateway) => gateway,
        Err(reason) => return not_found(format!("failed to get Gateway {namespace}/{name}: {reason}")),
    };
    if !has_plan(&gateway) {
        return not_found(format!("Gateway {namespace}/{name} does not have a dry-run-plan annotation"));
    }
    let pair = PlanPair::of(&PlanHolders::of(source), gateway).await;
    if let Err(reason) = &pair.ingress {
        return not_found(format!("no ingress plan found for gateway {namespace}/{name}: {reason}"));
    }
    match pair.compared() {
        Ok(compared) => JsonAnswer::of(&compared),
        Err(reason) => JsonAnswer::failure(StatusCode::INTERNAL_SERVER_ERROR, reason),
    }
}

fn has_plan(gateway: &AnnotatedObject) -> bool {
    gateway.annotation(GATEWAY_PLAN).is_some()
}

fn missing(parameter: &str) -> JsonAnswer {
    JsonAnswer::failure(StatusCode::BAD_REQUEST, format!("missing ?{parameter}= parameter"))
}

fn not_listed(what: &str, reason: &str) -> JsonAnswer {
    JsonAnswer::failure(StatusCode::INTERNAL_SERVER_ERROR, format!("{what}: {reason}"))
}

/// The first value of a parameter that is not empty.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
}

impl PlanPair {
    async fn of(holders: &PlanHolders<'_>, gateway: AnnotatedObject) -> Self {
        let plan = gateway.annotation(GATEWAY_PLAN).unwrap_or("");
        // why: a plan that cannot be read has no tag; that it cannot be read is told when it is compared
        let tag = PlannedResources::read(plan).ok().and_then(|plan| plan.migrated_from().map(str::to_owned));
        let ingress = match &tag {
            Some(tag) => holders.find(tag).await,
            None => Err("could not determine ingress plan holder: no migrated-from tag found on LoadBalancer in gateway model".to_owned()),
        };
        Self { gateway, migrated_from: tag, ingress }
    }

    fn compared(&self) -> Result<crate::migrate::plan_comparison::PlanComparison, String> {
        let ingress = self.ingress.as_ref().map_err(Clone::clone)?;
        let read = |side: &str, object: &AnnotatedObject, annotation: &str| {
            PlannedResources::read(object.annotation(annotation).unwrap_or(""))
                .map_err(|error| format!("failed to parse {side} plan: {error}"))
        };
        let ours = read("ingress", ingress, INGRESS_PLAN)?;
        let theirs = read("gateway", &self.gateway, GATEWAY_PLAN)?;
        Ok(compare(&ours, &theirs, GivenHealthChecks::of(ingress.annotations.keys())))
    }
}

/// The Ingresses that carry plans. All of them are listed once at most.
struct PlanHolders<'s> {
    source: &'s dyn ConsoleSource,
    ingresses: OnceCell<Result<Vec<AnnotatedObject>, String>>,
}

impl<'s> PlanHolders<'s> {
    fn of(source: &'s dyn ConsoleSource) -> Self {
        Self { source, ingresses: OnceCell::new() }
    }

    /// The Ingress whose plan a tag leads to.
    async fn find(&self, tag: &str) -> Result<AnnotatedObject, String> {
        let holder = match (tag.strip_prefix(OF_INGRESS), tag.strip_prefix(OF_GROUP)) {
            (Some(holder), _) => holder.to_owned(),
            (_, Some("")) => return Err("migrated-from tag carries empty ingress-group name".to_owned()),
            (_, Some(group)) => return self.of_group(group).await,
            (None, None) => {
                return Err(format!(
                    "unrecognized migrated-from tag {tag:?}: expected prefix {OF_INGRESS:?} or {OF_GROUP:?}"
                ));
            }
        };
        let failed = |reason: String| format!("failed to read ingress plan from {holder}: {reason}");
        let (namespace, name) = holder
            .split_once('/')
            .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
            .ok_or_else(|| failed(format!("invalid namespaced name: {holder:?}")))?;
        let found = self.source.ingress(namespace.to_owned(), name.to_owned()).await;
        let found = found.map_err(|reason| failed(format!("failed to get Ingress {holder}: {reason}")))?;
        if found.annotation(INGRESS_PLAN).is_none() {
            return Err(failed(format!("Ingress {holder} does not have a dry-run-plan annotation")));
        }
        Ok(found)
    }

    /// The one member of a group that carries the plan.
    async fn of_group(&self, group: &str) -> Result<AnnotatedObject, String> {
        let listed = self.ingresses.get_or_init(|| self.source.ingresses()).await;
        let listed = listed
            .as_ref()
            .map_err(|reason| format!("failed to list ingresses for group {group:?}: {reason}"))?;
        let is_holder = |ingress: &AnnotatedObject| {
            ingress.annotation(GROUP_NAME) == Some(group) && ingress.annotation(INGRESS_PLAN).is_some()
        };
        let mut holders: Vec<AnnotatedObject> =
            listed.iter().filter(|ingress| is_holder(ingress)).cloned().collect();
        holders.sort_by_cached_key(|ingress| format!("{}/{}", ingress.namespace, ingress.name));
        if holders.len() > 1 {
            let names: Vec<String> =
                holders.iter().map(|ingress| format!("{}/{}", ingress.namespace, ingress.name)).collect();
            return Err(format!(
                "multiple ingresses in group {group:?} carry a dry-run-plan annotation: {}; a member that left the group may have kept \
             it: take the annotation off all but one",
                names.join(", ")
            ));
        }
        holders.pop().ok_or_else(|| {
        format!(
            "no ingress in group {group:?} carries a dry-run-plan annotation; the controller has not reconciled the group yet, or its \
             feature gate IngressPlanAnnotation is off"
        )
    })
    }
}
