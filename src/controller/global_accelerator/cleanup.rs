//! Deletion: AWS disables an accelerator before it can be deleted, which takes minutes. Each pass asks for the next thing, and none
//! waits.

use super::execute::is_gone_already;
use super::{AcceleratorReconcile, OF_RECONCILE, PassError, PassFailure, observe};
use crate::api::global_accelerator::{FINALIZER, GlobalAccelerator};
use crate::api::meta::has_finalizer;
use crate::aws::send;
use crate::aws_api::global_accelerator::{Accelerator, AcceleratorStatus, DeleteAccelerator};
use crate::aws_api::{CloudError, Request};
use crate::controller::ReconcileResult;
use crate::global_accelerator::plan;
use crate::global_accelerator::status::AcceleratorOutcome;
use crate::status::event::{Event, Reason};
use std::fmt::Display;
use std::time::Duration;

/// Between two looks for an accelerator that is to go and whose ARN is not known.
const SECOND_LOOK: Duration = Duration::from_secs(10);

/// Codes by which AWS says that it is not done with disabling.
const NOT_YET: &[&str] = &["AcceleratorNotDisabledException", "AssociatedListenerFoundException"];

impl AcceleratorReconcile<'_> {
    /// Takes the accelerator away, and then the finalizer.
    pub(super) async fn clean_up(&mut self) -> Result<ReconcileResult, PassError> {
        if !has_finalizer(&*self.object, FINALIZER) {
            return Ok(ReconcileResult::Gone);
        }
        match self.find_for_cleanup().await? {
            Some(found) if !self.delete(&found).await? => return self.wait_for_disabling().await,
            // why: one that was asked for a moment ago may not be shown yet
            None if self.memory.arn.is_none()
                && self.object.recorded_arn().is_none()
                && !std::mem::replace(&mut self.memory.is_going_unseen, true) =>
            {
                self.memory.not_found = None;
                return Ok(ReconcileResult::RequeueAfter(SECOND_LOOK));
            }
            _ => {}
        }
        let removed = self.context.objects.remove_finalizer::<GlobalAccelerator>(self.key, FINALIZER).await;
        removed.map_err(|error| {
            PassFailure::new(Reason::FailedRemoveFinalizer, &error, &["remove_finalizers_error"])
        })?;
        Ok(ReconcileResult::Gone)
    }

    async fn find_for_cleanup(&mut self) -> Result<Option<Accelerator>, PassError> {
        let found = self.find().await.map_err(|failure| match failure {
            PassError::Failed(failure) => {
                let cause = failure.event.message;
                PassFailure::new(Reason::FailedCleanup, &cause, &[OF_RECONCILE]).into()
            }
            other => other,
        })?;
        Ok(found.map(|(found, _)| found))
    }

    /// Asks for what comes next. Whether the accelerator is gone.
    async fn delete(&mut self, found: &Accelerator) -> Result<bool, PassError> {
        if found.enabled {
            match send(self.cloud, plan::disable(&found.arn)).await {
                Err(error) if error.is(&["AcceleratorNotFoundException"]) => return Ok(true),
                disabled => drop(disabled.map_err(|error| failed(&error, &error))?),
            }
        }
        let observed = observe::listeners(self.cloud, &found.arn).await;
        let steps = plan::deletion(&observed.map_err(|error| failed(&error, &error))?);
        let is_busy = found.enabled || !steps.is_empty() || found.status != AcceleratorStatus::Deployed;
        let done = super::execute(self.cloud, steps, &mut self.memory.asked).await;
        done.map_err(|failure| failed(&failure.error, &failure))?;
        if is_busy {
            return Ok(false);
        }
        let request = Request::from(DeleteAccelerator { arn: found.arn.clone() });
        match self.cloud.call(request.clone()).await {
            Ok(_) => Ok(true),
            Err(error) if is_gone_already(&request, &error) => Ok(true),
            Err(error) if error.is(NOT_YET) => Ok(false),
            Err(error) => Err(failed(&error, &error)),
        }
    }

    async fn wait_for_disabling(&mut self) -> Result<ReconcileResult, PassError> {
        self.write_status(&AcceleratorOutcome::Deleting).await?;
        let words = "the accelerator is deleted once AWS has disabled it".to_owned();
        if self.memory.is_news(std::slice::from_ref(&words)) {
            self.memory.polls = 0;
            self.record_event(&Event::warning(Reason::FailedCleanup, &words));
        }
        Ok(ReconcileResult::RequeueAfter(self.memory.next_poll()))
    }
}

fn failed(error: &CloudError, text: &dyn Display) -> PassError {
    if matches!(error, CloudError::Fenced { .. }) {
        return PassError::NotLeader;
    }
    PassFailure::new(Reason::FailedCleanup, text, &[OF_RECONCILE]).lasting(super::is_lasting(error)).into()
}
