//! Looks up the network interfaces behind targets, and the security group of each that is to be opened.
//!
//! Upstream's `pod_eni_info_resolver.go`, `node_eni_info_resolver.go` and `security_group_manager.go`. Answers are kept
//! for ten minutes. An instance that vanished does not spoil the answers about the others.

use crate::api::ObjectKey;
use crate::api::target_group_binding::Networking;
use crate::aws::{Cloud, pages};
use crate::aws_api::ec2::{
    DescribeInstances, DescribeNetworkInterfaces, DescribeSecurityGroups, Filter, Instance, NetworkInterface,
    RuleSource,
};
use crate::aws_api::{CloudError, Tags};
use crate::config::Config;
use crate::targets::endpoints::{ResolveError, instance_id};
use crate::targets::interfaces::{
    Compute, NoSingleGroup, branch_interface, choose_security_group, compute_of, has_address, has_prefix,
    primary_interface, receives,
};
use crate::targets::networking::{NetworkingError, Permission, field_of};
use crate::targets::view::{ClusterView, NodeView, PodView};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long answers are kept.
const KEPT_FOR: Duration = Duration::from_mins(10);
/// Addresses in one filter: EC2 takes 200 values, upstream stays one below.
const ADDRESSES_PER_CALL: usize = 199;

/// Why the rules of a binding's targets cannot be told or kept. The texts are upstream's, they end in events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// EC2 refused.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// `spec.networking` makes no rules.
    #[error(transparent)]
    Networking(#[from] NetworkingError),
    /// There is not exactly one security group to open.
    #[error(transparent)]
    NoSingleGroup(#[from] NoSingleGroup),
    /// A node is no instance.
    #[error(transparent)]
    NoInstance(#[from] ResolveError),
    /// A pod's node is not there.
    #[error("Node \"{0}\" not found")]
    NodeNotFound(Box<str>),
    /// No interface has a pod's address.
    #[error("cannot resolve pod ENI for pods: [{}]", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))]
    UnresolvedPods(Vec<ObjectKey>),
    /// No instance is known for a node.
    #[error("cannot resolve node ENI for nodes: [{}]", .0.join(" "))]
    UnresolvedNodes(Vec<String>),
    /// An instance without primary interface.
    #[error("[this should never happen] no primary ENI found")]
    NoPrimaryInterface,
    /// Security groups that are not there.
    #[error("couldn't fetch SecurityGroupInfos: [{}]", .0.join(" "))]
    NoSuchGroups(Vec<String>),
    /// AWS refused rules that the binding needs; one a line.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<RefusedRule>),
    /// Several security groups could not be kept; one text a line.
    #[error("{}", .0.join("\n"))]
    Several(Vec<String>),
}

/// A rule that AWS refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRule {
    /// The security group that was to grant it.
    pub group: String,
    /// What it was to let in.
    pub permission: Permission,
    /// AWS's answer.
    pub error: CloudError,
    /// The field of the binding that asks for it.
    pub field: Option<String>,
}

impl fmt::Display for RefusedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Permission { protocol, from_port, to_port, source } = &self.permission;
        let source = match source {
            RuleSource::Ipv4(text) | RuleSource::Ipv6(text) | RuleSource::PrefixList(text) => text.clone(),
            RuleSource::SecurityGroup(id) => id.to_string(),
            RuleSource::None => String::new(),
        };
        let field = self.field.as_deref().unwrap_or("spec.networking");
        let (group, words) = (&self.group, &self.error);
        write!(
            f,
            "{field}: {source}: no rule for {protocol} {from_port}-{to_port} in security group {group}: {words}"
        )
    }
}

impl NetworkError {
    /// Whether a security group takes no more rules.
    pub fn is_full(&self) -> bool {
        let is_full = |error: &CloudError| error.is(&["RulesPerSecurityGroupLimitExceeded"]);
        match self {
            Self::Cloud(error) => is_full(error),
            Self::Refused(rules) => rules.iter().any(|rule| is_full(&rule.error)),
            _ => false,
        }
    }

    /// Names the fields of `spec.networking` that ask for what AWS refused.
    #[must_use]
    pub fn located_in(mut self, networking: Option<&Networking>) -> Self {
        if let Self::Refused(rules) = &mut self {
            for rule in rules {
                rule.field = networking.and_then(|networking| field_of(networking, &rule.permission.source));
            }
        }
        self
    }
}

