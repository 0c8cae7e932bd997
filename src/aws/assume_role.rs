//! AWS as another account's role, for TargetGroupBindings that name one. Matches upstream's `pkg/aws`.
//!
//! On purpose different: credentials renew themselves, so that a client lives as long as the process; and the session name
//! is cut at STS's limit of 64 characters, where upstream's longer names make STS refuse.

use super::client::AwsCloud;
use super::decorators::Decorators;
use super::interceptors::Observer;
use super::shared_config::SharedConfig;
use super::throttle::TokenBuckets;
use super::throttle::adaptive::LearnsRates;
use super::{Cloud, sdk::chain};
use crate::api::TargetGroupBindingSpec;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime::client::identity::IdentityCache;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// How long before their end credentials are renewed.
const RENEW_BEFORE: Duration = Duration::from_secs(30);

/// Roles whose clients are kept; a client that is dropped assumes its role again when it is needed.
const KEPT: usize = 256;

/// Longest session name that STS accepts.
const SESSION_NAME_LIMIT: usize = 64;

/// A role, often of another account, in whose name a target group is touched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssumedRole {
    /// ARN.
    pub arn: String,
    /// External id that the role's trust policy asks for.
    pub external_id: Option<String>,
}

impl AssumedRole {
    /// The role that a binding names.
    pub fn of(spec: &TargetGroupBindingSpec) -> Option<Self> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let arn = filled(&spec.iam_role_arn_to_assume)?;
        Some(Self { arn, external_id: filled(&spec.assume_role_external_id) })
    }
}

/// AWS in the controller's own name or in that of a role.
pub trait CloudFor: Send + Sync {
    /// The controller's own `Cloud` for `None`.
    fn cloud_for(&self, role: Option<&AssumedRole>) -> Arc<dyn Cloud>;
}

/// The controller's own cloud, and those of roles, each made when first asked for.
pub struct AssumedRoles {
    own: Arc<dyn Cloud>,
    shared: SharedConfig,
    sts: aws_sdk_sts::Client,
    session_name: String,
    guards: Decorators,
    clouds: Mutex<RoleCache<Arc<dyn Cloud>>>,
}

/// What was made for roles, and when each was last asked for.
struct RoleCache<T>(BTreeMap<AssumedRole, (Instant, T)>);

impl<T: Clone> RoleCache<T> {
    /// What was made for a role, or is made now. The one that nobody has asked for the longest makes room.
    fn get_or_make(&mut self, role: &AssumedRole, make: impl FnOnce() -> T) -> T {
        if self.0.len() >= KEPT && !self.0.contains_key(role) {
            let oldest = self.0.iter().min_by_key(|(_, (used, _))| *used).map(|(role, _)| role.clone());
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        let (used, made) = self.0.entry(role.clone()).or_insert_with(|| (Instant::now(), make()));
        *used = Instant::now();
        made.clone()
    }
}

impl AssumedRoles {
    /// `own` is `base` behind its guards. Roles are assumed with its identity; their calls have throttles of their own.
    pub fn new(base: &AwsCloud, own: Arc<dyn Cloud>, cluster_name: &str, guards: Decorators) -> Self {
        Self {
            own,
            shared: base.shared().clone(),
            sts: base.sts().clone(),
            session_name: build_session_name(cluster_name),
            guards,
            clouds: Mutex::new(RoleCache(BTreeMap::new())),
        }
    }

    /// A cloud with buckets of its own: the role may be of another account.
    fn guarded(&self, role: &AssumedRole) -> Arc<dyn Cloud> {
        let buckets = Arc::new(TokenBuckets::new(&self.guards.throttles));
        let learns = Arc::new(LearnsRates::new(self.guards.observer.clone(), buckets.clone()));
        self.guards.wrap_with(self.assume(role, learns), buckets)
    }

    fn assume(&self, role: &AssumedRole, observer: Arc<dyn Observer>) -> AwsCloud {
        let provider = RoleCredentials {
            sts: self.sts.clone(),
            role: role.clone(),
            session_name: self.session_name.clone(),
        };
        let sdk = self.shared.sdk().to_builder();
        let sdk = sdk
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .identity_cache(IdentityCache::lazy().buffer_time(RENEW_BEFORE).build());
        AwsCloud::over(self.shared.with_sdk(sdk.build()).observed_by(observer))
    }
}

impl CloudFor for AssumedRoles {
    /// The role is assumed with the first call of its cloud.
    fn cloud_for(&self, role: Option<&AssumedRole>) -> Arc<dyn Cloud> {
        let Some(role) = role else { return self.own.clone() };
        self.clouds.lock().get_or_make(role, || self.guarded(role))
    }
}

/// Credentials of an assumed role.
struct RoleCredentials {
    sts: aws_sdk_sts::Client,
    role: AssumedRole,
    session_name: String,
}

impl std::fmt::Debug for RoleCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleCredentials").field("role", &self.role.arn).finish_non_exhaustive()
    }
}

impl ProvideCredentials for RoleCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

impl RoleCredentials {
    async fn assume(&self) -> Result<Credentials, CredentialsError> {
        let call = self
            .sts
            .assume_role()
            .role_arn(&self.role.arn)
            .role_session_name(&self.session_name)
            .set_external_id(self.role.external_id.clone().filter(|id| !id.is_empty()));
        let answer = call.send().await.map_err(|error| CredentialsError::provider_error(chain(&error)))?;
        let given = answer
            .credentials
            .ok_or_else(|| CredentialsError::provider_error("AssumeRole answered without credentials"))?;
        let expiry = SystemTime::try_from(given.expiration).map_err(CredentialsError::provider_error)?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(expiry),
            "AssumeRole",
        ))
    }
}

/// `AWS-LBC-` and the cluster's name without the characters that STS refuses.
fn build_session_name(cluster_name: &str) -> String {
    let allowed = |character: &char| character.is_ascii_alphanumeric() || "=,.@_-".contains(*character);
    "AWS-LBC-".chars().chain(cluster_name.chars().filter(allowed)).take(SESSION_NAME_LIMIT).collect()
}

#[cfg(test)]
mod tests;
