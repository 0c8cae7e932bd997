//! Layer 3: the only place that names an AWS SDK.
//!
//! [`Cloud`] is the one door to AWS. What goes through it is plain data of [`crate::aws_api`], so that throttling, fencing,
//! metrics and fault injection are decorators of a single method, and the simulator is one more implementation.

pub mod assume_role;
pub mod client;
pub mod decorators;
pub mod fence;
pub mod interceptors;
pub mod metadata;
pub mod meter;
pub mod pages;
pub mod recent_writes;
pub mod throttle;
pub mod vpc;

mod acm;
mod ec2;
mod elbv2;
mod global_accelerator;
mod iam;
mod query;
mod route53;
mod sdk;
mod shared_config;
mod shield;
mod sts;
mod waf_regional;
mod wafv2;

pub use client::{AwsCloud, AwsSettings};

use crate::aws_api::{Action, CloudError, Operation, Request, Response};
use futures::future::BoxFuture;
use std::sync::Arc;
use throttle::{Reservation, Urgency};
use tokio::time::Instant;

/// The future of one AWS call.
pub type CloudFuture<'a> = BoxFuture<'a, Result<Response, CloudError>>;

/// Something that performs AWS calls: the real clients, a decorator around another `Cloud`, or the simulator.
pub trait Cloud: Send + Sync {
    /// Performs one call. The answer belongs to the request's operation.
    fn call(&self, request: Request) -> CloudFuture<'_>;

    /// Waits until the rate limits admit a call of an operation, and reserves it. Where nothing limits there is nothing to wait for.
    ///
    /// `since`: how long it counts as waited for; what has waited for too long goes before what is more urgent.
    fn reserve(&self, _action: Action, _urgency: Urgency, _since: Instant) -> BoxFuture<'_, Reservation> {
        Box::pin(std::future::ready(Reservation::default()))
    }
}

impl<C: Cloud + ?Sized> Cloud for Arc<C> {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        (**self).call(request)
    }

    fn reserve(&self, action: Action, urgency: Urgency, since: Instant) -> BoxFuture<'_, Reservation> {
        (**self).reserve(action, urgency, since)
    }
}

/// Sends one typed request and unwraps its typed answer.
pub async fn send<O: Operation>(
    cloud: &(impl Cloud + ?Sized),
    operation: O,
) -> Result<O::Output, CloudError> {
    let response = cloud.call(operation.into()).await?;
    O::output(response).ok_or_else(|| CloudError::Malformed {
        operation: O::ACTION.name(),
        message: "the answer belongs to another operation".to_owned(),
    })
}

/// The error of a request that reached an adapter of another service.
fn misrouted(action: Action) -> CloudError {
    CloudError::Malformed {
        operation: action.name(),
        message: format!("no client of {} performs it", action.service()),
    }
}