/// Id and security groups of an interface; `None`: there is no interface in AWS.
type FoundInterface = Option<Arc<NetworkInterface>>;

/// Finds security groups, and remembers them for a while.
pub struct InterfaceFinder {
    cloud: Arc<dyn Cloud>,
    config: Arc<Config>,
    pods: TtlCache<Box<str>, FoundInterface>,
    instances: TtlCache<String, Arc<Instance>>,
    tags: TtlCache<String, Tags>,
}

/// Answers by key, each for ten minutes.
struct TtlCache<K, V>(Mutex<BTreeMap<K, (Instant, V)>>);

impl<K: Ord, V: Clone> TtlCache<K, V> {
    fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let kept = self.0.lock();
        kept.get(key).filter(|(since, _)| since.elapsed() < KEPT_FOR).map(|(_, value)| value.clone())
    }

    fn extend(&self, news: impl IntoIterator<Item = (K, V)>) {
        let now = Instant::now();
        let mut kept = self.0.lock();
        kept.retain(|_, (since, _)| since.elapsed() < KEPT_FOR);
        kept.extend(news.into_iter().map(|(key, value)| (key, (now, value))));
    }
}

impl InterfaceFinder {
    /// Asks nothing until it is asked.
    pub fn new(cloud: Arc<dyn Cloud>, config: Arc<Config>) -> Self {
        Self { cloud, config, pods: TtlCache::new(), instances: TtlCache::new(), tags: TtlCache::new() }
    }

    /// The security groups that traffic to pods passes, with the pods behind each. Pods of hybrid nodes have none.
    pub async fn groups_of_pods(
        &self,
        pods: &[Arc<PodView>],
        view: &dyn ClusterView,
    ) -> Result<BTreeMap<String, Vec<Arc<PodView>>>, NetworkError> {
        let unknown: Vec<Arc<PodView>> =
            pods.iter().filter(|pod| self.pods.get(&pod.uid).is_none()).cloned().collect();
        if !unknown.is_empty() {
            self.find_pods(unknown, view).await?;
        }
        let found: Vec<(Arc<PodView>, FoundInterface)> =
            pods.iter().map(|pod| (pod.clone(), self.pods.get(&pod.uid).flatten())).collect();
        self.learn_tags(found.iter().filter_map(|(_, interface)| interface.as_deref())).await?;
        let mut groups: BTreeMap<String, Vec<Arc<PodView>>> = BTreeMap::new();
        for (pod, interface) in found {
            if let Some(interface) = interface {
                groups.entry(self.choose(&interface)?).or_default().push(pod);
            }
        }
        Ok(groups)
    }

    /// The security groups that traffic to nodes passes.
    pub async fn groups_of_nodes(&self, nodes: &[Arc<NodeView>]) -> Result<BTreeSet<String>, NetworkError> {
        let mut ids = BTreeMap::new();
        for node in nodes.iter().filter(|node| compute_of(node) != Compute::Hybrid) {
            ids.insert(instance_id(node)?, node.name.to_string());
        }
        let instances = self.instances(ids.keys().cloned().collect(), false).await?;
        let missing = ids.iter().filter(|(id, _)| !instances.contains_key(*id));
        let missing: Vec<String> = missing.map(|(_, name)| name.clone()).collect();
        if !missing.is_empty() {
            return Err(NetworkError::UnresolvedNodes(missing));
        }
        let interfaces = instances.values().map(|instance| primary_interface(instance));
        let interfaces: Vec<&NetworkInterface> =
            interfaces.collect::<Option<_>>().ok_or(NetworkError::NoPrimaryInterface)?;
        self.learn_tags(interfaces.iter().copied()).await?;
        interfaces.into_iter().map(|interface| self.choose(interface)).collect()
    }

    // ---- pods -------------------------------------------------------------------------------------------------------

