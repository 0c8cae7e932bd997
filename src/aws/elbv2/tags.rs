//! Tags of load balancers, target groups, listeners and rules.

use crate::aws::sdk::{answered, done, id, some};
use crate::aws_api::elbv2::{AddTags, DescribeTags, RemoveTags};
use crate::aws_api::{Action, CloudError, Tags};
use aws_sdk_elasticloadbalancingv2::{Client, types};
use std::collections::BTreeMap;

pub(super) async fn describe(
    client: &Client,
    request: DescribeTags,
) -> Result<BTreeMap<String, Tags>, CloudError> {
    let call = client.describe_tags().set_resource_arns(some(request.arns));
    let answer = answered(Action::DescribeTags, call.send().await)?;
    let descriptions = answer.tag_descriptions.unwrap_or_default().into_iter();
    Ok(descriptions.filter_map(|entry| Some((entry.resource_arn?, from_sdk(entry.tags)))).collect())
}

pub(super) async fn add(client: &Client, request: AddTags) -> Result<(), CloudError> {
    const ACTION: Action = Action::AddTags;
    let call = client.add_tags().resource_arns(id(ACTION, &request.arn)?).set_tags(to_sdk(request.tags));
    done(ACTION, call.send().await)
}

pub(super) async fn remove(client: &Client, request: RemoveTags) -> Result<(), CloudError> {
    const ACTION: Action = Action::RemoveTags;
    let call = client.remove_tags().resource_arns(id(ACTION, &request.arn)?).set_tag_keys(some(request.keys));
    done(ACTION, call.send().await)
}

/// Tags as a create call takes them; none are not sent.
pub(super) fn to_sdk(tags: Tags) -> Option<Vec<types::Tag>> {
    let tag = |(key, value): (String, String)| types::Tag::builder().key(key).value(value).build();
    some(tags.into_iter().map(tag).collect())
}

fn from_sdk(tags: Option<Vec<types::Tag>>) -> Tags {
    let pairs = tags.unwrap_or_default().into_iter();
    pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}
