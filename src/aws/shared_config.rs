//! What all clients of one identity share: region, connections, attempts, time limits, meters and the fence.

use super::fence::{FenceInterceptor, MayWrite};
use super::interceptors::{CallMeter, Observer};
use crate::aws_api::Service;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Longest time to establish a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time one attempt may take; without a limit a hung connection would block a worker.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time one call may take with all its attempts.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest pause between two attempts, as upstream's SDK has it.
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// What all clients of one identity share.
#[derive(Clone)]
pub(super) struct SharedConfig {
    pub(super) sdk: SdkConfig,
    pub(super) region: String,
    pub(super) max_attempts: u32,
    pub(super) endpoints: BTreeMap<String, String>,
    pub(super) http: SharedHttpClient,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) may_write: MayWrite,
}

impl SharedConfig {
    /// The same with another identity.
    pub(super) fn with_sdk(&self, sdk: SdkConfig) -> Self {
        Self { sdk, ..self.clone() }
    }

    /// The same with another who counts.
    pub(super) fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    pub(super) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn http_client(&self) -> SharedHttpClient {
        self.http.clone()
    }

    pub(super) fn retry_config(&self) -> RetryConfig {
        retry_config(self.max_attempts)
    }

    /// The retry quota of one service, so that a storm in one cannot starve another.
    pub(super) fn retry_partition(&self, service: &Service) -> RetryPartition {
        RetryPartition::new(format!("{service} in {}", self.region))
    }

    pub(super) fn call_meter(&self) -> CallMeter {
        CallMeter::new(Arc::clone(&self.observer))
    }

    pub(super) fn last_look(&self) -> FenceInterceptor {
        FenceInterceptor::new(self.may_write.clone())
    }

    /// The base URL given for a service by flag, by its own variable or profile key, or for all services.
    pub(super) fn endpoint_override(
        &self,
        service: &Service,
        profile_id: &str,
        variable: &str,
    ) -> Option<String> {
        let by_flag = self.endpoints.get(service.as_str()).cloned();
        by_flag.or_else(|| self.configured_endpoint(profile_id, variable))
    }

    fn configured_endpoint(&self, profile_id: &str, variable: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            // why: it fails only when one of these three is missing
            .service_id(profile_id)
            .env(variable)
            .profile("endpoint_url")
            .build()
            .ok()?;
        let own = self.sdk.service_config().and_then(|configuration| configuration.load_config(key));
        own.or_else(|| self.sdk.endpoint_url().map(str::to_owned))
    }
}

/// The SDK behaviour this code is written against.
pub(super) fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

pub(super) fn retry_config(max_attempts: u32) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(max_attempts.max(1)).with_max_backoff(MAX_BACKOFF)
}

pub(super) fn timeout_config() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build()
}
