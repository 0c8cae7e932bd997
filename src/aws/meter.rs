//! How long calls take as the controller sees them: with all attempts, and with the wait for a throttle.

use super::interceptors::Observer;
use super::throttle::{Reservation, Urgency};
use super::{Cloud, CloudFuture};
use crate::aws_api::{Action, CloudError, Request};
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio::time::Instant;

/// A `Cloud` that reports the duration of every call that AWS answered.
pub struct Metered<C> {
    inner: C,
    observer: Arc<dyn Observer>,
}

impl<C> Metered<C> {
    /// Measures the calls to `inner`.
    pub fn new(inner: C, observer: Arc<dyn Observer>) -> Self {
        Self { inner, observer }
    }
}

impl<C: Cloud> Cloud for Metered<C> {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            let action = request.action();
            let start = Instant::now();
            let answer = self.inner.call(request).await;
            if matches!(answer, Ok(_) | Err(CloudError::Service { .. } | CloudError::Malformed { .. })) {
                self.observer.duration(action, start.elapsed());
            }
            answer
        })
    }

    fn reserve(&self, action: Action, urgency: Urgency, since: Instant) -> BoxFuture<'_, Reservation> {
        self.inner.reserve(action, urgency, since)
    }
}
