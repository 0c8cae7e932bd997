#![allow(clippy::unwrap_used)]

use super::*;
use crate::aws::{Cloud, CloudFuture};
use crate::aws_api::{CloudError, Request};

/// Counts calls, and in whose names.
#[derive(Default)]
struct Counted {
    calls: Mutex<usize>,
    roles: Mutex<Vec<Option<AssumedRole>>>,
}

impl CloudFor for Arc<Counted> {
    fn cloud_for(&self, role: Option<&AssumedRole>) -> Arc<dyn Cloud> {
        self.roles.lock().push(role.cloned());
        Arc::new(Shared(Self::clone(self)))
    }
}

struct Shared(Arc<Counted>);

impl Cloud for Shared {
    fn call(&self, _: Request) -> CloudFuture<'_> {
        *self.0.calls.lock() += 1;
        Box::pin(async { Err(CloudError::Fenced { operation: "none" }) })
    }
}

fn lookups() -> (Arc<Counted>, Lookups) {
    let counted = Arc::new(Counted::default());
    (counted.clone(), Lookups::new(Arc::new(counted), LookupMeter::default()))
}

fn group(number: usize) -> TargetGroupLookup {
    TargetGroupLookup::Name(format!("group-{number}"))
}

fn role(number: usize) -> AssumedRole {
    AssumedRole { arn: format!("arn:aws:iam::{number:012}:role/any"), external_id: None }
}

#[tokio::test(start_paused = true)]
async fn strangers_cannot_make_many_calls() {
    let (counted, lookups) = lookups();
    let questions = (0..600).map(|number| lookups.find((None, group(number)), |_| false));
    let found = futures::future::join_all(questions).await;
    let is_refused = |found: &&TargetGroupsResult| {
        found.as_ref().is_err_and(|reason| reason.to_string().contains("too many"))
    };
    assert_eq!(found.iter().filter(is_refused).count(), 560);
    assert_eq!(*counted.calls.lock(), 40, "twenty at once, and those of two seconds");
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_one_by_one_is_never_refused() {
    let (counted, lookups) = lookups();
    for number in 0..100 {
        let _ = lookups.find((None, group(number)), |_| false).await;
    }
    assert_eq!(*counted.calls.lock(), 100);
}

#[tokio::test(start_paused = true)]
async fn the_same_question_is_asked_once() {
    let (counted, lookups) = lookups();
    for _ in 0..10 {
        let _ = lookups.find((None, group(1)), |_| false).await;
    }
    assert_eq!(*counted.calls.lock(), 1);
    tokio::time::advance(FAILED_FOR).await;
    let _ = lookups.find((None, group(1)), |_| false).await;
    assert_eq!(*counted.calls.lock(), 2);
}

#[tokio::test(start_paused = true)]
async fn few_roles_that_no_binding_names_are_assumed() {
    let (counted, lookups) = lookups();
    for number in 0..15 {
        let found = lookups.find((Some(role(number)), group(number)), |_| false).await;
        let is_refused = found.unwrap_err().to_string().contains("no TargetGroupBinding names the role");
        assert_eq!(is_refused, number >= 10, "{number}");
    }
    assert_eq!(counted.roles.lock().len(), 10);
    // A role that was tried is not a new one to the next binding.
    let again = lookups.find((Some(role(0)), group(99)), |_| false).await;
    assert!(!again.unwrap_err().to_string().contains("names the role"));
}

#[tokio::test(start_paused = true)]
async fn roles_of_stored_bindings_are_always_assumed_with_their_external_id() {
    let (counted, lookups) = lookups();
    for number in 0..20 {
        let _ = lookups.find((Some(role(number)), group(number)), |_| true).await;
    }
    assert_eq!(counted.roles.lock().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_bounded() {
    let (_, lookups) = lookups();
    for number in 0..2000 {
        tokio::time::advance(QUESTIONS.every).await;
        let _ = lookups.find((None, group(number)), |_| false).await;
    }
    assert!(lookups.target_groups.lock().len() <= REMEMBERED);
}
