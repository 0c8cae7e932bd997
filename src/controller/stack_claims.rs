//! Which Ingress groups are being worked on, so that a group and the Gateway that takes over its load balancer take turns.

use crate::model::StackId;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// When to ask again for a group that somebody else works on.
pub const BUSY: Duration = Duration::from_secs(1);

/// The groups that somebody works on.
#[derive(Clone, Debug, Default)]
pub struct StackClaims(Arc<Mutex<BTreeSet<StackId>>>);

/// The right to change what a group has, until it is dropped.
#[derive(Debug)]
pub struct StackClaim {
    group: StackId,
    claims: StackClaims,
}

impl StackClaims {
    /// The right to change what a group has; `None`: somebody else has it.
    pub fn claim(&self, group: &StackId) -> Option<StackClaim> {
        let is_free = self.0.lock().insert(group.clone());
        is_free.then(|| StackClaim { group: group.clone(), claims: self.clone() })
    }
}

impl Drop for StackClaim {
    fn drop(&mut self) {
        self.claims.0.lock().remove(&self.group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::group::explicit_group;

    #[test]
    fn a_group_is_claimed_by_one_at_a_time() {
        let claims = StackClaims::default();
        let first = claims.claim(&explicit_group("one"));
        assert!(first.is_some() && claims.claim(&explicit_group("two")).is_some());
        assert!(claims.claim(&explicit_group("one")).is_none());
        drop(first);
        assert!(claims.claim(&explicit_group("one")).is_some());
    }
}
