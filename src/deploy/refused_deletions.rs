//! Deletions that AWS refused because something still uses the resource: when to try them again.
//!
//! Each resource has a pause of its own, which grows. While refusals follow one another without a success between them, all
//! deletions share one pace: what keeps many resources in use goes for all of them at about the same time, so one try in
//! [`SHARED_PAUSE`] is enough to find out.

use crate::aws_api::{CloudError, Request};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Pause after the first refusal of a resource …
const PAUSE: Duration = Duration::from_secs(2);
/// … which doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// So many refusals in a row, whatever of, make deletions share one pace …
const IN_A_ROW: usize = 5;
/// … of one try in this time.
const SHARED_PAUSE: Duration = Duration::from_secs(2);
/// Resources that nobody has tried to delete for this long are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(30);

/// What AWS refused to delete of late.
#[derive(Default)]
pub struct RefusedDeletions(Mutex<RefusedDeletionsState>);

#[derive(Default)]
struct RefusedDeletionsState {
    by_resource: BTreeMap<String, RefusedDeletion>,
    in_a_row: usize,
    last: Option<(Instant, CloudError)>,
}

struct RefusedDeletion {
    at: Instant,
    pause: Duration,
}

impl RefusedDeletions {
    /// How long the deletion of a resource has to wait, and what AWS said last; `None`: it may be tried.
    pub fn wait_for(&self, resource: &str) -> Option<(Duration, CloudError)> {
        let state = self.0.lock();
        let (last, error) = state.last.clone()?;
        let own =
            state.by_resource.get(resource).map(|refused| refused.pause.saturating_sub(refused.at.elapsed()));
        let shared = SHARED_PAUSE.saturating_sub(last.elapsed());
        let shared = if state.in_a_row >= IN_A_ROW { shared } else { Duration::ZERO };
        let wait = own.unwrap_or_default().max(shared);
        (!wait.is_zero()).then_some((wait, error))
    }

    /// What AWS said at the last refusal.
    pub fn last(&self) -> Option<CloudError> {
        self.0.lock().last.as_ref().map(|(_, error)| error.clone())
    }

    /// Takes note of a refusal. Answers when to try again.
    pub fn note_refused(&self, resource: &str, error: &CloudError) -> Duration {
        let now = Instant::now();
        let mut state = self.0.lock();
        state.by_resource.retain(|_, refused| refused.at.elapsed() < FORGOTTEN_AFTER);
        state.in_a_row += 1;
        state.last = Some((now, error.clone()));
        let before = state.by_resource.get(resource).map(|refused| refused.pause);
        let pause = before.map_or(PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        state.by_resource.insert(resource.to_owned(), RefusedDeletion { at: now, pause });
        pause
    }

    /// Takes note of a deletion that AWS performed.
    pub fn note_deleted(&self, resource: &str) {
        let mut state = self.0.lock();
        state.by_resource.remove(resource);
        state.in_a_row = 0;
    }
}

/// The resource that a call deletes, if AWS may refuse that because it is in use.
pub(super) fn deletes(request: &Request) -> Option<&str> {
    match request {
        Request::DeleteTargetGroup(delete) => delete.arn.known(),
        Request::DeleteLoadBalancer(delete) => delete.arn.known(),
        Request::DeleteSecurityGroup(delete) => delete.group_id.known(),
        Request::DeleteCertificate(delete) => Some(&delete.arn),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn in_use() -> CloudError {
        CloudError::Service {
            operation: "DeleteTargetGroup",
            code: "ResourceInUse".to_owned(),
            message: String::new(),
            request_id: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_resource_waits_longer_after_each_refusal_and_others_do_not() {
        let refused_deletions = RefusedDeletions::default();
        assert_eq!(refused_deletions.wait_for("one"), None);
        let pauses: Vec<u64> =
            (0..5).map(|_| refused_deletions.note_refused("one", &in_use()).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 15, 15]);
        refused_deletions.note_deleted("another");
        assert_eq!(refused_deletions.wait_for("other"), None);
        assert!(refused_deletions.wait_for("one").is_some());
        advance(LONGEST_PAUSE).await;
        assert_eq!(refused_deletions.wait_for("one"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_in_a_row_make_all_share_one_pace_until_a_deletion_succeeds() {
        let refused_deletions = RefusedDeletions::default();
        for resource in ["a", "b", "c", "d", "e"] {
            assert_eq!(refused_deletions.wait_for(resource), None);
            refused_deletions.note_refused(resource, &in_use());
        }
        assert_eq!(refused_deletions.wait_for("f").map(|(wait, _)| wait), Some(SHARED_PAUSE));
        advance(SHARED_PAUSE).await;
        assert_eq!(refused_deletions.wait_for("f"), None);
        refused_deletions.note_refused("f", &in_use());
        assert!(refused_deletions.wait_for("g").is_some());
        refused_deletions.note_deleted("f");
        assert_eq!(refused_deletions.wait_for("g"), None);
    }
}
