//! The ALB itself (upstream's `pkg/ingress/model_build_load_balancer*.go`).

use super::attributes;
use super::listener::Port;
use super::network::{self, Network};
use super::scope::{Ledger, MemberView, Scope, refusal_behind, refuse};
use super::settle::{Claim, Settled, contradicts, settle_plain};
use super::tags;
use crate::annotations::parse;
use crate::build::names;
use crate::cloud::Ref;
use crate::cloud::elbv2::{IpAddressType, ListenerAction, LoadBalancerType, Scheme};
use crate::inputs::Halt;
use crate::model::{LoadBalancer, SecurityGroup};
use std::collections::BTreeMap;

const MAX_NAME: usize = 32;
const CAPACITY_KEY: &str = "CapacityUnits";
/// What users may write for the ALB's address families.
const IP_ADDRESS_TYPES: &[&str] = &["ipv4", "dualstack", "dualstack-without-public-ipv4"];

/// The ALB and what comes with it.
#[derive(Clone, Debug)]
pub(super) struct Front {
    pub load_balancer: LoadBalancer,
    pub managed_security_group: Option<SecurityGroup>,
    /// Source of the traffic to the targets; `None`: nobody manages rules for it.
    pub backend_security_group: Option<Ref>,
    pub uses_shared_security_group: bool,
    /// Whether all members' tags could be made out.
    pub tags_complete: bool,
}

/// Builds the ALB.
pub(super) fn build(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    ports: &BTreeMap<i32, Port>,
) -> Result<Front, Halt> {
    let scheme = build_scheme(scope, ledger)?;
    let ip_address_type = build_ip_address_type(scope, ledger)?;
    let subnet_mappings = network::build_subnets(scope, ledger, &scheme, &ip_address_type)?;
    let everyone: Vec<usize> = scope.members.iter().map(|member| member.index).collect();
    let (tags, tags_complete) = tags::of_shared(scope, ledger, &everyone)?;
    let Network { security_groups, managed, backend, shared } =
        network::build_security_groups(scope, ledger, ports, &ip_address_type, &tags)?;
    let load_balancer = LoadBalancer {
        kind: LoadBalancerType::Application,
        ip_address_type,
        enable_prefix_for_ipv6_source_nat: None,
        subnet_mappings,
        security_groups,
        enforce_inbound_rules_on_private_link: None,
        customer_owned_ipv4_pool: build_customer_owned_pool(scope, ledger)?,
        attributes: attributes::of_load_balancer(scope, ledger)?,
        tags,
        name: build_name(scope, ledger, &scheme)?,
        minimum_capacity_units: build_capacity(scope, ledger)?,
        ipv4_ipam_pool_id: build_ipam_pool(scope, ledger)?,
        scheme,
    };
    Ok(Front {
        load_balancer,
        managed_security_group: managed,
        backend_security_group: backend,
        uses_shared_security_group: shared,
        tags_complete,
    })
}

/// The claim of a member: its class's, if there is one, else its annotation's.
pub(super) fn claim(
    member: &MemberView<'_>,
    by_params: Option<&str>,
    field: &str,
    suffix: &str,
) -> Option<Claim<String>> {
    match (by_params, member.annotations.string(suffix)) {
        (Some(value), _) => Some(Claim::new(value.to_owned(), member.params_origin(field))),
        (None, Some(value)) => Some(Claim::new(value.to_owned(), member.origin(suffix))),
        (None, None) => None,
    }
}

/// A claim translated to what AWS knows, or refused.
pub(super) fn known<T>(
    claim: Option<Claim<String>>,
    parse: impl Fn(&str) -> Option<T>,
    allowed: &[&str],
) -> Result<Option<Claim<T>>, Halt> {
    let Some(Claim { value, origin }) = claim else { return Ok(None) };
    match parse(&value).filter(|_| allowed.contains(&value.as_str())) {
        Some(known) => Ok(Some(Claim::new(known, origin))),
        None => Err(refuse(&origin, &value, allowed).into()),
    }
}

