//! The controller as it is installed, ours or upstream's: found by the labels and names that both charts give.

use crate::api::ObjectKey;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, ListParams};

/// What both charts label their Deployment with.
const LABEL: &str = "app.kubernetes.io/name=aws-load-balancer-controller";

/// An installed controller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installation {
    /// Its Deployment.
    pub deployment: ObjectKey,
    /// The image of its container.
    pub image: String,
    /// The arguments of its container.
    pub arguments: Vec<String>,
    /// How many replicas it should have.
    pub replicas: i32,
    /// How many are ready.
    pub ready: i32,
}

/// Why the installation is unknown.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// The API server did not say.
    #[error("the controller's Deployment cannot be read: {0}")]
    Unreadable(#[from] kube::Error),
    /// There is none.
    #[error("no Deployment is labelled {LABEL}: give --deployment, or --cluster-name and what else it needs")]
    Missing,
    /// It is not clear which one is meant.
    #[error("several Deployments are labelled {LABEL}: give one of them as --deployment: {}", join(.0))]
    Several(Vec<ObjectKey>),
    /// It has no container.
    #[error("Deployment {0} has no container")]
    Empty(ObjectKey),
}

fn join(keys: &[ObjectKey]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The installation with this Deployment, or the only one there is.
pub async fn find_installation(
    client: &Client,
    deployment: Option<&ObjectKey>,
) -> Result<Installation, InstallationError> {
    let found = match deployment {
        Some(key) => Api::<Deployment>::namespaced(client.clone(), key.namespace()).get(key.name()).await?,
        None => find_labelled(client).await?,
    };
    read_installation(found)
}

async fn find_labelled(client: &Client) -> Result<Deployment, InstallationError> {
    let labelled = ListParams::default().labels(LABEL);
    let mut found = Api::<Deployment>::all(client.clone()).list(&labelled).await?.items;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(InstallationError::Missing),
        (last, false) => {
            Err(InstallationError::Several(found.iter().chain(&last).map(ObjectKey::of).collect()))
        }
    }
}

/// What a Deployment says of the controller in it. Errors: it has no container.
pub fn read_installation(found: Deployment) -> Result<Installation, InstallationError> {
    let deployment = ObjectKey::of(&found);
    let ready = found.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or_default();
    let spec = found.spec.unwrap_or_default();
    let containers = spec.template.spec.map(|pod| pod.containers).unwrap_or_default();
    let own = containers.iter().position(|container| container.name == "aws-load-balancer-controller");
    let container = containers.into_iter().nth(own.unwrap_or_default());
    let Some(container) = container else { return Err(InstallationError::Empty(deployment)) };
    Ok(Installation {
        deployment,
        image: container.image.unwrap_or_default(),
        arguments: container.args.unwrap_or_default(),
        replicas: spec.replicas.unwrap_or(1),
        ready,
    })
}
