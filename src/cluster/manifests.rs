//! Manifests as the API server would store them: defaulted, admitted, and not stored.
//!
//! A dry run tells more than any imitation: defaults, allocated ports and what the webhooks add or refuse.

use super::api_error::said;
use super::gateway_stores::GatewayKind;
use crate::api::{
    GlobalAccelerator, Ingress, IngressClass, IngressClassParams, Namespace, ObjectKey, ObjectMeta, Service,
};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, DynamicObject, PostParams};
use kube::{Client, Error, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Annotation in which kubectl keeps what was applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object of a kind that load balancers are built from.
#[derive(Clone, Debug)]
pub enum ManifestObject {
    /// A Service, as the API server would store it.
    Service(Box<Service>),
    /// An Ingress, as the API server would store it.
    Ingress(Box<Ingress>),
    /// An IngressClass, as the API server would store it.
    IngressClass(Box<IngressClass>),
    /// Parameters of IngressClasses.
    IngressClassParams(Box<IngressClassParams>),
    /// A Namespace, whose labels the parameters of a class, or Gateways, may select.
    Namespace(Box<Namespace>),
    /// A GlobalAccelerator.
    GlobalAccelerator(Box<GlobalAccelerator>),
    /// An object of Gateway API, or of its configuration, with everything that the API server has of it.
    Gateway(GatewayKind, Value),
}

/// Why a manifest cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The text is not YAML or JSON.
    #[error("not YAML: {0}")]
    Unreadable(String),
    /// The API server, or a webhook that it asks, would refuse it.
    #[error("{object}: would be refused: {message}")]
    Refused {
        /// Kind, namespace and name.
        object: String,
        /// What it said.
        message: String,
    },
    /// The API server would store something that cannot be read.
    #[error("{object}: cannot be read as it would be stored: {source}")]
    NotReadable {
        /// Kind, namespace and name.
        object: String,
        /// What does not fit.
        source: serde_json::Error,
    },
    /// The API server did not answer.
    #[error("{object}: {}", said(source))]
    Unanswered {
        /// Kind, namespace and name.
        object: String,
        /// What the client says.
        source: Box<Error>,
    },
}

/// The objects of a YAML stream, members of lists among them.
pub fn read_manifests(text: &str) -> Result<Vec<Value>, ManifestError> {
    let unreadable = |error: serde_saphyr::Error| {
        ManifestError::Unreadable(error.render_with_formatter(&serde_saphyr::UserMessageFormatter))
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(unreadable)?;
    let mut objects = Vec::new();
    for document in documents {
        collect_objects(document, &mut objects);
    }
    Ok(objects)
}

fn collect_objects(mut document: Value, objects: &mut Vec<Value>) {
    match document.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items.into_iter().for_each(|item| collect_objects(item, objects)),
        _ if document.is_null() => {}
        _ => objects.push(document),
    }
}

/// The names of the Namespaces among some objects.
pub fn namespaces_of(objects: &[Value]) -> BTreeSet<String> {
    let text =
        |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let namespaces = objects.iter().filter(|object| text(object, "/kind").as_deref() == Some("Namespace"));
    namespaces.filter_map(|object| text(object, "/metadata/name")).collect()
}

/// What the API server would make of an object; `None` if no load balancer depends on its kind.
///
/// `created`: Namespaces that the same input creates. While one does not exist, its objects are tried in `namespace`.
pub async fn dry_run_object(
    client: &Client,
    namespace: &str,
    created: &BTreeSet<String>,
    object: Value,
) -> Result<Option<ManifestObject>, ManifestError> {
    let place = DryRunNamespaces { client, fallback: namespace, created };
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    let given = text("/metadata/namespace");
    let namespace = if given.is_empty() { namespace } else { &given };
    let group = version.split_once('/').map_or("", |(group, _)| group);
    Ok(Some(match (group, kind.as_str()) {
        ("", "Service") => ManifestObject::Service(Box::new(place.dry_run(namespace, object).await?)),
        ("", "Namespace") => {
            ManifestObject::Namespace(Box::new(dry_run(&Api::all(client.clone()), "", object).await?))
        }
        ("networking.k8s.io", "Ingress") => {
            ManifestObject::Ingress(Box::new(place.dry_run(namespace, object).await?))
        }
        ("networking.k8s.io", "IngressClass") => {
            ManifestObject::IngressClass(Box::new(dry_run(&Api::all(client.clone()), "", object).await?))
        }
        ("elbv2.k8s.aws", "IngressClassParams") => ManifestObject::IngressClassParams(Box::new(
            dry_run(&Api::all(client.clone()), "", object).await?,
        )),
        ("aga.k8s.aws", "GlobalAccelerator") => {
            ManifestObject::GlobalAccelerator(Box::new(place.dry_run(namespace, object).await?))
        }
        (group, kind) => match GatewayKind::of_manifest(group, kind) {
            Some(kind) => {
                ManifestObject::Gateway(kind, place.dry_run_gateway(kind, namespace, object).await?)
            }
            None => return Ok(None),
        },
    }))
}

