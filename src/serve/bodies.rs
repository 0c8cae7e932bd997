//! Memory of the request bodies of a listener, bounded in total.
//!
//! Small bodies have memory of their own, so that they never wait behind large ones, and those beyond what objects of usual writing
//! come to have another, so that the others never wait behind them. A large body begins when there is memory for
//! all of it; until then it is not read. When memory is short, a request that is held back is given up: whoever sends makes
//! progress, and whoever does not makes room.

use crate::metrics::BodyMeter;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A body up to here is small.
pub const SMALL: usize = 64 * 1024;
/// A body up to here is large; one beyond is huge. Two objects as large as etcd takes them, of usual writing.
pub const LARGE: usize = 3 * 1024 * 1024;
/// The largest body.
///
/// The API server takes 3 MiB of an object from its clients, and asks its webhooks before etcd refuses what is beyond 1.5 MiB. Its
/// JSON encoder writes `<`, `>` and `&` as six bytes each, so that the new object takes 18 MiB at most; the rest is room for what
/// surrounds it and for an old object. Only an update between two objects of which most are such characters is beyond.
/// Source: `MaxRequestBodyBytes` of k8s.io/apiserver, <https://etcd.io/docs/latest/dev-guide/limit/>, `encoding/json` of Go
pub const LARGEST: usize = 19 * 1024 * 1024;
/// A sender from whom nothing came for so long holds its body back.
const STALL: Duration = Duration::from_millis(100);
/// A sender that takes longer than this for its body is slow.
const LONG: Duration = Duration::from_secs(1);
/// How often who waits looks whether somebody holds a body back.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes of bodies in memory at a time.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Of small bodies.
    pub small: usize,
    /// Of large bodies.
    pub large: usize,
    /// Of huge bodies.
    pub huge: usize,
}

impl Default for BodyLimits {
    /// One huge body at a time, and 43 MiB in all.
    fn default() -> Self {
        Self { small: 8 * 1024 * 1024, large: 16 * 1024 * 1024, huge: LARGEST }
    }
}

/// Bodies of one size share memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Small,
    Large,
    Huge,
}

impl Size {
    fn of(bytes: usize) -> Self {
        if bytes <= SMALL {
            Self::Small
        } else if bytes <= LARGE {
            Self::Large
        } else {
            Self::Huge
        }
    }
}

impl BodyLimits {
    fn of(&self, size: Size) -> usize {
        match size {
            Size::Small => self.small,
            Size::Large => self.large,
            Size::Huge => self.huge,
        }
    }
}

/// The request is given up: it was sent slowly, and memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body came slowly while many others were on their way; send it again")]
pub struct BodyDropped;

/// All bodies in memory.
#[derive(Clone, Default)]
pub struct Bodies(Arc<BodiesState>);

#[derive(Default)]
struct BodiesState {
    room: BodyLimits,
    meter: BodyMeter,
    shelf: Mutex<OpenBodies>,
    freed: Notify,
}

#[derive(Default)]
struct OpenBodies {
    next: u64,
    bodies: BTreeMap<u64, OpenBody>,
}

/// One body.
struct OpenBody {
    bytes: usize,
    began: Instant,
    last: Instant,
    is_whole: bool,
    /// Whether it has been asked to go.
    is_dropped: bool,
    ask: Arc<Notify>,
}

impl OpenBody {
    fn size(&self) -> Size {
        Size::of(self.bytes)
    }

    /// For how long a body is held back, if it is: the stalled before the slow.
    fn delay(&self, now: Instant) -> Option<(bool, Duration)> {
        let (stalled, elapsed) = (now - self.last, now - self.began);
        if stalled >= STALL {
            return Some((true, stalled));
        }
        (elapsed >= LONG).then_some((false, elapsed))
    }
}

impl OpenBodies {
    fn used(&self, size: Size) -> usize {
        self.of(size).map(|(_, held)| held.bytes).sum()
    }

    /// What is about to be freed.
    fn leaving(&self, size: Size) -> usize {
        self.of(size).filter(|(_, held)| held.is_dropped).map(|(_, held)| held.bytes).sum()
    }

    fn of(&self, size: Size) -> impl Iterator<Item = (&u64, &OpenBody)> {
        self.bodies.iter().filter(move |(_, held)| held.size() == size)
    }

