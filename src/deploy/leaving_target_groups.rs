//! Target groups that go together with their load balancer.
//!
//! AWS deletes a target group with all targets in it, and nothing is sent to the targets of one that no load balancer uses. So
//! whoever ends a binding of such a target group need not deregister its targets: of all calls of a deletion these are the
//! ones that AWS admits the fewest of (four a second).

use parking_lot::Mutex;
use std::collections::BTreeSet;

/// ARNs of target groups whose load balancer was deleted, and which are about to be deleted themselves.
///
/// Kept in memory alone: who does not know of a target group here deregisters its targets, which is always right.
#[derive(Debug, Default)]
pub struct LeavingTargetGroups(Mutex<BTreeSet<String>>);

impl LeavingTargetGroups {
    /// Says that a target group is about to be deleted, and that no load balancer uses it any more.
    pub fn add(&self, arn: &str) {
        self.0.lock().insert(arn.to_owned());
    }

    /// Whether a target group is about to be deleted.
    pub fn contains(&self, arn: &str) -> bool {
        self.0.lock().contains(arn)
    }

    /// Says that a target group is gone, or that it stays after all.
    pub fn remove(&self, arn: &str) {
        self.0.lock().remove(arn);
    }
}
