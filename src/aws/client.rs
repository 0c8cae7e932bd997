//! The real AWS: one set of credentials, connections, retries and time-outs, and a client a service on demand.
//!
//! Matches upstream's `pkg/aws`. On purpose different: every attempt and every call has a time limit, and each service has
//! its own retry quota, so that a storm in one cannot starve another.

use super::fence::MayWrite;
use super::interceptors::{Observer, UserAgent};
use super::metadata::{InstanceMetadata, MetadataError};
use super::shared_config::{SharedConfig, behavior_version, retry_config, timeout_config};
use super::{
    Cloud, CloudFuture, acm, ec2, elbv2, global_accelerator, iam, misrouted, query, route53, shield, sts,
    waf_regional, wafv2,
};
use crate::aws_api::{CloudError, Request, Response, Service};
use aws_config::Region;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// How to reach AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsSettings {
    /// The region by flag or environment; empty: ask instance metadata.
    pub region: String,
    /// `--aws-max-retries`: attempts a call, not retries.
    pub max_attempts: u32,
    /// `--aws-api-endpoints`: service id (or `ec2imds`) to base URL. Unknown ids are ignored.
    pub endpoints: BTreeMap<String, String>,
    /// `AWS_EC2_METADATA_DISABLED`: never ask instance metadata.
    pub metadata_disabled: bool,
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self { region: String::new(), max_attempts: 10, endpoints: BTreeMap::new(), metadata_disabled: false }
    }
}

/// Why AWS cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum AwsConnectError {
    /// The region is neither given nor known to the instance.
    #[error(
        "no region: set --aws-region, AWS_REGION or AWS_DEFAULT_REGION, because instance metadata gave none: {0}"
    )]
    NoRegion(MetadataError),
    /// An override of `--aws-api-endpoints` is not a URL.
    #[error("endpoint of {service}: {url:?} is not an http(s) URL")]
    Endpoint {
        /// Service id.
        service: String,
        /// The offending value.
        url: String,
    },
}

/// AWS through its real clients, created when first used.
pub struct AwsCloud {
    shared: SharedConfig,
    metadata: InstanceMetadata,
    elbv2: OnceLock<aws_sdk_elasticloadbalancingv2::Client>,
    ec2: OnceLock<query::Client>,
    acm: OnceLock<aws_sdk_acm::Client>,
    route53: OnceLock<aws_sdk_route53::Client>,
    wafv2: OnceLock<aws_sdk_wafv2::Client>,
    waf_regional: OnceLock<aws_sdk_wafregional::Client>,
    shield: OnceLock<aws_sdk_shield::Client>,
    global_accelerator: OnceLock<aws_sdk_globalaccelerator::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    iam: OnceLock<query::Client>,
}

/// A generated client over what is shared: endpoint override, retry quota, user agent and metering.
macro_rules! client {
    ($sdk:ident, $shared:expr, $service:expr) => {
        client!($sdk, $shared, $service, $shared.region.as_str())
    };
    ($sdk:ident, $shared:expr, $service:expr, $region:expr) => {{
        let shared: &SharedConfig = $shared;
        let mut builder = $sdk::config::Builder::from(&shared.sdk)
            .region(Region::new($region.to_owned()))
            .retry_partition(shared.retry_partition(&$service))
            .interceptor(UserAgent)
            .interceptor(shared.call_meter())
            .interceptor(shared.last_look());
        if let Some(url) = shared.endpoints.get($service.as_str()) {
            builder = builder.endpoint_url(url);
        }
        $sdk::Client::from_conf(builder.build())
    }};
}

