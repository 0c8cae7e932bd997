//! How a form travels to AWS and its answer back: the SDK's orchestrator, set up as a generated client would.

use super::{Api, Form};
use crate::aws::interceptors::UserAgent;
use crate::aws::sdk::answered;
use crate::aws::shared_config::{SharedConfig, behavior_version, timeout_config};
use crate::aws_api::{Action, CloudError};
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
use aws_types::region::{Region, SigningRegion};
use serde::Deserialize;
use std::collections::BTreeMap;
use strum::VariantArray as _;

/// Asks EC2 whether it would carry out a request, which it then does not.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html>
const DRY_RUN: &str = "&DryRun=true";

/// A client of one service: one prepared operation for every action of the table.
pub(in crate::aws) struct Client {
    version: &'static str,
    operations: BTreeMap<Action, Operation<String, String, QueryError>>,
}

/// An error answer.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", metadata.code().unwrap_or("Unknown"), metadata.message().unwrap_or("no message"))]
pub(super) struct QueryError {
    metadata: ErrorMetadata,
}

impl ProvideErrorMetadata for QueryError {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

impl Client {
    /// A client with the credentials, retries, time-outs and connections that all clients share.
    pub(in crate::aws) fn new(shared: &SharedConfig, api: &Api) -> Self {
        let actions = Action::VARIANTS.iter().copied().filter(|action| action.service() == api.service);
        let operations = actions.map(|action| (action, operation(shared, api, action))).collect();
        Self { version: api.version, operations }
    }

    /// Sends a form and returns the body of the answer.
    pub(in crate::aws) async fn send(&self, action: Action, form: Form) -> Result<String, CloudError> {
        self.send_by(action, action, form).await
    }

    /// Sends the form of a change as a dry run.
    pub(in crate::aws) async fn send_dry_run(
        &self,
        change: Action,
        form: Form,
    ) -> Result<String, CloudError> {
        self.send_by(Action::DryRun, change, form).await
    }

    /// `by` is the prepared operation, `action` what the form asks for.
    async fn send_by(&self, by: Action, action: Action, form: Form) -> Result<String, CloudError> {
        let operation = self.operations.get(&by).ok_or_else(|| crate::aws::misrouted(action))?;
        answered(action, operation.invoke(form.encode(action.name(), self.version)).await)
    }
}

fn operation(shared: &SharedConfig, api: &Api, action: Action) -> Operation<String, String, QueryError> {
    let builder = Operation::builder()
        .service_name(api.service.as_str().to_owned())
        .operation_name(action.name())
        .behavior_version(behavior_version())
        .http_client(shared.http_client())
        .endpoint_url(&api.url)
        .standard_retry(&shared.retry_config())
        .timeout_config(timeout_config())
        .serializer(move |body| to_request(action, body))
        .deserializer(from_response)
        .with_connection_poisoning()
        .interceptor(ServiceClockSkewInterceptor::new())
        .interceptor(RequestInfoInterceptor::new())
        .interceptor(InvocationIdInterceptor::new())
        .interceptor(UserAgent)
        .interceptor(shared.call_meter())
        .interceptor(shared.last_look());
    with_classifiers(builder).runtime_plugin(signing(shared, api)).build()
}

fn with_classifiers<I, O>(builder: OperationBuilder<I, O, QueryError>) -> OperationBuilder<I, O, QueryError> {
    builder
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<QueryError>::new())
        .retry_classifier(AwsErrorCodeClassifier::<QueryError>::new())
        .retry_classifier(ServiceClockSkewClassifier::<QueryError>::new())
}

/// SigV4 with the shared credentials and identity cache, and a retry quota of its own.
fn signing(shared: &SharedConfig, api: &Api) -> StaticRuntimePlugin {
    let sdk = shared.sdk();
    let mut components = RuntimeComponentsBuilder::new("query")
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
    StaticRuntimePlugin::new().with_config(signing_config(shared, api)).with_runtime_components(components)
}

fn signing_config(shared: &SharedConfig, api: &Api) -> FrozenLayer {
    let mut layer = Layer::new("query");
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(SigningName::from_static(api.signing_name));
    layer.store_put(SigningRegion::from(Region::new(api.signing_region.clone())));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(shared.retry_partition(&api.service));
    layer.freeze()
}

/// The request of an operation. What the dry run's operation sends is a dry run, whatever the form says.
fn to_request(action: Action, mut body: String) -> Result<HttpRequest, BoxError> {
    if action == Action::DryRun {
        body.push_str(DRY_RUN);
    }
    let request = http::Request::builder()
        .method(http::Method::POST)
        .uri("/")
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(http::header::CONTENT_LENGTH, body.len())
        .body(SdkBody::from(body))?;
    Ok(HttpRequest::try_from(request)?)
}

fn from_response(response: &HttpResponse) -> Result<String, OrchestratorError<QueryError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return String::from_utf8(body.to_vec()).map_err(|error| OrchestratorError::response(error.into()));
    }
    Err(OrchestratorError::operation(error_answer(&String::from_utf8_lossy(body), response)))
}

/// What the body of an error answer says; what lies between us and EC2 may answer without one.
fn error_answer(body: &str, response: &HttpResponse) -> QueryError {
    /// EC2 has a list of errors, the other services have one.
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Errors")]
        errors: Option<Errors>,
        #[serde(rename = "Error")]
        error: Option<Fault>,
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
    // why: without a document it is an error all the same
    let answer = quick_xml::de::from_str::<Answer>(body).ok();
    let fault = answer.and_then(|Answer { errors, error, request_id }| {
        Some((errors.map(|errors| errors.error).or(error)?, request_id.unwrap_or_default()))
    });
    let metadata = match fault {
        Some((Fault { code, message }, request_id)) => {
            ErrorMetadata::builder().code(code).message(message).custom("aws_request_id", request_id)
        }
        None => ErrorMetadata::builder()
            .code(format!("Http{}", response.status().as_u16()))
            .message("the answer has no error document"),
    };
    QueryError { metadata: metadata.build() }
}
