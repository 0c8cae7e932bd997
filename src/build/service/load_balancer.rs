//! The load balancer itself: scheme, addresses, attributes, capacity, name.

use super::addresses;
use super::context::{Context, identity};
use super::security_groups::{self, SecurityGroups};
use crate::annotations::service as keys;
use crate::build::subnets::Placement;
use crate::build::{Origin, names, tags};
use crate::cloud::ec2::Subnet;
use crate::cloud::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::cloud::{Attributes, Tags};
use crate::finding::Part;
use crate::inputs::{ExistingLoadBalancer, Halt};
use crate::model::LoadBalancer;

/// Resource id of the load balancer.
pub(super) const ID: &str = "LoadBalancer";

const ROUTING_POLICY: &str = "dns_record.client_routing_policy";
const ROUTING_POLICIES: [&str; 3] =
    ["availability_zone_affinity", "partial_availability_zone_affinity", "any_availability_zone"];
const ACCESS_LOG_KEYS: [(&str, &str); 2] =
    [(keys::ACCESS_LOG_BUCKET, "access_logs.s3.bucket"), (keys::ACCESS_LOG_PREFIX, "access_logs.s3.prefix")];
const CAPACITY_UNITS: &str = "CapacityUnits";
const MAX_NAME_BYTES: usize = 32;

/// What everything else of the build depends on.
pub(super) struct Frontend<'a> {
    pub scheme: Scheme,
    pub ip_address_type: IpAddressType,
    pub subnets: Vec<&'a Subnet>,
    pub existing: Option<&'a ExistingLoadBalancer>,
    /// User tags of every resource.
    pub tags: Tags,
}

impl Frontend<'_> {
    pub fn is_dualstack(&self) -> bool {
        self.ip_address_type == IpAddressType::Dualstack
    }
}

pub(super) fn decide<'a>(context: &Context<'a>) -> Result<Frontend<'a>, Halt> {
    let scheme = decide_scheme(context).map_err(|halt| halt.within(Part::Scheme))?;
    let ip_address_type = decide_ip_address_type(context).map_err(|halt| halt.within(Part::IpAddressType))?;
    let subnets =
        decide_subnets(context, &scheme, &ip_address_type).map_err(|halt| halt.within(Part::Subnets))?;
    let (existing, tags) = (find_existing(context)?, decide_tags(context)?);
    Ok(Frontend { scheme, ip_address_type, subnets, existing, tags })
}

pub(super) fn build(
    context: &Context<'_>,
    frontend: &Frontend<'_>,
) -> Result<(LoadBalancer, SecurityGroups), Halt> {
    let source_nat = addresses::decide_source_nat(context, frontend)?;
    let attributes = build_attributes(context)?;
    let minimum_capacity_units = decide_capacity(context)?;
    let mut groups = security_groups::build(context, frontend)?;
    let subnet_mappings = addresses::build_mappings(context, frontend, source_nat)?;
    let load_balancer = LoadBalancer {
        name: decide_name(context, &frontend.scheme)?,
        kind: LoadBalancerType::Network,
        scheme: frontend.scheme.clone(),
        ip_address_type: frontend.ip_address_type.clone(),
        enable_prefix_for_ipv6_source_nat: Some(source_nat.to_owned()),
        subnet_mappings,
        security_groups: std::mem::take(&mut groups.attached),
        enforce_inbound_rules_on_private_link: context
            .choice(keys::PRIVATE_LINK_INBOUND, &["on", "off"])?
            .map(str::to_owned),
        customer_owned_ipv4_pool: None,
        ipv4_ipam_pool_id: None,
        attributes,
        minimum_capacity_units,
        tags: frontend.tags.clone(),
    };
    Ok((load_balancer, groups))
}

fn decide_scheme(context: &Context<'_>) -> Result<Scheme, Halt> {
    if let Some(scheme) = context.choice(keys::SCHEME, &["internal", "internet-facing"])? {
        return Ok(Scheme::from(scheme));
    }
    if let Some(internal) = context.boolean(keys::INTERNAL)? {
        return Ok(if internal { Scheme::Internal } else { Scheme::InternetFacing });
    }
    match find_existing(context)?.map(|existing| &existing.scheme) {
        None => Ok(context.config.default_load_balancer_scheme.clone()),
        Some(Scheme::Other(scheme)) => Err(context
            .error(keys::SCHEME, format!("the existing load balancer has scheme {scheme:?}"))
            .into()),
        Some(scheme) => Ok(scheme.clone()),
    }
}

