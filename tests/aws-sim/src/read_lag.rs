//! Reads that lag: the world as it was some time ago.

use crate::{Calls, Clock, World};
use aws_load_balancer_controller::aws_api::{CloudError, Request, Response};
use std::{collections::VecDeque, time::Duration};

/// Which reads lag by how much, and the worlds they see.
#[derive(Debug, Default)]
pub(crate) struct ReadLag {
    lags: Vec<(Calls, Duration)>,
    /// The world after each change since the first lag was armed, oldest first, with the time of the change.
    worlds: VecDeque<(Duration, World)>,
}

impl ReadLag {
    /// From now on these reads see the world as it was this long ago, but not as it was before now.
    pub(crate) fn lag(&mut self, calls: Calls, by: Duration, world: &mut World) {
        if self.lags.is_empty() {
            self.worlds = VecDeque::from([(Duration::ZERO, world.without_log())]);
        }
        self.lags.push((calls, by));
    }

    /// Every read sees the world as it is.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes note of the world after a change.
    pub(crate) fn note(&mut self, world: &mut World) {
        let Some(longest) = self.lags.iter().map(|(_, by)| *by).max() else { return };
        let now = world.now();
        self.worlds.push_back((now, world.without_log()));
        let horizon = now.saturating_sub(longest);
        while self.worlds.get(1).is_some_and(|(at, _)| *at <= horizon) {
            self.worlds.pop_front();
        }
    }

    /// The answer to a read that lags; `None`: it does not.
    pub(crate) fn answer(
        &mut self,
        request: &Request,
        now: Duration,
    ) -> Option<Result<Response, CloudError>> {
        if request.action().is_write() {
            return None;
        }
        let (_, by) = self.lags.iter().find(|(calls, _)| calls.include(request))?;
        let then = now.saturating_sub(*by);
        let seen = self.worlds.iter_mut().rev().find(|(at, _)| *at <= then)?;
        let mut world = seen.1.clone().with_clock(Clock::at(then));
        Some(world.perform(request))
    }
}
