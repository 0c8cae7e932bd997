//! Writes to Kubernetes objects: finalizers and status, each with upstream's patch style.
//!
//! Matches upstream's `pkg/k8s/finalizer.go`: the object is read again, changed, and patched with a JSON merge patch that
//! carries the resourceVersion; conflicts are retried.

use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;

const ATTEMPTS: u32 = 4;

/// Adds a finalizer if it is missing. Returns whether a write was needed.
pub async fn add_finalizer<K>(api: &Api<K>, name: &str, finalizer: &str) -> Result<bool, kube::Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    edit_finalizers(api, name, |finalizers| {
        if !finalizers.iter().any(|present| present == finalizer) {
            finalizers.push(finalizer.to_owned());
        }
    })
    .await
}

/// Removes a finalizer if it is there. An object that is gone needs nothing.
pub async fn remove_finalizer<K>(api: &Api<K>, name: &str, finalizer: &str) -> Result<bool, kube::Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    edit_finalizers(api, name, |finalizers| finalizers.retain(|present| present != finalizer)).await
}

async fn edit_finalizers<K>(
    api: &Api<K>,
    name: &str,
    edit: impl Fn(&mut Vec<String>),
) -> Result<bool, kube::Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut pause = Duration::from_millis(10);
    for attempt in 1.. {
        let Some(object) = api.get_opt(name).await? else { return Ok(false) };
        let mut finalizers = object.finalizers().to_vec();
        edit(&mut finalizers);
        if finalizers == object.finalizers() {
            return Ok(false);
        }
        let patch =
            json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
        match api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => return Ok(true),
            Err(error) if is_not_found(&error) => return Ok(false),
            Err(error) if is_conflict(&error) && attempt < ATTEMPTS => tokio::time::sleep(pause).await,
            Err(error) => return Err(error),
        }
        pause *= 5;
    }
    Ok(false)
}

/// Merge-patches the status subresource.
pub async fn patch_status<K>(api: &Api<K>, name: &str, status: &Value) -> Result<(), kube::Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(&json!({ "status": status })))
        .await
        .map(drop)
}

/// Whether the API server says that the object is not there.
pub fn is_not_found(error: &kube::Error) -> bool {
    has_code(error, 404)
}

/// Whether the API server says that somebody else was faster.
pub fn is_conflict(error: &kube::Error) -> bool {
    has_code(error, 409)
}

fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}