    fn slowest(&self, size: Size) -> Option<u64> {
        let now = Instant::now();
        let coming = self.of(size).filter(|(_, held)| !held.is_whole && !held.is_dropped);
        let delayed = coming.filter_map(|(id, held)| Some((held.delay(now)?, *id)));
        delayed.max().map(|(_, id)| id)
    }

    fn total(&self) -> usize {
        self.bodies.values().map(|held| held.bytes).sum()
    }
}

/// What one body has of the memory, until it is dropped.
pub struct BodyReservation {
    shared: Arc<BodiesState>,
    id: u64,
    ask: Arc<Notify>,
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        let mut shelf = self.shared.shelf.lock();
        shelf.bodies.remove(&self.id);
        self.shared.count(&shelf);
        drop(shelf);
        self.shared.freed.notify_waiters();
    }
}

impl BodiesState {
    fn count(&self, shelf: &OpenBodies) {
        self.meter.bytes.set(i64::try_from(shelf.total()).unwrap_or(i64::MAX));
    }
}

impl Bodies {
    /// No bodies yet.
    pub fn new(room: BodyLimits, meter: BodyMeter) -> Self {
        Self(Arc::new(BodiesState { room, meter, ..BodiesState::default() }))
    }

    /// A body of which nothing has come yet.
    pub fn enter(&self) -> BodyReservation {
        let mut shelf = self.0.shelf.lock();
        let (id, now, ask) = (shelf.next, Instant::now(), Arc::new(Notify::new()));
        let (is_whole, is_dropped) = (false, false);
        shelf
            .bodies
            .insert(id, OpenBody { bytes: 0, began: now, last: now, is_whole, is_dropped, ask: ask.clone() });
        shelf.next += 1;
        BodyReservation { shared: self.0.clone(), id, ask }
    }

    /// Bytes in memory.
    pub fn used(&self) -> usize {
        self.0.shelf.lock().total()
    }
}

impl BodyReservation {
    /// Bytes have come for which there is memory.
    pub fn touch(&self) {
        if let Some(held) = self.shared.shelf.lock().bodies.get_mut(&self.id) {
            held.last = Instant::now();
        }
    }

    /// Takes memory for so many bytes more; waits for it where others make use of it.
    pub async fn take(&self, bytes: usize) -> Result<(), BodyDropped> {
        loop {
            let freed = self.shared.freed.notified();
            let mut freed = std::pin::pin!(freed);
            freed.as_mut().enable();
            if self.try_take(bytes)? {
                return Ok(());
            }
            tokio::select! {
                () = freed => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.dropped() => return Err(BodyDropped),
            }
        }
    }

    /// Whether there was memory. Where there was not, the slowest has been asked to go.
    fn try_take(&self, bytes: usize) -> Result<bool, BodyDropped> {
        let mut shelf = self.shared.shelf.lock();
        let Some(mine) = shelf.bodies.get_mut(&self.id).filter(|held| !held.is_dropped) else {
            return Err(BodyDropped);
        };
        // why: whoever waits for memory is not slow
        let now = Instant::now();
        mine.last = now;
        let (before, former) = (mine.bytes, mine.size());
        let wanted = before + bytes;
        let size = Size::of(wanted);
        let limit = self.shared.room.of(size);
        let own = if former == size { before } else { 0 };
        let used = shelf.used(size) - own;
        if used + wanted <= limit {
            if let Some(mine) = shelf.bodies.get_mut(&self.id) {
                mine.bytes = wanted;
                // why: until now it was the server that took its time
                mine.began = if former == size { mine.began } else { now };
            }
            self.shared.count(&shelf);
            return Ok(true);
        }
        if used + wanted - shelf.leaving(size) > limit
            && let Some(id) = shelf.slowest(size)
            && let Some(slowest) = shelf.bodies.get_mut(&id)
        {
            slowest.is_dropped = true;
            slowest.ask.notify_one();
            self.shared.meter.dropped.inc();
            if id == self.id {
                return Err(BodyDropped);
            }
        }
        Ok(false)
    }

    /// The body is complete: from now on it is the server that takes its time.
    pub fn complete(&self) {
        if let Some(held) = self.shared.shelf.lock().bodies.get_mut(&self.id) {
            held.is_whole = true;
        }
    }

    /// Completes when the body is given up.
    pub async fn dropped(&self) {
        self.ask.notified().await;
    }
}

#[cfg(test)]
mod tests;
