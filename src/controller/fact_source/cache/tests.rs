#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

async fn asked(cache: &FactCache, lookup: &Lookup, count: &AtomicUsize) {
    let ask = || async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        count.fetch_add(1, Ordering::Relaxed);
        Ok(AwsFact::Arn(None))
    };
    cache.get_or_fetch(lookup, ask).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_same_question_is_asked_once_at_a_time_and_once_in_its_lifetime() {
    let (cache, count) = (FactCache::default(), AtomicUsize::new(0));
    let lookup = Lookup::Certificates;
    tokio::join!(asked(&cache, &lookup, &count), asked(&cache, &lookup, &count));
    asked(&cache, &lookup, &count).await;
    assert_eq!(count.load(Ordering::Relaxed), 1);

    tokio::time::advance(Duration::from_secs(61)).await;
    asked(&cache, &lookup, &count).await;
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_remembered() {
    let (cache, count) = (FactCache::default(), AtomicUsize::new(0));
    let unreachable = || CloudError::Unreachable { operation: "ListCertificates", message: String::new() };
    let failed = cache.get_or_fetch(&Lookup::Certificates, || async { Err(unreachable()) }).await;
    assert!(failed.is_err());
    asked(&cache, &Lookup::Certificates, &count).await;
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_disappointment_only_fresh_answers_are_believed() {
    let (cache, count) = (FactCache::default(), AtomicUsize::new(0));
    asked(&cache, &Lookup::Vpc, &count).await;
    cache.invalidate();
    asked(&cache, &Lookup::Vpc, &count).await;
    assert_eq!(count.load(Ordering::Relaxed), 1, "it was said just now");

    tokio::time::advance(Duration::from_secs(4)).await;
    cache.invalidate();
    asked(&cache, &Lookup::Vpc, &count).await;
    assert_eq!(count.load(Ordering::Relaxed), 2);
}
