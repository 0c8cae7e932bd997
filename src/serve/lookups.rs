//! What reviews ask of AWS: remembered for a moment, and no more often than a cluster's own bindings call for.
//!
//! Whoever reaches the port can send reviews. So AWS is asked at a bounded rate; and in the name of a role that no stored
//! binding names, only now and then, which is enough for bindings with new roles and too little to try roles out.

use super::request_facts::DelayQuestion;
use crate::admission::TargetGroupLookup;
use crate::admission::unanswered::Unanswered;
use crate::aws::assume_role::{AssumedRole, CloudFor};
use crate::aws::send;
use crate::aws_api::elbv2::{DescribeTargetGroupAttributes, DescribeTargetGroups, TargetGroup};
use crate::aws_api::{Attributes, CloudError};
use crate::metrics::LookupMeter;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The attribute with the seconds of the deregistration delay.
const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
/// How long an answer is believed. Defaulting and checking a new binding ask the same.
const FOUND_FOR: Duration = Duration::from_secs(10);
/// How long a deregistration delay is believed. Pods of a rollout ask for the same, and it seldom changes.
const DELAY_FOR: Duration = Duration::from_mins(5);
/// How long a refusal of AWS is believed.
const FAILED_FOR: Duration = Duration::from_secs(2);
/// Answers that are remembered.
const REMEMBERED: usize = 256;
/// Deregistration delays that are remembered: one for each target group of a large cluster.
const DELAYS_REMEMBERED: usize = 4096;
/// How long AWS may take to tell a deregistration delay; a pod waits for it to be created.
const DELAY_WITHIN: Duration = Duration::from_millis(1500);
/// Questions for deregistration delays at once, and how long until there may be another.
///
/// why apart: pods that are created must not keep bindings from being checked
const DELAY_QUESTIONS: RateLimit = RateLimit { burst: 20, every: Duration::from_millis(200) };
/// How long a role that no binding names may be asked in again, once it was.
const TRIED_FOR: Duration = Duration::from_mins(1);
/// Questions at once, and how long until there may be another.
const QUESTIONS: RateLimit = RateLimit { burst: 20, every: Duration::from_millis(100) };
/// How long a question waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Roles at once that no binding names, and how long until there may be another.
const NEW_ROLES: RateLimit = RateLimit { burst: 10, every: Duration::from_secs(10) };

/// What may be asked for, in whose name.
pub type RoleLookup = (Option<AssumedRole>, TargetGroupLookup);
type TargetGroupsResult = Result<Vec<TargetGroup>, Unanswered>;

/// Answers by question, each with the time until which it is believed.
type AnswerMemory<Q, T> = Mutex<BTreeMap<Q, (Instant, Result<T, Unanswered>)>>;

/// Asks AWS for reviews.
pub struct Lookups {
    clouds: Arc<dyn CloudFor>,
    meter: LookupMeter,
    target_groups: AnswerMemory<RoleLookup, Vec<TargetGroup>>,
    delays: AnswerMemory<DelayQuestion, Duration>,
    questions: Mutex<LookupBucket>,
    delay_questions: Mutex<LookupBucket>,
    new_roles: Mutex<NewRoles>,
}

/// Roles that no binding names.
struct NewRoles {
    bucket: LookupBucket,
    /// Until when those that were asked in may be asked in again.
    tried: BTreeMap<AssumedRole, Instant>,
}

impl NewRoles {
    fn permit(&mut self, role: &AssumedRole) -> bool {
        let now = Instant::now();
        self.tried.retain(|_, until| now < *until);
        if self.tried.contains_key(role) {
            return true;
        }
        let is_allowed = self.bucket.take(&NEW_ROLES, Duration::ZERO).is_some();
        if is_allowed {
            self.tried.insert(role.clone(), now + TRIED_FOR);
        }
        is_allowed
    }
}

/// How often something may happen.
struct RateLimit {
    burst: u32,
    every: Duration,
}

/// A token bucket: when it will be full again.
struct LookupBucket(Option<Instant>);

impl LookupBucket {
    /// How long to wait for a token; `None` if that would take too long.
    fn take(&mut self, allowance: &RateLimit, patience: Duration) -> Option<Duration> {
        let now = Instant::now();
        let full_at = self.0.filter(|at| *at > now).unwrap_or(now) + allowance.every;
        let wait = (full_at - now).saturating_sub(allowance.every * allowance.burst);
        (wait <= patience).then(|| {
            self.0 = Some(full_at);
            wait
        })
    }
}

