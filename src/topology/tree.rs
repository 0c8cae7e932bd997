//! A tree that is being put together, and at the end what is summed up from below.

use super::sources::{LoadBalancerInAws, TargetGroupInAws};
use super::state_reason::StateReason;
use super::{Item, State, TargetCount, Topology, TopologyKind, TopologySources};
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::model::{LOAD_BALANCER_ID, Owner, StackId};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use strum::VariantArray as _;

/// A tree that is being put together, one thing at the top after the other.
pub(super) struct Tree<'a> {
    pub sources: &'a TopologySources<'a>,
    /// What is at the top at this moment, and what hangs on it.
    items: BTreeMap<String, Item>,
    /// Digests of the ids of all that was given away before.
    given: BTreeSet<u64>,
    /// Digests of the ids of objects that have an address.
    addressed: BTreeSet<u64>,
    each: &'a mut dyn FnMut(Item),
    /// What stands at the top, with its id.
    roots: Vec<((TopologyKind, String, String), String)>,
    /// TargetGroupBindings by the ARN of their target group.
    pub bindings_by_arn: BTreeMap<String, Arc<TargetGroupBinding>>,
    /// TargetGroupBindings by the stack that their labels name.
    pub bindings_by_stack: BTreeMap<StackId, Vec<Arc<TargetGroupBinding>>>,
    pub other_bindings: Vec<Arc<TargetGroupBinding>>,
    /// Target groups by ARN.
    pub target_groups: BTreeMap<&'a str, &'a TargetGroupInAws>,
    /// Ids of load balancers by ARN.
    pub load_balancers: BTreeMap<&'a str, String>,
}

impl<'a> Tree<'a> {
    pub fn new(sources: &'a TopologySources<'a>, each: &'a mut dyn FnMut(Item)) -> Self {
        let mut tree = Self {
            sources,
            items: BTreeMap::new(),
            given: BTreeSet::new(),
            addressed: BTreeSet::new(),
            each,
            roots: Vec::new(),
            bindings_by_arn: BTreeMap::new(),
            bindings_by_stack: BTreeMap::new(),
            other_bindings: Vec::new(),
            target_groups: BTreeMap::new(),
            load_balancers: BTreeMap::new(),
        };
        tree.sort_bindings();
        tree.sort_aws();
        tree
    }

    fn sort_bindings(&mut self) {
        let mut bindings = self.sources.cluster.bindings();
        bindings.sort_by_key(|binding| ObjectKey::of(&**binding));
        for binding in bindings {
            if let Some(arn) = &binding.spec.target_group_arn {
                self.bindings_by_arn.entry(arn.clone()).or_insert_with(|| binding.clone());
            }
            match stack_of(&binding) {
                Some(stack) => self.bindings_by_stack.entry(stack).or_default().push(binding),
                None => self.other_bindings.push(binding),
            }
        }
    }

    fn sort_aws(&mut self) {
        let Ok(aws) = &self.sources.aws else { return };
        for (stack, held) in &aws.stacks {
            for group in &held.target_groups {
                self.target_groups.insert(&group.entity.arn, group);
            }
            for load_balancer in &held.load_balancers {
                let id = load_balancer_id(&root_id(stack), &load_balancer.resource);
                self.load_balancers.insert(&load_balancer.entity.arn, id);
            }
        }
        for group in &aws.other_target_groups {
            self.target_groups.entry(&group.entity.arn).or_insert(group);
        }
    }

    /// Adds an item; one of that id that is there already stays.
    pub fn add(&mut self, item: Item) -> String {
        let id = item.id.clone();
        self.items.entry(id.clone()).or_insert(item);
        id
    }

    /// Adds an item at the top, with the load balancers of its stack.
    pub fn add_root(&mut self, mut item: Item, stack: &StackId, addresses: &[String]) {
        let below = self.stack(&item.id, stack, addresses);
        if !addresses.is_empty() {
            let members = item.children.iter().chain([&item.id]);
            self.addressed.extend(members.map(|id| digest(id)));
        }
        item.children.extend(below);
        self.give_root(item);
    }

    /// Whether an object, or the group that it is in, has an address.
    pub fn has_address(&self, id: &str) -> bool {
        self.addressed.contains(&digest(id))
    }

    /// Whether something stands in the tree already.
    pub fn has(&self, id: &str) -> bool {
        self.items.contains_key(id) || self.given.contains(&digest(id))
    }

    /// Whether something hangs on what is at the top at this moment.
    pub fn has_here(&self, id: &str) -> bool {
        self.items.contains_key(id)
    }

    /// Puts an item to the top, sums up what hangs on it, and gives all of that away.
    pub fn give_root(&mut self, item: Item) {
        self.roots.push(((item.kind, item.namespace.clone(), item.name.clone()), item.id.clone()));
        self.add(item);
        self.sum_up();
        for (id, item) in std::mem::take(&mut self.items) {
            if self.given.insert(digest(&id)) {
                (self.each)(item);
            }
        }
    }

    /// The ids of what a stack has.
    fn stack(&mut self, root: &str, stack: &StackId, addresses: &[String]) -> Vec<String> {
        let sources = self.sources;
        let held = sources.aws.as_ref().ok().and_then(|aws| aws.stacks.get(stack)).map(|held| &**held);
        let mut load_balancers: Vec<String> = match (&sources.aws, held) {
            (Ok(_), held) => {
                let found = held.iter().flat_map(|held| &held.load_balancers);
                found.map(|found| self.load_balancer(root, found)).collect()
            }
            (Err(_), _) => self.load_balancer_by_name(root, addresses).into_iter().collect(),
        };
        let rest = self.target_groups_of(stack, held);
        match load_balancers.first().and_then(|first| self.items.get_mut(first)) {
            Some(load_balancer) => load_balancer.children.extend(rest),
            None => load_balancers.extend(rest),
        }
        load_balancers
    }

