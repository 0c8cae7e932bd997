//! Faults: what goes wrong, and at which call.

use aws_load_balancer_controller::aws_api::{Action, Request};
use std::{fmt, sync::Arc, time::Duration};

/// Which calls a fault may strike.
#[derive(Clone)]
pub enum Calls {
    /// Any call.
    All,
    /// Calls that change something.
    Writes,
    /// Calls that change nothing.
    Reads,
    /// Calls of one operation.
    Of(Action),
    /// Calls that a function accepts.
    Matching(Arc<dyn Fn(&Request) -> bool + Send + Sync>),
}

impl Calls {
    /// Calls that a function accepts.
    pub fn matching(accepts: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self::Matching(Arc::new(accepts))
    }

    pub(crate) fn include(&self, request: &Request) -> bool {
        match self {
            Self::All => true,
            Self::Writes => request.action().is_write(),
            Self::Reads => !request.action().is_write(),
            Self::Of(action) => request.action() == *action,
            Self::Matching(accepts) => accepts(request),
        }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("All"),
            Self::Writes => f.write_str("Writes"),
            Self::Reads => f.write_str("Reads"),
            Self::Of(action) => write!(f, "Of({action:?})"),
            Self::Matching(_) => f.write_str("Matching(..)"),
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// AWS answers with this error code and does nothing.
    Fail {
        /// Error code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// AWS asks the caller to slow down, in the words of the service, and does nothing.
    Throttle,
    /// The call takes effect, but the caller gets no answer.
    LoseAnswer,
    /// The call takes effect, but its answer cannot be read.
    Garble,
    /// The caller dies before the call: it takes no effect, and no call arrives until [`crate::Sim::revive`].
    CrashBefore,
    /// The caller dies right after the call: it takes effect, and no other call arrives until [`crate::Sim::revive`].
    CrashAfter,
    /// The answer takes this long; the call takes effect at the end.
    Delay(Duration),
    /// After this call, so many reads still see the world as it was before it.
    Stale {
        /// How many reads.
        reads: usize,
    },
}

impl Effect {
    /// AWS answers with this error code and does nothing.
    pub fn fail(code: impl Into<String>) -> Self {
        Self::Fail { code: code.into(), message: "injected by the simulator".to_owned() }
    }
}

/// A fault that waits for its calls.
#[derive(Clone, Debug)]
pub struct Fault {
    calls: Calls,
    effect: Effect,
    /// Matching calls to let pass first.
    skip: usize,
    /// Matching calls to strike after that.
    times: usize,
}

impl Fault {
    /// Strikes every matching call.
    pub fn on(calls: Calls, effect: Effect) -> Self {
        Self { calls, effect, skip: 0, times: usize::MAX }
    }

    /// Strikes only the `k`-th matching call from now, counted from 1.
    #[must_use]
    pub fn at(self, k: usize) -> Self {
        Self { skip: k.saturating_sub(1), times: 1, ..self }
    }

    /// Strikes at most so many calls.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// The effect on this call, if it is struck.
    pub(crate) fn strike(&mut self, request: &Request) -> Option<Effect> {
        if self.times == 0 || !self.calls.include(request) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.effect.clone())
    }

    /// Whether it makes calls wait rather than go wrong.
    pub(crate) fn delays(&self) -> bool {
        matches!(self.effect, Effect::Delay(_))
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.times == 0
    }
}
