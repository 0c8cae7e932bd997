//! The ALB itself (upstream's `pkg/ingress/model_build_load_balancer*.go`).

use super::context::{GroupContext, MemberView, refusal_behind};
use super::listeners::Listeners;
use super::merge::{Merged, contradicts, merge_plain};
use super::{attributes, network, tags};
use crate::annotations::parse;
use crate::aws_api::elbv2::{IpAddressType, ListenerAction, LoadBalancerType, Scheme};
use crate::facts::BuildError;
use crate::model::LOAD_BALANCER_ID;
use crate::settings::alb::AlbListenerSettings;
use crate::settings::load_balancer::{check_name, parse_capacity};
use crate::settings::{Diagnostics, LoadBalancerSettings, Sourced, names};
use std::collections::BTreeMap;

/// What users may write for the ALB's address families.
const IP_ADDRESS_TYPES: &[&str] = &["ipv4", "dualstack", "dualstack-without-public-ipv4"];

/// The ALB, and whether the tags of all members are known.
pub(super) fn read(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    listeners: &Listeners,
) -> Result<(LoadBalancerSettings, bool), BuildError> {
    let scheme = read_scheme(group, diagnostics)?;
    let ip_address_type = read_ip_address_type(group, diagnostics)?;
    let subnet_mappings = network::read_subnets(group, diagnostics, &scheme, &ip_address_type)?;
    let everyone: Vec<usize> = group.members.iter().map(|member| member.index).collect();
    let (tags, tags_complete) = tags::of_shared(group, diagnostics, &everyone)?;
    let settings = LoadBalancerSettings {
        id: LOAD_BALANCER_ID.into(),
        kind: LoadBalancerType::Application,
        enable_prefix_for_ipv6_source_nat: None,
        subnet_mappings,
        security_groups: network::read_security_groups(
            group,
            diagnostics,
            listeners,
            &ip_address_type,
            &tags,
        )?,
        ip_address_type,
        enforce_inbound_rules_on_private_link: None,
        customer_owned_ipv4_pool: read_customer_owned_pool(group, diagnostics)?,
        attributes: attributes::of_load_balancer(group, diagnostics)?,
        tags,
        name: read_name(group, diagnostics, &scheme)?,
        minimum_capacity_units: read_capacity(group, diagnostics)?,
        ipv4_ipam_pool_id: read_ipam_pool(group, diagnostics)?,
        scheme,
    };
    Ok((settings, tags_complete))
}

/// The claim of a member: its class's, if there is one, else its annotation's.
pub(super) fn claim(
    member: &MemberView<'_>,
    by_params: Option<&str>,
    field: &str,
    suffix: &str,
) -> Option<Sourced<String>> {
    match (by_params, member.annotations.string(suffix)) {
        (Some(value), _) => Some(Sourced::new(value.to_owned(), member.params_origin(field))),
        (None, Some(value)) => Some(Sourced::new(value.to_owned(), member.origin(suffix))),
        (None, None) => None,
    }
}

/// A claim translated to what AWS knows, or refused.
pub(super) fn known<T>(
    claim: Option<Sourced<String>>,
    parse: impl Fn(&str) -> Option<T>,
    allowed: &[&str],
) -> Result<Option<Sourced<T>>, BuildError> {
    let Some(Sourced { value, origin }) = claim else { return Ok(None) };
    match parse(&value).filter(|_| allowed.contains(&value.as_str())) {
        Some(known) => Ok(Some(Sourced::new(known, origin))),
        None => Err(origin.not_one_of(&value, allowed).into()),
    }
}

fn read_scheme(group: &GroupContext<'_>, diagnostics: &mut Diagnostics) -> Result<Scheme, BuildError> {
    let merged = merge_plain(group, diagnostics, |member| {
        let by_params = member.params.and_then(|params| params.scheme).map(<&str>::from);
        known(claim(member, by_params, "scheme", "scheme"), Scheme::parse_known, Scheme::KNOWN)
    })?;
    // why: a scheme that cannot be made out must not replace the load balancer
    merged.resolve(
        || Ok(group.live_load_balancer()?.map(|live| live.scheme.clone())),
        || group.config.default_load_balancer_scheme.clone(),
    )
}

