#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::adaptive::LearnsRates;
use super::*;
use crate::aws::interceptors::{CallOutcome, Observer as _};
use crate::aws_api::{CloudError, Response, elbv2};
use parking_lot::Mutex;
use std::time::Duration;
use tokio::task::JoinSet;

/// Answers at once.
struct Instantly;

impl Cloud for Instantly {
    fn call(&self, request: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            match request {
                Request::RegisterTargets(_) => Ok(Response::RegisterTargets(())),
                other => Err(CloudError::Fenced { operation: other.action().name() }),
            }
        })
    }
}

fn throttled(throttles: &Throttles) -> Throttled<Instantly> {
    Throttled::new(Instantly, Arc::new(TokenBuckets::new(throttles)))
}

fn rules(throttles: &Throttles, action: Action) -> Vec<(f64, u32)> {
    throttles.rules(action).map(|rule| (rule.rate, rule.burst)).collect()
}

#[test]
fn the_defaults_limit_describes_modifies_targets_and_waf() {
    let throttles = Throttles::default();
    let cases = [
        (Action::DescribeRules, vec![(50.0, 200)]),
        (Action::ModifyRule, vec![(3.0, 20)]),
        (Action::RegisterTargets, vec![(4.0, 20)]),
        (Action::DeregisterTargets, vec![(4.0, 20)]),
        (Action::CreateRule, vec![]),
        (Action::SetRulePriorities, vec![]),
        (Action::DescribeSubnets, vec![]),
        (Action::AssociateWafv2WebAcl, vec![(0.5, 1)]),
        (Action::DisassociateWafRegionalWebAcl, vec![(0.5, 1)]),
        (Action::GetWafv2WebAcl, vec![(1.0, 1)]),
        (Action::ListWafv2WebAcls, vec![]),
    ];
    for (action, expected) in cases {
        assert_eq!(rules(&throttles, action), expected, "{}", action.name());
    }
}

#[test]
fn naming_a_service_replaces_all_its_defaults_and_no_others() {
    let given =
        Throttles::parse("Elastic Load Balancing v2:^Create=0.1:3,Elastic Load Balancing v2:Rule$=2:4")
            .unwrap();
    let throttles = Throttles::default().overridden_by(given);
    assert_eq!(rules(&throttles, Action::DescribeRules), []);
    assert_eq!(rules(&throttles, Action::CreateRule), [(0.1, 3), (2.0, 4)]);
    assert_eq!(rules(&throttles, Action::GetWafv2WebAcl), [(1.0, 1)]);
}

