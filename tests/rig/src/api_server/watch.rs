//! Watches: what has changed since a revision, line by line.

use super::{ApiServer, Change, selector::Selector};
use bytes::Bytes;
use futures::{Stream, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde_json::json;
use std::{convert::Infallible, time::Duration};
use tokio::time::Instant;

/// A watch in progress.
struct Watch {
    server: ApiServer,
    plural: String,
    selector: Selector,
    after: u64,
    until: Instant,
    revision: tokio::sync::watch::Receiver<u64>,
}

/// The body of a watch from a revision on, which ends after a while.
pub(super) fn body(
    server: ApiServer,
    plural: &str,
    selector: Selector,
    after: u64,
    lasts: Duration,
) -> UnsyncBoxBody<Bytes, Infallible> {
    let revision = server.0.revision.subscribe();
    let watch =
        Watch { server, plural: plural.to_owned(), selector, after, until: Instant::now() + lasts, revision };
    let frames = lines(watch);
    StreamBody::new(frames).boxed_unsync()
}

fn lines(watch: Watch) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        let lines = watch.next().await?;
        Some((Ok(Frame::data(lines)), watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.revision.borrow_and_update();
            let lines = self.take();
            if !lines.is_empty() {
                return Some(lines.into());
            }
            let changed = tokio::time::timeout_at(self.until, self.revision.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return None;
            }
        }
    }

    /// What has changed since the last time.
    fn take(&mut self) -> String {
        let state = self.server.0.state.lock();
        let Some(collection) = state.collections.get(&self.plural) else { return String::new() };
        let start = collection.log.partition_point(|change| change.revision <= self.after);
        let mut lines = String::new();
        for Change { revision, kind, object } in collection.log.get(start..).unwrap_or_default() {
            self.after = *revision;
            if self.selector.matches(object) {
                lines += &json!({ "type": kind, "object": **object }).to_string();
                lines.push('\n');
            }
        }
        lines
    }
}
