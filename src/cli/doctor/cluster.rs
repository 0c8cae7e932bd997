//! The cluster's side: API server, definitions, classes, the running controller, its lease and its webhooks.

use super::Check;
use crate::api::crds::global_accelerator_crds;
use crate::api::meta::INGRESS_CLASS_CONTROLLER;
use crate::api::{CustomResourceDefinition, IngressClass, Lease, ObjectKey, crds};
use crate::cli::session::Session;
use crate::clock::now;
use crate::cluster::accelerator_store;
use crate::cluster::api_error::said;
use crate::cluster::doctor_reads::{DoctorReads, RegisteredWebhook};
use crate::cluster::installation::Installation;
use crate::cluster::server_version::{Version, WITH_SLEEP};
use crate::config::Config;
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

pub(super) fn version_check(version: &Result<Version, Error>) -> Check {
    let subject = "API server";
    match version {
        Err(error) => Check::fail(subject, said(error)).remedy("check --kubeconfig, or KUBECONFIG"),
        Ok((major, minor, text)) if (*major, *minor) < OLDEST => {
            Check::fail(subject, format!("version {text}, expected 1.22 or later"))
                .remedy("upgrade the cluster")
        }
        Ok((_, _, text)) => Check::ok(subject, format!("version {text}")),
    }
}

pub(super) async fn check_definitions(reads: &DoctorReads) -> Vec<Check> {
    compare_definitions(reads, crds()).await
}

/// The definition of GlobalAccelerators, if they are reconciled.
pub(super) async fn check_accelerator_definition(reads: &DoctorReads, config: &Config) -> Vec<Check> {
    if !accelerator_store::is_on(config) {
        return Vec::new();
    }
    compare_definitions(reads, global_accelerator_crds()).await
}

async fn compare_definitions(reads: &DoctorReads, definitions: Vec<CustomResourceDefinition>) -> Vec<Check> {
    let mut checks = Vec::new();
    for ours in definitions {
        let name = ours.metadata.name.clone().unwrap_or_default();
        let installed = reads.definition(&name).await;
        checks.push(definition_check(&name, &ours, installed));
    }
    checks
}

