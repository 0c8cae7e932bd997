//! Events on Kubernetes objects, as client-go's recorder writes them.
//!
//! core/v1 Events, because that is what the chart's RBAC allows and what `kubectl describe` has always shown. Equal events
//! on one object become one Event with a count; a chatty object is slowed down, never its neighbours.

use super::lease::Leadership;
use crate::clock::now;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Events waiting to be written; more are dropped with a log line.
const BACKLOG: usize = 4096;
/// How many different events are remembered for counting.
const COUNTED_EVENTS: usize = 4096;
/// Events an object may emit at once (client-go's spam filter).
const BURST: f64 = 25.0;
/// Events an object regains per second (client-go's spam filter: one in five minutes).
const REFILL_PER_SECOND: f64 = 1.0 / 300.0;
/// Longest message the API server takes.
const MESSAGE_LIMIT: usize = 1024;

/// The object an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Regarding {
    /// API version, for example `networking.k8s.io/v1`.
    pub api_version: &'static str,
    /// Kind of the object.
    pub kind: &'static str,
    /// Namespace of the object; empty: it has none.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// UID of the object.
    pub uid: String,
}

impl Regarding {
    /// A reference to an object that was read from the API server.
    pub fn of<K: kube::Resource<DynamicType = ()>>(
        api_version: &'static str,
        kind: &'static str,
        object: &K,
    ) -> Self {
        let meta = object.meta();
        Self {
            api_version,
            kind,
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
        }
    }
}

/// One event to write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PendingEvent {
    regarding: Regarding,
    component: &'static str,
    kind: &'static str,
    reason: &'static str,
    message: String,
}

/// Takes events from anywhere without waiting; [`Writer`] writes them.
#[derive(Clone, Debug)]
pub struct Recorder {
    component: &'static str,
    sender: mpsc::Sender<PendingEvent>,
    leadership: Option<Leadership>,
}

impl Recorder {
    /// The same recorder under another component name.
    #[must_use]
    pub fn component(&self, component: &'static str) -> Self {
        Self { component, ..self.clone() }
    }

    /// The same recorder, which records nothing while this replica does not lead: what fails then fails because of that.
    #[must_use]
    pub fn of_leader(&self, leadership: &Leadership) -> Self {
        Self { leadership: Some(leadership.clone()), ..self.clone() }
    }

    /// Records an event. `kind` is `Normal` or `Warning`.
    pub fn record(
        &self,
        regarding: Regarding,
        kind: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        if self.leadership.as_ref().is_some_and(|leadership| !leadership.is_leader()) {
            return;
        }
        let mut message = message.into();
        truncate(&mut message);
        let note = PendingEvent { regarding, component: self.component, kind, reason, message };
        if let Err(refused) = self.sender.try_send(note) {
            tracing::warn!(reason, error = %refused, "event dropped");
        }
    }
}

fn truncate(message: &mut String) {
    if message.len() > MESSAGE_LIMIT {
        let mut end = MESSAGE_LIMIT - '…'.len_utf8();
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push('…');
    }
}

/// A recorder and the writer behind it.
pub fn recorder(client: Client) -> (Recorder, Writer) {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let writer = Writer {
        client,
        receiver,
        written: BTreeMap::new(),
        order: VecDeque::new(),
        buckets: BTreeMap::new(),
    };
    (Recorder { component: "", sender, leadership: None }, writer)
}

/// Writes events, one after the other.
pub struct Writer {
    client: Client,
    receiver: mpsc::Receiver<PendingEvent>,
    written: BTreeMap<PendingEvent, (String, i32)>,
    order: VecDeque<PendingEvent>,
    buckets: BTreeMap<(Regarding, &'static str), (f64, Instant)>,
}

impl Writer {
    /// Writes until every recorder is gone.
    pub async fn run(mut self) {
        while let Some(note) = self.receiver.recv().await {
            if !self.allows(&note) {
                tracing::debug!(reason = note.reason, object = %note.regarding.name, "event withheld: too many");
                continue;
            }
            if let Err(error) = self.write(&note).await {
                tracing::warn!(reason = note.reason, object = %note.regarding.name, %error, "event not written");
            }
        }
    }

    fn allows(&mut self, note: &PendingEvent) -> bool {
        if self.buckets.len() > COUNTED_EVENTS {
            self.buckets
                .retain(|_, (tokens, at)| *tokens + at.elapsed().as_secs_f64() * REFILL_PER_SECOND < BURST);
        }
        let at = Instant::now();
        let (tokens, since) =
            self.buckets.entry((note.regarding.clone(), note.component)).or_insert((BURST, at));
        *tokens = (*tokens + since.elapsed().as_secs_f64() * REFILL_PER_SECOND).min(BURST);
        *since = at;
        let allowed = *tokens >= 1.0;
        if allowed {
            *tokens -= 1.0;
        }
        allowed
    }

    async fn write(&mut self, note: &PendingEvent) -> Result<(), kube::Error> {
        let namespace =
            if note.regarding.namespace.is_empty() { "default" } else { &note.regarding.namespace };
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        if let Some((name, count)) = self.written.get_mut(note) {
            let patch = json!({"count": *count + 1, "lastTimestamp": Time(now())});
            match api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await {
                Ok(_) => {
                    *count += 1;
                    return Ok(());
                }
                Err(error) if super::write::is_not_found(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let event = new_event(note, namespace);
        let name = event.metadata.name.clone().unwrap_or_default();
        api.create(&PostParams::default(), &event).await?;
        self.count_event(note.clone(), name);
        Ok(())
    }

    fn count_event(&mut self, note: PendingEvent, name: String) {
        if self.written.insert(note.clone(), (name, 1)).is_none() {
            self.order.push_back(note);
        }
        if self.order.len() > COUNTED_EVENTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.written.remove(&oldest);
        }
    }
}

fn new_event(note: &PendingEvent, namespace: &str) -> Event {
    let at = now();
    let PendingEvent { regarding, component, kind, reason, message } = note;
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", regarding.name, at.as_nanosecond())),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(regarding.api_version.to_owned()),
            kind: Some(regarding.kind.to_owned()),
            namespace: (!regarding.namespace.is_empty()).then(|| regarding.namespace.clone()),
            name: Some(regarding.name.clone()),
            uid: (!regarding.uid.is_empty()).then(|| regarding.uid.clone()),
            ..ObjectReference::default()
        },
        type_: Some((*kind).to_owned()),
        reason: Some((*reason).to_owned()),
        message: Some(message.clone()),
        source: Some(EventSource { component: Some((*component).to_owned()), host: None }),
        reporting_component: Some((*component).to_owned()),
        first_timestamp: Some(Time(at)),
        last_timestamp: Some(Time(at)),
        count: Some(1),
        ..Event::default()
    }
}

/// How long shutting down waits for the last events.
pub const FLUSH: Duration = Duration::from_secs(1);
