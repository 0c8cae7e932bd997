#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws::CloudFuture;
use crate::aws_api::ec2::{DescribePage, Instance, Vpc};
use crate::aws_api::{Request, Response};

/// Knows some VPCs, whatever the filters, and one instance.
struct World(&'static [&'static str]);

impl Cloud for World {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            Ok(match request {
                Request::DescribeVpcs(request) => {
                    assert_eq!(request.filters[0], Filter::new("tag:env", ["prod"]));
                    let vpc = |id: &&str| Vpc { id: (*id).to_owned(), ..Vpc::default() };
                    Response::DescribeVpcs(DescribePage {
                        items: self.0.iter().map(vpc).collect(),
                        next_token: None,
                    })
                }
                Request::DescribeInstances(request) => {
                    let known = request.instance_ids == ["i-1"];
                    let instance = Instance { vpc_id: "vpc-node".to_owned(), ..Instance::default() };
                    let items = known.then_some(instance).into_iter().collect();
                    Response::DescribeInstances(DescribePage { items, next_token: None })
                }
                other => panic!("unexpected {other:?}"),
            })
        })
    }
}

fn settings(id: &str, tagged: bool, node_name: &str) -> VpcSettings {
    let tags = tagged.then(|| ("env".to_owned(), "prod".to_owned())).into_iter().collect();
    VpcSettings { id: id.to_owned(), tags, node_name: node_name.to_owned() }
}

async fn resolve(vpcs: &'static [&'static str], settings: VpcSettings, metadata: Option<&str>) -> String {
    let metadata = metadata.map(str::to_owned).ok_or(MetadataError::Disabled);
    match resolve_vpc(&World(vpcs), &settings, async { metadata }).await {
        Ok(id) => id,
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn flag_tags_metadata_and_node_are_asked_in_this_order() {
    assert_eq!(resolve(&["vpc-t"], settings("vpc-f", true, "i-1"), Some("vpc-m")).await, "vpc-f");
    assert_eq!(resolve(&["vpc-t"], settings("", true, "i-1"), Some("vpc-m")).await, "vpc-t");
    assert_eq!(resolve(&[], settings("", false, "i-1"), Some("vpc-m")).await, "vpc-m");
    assert_eq!(resolve(&[], settings("", false, "i-1"), None).await, "vpc-node");
}

#[tokio::test]
async fn what_is_not_exactly_one_is_refused() {
    let none = resolve(&[], settings("", true, ""), None).await;
    assert!(none.ends_with("match none"), "{none}");
    let two = resolve(&["vpc-a", "vpc-b"], settings("", true, ""), None).await;
    assert!(two.ends_with("match vpc-a, vpc-b"), "{two}");
    let gone = resolve(&[], settings("", false, "i-2"), None).await;
    assert!(gone.contains("exactly one instance, and is 0"), "{gone}");
    let unknown = resolve(&[], settings("", false, "ip-10-0-0-1.internal"), None).await;
    assert!(unknown.contains("--aws-vpc-id"), "{unknown}");
}
