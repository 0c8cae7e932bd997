//! An AWS that takes its time and has enough of callers who do not.

use aws_load_balancer_controller::{
    aws::{Cloud, CloudFuture},
    aws_api::{CloudError, Request, Service},
};
use parking_lot::Mutex;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};

/// How often a client tries, and how long it pauses first, as the AWS SDKs do.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How fast AWS answers, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From a call to its answer.
    pub latency: Duration,
    /// Calls at once. Each service has one such bucket for reads and one for writes.
    pub burst: f64,
    /// Calls a second.
    pub rate: f64,
}

impl Pace {
    /// 20 ms a call, and the request buckets that AWS documents for Elastic Load Balancing: 40 calls, and 10 a second.
    pub fn documented() -> Self {
        Self { latency: Duration::from_millis(20), burst: 40.0, rate: 10.0 }
    }
}

/// A cloud with that pace, and the retries of an SDK in front of it.
pub struct Paced<C> {
    inner: C,
    pace: Pace,
    buckets: Mutex<BTreeMap<(Service, bool), Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<C> Paced<C> {
    /// Slows a cloud down.
    pub fn new(inner: C, pace: Pace) -> Self {
        Self { inner, pace, buckets: Mutex::default() }
    }

    fn admits(&self, request: &Request) -> bool {
        let (now, Pace { burst, rate, .. }) = (Instant::now(), self.pace);
        let key = (request.action().service(), request.action().is_write());
        let mut buckets = self.buckets.lock();
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: burst, at: now });
        bucket.tokens = (bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * rate).min(burst);
        bucket.at = now;
        let is_admitted = bucket.tokens >= 1.0;
        if is_admitted {
            bucket.tokens -= 1.0;
        }
        is_admitted
    }
}

impl<C: Cloud> Cloud for Paced<C> {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            let mut pause = PAUSE;
            for _ in 0..ATTEMPTS {
                sleep(self.pace.latency).await;
                if self.admits(&request) {
                    return self.inner.call(request).await;
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(CloudError::Service {
                operation: request.action().name(),
                code: "Throttling".to_owned(),
                message: "Rate exceeded".to_owned(),
                request_id: None,
            })
        })
    }
}
