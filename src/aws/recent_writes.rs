//! Our own recent writes, added to every answer about what they changed.
//!
//! AWS's reads may lag behind its writes. A read that does not show yet what this process wrote itself is no reason to
//! create, change or delete anything. [`ReadYourWrites`] keeps every write that AWS confirmed for [`KEPT`], and applies those that
//! concern a read to its answer, in the order in which they were made. What a read shows already does not change by that; and
//! a resource that AWS does not know yet counts as there. What others change about the same thing meanwhile shows after
//! [`KEPT`]. A write about something that was created a moment ago, and that AWS does not know yet, is made again at once.
//!
//! Upstream has nothing like it.

mod answer;
mod elbv2;
mod protection;
mod security_groups;

use super::assume_role::{AssumedRole, CloudFor};
use super::throttle::{Reservation, Urgency};
use super::{Cloud, CloudFuture};
use crate::aws_api::{Action, CloudError, Request, Response};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// AWS may say for this long after a creation that there is no such thing …
const SPREADING: Duration = Duration::from_secs(10);
/// … and is asked again after this pause.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a write outlives reads. Reads that lag by more than this are believed.
pub const KEPT: Duration = Duration::from_mins(2);

/// A write that AWS confirmed.
struct RecentWrite {
    at: Instant,
    /// Its place in the order of all writes.
    number: u64,
    request: Request,
    /// `None`: AWS said that what was to be deleted does not exist.
    response: Option<Response>,
    /// ARNs and ids of what it concerns.
    about: Vec<String>,
}

/// Recent writes, in order.
#[derive(Default)]
pub struct RecentWrites {
    state: Mutex<RecentWritesState>,
}

#[derive(Default)]
struct RecentWritesState {
    next: u64,
    writes: VecDeque<Arc<RecentWrite>>,
    /// Writes by ARN or id of what they concern.
    by_resource: BTreeMap<String, Vec<Arc<RecentWrite>>>,
}

impl RecentWrites {
    /// Takes note of a write.
    fn note(&self, request: Request, response: Option<Response>) {
        let about = answer::subjects(&request, response.as_ref());
        let mut state = self.state.lock();
        state.expire();
        let number = state.next;
        state.next += 1;
        let write = Arc::new(RecentWrite { at: Instant::now(), number, request, response, about });
        for subject in &write.about {
            state.by_resource.entry(subject.clone()).or_default().push(write.clone());
        }
        state.writes.push_back(write);
    }

    /// The writes that concern any of these, in order; `None`: all.
    fn writes(&self, about: Option<&[String]>) -> Vec<Arc<RecentWrite>> {
        let mut state = self.state.lock();
        state.expire();
        let Some(about) = about else { return state.writes.iter().cloned().collect() };
        let found = about.iter().filter_map(|subject| state.by_resource.get(subject)).flatten();
        let found: BTreeMap<u64, &Arc<RecentWrite>> = found.map(|write| (write.number, write)).collect();
        found.into_values().cloned().collect()
    }

    /// Gives up the memory of what is older than [`KEPT`], which reads would do, too, if there were any.
    pub fn forget_old(&self) {
        self.state.lock().expire();
    }

    /// Whether something that this request names was created by us a moment ago, and not deleted since.
    pub fn has_made(&self, subject: &str) -> bool {
        self.has_made_within(subject, KEPT)
    }

    fn has_made_within(&self, subject: &str, period: Duration) -> bool {
        let state = self.state.lock();
        let mut writes = state.by_resource.get(subject).into_iter().flatten().rev();
        let last = writes.find_map(|write| Some((write, answer::brings_into_being(subject, write)?)));
        last.is_some_and(|(write, is_made)| is_made && write.at.elapsed() < period)
    }

    /// Whether a write only failed because not all of AWS knows yet of something that we created.
    fn is_too_early(&self, request: &Request, error: &CloudError) -> bool {
        let named = answer::named_by(request, error);
        named.iter().any(|subject| self.has_made_within(subject, SPREADING))
    }
}

impl RecentWritesState {
    /// Drops what is older than [`KEPT`].
    fn expire(&mut self) {
        while let Some(oldest) = self.writes.front()
            && oldest.at.elapsed() >= KEPT
        {
            for subject in &oldest.about {
                let is_empty = self.by_resource.get_mut(subject).is_some_and(|writes| {
                    writes.retain(|write| write.number != oldest.number);
                    writes.is_empty()
                });
                if is_empty {
                    self.by_resource.remove(subject);
                }
            }
            self.writes.pop_front();
        }
        if self.writes.is_empty() {
            self.writes.shrink_to_fit();
        }
    }
}

/// A `Cloud` whose reads show our own recent writes.
pub struct ReadYourWrites<C> {
    inner: C,
    recent_writes: Arc<RecentWrites>,
}

impl<C> ReadYourWrites<C> {
    /// Adds the recent writes to what `inner` answers, and takes note of those that go through it.
    pub fn new(inner: C, recent_writes: Arc<RecentWrites>) -> Self {
        Self { inner, recent_writes }
    }
}

impl<C: Cloud> ReadYourWrites<C> {
    async fn write(&self, request: Request) -> Result<Response, CloudError> {
        let mut reply = self.inner.call(request.clone()).await;
        while let Err(error) = &reply
            && self.recent_writes.is_too_early(&request, error)
        {
            tracing::debug!(%error, "created a moment ago and not known everywhere yet");
            tokio::time::sleep(PAUSE).await;
            reply = self.inner.call(request.clone()).await;
        }
        match &reply {
            Ok(response) => self.recent_writes.note(request, Some(response.clone())),
            Err(error) if answer::is_gone_already(&request, error) => self.recent_writes.note(request, None),
            // why: the error is handed on as the reply
            Err(_) => {}
        }
        reply
    }

    async fn read(&self, request: Request) -> Result<Response, CloudError> {
        let reply = self.inner.call(request.clone()).await;
        answer::complete(&request, reply, &self.recent_writes)
    }
}

impl<C: Cloud> Cloud for ReadYourWrites<C> {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            if request.action().is_write() { self.write(request).await } else { self.read(request).await }
        })
    }

    fn reserve(&self, action: Action, urgency: Urgency, since: Instant) -> BoxFuture<'_, Reservation> {
        self.inner.reserve(action, urgency, since)
    }
}

/// Clouds of roles whose reads show our own recent writes.
pub struct ReadYourWritesRoles {
    inner: Arc<dyn CloudFor>,
    recent_writes: Arc<RecentWrites>,
}

impl ReadYourWritesRoles {
    /// As [`ReadYourWrites::new`], whoever's name is used.
    pub fn new(inner: Arc<dyn CloudFor>, recent_writes: Arc<RecentWrites>) -> Self {
        Self { inner, recent_writes }
    }
}

impl CloudFor for ReadYourWritesRoles {
    fn cloud_for(&self, role: Option<&AssumedRole>) -> Arc<dyn Cloud> {
        Arc::new(ReadYourWrites::new(self.inner.cloud_for(role), self.recent_writes.clone()))
    }
}

#[cfg(test)]
mod tests;
