//! Layer 2: what there is, as one tree: Services, Ingress groups, Gateways and GlobalAccelerators, their load balancers, listeners, rules, target
//! groups and targets, with the pods and nodes behind them; each with its state, what was last said of it, and what to do.
//!
//! [`build()`] is a pure function of what the cluster says and of what AWS answered ([`TopologySources`]). `status` prints the tree, the console
//! shows it. It is kept flat: a map of [`Item`]s by ids that stay the same as long as the thing does, which name their children
//! by id. So a target group that many rules forward to is there once, and two trees are compared item by item ([`changes`]).

mod accelerator;
mod build;
mod kubernetes;
mod label;
mod load_balancer;
mod remedy;
mod select;
mod sources;
mod state_reason;
mod target_group;
mod tree;
mod usage;

pub use build::{build, build_each};
pub use select::{TopologyQuery, UnknownKind, select};
pub use sources::{
    AwsSource, COMPONENTS, Events, GatewayWithRoutes, ListenerInAws, LoadBalancerInAws, ObjectEvent,
    PlanSource, RouteSource, StackInAws, TargetGroupInAws, TopologySources,
};
pub use tree::is_stack_of;
pub use usage::{NamespaceUsage, QuotaUsage, Shareable, Usage, usage};

use crate::api::ObjectKey;
use crate::status::event::Reason;
use serde::Serialize;
use std::collections::BTreeMap;

/// The whole tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Topology {
    /// Why AWS was not asked; absent: what AWS answered is part of the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_aws: Option<String>,
    /// Ids of what stands at the top, in the order of their kinds, namespaces and names.
    pub roots: Vec<String>,
    /// Everything, by id.
    pub items: BTreeMap<String, Item>,
}

/// One thing of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Its id: the kind in lower case and what tells it apart, for example `ingress/shop/web`, `listener/ingress/shop/web/LoadBalancer/443`.
    pub id: String,
    /// What it is.
    pub kind: TopologyKind,
    /// Namespace of an object in the cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name, or what people call it: `HTTPS:443`, `10.0.1.5:8080`.
    pub name: String,
    /// What it is for, in a few words: of a rule its conditions and actions. May be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Its own state.
    pub state: State,
    /// The worst state of it and of what hangs on it. Single targets do not count: their target group sums them up.
    pub worst: State,
    /// Why it is in its state, in one word as AWS or Kubernetes spell it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What to look at or do, most likely first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<String>,
    /// What the controller last said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<LastEvent>,
    /// What else is known, by name: `dnsName`, `arn`, `service`, …
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<&'static str, String>,
    /// Host names by which it can be found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Targets of the target groups on it, each group once. Absent where there is no target group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetCount>,
    /// Ids of what hangs on it, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<String>,
    /// Ids of what belongs to it and does not hang on it: of a target its pod and node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<String>,
}

impl Item {
    /// The object of its namespace and name.
    pub fn object(&self) -> ObjectKey {
        ObjectKey::namespaced(self.namespace.as_str(), self.name.as_str())
    }
}

/// What an item is.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum TopologyKind {
    /// A Service with an NLB.
    #[default]
    Service,
    /// An explicit Ingress group.
    IngressGroup,
    /// An Ingress: at the top, or a member of a group.
    Ingress,
    /// A Gateway with its load balancer.
    Gateway,
    /// A route of a Gateway.
    #[serde(rename = "HTTPRoute")]
    #[strum(serialize = "HTTPRoute")]
    HttpRoute,
    /// A route of a Gateway.
    #[serde(rename = "GRPCRoute")]
    #[strum(serialize = "GRPCRoute")]
    GrpcRoute,
    /// A route of a Gateway.
    #[serde(rename = "TCPRoute")]
    #[strum(serialize = "TCPRoute")]
    TcpRoute,
    /// A route of a Gateway.
    #[serde(rename = "UDPRoute")]
    #[strum(serialize = "UDPRoute")]
    UdpRoute,
    /// A route of a Gateway.
    #[serde(rename = "TLSRoute")]
    #[strum(serialize = "TLSRoute")]
    TlsRoute,
    /// A TargetGroupBinding that no load balancer of the cluster made.
    TargetGroupBinding,
    /// A GlobalAccelerator.
    GlobalAccelerator,
    /// The endpoints of a listener of an accelerator in one region.
    EndpointGroup,
    /// What an accelerator sends to.
    Endpoint,
    /// A load balancer.
    LoadBalancer,
    /// A listener of a load balancer.
    Listener,
    /// A rule of a listener.
    Rule,
    /// A target group.
    TargetGroup,
    /// A target of a target group.
    Target,
    /// A pod behind a target.
    Pod,
    /// A node behind a target.
    Node,
}

