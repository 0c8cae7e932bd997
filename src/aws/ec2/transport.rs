//! How a form travels to EC2 and its answer back: the SDK's orchestrator, set up as a generated client would.

use super::{endpoint, form::Form};
use crate::aws::client::{Shared, behavior_version, timeout_config};
use crate::aws::interceptors::UserAgent;
use crate::aws::sdk::answered;
use crate::cloud::{Action, CloudError, Service};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{FrozenLayer, Layer};
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use serde::Deserialize;
use std::collections::BTreeMap;
use strum::VariantArray as _;

/// The API version this client speaks.
const VERSION: &str = "2016-11-15";

/// An EC2 client: one prepared operation for every action of the table.
pub(in crate::aws) struct Client {
    operations: BTreeMap<Action, Operation<String, String, Ec2Error>>,
}

/// An error answer of EC2.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", metadata.code().unwrap_or("Unknown"), metadata.message().unwrap_or("no message"))]
pub(super) struct Ec2Error {
    metadata: ErrorMetadata,
}

impl ProvideErrorMetadata for Ec2Error {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

impl Client {
    /// A client with the credentials, retries, time-outs and connections that all clients share.
    pub(in crate::aws) fn new(shared: &Shared) -> Self {
        let url = endpoint_url(shared);
        let actions = Action::VARIANTS.iter().copied().filter(|action| action.service() == Service::Ec2);
        Self { operations: actions.map(|action| (action, operation(shared, &url, action))).collect() }
    }

    /// Sends a form and returns the body of the answer.
    pub(super) async fn send(&self, action: Action, form: Form) -> Result<String, CloudError> {
        let operation = self.operations.get(&action).ok_or_else(|| crate::aws::misrouted(action))?;
        answered(action, operation.invoke(form.encode(action.name(), VERSION)).await)
    }
}

/// An override by flag, else by `AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL` or profile, else the region's endpoint.
fn endpoint_url(shared: &Shared) -> String {
    shared.endpoint_override(&Service::Ec2, "EC2", "AWS_ENDPOINT_URL_EC2").unwrap_or_else(|| {
        let sdk = shared.sdk();
        endpoint::resolve_endpoint(
            shared.region(),
            sdk.use_fips().unwrap_or_default(),
            sdk.use_dual_stack().unwrap_or_default(),
        )
    })
}

fn operation(shared: &Shared, url: &str, action: Action) -> Operation<String, String, Ec2Error> {
    let builder = Operation::builder()
        .service_name(Service::Ec2.as_str().to_owned())
        .operation_name(action.name())
        .behavior_version(behavior_version())
        .http_client(shared.http_client())
        .endpoint_url(url)
        .standard_retry(&shared.retry_config())
        .timeout_config(timeout_config())
        .serializer(to_request)
        .deserializer(from_response)
        .with_connection_poisoning()
        .interceptor(ServiceClockSkewInterceptor::new())
        .interceptor(RequestInfoInterceptor::new())
        .interceptor(InvocationIdInterceptor::new())
        .interceptor(UserAgent)
        .interceptor(shared.call_meter())
        .interceptor(shared.last_look());
    with_classifiers(builder).runtime_plugin(signing(shared)).build()
}

fn with_classifiers<I, O>(builder: OperationBuilder<I, O, Ec2Error>) -> OperationBuilder<I, O, Ec2Error> {
    builder
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<Ec2Error>::new())
        .retry_classifier(AwsErrorCodeClassifier::<Ec2Error>::new())
        .retry_classifier(ServiceClockSkewClassifier::<Ec2Error>::new())
}

/// SigV4 with the shared credentials and identity cache, and a retry quota of its own.
fn signing(shared: &Shared) -> StaticRuntimePlugin {
    let sdk = shared.sdk();
    let mut components = RuntimeComponentsBuilder::new("ec2")
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )))
        .with_identity_cache(sdk.identity_cache())
        .with_time_source(sdk.time_source())
        .with_sleep_impl(sdk.sleep_impl());
    if let Some(credentials) = sdk.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new().with_config(signing_config(shared)).with_runtime_components(components)
}

fn signing_config(shared: &Shared) -> FrozenLayer {
    let mut layer = Layer::new("ec2");
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(SigningName::from_static("ec2"));
    layer.store_put(SigningRegion::from(aws_types::region::Region::new(shared.region().to_owned())));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(shared.retry_partition(&Service::Ec2));
    layer.freeze()
}

fn to_request(body: String) -> Result<HttpRequest, BoxError> {
    let request = http::Request::builder()
        .method(http::Method::POST)
        .uri("/")
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(http::header::CONTENT_LENGTH, body.len())
        .body(SdkBody::from(body))?;
    Ok(HttpRequest::try_from(request)?)
}

fn from_response(response: &HttpResponse) -> Result<String, OrchestratorError<Ec2Error>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return String::from_utf8(body.to_vec()).map_err(|error| OrchestratorError::response(error.into()));
    }
    Err(OrchestratorError::operation(error_answer(&String::from_utf8_lossy(body), response)))
}

/// What the body of an error answer says; what lies between us and EC2 may answer without one.
fn error_answer(body: &str, response: &HttpResponse) -> Ec2Error {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Errors")]
        errors: Errors,
        #[serde(rename = "RequestID", alias = "RequestId")]
        request_id: Option<String>,
    }
    #[derive(Deserialize)]
    struct Errors {
        #[serde(rename = "Error")]
        error: Fault,
    }
    #[derive(Deserialize)]
    struct Fault {
        #[serde(rename = "Code")]
        code: String,
        #[serde(rename = "Message", default)]
        message: String,
    }
    let metadata = match quick_xml::de::from_str::<Answer>(body) {
        Ok(answer) => ErrorMetadata::builder()
            .code(answer.errors.error.code)
            .message(answer.errors.error.message)
            .custom("aws_request_id", answer.request_id.unwrap_or_default()),
        // why: an error all the same
        Err(_) => ErrorMetadata::builder()
            .code(format!("Http{}", response.status().as_u16()))
            .message("the answer has no error document"),
    };
    Ec2Error { metadata: metadata.build() }
}
