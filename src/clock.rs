//! The one place that reads the wall clock. Time enters everything else as an argument.

use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// How the wall clock is read.
pub type Wall = fn() -> Timestamp;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the shell's only reading of the wall clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A moment by the monotonic clock and by the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    monotonic: Instant,
    wall: Timestamp,
    read_wall: Wall,
}

impl Moment {
    /// Now, by the monotonic clock and by this wall clock.
    pub fn now(read_wall: Wall) -> Self {
        Self { monotonic: Instant::now(), wall: read_wall(), read_wall }
    }

    /// The time since then, by the clock that shows more of it.
    ///
    /// why: the monotonic clock stands still while a machine is suspended, and the wall clock may be set back.
    pub fn elapsed(&self) -> Duration {
        let by_wall = (self.read_wall)().duration_since(self.wall);
        let by_wall = if by_wall.is_positive() { by_wall.unsigned_abs() } else { Duration::ZERO };
        self.monotonic.elapsed().max(by_wall)
    }
}
