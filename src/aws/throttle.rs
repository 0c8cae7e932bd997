//! Client-side rate limits, so that one controller does not use up an account's AWS quotas.
//!
//! A call waits on every rule of its service whose expression occurs in the operation's name, once a call however many
//! attempts it makes. Matches upstream's `pkg/aws/throttle`, defaults included. Unlike upstream, of calls that wait for the same
//! rule registrations come first, and a rule is as slow as AWS says it has to be ([`adaptive`]): the buckets of AWS are the
//! account's, and others may use them, too.

pub mod adaptive;
mod bucket;
mod reservation;

pub use bucket::{LONGEST_WAIT, Urgency};
pub use reservation::Reservation;

use super::{Cloud, CloudFuture};
use crate::aws_api::{Action, Request};
use bucket::TokenBucket;
use futures::future::BoxFuture;
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;
use strum::VariantArray as _;
use tokio::time::Instant;

/// One rule: operations, calls a second, and calls at once.
#[derive(Clone, Debug)]
pub struct ThrottleRule {
    /// Searched for in the operation's name.
    pub operations: Regex,
    /// Calls a second.
    pub rate: f64,
    /// Calls at once.
    pub burst: u32,
}

/// The rules of every service, by service id.
#[derive(Clone, Debug)]
pub struct Throttles(BTreeMap<String, Vec<ThrottleRule>>);

/// Why a text of `--aws-api-throttle` is no throttle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThrottleError {
    /// A limit is not of the form `service:operations=rate:burst`.
    #[error("{0:?} is not of the form <service id>:<operation regex>=<rate>:<burst>")]
    Form(String),
    /// The operations are no regular expression.
    #[error("{item:?}: {message}")]
    Regex {
        /// The offending item.
        item: String,
        /// What is wrong with it.
        message: String,
    },
    /// The rate is no number.
    #[error("{item:?}: rate {rate:?} is not a number of calls a second")]
    Rate {
        /// The offending item.
        item: String,
        /// The offending part.
        rate: String,
    },
    /// The burst is no integer.
    #[error("{item:?}: burst {burst:?} is not a number of calls")]
    Burst {
        /// The offending item.
        item: String,
        /// The offending part.
        burst: String,
    },
}

/// A `Cloud` that waits before it calls.
pub struct Throttled<C> {
    inner: C,
    buckets: Arc<TokenBuckets>,
}

/// The buckets of one identity.
pub struct TokenBuckets {
    of_actions: BTreeMap<Action, Vec<Arc<TokenBucket>>>,
    all: Vec<RuleBucket>,
}

/// One rule's bucket.
struct RuleBucket {
    service: String,
    operations: String,
    bucket: Arc<TokenBucket>,
}

/// How much of a rate limit is left.
#[derive(Clone, Debug, PartialEq)]
pub struct RemainingTokens {
    /// Id of the service, as the SDK has it.
    pub service: String,
    /// The rule's expression.
    pub operations: String,
    /// Calls that would be let through at once; negative: calls that wait.
    pub tokens: f64,
}

impl TokenBuckets {
    /// Buckets that are full.
    pub fn new(throttles: &Throttles) -> Self {
        fill_buckets(throttles)
    }

    /// Takes note that AWS refused an operation because too many were called: of whoever calls in this account.
    pub fn note_throttled(&self, service: &str, operation: &str) {
        let now = Instant::now();
        let is_it = |action: &&Action| action.name() == operation && action.service().as_str() == service;
        let Some(action) = self.of_actions.keys().find(is_it) else { return };
        for bucket in self.of_actions.get(action).into_iter().flatten() {
            bucket.slow_down(now);
        }
    }

    fn of(&self, action: Action) -> &[Arc<TokenBucket>] {
        self.of_actions.get(&action).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is left now.
    pub fn left(&self) -> Vec<RemainingTokens> {
        let now = Instant::now();
        let left = |limit: &RuleBucket| RemainingTokens {
            service: limit.service.clone(),
            operations: limit.operations.clone(),
            tokens: limit.bucket.left(now),
        };
        self.all.iter().map(left).collect()
    }
}

/// Upstream's defaults: service id, operations, calls a second, calls at once.
const DEFAULTS: &[(&str, &str, f64, u32)] = &[
    ("WAF Regional", "^AssociateWebACL|DisassociateWebACL", 0.5, 1),
    ("WAF Regional", "^GetWebACLForResource|ListResourcesForWebACL", 1.0, 1),
    ("WAFV2", "^AssociateWebACL|DisassociateWebACL", 0.5, 1),
    ("WAFV2", "^GetWebACLForResource|ListResourcesForWebACL", 1.0, 1),
    ("Elastic Load Balancing v2", "^RegisterTargets|^DeregisterTargets", 4.0, 20),
    ("Elastic Load Balancing v2", "^Describe.*", 50.0, 200),
    ("Elastic Load Balancing v2", "^Modify.*", 3.0, 20),
];

impl Default for Throttles {
    fn default() -> Self {
        let mut throttles = Self::none();
        for &(service, operations, rate, burst) in DEFAULTS {
            // why: constants, held by a test
            if let Ok(operations) = Regex::new(operations) {
                throttles.add(service, ThrottleRule { operations, rate, burst });
            }
        }
        throttles
    }
}

impl Throttles {
    /// No limits at all.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Parses `<service id>:<operation regex>=<rate>:<burst>[,…]`. Neither part may hold one of `,`, `=` and `:`.
    pub fn parse(text: &str) -> Result<Self, ThrottleError> {
        let mut throttles = Self::none();
        for item in text.split(',') {
            let (service, rule) = parse_rule(item)?;
            throttles.add(service, rule);
        }
        Ok(throttles)
    }

