//! The topology while it changes: one snapshot, looked at while pages are open, and what changes of it as server-sent events.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use super::ConsoleSource;
use super::snapshot::{TopologySnapshot, event};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Pages that may follow the topology at a time.
pub(super) const MOST_PAGES: usize = 16;
/// How soon after a look there may be the next one.
const PAUSE: Duration = Duration::from_secs(1);
/// How soon there is one although nothing is known to have changed: the health of targets changes in AWS alone.
const PERIOD: Duration = Duration::from_secs(10);
/// How often a page hears something although nothing changes, so that it notices a lost connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What was last seen.
#[derive(Clone, Debug, Default)]
enum Seen {
    /// Nothing yet.
    #[default]
    Nothing,
    /// This.
    Snapshot(Arc<TopologySnapshot>),
    /// It could not be seen, for this reason.
    Failed(Arc<str>),
}

/// The topology of all pages.
#[derive(Clone)]
pub struct LiveTopology {
    source: Arc<dyn ConsoleSource>,
    seen: watch::Sender<Seen>,
    pages: Arc<Semaphore>,
    /// Tells that somebody looks.
    wanted: Arc<tokio::sync::Notify>,
    end: CancellationToken,
}

impl LiveTopology {
    pub(super) fn new(source: Arc<dyn ConsoleSource>) -> Self {
        Self {
            source,
            seen: watch::Sender::new(Seen::Nothing),
            pages: Arc::new(Semaphore::new(MOST_PAGES)),
            wanted: Arc::default(),
            end: CancellationToken::new(),
        }
    }

    /// Looks at the topology while pages are open, for ever. While there are none, it costs nothing and keeps nothing.
    pub async fn run(self) {
        loop {
            self.wanted.notified().await;
            while self.seen.receiver_count() > 0 {
                self.look().await;
                sleep(PAUSE).await;
                // why: the time-out is as good as a change
                let _ = timeout(PERIOD, self.source.changed()).await;
            }
            self.seen.send_replace(Seen::Nothing);
            self.source.rest().await;
        }
    }

    /// Ends the streams of all pages.
    pub fn end(&self) {
        self.end.cancel();
    }

    async fn look(&self) {
        let seen = match self.source.topology().await {
            Ok(snapshot) => Seen::Snapshot(Arc::new(snapshot)),
            Err(reason) => Seen::Failed(reason.into()),
        };
        self.seen.send_if_modified(|last| {
            let is_same = match (&*last, &seen) {
                (Seen::Snapshot(last), Seen::Snapshot(seen)) => last == seen,
                (Seen::Failed(last), Seen::Failed(seen)) => last == seen,
                _ => false,
            };
            if !is_same {
                *last = seen;
            }
            !is_same
        });
    }
}

/// What one page has been told.
struct TopologyPage {
    seen: watch::Receiver<Seen>,
    told: Option<Arc<TopologySnapshot>>,
    waiting: VecDeque<Bytes>,
    end: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl TopologyPage {
    /// The next event; `None`: there will be no more.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let changed = tokio::select! {
                changed = timeout(HEARTBEAT, self.seen.changed()) => changed,
                () = self.end.cancelled() => return None,
            };
            match changed {
                Err(_) => return Some(Bytes::from_static(b": nothing new\n\n")),
                Ok(Err(_)) => return None,
                Ok(Ok(())) => self.tell(),
            }
        }
    }

    fn tell(&mut self) {
        let seen = self.seen.borrow_and_update().clone();
        match seen {
            Seen::Nothing => {}
            Seen::Failed(reason) => {
                self.told = None;
                self.waiting.push_back(event("failed", &serde_json::Value::from(&*reason).to_string()));
            }
            Seen::Snapshot(snapshot) => {
                self.waiting.extend(snapshot.events(self.told.as_deref()));
                self.told = Some(snapshot);
            }
        }
    }
}

/// A stream for one more page; `None`: there are too many.
pub(super) fn stream(live: &LiveTopology) -> Option<Response> {
    let place = live.pages.clone().try_acquire_owned().ok()?;
    let mut seen = live.seen.subscribe();
    // why: what is there already is news to this page
    seen.mark_changed();
    live.wanted.notify_one();
    let page =
        TopologyPage { seen, told: None, waiting: VecDeque::new(), end: live.end.clone(), _place: place };
    let events = stream::unfold(page, |mut page| async move {
        let event = page.next().await?;
        Some((Ok::<_, Infallible>(event), page))
    });
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))];
    Some((content_type, Body::from_stream(events)).into_response())
}
