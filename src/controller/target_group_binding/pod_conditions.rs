//! Report: the conditions of pods that their readiness gates wait for.

use super::{BindingController, BindingReconcileError};
use crate::api::ObjectKey;
use crate::deploy::targets::traits::ApiFailure;
use crate::targets::conditions::ConditionWrite;
use futures::{StreamExt, TryStreamExt};
use std::pin::Pin;
use std::time::Duration;

/// Pods told at the same time.
const CONDITIONS_AT_ONCE: usize = 16;

/// Telling one pod.
type ConditionUpdate<'a> = Pin<Box<dyn Future<Output = Result<(), BindingReconcileError>> + Send + 'a>>;

impl BindingController {
    /// Writes conditions, many at a time. A pod that is gone needs none.
    pub(super) async fn update_pod_conditions(
        &self,
        binding: &ObjectKey,
        writes: &[ConditionWrite],
    ) -> Result<(), BindingReconcileError> {
        // why: boxed with their lifetime spelt out, or the compiler cannot see that the stream of them is `Send`
        let told: Vec<ConditionUpdate<'_>> = writes
            .iter()
            .map(|write| -> ConditionUpdate<'_> { Box::pin(self.update_pod_condition(binding, write)) })
            .collect();
        let told = futures::stream::iter(told);
        told.buffer_unordered(CONDITIONS_AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    async fn update_pod_condition(
        &self,
        binding: &ObjectKey,
        write: &ConditionWrite,
    ) -> Result<(), BindingReconcileError> {
        let now = crate::clock::now();
        let condition = write.to_pod_condition(now);
        match self.api.patch_pod_condition(&write.pod, &write.uid, condition).await {
            Err(ApiFailure::NotFound(_)) => return Ok(()),
            answer => answer?,
        }
        if let Some(since) = write.waited_since {
            let waited = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
            self.metrics.gate_opened(binding, waited);
        }
        Ok(())
    }
}
