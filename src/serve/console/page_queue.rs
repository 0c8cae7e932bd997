//! What waits for one page: bounded, however slowly the page reads.

use super::topology_events::PageEvent;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

/// Bytes that may wait for a page beside everything that it was last given. With more, it gets everything anew once it reads again.
const MOST_WAITING: usize = 256 * 1024;

/// What a page has and needs.
#[derive(Debug)]
enum PageNeed {
    /// It follows: it gets what changes.
    Changes,
    /// Something was left out. It gets nothing until it reads again.
    Behind,
    /// It reads, and needs everything.
    All,
}

#[derive(Debug)]
struct PageState {
    waiting: VecDeque<PageEvent>,
    /// Bytes of changes that wait.
    changes: usize,
    need: PageNeed,
    /// Why there was nothing to tell when it was last told so.
    failed: Option<Arc<str>>,
}

/// The events that wait for a page.
#[derive(Debug)]
pub(super) struct PageQueue {
    state: Mutex<PageState>,
    told: Notify,
}

/// What a page finds that reads.
pub(super) enum NextEvent {
    /// This.
    Event(PageEvent),
    /// Nothing. Everything has to be looked at for it.
    NeedsAll,
    /// Nothing yet.
    Nothing,
}

impl PageQueue {
    /// For a page that has nothing yet.
    pub fn new() -> Self {
        let state = PageState { waiting: VecDeque::new(), changes: 0, need: PageNeed::Behind, failed: None };
        Self { state: Mutex::new(state), told: Notify::new() }
    }

    /// What the page gets that reads now.
    pub fn next(&self) -> NextEvent {
        let mut state = self.state.lock();
        if let Some(event) = state.waiting.pop_front() {
            if state.waiting.is_empty() {
                state.changes = 0;
            }
            return NextEvent::Event(event);
        }
        if matches!(state.need, PageNeed::Behind) {
            state.need = PageNeed::All;
            return NextEvent::NeedsAll;
        }
        NextEvent::Nothing
    }

    /// Completes when there is something.
    pub async fn told(&self) {
        self.told.notified().await;
    }

    /// Whether everything has to be looked at for it.
    pub fn needs_all(&self) -> bool {
        matches!(self.state.lock().need, PageNeed::All)
    }

    /// Gives everything to a page that needs it.
    pub fn give_all(&self, all: &[PageEvent]) {
        let mut state = self.state.lock();
        if matches!(state.need, PageNeed::All) {
            state.waiting = all.iter().cloned().collect();
            (state.changes, state.need, state.failed) = (0, PageNeed::Changes, None);
            self.told.notify_one();
        }
    }

    /// Gives changes to a page that has the rest. `None`: more than are kept.
    pub fn give_changes(&self, changes: Option<&[PageEvent]>) {
        let mut state = self.state.lock();
        if !matches!(state.need, PageNeed::Changes) {
            return;
        }
        let bytes = changes.map(|changes| changes.iter().map(PageEvent::held).sum::<usize>());
        match (changes, bytes) {
            (Some(changes), Some(bytes)) if state.changes + bytes <= MOST_WAITING => {
                state.waiting.extend(changes.iter().cloned());
                state.changes += bytes;
            }
            _ => {
                state.waiting.clear();
                (state.changes, state.need) = (0, PageNeed::Behind);
            }
        }
        self.told.notify_one();
    }

    /// Tells why there is nothing to tell, once.
    pub fn give_failure(&self, reason: &Arc<str>) {
        let mut state = self.state.lock();
        if state.failed.as_ref() == Some(reason) {
            return;
        }
        let text = serde_json::Value::from(&**reason).to_string();
        state.waiting = VecDeque::from([PageEvent::named("failed", &text)]);
        state.failed = Some(reason.clone());
        if matches!(state.need, PageNeed::Changes) {
            (state.changes, state.need) = (0, PageNeed::Behind);
        }
        self.told.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> PageEvent {
        PageEvent::named("items", &"x".repeat(bytes))
    }

    /// A page that has everything.
    fn following() -> PageQueue {
        let page = PageQueue::new();
        assert!(matches!(page.next(), NextEvent::NeedsAll));
        page.give_all(&[event(1)]);
        assert!(matches!(page.next(), NextEvent::Event(_)));
        page
    }

    fn waiting(page: &PageQueue) -> usize {
        page.state.lock().waiting.iter().map(PageEvent::held).sum()
    }

    #[test]
    fn what_waits_for_a_page_that_does_not_read_is_bounded() {
        let page = following();
        for _ in 0..1000 {
            page.give_changes(Some(&[event(10_000)]));
            assert!(waiting(&page) <= MOST_WAITING);
        }
        assert!(!page.needs_all(), "nothing is looked at for a page that does not read");
        assert!(matches!(page.next(), NextEvent::NeedsAll));
        assert!(page.needs_all());
        page.give_changes(Some(&[event(1)]));
        assert_eq!(waiting(&page), 0, "changes of what it does not have");
    }

    #[test]
    fn a_page_that_reads_gets_all_changes() {
        let page = following();
        for _ in 0..1000 {
            page.give_changes(Some(&[event(10_000)]));
            assert!(matches!(page.next(), NextEvent::Event(_)));
            assert!(matches!(page.next(), NextEvent::Nothing));
        }
    }

    #[test]
    fn a_failure_is_told_once_and_then_everything() {
        let page = following();
        let reason: Arc<str> = "no right to list".into();
        page.give_failure(&reason);
        page.give_failure(&reason);
        assert!(matches!(page.next(), NextEvent::Event(_)));
        assert!(matches!(page.next(), NextEvent::NeedsAll));
        page.give_failure(&reason);
        assert!(matches!(page.next(), NextEvent::Nothing));
        page.give_all(&[event(1)]);
        assert!(matches!(page.next(), NextEvent::Event(_)));
    }
}