    async fn find_pods(&self, pods: Vec<Arc<PodView>>, view: &dyn ClusterView) -> Result<(), NetworkError> {
        let mut by_compute: BTreeMap<Compute, Placed> = BTreeMap::new();
        for pod in pods {
            let name = pod.node.clone().unwrap_or_default();
            let node = view.node(&name).ok_or(NetworkError::NodeNotFound(name))?;
            by_compute.entry(compute_of(&node)).or_default().push((pod, node));
        }
        let mut lost = Vec::new();
        for (compute, pods) in by_compute {
            lost.extend(match compute {
                Compute::Ec2 => self.find_on_instances(self.find_branches(pods).await?).await?,
                Compute::Fargate => self.find_by_address(pods).await?,
                Compute::HyperPod => self.find_by_node_prefix(self.find_by_address(pods).await?).await?,
                Compute::Hybrid => {
                    self.pods.extend(pods.into_iter().map(|(pod, _)| (pod.uid.clone(), None)));
                    Vec::new()
                }
            });
        }
        if lost.is_empty() {
            return Ok(());
        }
        let mut lost: Vec<ObjectKey> = lost.into_iter().map(|(pod, _)| pod.key.clone()).collect();
        lost.sort();
        Err(NetworkError::UnresolvedPods(lost))
    }

    /// Pods with a branch interface of their own; answers those without.
    async fn find_branches(&self, pods: Placed) -> Result<Placed, NetworkError> {
        let ids: BTreeSet<String> =
            pods.iter().filter_map(|(pod, _)| branch_interface(pod)).map(str::to_owned).collect();
        if ids.is_empty() {
            return Ok(pods);
        }
        let request = DescribeNetworkInterfaces {
            network_interface_ids: ids.into_iter().collect(),
            ..DescribeNetworkInterfaces::default()
        };
        let interfaces = self.interfaces(request).await?;
        Ok(self.keep(pods, |pod, _| {
            let id = branch_interface(pod)?;
            interfaces.iter().find(|interface| interface.id == id).cloned()
        }))
    }

    /// Pods whose address is one of their node's; answers the others. An instance that was looked at before the pod got
    /// its address is looked at once more.
    async fn find_on_instances(&self, mut pods: Placed) -> Result<Placed, NetworkError> {
        for look_again in [false, true] {
            if pods.is_empty() {
                break;
            }
            let ids: BTreeSet<String> = pods.iter().filter_map(|(_, node)| instance_id(node).ok()).collect();
            let instances = self.instances(ids, look_again).await?;
            pods = self.keep(pods, |pod, node| {
                let instance = instances.get(&instance_id(node).ok()?)?;
                let ip = pod.ip.as_deref()?;
                let interface =
                    instance.network_interfaces.iter().find(|interface| receives(interface, ip))?;
                Some(Arc::new(interface.clone()))
            });
        }
        Ok(pods)
    }

    /// Pods whose address is an interface's own, anywhere in the VPC; answers the others.
    async fn find_by_address(&self, pods: Placed) -> Result<Placed, NetworkError> {
        let addresses = pods.iter().filter_map(|(pod, _)| pod.ip.as_deref().map(str::to_owned)).collect();
        let interfaces = self.interfaces_with(addresses).await?;
        Ok(self.keep(pods, |pod, _| {
            let ip = pod.ip.as_deref()?;
            interfaces.iter().find(|interface| has_address(interface, ip)).cloned()
        }))
    }

    /// Pods whose address lies in a prefix of an interface that has the node's address; answers the others.
    async fn find_by_node_prefix(&self, pods: Placed) -> Result<Placed, NetworkError> {
        let addresses = pods.iter().flat_map(|(_, node)| node.internal_ips.iter());
        let addresses = addresses.filter(|address| !address.contains(':')).map(ToString::to_string);
        let interfaces = self.interfaces_with(addresses.collect()).await?;
        Ok(self.keep(pods, |pod, _| {
            let ip = pod.ip.as_deref()?;
            interfaces.iter().find(|interface| has_prefix(interface, ip)).cloned()
        }))
    }

    /// Remembers what `find` finds; answers the pods it does not find.
    fn keep(
        &self,
        pods: Placed,
        find: impl Fn(&PodView, &NodeView) -> Option<Arc<NetworkInterface>>,
    ) -> Placed {
        let mut lost = Vec::new();
        let mut found = Vec::new();
        for (pod, node) in pods {
            match find(&pod, &node) {
                Some(interface) => found.push((pod.uid.clone(), Some(interface))),
                None => lost.push((pod, node)),
            }
        }
        self.pods.extend(found);
        lost
    }

    // ---- EC2 --------------------------------------------------------------------------------------------------------

