//! Watches: what has changed since a revision, line by line.

use super::{ApiServer, Change, Failure, selector::Selector};
use bytes::Bytes;
use futures::{Stream, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
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
    round: tokio::sync::watch::Receiver<u64>,
    is_over: bool,
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
    let round = server.0.round.subscribe();
    let until = Instant::now() + lasts;
    let watch =
        Watch { server, plural: plural.to_owned(), selector, after, until, revision, round, is_over: false };
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
        while !self.is_over {
            self.revision.borrow_and_update();
            let lines = self.take();
            if !lines.is_empty() {
                return Some(lines.into());
            }
            tokio::select! {
                biased;
                changed = tokio::time::timeout_at(self.until, self.revision.changed()) => {
                    self.is_over = !matches!(changed, Ok(Ok(())));
                }
                _ = self.round.changed() => self.is_over = true,
            }
        }
        None
    }

    /// What has changed since the last time.
    fn take(&mut self) -> String {
        let mut state = self.server.0.state.lock();
        let Some(collection) = state.collections.get(&self.plural) else { return String::new() };
        if self.after < collection.compacted && self.after > 0 {
            self.is_over = true;
            let message = format!("too old resource version: {} ({})", self.after, collection.compacted);
            let status = Failure { code: 410, reason: "Expired", message }.status();
            return format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n");
        }
        let start = collection.log.partition_point(|change| change.revision <= self.after);
        let mut lines = String::new();
        for Change { revision, kind, object } in collection.log.get(start..).unwrap_or_default() {
            self.after = *revision;
            if self.selector.matches(object) {
                // why by hand: the API server tells the type first, and clients parse the object as it comes
                lines.extend([r#"{"type":""#, kind, r#"","object":"#, &object.to_string(), "}\n"]);
            }
        }
        state.traffic.count_bytes("watch", &self.plural, lines.len());
        lines
    }
}
