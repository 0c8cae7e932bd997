//! The time that one input may take. libFuzzer counts it in whole seconds only.

use std::time::{Duration, Instant};

/// How long one input may take in an optimised build.
const LIMIT: Duration = Duration::from_millis(100);
/// How often a slow input is tried again, since the machine may have been busy with something else.
const TRIES: usize = 4;

/// Runs an input and fails if it always takes longer than the limit.
pub fn within_limit(run: impl Fn()) {
    let is_quick = |_| {
        let began = Instant::now();
        run();
        began.elapsed() <= LIMIT
    };
    assert!((0..TRIES).any(is_quick), "takes more than {LIMIT:?}");
}
