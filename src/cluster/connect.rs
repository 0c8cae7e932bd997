//! The connection to the API server.

use super::fenced_sender::FencedSender;
use http::Request;
use hyper_timeout::TimeoutConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceBuilder;
use tower::retry::RetryLayer;

/// The first pause before a refused request is sent again, the longest, and how often that is done.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(1);
const RETRIES: u32 = 4;

/// A connection to the API server; what lives outside this folder only hands it on.
pub type KubeConnection = Client;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum KubeConnectError {
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

/// A client from `--kubeconfig`, or from the pod's ServiceAccount when the path is empty. `count` hears of every request:
/// the HTTP status of its answer, the API server's host, and the method.
pub async fn connect(
    kubeconfig: &str,
    count: impl Fn(&str, &str, &str) + Send + Sync + 'static,
) -> Result<Client, KubeConnectError> {
    let mut config = if kubeconfig.is_empty() { Config::incluster()? } else { from_file(kubeconfig).await? };
    config.connect_timeout = Some(Duration::from_secs(10));
    let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
    Ok(counted(client(config)?, host, count))
}

/// A client as kube makes it, with the fence's last look between its retries and the connections.
fn client(config: Config) -> Result<Client, kube::Error> {
    if config.proxy_url.is_some() {
        // why: kube's own words say which proxies it knows
        return Client::try_from(config);
    }
    // why: the error is that somebody else has chosen one already
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut connector = TimeoutConnector::new(config.rustls_https_connector()?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let sender =
        FencedSender::new(hyper_util::client::legacy::Builder::new(TokioExecutor::new()).build(connector));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(RetryLayer::new(retries()?))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .service(sender);
    Ok(Client::new(service, config.default_namespace))
}

/// What an API server that is overloaded or still starting refuses is sent again a few times; then whoever asked decides.
fn retries() -> Result<RetryPolicy, kube::Error> {
    RetryPolicy::new(FIRST_RETRY, LONGEST_RETRY, RETRIES, true)
        .map_err(|error| kube::Error::Service(error.into()))
}

fn counted(client: Client, host: String, count: impl Fn(&str, &str, &str) + Send + Sync + 'static) -> Client {
    let (namespace, count) = (client.default_namespace().to_owned(), Arc::new(count));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, host, count) = (client.clone(), host.clone(), count.clone());
        async move {
            let method = request.method().clone();
            let answer = client.send(request).await;
            // why: client-go's word for no answer
            let code = answer.as_ref().map_or("<error>".into(), |answer| answer.status().as_str().to_owned());
            count(&code, &host, method.as_str());
            answer
        }
    });
    Client::new(service, namespace)
}

/// A client as kubectl has it: from `--kubeconfig`, else `KUBECONFIG`, else `~/.kube/config`, else the pod.
pub async fn connect_as_user(kubeconfig: Option<&Path>) -> Result<Client, KubeConnectError> {
    let mut config = match kubeconfig {
        Some(path) => from_file(&path.display().to_string()).await?,
        None => Config::infer().await?,
    };
    config.connect_timeout = Some(Duration::from_secs(10));
    Ok(Client::try_from(config)?)
}

async fn from_file(path: &str) -> Result<Config, KubeConnectError> {
    let failed = |source| KubeConnectError::Kubeconfig { path: path.to_owned(), source };
    let kubeconfig = Kubeconfig::read_from(Path::new(path)).map_err(failed)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(failed)
}