fn definition_check(
    name: &str,
    ours: &CustomResourceDefinition,
    installed: Result<Option<CustomResourceDefinition>, Error>,
) -> Check {
    let subject = format!("Definition {name}");
    match installed {
        Err(error) => Check::fail(subject, said(&error)),
        Ok(None) => Check::fail(subject, "not installed").remedy(APPLY_DEFINITIONS),
        Ok(Some(installed)) => {
            let missing: Vec<_> = fields(ours).difference(&fields(&installed)).cloned().collect();
            match missing.as_slice() {
                [] => Check::ok(subject, "installed, with all fields"),
                [first, ..] => {
                    let detail = format!("out of date: {} fields are missing, {first} is one", missing.len());
                    Check::fail(subject, detail).remedy(APPLY_DEFINITIONS)
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

pub(super) fn ingress_class_check(classes: Result<Vec<IngressClass>, Error>) -> Check {
    let subject = "IngressClass";
    let classes = match classes {
        Ok(classes) => classes,
        Err(error) => return Check::fail(subject, said(&error)),
    };
    let is_ours = |class: &&IngressClass| {
        class.spec.as_ref().and_then(|spec| spec.controller.as_deref()) == Some(INGRESS_CLASS_CONTROLLER)
    };
    let names: Vec<_> =
        classes.iter().filter(is_ours).filter_map(|class| class.metadata.name.as_deref()).collect();
    if names.is_empty() {
        return Check::warn(subject, format!("none has the controller {INGRESS_CLASS_CONTROLLER}"))
            .remedy("without it only Ingresses with the annotation kubernetes.io/ingress.class are handled; the chart creates one");
    }
    Check::ok(subject, names.join(", "))
}

pub(super) fn installation_check(installation: &Installation) -> Check {
    let Installation { deployment, image, arguments: _, replicas, ready } = installation;
    let subject = format!("Deployment {deployment}");
    let detail = format!("{ready} of {replicas} replicas are ready, image {image}");
    if ready < replicas {
        let (namespace, name) = (deployment.namespace(), deployment.name());
        return Check::fail(subject, detail).remedy(format!("kubectl logs -n {namespace} deployment/{name}"));
    }
    Check::ok(subject, detail)
}

pub(super) async fn check_leader(reads: &DoctorReads, session: &Session) -> Option<Check> {
    let settings = session.settings.leader_election.as_ref()?;
    let own = session.installation.as_ref().map(|found| found.deployment.namespace());
    let namespace = Some(settings.namespace.as_str()).filter(|name| !name.is_empty()).or(own)?;
    let lease = reads.lease(&ObjectKey::namespaced(namespace, settings.id.as_str())).await;
    Some(lease_check(lease, now()))
}

fn lease_check(lease: Result<Option<Lease>, Error>, now: Timestamp) -> Check {
    let subject = "Leader";
    let spec = match lease {
        Err(error) => return Check::fail(subject, said(&error)),
        Ok(lease) => lease.and_then(|lease| lease.spec).unwrap_or_default(),
    };
    let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
    let age = spec.renew_time.map(|renewed| now.duration_since(renewed.0));
    match (holder, age) {
        (Some(holder), Some(age)) if age < LEASE_LASTS => Check::ok(subject, holder),
        (Some(holder), Some(age)) => {
            let detail = format!(
                "{holder} has not renewed the lease for {} s, so nothing is reconciled",
                age.as_secs()
            );
            Check::fail(subject, detail).remedy("look into the logs of the replicas; compare the clocks")
        }
        _ => Check::fail(subject, "no replica holds the lease, so nothing is reconciled")
            .remedy("look into the logs of the replicas"),
    }
}

pub(super) async fn check_webhooks(reads: &DoctorReads, session: &Session, version: &Version) -> Vec<Check> {
    let own = session.settings.webhook.own_certificates.as_ref().map(|own| own.configurations.as_str());
    let configuration = own.unwrap_or(CONFIGURATION);
    let registered = reads.webhooks(configuration).await;
    let is_registered = registered.as_ref().is_ok_and(|webhooks| !webhooks.is_empty());
    let drains =
        registered.as_ref().is_ok_and(|webhooks| webhooks.iter().any(RegisteredWebhook::drains_pods));
    let mut checks = vec![webhook_registration_check(configuration, registered, now())];
    checks.extend(drains.then(|| drain_check(version)));
    if is_registered {
        checks.push(webhook_call_check(reads.try_webhooks().await));
    }
    checks
}

/// Whether pods can sleep before they end.
fn drain_check((major, minor, text): &Version) -> Check {
    let subject = "Pod drain";
    if (*major, *minor) < WITH_SLEEP {
        let problem =
            format!("version {text} of the API server has no preStop sleep, so pods are created without it");
        return Check::warn(subject, problem)
            .remedy("upgrade the cluster to 1.30 or later, or set podDrain.enabled=false");
    }
    Check::ok(subject, "pods that bindings select sleep before they end, where namespace or pod asks for it")
}

fn webhook_registration_check(
    configuration: &str,
    registered: Result<Vec<RegisteredWebhook>, Error>,
    now: Timestamp,
) -> Check {
    let subject = format!("Webhooks {configuration}");
    let webhooks = match registered {
        Ok(webhooks) => webhooks,
        Err(error) => return Check::fail(subject, said(&error)),
    };
    if webhooks.is_empty() {
        return Check::fail(subject, "not registered").remedy("install the chart again: helm upgrade");
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
        return Check::fail(subject, format!("{} {why}{effect}", webhook.name)).remedy(remedy);
    }
    match ends.iter().filter_map(|(_, end)| *end).min() {
        Some(end) if end < now + SOON => {
            Check::warn(subject, format!("{} registered, the authority ends {end}", webhooks.len()))
        }
        _ => Check::ok(subject, format!("{} registered, each with a valid authority", webhooks.len())),
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

fn webhook_call_check(call: Result<(), Error>) -> Check {
    let subject = "Webhook calls";
    match call {
        Ok(()) => Check::ok(subject, "the API server reaches them and trusts them"),
        Err(Error::Api(status)) if status.message.contains("failed calling webhook") => {
            Check::fail(subject, status.message.clone()).remedy(
                "the control plane must reach TCP 9443 of the pods: check the nodes' security group, network policies and the Service's endpoints",
            )
        }
        Err(error) => Check::warn(subject, format!("not tried: {error}"))
            .remedy("grant yourself `create services` in namespace default; nothing is created"),
    }
}

#[cfg(test)]
mod tests;
