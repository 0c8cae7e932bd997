//! The cluster's side: API server, definitions, classes, the running controller, its lease and its webhooks.

use super::Check;
use crate::api::meta::INGRESS_CLASS_CONTROLLER;
use crate::api::{CustomResourceDefinition, IngressClass, Lease, ObjectKey, crds};
use crate::cli::visit::Visit;
use crate::clock::now;
use crate::cluster::api_error::said;
use crate::cluster::installation::Installation;
use crate::cluster::survey::{Survey, Webhook};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::Error;
use std::collections::BTreeSet;
use x509_parser::pem::Pem;

/// How to get a controller.
pub(super) const INSTALL: &str = "helm install aws-load-balancer-controller charts/aws-load-balancer-controller -n kube-system --set clusterName=<name>,image.repository=<repository>";
const APPLY_DEFINITIONS: &str =
    "aws-load-balancer-controller crds | kubectl apply --server-side --force-conflicts -f -";
/// The webhook configurations of both charts, unless named otherwise.
const CONFIGURATION: &str = "aws-load-balancer-webhook";
/// The oldest API server with all that is used.
const OLDEST: (u32, u32) = (1, 22);
/// Certificates that end within this time are mentioned.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// After this time without renewal nobody leads.
const LEASE_LASTS: SignedDuration = SignedDuration::from_secs(20);

pub(super) fn judge_version(version: Result<(u32, u32, String), Error>) -> Check {
    let subject = "API server";
    match version {
        Err(error) => Check::bad(subject, said(&error)).remedy("check --kubeconfig, or KUBECONFIG"),
        Ok((major, minor, text)) if (major, minor) < OLDEST => {
            Check::bad(subject, format!("version {text}, expected 1.22 or later"))
                .remedy("upgrade the cluster")
        }
        Ok((_, _, text)) => Check::good(subject, format!("version {text}")),
    }
}

pub(super) async fn check_definitions(survey: &Survey) -> Vec<Check> {
    let mut checks = Vec::new();
    for ours in crds() {
        let name = ours.metadata.name.clone().unwrap_or_default();
        let installed = survey.definition(&name).await;
        checks.push(judge_definition(&name, &ours, installed));
    }
    checks
}

fn judge_definition(
    name: &str,
    ours: &CustomResourceDefinition,
    installed: Result<Option<CustomResourceDefinition>, Error>,
) -> Check {
    let subject = format!("Definition {name}");
    match installed {
        Err(error) => Check::bad(subject, said(&error)),
        Ok(None) => Check::bad(subject, "not installed").remedy(APPLY_DEFINITIONS),
        Ok(Some(installed)) => {
            let missing: Vec<_> = fields(ours).difference(&fields(&installed)).cloned().collect();
            match missing.as_slice() {
                [] => Check::good(subject, "installed, with all fields"),
                [first, ..] => {
                    let detail = format!("out of date: {} fields are missing, {first} is one", missing.len());
                    Check::bad(subject, detail).remedy(APPLY_DEFINITIONS)
                }
            }
        }
    }
}

/// The paths of all fields, by version.
fn fields(definition: &CustomResourceDefinition) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for version in &definition.spec.versions {
        let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        if let Some(schema) = schema {
            collect_fields(&version.name, schema, &mut found);
        }
    }
    found
}

fn collect_fields(path: &str, schema: &JSONSchemaProps, found: &mut BTreeSet<String>) {
    for (name, schema) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        collect_fields(&path, schema, found);
        found.insert(path);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        collect_fields(path, items, found);
    }
}

pub(super) fn judge_classes(classes: Result<Vec<IngressClass>, Error>) -> Check {
    let subject = "IngressClass";
    let classes = match classes {
        Ok(classes) => classes,
        Err(error) => return Check::bad(subject, said(&error)),
    };
    let is_ours = |class: &&IngressClass| {
        class.spec.as_ref().and_then(|spec| spec.controller.as_deref()) == Some(INGRESS_CLASS_CONTROLLER)
    };
    let names: Vec<_> =
        classes.iter().filter(is_ours).filter_map(|class| class.metadata.name.as_deref()).collect();
    if names.is_empty() {
        return Check::doubtful(subject, format!("none has the controller {INGRESS_CLASS_CONTROLLER}"))
            .remedy("without it only Ingresses with the annotation kubernetes.io/ingress.class are handled; the chart creates one");
    }
    Check::good(subject, names.join(", "))
}

pub(super) fn judge_installation(installation: &Installation) -> Check {
    let Installation { deployment, image, arguments: _, replicas, ready } = installation;
    let subject = format!("Deployment {deployment}");
    let detail = format!("{ready} of {replicas} replicas are ready, image {image}");
    if ready < replicas {
        let (namespace, name) = (deployment.namespace(), deployment.name());
        return Check::bad(subject, detail).remedy(format!("kubectl logs -n {namespace} deployment/{name}"));
    }
    Check::good(subject, detail)
}