#[test]
fn malformed_texts_are_refused_with_the_offending_part() {
    let cases = [
        ("", "is not of the form"),
        ("EC2", "is not of the form"),
        ("EC2:^D=1", "is not of the form"),
        ("EC2=1:2", "is not of the form"),
        ("EC2:^D=1:2=3", "is not of the form"),
        ("EC2:^D:x=1:2", "is not of the form"),
        ("EC2:^D=1:2,", "is not of the form"),
        ("EC2:(=1:2", "unclosed group"),
        ("EC2:^D=fast:2", "rate \"fast\""),
        ("EC2:^D=1:2.5", "burst \"2.5\""),
    ];
    for (text, expected) in cases {
        let error = Throttles::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_passes_at_once_and_then_the_rate_holds() {
    let throttles = Throttles::parse("Elastic Load Balancing v2:^RegisterTargets=4:2").unwrap();
    let cloud = throttled(&throttles);
    let start = Instant::now();
    let mut at = Vec::new();
    for _ in 0..5 {
        cloud.call(elbv2::RegisterTargets::default().into()).await.unwrap();
        at.push(start.elapsed().as_millis());
    }
    assert_eq!(at, [0, 0, 250, 500, 750]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let start = Instant::now();
    for _ in 0..2 {
        cloud.call(elbv2::RegisterTargets::default().into()).await.unwrap();
    }
    assert_eq!(start.elapsed().as_millis(), 0);
}

#[tokio::test(start_paused = true)]
async fn rules_that_could_never_grant_a_call_limit_nothing() {
    for text in ["Elastic Load Balancing v2:.=0:5", "Elastic Load Balancing v2:.=1:0"] {
        let cloud = throttled(&Throttles::parse(text).unwrap());
        let start = Instant::now();
        for _ in 0..10 {
            cloud.call(elbv2::RegisterTargets::default().into()).await.unwrap();
        }
        assert_eq!(start.elapsed().as_millis(), 0, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_used_up_owed_and_grow_again() {
    let throttles = Throttles::parse("Elastic Load Balancing v2:^Register=2:3").unwrap();
    let buckets = Arc::new(TokenBuckets::new(&throttles));
    let bucket = buckets.all[0].bucket.clone();
    let left = || buckets.left()[0].tokens;
    assert!((left() - 3.0).abs() < 1e-6);
    let mut waiting = JoinSet::new();
    for _ in 0..5 {
        let bucket = bucket.clone();
        waiting.spawn(async move { bucket.take(Urgency::Then, Instant::now()).await });
    }
    tokio::task::yield_now().await;
    assert!((left() + 2.0).abs() < 1e-6, "{}", left());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!((left() - 2.0).abs() < 1e-6, "{}", left());
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!((left() - 3.0).abs() < 1e-6, "a bucket does not overflow: {}", left());
    assert_eq!(
        (buckets.left()[0].service.as_str(), buckets.left()[0].operations.as_str()),
        ("Elastic Load Balancing v2", "^Register")
    );
}

#[tokio::test(start_paused = true)]
async fn registrations_go_before_what_waits_for_the_same_rule_but_not_for_ever() {
    let throttles =
        Throttles::parse("Elastic Load Balancing v2:^RegisterTargets|^DeregisterTargets=1:1").unwrap();
    let buckets = Arc::new(TokenBuckets::new(&throttles));
    let bucket = buckets.all[0].bucket.clone();
    let (start, order) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let mut waiting = JoinSet::new();
    let mut take = |urgency, name: String| {
        let (bucket, order) = (bucket.clone(), order.clone());
        waiting.spawn(async move {
            bucket.take(urgency, Instant::now()).await;
            order.lock().push((name, start.elapsed().as_secs()));
        })
    };
    bucket.take(Urgency::Then, Instant::now()).await;
    take(Urgency::Then, "deregister".to_owned());
    tokio::task::yield_now().await;
    let given_up = take(Urgency::First, "given up".to_owned());
    for number in 0..40 {
        take(Urgency::First, number.to_string());
    }
    tokio::task::yield_now().await;
    given_up.abort();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let order = order.lock();
    assert_eq!(order[0], ("0".to_owned(), 1), "who gave up keeps nobody waiting");
    assert_eq!(order[28], ("28".to_owned(), 29));
    assert_eq!(order[29], ("deregister".to_owned(), 30), "{order:?}");
    assert_eq!(order.len(), 41);
}

/// An account of which somebody else uses a part, and an SDK that tries again.
struct SharedAccount {
    /// Tokens, since when, and how many grow a second for us.
    bucket: Mutex<(f64, Instant, f64)>,
    refusals: Mutex<usize>,
    tell: Box<dyn Fn() + Send + Sync>,
}

impl SharedAccount {
    fn admits(&self) -> bool {
        let mut bucket = self.bucket.lock();
        let (tokens, since, rate) = *bucket;
        let grown = (tokens + since.elapsed().as_secs_f64() * rate).min(20.0);
        let is_admitted = grown >= 1.0;
        *bucket = (if is_admitted { grown - 1.0 } else { grown }, Instant::now(), rate);
        is_admitted
    }
}

impl Cloud for SharedAccount {
    fn call(&self, _: Request) -> CloudFuture<'_> {
        Box::pin(async move {
            while !self.admits() {
                *self.refusals.lock() += 1;
                (self.tell)();
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            Ok(Response::RegisterTargets(()))
        })
    }
}

/// Three workers register for two minutes. Answers calls, and refused attempts.
async fn register_at(share: f64, learns: bool) -> (usize, usize) {
    let buckets = Arc::new(TokenBuckets::new(&Throttles::default()));
    let hears = LearnsRates::new(Arc::new(()), buckets.clone());
    let outcome = CallOutcome {
        service: "Elastic Load Balancing v2".to_owned(),
        operation: "RegisterTargets".to_owned(),
        status: 400,
        error_code: "Throttling".to_owned(),
        ..CallOutcome::default()
    };
    let tell = Box::new(move || {
        if learns {
            hears.attempt(&outcome);
        }
    });
    let bucket = Mutex::new((0.0, Instant::now(), share));
    let account = SharedAccount { bucket, refusals: Mutex::new(0), tell };
    let cloud = Throttled::new(account, buckets);
    let end = Instant::now() + Duration::from_mins(2);
    let work = async || {
        let mut calls = 0;
        while Instant::now() < end {
            cloud.call(elbv2::RegisterTargets::default().into()).await.unwrap();
            calls += 1;
        }
        calls
    };
    let (one, two, three) = futures::join!(work(), work(), work());
    (one + two + three, *cloud.inner.refusals.lock())
}

#[tokio::test(start_paused = true)]
async fn rates_follow_what_others_leave_of_the_account() {
    let (fixed, fixed_refusals) = register_at(1.0, false).await;
    let (adapted, refusals) = register_at(1.0, true).await;
    assert!(adapted * 10 >= fixed * 8, "{adapted} calls, {fixed} with a fixed rate");
    assert!(refusals * 4 <= fixed_refusals, "{refusals} refusals, {fixed_refusals} with a fixed rate");
    let (alone, none) = register_at(4.0, true).await;
    assert!(alone >= 4 * 120 * 9 / 10, "{alone}, {none} refused");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_was_slowed_down_finds_back() {
    let buckets =
        TokenBuckets::new(&Throttles::parse("Elastic Load Balancing v2:^RegisterTargets=4:4").unwrap());
    let bucket = &buckets.all[0].bucket;
    for _ in 0..8 {
        buckets.note_throttled("Elastic Load Balancing v2", "RegisterTargets");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let start = Instant::now();
    bucket.take(Urgency::First, Instant::now()).await;
    assert!(start.elapsed() > Duration::from_secs(1), "{:?}", start.elapsed());
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!((buckets.left()[0].tokens - 4.0).abs() < 1e-6, "{:?}", buckets.left());
    let start = Instant::now();
    for _ in 0..8 {
        bucket.take(Urgency::First, Instant::now()).await;
    }
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_was_slowed_down_admits_something_soon() {
    for (rate, burst) in [(4, 20), (50, 200), (3, 20)] {
        let rule = format!("Elastic Load Balancing v2:^RegisterTargets={rate}:{burst}");
        let buckets = TokenBuckets::new(&Throttles::parse(&rule).unwrap());
        for _ in 0..8 {
            buckets.note_throttled("Elastic Load Balancing v2", "RegisterTargets");
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        buckets.note_throttled("Elastic Load Balancing v2", "RegisterTargets");
        let slowest = Duration::from_secs(16) / rate;
        let start = Instant::now();
        for number in 1..=4 {
            buckets.all[0].bucket.take(Urgency::First, Instant::now()).await;
            assert!(
                start.elapsed() <= slowest * number + Duration::from_millis(10),
                "{rule}: {:?}",
                start.elapsed()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_waited_for_too_long_does_not_keep_registrations_that_came_before_it() {
    let rule = "Elastic Load Balancing v2:^RegisterTargets|^DeregisterTargets=0.1:1";
    let buckets = Arc::new(TokenBuckets::new(&Throttles::parse(rule).unwrap()));
    let bucket = buckets.all[0].bucket.clone();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = JoinSet::new();
    bucket.take(Urgency::Then, Instant::now()).await;
    for (number, urgency) in
        (0..9).map(|number| (number, if number == 4 { Urgency::First } else { Urgency::Then }))
    {
        let (bucket, order) = (bucket.clone(), order.clone());
        waiting.spawn(async move {
            bucket.take(urgency, Instant::now()).await;
            order.lock().push(number);
        });
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    while waiting.join_next().await.is_some() {}
    let place = order.lock().iter().position(|number| *number == 4).unwrap();
    assert!(place <= 4, "{:?}", order.lock());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_reserved_does_not_wait_and_one_that_is_not_made_is_given_back() {
    let throttles = Throttles::parse("Elastic Load Balancing v2:^RegisterTargets=1:2").unwrap();
    let cloud = throttled(&throttles);
    let left = || cloud.buckets.left()[0].tokens;
    let register = || cloud.call(elbv2::RegisterTargets::default().into());
    let reserve = || cloud.reserve(Action::RegisterTargets, Urgency::Then, Instant::now());
    let (one, other) = (reserve().await, reserve().await);
    assert!(left() < 1e-6, "{}", left());
    let start = Instant::now();
    one.spend(register()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(other);
    assert!((left() - 1.0).abs() < 1e-6, "{}", left());
    reserve().await.spend(async { register().await.and(register().await) }).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(1), "only the first call is reserved");
    reserve().await.spend(async {}).await;
    assert!((left() - 1.0).abs() < 1e-6, "{}", left());
}

#[tokio::test(start_paused = true)]
async fn what_has_waited_elsewhere_for_too_long_goes_before_what_is_more_urgent() {
    let throttles = Throttles::parse("Elastic Load Balancing v2:^RegisterTargets=1:1").unwrap();
    let cloud = throttled(&throttles);
    let began = Instant::now();
    tokio::time::sleep(LONGEST_WAIT).await;
    cloud.call(elbv2::RegisterTargets::default().into()).await.unwrap();
    let order = Mutex::new(Vec::new());
    let urgent = async {
        cloud.call(elbv2::RegisterTargets::default().into()).await.unwrap();
        order.lock().push("urgent");
    };
    let late = async {
        cloud.reserve(Action::RegisterTargets, Urgency::Then, began).await.spend(async {}).await;
        order.lock().push("late");
    };
    tokio::join!(urgent, late);
    assert_eq!(*order.lock(), ["late", "urgent"]);
}
