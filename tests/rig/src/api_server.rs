//! An API server in memory: get, list, watch, create, replace, patch and delete, with finalizers, generations and conflicts.

mod merge;
mod requests;
mod selector;
mod traffic;
mod watch;

pub use traffic::{Served, Traffic};

use aws_load_balancer_controller::{cluster::fenced_sender::FencedSender, fence::Guarded};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use kube::{Client, client::Body};
use parking_lot::Mutex;
use selector::Selector;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    ops::Bound,
    sync::Arc,
};

/// Kinds whose objects have no namespace, and all others, by their plural.
const KINDS: &[(&str, &str)] = &[
    ("ConfigMap", "configmaps"),
    ("Endpoints", "endpoints"),
    ("EndpointSlice", "endpointslices"),
    ("Event", "events"),
    ("Ingress", "ingresses"),
    ("IngressClass", "ingressclasses"),
    ("IngressClassParams", "ingressclassparams"),
    ("Lease", "leases"),
    ("Namespace", "namespaces"),
    ("Node", "nodes"),
    ("Pod", "pods"),
    ("Secret", "secrets"),
    ("Service", "services"),
    ("TargetGroupBinding", "targetgroupbindings"),
    ("GatewayClass", "gatewayclasses"),
    ("Gateway", "gateways"),
    ("ListenerSet", "listenersets"),
    ("HTTPRoute", "httproutes"),
    ("GRPCRoute", "grpcroutes"),
    ("TCPRoute", "tcproutes"),
    ("UDPRoute", "udproutes"),
    ("TLSRoute", "tlsroutes"),
    ("ReferenceGrant", "referencegrants"),
    ("LoadBalancerConfiguration", "loadbalancerconfigurations"),
    ("TargetGroupConfiguration", "targetgroupconfigurations"),
    ("ListenerRuleConfiguration", "listenerruleconfigurations"),
    ("GlobalAccelerator", "globalaccelerators"),
];

/// API versions whose kinds are told of in discovery, once they are installed.
const GATEWAY_API: &[&str] =
    &["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1", "gateway.k8s.aws/v1"];

/// API versions of GlobalAccelerators.
const ACCELERATORS: &[&str] = &["aga.k8s.aws/v1beta1"];

/// When everything was created.
const EPOCH: &str = "2026-01-01T00:00:00Z";

/// Any error of a request's body.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Namespace and name.
type Key = (String, String);

/// An API server. Clones are the same server.
#[derive(Clone, Default)]
pub struct ApiServer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    revision: tokio::sync::watch::Sender<u64>,
    /// How often all watches were ended.
    round: tokio::sync::watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    revision: u64,
    uids: u64,
    collections: BTreeMap<String, Collection>,
    refusal: Option<Refusal>,
    /// Whether it answers nobody.
    is_away: bool,
    traffic: Traffic,
    has_gateway_api: bool,
    has_accelerators: bool,
}

/// Whether a request (method, and path with query) is refused.
type Refusal = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// The objects of one kind, and how they came to be as they are.
#[derive(Default)]
struct Collection {
    objects: BTreeMap<Key, Arc<Value>>,
    /// Objects as they were last listed.
    texts: BTreeMap<Key, Arc<str>>,
    log: Vec<Change>,
    /// What changed until this revision is told to nobody any more.
    compacted: u64,
}

#[derive(Clone)]
struct Change {
    revision: u64,
    kind: &'static str,
    object: Arc<Value>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status.
    pub code: u16,
    /// Kubernetes' reason.
    pub reason: &'static str,
    /// In words.
    pub message: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiServer at revision {}", self.revision())
    }
}

impl ApiServer {
    /// A client that talks to it without a socket.
    pub fn client(&self) -> Client {
        self.client_while(|| true)
    }