fn build_scheme(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Scheme, Halt> {
    let settled = settle_plain(scope, ledger, |member| {
        let by_params = member.params.and_then(|params| params.scheme).map(<&str>::from);
        known(claim(member, by_params, "scheme", "scheme"), Scheme::parse_known, Scheme::KNOWN)
    })?;
    // why: a scheme that cannot be made out must not replace the load balancer
    settled.resolve(
        || Ok(scope.live_load_balancer()?.map(|live| live.scheme.clone())),
        || scope.config.default_load_balancer_scheme.clone(),
    )
}

fn build_ip_address_type(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<IpAddressType, Halt> {
    let settled = settle_plain(scope, ledger, |member| {
        let by_params = member.params.and_then(|params| params.ip_address_type).map(<&str>::from);
        let claim = claim(member, by_params, "ipAddressType", "ip-address-type");
        known(claim, IpAddressType::parse_known, IP_ADDRESS_TYPES)
    })?;
    settled.resolve(
        || Ok(scope.live_load_balancer()?.map(|live| live.ip_address_type.clone())),
        || IpAddressType::Ipv4,
    )
}

fn build_name(scope: &Scope<'_>, ledger: &mut Ledger, scheme: &Scheme) -> Result<String, Halt> {
    let settled = settle_plain(scope, ledger, |member| {
        let by_params = member.params.and_then(|params| params.load_balancer_name.as_deref());
        let by_params = by_params.filter(|name| !name.is_empty());
        let claim = claim(member, by_params, "loadBalancerName", "load-balancer-name");
        match claim {
            Some(Claim { value, origin }) if value.len() > MAX_NAME => Err(origin
                .error(format!("{value:?} has {} characters, expected at most {MAX_NAME}", value.len()))
                .into()),
            claim => Ok(claim),
        }
    })?;
    let generated = || names::ingress_load_balancer(&scope.config.cluster_name, scope.stack, scheme);
    Ok(settled.given().unwrap_or_else(generated))
}

fn build_customer_owned_pool(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Option<String>, Halt> {
    const SUFFIX: &str = "customer-owned-ipv4-pool";
    let settled = settle_plain(scope, ledger, |member| match member.annotations.string(SUFFIX) {
        Some("") => Err(member.origin(SUFFIX).error("is empty, expected the id of a pool").into()),
        Some(pool) => Ok(Some(Claim::new(pool.to_owned(), member.origin(SUFFIX)))),
        None => Ok(None),
    })?;
    Ok(settled.given())
}

fn build_ipam_pool(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Option<String>, Halt> {
    const SUFFIX: &str = "ipam-ipv4-pool-id";
    let first = scope.members.first().and_then(|member| member.params);
    let by_params = first.and_then(|params| params.ipam_configuration.as_ref());
    if let Some(pool) = by_params.and_then(|ipam| ipam.ipv4_ipam_pool_id.as_ref()) {
        // why: none is what it says, and AWS takes no empty id
        return Ok(Some(pool.clone()).filter(|pool| !pool.is_empty()));
    }
    let settled = settle_plain(scope, ledger, |member| {
        let pool = member.annotations.string(SUFFIX).filter(|pool| !pool.is_empty());
        Ok(pool.map(|pool| Claim::new(pool.to_owned(), member.origin(SUFFIX))))
    })?;
    Ok(settled.given())
}

fn build_capacity(scope: &Scope<'_>, ledger: &mut Ledger) -> Result<Option<i32>, Halt> {
    if !scope.config.features.lb_capacity_reservation {
        return Ok(None);
    }
    let first = scope.members.first().and_then(|member| member.params);
    if let Some(capacity) = first.and_then(|params| params.minimum_load_balancer_capacity) {
        return Ok(Some(capacity.capacity_units));
    }
    let mut chosen: Option<(i32, String)> = None;
    for member in scope.settlers() {
        let Some(units) = ledger.attempt_setting(member, capacity_of(member))?.flatten() else { continue };
        match &chosen {
            None => chosen = Some((units, member.key.to_string())),
            Some((first, _)) if *first == units => {}
            Some((first, winner)) => {
                let origin = member.origin(CAPACITY_SUFFIX);
                let finding = contradicts(&origin, &units.to_string(), &first.to_string(), winner);
                ledger.tell(member.index, finding)?;
            }
        }
    }
    Ok(chosen.map(|(units, _)| units))
}

const CAPACITY_SUFFIX: &str = "minimum-load-balancer-capacity";

fn capacity_of(member: &MemberView<'_>) -> Result<Option<i32>, Halt> {
    let given = member.annotations.map(CAPACITY_SUFFIX).map_err(|error| member.blame(error))?;
    let origin = member.origin(CAPACITY_SUFFIX);
    let mut units = None;
    for (key, value) in given.unwrap_or_default() {
        if key != CAPACITY_KEY {
            let finding = origin.error(format!("{key:?} is not known, expected {CAPACITY_KEY}"));
            return Err(finding.suggest(&key, [CAPACITY_KEY]).into());
        }
        let number = parse::int32(&value);
        units = Some(number.ok_or_else(|| origin.error(format!("{value:?} is not a 32-bit integer")))?);
    }
    Ok(units)
}

/// Whether an ALB of this type has IPv6 addresses.
pub(super) fn is_dualstack(ip_address_type: &IpAddressType) -> bool {
    matches!(ip_address_type, IpAddressType::Dualstack | IpAddressType::DualstackWithoutPublicIpv4)
}

/// The port that HTTP requests are redirected to, if any.
///
/// A member whose redirect cannot be had is not served at all, because it must not be served without TLS; and where the
/// redirect cannot be made out, the live one stays.
pub(super) fn build_ssl_redirect(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    ports: &BTreeMap<i32, Port>,
    lost: &BTreeMap<i32, usize>,
) -> Result<Option<i32>, Halt> {
    // why: upstream turns the redirect off for the whole group when a class names a port that is no number
    let is_number = |port: &str| parse::int32(port).is_some();
    if !scope.settlers().filter_map(redirect_of_class).all(is_number) {
        return Ok(None);
    }
    let mut insecure = Vec::new();
    for member in scope.settlers() {
        let wanted = redirect_of(member, ports).map_err(|halt| with_cause(scope, lost, member, halt));
        // why: of a member that AWS refuses something else, this is a consequence
        let is_consequence = member.refusal.is_some() && matches!(wanted, Err(Halt::Finding(_)));
        if is_consequence || ledger.attempt(member, wanted)?.is_none() {
            insecure.push(member.index);
        }
    }
    let settled = settle_plain(scope, ledger, |member| {
        if insecure.contains(&member.index) { Ok(None) } else { redirect_of(member, ports) }
    })?;
    match settled {
        Settled::Given(port) => Ok(Some(port)),
        Settled::Absent if insecure.is_empty() => Ok(None),
        Settled::Absent | Settled::Unknown => live_redirect(scope, ports),
    }
}

/// Names what AWS refused, where the listener that a redirect leads to is not there for it.
fn with_cause(scope: &Scope<'_>, lost: &BTreeMap<i32, usize>, member: &MemberView<'_>, halt: Halt) -> Halt {
    let cause = redirect_port(member).and_then(|port| refusal_behind(scope, lost, port));
    match (halt, cause) {
        (Halt::Finding(mut finding), Some(cause)) => {
            finding.message.push_str(&cause);
            Halt::Finding(finding)
        }
        (halt, _) => halt,
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

fn redirect_of(member: &MemberView<'_>, ports: &BTreeMap<i32, Port>) -> Result<Option<Claim<i32>>, Halt> {
    const SUFFIX: &str = "ssl-redirect";
    let (port, origin) = if let Some(port) = redirect_of_class(member).and_then(parse::int32) {
        (Some(port), member.params_origin("sslRedirectPort"))
    } else {
        let port = member.annotations.int32(SUFFIX).map_err(|error| member.blame(error))?;
        (port, member.origin(SUFFIX))
    };
    let Some(port) = port else { return Ok(None) };
    match ports.get(&port) {
        Some(listener) if listener.is_https() => Ok(Some(Claim::new(port, origin))),
        Some(_) => Err(origin.error(format!("port {port} is not an HTTPS listener")).into()),
        None => Err(origin.error(format!("there is no listener on port {port}")).into()),
    }
}

/// Where the HTTP listeners redirect to now.
fn live_redirect(scope: &Scope<'_>, ports: &BTreeMap<i32, Port>) -> Result<Option<i32>, Halt> {
    let live = scope.facts.live_stack(scope.stack)??;
    let actions = live.listeners.iter().flat_map(|listener| &listener.listener.default_actions);
    let mut targets = actions.filter_map(|action| match action {
        ListenerAction::Redirect(redirect) => redirect.port.as_deref()?.parse().ok(),
        _ => None,
    });
    Ok(targets.find(|port| ports.get(port).is_some_and(Port::is_https)))
}