pub(super) async fn check_leader(survey: &Survey, visit: &Visit) -> Option<Check> {
    let settings = visit.settings.leader_election.as_ref()?;
    let own = visit.installation.as_ref().map(|found| found.deployment.namespace());
    let namespace = Some(settings.namespace.as_str()).filter(|name| !name.is_empty()).or(own)?;
    let lease = survey.lease(&ObjectKey::namespaced(namespace, settings.id.as_str())).await;
    Some(judge_lease(lease, now()))
}

fn judge_lease(lease: Result<Option<Lease>, Error>, now: Timestamp) -> Check {
    let subject = "Leader";
    let spec = match lease {
        Err(error) => return Check::bad(subject, said(&error)),
        Ok(lease) => lease.and_then(|lease| lease.spec).unwrap_or_default(),
    };
    let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
    let age = spec.renew_time.map(|renewed| now.duration_since(renewed.0));
    match (holder, age) {
        (Some(holder), Some(age)) if age < LEASE_LASTS => Check::good(subject, holder),
        (Some(holder), Some(age)) => {
            let detail = format!(
                "{holder} has not renewed the lease for {} s, so nothing is reconciled",
                age.as_secs()
            );
            Check::bad(subject, detail).remedy("look into the logs of the replicas; compare the clocks")
        }
        _ => Check::bad(subject, "no replica holds the lease, so nothing is reconciled")
            .remedy("look into the logs of the replicas"),
    }
}

pub(super) async fn check_webhooks(survey: &Survey, visit: &Visit) -> Vec<Check> {
    let own = visit.settings.webhook.own_certificates.as_ref().map(|own| own.configurations.as_str());
    let configuration = own.unwrap_or(CONFIGURATION);
    let registered = survey.webhooks(configuration).await;
    let is_registered = registered.as_ref().is_ok_and(|webhooks| !webhooks.is_empty());
    let mut checks = vec![judge_webhooks(configuration, registered, now())];
    if is_registered {
        checks.push(judge_call(survey.try_webhooks().await));
    }
    checks
}

fn judge_webhooks(configuration: &str, registered: Result<Vec<Webhook>, Error>, now: Timestamp) -> Check {
    let subject = format!("Webhooks {configuration}");
    let webhooks = match registered {
        Ok(webhooks) => webhooks,
        Err(error) => return Check::bad(subject, said(&error)),
    };
    if webhooks.is_empty() {
        return Check::bad(subject, "not registered").remedy("install the chart again: helm upgrade");
    }
    let ends: Vec<_> = webhooks.iter().map(|webhook| (webhook, last_end(&webhook.authorities))).collect();
    let distrusted = ends.iter().find(|(_, end)| end.is_none_or(|end| end <= now));
    if let Some((webhook, end)) = distrusted {
        let why = end.map_or_else(
            || "trusts no certificate".to_owned(),
            |end| format!("trusts none that is valid after {end}"),
        );
        let effect = if webhook.is_required { ", so what it checks is refused" } else { "" };
        let remedy = "the controller writes caBundle when it runs with --webhook-cert-secret; otherwise cert-manager or `webhookTLS` has to";
        return Check::bad(subject, format!("{} {why}{effect}", webhook.name)).remedy(remedy);
    }
    match ends.iter().filter_map(|(_, end)| *end).min() {
        Some(end) if end < now + SOON => {
            Check::doubtful(subject, format!("{} registered, the authority ends {end}", webhooks.len()))
        }
        _ => Check::good(subject, format!("{} registered, each with a valid authority", webhooks.len())),
    }
}

/// When the last of some certificates ends; nothing if there is none.
fn last_end(pem: &[u8]) -> Option<Timestamp> {
    let end = |pem: Pem| {
        let certificate = pem.parse_x509().ok()?;
        Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
    };
    Pem::iter_from_buffer(pem).filter_map(Result::ok).filter_map(end).max()
}

fn judge_call(call: Result<(), Error>) -> Check {
    let subject = "Webhook calls";
    match call {
        Ok(()) => Check::good(subject, "the API server reaches them and trusts them"),
        Err(Error::Api(status)) if status.message.contains("failed calling webhook") => {
            Check::bad(subject, status.message.clone()).remedy(
                "the control plane must reach TCP 9443 of the pods: check the nodes' security group, network policies and the Service's endpoints",
            )
        }
        Err(error) => Check::doubtful(subject, format!("not tried: {error}"))
            .remedy("grant yourself `create services` in namespace default; nothing is created"),
    }
}

#[cfg(test)]
mod tests;
