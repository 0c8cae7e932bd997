//! Waiting for conditions with a deadline, so that no test ever sleeps for luck.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a condition that cannot be watched is looked at.
const TICK: Duration = Duration::from_millis(20);

/// The rhythm of looking at something that cannot be watched.
pub fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Looks until `probe` yields a value. At the deadline its last reason becomes the error.
pub async fn eventually<T, F, P>(what: &str, deadline: Duration, mut probe: P) -> Result<T>
where
    P: FnMut() -> F,
    F: Future<Output = Result<T>>,
{
    let (started, mut ticks) = (Instant::now(), ticks());
    loop {
        ticks.tick().await;
        let reason = match probe().await {
            Ok(value) => return Ok(value),
            Err(reason) => reason,
        };
        if started.elapsed() > deadline {
            bail!("{what}: not within {deadline:?}: {reason:#}");
        }
    }
}

/// Waits for a future that ends by itself, such as a watch.
pub async fn within<T, E>(
    what: &str,
    deadline: Duration,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T>
where
    E: Into<anyhow::Error>,
{
    let result = tokio::time::timeout(deadline, future).await;
    let result = result.map_err(|_| anyhow::anyhow!("{what}: not within {deadline:?}"))?;
    result.map_err(Into::into).with_context(|| what.to_owned())
}