impl AwsCloud {
    /// Finds the region and the credentials chain. Makes no AWS call unless the region must come from instance metadata.
    pub async fn connect(
        settings: &AwsSettings,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, AwsConnectError> {
        Self::load(settings, observer, None).await
    }

    /// Like [`connect`](Self::connect), with static keys instead of the credentials chain: for simulators.
    pub async fn connect_with_keys(
        settings: &AwsSettings,
        observer: Arc<dyn Observer>,
        access_key_id: &str,
        secret_access_key: &str,
    ) -> Result<Self, AwsConnectError> {
        let keys = Credentials::new(access_key_id, secret_access_key, None, None, "static keys");
        Self::load(settings, observer, Some(SharedCredentialsProvider::new(keys))).await
    }

    async fn load(
        settings: &AwsSettings,
        observer: Arc<dyn Observer>,
        credentials: Option<SharedCredentialsProvider>,
    ) -> Result<Self, AwsConnectError> {
        check_endpoints(&settings.endpoints)?;
        let http = http_client();
        let endpoint = settings.endpoints.get(METADATA_ID).map(String::as_str);
        let metadata = InstanceMetadata::new(settings.metadata_disabled, endpoint, &http);
        let region = resolve_region(settings, &metadata).await?;
        let mut loader = aws_config::defaults(behavior_version())
            .region(Region::new(region.clone()))
            .http_client(http.clone())
            .retry_config(retry_config(settings.max_attempts))
            .timeout_config(timeout_config());
        if let Some(credentials) = credentials {
            loader = loader.credentials_provider(credentials);
        }
        let shared = SharedConfig {
            sdk: loader.load().await,
            region,
            max_attempts: settings.max_attempts,
            endpoints: settings.endpoints.clone(),
            http,
            observer,
            may_write: Arc::new(|| true),
        };
        Ok(Self::new(shared, metadata))
    }

    /// Refuses every attempt to write that is about to be sent while `may_write` says no.
    #[must_use]
    pub fn fenced_by(self, may_write: MayWrite) -> Self {
        Self::new(SharedConfig { may_write, ..self.shared }, self.metadata)
    }

    /// Clients over what is shared, without instance metadata.
    pub(super) fn over(shared: SharedConfig) -> Self {
        let metadata = InstanceMetadata::new(true, None, &shared.http);
        Self::new(shared, metadata)
    }

    fn new(shared: SharedConfig, metadata: InstanceMetadata) -> Self {
        Self {
            shared,
            metadata,
            elbv2: OnceLock::new(),
            ec2: OnceLock::new(),
            acm: OnceLock::new(),
            route53: OnceLock::new(),
            wafv2: OnceLock::new(),
            waf_regional: OnceLock::new(),
            shield: OnceLock::new(),
            global_accelerator: OnceLock::new(),
            sts: OnceLock::new(),
            iam: OnceLock::new(),
        }
    }

    /// The region calls go to.
    pub fn region(&self) -> &str {
        &self.shared.region
    }

    /// Metadata of the node.
    pub fn metadata(&self) -> &InstanceMetadata {
        &self.metadata
    }

    pub(super) fn shared(&self) -> &SharedConfig {
        &self.shared
    }

    pub(super) fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| client!(aws_sdk_sts, &self.shared, Service::Sts))
    }

    async fn perform(&self, request: Request) -> Result<Response, CloudError> {
        let shared = &self.shared;
        match request.action().service() {
            Service::Elbv2 => {
                let client = self
                    .elbv2
                    .get_or_init(|| client!(aws_sdk_elasticloadbalancingv2, shared, Service::Elbv2));
                elbv2::call(client, request).await
            }
            Service::Ec2 => ec2::call(self.ec2.get_or_init(|| ec2::client(shared)), request).await,
            Service::Acm => {
                let client = self.acm.get_or_init(|| client!(aws_sdk_acm, shared, Service::Acm));
                acm::call(client, request).await
            }
            Service::Route53 => {
                let client = self.route53.get_or_init(|| client!(aws_sdk_route53, shared, Service::Route53));
                route53::call(client, request).await
            }
            Service::Wafv2 => {
                let client = self.wafv2.get_or_init(|| client!(aws_sdk_wafv2, shared, Service::Wafv2));
                wafv2::call(client, request).await
            }
            Service::WafRegional => {
                let client = self
                    .waf_regional
                    .get_or_init(|| client!(aws_sdk_wafregional, shared, Service::WafRegional));
                waf_regional::call(client, request).await
            }
            Service::Shield => {
                let client = self.shield.get_or_init(|| client!(aws_sdk_shield, shared, Service::Shield));
                shield::call(client, request).await
            }
            Service::GlobalAccelerator => {
                let client = self.global_accelerator.get_or_init(|| {
                    let region = global_accelerator::REGION;
                    client!(aws_sdk_globalaccelerator, shared, Service::GlobalAccelerator, region)
                });
                global_accelerator::call(client, request).await
            }
            Service::Sts => sts::call(self.sts(), request).await,
            Service::Iam => iam::call(self.iam.get_or_init(|| iam::client(shared)), request).await,
            Service::Other(_) => Err(misrouted(request.action())),
        }
    }
}

impl Cloud for AwsCloud {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(self.perform(request))
    }
}

/// The id of instance metadata in `--aws-api-endpoints`.
const METADATA_ID: &str = "ec2imds";

fn check_endpoints(endpoints: &BTreeMap<String, String>) -> Result<(), AwsConnectError> {
    let is_url = |url: &str| {
        // why: whoever asks makes the error of it
        url.parse::<http::Uri>()
            .is_ok_and(|uri| uri.authority().is_some() && matches!(uri.scheme_str(), Some("http" | "https")))
    };
    let is_known = |service: &str| service == METADATA_ID || Service::parse_known(service).is_some();
    match endpoints.iter().find(|(service, url)| is_known(service) && !is_url(url)) {
        Some((service, url)) => Err(AwsConnectError::Endpoint { service: service.clone(), url: url.clone() }),
        None => Ok(()),
    }
}

async fn resolve_region(
    settings: &AwsSettings,
    metadata: &InstanceMetadata,
) -> Result<String, AwsConnectError> {
    if settings.region.is_empty() {
        return metadata.region().await.map_err(AwsConnectError::NoRegion);
    }
    Ok(settings.region.clone())
}

/// One pool of connections and one set of trusted roots for all clients; the SDK's default would be one for each.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = ConnectorBuilder::default()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc));
        builder.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.set_proxy_config(Some(ProxyConfig::from_env()));
        builder.build()
    })
}