    /// A client whose requests arrive only while its owner is alive.
    pub fn client_while(&self, is_alive: impl Fn() -> bool + Send + Sync + 'static) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Guarded<Body>>| {
            let server = (is_alive() && !server.is_away()).then(|| server.clone());
            async move {
                match server {
                    Some(server) => requests::answer(server, request).await,
                    None => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()),
                }
            }
        });
        Client::new(FencedSender::new(service), "kube-system")
    }

    /// Answers one request; fails as the request's body does.
    pub(crate) async fn respond(
        self,
        request: Request<Guarded<Body>>,
    ) -> Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError> {
        let answer = requests::answer(self, request).await?;
        Ok(answer.map(|body| body.map_err(|never| match never {}).boxed_unsync()))
    }

    /// Serves it over HTTP until the listener fails.
    pub async fn serve(self, listener: tokio::net::TcpListener) -> std::io::Result<()> {
        let answer = move |request: axum::extract::Request| {
            let server = self.clone();
            async move {
                match requests::answer(server, request).await {
                    Ok(response) => response.map(axum::body::Body::new),
                    Err(error) => http::Response::new(axum::body::Body::from(error.to_string())),
                }
            }
        };
        axum::serve(listener, axum::Router::new().fallback(answer)).await
    }

    /// Answers nobody from now on; watches end.
    pub fn go_away(&self) {
        self.0.state.lock().is_away = true;
        self.end_watches();
    }

    /// Answers again.
    pub fn come_back(&self) {
        self.0.state.lock().is_away = false;
    }

    /// Whether it answers nobody.
    pub fn is_away(&self) -> bool {
        self.0.state.lock().is_away
    }

    /// Ends all watches, and forgets how everything came to be as it is: who asks for changes since an earlier revision is told
    /// that it is too old.
    pub fn compact(&self) {
        let mut state = self.0.state.lock();
        let revision = state.revision;
        for collection in state.collections.values_mut() {
            collection.log.clear();
            collection.compacted = revision;
        }
        drop(state);
        self.end_watches();
    }

    fn end_watches(&self) {
        self.0.round.send_modify(|round| *round += 1);
    }

    /// What was asked of it since [`ApiServer::clear_traffic`].
    pub fn traffic(&self) -> Traffic {
        self.0.state.lock().traffic.clone()
    }

    /// Counts from nothing again.
    pub fn clear_traffic(&self) {
        self.0.state.lock().traffic = Traffic::default();
    }

    /// Has the text of every object at hand, so that the first lists take no longer than later ones.
    pub fn prepare_lists(&self) {
        let mut state = self.0.state.lock();
        let plurals: Vec<String> = state.collections.keys().cloned().collect();
        for plural in plurals {
            state.list_page(&plural, &Selector::default(), None, None);
        }
    }

    /// How often something has changed.
    pub fn revision(&self) -> u64 {
        self.0.state.lock().revision
    }

    /// How often something else than a lease has changed: a leader renews its lease even when nothing happens.
    pub fn changes(&self) -> usize {
        let state = self.0.state.lock();
        let others = state.collections.iter().filter(|(plural, _)| *plural != "leases");
        others.map(|(_, collection)| collection.log.len()).sum()
    }

    /// Refuses requests by method and path (with its query) from now on, as a webhook or a missing permission would.
    pub fn refuse(&self, refuses: impl Fn(&str, &str) -> bool + Send + Sync + 'static) {
        self.0.state.lock().refusal = Some(Box::new(refuses));
    }

    /// Serves the kinds of Gateway API and those that configure it, as if their definitions had been installed.
    pub fn install_gateway_api(&self) {
        self.0.state.lock().has_gateway_api = true;
    }

    /// Serves GlobalAccelerators, as if their definition had been installed.
    pub fn install_accelerators(&self) {
        self.0.state.lock().has_accelerators = true;
    }

    /// Refuses nothing any more.
    pub fn relent(&self) {
        self.0.state.lock().refusal = None;
    }

    /// Applies manifests as a user would: what is not there is created, what is there gets this spec, these labels and these
    /// annotations; finalizers and status stay.
    ///
    /// # Panics
    /// If a text is no manifest of a known kind.
    pub fn apply(&self, yaml: &str) {
        let objects: Vec<Value> =
            serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        for object in objects.into_iter().filter(|object| !object.is_null()) {
            self.put(object);
        }
    }

    /// Applies one object; see [`Self::apply`].
    ///
    /// # Panics
    /// If its kind is not known.
    pub fn put(&self, mut object: Value) {
        let plural = plural_of(&object).expect("a kind that the server knows");
        let key = key_of(&object);
        let mut state = self.0.state.lock();
        match state.get(plural, &key) {
            None => drop(state.create(plural, &key.0, object)),
            Some(old) => {
                for field in ["finalizers", "ownerReferences"] {
                    if object["metadata"].get(field).is_none() && old["metadata"].get(field).is_some() {
                        object["metadata"][field] = old["metadata"][field].clone();
                    }
                }
                if object.get("status").is_none() && old.get("status").is_some() {
                    object["status"] = old["status"].clone();
                }
                state.store(plural, &key, &old, object);
            }
        }
        self.announce(&state);
    }

    /// Deletes an object as a user would; finalizers hold it. Whether it was there.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) -> bool {
        let mut state = self.0.state.lock();
        let deleted = state.delete(plural, &(namespace.to_owned(), name.to_owned()));
        self.announce(&state);
        deleted.is_ok()
    }

    /// An object.
    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.0.state.lock().get(plural, &(namespace.to_owned(), name.to_owned()))
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, plural: &str) -> Vec<Arc<Value>> {
        let state = self.0.state.lock();
        state.collections.get(plural).map(|all| all.objects.values().cloned().collect()).unwrap_or_default()
    }

    /// An object as it was after each change of it, the first one first.
    pub fn history(&self, plural: &str, namespace: &str, name: &str) -> Vec<Arc<Value>> {
        let key = (namespace.to_owned(), name.to_owned());
        let state = self.0.state.lock();
        let log = state.collections.get(plural).map(|all| all.log.as_slice()).unwrap_or_default();
        let own = log.iter().filter(|change| key_of(&change.object) == key);
        own.map(|change| change.object.clone()).collect()
    }

    /// Changes an object in place, past all rules but versions.
    pub fn edit(&self, plural: &str, namespace: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut state = self.0.state.lock();
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(old) = state.get(plural, &key) {
            let mut new = (*old).clone();
            edit(&mut new);
            state.store(plural, &key, &old, new);
        }
        self.announce(&state);
    }

    /// Events so far, in the order they were told; one that is told again counts again.
    pub fn events(&self) -> Vec<Told> {
        let state = self.0.state.lock();
        let Some(events) = state.collections.get("events") else { return Vec::new() };
        events.log.iter().map(|change| Told::of(&change.object)).collect()
    }

    fn discovery(&self, version: &str) -> Option<Value> {
        self.0.state.lock().discovery(version)
    }

    fn announce(&self, state: &State) {
        self.0.revision.send_replace(state.revision);
    }
}

