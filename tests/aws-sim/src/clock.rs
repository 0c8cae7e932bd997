//! The simulator's time, which tests move and the HTTP face lets run.

use std::time::Duration;
use tokio::time::Instant;

/// Time since the world began.
///
/// A running clock follows tokio's clock, so a test with paused time moves the world by letting tokio's time pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    moved: Duration,
    started: Option<Instant>,
}

impl Clock {
    /// A clock that stands still until it is advanced.
    pub fn standing() -> Self {
        Self::default()
    }

    /// A clock that runs with tokio's (real, or a test's paused one).
    pub fn running() -> Self {
        Self { moved: Duration::ZERO, started: Some(Instant::now()) }
    }

    /// Time since the world began.
    pub fn now(&self) -> Duration {
        self.moved + self.started.map_or(Duration::ZERO, |start| start.elapsed())
    }

    /// A clock that stands at this time.
    pub fn at(now: Duration) -> Self {
        Self { moved: now, started: None }
    }

    /// Moves time forward.
    pub fn advance(&mut self, by: Duration) {
        self.moved += by;
    }
}
