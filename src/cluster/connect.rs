//! The connection to the API server.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::Path;
use std::time::Duration;

/// A connection to the API server; what lives outside this folder only hands it on.
pub type Connection = Client;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig file cannot be used.
    #[error("kubeconfig {path}: {source}")]
    Kubeconfig {
        /// Path of the file.
        path: String,
        /// What is wrong with it.
        source: kube::config::KubeconfigError,
    },
    /// Not in a cluster, and no kubeconfig given.
    #[error("no --kubeconfig given and no in-cluster configuration: {0}")]
    InCluster(#[from] kube::config::InClusterError),
    /// Nothing tells the user's cluster.
    #[error("no --kubeconfig given, and what kubectl would use cannot be used: {0}")]
    Inferred(#[from] kube::config::InferConfigError),
    /// The client cannot be built.
    #[error("Kubernetes client: {0}")]
    Client(#[from] kube::Error),
}

/// A client from `--kubeconfig`, or from the pod's ServiceAccount when the path is empty.
pub async fn connect(kubeconfig: &str) -> Result<Client, ConnectError> {
    let mut config = if kubeconfig.is_empty() { Config::incluster()? } else { from_file(kubeconfig).await? };
    config.connect_timeout = Some(Duration::from_secs(10));
    Ok(Client::try_from(config)?)
}

/// A client as kubectl has it: from `--kubeconfig`, else `KUBECONFIG`, else `~/.kube/config`, else the pod.
pub async fn connect_as_user(kubeconfig: Option<&Path>) -> Result<Client, ConnectError> {
    let mut config = match kubeconfig {
        Some(path) => from_file(&path.display().to_string()).await?,
        None => Config::infer().await?,
    };
    config.connect_timeout = Some(Duration::from_secs(10));
    Ok(Client::try_from(config)?)
}

async fn from_file(path: &str) -> Result<Config, ConnectError> {
    let failed = |source| ConnectError::Kubeconfig { path: path.to_owned(), source };
    let kubeconfig = Kubeconfig::read_from(Path::new(path)).map_err(failed)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(failed)
}
