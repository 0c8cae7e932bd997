//! A part of the tree: what is asked for, with everything that hangs on it.

use super::{Item, Topology, TopologyKind};
use crate::finding::nearest;
use std::collections::BTreeSet;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopologyQuery {
    /// A namespace; `None`: all.
    pub namespace: Option<String>,
    /// A kind; `None`: all.
    pub kind: Option<TopologyKind>,
    /// A name; `None`: all.
    pub name: Option<String>,
}

/// A kind that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kind is `{given}`, expected one of {}{}", KINDS.iter().map(|(names, _)| *names.first().unwrap_or(&"")).collect::<Vec<_>>().join(", "), hint.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownKind {
    /// As it was given.
    pub given: String,
    /// What it may be a misspelling of.
    pub hint: Option<&'static str>,
}

/// Kinds by the names that kubectl knows.
const KINDS: &[(&[&str], TopologyKind)] = &[
    (&["service", "services", "svc"], TopologyKind::Service),
    (&["ingress", "ingresses", "ing"], TopologyKind::Ingress),
    (&["ingressgroup", "ingressgroups", "group"], TopologyKind::IngressGroup),
    (&["gateway", "gateways", "gtw"], TopologyKind::Gateway),
    (&["httproute", "httproutes"], TopologyKind::HttpRoute),
    (&["grpcroute", "grpcroutes"], TopologyKind::GrpcRoute),
    (&["tcproute", "tcproutes"], TopologyKind::TcpRoute),
    (&["udproute", "udproutes"], TopologyKind::UdpRoute),
    (&["tlsroute", "tlsroutes"], TopologyKind::TlsRoute),
    (&["globalaccelerator", "globalaccelerators"], TopologyKind::GlobalAccelerator),
    (&["targetgroupbinding", "targetgroupbindings", "tgb"], TopologyKind::TargetGroupBinding),
    (&["pod", "pods", "po"], TopologyKind::Pod),
    (&["node", "nodes", "no"], TopologyKind::Node),
];

impl std::str::FromStr for TopologyKind {
    type Err = UnknownKind;

    /// A kind as people type it: singular, plural or short, with or without the API group.
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let wanted = text.to_lowercase();
        let plain = wanted.split('.').next().unwrap_or_default();
        let found = KINDS.iter().find(|(names, _)| names.contains(&plain));
        found.map(|(_, kind)| *kind).ok_or_else(|| {
            let names = KINDS.iter().flat_map(|(names, _)| names.iter().copied());
            UnknownKind { given: text.to_owned(), hint: nearest(plain, names) }
        })
    }
}

/// The part of a tree that a query asks for: whatever stands at the top and is meant, or has something below it that is.
pub fn select(topology: &Topology, query: &TopologyQuery) -> Topology {
    let roots: Vec<String> =
        topology.at_the_top().filter(|item| has(topology, item, query)).map(|item| item.id.clone()).collect();
    let mut kept = BTreeSet::new();
    let mut open: Vec<&str> = roots.iter().map(String::as_str).collect();
    while let Some(id) = open.pop() {
        if let Some(item) = topology.items.get(id)
            && kept.insert(id)
        {
            open.extend(item.children.iter().chain(&item.related).map(String::as_str));
        }
    }
    let items = topology.items.iter().filter(|(id, _)| kept.contains(id.as_str()));
    Topology {
        without_aws: topology.without_aws.clone(),
        items: items.map(|(id, item)| (id.clone(), item.clone())).collect(),
        roots,
    }
}

fn has(topology: &Topology, root: &Item, query: &TopologyQuery) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![root];
    while let Some(item) = open.pop() {
        if query.means(item) {
            return true;
        }
        if seen.insert(item.id.as_str()) {
            let below = item.children.iter().chain(&item.related);
            open.extend(below.filter_map(|id| topology.items.get(id)));
        }
    }
    false
}

impl TopologyQuery {
    fn means(&self, item: &Item) -> bool {
        let is_there = match (&self.namespace, item.namespace.as_str()) {
            (Some(_), "") => {
                let is_asked_for = self.name.is_some() || self.kind == Some(item.kind);
                matches!(item.kind, TopologyKind::IngressGroup | TopologyKind::Node) && is_asked_for
            }
            (Some(wanted), is) => wanted == is,
            (None, _) => true,
        };
        let is_kind = match (self.kind, item.kind) {
            (Some(wanted), is) => wanted == is,
            // A pod of a namespace behind a load balancer of another does not make that one be meant.
            (None, is) => !matches!(is, TopologyKind::Pod | TopologyKind::Node),
        };
        is_there && is_kind && self.name.as_ref().is_none_or(|name| *name == item.name)
    }
}
