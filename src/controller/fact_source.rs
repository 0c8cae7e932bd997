//! Gather: answers the questions of a build from AWS and the cluster, remembering what rarely changes.
//!
//! Answers are shared by all builds (see [`FactCache`]).

mod aws_lookups;
mod cache;
mod certificates;
mod tls_secrets;

pub use cache::FactCache;
pub use certificates::Certificates;

use crate::api::{ObjectKey, Secret as SecretObject, Service};
use crate::aws::Cloud;
use crate::aws_api::{CloudError, Secret};
use crate::cluster::{Cache, Objects};
use crate::config::Config;
use crate::controller::secrets::SecretWatches;
use crate::deploy::Deployer;
use crate::deploy::backend_security_group::BackendSecurityGroup;
use crate::deploy::secret_certificates::SecretCertificates;
use crate::facts::{ExistingLoadBalancer, Facts, Lookup, LookupFailure};
use crate::model::{Owner, StackId};
use crate::pool::Pool;
use aws_lookups::look_up;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroize as _;

/// Where answers come from.
pub struct FactSource {
    /// AWS.
    pub cloud: Arc<dyn Cloud>,
    /// Settings.
    pub config: Arc<Config>,
    /// What exists in the region, and the live resources of a stack.
    pub deployer: Arc<Deployer>,
    /// The shared backend security group.
    pub backend_security_group: Arc<BackendSecurityGroup>,
    /// Certificates that are imported from Secrets.
    pub secret_certificates: Arc<SecretCertificates>,
    /// Services of the cluster.
    pub services: Arc<Cache<Service>>,
    /// For Secrets, which are read by name and never cached.
    pub objects: Objects,
    /// What AWS said before.
    pub cache: FactCache,
    /// What ACM said before.
    pub certificates: Certificates,
    /// Watches Secrets that builds have read; `None`: nobody waits for changes.
    pub watches: Option<Arc<SecretWatches>>,
    /// Threads for costly builds.
    pub pool: Pool,
}

impl FactSource {
    /// Has the TLS Secrets watched that a build has asked for, whatever it came to: with other contents it may come to more. Whoever
    /// builds says which of them it goes on with.
    pub fn note_secrets(&self, stack: &StackId, asked: &BTreeSet<Lookup>) {
        let Some(watches) = &self.watches else { return };
        let secrets = asked.iter().filter_map(|lookup| match lookup {
            Lookup::SecretCertificate { namespace, name } | Lookup::SecretCheck { namespace, name } => {
                Some(ObjectKey::namespaced(namespace.as_str(), name.as_str()))
            }
            _ => None,
        });
        watches.note_more(stack, secrets.collect());
    }

    /// Answers one question of a build of `stack`.
    pub async fn answer(&self, stack: &StackId, lookup: Lookup, facts: &mut Facts) {
        match lookup {
            Lookup::ExistingLoadBalancers(stack) => {
                let existing = self.existing_load_balancers(&stack).await.map_err(|error| failure(&error));
                facts.existing_load_balancers.insert(stack, existing);
            }
            Lookup::LiveStack(stack) => {
                let live = self.deployer.live(&stack).await.map(Arc::new).map_err(|error| failure(&error));
                facts.live_stacks.insert(stack, live);
            }
            Lookup::BackendSecurityGroup => {
                let id = self.backend_security_group.acquire(stack).await.map_err(|error| failure(&error));
                facts.backend_security_group.insert((), id);
            }
            Lookup::ManagedCertificates => {
                let managed = self.managed_certificates().await.map_err(|error| failure(&error));
                facts.managed_certificates.insert((), managed);
            }
            Lookup::Service { namespace, name } => {
                let service = self.services.get(&ObjectKey::namespaced(namespace.as_str(), name.as_str()));
                facts.services.insert((namespace, name), Ok(service));
            }
            Lookup::SecretCertificate { namespace, name } => {
                let secret = ObjectKey::namespaced(namespace.as_str(), name.as_str());
                let certificate = self.secret_certificate(stack, &secret).await;
                facts.secret_certificates.insert((namespace, name), certificate);
            }
            Lookup::SecretCheck { namespace, name } => {
                let secret = ObjectKey::namespaced(namespace.as_str(), name.as_str());
                let problem = self.check_secret(stack.owner, &secret).await;
                facts.secret_checks.insert((namespace, name), problem);
            }
            Lookup::Secret { namespace, name } => {
                let secret = self.read_secret(stack.owner, &namespace, &name).await;
                facts.secrets.insert((namespace, name), secret);
            }
            other => self.answer_from_aws(other, facts).await,
        }
    }

    async fn existing_load_balancers(
        &self,
        stack: &StackId,
    ) -> Result<Vec<ExistingLoadBalancer>, CloudError> {
        let resource_cache = self.deployer.resource_cache();
        resource_cache.ready(&*self.cloud).await?;
        Ok(resource_cache.existing_load_balancers(stack))
    }

    async fn managed_certificates(&self) -> Result<BTreeSet<String>, CloudError> {
        let mut managed = match self.deployer.certificates() {
            Some(certificates) => Box::pin(certificates.managed(&*self.cloud)).await?,
            None => BTreeSet::new(),
        };
        if self.config.features.secret_certificates {
            managed.extend(Box::pin(self.secret_certificates.managed()).await?);
        }
        Ok(managed)
    }

    async fn answer_from_aws(&self, lookup: Lookup, facts: &mut Facts) {
        let ask = || look_up(&*self.cloud, &self.config, &self.certificates, &lookup);
        let answer = self.cache.get_or_fetch(&lookup, ask).await;
        aws_lookups::insert(facts, lookup, answer.map_err(|error| failure(&error)));
    }

    async fn read_secret(
        &self,
        owner: Owner,
        namespace: &str,
        name: &str,
    ) -> Result<Option<BTreeMap<String, Secret>>, LookupFailure> {
        match self.objects.read_secret(&ObjectKey::namespaced(namespace, name)).await {
            Ok(secret) => {
                Ok(secret.filter(|secret| owner.is_gateway() || self.may_use(secret)).map(contents))
            }
            Err(error) => {
                let message = format!("secret {namespace}/{name}: {error}");
                Err(LookupFailure { code: None, message, part: None })
            }
        }
    }

    /// Whether the secret carries the label that `--required-secrets-label` asks for.
    fn may_use(&self, secret: &SecretObject) -> bool {
        let Some((key, value)) = &self.config.required_secrets_label else { return true };
        secret.metadata.labels.as_ref().and_then(|labels| labels.get(key)) == Some(value)
    }
}

fn contents(secret: SecretObject) -> BTreeMap<String, Secret> {
    let text = |mut bytes: Vec<u8>| {
        let secret = Secret::new(String::from_utf8_lossy(&bytes));
        bytes.zeroize();
        secret
    };
    secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value.0))).collect()
}

fn failure(error: &CloudError) -> LookupFailure {
    tracing::warn!(answer = error.in_full(), "AWS could not be asked");
    LookupFailure { code: error.code().map(str::to_owned), message: error.to_string(), part: None }
}
