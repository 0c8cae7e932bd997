//! What stands between the controller and any AWS account: fence, meter and throttle, in this order from the outside.

use super::Cloud;
use super::fence::{Fenced, MayWrite};
use super::interceptors::Observer;
use super::meter::Metered;
use super::throttle::{Throttled, Throttles, TokenBuckets};
use std::sync::Arc;

/// The guards of one process; every identity gets buckets of its own.
#[derive(Clone)]
pub struct Decorators {
    /// Rate limits.
    pub throttles: Throttles,
    /// Who counts.
    pub observer: Arc<dyn Observer>,
    /// Whether this replica may write.
    pub may_write: MayWrite,
}

impl Decorators {
    /// Puts the guards in front of a cloud.
    pub fn wrap(&self, cloud: impl Cloud + 'static) -> Arc<dyn Cloud> {
        self.wrap_with(cloud, Arc::new(TokenBuckets::new(&self.throttles)))
    }

    /// Like [`Decorators::wrap`], with buckets that somebody else looks into.
    pub fn wrap_with(&self, cloud: impl Cloud + 'static, buckets: Arc<TokenBuckets>) -> Arc<dyn Cloud> {
        let throttled = Throttled::new(cloud, buckets);
        let metered = Metered::new(throttled, Arc::clone(&self.observer));
        Arc::new(Fenced::new(metered, Arc::clone(&self.may_write)))
    }
}
