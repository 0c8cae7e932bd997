#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::aws_api::{CloudError, Response, elbv2};

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
    for _ in 0..5 {
        bucket.reserve(Instant::now());
    }
    assert!((left() + 2.0).abs() < 1e-6, "{}", left());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!((left() - 2.0).abs() < 1e-6, "{}", left());
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!((left() - 3.0).abs() < 1e-6, "a bucket does not overflow: {}", left());
    assert_eq!(
        (buckets.left()[0].service.as_str(), buckets.left()[0].operations.as_str()),
        ("Elastic Load Balancing v2", "^Register")
    );
}
