//! Which targets are registered with an availability zone: those whose address lies outside the target group's VPC.
//!
//! Upstream's `registerPodEndpoints`. A VPC's CIDRs are read once; they are read again only when an address is not inside
//! the known ones, so that registration does not wait for a read.

use super::target_registrar::TargetGroupRef;
use crate::api::meta::ZONE_LABEL;
use crate::api::{ObjectKey, TargetGroupBinding};
use crate::aws::assume_role::AssumedRole;
use crate::aws::{Cloud, pages};
use crate::aws_api::CloudError;
use crate::aws_api::ec2::DescribeVpcs;
use crate::aws_api::elbv2::Target;
use crate::config::Config;
use crate::targets::endpoints::{Backing, Endpoint};
use crate::targets::interfaces::is_inside;
use crate::targets::view::{ClusterView, PodView};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Every zone.
const ALL: &str = "all";
/// How long a VPC's CIDRs are believed when an address is not inside them.
const CIDRS_FOR: Duration = Duration::from_mins(10);
/// How long a VPC of another account counts as out of sight.
const OUT_OF_SIGHT_FOR: Duration = Duration::from_mins(5);
/// How long a binding's targets are registered with the zones of their nodes, once AWS asked for zones.
const NODE_ZONES_FOR: Duration = Duration::from_hours(1);

/// Why a target cannot be described.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// AWS did not answer about the VPC.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// There is no such VPC.
    #[error("no VPC {0} found")]
    NoVpc(String),
    /// An endpoint's address is none.
    #[error("endpoint address is `{0}`, expected an IP address")]
    InvalidAddress(Box<str>),
    /// The pod is not scheduled.
    #[error("pod {0} has no node assigned")]
    NoNode(ObjectKey),
    /// The pod's node is not there.
    #[error("Node \"{0}\" not found")]
    NodeNotFound(Box<str>),
}

type Cidrs = Arc<Vec<String>>;

/// Endpoints as targets.
#[derive(Clone, Debug, Default)]
pub struct DescribedTargets {
    /// The targets to register.
    pub targets: Vec<Target>,
    /// Why the first of the endpoints that are left out cannot be described.
    pub failure: Option<ZoneError>,
}

/// Describes endpoints as targets.
pub struct Zones {
    cloud: Arc<dyn Cloud>,
    vpc_id: String,
    cidrs: Mutex<BTreeMap<String, (Instant, Cidrs)>>,
    out_of_sight: Mutex<BTreeMap<(String, String), Instant>>,
    zoned_bindings: Mutex<BTreeMap<ObjectKey, Instant>>,
}

impl Zones {
    /// `cloud`: the controller's own name; VPCs are read in it whatever role a target group needs.
    pub fn new(cloud: Arc<dyn Cloud>, config: &Config) -> Self {
        Self {
            cloud,
            vpc_id: config.vpc_id.clone(),
            cidrs: Mutex::default(),
            out_of_sight: Mutex::default(),
            zoned_bindings: Mutex::default(),
        }
    }

    /// The targets to register for endpoints. An endpoint that cannot be described does not keep the others back.
    pub async fn describe(
        &self,
        binding: &TargetGroupBinding,
        endpoints: &[Endpoint],
        view: &dyn ClusterView,
    ) -> Result<DescribedTargets, ZoneError> {
        let TargetGroupRef { arn: _, role } = TargetGroupRef::of(binding);
        let own = binding.spec.vpc_id.as_deref().filter(|vpc| !vpc.is_empty());
        let vpc = own.unwrap_or(&self.vpc_id);
        let use_node_zones = role.is_none() && self.uses_node_zones(&ObjectKey::of(binding));
        let addresses = addresses(endpoints);
        let cidrs = self.cidrs_for(vpc, role.as_ref(), &addresses).await?;
        let mut described = DescribedTargets::default();
        for endpoint in endpoints {
            let zone = match &endpoint.backing {
                Backing::Pod(pod) => zone_of(pod, &endpoint.id, &cidrs, use_node_zones.then_some(view)),
                Backing::Node(_) => Ok(None),
            };
            match zone {
                Ok(zone) => described.targets.push(target(endpoint, zone)),
                Err(error) => drop(described.failure.get_or_insert(error)),
            }
        }
        Ok(described)
    }

