//! Connections to targets: how many a target has, and when they are cut.

use super::{
    Place,
    view::{GroupView, View, is_on},
};
use aws_load_balancer_controller::aws_api::elbv2::Protocol;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The connections to all targets. Clones share the same table.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    targets: Arc<Mutex<BTreeMap<Place, Target>>>,
}

#[derive(Debug, Default)]
struct Target {
    open: usize,
    /// Whether they are cut when the target has drained: what its group said when it was last known.
    cut: bool,
    end: CancellationToken,
}

/// A connection, or a request on its way, until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    connections: Connections,
    place: Place,
    end: CancellationToken,
}

impl Connections {
    /// One more connection to a target.
    pub(super) fn hold(&self, group: &GroupView, place: &Place) -> Held {
        let mut targets = self.targets.lock();
        let target = targets.entry(place.clone()).or_default();
        target.open += 1;
        target.cut = cuts(group);
        Held { connections: self.clone(), place: place.clone(), end: target.end.clone() }
    }

    /// How many a target has.
    pub(super) fn count(&self, place: &Place) -> usize {
        self.targets.lock().get(place).map_or(0, |target| target.open)
    }

    /// Cuts the connections that a target has now.
    pub(super) fn cut(&self, place: &Place) {
        if let Some(target) = self.targets.lock().get_mut(place) {
            target.end.cancel();
            target.end = CancellationToken::new();
        }
    }

    /// Cuts those to targets that have drained to the end, where that is done.
    ///
    /// A target group that is deleted is taken for one whose targets have drained: AWS does not say.
    pub(super) fn follow(&self, view: &View) {
        let mut over = Vec::new();
        for (place, target) in self.targets.lock().iter_mut() {
            let group = view.groups.get(&place.0);
            target.cut = group.map_or(target.cut, |group| cuts(group.as_ref()));
            let stays = group.is_some_and(|group| {
                group.targets.contains_key(&place.1) || group.draining.contains(&place.1)
            });
            if target.cut && !stays {
                over.push(place.clone());
            }
        }
        for place in over {
            self.cut(&place);
        }
    }
}

/// Whether a group cuts the connections to targets that have drained: an ALB always does, an NLB if it is told to.
fn cuts(group: &GroupView) -> bool {
    matches!(group.described.protocol, Some(Protocol::Http | Protocol::Https))
        || is_on(&group.attributes, "deregistration_delay.connection_termination.enabled")
}

impl Held {
    /// Done once the connection has to end.
    pub(super) fn end(&self) -> CancellationToken {
        self.end.clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut targets = self.connections.targets.lock();
        if let Some(target) = targets.get_mut(&self.place) {
            target.open = target.open.saturating_sub(1);
            if target.open == 0 {
                targets.remove(&self.place);
            }
        }
    }
}
