//! Rates that follow what AWS admits.
//!
//! AWS counts the calls of a whole account and region, also those of other clusters and tools. When it refuses an attempt because of
//! them, the rule of the operation is taken for empty and half as fast; each ten seconds without a refusal it is twice as fast
//! again, until it is as fast as its rule says.

use super::TokenBuckets;
use crate::aws::interceptors::{CallOutcome, Observer};
use crate::aws_api::{Action, error::is_throttling};
use std::sync::Arc;
use std::time::Duration;

/// Hears of every attempt, and slows the rules of those down that AWS refuses. Everything is handed on.
pub struct LearnsRates {
    inner: Arc<dyn Observer>,
    buckets: Arc<TokenBuckets>,
}

impl LearnsRates {
    /// In front of who counts; for the calls of the identity that these buckets are of.
    pub fn new(inner: Arc<dyn Observer>, buckets: Arc<TokenBuckets>) -> Self {
        Self { inner, buckets }
    }
}

impl Observer for LearnsRates {
    fn attempt(&self, outcome: &CallOutcome) {
        if is_throttling(&outcome.error_code) {
            self.buckets.note_throttled(&outcome.service, &outcome.operation);
        }
        self.inner.attempt(outcome);
    }

    fn call(&self, outcome: &CallOutcome) {
        self.inner.call(outcome);
    }

    fn duration(&self, action: Action, took: Duration) {
        self.inner.duration(action, took);
    }
}
