//! What the controller remembers about bindings between reconciles. Losing it costs one more full pass each, no more.

use crate::api::ObjectKey;
use crate::deploy::targets::interfaces::NetworkError;
use crate::status::binding::BindingReadiness;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// When the first full pass is due for a binding whose checkpoint says that nothing changed …
const FIRST_SYNC_AFTER: Duration = Duration::from_mins(30);
/// … and over how long such passes are spread.
const SPREAD_OVER: Duration = Duration::from_mins(15);

/// Networking that AWS refuses is tried again at least this often.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What is remembered about one binding.
#[derive(Clone, Debug)]
pub(super) struct BindingState {
    due: Instant,
    sync_period: Duration,
    /// The checkpoint as last written.
    pub(super) checkpoint: Option<WrittenCheckpoint>,
    /// The generation last written to the status.
    pub(super) observed: Option<i64>,
    /// What the condition `Ready` was last made to say. An old definition of the kind may have dropped it.
    pub(super) ready: Option<BindingReadiness>,
    /// For what networking was last kept, and when.
    pub(super) networking: Option<AppliedNetworking>,
    /// For what networking could not be kept.
    pub(super) networking_failed: Option<NetworkingFailed>,
    /// Since when pods wait for health, or bindings for pods.
    pub(super) waiting_since: Option<Instant>,
    /// Since when surplus targets serve in place of their replacements.
    pub(super) held_since: Option<Instant>,
    /// When it was last looked whether others registered or deregistered targets.
    pub(super) audited: Option<Instant>,
    /// Identities of the last targets that stay although they are no endpoints.
    pub(super) kept: BTreeSet<String>,
    /// What was told about them.
    pub(super) told_of_kept: Option<String>,
}

/// A checkpoint that was written.
#[derive(Clone, Debug)]
pub(super) struct WrittenCheckpoint {
    version: u64,
    /// The checkpoint.
    pub(super) value: String,
}

/// Networking as it was last kept.
#[derive(Clone, Debug)]
pub(super) struct AppliedNetworking {
    /// Checkpoint it was kept for.
    pub(super) checkpoint: String,
    /// When.
    pub(super) at: Instant,
    /// Whether what is no longer needed was revoked.
    pub(super) is_settled: bool,
}

/// Networking that could not be kept.
#[derive(Clone, Debug)]
pub(super) struct NetworkingFailed {
    checkpoint: String,
    at: Instant,
    pause: Duration,
}

impl NetworkingFailed {
    /// It has just failed for this checkpoint. `first` is the pause after which it is tried again the first time; it doubles.
    pub(super) fn after(
        error: &NetworkError,
        former: Option<Self>,
        checkpoint: String,
        first: Duration,
    ) -> Self {
        // why: rules that are refused have pauses of their own
        let has_own = matches!(error, NetworkError::Refused(_));
        let former = former.filter(|former| former.checkpoint == checkpoint && !has_own);
        let pause = former.map_or(first, |former| (former.pause * 2).min(LONGEST_PAUSE.max(first)));
        Self { checkpoint, at: Instant::now(), pause }
    }

    /// Whether it is not to be tried again for this checkpoint yet.
    pub(super) fn holds_back(&self, checkpoint: &str) -> bool {
        self.checkpoint == checkpoint && self.at.elapsed() < self.pause
    }
}

impl AppliedNetworking {
    /// Whether it was kept for this checkpoint.
    pub(super) fn is_for(&self, checkpoint: &str) -> bool {
        self.checkpoint == checkpoint
    }
}

impl WrittenCheckpoint {
    /// Whether the cache, which shows this version, has not seen it yet.
    pub(super) fn is_newer_than(&self, version: u64) -> bool {
        self.version > version
    }
}

impl BindingState {
    fn new(key: &ObjectKey, sync_period: Duration) -> Self {
        Self {
            due: Instant::now() + FIRST_SYNC_AFTER + spread(key),
            sync_period,
            checkpoint: None,
            observed: None,
            ready: None,
            networking: None,
            networking_failed: None,
            waiting_since: None,
            held_since: None,
            audited: None,
            kept: BTreeSet::new(),
            told_of_kept: None,
        }
    }

    /// Whether a full pass is due whatever the checkpoint says.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// How long until a full pass is due.
    pub(super) fn due_in(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    /// A full pass has been made and there is nothing to come back for.
    pub(super) fn mark_synced(&mut self) {
        self.due = Instant::now() + self.sync_period;
        self.waiting_since = None;
        self.held_since = None;
        self.kept.clear();
        self.told_of_kept = None;
    }

    /// A full pass is due at once.
    pub(super) fn make_due(&mut self) {
        self.due = Instant::now();
    }

    /// The checkpoint was written, and this is the binding's version since.
    pub(super) fn note_checkpoint(&mut self, version: &str, value: &str) {
        // why: a version that is no number can't be compared; then the cache is believed
        self.checkpoint =
            version.parse().ok().map(|version| WrittenCheckpoint { version, value: value.to_owned() });
    }
}

/// Spreads bindings evenly, and each always at the same place.
fn spread(key: &ObjectKey) -> Duration {
    let hash = key.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Duration::from_secs(hash % SPREAD_OVER.as_secs())
}

/// The memories of all bindings.
pub(super) struct BindingStates {
    sync_period: Duration,
    /// why boxed: nodes of the map have room for more than are in them
    by_key: Mutex<BTreeMap<ObjectKey, Box<BindingState>>>,
    /// How many of them wait.
    waiting: AtomicUsize,
}

impl BindingStates {
    pub(super) fn new(sync_period: Duration) -> Self {
        Self { sync_period, by_key: Mutex::default(), waiting: AtomicUsize::default() }
    }

    /// What is remembered about a binding; it is remembered from now on.
    pub(super) fn of(&self, key: &ObjectKey) -> BindingState {
        let mut by_key = self.by_key.lock();
        let state = by_key.entry(key.clone()).or_insert_with(|| self.new_state(key));
        BindingState::clone(state)
    }

    fn new_state(&self, key: &ObjectKey) -> Box<BindingState> {
        Box::new(BindingState::new(key, self.sync_period))
    }

    /// Changes what is remembered.
    pub(super) fn change(&self, key: &ObjectKey, change: impl FnOnce(&mut BindingState)) {
        let mut by_key = self.by_key.lock();
        let state = by_key.entry(key.clone()).or_insert_with(|| self.new_state(key));
        let has_waited = state.waiting_since.is_some();
        change(state);
        self.count(has_waited, state.waiting_since.is_some());
    }

    /// Forgets a binding.
    pub(super) fn remove(&self, key: &ObjectKey) {
        let removed = self.by_key.lock().remove(key);
        self.count(removed.is_some_and(|state| state.waiting_since.is_some()), false);
    }

    fn count(&self, has_waited: bool, is_waiting: bool) {
        match (has_waited, is_waiting) {
            (false, true) => drop(self.waiting.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(self.waiting.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
    }

    /// How many bindings wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}
