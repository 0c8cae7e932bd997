//! Leader election that a Go replica and a Rust replica can hold against each other during a swap.
//!
//! Same Lease, same record, same timing as client-go's `leaderelection`: validity is judged by when *we* last saw the
//! record change, never by comparing our clock with a time another node wrote. Unlike upstream the lease is released on
//! shutdown, so that a successor need not wait for it to expire.

use crate::api::Lease;
use crate::clock::now;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, PostParams};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How long a record is honoured after it was last seen to change.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long a leader keeps writing without a successful renewal.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How often a leader renews.
const RENEW_PERIOD: Duration = Duration::from_secs(2);
/// How often a follower looks. Upstream's role lets nobody watch the lease.
const WATCH_PERIOD: Duration = Duration::from_millis(500);

/// Whether this replica may write, shared with everything that does.
#[derive(Clone, Debug)]
pub struct Leadership(Arc<watch::Sender<Option<Instant>>>);

impl Leadership {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Leadership of a replica that needs no election.
    pub fn permanent() -> Self {
        let far = Instant::now() + Duration::from_hours(24 * 365 * 10);
        Self(Arc::new(watch::Sender::new(Some(far))))
    }

    /// Whether this replica is the leader right now.
    pub fn is_leader(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until this replica leads.
    pub async fn acquired(&self) {
        let mut leads = self.0.subscribe();
        // why: the sender lives as long as `self`, so waiting cannot fail.
        let _ = leads.wait_for(Option::is_some).await;
    }
}

/// Leader election ended: the lease could not be renewed in time.
#[derive(Debug, thiserror::Error)]
#[error("lost the lease {namespace}/{name}: {reason}")]
pub struct LeaseLost {
    namespace: String,
    name: String,
    reason: String,
}

/// This replica's part in the election.
pub struct Election {
    api: Api<Lease>,
    namespace: String,
    name: String,
    identity: String,
    leadership: Leadership,
    observed: Option<(LeaseSpec, Instant)>,
    renewed_slowly: Box<dyn Fn() + Send + Sync>,
}

/// What one look at the lease found.
enum Attempt {
    Held,
    HeldByOther,
}

impl Election {
    /// Takes part in the election for `namespace/name` as `identity`.
    pub fn new(client: Client, namespace: &str, name: &str, identity: String) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity,
            leadership: Leadership::new(),
            observed: None,
            renewed_slowly: Box::new(|| {}),
        }
    }

    /// Tells of every attempt to renew the lease that fails and is made again.
    #[must_use]
    pub fn on_slow_renewal(mut self, told: impl Fn() + Send + Sync + 'static) -> Self {
        self.renewed_slowly = Box::new(told);
        self
    }

    /// What others may ask.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Runs the election until the lease is lost. While it holds, [`Leadership`] says so.
    pub async fn run(&mut self) -> LeaseLost {
        self.acquire().await;
        tracing::info!(lease = %self.name, identity = %self.identity, "became leader");
        self.keep().await
    }

    /// Gives the lease up, so that a successor starts at once.
    pub async fn release(&mut self) {
        let held = self.leadership.is_leader();
        self.leadership.0.send_replace(None);
        if !held {
            return;
        }
        if let Err(error) = self.write_released().await {
            tracing::warn!(%error, "lease not released; a successor waits until it expires");
        }
    }

    async fn write_released(&mut self) -> Result<(), kube::Error> {
        let mut lease = self.api.get(&self.name).await?;
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(());
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(now()));
        self.api.replace(&self.name, &PostParams::default(), &lease).await.map(drop)
    }

    async fn acquire(&mut self) {
        loop {
            match self.attempt().await {
                Ok(Attempt::Held) => return,
                Ok(Attempt::HeldByOther) => {}
                Err(error) => tracing::warn!(%error, lease = %self.name, "lease not readable"),
            }
            sleep(WATCH_PERIOD).await;
        }
    }

    async fn keep(&mut self) -> LeaseLost {
        let mut renewed = Instant::now();
        loop {
            sleep(RENEW_PERIOD).await;
            let attempt = tokio::time::timeout_at(renewed + RENEW_DEADLINE, self.attempt()).await;
            let reason = match attempt {
                Ok(Ok(Attempt::Held)) => {
                    renewed = Instant::now();
                    continue;
                }
                Ok(Ok(Attempt::HeldByOther)) => "another replica holds it".to_owned(),
                Ok(Err(error)) if Instant::now() < renewed + RENEW_DEADLINE => {
                    tracing::warn!(%error, lease = %self.name, "lease not renewed yet");
                    (self.renewed_slowly)();
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer from the API server".to_owned(),
            };
            self.leadership.0.send_replace(None);
            return LeaseLost { namespace: self.namespace.clone(), name: self.name.clone(), reason };
        }
    }

    /// Reads the lease, and takes or renews it where that is allowed.
    async fn attempt(&mut self) -> Result<Attempt, kube::Error> {
        let started = Instant::now();
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let spec = self.record(None);
            let lease = Lease { metadata: self.metadata(), spec: Some(spec) };
            self.api.create(&PostParams::default(), &lease).await?;
            return Ok(self.held(started));
        };
        let current = lease.spec.take().unwrap_or_default();
        if self.is_held_by_other(&current) {
            return Ok(Attempt::HeldByOther);
        }
        lease.spec = Some(self.record(Some(&current)));
        self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        Ok(self.held(started))
    }

    fn held(&self, started: Instant) -> Attempt {
        self.leadership.0.send_replace(Some(started + RENEW_DEADLINE));
        Attempt::Held
    }

    fn metadata(&self) -> crate::api::ObjectMeta {
        crate::api::ObjectMeta {
            name: Some(self.name.clone()),
            namespace: Some(self.namespace.clone()),
            ..Default::default()
        }
    }

    fn is_held_by_other(&mut self, current: &LeaseSpec) -> bool {
        let holder = current.holder_identity.as_deref().unwrap_or_default();
        if holder.is_empty() || holder == self.identity {
            return false;
        }
        let seen = match &self.observed {
            Some((record, seen)) if record == current => *seen,
            _ => {
                let seen = Instant::now();
                self.observed = Some((current.clone(), seen));
                seen
            }
        };
        seen.elapsed() < LEASE_DURATION
    }

    /// Our record, given the one that stands.
    fn record(&self, current: Option<&LeaseSpec>) -> LeaseSpec {
        let ours = current.is_some_and(|spec| spec.holder_identity.as_deref() == Some(&self.identity));
        let transitions = current.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let at = MicroTime(now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
            acquire_time: current
                .filter(|_| ours)
                .and_then(|spec| spec.acquire_time.clone())
                .or(Some(at.clone())),
            renew_time: Some(at),
            lease_transitions: Some(if ours || current.is_none() { transitions } else { transitions + 1 }),
            ..LeaseSpec::default()
        }
    }
}

#[cfg(test)]
mod tests;
