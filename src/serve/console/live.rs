//! The topology while it changes: looked at once for all pages that are open, and what changes of it as server-sent events.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use super::ConsoleSource;
use super::page_queue::{NextEvent, PageQueue};
use super::topology_events::{TopologyDigests, TopologyNews, TopologyPass};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use parking_lot::Mutex;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Pages that may follow the topology at a time.
pub(super) const MOST_PAGES: usize = 16;
/// How soon after a look there may be the next one: for a page that needs everything, and for what has changed.
const SOON: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_secs(1);
/// How soon there is one although nothing is known to have changed: the health of targets changes in AWS alone.
const PERIOD: Duration = Duration::from_secs(10);
/// How long after the last page what was seen is kept, though nothing more is read: whoever goes to another page comes back.
const LINGER: Duration = Duration::from_secs(30);
/// How often a page hears something although nothing changes, so that it notices a lost connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a page is told of changes over one connection; then it asks anew.
///
/// why: whether somebody reads what the kernel has taken for a client is not known, and a place must not be held for ever
const CONNECTED: Duration = Duration::from_mins(15);

/// The topology of all pages.
#[derive(Clone)]
pub struct LiveTopology {
    source: Arc<dyn ConsoleSource>,
    pages: Arc<Mutex<Vec<Weak<PageQueue>>>>,
    places: Arc<Semaphore>,
    /// Tells that a page needs everything.
    wanted: Arc<Notify>,
    end: CancellationToken,
}

impl LiveTopology {
    pub(super) fn new(source: Arc<dyn ConsoleSource>) -> Self {
        Self {
            source,
            pages: Arc::default(),
            places: Arc::new(Semaphore::new(MOST_PAGES)),
            wanted: Arc::default(),
            end: CancellationToken::new(),
        }
    }

    /// Looks at the topology while pages are open, for ever. While there are none, it costs nothing and keeps nothing.
    pub async fn run(self) {
        loop {
            self.wanted.notified().await;
            let mut told = TopologyDigests::default();
            loop {
                let pages = self.pages();
                if !pages.is_empty() {
                    self.look(&pages, &mut told).await;
                    drop(pages);
                    self.pause().await;
                } else if timeout(LINGER, self.wanted.notified()).await.is_err() {
                    break;
                }
            }
            self.source.rest().await;
        }
    }

    /// Ends the streams of all pages.
    pub fn end(&self) {
        self.end.cancel();
    }

    fn pages(&self) -> Vec<Arc<PageQueue>> {
        let mut pages = self.pages.lock();
        pages.retain(|page| page.strong_count() > 0);
        pages.iter().filter_map(Weak::upgrade).collect()
    }

    async fn pause(&self) {
        sleep(SOON).await;
        let changed = async {
            sleep(PAUSE.saturating_sub(SOON)).await;
            // why: the time-out is as good as a change
            let _ = timeout(PERIOD, self.source.changed()).await;
        };
        tokio::select! {
            () = self.wanted.notified() => {}
            () = changed => {}
        }
    }

    async fn look(&self, pages: &[Arc<PageQueue>], told: &mut TopologyDigests) {
        match self.news(pages, told).await {
            Ok(TopologyNews { digests, changes, all }) => {
                *told = digests;
                for page in pages {
                    match &all {
                        Some(all) if page.needs_all() => page.give_all(all),
                        _ => page.give_changes(changes.as_deref()),
                    }
                }
            }
            Err(reason) => {
                let reason = reason.into();
                for page in pages {
                    page.give_failure(&reason);
                }
            }
        }
    }

    async fn news(&self, pages: &[Arc<PageQueue>], told: &TopologyDigests) -> Result<TopologyNews, String> {
        let mut pass = TopologyPass::new(told, pages.iter().any(|page| page.needs_all()));
        let mut taken = Ok(());
        let mut take = |id: &str, json: &[u8]| {
            if taken.is_ok() {
                taken = pass.item(id, json);
            }
        };
        let head = self.source.topology(&mut take).await?;
        let news = taken.and_then(|()| pass.end(head));
        news.map_err(|error| error.to_string())
    }
}

/// A page that reads.
struct TopologyPage {
    queue: Arc<PageQueue>,
    wanted: Arc<Notify>,
    until: Instant,
    end: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl TopologyPage {
    /// The next event; `None`: there will be no more.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while Instant::now() < self.until {
            match self.queue.next() {
                NextEvent::Event(event) => return Some(event.text()),
                NextEvent::NeedsAll => self.wanted.notify_one(),
                NextEvent::Nothing => {}
            }
            let told = tokio::select! {
                told = timeout(HEARTBEAT, self.queue.told()) => told,
                () = self.end.cancelled() => return None,
            };
            if told.is_err() {
                return Some(Ok(Bytes::from_static(b": nothing new\n\n")));
            }
        }
        None
    }
}

impl Drop for TopologyPage {
    fn drop(&mut self) {
        // why: it may have been the last one
        self.wanted.notify_one();
    }
}

/// A stream for one more page; `None`: there are too many.
pub(super) fn stream(live: &LiveTopology) -> Option<Response> {
    let place = live.places.clone().try_acquire_owned().ok()?;
    let queue = Arc::new(PageQueue::new());
    live.pages.lock().push(Arc::downgrade(&queue));
    let page = TopologyPage {
        queue,
        wanted: live.wanted.clone(),
        until: Instant::now() + CONNECTED,
        end: live.end.clone(),
        _place: place,
    };
    let events = stream::unfold(page, |mut page| async move { Some((page.next().await?, page)) });
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))];
    Some((content_type, Body::from_stream(events)).into_response())
}