fn read_ip_address_type(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<IpAddressType, BuildError> {
    let merged = merge_plain(group, diagnostics, |member| {
        let by_params = member.params.and_then(|params| params.ip_address_type).map(<&str>::from);
        let claim = claim(member, by_params, "ipAddressType", "ip-address-type");
        known(claim, IpAddressType::parse_known, IP_ADDRESS_TYPES)
    })?;
    merged.resolve(
        || Ok(group.live_load_balancer()?.map(|live| live.ip_address_type.clone())),
        || IpAddressType::Ipv4,
    )
}

fn read_name(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    scheme: &Scheme,
) -> Result<String, BuildError> {
    let merged = merge_plain(group, diagnostics, |member| {
        let by_params = member.params.and_then(|params| params.load_balancer_name.as_deref());
        let by_params = by_params.filter(|name| !name.is_empty());
        let claim = claim(member, by_params, "loadBalancerName", "load-balancer-name");
        if let Some(Sourced { value, origin }) = &claim {
            check_name(value, origin)?;
        }
        Ok(claim)
    })?;
    let generated = || names::ingress_load_balancer(&group.config.cluster_name, group.stack, scheme);
    Ok(merged.given().unwrap_or_else(generated))
}

fn read_customer_owned_pool(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<String>, BuildError> {
    const SUFFIX: &str = "customer-owned-ipv4-pool";
    let merged = merge_plain(group, diagnostics, |member| match member.annotations.string(SUFFIX) {
        Some("") => Err(member.blame(member.annotations.error(SUFFIX, "the id of a pool")).into()),
        Some(pool) => Ok(Some(Sourced::new(pool.to_owned(), member.origin(SUFFIX)))),
        None => Ok(None),
    })?;
    Ok(merged.given())
}

fn read_ipam_pool(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<String>, BuildError> {
    const SUFFIX: &str = "ipam-ipv4-pool-id";
    let first = group.members.first().and_then(|member| member.params);
    let by_params = first.and_then(|params| params.ipam_configuration.as_ref());
    if let Some(pool) = by_params.and_then(|ipam| ipam.ipv4_ipam_pool_id.as_ref()) {
        // why: none is what it says, and AWS takes no empty id
        return Ok(Some(pool.clone()).filter(|pool| !pool.is_empty()));
    }
    let merged = merge_plain(group, diagnostics, |member| {
        let pool = member.annotations.string(SUFFIX).filter(|pool| !pool.is_empty());
        Ok(pool.map(|pool| Sourced::new(pool.to_owned(), member.origin(SUFFIX))))
    })?;
    Ok(merged.given())
}

fn read_capacity(group: &GroupContext<'_>, diagnostics: &mut Diagnostics) -> Result<Option<i32>, BuildError> {
    if !group.config.features.lb_capacity_reservation {
        return Ok(None);
    }
    let first = group.members.first().and_then(|member| member.params);
    if let Some(capacity) = first.and_then(|params| params.minimum_load_balancer_capacity) {
        return Ok(Some(capacity.capacity_units));
    }
    let mut chosen: Option<(i32, String)> = None;
    for member in group.members_with_settings() {
        let Some(units) = diagnostics.catch_setting(member.index, capacity_of(member))?.flatten() else {
            continue;
        };
        match &chosen {
            None => chosen = Some((units, member.key.to_string())),
            Some((first, _)) if *first == units => {}
            Some((first, winner)) => {
                let origin = member.origin(CAPACITY_SUFFIX);
                let finding = contradicts(&origin, &units.to_string(), &first.to_string(), winner);
                diagnostics.report(member.index, finding)?;
            }
        }
    }
    Ok(chosen.map(|(units, _)| units))
}

const CAPACITY_SUFFIX: &str = "minimum-load-balancer-capacity";

fn capacity_of(member: &MemberView<'_>) -> Result<Option<i32>, BuildError> {
    let given = member.annotations.map(CAPACITY_SUFFIX).map_err(|error| member.blame(error))?;
    parse_capacity(&given.unwrap_or_default(), &member.origin(CAPACITY_SUFFIX))
}

/// The port that HTTP requests are redirected to, if any.
///
/// A member whose redirect cannot be had is not served at all, because it must not be served without TLS; and where the
/// redirect cannot be made out, the live one stays.
pub(super) fn read_ssl_redirect(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    ports: &Listeners,
    lost: &BTreeMap<i32, usize>,
) -> Result<Option<i32>, BuildError> {
    // why: upstream turns the redirect off for the whole group when a class names a port that is no number
    let is_number = |port: &str| parse::int32(port).is_some();
    if !group.members_with_settings().filter_map(redirect_of_class).all(is_number) {
        return Ok(None);
    }
    let mut insecure = Vec::new();
    for member in group.members_with_settings() {
        let wanted = redirect_of(member, ports).map_err(|error| with_cause(group, lost, member, error));
        // why: of a member that AWS refuses something else, this is a consequence
        let is_consequence = member.refusal.is_some() && matches!(wanted, Err(BuildError::Invalid(_)));
        if is_consequence || diagnostics.catch(member.index, wanted)?.is_none() {
            insecure.push(member.index);
        }
    }
    let merged = merge_plain(group, diagnostics, |member| {
        if insecure.contains(&member.index) { Ok(None) } else { redirect_of(member, ports) }
    })?;
    match merged {
        Merged::Given(port) => Ok(Some(port)),
        Merged::Absent if insecure.is_empty() => Ok(None),
        Merged::Absent | Merged::Unknown => live_redirect(group, ports),
    }
}

/// Names what AWS refused, where the listener that a redirect leads to is not there for it.
fn with_cause(
    group: &GroupContext<'_>,
    lost: &BTreeMap<i32, usize>,
    member: &MemberView<'_>,
    error: BuildError,
) -> BuildError {
    let cause = redirect_port(member).and_then(|port| refusal_behind(group, lost, port));
    match (error, cause) {
        (BuildError::Invalid(mut finding), Some(cause)) => {
            finding.message.push_str(&cause);
            BuildError::Invalid(finding)
        }
        (error, _) => error,
    }
}

fn redirect_port(member: &MemberView<'_>) -> Option<i32> {
    let of_class = redirect_of_class(member).and_then(parse::int32);
    of_class.or_else(|| member.annotations.int32("ssl-redirect").ok().flatten())
}

fn redirect_of_class<'a>(member: &MemberView<'a>) -> Option<&'a str> {
    let port = member.params.and_then(|params| params.ssl_redirect_port.as_deref());
    port.filter(|port| !port.is_empty())
}

fn redirect_of(member: &MemberView<'_>, ports: &Listeners) -> Result<Option<Sourced<i32>>, BuildError> {
    const SUFFIX: &str = "ssl-redirect";
    let (port, origin) = if let Some(port) = redirect_of_class(member).and_then(parse::int32) {
        (Some(port), member.params_origin("sslRedirectPort"))
    } else {
        let port = member.annotations.int32(SUFFIX).map_err(|error| member.blame(error))?;
        (port, member.origin(SUFFIX))
    };
    let Some(port) = port else { return Ok(None) };
    match ports.get(&port) {
        Some(listener) if listener.is_https() => Ok(Some(Sourced::new(port, origin))),
        Some(_) => Err(origin.error(format!("port {port} is not an HTTPS listener")).into()),
        None => Err(origin.error(format!("there is no listener on port {port}")).into()),
    }
}

/// Where the HTTP listeners redirect to now.
fn live_redirect(group: &GroupContext<'_>, ports: &Listeners) -> Result<Option<i32>, BuildError> {
    let live = group.facts.live_stack(group.stack)??;
    let actions = live.listeners.iter().flat_map(|listener| &listener.listener.default_actions);
    let mut targets = actions.filter_map(|action| match action {
        ListenerAction::Redirect(redirect) => redirect.port.as_deref()?.parse().ok(),
        _ => None,
    });
    Ok(targets.find(|port| ports.get(port).is_some_and(AlbListenerSettings::is_https)))
}