/// An event that somebody was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// Kind of the object.
    pub kind: String,
    /// `namespace/name` of the object.
    pub object: String,
    /// `Normal` or `Warning`.
    pub severity: String,
    /// Reason.
    pub reason: String,
    /// Message.
    pub message: String,
}

impl Told {
    fn of(event: &Value) -> Self {
        let text =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            kind: text("/involvedObject/kind"),
            object: format!("{}/{}", text("/involvedObject/namespace"), text("/involvedObject/name")),
            severity: text("/type"),
            reason: text("/reason"),
            message: text("/message"),
        }
    }
}

fn plural_of(object: &Value) -> Option<&'static str> {
    let kind = object.get("kind")?.as_str()?;
    KINDS.iter().find(|(known, _)| *known == kind).map(|(_, plural)| *plural)
}

fn key_of(object: &Value) -> Key {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

fn finalizers(object: &Value) -> usize {
    object["metadata"]["finalizers"].as_array().map_or(0, Vec::len)
}

impl Failure {
    fn not_found(plural: &str, key: &Key) -> Self {
        Self { code: 404, reason: "NotFound", message: format!("{plural} {:?} not found", key.1) }
    }

    fn conflict(message: impl Into<String>) -> Self {
        Self { code: 409, reason: "Conflict", message: message.into() }
    }

    fn status(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        })
    }
}

impl State {
    fn collection(&mut self, plural: &str) -> &mut Collection {
        self.collections.entry(plural.to_owned()).or_default()
    }

    fn get(&self, plural: &str, key: &Key) -> Option<Arc<Value>> {
        self.collections.get(plural)?.objects.get(key).cloned()
    }