    /// Whether a refusal means that the targets must be registered with the zones of their nodes. If so, they are from now
    /// on, and the registration is to be tried once more.
    pub fn learn_from(&self, binding: &TargetGroupBinding, refusal: &CloudError) -> bool {
        let CloudError::Service { code, message, .. } = refusal else { return false };
        let asks_for_zone =
            code == "ValidationError" && message.contains("you must specify an Availability Zone");
        let key = ObjectKey::of(binding);
        if !asks_for_zone || self.uses_node_zones(&key) {
            return false;
        }
        self.zoned_bindings.lock().insert(key, Instant::now());
        true
    }

    fn uses_node_zones(&self, binding: &ObjectKey) -> bool {
        let mut flagged = self.zoned_bindings.lock();
        flagged.retain(|_, since| since.elapsed() < NODE_ZONES_FOR);
        flagged.contains_key(binding)
    }

    /// CIDRs of a VPC, good enough for these addresses.
    async fn cidrs_for(
        &self,
        vpc: &str,
        role: Option<&AssumedRole>,
        addresses: &[IpAddr],
    ) -> Result<Cidrs, ZoneError> {
        if addresses.is_empty() || self.is_out_of_sight(vpc, role) {
            return Ok(Cidrs::default());
        }
        let known = self.cidrs.lock().get(vpc).cloned();
        if let Some((since, cidrs)) = known
            && (since.elapsed() < CIDRS_FOR || addresses.iter().all(|ip| is_inside(*ip, cidrs.iter())))
        {
            return Ok(cidrs);
        }
        match self.read_cidrs(vpc).await {
            Err(ZoneError::Cloud(error)) if error.is(&["InvalidVpcID.NotFound"]) && role.is_some() => {
                let role = role.map(|role| role.arn.clone()).unwrap_or_default();
                self.out_of_sight.lock().insert((role, vpc.to_owned()), Instant::now());
                Ok(Cidrs::default())
            }
            answer => answer,
        }
    }

    fn is_out_of_sight(&self, vpc: &str, role: Option<&AssumedRole>) -> bool {
        let Some(role) = role else { return false };
        let mut out_of_sight = self.out_of_sight.lock();
        out_of_sight.retain(|_, since| since.elapsed() < OUT_OF_SIGHT_FOR);
        out_of_sight.contains_key(&(role.arn.clone(), vpc.to_owned()))
    }

    async fn read_cidrs(&self, vpc: &str) -> Result<Cidrs, ZoneError> {
        let request = DescribeVpcs { vpc_ids: vec![vpc.to_owned()], ..DescribeVpcs::default() };
        let found = pages::all(&*self.cloud, request).await?.into_iter().next();
        let found = found.ok_or_else(|| ZoneError::NoVpc(vpc.to_owned()))?;
        let cidrs: Cidrs =
            Arc::new(found.ipv4_cidr_blocks.into_iter().chain(found.ipv6_cidr_blocks).collect());
        self.cidrs.lock().insert(vpc.to_owned(), (Instant::now(), cidrs.clone()));
        Ok(cidrs)
    }
}

fn parse(address: &str) -> Result<IpAddr, ZoneError> {
    address.parse().map_err(|_| ZoneError::InvalidAddress(address.into()))
}

/// The addresses of pods, as far as they are some.
fn addresses(endpoints: &[Endpoint]) -> Vec<IpAddr> {
    let pods = endpoints.iter().filter(|endpoint| matches!(endpoint.backing, Backing::Pod(_)));
    pods.filter_map(|endpoint| parse(&endpoint.id).ok()).collect()
}

/// The zone that a pod's address is registered with: none inside the VPC, and outside every zone, or that of its node.
fn zone_of(
    pod: &PodView,
    address: &str,
    cidrs: &Cidrs,
    nodes: Option<&dyn ClusterView>,
) -> Result<Option<String>, ZoneError> {
    if is_inside(parse(address)?, cidrs.iter()) {
        return Ok(None);
    }
    nodes.map_or_else(|| Ok(ALL.to_owned()), |view| node_zone(pod, view)).map(Some)
}

fn target(endpoint: &Endpoint, availability_zone: Option<String>) -> Target {
    Target {
        id: (*endpoint.id).into(),
        port: Some(endpoint.port),
        availability_zone,
        quic_server_id: endpoint.quic_server_id.as_deref().map(str::to_owned),
    }
}

fn node_zone(pod: &PodView, view: &dyn ClusterView) -> Result<String, ZoneError> {
    let name = pod.node.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| ZoneError::NoNode(pod.key.clone()))?;
    let node = view.node(name).ok_or_else(|| ZoneError::NodeNotFound(name.into()))?;
    Ok(node.labels.get(ZONE_LABEL).cloned().unwrap_or_else(|| ALL.to_owned()))
}