/// Where objects with a namespace are tried.
struct DryRunNamespaces<'a> {
    client: &'a Client,
    /// An existing namespace.
    fallback: &'a str,
    created: &'a BTreeSet<String>,
}

impl DryRunNamespaces<'_> {
    async fn dry_run<K>(&self, namespace: &str, mut object: Value) -> Result<K, ManifestError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        let used = self.namespace_for(namespace, &mut object).await?;
        let mut made: K = dry_run(&Api::namespaced(self.client.clone(), used), used, object).await?;
        made.meta_mut().namespace = Some(namespace.to_owned());
        Ok(made)
    }

    /// A dry run with all that the manifest says, also with what no controller here reads.
    async fn dry_run_gateway(
        &self,
        kind: GatewayKind,
        namespace: &str,
        mut object: Value,
    ) -> Result<Value, ManifestError> {
        let resource = kind.resource();
        if let Some(fields) = object.as_object_mut() {
            // why: the versions of these kinds differ in nothing but their name
            fields.insert("apiVersion".to_owned(), resource.api_version.clone().into());
        }
        let label = label(&resource.kind, if kind.is_namespaced() { namespace } else { "" }, &object);
        let made = if kind.is_namespaced() {
            let used = self.namespace_for(namespace, &mut object).await?;
            let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), used, &resource);
            let made = try_write(&api, label.clone(), object).await?;
            DynamicObject {
                metadata: ObjectMeta { namespace: Some(namespace.to_owned()), ..made.metadata },
                ..made
            }
        } else {
            try_write(&Api::all_with(self.client.clone(), &resource), label.clone(), object).await?
        };
        serde_json::to_value(made).map_err(|source| ManifestError::NotReadable { object: label, source })
    }

    /// Where an object of a namespace is tried; it is moved there.
    async fn namespace_for<'n>(
        &'n self,
        namespace: &'n str,
        object: &mut Value,
    ) -> Result<&'n str, ManifestError> {
        if !self.created.contains(namespace) || self.exists(namespace).await? {
            return Ok(namespace);
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".to_owned(), self.fallback.into());
        }
        Ok(self.fallback)
    }

    async fn exists(&self, namespace: &str) -> Result<bool, ManifestError> {
        let found = Api::<Namespace>::all(self.client.clone()).get_opt(namespace).await;
        let unanswered = |source| ManifestError::Unanswered {
            object: format!("Namespace {namespace}"),
            source: Box::new(source),
        };
        found.map(|found| found.is_some()).map_err(unanswered)
    }
}

async fn dry_run<K>(api: &Api<K>, namespace: &str, object: Value) -> Result<K, ManifestError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let label = label(&K::kind(&()), namespace, &object);
    try_write(api, label, object).await
}

/// Kind, namespace and name.
fn label(kind: &str, namespace: &str, object: &Value) -> String {
    format!("{kind} {}", ObjectKey::namespaced(namespace, name_of(object)))
}

fn name_of(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

async fn try_write<K>(api: &Api<K>, label: String, object: Value) -> Result<K, ManifestError>
where
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    let name = name_of(&object).to_owned();
    let answer = match api.get_opt(&name).await {
        Ok(live) => write_dry(api, &name, live, object).await,
        Err(error) => Err(error),
    };
    answer.map_err(|error| match error {
        Error::Api(status) => ManifestError::Refused { object: label, message: status.message.clone() },
        source => ManifestError::Unanswered { object: label, source: Box::new(source) },
    })
}

async fn write_dry<K>(api: &Api<K>, name: &str, live: Option<K>, object: Value) -> Result<K, Error>
where
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let read = |object| serde_json::from_value(object).map_err(Error::SerdeError);
    match live {
        None => api.create(&params, &read(object)?).await,
        Some(live) => {
            let live = serde_json::to_value(&live).map_err(Error::SerdeError)?;
            api.replace(name, &params, &read(merge(live, object))?).await
        }
    }
}

/// The live object as `kubectl apply` would change it: the content of the manifest, and of the labels and annotations those
/// that others have set.
fn merge(mut live: Value, mut manifest: Value) -> Value {
    let last = live.pointer("/metadata/annotations").and_then(|annotations| annotations.get(LAST_APPLIED));
    // why: a copy that is no JSON tells nothing of the last apply, as for kubectl
    let last = last.and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let last = last.unwrap_or_default();
    for field in ["annotations", "labels"] {
        let own = |object: &Value| {
            object
                .pointer(&format!("/metadata/{field}"))
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let removed: BTreeSet<String> = own(&last).into_iter().map(|(key, _)| key).collect();
        let mut merged: Map<String, Value> =
            own(&live).into_iter().filter(|(key, _)| !removed.contains(key)).collect();
        merged.extend(own(&manifest));
        if let Some(metadata) = live.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.insert(field.to_owned(), Value::Object(merged));
        }
    }
    if let (Some(fields), Some(metadata)) = (manifest.as_object_mut(), live.get_mut("metadata")) {
        fields.insert("metadata".to_owned(), metadata.take());
        if let Some(status) = live.get_mut("status") {
            fields.insert("status".to_owned(), status.take());
        }
    }
    manifest
}

#[cfg(test)]
mod tests;
