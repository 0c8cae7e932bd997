//! Reading lists to their end, and tags in chunks.

use super::{Cloud, send};
use crate::aws_api::{
    CloudError, Operation, Tags, acm, ec2, elbv2, global_accelerator, iam, protection, route53,
};
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeMap;

/// ARNs that one `DescribeTags` call takes.
pub(crate) const ARNS_PER_CALL: usize = 20;

/// `DescribeTags` calls under way at once.
const CHUNKS_AT_ONCE: usize = 8;

/// A list operation that answers page by page.
pub trait Paged: Operation + Clone {
    /// What is listed.
    type Item;
    /// Asks for the page after this token.
    fn continue_at(&mut self, token: String);
    /// The items of a page and the token of the next.
    fn split(page: Self::Output) -> (Vec<Self::Item>, Option<String>);
}

macro_rules! paged {
    ($($request:ty: $item:ty, $token:ident, |$page:ident| $split:expr;)*) => {$(
        impl Paged for $request {
            type Item = $item;

            fn continue_at(&mut self, token: String) {
                self.$token = Some(token);
            }

            fn split($page: Self::Output) -> (Vec<$item>, Option<String>) {
                $split
            }
        }
    )*};
}

paged! {
    elbv2::DescribeLoadBalancers: elbv2::LoadBalancer, marker, |page| (page.items, page.next_marker);
    elbv2::DescribeTargetGroups: elbv2::TargetGroup, marker, |page| (page.items, page.next_marker);
    elbv2::DescribeListeners: elbv2::Listener, marker, |page| (page.items, page.next_marker);
    elbv2::DescribeRules: elbv2::Rule, marker, |page| (page.items, page.next_marker);
    elbv2::DescribeListenerCertificates: elbv2::ListenerCertificate, marker, |page| (page.items, page.next_marker);
    elbv2::DescribeTrustStores: elbv2::TrustStore, marker, |page| (page.items, page.next_marker);
    ec2::DescribeSubnets: ec2::Subnet, next_token, |page| (page.items, page.next_token);
    ec2::DescribeVpcs: ec2::Vpc, next_token, |page| (page.items, page.next_token);
    ec2::DescribeSecurityGroups: ec2::SecurityGroup, next_token, |page| (page.items, page.next_token);
    ec2::DescribeRouteTables: ec2::RouteTable, next_token, |page| (page.items, page.next_token);
    ec2::DescribeInstances: ec2::Instance, next_token, |page| (page.items, page.next_token);
    ec2::DescribeNetworkInterfaces: ec2::NetworkInterface, next_token, |page| (page.items, page.next_token);
    acm::ListCertificates: acm::CertificateSummary, next_token, |page| (page.certificates, page.next_token);
    route53::ListHostedZones: route53::HostedZone, marker, |page| (page.zones, page.next_marker);
    iam::SimulatePrincipalPolicy: iam::Evaluation, marker, |page| (page.evaluations, page.marker);
    global_accelerator::ListAccelerators: global_accelerator::Accelerator, next_token, |page| (page.items, page.next_token);
    global_accelerator::ListAcceleratorListeners: global_accelerator::Listener, next_token, |page| (page.items, page.next_token);
    global_accelerator::ListEndpointGroups: global_accelerator::EndpointGroup, next_token, |page| (page.items, page.next_token);
    protection::ListWafv2WebAcls: (String, String), next_marker, |page| (page.web_acls, page.next_marker);
}

/// Every item of a list. One call, and one throttle token, a page.
pub async fn all<P: Paged>(
    cloud: &(impl Cloud + ?Sized),
    mut request: P,
) -> Result<Vec<P::Item>, CloudError> {
    let mut items = Vec::new();
    loop {
        let (page, next) = P::split(send(cloud, request.clone()).await?);
        items.extend(page);
        match next.filter(|token| !token.is_empty()) {
            Some(token) => request.continue_at(token),
            None => return Ok(items),
        }
    }
}

/// Tags of many ELBv2 resources. Resources that vanish meanwhile are left out instead of failing the rest.
pub async fn tags(
    cloud: &(impl Cloud + ?Sized),
    arns: &[String],
) -> Result<BTreeMap<String, Tags>, CloudError> {
    // why: owned, because a closure over borrowed chunks keeps the future from being sent to another thread
    let chunks: Vec<Vec<String>> = arns.chunks(ARNS_PER_CALL).map(<[String]>::to_vec).collect();
    let calls = futures::stream::iter(chunks).map(|chunk| tags_of_chunk(cloud, chunk));
    let found: Vec<BTreeMap<String, Tags>> = calls.buffered(CHUNKS_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn tags_of_chunk(
    cloud: &(impl Cloud + ?Sized),
    arns: Vec<String>,
) -> Result<BTreeMap<String, Tags>, CloudError> {
    match send(cloud, elbv2::DescribeTags { arns: arns.clone() }).await {
        Err(error) if is_gone(&error) => tags_one_by_one(cloud, &arns).await,
        answered => answered.and_then(|tags| complete(tags, &arns)),
    }
}

/// why: `DescribeTags` fails for all when one of its resources is gone.
async fn tags_one_by_one(
    cloud: &(impl Cloud + ?Sized),
    arns: &[String],
) -> Result<BTreeMap<String, Tags>, CloudError> {
    let mut tags = BTreeMap::new();
    for arn in arns {
        match send(cloud, elbv2::DescribeTags { arns: vec![arn.clone()] }).await {
            Ok(found) => tags.extend(complete(found, std::slice::from_ref(arn))?),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(tags)
}

/// An answer that leaves a resource out does not say that it has no tags: then it would stand there with none.
fn complete(tags: BTreeMap<String, Tags>, arns: &[String]) -> Result<BTreeMap<String, Tags>, CloudError> {
    match arns.iter().find(|arn| !tags.contains_key(*arn)) {
        Some(missing) => Err(CloudError::Malformed {
            operation: elbv2::DescribeTags::ACTION.name(),
            message: format!("the answer leaves out {missing}"),
        }),
        None => Ok(tags),
    }
}

fn is_gone(error: &CloudError) -> bool {
    error.is(&["LoadBalancerNotFound", "TargetGroupNotFound", "ListenerNotFound", "RuleNotFound"])
}
