//! A visit to an installation: its settings, its cluster and its AWS account, without any right to change them.

use crate::args::{CommandLineError, SessionFlags, Settings};
use crate::aws::client::AwsConnectError;
use crate::aws::decorators::Decorators;
use crate::aws::fence::MayWrite;
use crate::aws::vpc::{VpcError, resolve_vpc};
use crate::aws::{AwsCloud, Cloud};
use crate::cluster::binding_store::KubeBindings;
use crate::cluster::connect::{KubeConnectError, connect_as_user};
use crate::cluster::installation::{Installation, InstallationError, find_installation};
use crate::cluster::stores::Stores;
use crate::cluster::{KubeConnection, Objects};
use crate::config::Config;
use crate::controller::fact_source::{Certificates, FactCache, FactSource};
use crate::deploy::backend_security_group::BackendSecurityGroup;
use crate::deploy::secret_certificates::SecretCertificates;
use crate::deploy::{Deployer, ResourceCache};
use crate::pool::Pool;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// As long as listing the cluster may take.
const LISTING: Duration = Duration::from_mins(1);
/// Stands in for the name of the cluster where no installation tells it.
const NAMELESS: &str = "--cluster-name=unknown";

/// Why an installation cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The cluster.
    #[error(transparent)]
    Kubernetes(#[from] KubeConnectError),
    /// The controller's Deployment.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The settings that the flags and the Deployment give together.
    #[error("{0}")]
    Settings(CommandLineError),
    /// Kinds that cannot be listed.
    #[error("not listed within {LISTING:?}: {0}; `kubectl auth can-i list` tells whether you may")]
    NotListed(String),
    /// AWS.
    #[error(transparent)]
    Aws(#[from] AwsConnectError),
    /// The VPC.
    #[error("{0}; outside of the cluster, give --aws-vpc-id")]
    Vpc(#[from] VpcError),
}

/// An installation that was found, or that the flags describe.
pub(super) struct Session {
    pub client: KubeConnection,
    pub settings: Settings,
    /// `None`: the flags stand on their own.
    pub installation: Option<Installation>,
}

/// AWS as the controller would see it, for reading only.
#[derive(Clone)]
pub(super) struct AwsSession {
    pub cloud: Arc<dyn Cloud>,
    pub config: Arc<Config>,
}

impl Session {
    /// Connects to the cluster and finds the settings.
    pub async fn begin(session_flags: &SessionFlags) -> Result<Self, SessionError> {
        let client = connect_as_user(session_flags.kubeconfig.as_deref()).await?;
        Self::with(client, session_flags).await
    }

    /// Finds the settings.
    pub async fn with(client: KubeConnection, session_flags: &SessionFlags) -> Result<Self, SessionError> {
        let installation = if session_flags.is_complete {
            None
        } else {
            Some(find_installation(&client, session_flags.deployment.as_ref()).await?)
        };
        let inherited = installation.as_ref().map(|found| found.arguments.as_slice()).unwrap_or_default();
        let settings = session_flags.settings(inherited).map_err(SessionError::Settings)?;
        Ok(Self { client, settings, installation })
    }

    /// Connects to AWS and finds the VPC.
    pub async fn account(&self) -> Result<AwsSession, SessionError> {
        let may_write: MayWrite = Arc::new(|| false);
        let aws = AwsCloud::connect(&self.settings.aws, Arc::new(())).await?.fenced_by(may_write.clone());
        let aws = Arc::new(aws);
        let throttles = self.settings.throttles.clone();
        let cloud = Decorators { throttles, observer: Arc::new(()), may_write }.wrap(Arc::clone(&aws));
        let vpc_id = resolve_vpc(&*cloud, &self.settings.vpc, aws.metadata().vpc_id()).await?;
        let region = aws.region().to_owned();
        let config = Arc::new(Config { region, vpc_id, ..self.settings.config.clone() });
        Ok(AwsSession { cloud, config })
    }
}

/// The settings, and AWS or why it is not asked. `without_aws`: the user's reason not to ask it.
pub(super) async fn find_account(
    client: &KubeConnection,
    flags: &SessionFlags,
    without_aws: Option<&str>,
) -> Result<(Arc<Config>, Result<AwsSession, String>), SessionError> {
    let session = match Session::with(client.clone(), flags).await {
        Ok(session) => session,
        // why: who may only look at an own namespace sees no Deployment of the controller
        Err(error @ SessionError::Installation(_)) => {
            let settings = flags.settings(&[NAMELESS.to_owned()]).map_err(SessionError::Settings)?;
            return Ok((Arc::new(settings.config), Err(error.to_string())));
        }
        Err(error) => return Err(error),
    };
    let account = match without_aws {
        Some(reason) => Err(reason.to_owned()),
        None => session.account().await.map_err(|error| error.to_string()),
    };
    let config = account.as_ref().map(|account| account.config.clone());
    Ok((config.unwrap_or_else(|_| Arc::new(session.settings.config)), account))
}

/// Waits until everything is listed.
pub(super) async fn listed(stores: &Stores) -> Result<(), SessionError> {
    let listed = timeout(LISTING, stores.synced()).await;
    listed.map_err(|_| SessionError::NotListed(stores.unlisted().join(", ")))
}

impl AwsSession {
    /// What builds ask. `shared` stands in for AWS where what stacks share is looked for, and perhaps made: the backend security
    /// group, certificates of Secrets.
    pub fn facts(&self, client: &KubeConnection, stores: &Stores, shared: Arc<dyn Cloud>) -> FactSource {
        let bindings = Arc::new(KubeBindings::new(client.clone(), stores.bindings.clone()));
        let resource_cache = Arc::new(ResourceCache::new(&self.config));
        let deployer = Deployer::new(self.cloud.clone(), bindings, resource_cache, self.config.clone());
        FactSource {
            cloud: self.cloud.clone(),
            config: self.config.clone(),
            deployer: Arc::new(deployer),
            backend_security_group: Arc::new(BackendSecurityGroup::new(shared.clone(), self.config.clone())),
            secret_certificates: Arc::new(SecretCertificates::new(shared, self.config.clone())),
            services: stores.services.clone(),
            objects: Objects::new(client.clone()),
            cache: FactCache::default(),
            certificates: Certificates::default(),
            watches: None,
            pool: Pool::default(),
        }
    }
}