    fn sum_up(&mut self) {
        let ids: Vec<String> = self.items.keys().cloned().collect();
        let mut sums = Sums { items: &self.items, worst: BTreeMap::new(), groups: BTreeMap::new() };
        let summed: Vec<(String, State, Option<TargetCount>)> = ids
            .into_iter()
            .map(|id| {
                let (worst, count) = (sums.worst(&id), sums.count(&id));
                (id, worst, count)
            })
            .collect();
        for (id, worst, count) in summed {
            if let Some(item) = self.items.get_mut(&id) {
                item.worst = worst;
                item.targets = count;
            }
        }
    }

    pub fn finish(mut self) -> Vec<String> {
        self.roots.sort();
        self.roots.into_iter().map(|(_, id)| id).collect()
    }
}

/// Stands in for an id in a set of many.
///
/// why: some thousand ids would take as much memory as what they are ids of; that two of them have one digest is less likely than that the
/// machine errs
fn digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// What is summed up from below.
struct Sums<'a> {
    items: &'a BTreeMap<String, Item>,
    worst: BTreeMap<String, State>,
    /// Ids of the target groups at or below each item.
    groups: BTreeMap<String, BTreeSet<&'a str>>,
}

impl<'a> Sums<'a> {
    /// why targets are left out: nodes that are no targets of a Service with a local traffic policy always fail their checks
    fn worst(&mut self, id: &str) -> State {
        if let Some(known) = self.worst.get(id) {
            return *known;
        }
        let items = self.items;
        let Some(item) = items.get(id) else { return State::default() };
        let mut worst = item.state;
        if item.kind != TopologyKind::TargetGroup {
            for child in &item.children {
                worst = worst.max(self.worst(child));
            }
        }
        self.worst.insert(id.to_owned(), worst);
        worst
    }

    fn groups(&mut self, id: &str) -> BTreeSet<&'a str> {
        if let Some(known) = self.groups.get(id) {
            return known.clone();
        }
        let items = self.items;
        let Some(item) = items.get(id) else { return BTreeSet::new() };
        let mut groups = BTreeSet::new();
        if item.kind == TopologyKind::TargetGroup {
            groups.insert(item.id.as_str());
        } else {
            for child in &item.children {
                groups.append(&mut self.groups(child));
            }
        }
        self.groups.insert(id.to_owned(), groups.clone());
        groups
    }

    fn count(&mut self, id: &str) -> Option<TargetCount> {
        let groups = self.groups(id);
        let mut sum = None;
        for count in groups.into_iter().filter_map(|group| self.items.get(group)?.targets) {
            *sum.get_or_insert_with(TargetCount::default) += count;
        }
        sum
    }
}

/// Whether what owns a stack stands at the top of a tree.
pub fn is_stack_of(topology: &Topology, stack: &StackId) -> bool {
    let is_at_top = |id: &str| topology.roots.iter().any(|root| root == id);
    is_at_top(&root_id(stack)) || is_at_top(&format!("ingressgroup/{stack}"))
}

/// The id of what owns a stack.
fn root_id(stack: &StackId) -> String {
    match stack.owner {
        Owner::Service => format!("service/{stack}"),
        Owner::Ingress if stack.namespace.is_empty() => format!("ingressgroup/{stack}"),
        Owner::Ingress => format!("ingress/{stack}"),
        Owner::AlbGateway | Owner::NlbGateway => format!("gateway/{stack}"),
    }
}

/// The id of a load balancer of a stack. It stays when the load balancer is replaced.
pub(super) fn load_balancer_id(root: &str, resource: &str) -> String {
    format!("loadbalancer/{root}/{resource}")
}

/// The item of an object in the cluster.
pub(super) fn object_item(kind: TopologyKind, key: &ObjectKey) -> Item {
    Item {
        id: format!("{}/{key}", kind.as_str().to_lowercase()),
        kind,
        namespace: key.namespace().to_owned(),
        name: key.name().to_owned(),
        ..Item::default()
    }
}

/// The stack that the labels of a binding name.
fn stack_of(binding: &TargetGroupBinding) -> Option<StackId> {
    let labels = binding.metadata.labels.as_ref()?;
    Owner::VARIANTS.iter().find_map(|owner| {
        let label = |name: &str| labels.get(&format!("{}/{name}", owner.prefix()));
        if let Some(name) = label("stack") {
            return Some(StackId { owner: *owner, namespace: String::new(), name: name.clone() });
        }
        let (namespace, name) = (label("stack-namespace")?.clone(), label("stack-name")?.clone());
        Some(StackId { owner: *owner, namespace, name })
    })
}

impl Tree<'_> {
    /// A load balancer that only the status of its owner tells of.
    fn load_balancer_by_name(&mut self, root: &str, addresses: &[String]) -> Option<String> {
        let address = addresses.first()?;
        let mut item = Item {
            id: load_balancer_id(root, LOAD_BALANCER_ID),
            kind: TopologyKind::LoadBalancer,
            name: address.split('.').next().unwrap_or_default().to_owned(),
            hosts: addresses.to_vec(),
            ..Item::default()
        };
        item.details.insert("dnsName", address.clone());
        StateReason::new(State::Unknown, "NotAsked", "AWS was not asked about it").give(&mut item);
        Some(self.add(item))
    }

    fn load_balancer(&mut self, root: &str, found: &LoadBalancerInAws) -> String {
        let item = self.load_balancer_item(root, found);
        self.add(item)
    }
}
