//! Which VPC the cluster lives in: given, found by tags, or told by the node. Matches upstream's `pkg/aws`.

use super::metadata::MetadataError;
use super::{Cloud, pages, send};
use crate::aws_api::ec2::{DescribeInstances, DescribeVpcs, Filter};
use crate::aws_api::{CloudError, Tags};
use std::future::Future;

/// How to find the VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcSettings {
    /// `--aws-vpc-id`; not verified.
    pub id: String,
    /// `--aws-vpc-tags`; all must match.
    pub tags: Tags,
    /// `NODENAME`; used as an instance id if it is one.
    pub node_name: String,
}

/// Why the VPC is unknown.
#[derive(Debug, thiserror::Error)]
pub enum VpcError {
    /// AWS could not be asked.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The tags do not pick exactly one VPC.
    #[error("--aws-vpc-tags must match exactly one VPC, and match {}", found(.0))]
    Tags(Vec<String>),
    /// The instance behind `NODENAME` is not exactly one.
    #[error("NODENAME {node_name:?} must be exactly one instance, and is {instances}")]
    Instances {
        /// The instance id.
        node_name: String,
        /// How many AWS knows.
        instances: usize,
    },
    /// Nothing tells the VPC.
    #[error("no VPC: set --aws-vpc-id or --aws-vpc-tags, because instance metadata gave none: {0}")]
    Unknown(MetadataError),
}

fn found(ids: &[String]) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}

/// The VPC by flag, else by tags, else from instance metadata, else from the instance that `NODENAME` names.
pub async fn resolve_vpc(
    cloud: &(impl Cloud + ?Sized),
    settings: &VpcSettings,
    metadata: impl Future<Output = Result<String, MetadataError>>,
) -> Result<String, VpcError> {
    if !settings.id.is_empty() {
        return Ok(settings.id.clone());
    }
    if !settings.tags.is_empty() {
        return vpc_by_tags(cloud, &settings.tags).await;
    }
    match metadata.await {
        Ok(id) => Ok(id),
        // why: the instance says it as well; if it cannot be asked either, that is the error
        Err(_) if settings.node_name.starts_with("i-") => vpc_of_instance(cloud, &settings.node_name).await,
        Err(error) => Err(VpcError::Unknown(error)),
    }
}

async fn vpc_by_tags(cloud: &(impl Cloud + ?Sized), tags: &Tags) -> Result<String, VpcError> {
    let filters = tags.iter().map(|(key, value)| Filter::new(format!("tag:{key}"), [value])).collect();
    let vpcs = pages::all(cloud, DescribeVpcs { filters, ..DescribeVpcs::default() }).await?;
    let mut ids: Vec<String> = vpcs.into_iter().map(|vpc| vpc.id).collect();
    match (ids.pop(), ids.is_empty()) {
        (Some(id), true) => Ok(id),
        (last, _) => Err(VpcError::Tags(ids.into_iter().chain(last).collect())),
    }
}

async fn vpc_of_instance(cloud: &(impl Cloud + ?Sized), node_name: &str) -> Result<String, VpcError> {
    let request =
        DescribeInstances { instance_ids: vec![node_name.to_owned()], ..DescribeInstances::default() };
    let instances = send(cloud, request).await?.items;
    match instances.as_slice() {
        [only] => Ok(only.vpc_id.clone()),
        others => Err(VpcError::Instances { node_name: node_name.to_owned(), instances: others.len() }),
    }
}

#[cfg(test)]
mod tests;
