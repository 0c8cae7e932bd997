//! Calls that set values of several members of an Ingress group at once. One that is refused because of one of the values is made
//! again in parts, until what is refused is that value alone.

use crate::aws::Cloud;
use crate::aws_api::{CloudError, Request};
use crate::deploy::ResourceCache;
use crate::deploy::targets::batch::{Batch, BatchResult, RefusalReason, is_about_items, send_parts};
use crate::model::StackId;
use crate::plan::{Stage, Step};
use futures::future::BoxFuture;

/// Keys of values that AWS judges together.
pub(super) type Keys = Vec<String>;

/// Whether a refusal may be about one of several values, which may be different members'.
pub(super) fn is_about_values(step: &Step, request: &Request, error: &CloudError) -> bool {
    matches!(step.stage, Stage::LoadBalancers | Stage::Listeners | Stage::SecurityGroups)
        && is_about_items(error)
        && !request.value_keys().is_empty()
}

/// Makes a call that was refused again in parts. `error`: what AWS said to all of it.
pub(super) async fn send_apart(call: &ValueCall<'_>, error: CloudError) -> BatchResult<Keys> {
    let keys = call.request.value_keys();
    if let [only] = keys.as_slice() {
        return BatchResult { refused: vec![(only.clone(), error)], failure: None };
    }
    let (first, second) = keys.split_at(keys.len() / 2);
    send_parts(call, vec![first.to_vec(), second.to_vec()]).await
}

/// A call that sets values.
pub(super) struct ValueCall<'c> {
    pub cloud: &'c dyn Cloud,
    pub resource_cache: &'c ResourceCache,
    pub stack: &'c StackId,
    pub request: &'c Request,
}

impl Batch for ValueCall<'_> {
    type Item = Keys;

    fn send<'a>(&'a self, items: &'a [Keys]) -> BoxFuture<'a, Result<(), CloudError>> {
        Box::pin(async move {
            let request = self.request.with_values(&items.concat());
            let response = self.cloud.call(request.clone()).await?;
            self.resource_cache.record(self.stack, &request, &response);
            Ok(())
        })
    }

    fn blame(&self, error: &CloudError) -> RefusalReason {
        if is_about_items(error) { RefusalReason::Item } else { RefusalReason::Call }
    }
}
