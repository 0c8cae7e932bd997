//! Gather: answers the questions of a build from AWS and the cluster, remembering what rarely changes.
//!
//! Answers are shared by all builds and kept about as long as upstream's caches keep theirs (`pkg/networking`,
//! `pkg/certs`); failures are never kept. Two builds that ask the same question at the same time may both ask AWS: that
//! is cheaper than a lock across I/O.

mod ask;

use crate::api::{ObjectKey, Secret as SecretObject, Service};
use crate::aws::Cloud;
use crate::cloud::{CloudError, Secret};
use crate::cluster::{Cache, Objects};
use crate::config::Config;
use crate::deploy::Deployer;
use crate::deploy::backend_security_group::BackendSecurityGroup;
use crate::inputs::{ExistingLoadBalancer, Facts, LookupFailure, Query};
use crate::model::StackId;
use ask::{Answer, ask};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

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
    /// Services of the cluster.
    pub services: Arc<Cache<Service>>,
    /// For Secrets, which are read by name and never cached.
    pub objects: Objects,
    /// What AWS said before.
    pub memory: Memory,
}

/// What AWS said before, with when to ask again.
#[derive(Default)]
pub struct Memory(Mutex<BTreeMap<Query, (Instant, Answer)>>);

impl Memory {
    fn recall(&self, query: &Query) -> Option<Answer> {
        let memory = self.0.lock();
        let (until, answer) = memory.get(query)?;
        (Instant::now() < *until).then(|| answer.clone())
    }

    fn keep(&self, query: &Query, answer: &Answer) {
        let now = Instant::now();
        let mut memory = self.0.lock();
        memory.retain(|_, (until, _)| now < *until);
        memory.insert(query.clone(), (now + lifetime(query), answer.clone()));
    }

    /// Forgets everything, so that the next builds see AWS as it is.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

/// How long an answer is believed.
fn lifetime(query: &Query) -> Duration {
    let minutes = match query {
        Query::Certificates => 1,
        Query::TargetGroupByName(_) => 20,
        Query::WebAclByName(_) => 60,
        Query::ZoneTypes(_) => 24 * 60,
        _ => 10,
    };
    Duration::from_secs(minutes * 60)
}

impl FactSource {
    /// Answers one question of a build of `stack`.
    pub async fn answer(&self, stack: &StackId, query: Query, facts: &mut Facts) {
        match query {
            Query::ExistingLoadBalancers(stack) => {
                let existing = self.existing_load_balancers(&stack).await.map_err(|error| failure(&error));
                facts.existing_load_balancers.insert(stack, existing);
            }
            Query::LiveStack(stack) => {
                let live = self.deployer.live(&stack).await.map(Arc::new).map_err(|error| failure(&error));
                facts.live_stacks.insert(stack, live);
            }
            Query::BackendSecurityGroup => {
                let id = self.backend_security_group.acquire(stack).await.map_err(|error| failure(&error));
                facts.backend_security_group.insert((), id);
            }
            Query::Service { namespace, name } => {
                let service = self.services.get(&ObjectKey::namespaced(namespace.as_str(), name.as_str()));
                facts.services.insert((namespace, name), Ok(service));
            }
            Query::Secret { namespace, name } => {
                let secret = self.read_secret(&namespace, &name).await;
                facts.secrets.insert((namespace, name), secret);
            }
            other => self.answer_from_aws(other, facts).await,
        }
    }

    async fn existing_load_balancers(
        &self,
        stack: &StackId,
    ) -> Result<Vec<ExistingLoadBalancer>, CloudError> {
        let inventory = self.deployer.inventory();
        inventory.ready(&*self.cloud).await?;
        Ok(inventory.existing_load_balancers(stack))
    }

    async fn answer_from_aws(&self, query: Query, facts: &mut Facts) {
        if let Some(answer) = self.memory.recall(&query) {
            return ask::insert(facts, query, Ok(answer));
        }
        let answer = ask(&*self.cloud, &self.config, &query).await;
        if let Ok(answer) = &answer {
            self.memory.keep(&query, answer);
        }
        ask::insert(facts, query, answer.map_err(|error| failure(&error)));
    }

    async fn read_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<BTreeMap<String, Secret>>, LookupFailure> {
        match self.objects.read_secret(&ObjectKey::namespaced(namespace, name)).await {
            Ok(secret) => Ok(secret.filter(|secret| self.may_use(secret)).map(contents)),
            Err(error) => {
                Err(LookupFailure { code: None, message: format!("secret {namespace}/{name}: {error}") })
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
    let text = |bytes: Vec<u8>| Secret::new(String::from_utf8_lossy(&bytes));
    secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value.0))).collect()
}

/// A failure as a fact: stable text, so that events about it aggregate.
fn failure(error: &CloudError) -> LookupFailure {
    let message = match error {
        CloudError::Service { operation, code, message, .. } => format!("{operation}: {code}: {message}"),
        other => other.to_string(),
    };
    LookupFailure { code: error.code().map(str::to_owned), message }
}
