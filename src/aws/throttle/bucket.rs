//! One rule's bucket: who may go next, and how fast.

use super::ThrottleRule;
use crate::aws_api::Action;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::f64::consts::LN_2;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// What waits for longer is as urgent as the most urgent.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A bucket becomes slower at most this often: calls that are under way together are refused together.
const SLOWER_EVERY: Duration = Duration::from_secs(1);
/// The slowest a bucket becomes, as a share of its rate.
const SLOWEST: f64 = 1.0 / 16.0;
/// After this long without a refusal the rate doubles, until it is the rule's again.
const FASTER_EVERY: Duration = Duration::from_secs(10);

/// The slowest rule admits a call a day: no time that follows from it is too long to be told.
const LONGEST_INTERVAL: Duration = Duration::from_hours(24);

/// How urgent a call is among those that wait for the same bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Pods wait for it to become ready.
    First,
    /// Everything else.
    Then,
}

impl Urgency {
    /// Of a call.
    pub(super) fn of(action: Action) -> Self {
        if action == Action::RegisterTargets { Self::First } else { Self::Then }
    }
}

/// Less than a token by this is a token.
const ROUNDING: f64 = 1e-9;

/// A token bucket whose rate changes.
#[derive(Debug)]
pub(super) struct TokenBucket {
    /// Tokens that grow in a second.
    rate: f64,
    /// Calls at once.
    burst: u32,
    state: Mutex<BucketState>,
    /// Told whenever somebody else may be the next.
    changed: Notify,
}

#[derive(Debug, Default)]
struct BucketState {
    /// How many tokens there were, and when; `None`: it is full.
    tokens: Option<(f64, Instant)>,
    /// Who waits, by urgency and in order, and since when.
    waiting: BTreeMap<Ticket, Instant>,
    tickets: u64,
    /// The share of the rate at the last refusal, and when that was.
    slowed: Option<(f64, Instant)>,
}

type Ticket = (Urgency, u64);

/// Somebody who waits; who gives up makes room for the others.
struct Waiting<'b> {
    bucket: &'b TokenBucket,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bucket.state.lock().waiting.remove(&self.ticket);
        self.bucket.changed.notify_waiters();
    }
}

impl TokenBucket {
    /// A full bucket. A rule that can never grant a token limits nothing, as upstream ignores a wait that cannot end.
    pub(super) fn new(rule: &ThrottleRule) -> Option<Self> {
        let interval = Duration::try_from_secs_f64(1.0 / rule.rate).ok().filter(|_| rule.rate > 0.0)?;
        rule.burst.checked_sub(1)?;
        let rate = 1.0 / interval.min(LONGEST_INTERVAL).as_secs_f64();
        Some(Self { rate, burst: rule.burst, state: Mutex::default(), changed: Notify::new() })
    }

