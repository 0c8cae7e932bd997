//! What AWS has.

use crate::aws::{Cloud, pages, send};
use crate::aws_api::global_accelerator::{
    Accelerator, DescribeAccelerator, ListAcceleratorListeners, ListAcceleratorTags, ListAccelerators,
    ListEndpointGroups,
};
use crate::aws_api::{CloudError, Tags};
use crate::global_accelerator::plan::{ObservedListeners, belongs_to_another, is_own};
use futures::{StreamExt, TryStreamExt};

/// Calls under way at once.
const CALLS_AT_ONCE: usize = 4;

/// Codes by which AWS says that there is no such accelerator, or no such listener of one.
const NO_ACCELERATOR: &[&str] = &["AcceleratorNotFoundException"];
const NO_LISTENER: &[&str] = &["ListenerNotFoundException"];

/// The accelerator with an ARN and its tags; `None`: there is none, or it is another object's.
pub(super) async fn accelerator_of(
    cloud: &dyn Cloud,
    arn: &str,
    tracking: &Tags,
) -> Result<Option<(Accelerator, Tags)>, CloudError> {
    let Some(found) = describe(cloud, arn).await? else { return Ok(None) };
    let Some(tags) = tags_of(cloud, arn).await? else { return Ok(None) };
    if belongs_to_another(&tags, tracking) {
        tracing::warn!(
            arn,
            "the accelerator in the status belongs to another object or cluster and is left alone"
        );
        return Ok(None);
    }
    Ok(Some((found, tags)))
}

/// The accelerator with an ARN, if there is one.
pub(super) async fn describe(cloud: &dyn Cloud, arn: &str) -> Result<Option<Accelerator>, CloudError> {
    match send(cloud, DescribeAccelerator { arn: arn.to_owned() }).await {
        Err(error) if error.is(NO_ACCELERATOR) => Ok(None),
        described => described.map(Some),
    }
}

async fn tags_of(cloud: &dyn Cloud, arn: &str) -> Result<Option<Tags>, CloudError> {
    match send(cloud, ListAcceleratorTags { arn: arn.to_owned() }).await {
        Err(error) if error.is(NO_ACCELERATOR) => Ok(None),
        listed => listed.map(Some),
    }
}

/// The accelerator that carries the tags of an object.
///
/// why: an answer may be lost, a process may end before it has written an ARN down, and a status may be lost
pub(super) async fn find_by_tags(
    cloud: &dyn Cloud,
    tracking: &Tags,
) -> Result<Option<(Accelerator, Tags)>, CloudError> {
    let all = pages::all(cloud, ListAccelerators::default()).await?;
    // why owned: a closure over borrowed items keeps the future from being sent to another thread
    let looks = futures::stream::iter(all).map(|found| async move {
        let tags = tags_of(cloud, &found.arn).await?;
        Ok::<_, CloudError>(tags.map(|tags| (found, tags)))
    });
    let tagged: Vec<Option<(Accelerator, Tags)>> = looks.buffered(CALLS_AT_ONCE).try_collect().await?;
    let mut own: Vec<(Accelerator, Tags)> =
        tagged.into_iter().flatten().filter(|(_, tags)| is_own(tags, tracking)).collect();
    own.sort_by(|(one, _), (other, _)| one.arn.cmp(&other.arn));
    for (other, _) in own.iter().skip(1) {
        tracing::warn!(arn = other.arn, "another accelerator carries the tags of the same GlobalAccelerator");
    }
    Ok(own.into_iter().next())
}

/// The listeners of an accelerator with their endpoint groups.
pub(super) async fn listeners(cloud: &dyn Cloud, arn: &str) -> Result<ObservedListeners, CloudError> {
    let request = ListAcceleratorListeners { accelerator_arn: arn.to_owned(), next_token: None };
    let all = match pages::all(cloud, request).await {
        Err(error) if error.is(NO_ACCELERATOR) => return Ok(ObservedListeners::default()),
        listed => listed?,
    };
    let looks = futures::stream::iter(all).map(|listener| async move {
        let request = ListEndpointGroups { listener_arn: listener.arn.clone(), next_token: None };
        match pages::all(cloud, request).await {
            Err(error) if error.is(NO_LISTENER) => Ok(None),
            listed => listed.map(|groups| Some((listener, groups))),
        }
    });
    let listeners: Vec<Option<_>> = looks.buffered(CALLS_AT_ONCE).try_collect().await?;
    Ok(ObservedListeners { listeners: listeners.into_iter().flatten().collect() })
}