    /// Objects after a key, as JSON with commas between, at most so many; and the key of the last one if there are more.
    fn list_page(
        &mut self,
        plural: &str,
        selector: &Selector,
        after: Option<&Key>,
        limit: Option<usize>,
    ) -> (String, Option<Key>) {
        let Some(Collection { objects, texts, .. }) = self.collections.get_mut(plural) else {
            return Default::default();
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = objects.range::<Key, _>((start, Bound::Unbounded));
        let mut found = all.filter(|(_, object)| selector.matches(object)).peekable();
        let (mut text, mut last, mut count) = (String::new(), None, 0);
        while limit.is_none_or(|limit| count < limit) {
            let Some((key, object)) = found.next() else { break };
            let own = texts.entry(key.clone()).or_insert_with(|| object.to_string().into());
            text.push_str(if count == 0 { "" } else { "," });
            text.push_str(own);
            count += 1;
            last = Some(key);
        }
        let last = last.filter(|_| found.peek().is_some()).cloned();
        (text, last)
    }

    fn create(&mut self, plural: &str, namespace: &str, mut object: Value) -> Result<Arc<Value>, Failure> {
        self.uids += 1;
        let meta = &mut object["metadata"];
        if !namespace.is_empty() {
            meta["namespace"] = namespace.into();
        }
        if meta.get("uid").is_none() {
            meta["uid"] = format!("00000000-0000-4000-8000-{:012x}", self.uids).into();
        }
        meta["creationTimestamp"] = EPOCH.into();
        meta["generation"] = 1.into();
        let key = key_of(&object);
        if self.get(plural, &key).is_some() {
            let message = format!("{plural} {:?} already exists", key.1);
            return Err(Failure { code: 409, reason: "AlreadyExists", message });
        }
        Ok(self.write(plural, &key, "ADDED", object))
    }

    /// Stores a newer state of an object, unless nothing is new about it.
    fn store(&mut self, plural: &str, key: &Key, old: &Value, mut new: Value) -> Arc<Value> {
        for field in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "generation",
            "resourceVersion",
            "namespace",
            "name",
        ] {
            match old["metadata"].get(field) {
                Some(value) => new["metadata"][field] = value.clone(),
                None => drop(new["metadata"].as_object_mut().and_then(|meta| meta.remove(field))),
            }
        }
        if new == *old {
            return Arc::new(new);
        }
        if new.get("spec") != old.get("spec") {
            new["metadata"]["generation"] = (old["metadata"]["generation"].as_i64().unwrap_or(0) + 1).into();
        }
        let is_over = new["metadata"].get("deletionTimestamp").is_some() && finalizers(&new) == 0;
        self.write(plural, key, if is_over { "DELETED" } else { "MODIFIED" }, new)
    }

    fn delete(&mut self, plural: &str, key: &Key) -> Result<Arc<Value>, Failure> {
        let old = self.get(plural, key).ok_or_else(|| Failure::not_found(plural, key))?;
        let mut object = (*old).clone();
        if finalizers(&object) == 0 {
            return Ok(self.write(plural, key, "DELETED", object));
        }
        if object["metadata"].get("deletionTimestamp").is_some() {
            return Ok(old);
        }
        object["metadata"]["deletionTimestamp"] = EPOCH.into();
        Ok(self.write(plural, key, "MODIFIED", object))
    }

    fn write(&mut self, plural: &str, key: &Key, kind: &'static str, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        let revision = self.revision;
        object["metadata"]["resourceVersion"] = revision.to_string().into();
        let object = Arc::new(object);
        let collection = self.collection(plural);
        collection.texts.remove(key);
        if kind == "DELETED" {
            collection.objects.remove(key);
        } else {
            collection.objects.insert(key.clone(), object.clone());
        }
        collection.log.push(Change { revision, kind, object: object.clone() });
        object
    }

    /// The kinds of an API version; `None`: it is not served.
    fn discovery(&self, version: &str) -> Option<Value> {
        let is_served = (self.has_gateway_api && GATEWAY_API.contains(&version))
            || (self.has_accelerators && ACCELERATORS.contains(&version));
        let resource = |(kind, plural): &(&str, &str)| json!({"name": plural, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["list", "watch"]});
        is_served.then(|| {
            let resources: Vec<Value> = KINDS.iter().map(resource).collect();
            json!({"kind": "APIResourceList", "groupVersion": version, "resources": resources})
        })
    }

    fn refuses(&self, method: &str, path: &str) -> Option<Failure> {
        let refusal = self.refusal.as_ref()?;
        let message = format!("{method} {path} is refused");
        refusal(method, path).then_some(Failure { code: 403, reason: "Forbidden", message })
    }
}
