//! Leader election that a Go replica and a Rust replica can hold against each other during a swap.
//!
//! Same Lease, same record, same timing as client-go's `leaderelection`: validity is judged by when *we* last saw the
//! record change, never by comparing our clock with a time another node wrote. Unlike upstream the lease is released on
//! shutdown, so that a successor need not wait for it to expire, and a replica that lost it takes part in the election again.
//!
//! A leader writes until ten seconds after it made the request with which it last renewed the lease; a successor waits for
//! fifteen seconds after it saw that renewal. So what a former leader handed to its sockets has five seconds to arrive before
//! anybody else writes.

use crate::api::Lease;
use crate::clock::{Moment, Wall, now};
use crate::fence::MayWrite;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, PostParams};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How long a record is honoured after it was last seen to change.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long a leader keeps writing without a successful renewal.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How often a leader renews.
const RENEW_PERIOD: Duration = Duration::from_secs(2);
/// How often a follower looks. Upstream's role lets nobody watch the lease.
const WATCH_PERIOD: Duration = Duration::from_millis(500);
/// How long one look at the lease, or one renewal, may take; then the next is made, on another connection.
const ATTEMPT: Duration = Duration::from_secs(4);
/// A replica that heard nothing of the API server for this long cannot know what has happened meanwhile.
const CUT_OFF: Duration = Duration::from_secs(4);
/// A leader that was cut off as well has this long to renew its lease before another replica takes it.
const GRACE: Duration = Duration::from_secs(3);

/// Whether this replica may write, shared with everything that does.
#[derive(Clone, Debug)]
pub struct Leadership(Arc<watch::Sender<Option<LeaseHold>>>);

/// How a leader holds the lease.
#[derive(Clone, Copy, Debug)]
enum LeaseHold {
    /// It needs none.
    WithoutLease,
    /// The request was made then with which the lease was last renewed.
    Renewed(Moment),
}

impl LeaseHold {
    /// How long it may still be relied upon.
    fn left(self) -> Option<Duration> {
        match self {
            Self::WithoutLease => Some(Duration::MAX),
            Self::Renewed(at) => RENEW_DEADLINE.checked_sub(at.elapsed()).filter(|left| !left.is_zero()),
        }
    }
}

impl Leadership {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Leadership of a replica that needs no election.
    pub fn permanent() -> Self {
        Self(Arc::new(watch::Sender::new(Some(LeaseHold::WithoutLease))))
    }

    /// Whether this replica is the leader right now.
    pub fn is_leader(&self) -> bool {
        self.left().is_some()
    }

    /// The same, as a question that can be asked later.
    pub fn may_write(&self) -> MayWrite {
        let this = self.clone();
        Arc::new(move || this.is_leader())
    }

    /// How long this replica leads even if nothing is heard of the API server; `None`: it does not lead.
    fn left(&self) -> Option<Duration> {
        self.0.borrow().and_then(LeaseHold::left)
    }

    fn begin(&self, asked: Moment) {
        self.0.send_replace(Some(LeaseHold::Renewed(asked)));
    }

    /// Goes on leading. Whether that is still possible: a lease that has run out is not renewed, it is acquired anew.
    fn go_on(&self, asked: Moment) -> bool {
        let is_leader = self.is_leader();
        if is_leader {
            self.begin(asked);
        }
        is_leader
    }