    /// Instances by id; those that do not exist are left out.
    async fn instances(
        &self,
        ids: BTreeSet<String>,
        look_again: bool,
    ) -> Result<BTreeMap<String, Arc<Instance>>, NetworkError> {
        let kept = |id: &String| if look_again { None } else { self.instances.get(id) };
        let unknown: Vec<String> = ids.iter().filter(|id| kept(id).is_none()).cloned().collect();
        if !unknown.is_empty() {
            let found = self.describe_instances(unknown).await?;
            self.instances.extend(found.into_iter().map(|one| (one.id.clone(), Arc::new(one))));
        }
        Ok(ids.into_iter().filter_map(|id| self.instances.get(&id).map(|one| (id, one))).collect())
    }

    async fn describe_instances(&self, ids: Vec<String>) -> Result<Vec<Instance>, NetworkError> {
        let request = |instance_ids| DescribeInstances { instance_ids, ..DescribeInstances::default() };
        let is_gone =
            |error: &CloudError| error.is(&["InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"]);
        match pages::all(&*self.cloud, request(ids.clone())).await {
            Err(error) if is_gone(&error) && ids.len() > 1 => {
                let mut found = Vec::new();
                for id in ids {
                    match pages::all(&*self.cloud, request(vec![id])).await {
                        Err(error) if is_gone(&error) => {}
                        answer => found.extend(answer?),
                    }
                }
                Ok(found)
            }
            Err(error) if is_gone(&error) => Ok(Vec::new()),
            answer => Ok(answer?),
        }
    }

    async fn interfaces(
        &self,
        request: DescribeNetworkInterfaces,
    ) -> Result<Vec<Arc<NetworkInterface>>, NetworkError> {
        let found = pages::all(&*self.cloud, request).await?;
        Ok(found.into_iter().map(Arc::new).collect())
    }

    /// Interfaces of the VPC that have one of these addresses.
    async fn interfaces_with(
        &self,
        addresses: BTreeSet<String>,
    ) -> Result<Vec<Arc<NetworkInterface>>, NetworkError> {
        let (six, four): (Vec<String>, Vec<String>) =
            addresses.into_iter().partition(|address| address.contains(':'));
        let mut found = Vec::new();
        for (name, addresses) in
            [("addresses.private-ip-address", four), ("ipv6-addresses.ipv6-address", six)]
        {
            for chunk in addresses.chunks(ADDRESSES_PER_CALL) {
                let filters = vec![
                    Filter::new("vpc-id", [self.config.vpc_id.clone()]),
                    Filter::new(name, chunk.iter().cloned()),
                ];
                let request = DescribeNetworkInterfaces { filters, ..DescribeNetworkInterfaces::default() };
                found.extend(self.interfaces(request).await?);
            }
        }
        Ok(found)
    }

    // ---- security groups --------------------------------------------------------------------------------------------

    fn choose(&self, interface: &NetworkInterface) -> Result<String, NetworkError> {
        let Config { cluster_name, service_target_eni_security_group_tags: extra, .. } = &*self.config;
        let chosen = choose_security_group(interface, |id| self.tags.get(id), cluster_name, extra)?;
        Ok(chosen.to_owned())
    }

    /// Reads the tags of the groups among which has to be chosen.
    async fn learn_tags<'a>(
        &self,
        interfaces: impl Iterator<Item = &'a NetworkInterface>,
    ) -> Result<(), NetworkError> {
        let undecided = interfaces.filter(|interface| interface.security_group_ids.len() > 1);
        let ids: BTreeSet<&String> = undecided.flat_map(|interface| &interface.security_group_ids).collect();
        let ids: Vec<String> = ids.into_iter().filter(|id| self.tags.get(*id).is_none()).cloned().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let request = DescribeSecurityGroups { group_ids: ids.clone(), ..DescribeSecurityGroups::default() };
        let found = pages::all(&*self.cloud, request).await?;
        let missing: Vec<String> =
            ids.into_iter().filter(|id| found.iter().all(|group| group.id != *id)).collect();
        if !missing.is_empty() {
            return Err(NetworkError::NoSuchGroups(missing));
        }
        self.tags.extend(found.into_iter().map(|group| (group.id, group.tags)));
        Ok(())
    }
}

/// Pods with their nodes.
type Placed = Vec<(Arc<PodView>, Arc<NodeView>)>;
