//! A visit to an installation: its settings, its cluster and its AWS account, without any right to change them.

use crate::args::{Inspection, Refusal, Settings};
use crate::aws::client::ConnectError as AwsError;
use crate::aws::fence::MayWrite;
use crate::aws::guard::Guards;
use crate::aws::vpc::{VpcError, resolve_vpc};
use crate::aws::{AwsCloud, Cloud};
use crate::cluster::binding_store::KubeBindings;
use crate::cluster::connect::{ConnectError, connect_as_user};
use crate::cluster::installation::{Installation, InstallationError, find_installation};
use crate::cluster::stores::Stores;
use crate::cluster::{Connection, Objects};
use crate::config::Config;
use crate::controller::facts::{Certificates, FactSource, Memory};
use crate::deploy::backend_security_group::BackendSecurityGroup;
use crate::deploy::{Deployer, Inventory};
use crate::pool::Pool;
use std::sync::Arc;

/// Why an installation cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The cluster.
    #[error(transparent)]
    Kubernetes(#[from] ConnectError),
    /// The controller's Deployment.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The settings that the flags and the Deployment give together.
    #[error("{0}")]
    Settings(Refusal),
    /// AWS.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The VPC.
    #[error("{0}; outside of the cluster, give --aws-vpc-id")]
    Vpc(#[from] VpcError),
}

/// An installation that was found, or that the flags describe.
pub(super) struct Visit {
    pub client: Connection,
    pub settings: Settings,
    /// `None`: the flags stand on their own.
    pub installation: Option<Installation>,
}

/// AWS as the controller would see it, for reading only.
pub(super) struct Account {
    pub cloud: Arc<dyn Cloud>,
    pub config: Arc<Config>,
}

impl Visit {
    /// Connects to the cluster and finds the settings.
    pub async fn begin(inspection: &Inspection) -> Result<Self, VisitError> {
        let client = connect_as_user(inspection.kubeconfig.as_deref()).await?;
        Self::with(client, inspection).await
    }

    /// Finds the settings.
    pub async fn with(client: Connection, inspection: &Inspection) -> Result<Self, VisitError> {
        let installation = if inspection.is_complete {
            None
        } else {
            Some(find_installation(&client, inspection.deployment.as_ref()).await?)
        };
        let inherited = installation.as_ref().map(|found| found.arguments.as_slice()).unwrap_or_default();
        let settings = inspection.settings(inherited).map_err(VisitError::Settings)?;
        Ok(Self { client, settings, installation })
    }

    /// Connects to AWS and finds the VPC.
    pub async fn account(&self) -> Result<Account, VisitError> {
        let may_write: MayWrite = Arc::new(|| false);
        let aws = AwsCloud::connect(&self.settings.aws, Arc::new(())).await?.fenced_by(may_write.clone());
        let aws = Arc::new(aws);
        let throttles = self.settings.throttles.clone();
        let cloud = Guards { throttles, observer: Arc::new(()), may_write }.wrap(Arc::clone(&aws));
        let vpc_id = resolve_vpc(&*cloud, &self.settings.vpc, aws.metadata().vpc_id()).await?;
        let region = aws.region().to_owned();
        let config = Arc::new(Config { region, vpc_id, ..self.settings.config.clone() });
        Ok(Account { cloud, config })
    }
}

impl Account {
    /// What builds ask. `shared` stands in for AWS where the shared backend security group is looked for, and perhaps made.
    pub fn facts(&self, client: &Connection, stores: &Stores, shared: Arc<dyn Cloud>) -> FactSource {
        let bindings = Arc::new(KubeBindings::new(client.clone(), stores.bindings.clone()));
        let inventory = Arc::new(Inventory::new(&self.config));
        let deployer = Deployer::new(self.cloud.clone(), bindings, inventory, self.config.clone());
        FactSource {
            cloud: self.cloud.clone(),
            config: self.config.clone(),
            deployer: Arc::new(deployer),
            backend_security_group: Arc::new(BackendSecurityGroup::new(shared, self.config.clone())),
            services: stores.services.clone(),
            objects: Objects::new(client.clone()),
            memory: Memory::default(),
            certificates: Certificates::default(),
            pool: Pool::default(),
        }
    }
}