impl TopologyKind {
    /// As it is spelt.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The state of an item, from good to bad.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum State {
    /// As it is wanted.
    #[default]
    Synced,
    /// It cannot be told, for example because AWS was not asked.
    Unknown,
    /// Nothing failed; it takes its time.
    Pending,
    /// It is there and does not serve.
    Unhealthy,
    /// It could not be brought to what is wanted.
    Failed,
}

impl State {
    /// As it is spelt.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether there is nothing to wait for and nothing to do, as far as can be told.
    pub fn is_synced(self) -> bool {
        self <= Self::Unknown
    }
}

/// An event, as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastEvent {
    /// Whether somebody should look.
    pub warning: bool,
    /// Reason of the event, in one word.
    pub reason: String,
    /// What the event says.
    pub message: String,
    /// How often it was seen.
    pub count: i32,
    /// When it was last seen, as RFC 3339 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<jiff::Timestamp>,
}

impl LastEvent {
    /// Whether it tells of a success or a failure, and not of something on the way.
    pub fn is_outcome(&self) -> bool {
        self.reason == Reason::SuccessfullyReconciled.as_str() || self.reason.starts_with("Failed")
    }
}

/// How many targets are in which state. Draining ones are in no total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetCount {
    /// All that are to get requests.
    pub total: usize,
    /// Those that pass their health checks, or that AWS does not check.
    pub healthy: usize,
    /// Those that fail them, or that AWS does not send anything.
    pub unhealthy: usize,
    /// Those that are being registered or first checked.
    pub pending: usize,
    /// Those whose health is not known.
    pub unknown: usize,
    /// Those that are being deregistered.
    pub draining: usize,
}

impl std::ops::AddAssign for TargetCount {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.healthy += other.healthy;
        self.unhealthy += other.unhealthy;
        self.pending += other.pending;
        self.unknown += other.unknown;
        self.draining += other.draining;
    }
}

impl Topology {
    /// The worst state of all.
    pub fn worst(&self) -> State {
        self.at_the_top().map(|item| item.worst).max().unwrap_or_default()
    }

    /// What stands at the top.
    pub fn at_the_top(&self) -> impl Iterator<Item = &Item> {
        self.roots.iter().filter_map(|id| self.items.get(id))
    }

    /// TargetGroupBindings that users made.
    pub fn bindings_at_the_top(&self) -> impl Iterator<Item = ObjectKey> {
        let at_the_top = self.at_the_top().filter(|item| item.kind == TopologyKind::TargetGroupBinding);
        at_the_top.map(Item::object)
    }

    /// What hangs on an item.
    pub fn children<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = &'a Item> {
        item.children.iter().filter_map(|id| self.items.get(id))
    }
}

/// What makes one tree another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopologyChanges {
    /// Why AWS was not asked, if that changed: the inner value is that of [`Topology::without_aws`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_aws: Option<Option<String>>,
    /// The ids at the top, if they changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<Vec<String>>,
    /// Items that are new or not as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Item>,
    /// Ids of those that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

impl TopologyChanges {
    /// Whether the trees are equal.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What makes `old` to `new`.
pub fn changes(old: &Topology, new: &Topology) -> TopologyChanges {
    let is_news = |item: &&Item| old.items.get(&item.id) != Some(*item);
    let is_gone = |id: &&String| !new.items.contains_key(*id);
    TopologyChanges {
        without_aws: (old.without_aws != new.without_aws).then(|| new.without_aws.clone()),
        roots: (old.roots != new.roots).then(|| new.roots.clone()),
        changed: new.items.values().filter(is_news).cloned().collect(),
        removed: old.items.keys().filter(is_gone).cloned().collect(),
    }
}

#[cfg(test)]
mod tests;
