//! Connections to targets: how many a target has, and when they are cut.

use super::{
    Place,
    view::{View, is_on},
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
    pub(super) fn hold(&self, place: &Place) -> Held {
        let mut targets = self.targets.lock();
        let target = targets.entry(place.clone()).or_default();
        target.open += 1;
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

    /// Cuts those to targets that have drained to the end.
    ///
    /// An ALB always does; an NLB where `deregistration_delay.connection_termination.enabled` says so.
    pub(super) fn follow(&self, view: &View) {
        let is_over = |(arn, key): &Place| {
            let Some(group) = view.groups.get(arn) else { return true };
            let stays = group.targets.contains_key(key) || group.draining.contains(key);
            let web = matches!(group.described.protocol, Some(Protocol::Http | Protocol::Https));
            !stays && (web || is_on(&group.attributes, "deregistration_delay.connection_termination.enabled"))
        };
        let over: Vec<_> = self.targets.lock().keys().filter(|place| is_over(place)).cloned().collect();
        over.iter().for_each(|place| self.cut(place));
    }
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