    /// Waits for a token and takes it. `since`: how long it counts as waited for.
    pub(super) async fn take(&self, urgency: Urgency, since: Instant) {
        let waiting = self.enter(urgency, since);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // why: a change between this look and the wait must not be missed
            changed.as_mut().enable();
            match self.try_take(waiting.ticket, Instant::now()) {
                Turn::Now => return,
                Turn::At(at) | Turn::AfterOthers(Some(at)) => drop(timeout_at(at, changed).await),
                Turn::AfterOthers(None) => changed.await,
            }
        }
    }

    fn enter(&self, urgency: Urgency, since: Instant) -> Waiting<'_> {
        let mut state = self.state.lock();
        state.tickets += 1;
        let ticket = (urgency, state.tickets);
        state.waiting.insert(ticket, since);
        Waiting { bucket: self, ticket }
    }

    fn try_take(&self, ticket: Ticket, now: Instant) -> Turn {
        let mut state = self.state.lock();
        if state.first(now) != Some(ticket) {
            // why: nobody else tells when it has waited for too long
            let overdue = state.waiting.get(&ticket).map(|since| *since + LONGEST_WAIT);
            return Turn::AfterOthers(overdue.filter(|overdue| *overdue > now));
        }
        let tokens = self.tokens(&state, now);
        if tokens < 1.0 - ROUNDING {
            // why now's rate: it only grows, so that this is late by a little and never early
            let wait = Duration::try_from_secs_f64((1.0 - tokens) / (self.rate * state.share(now)));
            return Turn::At(now + wait.unwrap_or(LONGEST_INTERVAL).min(LONGEST_INTERVAL));
        }
        state.tokens = Some((tokens - 1.0, now));
        Turn::Now
    }

    /// Takes note that AWS refused a call: there is no token left, and they grow more slowly for a while.
    pub(super) fn slow_down(&self, now: Instant) {
        let mut state = self.state.lock();
        let is_known = state.slowed.is_some_and(|(_, at)| now.duration_since(at) < SLOWER_EVERY);
        if !is_known {
            let tokens = self.tokens(&state, now).min(0.0);
            state.slowed = Some(((state.share(now) / 2.0).max(SLOWEST), now));
            state.tokens = Some((tokens, now));
        }
    }

    /// Takes back a token that nobody needed.
    pub(super) fn give_back(&self) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let tokens = self.tokens(&state, now) + 1.0;
        state.tokens = Some((tokens.min(f64::from(self.burst)), now));
        drop(state);
        self.changed.notify_waiters();
    }

    /// How many tokens there are, whoever waits.
    fn tokens(&self, state: &BucketState, now: Instant) -> f64 {
        let full = f64::from(self.burst);
        state
            .tokens
            .map_or(full, |(tokens, at)| full.min(tokens + self.rate * state.seconds_at_full_rate(at, now)))
    }

    /// How many tokens there are; negative: how many calls wait.
    pub(super) fn left(&self, now: Instant) -> f64 {
        let state = self.state.lock();
        let waiting = u32::try_from(state.waiting.len()).unwrap_or(u32::MAX);
        let tokens = self.tokens(&state, now);
        tokens - f64::from(waiting)
    }
}

/// When somebody may go.
enum Turn {
    Now,
    At(Instant),
    /// When somebody else has gone, or at this time at the latest.
    AfterOthers(Option<Instant>),
}

impl BucketState {
    /// Who is the next: what has waited for too long, and for longer than the most urgent; else that.
    fn first(&self, now: Instant) -> Option<Ticket> {
        let urgent = self.waiting.first_key_value();
        let then = self.waiting.range((Urgency::Then, 0)..).next();
        let overdue = then.filter(|(_, since)| {
            let is_longest = urgent.is_none_or(|(_, urgent)| *since <= urgent);
            is_longest && now.duration_since(**since) >= LONGEST_WAIT
        });
        overdue.or(urgent).map(|(ticket, _)| *ticket)
    }

    /// In how many seconds as many tokens would grow at the full rate as have grown between two moments.
    fn seconds_at_full_rate(&self, from: Instant, to: Instant) -> f64 {
        let Some((share, at)) = self.slowed else { return to.duration_since(from).as_secs_f64() };
        let since = |moment: Instant| moment.duration_since(at).as_secs_f64();
        let doubling = FASTER_EVERY.as_secs_f64();
        // The share doubles until it is 1; this is its integral.
        let whole_after = doubling * share.recip().log2();
        let grown = |seconds: f64| {
            let slow = seconds.min(whole_after);
            share * doubling / LN_2 * ((slow / doubling).exp2() - 1.0) + (seconds - slow)
        };
        grown(since(to)) - grown(since(from))
    }

    /// The share of the rate that is used.
    fn share(&self, now: Instant) -> f64 {
        self.slowed.map_or(1.0, |(share, at)| {
            let doublings = now.duration_since(at).div_duration_f64(FASTER_EVERY);
            (share * doublings.exp2()).min(1.0)
        })
    }
}