impl Lookups {
    /// Nothing is asked before a review needs it.
    pub fn new(clouds: Arc<dyn CloudFor>, meter: LookupMeter) -> Self {
        Self {
            clouds,
            meter,
            target_groups: Mutex::default(),
            delays: Mutex::default(),
            questions: Mutex::new(LookupBucket(None)),
            delay_questions: Mutex::new(LookupBucket(None)),
            new_roles: Mutex::new(NewRoles { bucket: LookupBucket(None), tried: BTreeMap::new() }),
        }
    }

    /// The target groups of a query. `is_named` tells whether a stored binding names the role.
    pub async fn find(
        &self,
        question: RoleLookup,
        is_named: impl Fn(&AssumedRole) -> bool,
    ) -> TargetGroupsResult {
        if let Some(found) = cached(&self.target_groups, &question) {
            return found;
        }
        let wait = self.permit(question.0.as_ref(), is_named)?;
        tokio::time::sleep(wait).await;
        let cloud = self.clouds.cloud_for(question.0.as_ref());
        let found = send(&*cloud, describe(&question.1)).await;
        let found = found.map(|page| page.items).map_err(|error| unanswered(&error));
        store(&self.target_groups, question, &found, (FOUND_FOR, REMEMBERED));
        found
    }

    /// The deregistration delay of the target group of a stored binding; `None`: AWS did not tell.
    pub async fn deregistration_delay(&self, question: DelayQuestion) -> Option<Duration> {
        if let Some(found) = cached(&self.delays, &question) {
            return found.ok();
        }
        if self.delay_questions.lock().take(&DELAY_QUESTIONS, Duration::ZERO).is_none() {
            self.meter.rate.inc();
            return None;
        }
        let cloud = self.clouds.cloud_for(question.0.as_ref());
        let asked = send(&*cloud, DescribeTargetGroupAttributes { arn: question.1.as_str().into() });
        let found = match timeout(DELAY_WITHIN, asked).await {
            Ok(found) => found.map_err(|error| unanswered(&error)).and_then(|found| delay_of(&found)),
            Err(_) => Err(Unanswered::later("AWS takes too long to answer")),
        };
        store(&self.delays, question, &found, (DELAY_FOR, DELAYS_REMEMBERED));
        found.ok()
    }

    /// How long the question has to wait, or why it is not asked.
    fn permit(
        &self,
        role: Option<&AssumedRole>,
        is_named: impl Fn(&AssumedRole) -> bool,
    ) -> Result<Duration, Unanswered> {
        if let Some(role) = role.filter(|role| !is_named(role))
            && !self.new_roles.lock().permit(role)
        {
            self.meter.role.inc();
            let (arn, every) = (&role.arn, NEW_ROLES.every.as_secs());
            return Err(Unanswered::later(format!(
                "no TargetGroupBinding names the role {arn} with this external id yet, and other new roles were tried just \
                 now; one more is tried every {every} seconds"
            )));
        }
        self.questions.lock().take(&QUESTIONS, MAX_WAIT).ok_or_else(|| {
            self.meter.rate.inc();
            Unanswered::later("too many target groups were asked for just now")
        })
    }
}

fn cached<Q: Ord, T: Clone>(answers: &AnswerMemory<Q, T>, question: &Q) -> Option<Result<T, Unanswered>> {
    let answers = answers.lock();
    answers.get(question).filter(|(until, _)| Instant::now() < *until).map(|(_, found)| found.clone())
}

/// Remembers an answer for so long, if there are not too many.
fn store<Q: Ord, T: Clone>(
    answers: &AnswerMemory<Q, T>,
    question: Q,
    found: &Result<T, Unanswered>,
    (found_for, most): (Duration, usize),
) {
    let now = Instant::now();
    let mut answers = answers.lock();
    answers.retain(|_, (until, _)| now < *until);
    if answers.len() < most {
        let until = now + if found.is_ok() { found_for } else { FAILED_FOR };
        answers.insert(question, (until, found.clone()));
    }
}

fn delay_of(attributes: &Attributes) -> Result<Duration, Unanswered> {
    let seconds = attributes.get(DEREGISTRATION_DELAY).and_then(|text| text.parse().ok());
    let missing = || Unanswered::later(format!("{DEREGISTRATION_DELAY} is no number of seconds"));
    seconds.map(Duration::from_secs).ok_or_else(missing)
}

fn unanswered(error: &CloudError) -> Unanswered {
    tracing::warn!(answer = error.in_full(), "a review has no answer of AWS");
    Unanswered::of(error)
}

fn describe(query: &TargetGroupLookup) -> DescribeTargetGroups {
    match query {
        TargetGroupLookup::Arn(arn) => DescribeTargetGroups { arns: vec![arn.clone()], ..Default::default() },
        TargetGroupLookup::Name(name) => {
            DescribeTargetGroups { names: vec![name.clone()], ..Default::default() }
        }
    }
}

#[cfg(test)]
mod tests;
