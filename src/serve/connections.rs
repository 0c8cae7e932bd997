//! The open connections of a listener: which may stay, and which one is closed when there are too many.
//!
//! At the limit a new connection takes the place of another, so that nobody shuts others out by holding connections. The
//! order of what is closed:
//!
//! 1. connections whose handshake takes long, the oldest first;
//! 2. of sources with more than their share: those in the middle of a head or body that does not come, then those that never had a
//!    request, then those where nothing has happened for the longest;
//! 3. the same of all other sources;
//! 4. connections that were answered before and whose next request has begun a moment ago.
//!
//! Where too many handshakes are under way, the oldest of these makes room. A connection whose request is complete is never
//! closed. It gets its answer.

use crate::metrics::ConnectionMeter;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many connections a listener keeps.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// All of them. API servers need a handful each, more in a rollout.
    pub connections: usize,
    /// Of these, without a finished handshake.
    pub opening: usize,
    /// Connections that a source address may have before its connections are closed in favour of others.
    pub share: usize,
    /// How long a client may take nothing of an answer before its connection is closed.
    pub unread: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { connections: 512, opening: 128, share: 64, unread: Duration::from_secs(30) }
    }
}

/// A handshake, a head or a body that takes longer than this does not come as fast as an API server sends it.
const STALLED: Duration = Duration::from_secs(1);
/// A client has this long for the rest of a head once its first byte is here.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that a client may send from the begin of one request to the begin of the next: the largest body, its head, and what
/// HTTP/2 frames them in.
const BYTES_PER_REQUEST: u64 = 20 * 1024 * 1024;
/// Bytes that a client may send before its first request.
const BYTES_BEFORE_REQUEST: u64 = 256 * 1024;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ConnectionPhase {
    /// The handshake is not finished.
    Opening,
    /// A request has begun and is not complete.
    Sending,
    /// There is no request.
    Idle,
    /// A complete request is being answered.
    Answering,
}

/// The order in which connections are closed: as the head of this file says, then since when.
type Rank = (u8, ConnectionPhase, bool, Instant);

/// One connection, shared by the table and whoever serves it.
#[derive(Debug)]
pub struct Connection {
    source: IpAddr,
    state: Mutex<ConnectionState>,
    closing: CancellationToken,
}

#[derive(Debug)]
struct ConnectionState {
    phase: ConnectionPhase,
    /// When the phase began.
    since: Instant,
    /// Requests that have begun and are not answered: more than one with HTTP/2.
    requests: usize,
    /// Whether a request has been answered.
    has_served: bool,
    /// Bytes since the last request began.
    received: u64,
    /// What `received` may come to.
    allowed: u64,
    /// Whether a byte means that a request begins. HTTP/2 has other frames, too.
    is_bytes_request: bool,
}

impl ConnectionState {
    fn enter(&mut self, phase: ConnectionPhase) {
        if self.phase != phase {
            (self.phase, self.since) = (phase, Instant::now());
        }
    }
}

impl Connection {
    fn new(source: IpAddr) -> Self {
        let state = ConnectionState {
            phase: ConnectionPhase::Opening,
            since: Instant::now(),
            requests: 0,
            has_served: false,
            received: 0,
            allowed: BYTES_BEFORE_REQUEST,
            is_bytes_request: false,
        };
        Self { source, state: Mutex::new(state), closing: CancellationToken::new() }
    }

    /// The handshake is finished.
    pub fn opened(&self, is_http2: bool) {
        let mut state = self.state.lock();
        state.is_bytes_request = !is_http2;
        state.enter(ConnectionPhase::Idle);
    }

    /// Bytes have come. Whether they are still in proportion to the requests.
    pub fn received(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        state.received = state.received.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if state.phase == ConnectionPhase::Idle && state.is_bytes_request {
            state.enter(ConnectionPhase::Sending);
        }
        state.received <= state.allowed
    }

    /// The head of a request is here. The request is over when the answer is dropped.
    pub fn begin(self: &Arc<Self>) -> Exchange {
        let mut state = self.state.lock();
        state.requests += 1;
        (state.received, state.allowed) = (0, BYTES_PER_REQUEST);
        state.enter(ConnectionPhase::Sending);
        Exchange(self.clone())
    }

    /// The request is complete: the client has done its part.
    pub fn complete(&self) {
        self.state.lock().enter(ConnectionPhase::Answering);
    }

    fn end(&self) {
        let mut state = self.state.lock();
        state.requests = state.requests.saturating_sub(1);
        state.has_served = true;
        if state.requests == 0 {
            state.enter(ConnectionPhase::Idle);
        }
    }