    /// Takes over the rules of `other`: they replace all rules of the services they name.
    #[must_use]
    pub fn overridden_by(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The rules that apply to an operation.
    pub fn rules(&self, action: Action) -> impl Iterator<Item = &ThrottleRule> {
        let rules = self.0.get(action.service().as_str()).map(Vec::as_slice).unwrap_or_default();
        rules.iter().filter(move |rule| rule.operations.is_match(action.name()))
    }

    /// How many calls of an operation a second the rules admit; `None`: as many as there are.
    pub fn rate(&self, action: Action) -> Option<f64> {
        self.rules(action).map(|rule| rule.rate).min_by(f64::total_cmp)
    }

    fn add(&mut self, service: &str, rule: ThrottleRule) {
        self.0.entry(service.to_owned()).or_default().push(rule);
    }
}

impl<C> Throttled<C> {
    /// Limits the calls to `inner`.
    pub fn new(inner: C, buckets: Arc<TokenBuckets>) -> Self {
        Self { inner, buckets }
    }
}

impl<C: Cloud> Cloud for Throttled<C> {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            let action = request.action();
            let buckets = self.buckets.of(action);
            if !Reservation::is_spent_on(buckets) {
                for bucket in buckets {
                    bucket.take(Urgency::of(action), Instant::now()).await;
                }
            }
            self.inner.call(request).await
        })
    }

    fn reserve(&self, action: Action, urgency: Urgency, since: Instant) -> BoxFuture<'_, Reservation> {
        Box::pin(async move {
            let mut reservation = Reservation::default();
            for bucket in self.buckets.of(action) {
                bucket.take(urgency, since).await;
                reservation.add(bucket);
            }
            reservation
        })
    }
}

fn parse_rule(item: &str) -> Result<(&str, ThrottleRule), ThrottleError> {
    let form = || ThrottleError::Form(item.to_owned());
    let (left, right) = split_in_two(item, '=').ok_or_else(form)?;
    let (service, operations) = split_in_two(left, ':').ok_or_else(form)?;
    let (rate, burst) = split_in_two(right, ':').ok_or_else(form)?;
    let rule = ThrottleRule {
        operations: Regex::new(operations)
            .map_err(|error| ThrottleError::Regex { item: item.to_owned(), message: error.to_string() })?,
        rate: rate
            .parse()
            .map_err(|_| ThrottleError::Rate { item: item.to_owned(), rate: rate.to_owned() })?,
        burst: burst
            .parse()
            .map_err(|_| ThrottleError::Burst { item: item.to_owned(), burst: burst.to_owned() })?,
    };
    Ok((service, rule))
}

/// Both sides of a separator that occurs exactly once.
fn split_in_two(text: &str, separator: char) -> Option<(&str, &str)> {
    text.split_once(separator).filter(|(_, right)| !right.contains(separator))
}

/// The buckets of every operation; operations that match the same rule share its bucket.
fn fill_buckets(throttles: &Throttles) -> TokenBuckets {
    let mut of_actions: BTreeMap<Action, Vec<Arc<TokenBucket>>> = BTreeMap::new();
    let mut all = Vec::new();
    for (service, rules) in &throttles.0 {
        for rule in rules {
            let Some(bucket) = TokenBucket::new(rule).map(Arc::new) else { continue };
            let matching = Action::VARIANTS.iter().filter(|action| {
                action.service().as_str() == service && rule.operations.is_match(action.name())
            });
            for action in matching {
                of_actions.entry(*action).or_default().push(Arc::clone(&bucket));
            }
            all.push(RuleBucket {
                service: service.clone(),
                operations: rule.operations.to_string(),
                bucket,
            });
        }
    }
    TokenBuckets { of_actions, all }
}

#[cfg(test)]
mod tests;
