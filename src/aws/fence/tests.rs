#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws::send;
use crate::aws_api::{Response, elbv2};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

struct Yes;

impl Cloud for Yes {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            Ok(match request {
                Request::DescribeTags(_) => Response::DescribeTags(std::collections::BTreeMap::new()),
                _ => Response::AddTags(()),
            })
        })
    }
}

#[tokio::test]
async fn only_the_leader_writes_and_everyone_reads() {
    let leader = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&leader);
    let cloud = Fenced::new(Yes, Arc::new(move || watched.load(Ordering::SeqCst)));
    let refused = send(&cloud, elbv2::AddTags::default()).await;
    assert_eq!(refused, Err(CloudError::Fenced { operation: "AddTags" }));
    assert!(send(&cloud, elbv2::DescribeTags::default()).await.is_ok());
    leader.store(true, Ordering::SeqCst);
    assert!(send(&cloud, elbv2::AddTags::default()).await.is_ok());
}
