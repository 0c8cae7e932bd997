//! What happens inside every SDK call: our user agent, and a report of each attempt and each call.

use crate::aws_api::{Action, Service};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_types::request_id::RequestId;
use std::sync::Arc;
use std::time::Duration;
use strum::VariantArray as _;
use tokio::time::Instant;

/// How one HTTP attempt, or one call with all its attempts, ended. Reported only if AWS answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOutcome {
    /// Service id, for example `Elastic Load Balancing v2`.
    pub service: String,
    /// Operation as AWS spells it.
    pub operation: String,
    /// HTTP status.
    pub status: u16,
    /// AWS's error code; empty on success.
    pub error_code: String,
    /// How long it took.
    pub took: Duration,
    /// Attempts after the first one.
    pub retries: u32,
}

/// Who counts attempts and calls.
pub trait Observer: Send + Sync {
    /// One HTTP attempt has ended.
    fn attempt(&self, outcome: &CallOutcome);
    /// One call has ended.
    fn call(&self, outcome: &CallOutcome);
    /// One call took this long, with the wait for a throttle.
    fn duration(&self, action: Action, took: Duration);
}

/// Counts nothing.
impl Observer for () {
    fn attempt(&self, _: &CallOutcome) {}
    fn call(&self, _: &CallOutcome) {}
    fn duration(&self, _: Action, _: Duration) {}
}

/// Replaces the SDK's user agent by `elbv2.k8s.aws/<version>`, as upstream does.
#[derive(Debug)]
pub struct UserAgent;

/// The user agent of every request.
pub const USER_AGENT: &str = concat!("elbv2.k8s.aws/", env!("CARGO_PKG_VERSION"));

#[dyn_dispatch_hint]
impl Intercept for UserAgent {
    fn name(&self) -> &'static str {
        "UserAgent"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        headers.remove("x-amz-user-agent");
        headers.insert("user-agent", USER_AGENT);
        Ok(())
    }
}

/// Reports every attempt and every call to an [`Observer`], and logs every write with its request id.
pub struct CallMeter {
    observer: Arc<dyn Observer>,
}

impl CallMeter {
    /// A meter that reports to `observer`.
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self { observer }
    }
}

impl std::fmt::Debug for CallMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallMeter")
    }
}

/// When the call and its current attempt began.
#[derive(Clone, Debug)]
struct Clock {
    call: Instant,
    attempt: Instant,
    attempts: u32,
}

impl Storable for Clock {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for CallMeter {
    fn name(&self) -> &'static str {
        "CallMeter"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let now = Instant::now();
        cfg.interceptor_state().store_put(Clock { call: now, attempt: now, attempts: 0 });
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(clock) = cfg.load::<Clock>().cloned() {
            let attempts = clock.attempts.saturating_add(1);
            cfg.interceptor_state().store_put(Clock { attempt: Instant::now(), attempts, ..clock });
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(response), Some(clock)) = (context.response(), cfg.load::<Clock>()) {
            self.observer.attempt(&outcome(response, cfg, clock, clock.attempt.elapsed()));
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(response), Some(clock)) = (context.response(), cfg.load::<Clock>()) {
            let outcome = outcome(response, cfg, clock, clock.call.elapsed());
            log_write(&outcome, response);
            self.observer.call(&outcome);
        }
        Ok(())
    }
}

fn outcome(response: &HttpResponse, cfg: &ConfigBag, clock: &Clock, took: Duration) -> CallOutcome {
    let metadata = cfg.load::<Metadata>();
    CallOutcome {
        service: metadata.map_or("?", Metadata::service).to_owned(),
        operation: metadata.map_or("?", Metadata::name).to_owned(),
        status: response.status().as_u16(),
        error_code: error_code(response),
        took,
        retries: clock.attempts.saturating_sub(1),
    }
}

fn log_write(outcome: &CallOutcome, response: &HttpResponse) {
    let CallOutcome { service, operation, status, error_code, took, retries } = outcome;
    if !is_write(service, operation) {
        return;
    }
    let request_id = request_id(response).unwrap_or_default();
    let took_ms = took.as_millis();
    tracing::info!(
        target: "aws",
        service,
        operation,
        request_id,
        status,
        error_code,
        retries,
        took_ms,
        "AWS write"
    );
}

/// Whether an operation, as the SDK names it, is a write.
pub(super) fn is_write(service: &str, operation: &str) -> bool {
    let service = Service::from(service);
    Action::VARIANTS
        .iter()
        .any(|action| action.is_write() && action.name() == operation && action.service() == service)
}

/// The request id: from the header, or, as EC2 has it, from the body.
fn request_id(response: &HttpResponse) -> Option<String> {
    let header = response.request_id().map(str::to_owned);
    header.or_else(|| element(body(response)?, "requestId").map(str::to_owned))
}

/// AWS's error code as the protocols carry it; empty when the answer is a success.
///
/// why: at this point of the orchestrator the typed error is erased, and a metric label needs no more than the code.
fn error_code(response: &HttpResponse) -> String {
    if response.status().is_success() {
        return String::new();
    }
    let in_header = response.headers().get("x-amzn-errortype");
    let code = in_header
        .or_else(|| element(body(response)?, "Code"))
        .or_else(|| json_text(body(response)?, "__type"))
        .or_else(|| json_text(body(response)?, "code"))
        .unwrap_or("internal");
    // why: JSON services write `namespace#Code:url`
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code).to_owned()
}

fn body(response: &HttpResponse) -> Option<&str> {
    // why: it is looked at for a metric and a log line only
    response.body().bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text.trim())
}

fn json_text<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = json.split_once(&format!("\"{key}\""))?;
    rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests;