    /// Completes when the connection has to make room.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// The less, the sooner it is closed; `None`: never.
    fn rank(&self, has_more_than_share: bool) -> Option<Rank> {
        let state = self.state.lock();
        let is_stalled = state.since.elapsed() >= STALLED;
        let group = match state.phase {
            ConnectionPhase::Answering => return None,
            ConnectionPhase::Sending if state.has_served && !is_stalled => 3,
            ConnectionPhase::Opening if is_stalled => 0,
            ConnectionPhase::Opening | ConnectionPhase::Sending | ConnectionPhase::Idle
                if has_more_than_share =>
            {
                1
            }
            ConnectionPhase::Opening | ConnectionPhase::Sending | ConnectionPhase::Idle => 2,
        };
        // why: whether what began a moment ago comes to an end is not known yet
        let phase = if is_stalled { state.phase } else { ConnectionPhase::Idle };
        // why: the first request of a new connection is on its way
        let may_ask = state.has_served || !is_stalled;
        Some((group, phase, may_ask, state.since))
    }

    fn phase(&self) -> ConnectionPhase {
        self.state.lock().phase
    }

    fn has_stalled_head(&self) -> bool {
        let state = self.state.lock();
        state.phase == ConnectionPhase::Sending && state.requests == 0 && state.since.elapsed() > HEAD_TIMEOUT
    }
}

/// A request from its head until its answer.
#[derive(Debug)]
pub struct Exchange(Arc<Connection>);

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// All open connections of a listener.
#[derive(Clone, Default)]
pub struct Connections(Arc<Table>);

#[derive(Default)]
struct Table {
    limits: ConnectionLimits,
    meter: ConnectionMeter,
    open: Mutex<OpenConnection>,
}

#[derive(Default)]
struct OpenConnection {
    next: u64,
    connections: BTreeMap<u64, Arc<Connection>>,
}

/// The place of a connection in the table, until it is dropped.
pub struct ConnectionSlot {
    table: Connections,
    id: u64,
    /// The connection.
    pub connection: Arc<Connection>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let Table { open, meter, .. } = &*self.table.0;
        let mut open = open.lock();
        open.connections.remove(&self.id);
        meter.open.set(i64::try_from(open.connections.len()).unwrap_or(i64::MAX));
    }
}

impl Connections {
    /// No connections yet.
    pub fn new(limits: ConnectionLimits, meter: ConnectionMeter) -> Self {
        Self(Arc::new(Table { limits, meter, open: Mutex::default() }))
    }

    /// A place for a new connection. Where there is none, another connection is closed for it; `None`: all others have
    /// complete requests.
    pub fn enter(&self, source: IpAddr) -> Option<ConnectionSlot> {
        let Table { limits, meter, open } = &*self.0;
        let mut open = open.lock();
        let is_opening = |connection: &&Arc<Connection>| connection.phase() == ConnectionPhase::Opening;
        let opening = open.connections.values().filter(is_opening).count();
        let has_too_many_handshakes = opening >= limits.opening;
        if open.connections.len() >= limits.connections || has_too_many_handshakes {
            let is_candidate = |connection: &Connection| {
                !has_too_many_handshakes || connection.phase() == ConnectionPhase::Opening
            };
            let Some(id) = open.least_wanted(limits.share, is_candidate) else {
                meter.refused.inc();
                return None;
            };
            open.close(id, meter);
        }
        let (id, connection) = (open.next, Arc::new(Connection::new(source)));
        open.next += 1;
        open.connections.insert(id, connection.clone());
        meter.open.set(i64::try_from(open.connections.len()).unwrap_or(i64::MAX));
        Some(ConnectionSlot { table: self.clone(), id, connection })
    }

    /// Connections that may be served at a time, those that are being closed included.
    pub fn most(&self) -> usize {
        self.0.limits.connections + self.0.limits.opening
    }

    /// How long a client may take nothing of an answer.
    pub fn unread(&self) -> Duration {
        self.0.limits.unread
    }

    /// Closes the connections whose heads do not come to an end.
    pub fn sweep(&self) {
        let Table { meter, open, .. } = &*self.0;
        let mut open = open.lock();
        let stalled = open.connections.iter().filter(|(_, connection)| connection.has_stalled_head());
        for id in stalled.map(|(id, _)| *id).collect::<Vec<_>>() {
            open.close(id, meter);
        }
    }
}

impl OpenConnection {
    fn least_wanted(&self, share: usize, is_candidate: impl Fn(&Connection) -> bool) -> Option<u64> {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for connection in self.connections.values() {
            *counts.entry(connection.source).or_default() += 1;
        }
        let has_more = |connection: &Connection| counts.get(&connection.source).is_some_and(|n| *n > share);
        let candidates = self.connections.iter().filter(|(_, connection)| is_candidate(connection));
        let ranked = candidates.filter_map(|(id, connection)| {
            Some((connection.rank(has_more(connection))?, Reverse(counts.get(&connection.source)), *id))
        });
        ranked.min().map(|(_, _, id)| id)
    }

    fn close(&mut self, id: u64, meter: &ConnectionMeter) {
        if let Some(connection) = self.connections.remove(&id) {
            match connection.phase() {
                ConnectionPhase::Opening => meter.closed_opening.inc(),
                ConnectionPhase::Sending => meter.closed_sending.inc(),
                ConnectionPhase::Idle | ConnectionPhase::Answering => meter.closed_idle.inc(),
            };
            connection.closing.cancel();
        }
    }
}

#[cfg(test)]
mod tests;