    fn end(&self) {
        self.0.send_replace(None);
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
    /// When the API server last answered a look at the lease.
    answered: Option<Moment>,
    wall: Wall,
    renewed_slowly: Box<dyn Fn() + Send + Sync>,
    returned: Box<dyn Fn() + Send + Sync>,
}

/// What one look at the lease found.
enum LeaseAttempt {
    /// It is ours, by a request that was made then.
    Held(Moment),
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
            answered: None,
            wall: now,
            renewed_slowly: Box::new(|| {}),
            returned: Box::new(|| {}),
        }
    }

    /// Calls this for every attempt to renew the lease that fails and is made again.
    #[must_use]
    pub fn on_slow_renewal(mut self, told: impl Fn() + Send + Sync + 'static) -> Self {
        self.renewed_slowly = Box::new(told);
        self
    }

    /// Reads the wall clock like this.
    #[must_use]
    pub fn with_wall_clock(mut self, wall: Wall) -> Self {
        self.wall = wall;
        self
    }

    /// Calls this whenever the API server answers after it did not for so long that changes can have been missed.
    pub fn on_return(&mut self, returned: impl Fn() + Send + Sync + 'static) {
        self.returned = Box::new(returned);
    }

    /// What others may ask.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Leads once: acquires the lease and keeps it until it is lost. While it holds, [`Leadership`] says so.
    pub async fn run(&mut self) -> LeaseLost {
        self.acquire().await;
        self.keep().await
    }

    /// Gives the lease up, so that a successor starts at once.
    pub async fn release(&mut self) {
        let held = self.leadership.is_leader();
        self.leadership.end();
        if !held {
            return;
        }
        match timeout(ATTEMPT, self.write_released()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "lease not released; a successor waits until it expires");
            }
            // why: the time-out is the error
            Err(_) => tracing::warn!("lease not released in time; a successor waits until it expires"),
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

    /// Waits until the lease is ours.
    pub async fn acquire(&mut self) {
        let mut is_readable = true;
        loop {
            let failure = match timeout(ATTEMPT, self.attempt()).await {
                Ok(Ok(LeaseAttempt::Held(asked))) => {
                    self.leadership.begin(asked);
                    tracing::info!(lease = %self.name, identity = %self.identity, "became leader");
                    return;
                }
                Ok(Ok(LeaseAttempt::HeldByOther)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                // why: the time-out is the error
                Err(_) => Some("no answer from the API server".to_owned()),
            };
            if let Some(error) = failure.as_ref().filter(|_| is_readable) {
                tracing::warn!(%error, lease = %self.name, "lease not readable");
            }
            is_readable = failure.is_none();
            sleep(WATCH_PERIOD).await;
        }
    }

    /// Renews the lease until that is not possible in time.
    pub async fn keep(&mut self) -> LeaseLost {
        loop {
            sleep(RENEW_PERIOD).await;
            let Some(left) = self.leadership.left() else { return self.lost("it was not renewed in time") };
            let error = match timeout(left.min(ATTEMPT), self.attempt()).await {
                Ok(Ok(LeaseAttempt::Held(asked))) if self.leadership.go_on(asked) => continue,
                Ok(Ok(LeaseAttempt::Held(_))) => return self.lost("it was renewed too late"),
                Ok(Ok(LeaseAttempt::HeldByOther)) => return self.lost("another replica holds it"),
                Ok(Err(error)) => error.to_string(),
                // why: the time-out is the error
                Err(_) => "no answer from the API server".to_owned(),
            };
            if !self.leadership.is_leader() {
                return self.lost(&error);
            }
            tracing::warn!(%error, lease = %self.name, "lease not renewed yet");
            (self.renewed_slowly)();
        }
    }

    fn lost(&self, reason: &str) -> LeaseLost {
        self.leadership.end();
        let (namespace, name) = (self.namespace.clone(), self.name.clone());
        LeaseLost { namespace, name, reason: reason.to_owned() }
    }

    /// Reads the lease, and takes or renews it where that is allowed.
    async fn attempt(&mut self) -> Result<LeaseAttempt, kube::Error> {
        let asked = Moment::now(self.wall);
        let found = self.api.get_opt(&self.name).await?;
        self.note_answer();
        let Some(mut lease) = found else {
            let spec = self.record(None);
            let lease = Lease { metadata: self.metadata(), spec: Some(spec) };
            self.api.create(&PostParams::default(), &lease).await?;
            return Ok(LeaseAttempt::Held(asked));
        };
        let current = lease.spec.take().unwrap_or_default();
        if self.is_held_by_other(&current) {
            return Ok(LeaseAttempt::HeldByOther);
        }
        lease.spec = Some(self.record(Some(&current)));
        self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        Ok(LeaseAttempt::Held(asked))
    }

    /// Notes that the API server has answered.
    fn note_answer(&mut self) {
        let before = self.answered.replace(Moment::now(self.wall));
        if before.is_none_or(|before| before.elapsed() < CUT_OFF) {
            return;
        }
        if let Some((_, seen)) = &mut self.observed
            && let Some(at_least) = Instant::now().checked_sub(LEASE_DURATION.saturating_sub(GRACE))
        {
            *seen = at_least.max(*seen);
        }
        (self.returned)();
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
