//! The fence: a replica that is not the leader reads, but never writes.
//!
//! It stands twice. Outermost, [`Fenced`] refuses at once what would be refused anyway. Innermost, [`FenceInterceptor`] asks
//! again for every attempt, when the request has passed rate limits, back-off and credentials, and once more when its bytes
//! leave.

use super::interceptors::is_write;
use super::throttle::{Reservation, Urgency};
use super::{Cloud, CloudFuture};
use crate::aws_api::{Action, CloudError, Request};
use crate::fence::{Guarded, NotSent};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use futures::future::BoxFuture;
use tokio::time::Instant;

pub use crate::fence::MayWrite;

/// A `Cloud` that refuses writes while `may_write` says no.
pub struct Fenced<C> {
    inner: C,
    may_write: MayWrite,
}

impl<C> Fenced<C> {
    /// Fences the writes to `inner`.
    pub fn new(inner: C, may_write: MayWrite) -> Self {
        Self { inner, may_write }
    }
}

impl<C: Cloud> Cloud for Fenced<C> {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        let action = request.action();
        if action.is_write() && !(self.may_write)() {
            return Box::pin(async move { Err(CloudError::Fenced { operation: action.name() }) });
        }
        self.inner.call(request)
    }

    fn reserve(&self, action: Action, urgency: Urgency, since: Instant) -> BoxFuture<'_, Reservation> {
        self.inner.reserve(action, urgency, since)
    }
}

/// Refuses an attempt to write when it is about to be sent.
pub(super) struct FenceInterceptor {
    may_write: MayWrite,
}

impl FenceInterceptor {
    /// Asks `may_write`.
    pub(super) fn new(may_write: MayWrite) -> Self {
        Self { may_write }
    }
}

impl std::fmt::Debug for FenceInterceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LastLook")
    }
}

#[dyn_dispatch_hint]
impl Intercept for FenceInterceptor {
    fn name(&self) -> &'static str {
        "LastLook"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !cfg.load::<Metadata>().is_some_and(|metadata| is_write(metadata.service(), metadata.name())) {
            return Ok(());
        }
        if !(self.may_write)() {
            return Err(NotSent.into());
        }
        // why: a connection may still have to be made
        let body = std::mem::replace(context.request_mut().body_mut(), SdkBody::empty());
        let guarded = Guarded::new(Box::pin(body), Some(self.may_write.clone()));
        *context.request_mut().body_mut() = SdkBody::from_body_1_x(guarded);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
