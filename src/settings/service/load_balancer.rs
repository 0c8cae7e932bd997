//! The load balancer itself: scheme, addresses, attributes, capacity, name.

use super::context::ServiceContext;
use super::load_balancer_context::LoadBalancerContext;
use super::{addresses, security_groups};
use crate::annotations::service as keys;
use crate::aws_api::ec2::Subnet;
use crate::aws_api::elbv2::{IpAddressType, LoadBalancerType, Scheme};
use crate::aws_api::{Attributes, Tags};
use crate::facts::{BuildError, ExistingLoadBalancer};
use crate::finding::Part;
use crate::model::LOAD_BALANCER_ID;
use crate::settings::load_balancer::{check_name, check_nlb_attributes, parse_capacity};
use crate::settings::names::ObjectIdentity;
use crate::settings::subnets::Placement;
use crate::settings::{LoadBalancerSettings, Origin, names, tags};

const ACCESS_LOG_KEYS: [(&str, &str); 2] =
    [(keys::ACCESS_LOG_BUCKET, "access_logs.s3.bucket"), (keys::ACCESS_LOG_PREFIX, "access_logs.s3.prefix")];

/// The load balancer and its subnets.
pub(super) fn read<'a>(
    context: &ServiceContext<'a>,
) -> Result<(LoadBalancerSettings, Vec<&'a Subnet>), BuildError> {
    let balancer = read_context(context)?;
    let source_nat = addresses::read_source_nat(context, &balancer)?;
    let attributes = read_attributes(context)?;
    let minimum_capacity_units = read_capacity(context)?;
    let security_groups = security_groups::read(context, &balancer)?;
    let subnet_mappings = addresses::read_mappings(context, &balancer, source_nat)?;
    let name = read_name(context, &balancer.scheme)?;
    let private_link = context.choice(keys::PRIVATE_LINK_INBOUND, &["on", "off"])?;
    let LoadBalancerContext { scheme, ip_address_type, subnets, existing: _, tags } = balancer;
    let settings = LoadBalancerSettings {
        id: LOAD_BALANCER_ID.into(),
        name,
        kind: LoadBalancerType::Network,
        scheme,
        ip_address_type,
        enable_prefix_for_ipv6_source_nat: Some(source_nat),
        subnet_mappings,
        security_groups,
        enforce_inbound_rules_on_private_link: private_link,
        customer_owned_ipv4_pool: None,
        ipv4_ipam_pool_id: None,
        attributes,
        minimum_capacity_units,
        tags,
    };
    Ok((settings, subnets))
}

fn read_context<'a>(context: &ServiceContext<'a>) -> Result<LoadBalancerContext<'a>, BuildError> {
    let scheme = read_scheme(context).map_err(|error| error.within(Part::Scheme))?;
    let ip_address_type = read_ip_address_type(context).map_err(|error| error.within(Part::IpAddressType))?;
    let subnets =
        read_subnets(context, &scheme, &ip_address_type).map_err(|error| error.within(Part::Subnets))?;
    let (existing, tags) = (find_existing(context)?, read_tags(context)?);
    Ok(LoadBalancerContext { scheme, ip_address_type, subnets, existing, tags })
}

fn read_scheme(context: &ServiceContext<'_>) -> Result<Scheme, BuildError> {
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
fn find_existing<'a>(context: &ServiceContext<'a>) -> Result<Option<&'a ExistingLoadBalancer>, BuildError> {
    Ok(context.facts.existing_load_balancers(&super::stack_id(context.service))??.first())
}

fn read_ip_address_type(context: &ServiceContext<'_>) -> Result<IpAddressType, BuildError> {
    let chosen = context.choice(keys::IP_ADDRESS_TYPE, &["ipv4", "dualstack"])?;
    Ok(chosen.map_or(IpAddressType::Ipv4, IpAddressType::from))
}

/// Those that the user names; else those that the load balancer has; else discovered ones.
fn read_subnets<'a>(
    context: &ServiceContext<'a>,
    scheme: &Scheme,
    ip_address_type: &IpAddressType,
) -> Result<Vec<&'a Subnet>, BuildError> {
    let mut placement = Placement {
        kind: LoadBalancerType::Network,
        scheme: scheme.clone(),
        ip_address_type: ip_address_type.clone(),
        origin: context.origin(keys::SUBNETS),
        facts: context.facts,
        config: context.config,
    };
    if let Some(listed) = context.list(keys::SUBNETS) {
        if listed.is_empty() {
            return Err(context.invalid(keys::SUBNETS, "a list of subnets").into());
        }
        return placement.resolve_listed(&listed);
    }
    placement.origin = Origin::object(&context.object);
    match find_existing(context)? {
        Some(existing) if existing.scheme == *scheme => placement.resolve_listed(&existing.subnet_ids),
        _ => placement.discover(),
    }
}

fn read_tags(context: &ServiceContext<'_>) -> Result<Tags, BuildError> {
    let given = context.map(keys::TAGS)?.unwrap_or_default();
    tags::check(&given, &context.origin(keys::TAGS), context.config)?;
    Ok(tags::merge(&given, context.config))
}

/// The attributes annotation, overlaid by the older annotations that name one attribute each.
fn read_attributes(context: &ServiceContext<'_>) -> Result<Attributes, BuildError> {
    let mut attributes = context.map(keys::ATTRIBUTES)?.unwrap_or_default();
    check_nlb_attributes(&attributes, &context.origin(keys::ATTRIBUTES))?;
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

fn read_capacity(context: &ServiceContext<'_>) -> Result<Option<i32>, BuildError> {
    if !context.config.features.lb_capacity_reservation {
        return Ok(None);
    }
    let given = context.map(keys::MINIMUM_CAPACITY)?.unwrap_or_default();
    parse_capacity(&given, &context.origin(keys::MINIMUM_CAPACITY))
}

fn read_name(context: &ServiceContext<'_>, scheme: &Scheme) -> Result<String, BuildError> {
    let Some(name) = context.string(keys::NAME) else {
        let cluster = &context.config.cluster_name;
        return Ok(names::load_balancer(cluster, ObjectIdentity::of(context.service), scheme));
    };
    check_name(name, &context.origin(keys::NAME))?;
    Ok(name.to_owned())
}
