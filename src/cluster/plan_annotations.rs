//! Gateways and Ingresses that carry plans in annotations, as the console of a migration asks for them. Read, never written.

use super::api_error::said;
use crate::api::Ingress;
use crate::api::gateway::Gateway;
use kube::api::{Api, ListParams, PartialObjectMeta};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The annotation with the plan of a Gateway.
pub const GATEWAY_PLAN: &str = "gateway.k8s.aws/dry-run-plan";
/// The annotation with the plan of an Ingress, or of the group it is in.
pub const INGRESS_PLAN: &str = "alb.ingress.kubernetes.io/dry-run-plan";

/// An object and its annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnotatedObject {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl AnnotatedObject {
    /// The value of an annotation; `None`: it is missing or empty.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Reads Gateways of all namespaces (`None`) or of one.
pub async fn list_gateways(client: &Client, namespace: Option<&str>) -> Result<Vec<AnnotatedObject>, String> {
    list::<Gateway>(client, namespace).await
}

/// Reads the Ingresses of all namespaces.
pub async fn list_ingresses(client: &Client) -> Result<Vec<AnnotatedObject>, String> {
    list::<Ingress>(client, None).await
}

/// Reads a Gateway.
pub async fn get_gateway(client: &Client, namespace: &str, name: &str) -> Result<AnnotatedObject, String> {
    get::<Gateway>(client, namespace, name).await
}

/// Reads an Ingress.
pub async fn get_ingress(client: &Client, namespace: &str, name: &str) -> Result<AnnotatedObject, String> {
    get::<Ingress>(client, namespace, name).await
}

trait AnnotatedKind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug
{
}
impl<K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug>
    AnnotatedKind for K
{
}

async fn list<K: AnnotatedKind>(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Vec<AnnotatedObject>, String> {
    let api: Api<K> = match namespace {
        None => Api::all(client.clone()),
        Some(namespace) => Api::namespaced(client.clone(), checked(namespace)?),
    };
    let listed = api.list_metadata(&ListParams::default()).await;
    let items = listed.map_err(|error| said(&error).into_owned())?.items;
    Ok(items.into_iter().map(annotated).collect())
}

async fn get<K: AnnotatedKind>(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<AnnotatedObject, String> {
    let api: Api<K> = Api::namespaced(client.clone(), checked(namespace)?);
    let found = api.get_metadata(checked(name)?).await;
    found.map(annotated).map_err(|error| said(&error).into_owned())
}

fn annotated<K>(object: PartialObjectMeta<K>) -> AnnotatedObject {
    let metadata = object.metadata;
    AnnotatedObject {
        namespace: metadata.namespace.unwrap_or_default(),
        name: metadata.name.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
    }
}

/// The name, if it can be one.
///
/// why: it becomes a part of the path that is asked for, and comes from a URL or a tag
fn checked(name: &str) -> Result<&str, String> {
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if !name.is_empty() && name != "." && name != ".." && name.bytes().all(may_be) {
        return Ok(name);
    }
    Err(format!("{name:?} is no name of an object: only letters, digits, `-` and `.` may be in it"))
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn what_would_lead_elsewhere_is_no_name() {
        assert_eq!(checked("shop-1.web"), Ok("shop-1.web"));
        for name in ["", ".", "..", "a/b", "a%2fb", "../../api", "a?b", "a#b"] {
            assert!(checked(name).is_err(), "{name}");
        }
    }
}
