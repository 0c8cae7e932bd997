#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use parking_lot::Mutex;
use std::collections::BTreeSet;

/// Takes numbers: bad ones never, an odd one beside others never, and no more than there is room for.
struct Numbers {
    bad: BTreeSet<u32>,
    room: usize,
    taken: Mutex<Vec<u32>>,
    refused: Mutex<usize>,
}

impl Numbers {
    fn new(bad: impl IntoIterator<Item = u32>, room: usize) -> Self {
        Self { bad: bad.into_iter().collect(), room, taken: Mutex::default(), refused: Mutex::default() }
    }

    fn answer(&self, items: &[u32]) -> Result<(), CloudError> {
        let code = if items.iter().any(|item| self.bad.contains(item)) {
            "InvalidTarget"
        } else if self.taken.lock().len() + items.len() > self.room {
            "TooManyTargets"
        } else {
            self.taken.lock().extend(items);
            return Ok(());
        };
        *self.refused.lock() += 1;
        Err(refusal(code))
    }
}

fn refusal(code: &str) -> CloudError {
    CloudError::Service {
        operation: "Take",
        code: code.to_owned(),
        message: "no".to_owned(),
        request_id: None,
    }
}

impl Batch for Numbers {
    type Item = u32;

    fn send<'a>(&'a self, items: &'a [u32]) -> BoxFuture<'a, Result<(), CloudError>> {
        Box::pin(async { self.answer(items) })
    }

    fn blame(&self, error: &CloudError) -> RefusalReason {
        match error.code() {
            Some("TooManyTargets") => RefusalReason::Quota,
            Some("Duplicate") => RefusalReason::Done,
            _ if is_about_items(error) => RefusalReason::Item,
            _ => RefusalReason::Call,
        }
    }
}

async fn send(numbers: &Numbers, most: u32) -> Vec<u32> {
    let sent = send_parts(numbers, vec![(0..most).collect()]).await;
    assert!(sent.failure.is_none());
    sent.refused.into_iter().map(|(item, _)| item).collect()
}

#[tokio::test]
async fn bad_items_are_refused_alone_and_cost_few_calls() {
    let numbers = Numbers::new([0, 77, 199], usize::MAX);
    assert_eq!(send(&numbers, 200).await, [0, 77, 199]);
    assert_eq!(numbers.taken.lock().len(), 197);
    assert!(*numbers.refused.lock() <= 27, "{} refused", numbers.refused.lock());
    assert!(numbers.taken.lock().is_sorted(), "in order");
}

#[tokio::test]
async fn as_many_as_fit_get_through_in_order() {
    let numbers = Numbers::new([], 70);
    assert_eq!(send(&numbers, 200).await, (70..200).collect::<Vec<_>>());
    assert!(*numbers.refused.lock() <= 9, "{} refused", numbers.refused.lock());
}

#[tokio::test]
async fn bad_items_and_a_lack_of_room_do_not_hide_each_other() {
    let numbers = Numbers::new([3], 10);
    let refused = send(&numbers, 20).await;
    assert_eq!(numbers.taken.lock().clone(), [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(refused, [3].into_iter().chain(11..20).collect::<Vec<_>>());
}

#[test]
fn rights_and_limits_of_requests_are_not_about_items() {
    for code in ["InvalidTarget", "ValidationError", "InvalidGroup.NotFound", "InvalidParameterValue"] {
        assert!(is_about_items(&refusal(code)), "{code}");
    }
    for code in [
        "UnauthorizedOperation",
        "Throttling",
        "InvalidClientTokenId",
        "TooManyRequestsException",
        "InternalError",
    ] {
        assert!(!is_about_items(&refusal(code)), "{code}");
    }
}