/// The first load balancer that carries the stack's tags.
fn find_existing<'a>(context: &Context<'a>) -> Result<Option<&'a ExistingLoadBalancer>, Halt> {
    Ok(context.facts.existing_load_balancers(&context.stack)??.first())
}

fn decide_ip_address_type(context: &Context<'_>) -> Result<IpAddressType, Halt> {
    let chosen = context.choice(keys::IP_ADDRESS_TYPE, &["ipv4", "dualstack"])?;
    Ok(chosen.map_or(IpAddressType::Ipv4, IpAddressType::from))
}

/// Those that the user names; else those that the load balancer has; else discovered ones.
fn decide_subnets<'a>(
    context: &Context<'a>,
    scheme: &Scheme,
    ip_address_type: &IpAddressType,
) -> Result<Vec<&'a Subnet>, Halt> {
    let mut placement = Placement {
        kind: LoadBalancerType::Network,
        scheme: scheme.clone(),
        ip_address_type: ip_address_type.clone(),
        origin: context.origin(keys::SUBNETS),
        facts: context.facts,
        config: context.config,
    };
    if let Some(listed) = context.list(keys::SUBNETS) {
        return placement.resolve_listed(&listed);
    }
    placement.origin = Origin::object(&context.object);
    match find_existing(context)? {
        Some(existing) if existing.scheme == *scheme => placement.resolve_listed(&existing.subnet_ids),
        _ => placement.discover(),
    }
}

fn decide_tags(context: &Context<'_>) -> Result<Tags, Halt> {
    let given = context.map(keys::TAGS)?.unwrap_or_default();
    tags::check(&given, &context.origin(keys::TAGS), context.config)?;
    Ok(tags::merge(&given, context.config))
}

/// The attributes annotation, overlaid by the older annotations that name one attribute each.
fn build_attributes(context: &Context<'_>) -> Result<Attributes, Halt> {
    let mut attributes = context.map(keys::ATTRIBUTES)?.unwrap_or_default();
    if let Some(policy) = attributes.get(ROUTING_POLICY)
        && !ROUTING_POLICIES.contains(&policy.as_str())
    {
        let message =
            format!("{ROUTING_POLICY} is {policy:?}, expected one of {}", ROUTING_POLICIES.join(", "));
        return Err(context.error(keys::ATTRIBUTES, message).suggest(policy, ROUTING_POLICIES).into());
    }
    let mut set = |key: &str, value: &str| attributes.insert(key.to_owned(), value.to_owned());
    if context.boolean(keys::ACCESS_LOG_ENABLED)? == Some(true) {
        set("access_logs.s3.enabled", "true");
        for (suffix, key) in ACCESS_LOG_KEYS {
            if let Some(value) = context.string(suffix) {
                set(key, value);
            }
        }
    }
    if let Some(enabled) = context.boolean(keys::CROSS_ZONE)? {
        set("load_balancing.cross_zone.enabled", &enabled.to_string());
    }
    Ok(attributes)
}

fn decide_capacity(context: &Context<'_>) -> Result<Option<i32>, Halt> {
    if !context.config.features.lb_capacity_reservation {
        return Ok(None);
    }
    let mut units = None;
    for (key, value) in context.map(keys::MINIMUM_CAPACITY)?.unwrap_or_default() {
        if key != CAPACITY_UNITS {
            let unknown = context.error(keys::MINIMUM_CAPACITY, format!("{key:?} is not {CAPACITY_UNITS}"));
            return Err(unknown.suggest(&key, [CAPACITY_UNITS]).into());
        }
        let parsed = value.parse().map_err(|_| {
            context.error(keys::MINIMUM_CAPACITY, format!("{CAPACITY_UNITS} is {value:?}, expected a number"))
        })?;
        units = Some(parsed);
    }
    Ok(units)
}

fn decide_name(context: &Context<'_>, scheme: &Scheme) -> Result<String, Halt> {
    match context.string(keys::NAME) {
        Some(name) if name.len() > MAX_NAME_BYTES => {
            let message =
                format!("{name:?} has {} characters, expected at most {MAX_NAME_BYTES}", name.len());
            Err(context.error(keys::NAME, message).into())
        }
        Some(name) => Ok(name.to_owned()),
        None => {
            let cluster = &context.config.cluster_name;
            Ok(names::service_load_balancer(cluster, identity(context.service), scheme))
        }
    }
}
