//! What each member wants of the listeners, and what becomes of it port by port (upstream's
//! `pkg/ingress/model_build_listener.go` and the merge in `model_builder.go`).

use super::certificates;
use super::scope::{Ledger, MemberView, Scope};
use super::settle::contradicts;
use crate::annotations::ingress::listen_ports::parse_listen_ports;
use crate::annotations::ingress::mutual_tls::{MutualTls, SUFFIX as MUTUAL_TLS, parse_mutual_tls};
use crate::annotations::parse;
use crate::build::Origin;
use crate::cloud::ec2::IngressRule;
use crate::cloud::elbv2::{MutualAuthentication, Protocol};
use crate::config::Config;
use crate::finding::Part;
use crate::inputs::Halt;
use std::collections::{BTreeMap, BTreeSet};

/// Who may reach a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    pub ipv4: BTreeSet<String>,
    pub ipv6: BTreeSet<String>,
    pub prefix_lists: BTreeSet<String>,
}

/// What one member wants of one port.
#[derive(Clone, Debug)]
pub(super) struct PortClaim {
    pub protocol: Protocol,
    pub sources: Sources,
    pub certificates: Vec<String>,
    pub ssl_policy: Option<String>,
    pub mutual_tls: Option<MutualAuthentication>,
}

/// What one member wants of all listeners.
#[derive(Clone, Debug)]
pub(super) struct Contribution {
    pub ports: BTreeMap<i32, PortClaim>,
    cidr_origin: Origin,
    ssl_policy_origin: Option<Origin>,
}

/// A port of the ALB, as all members together want it.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub protocol: Protocol,
    pub sources: Sources,
    /// Whether a member says who may reach it.
    pub restricted: bool,
    /// Inbound rules of a broken member's port, as they are.
    pub kept_rules: Vec<IngressRule>,
    pub certificates: Vec<String>,
    pub ssl_policy: Option<String>,
    /// Whether a member chose the policy.
    pub policy_chosen: bool,
    pub mutual_tls: Option<MutualAuthentication>,
    /// Members that have the port, in group order.
    pub members: Vec<usize>,
}

impl Port {
    /// Whether it terminates TLS.
    pub fn is_https(&self) -> bool {
        self.protocol == Protocol::Https
    }

    /// Whether a member has the port.
    pub fn has(&self, member: usize) -> bool {
        self.members.binary_search(&member).is_ok()
    }
}

/// What a member wants of the listeners.
pub(super) fn contribution(scope: &Scope<'_>, member: &MemberView<'_>) -> Result<Contribution, Halt> {
    member.check_lengths()?;
    let explicit = explicit_certificates(member);
    let (ssl_policy, ssl_policy_origin) = match ssl_policy(member) {
        Some((policy, origin)) => (Some(policy), Some(origin)),
        None => (None, None),
    };
    let (sources, cidr_origin) = sources(member)?;
    let mutual_tls = mutual_tls(scope, member)?;
    let ports = parse_listen_ports(&member.annotations).map_err(|fault| member.blame(fault))?;
    let ports = ports.unwrap_or_else(|| default_ports(!explicit.is_empty()));
    let any_https = ports.values().any(|protocol| *protocol == Protocol::Https);
    let certificates = if any_https && explicit.is_empty() {
        certificates::discover(scope, member).map_err(|halt| halt.within(Part::Certificates))?
    } else {
        explicit
    };
    let claim = |(port, protocol): (i32, Protocol)| {
        let https = protocol == Protocol::Https;
        let claim = PortClaim {
            sources: sources.clone(),
            certificates: if https { certificates.clone() } else { Vec::new() },
            ssl_policy: ssl_policy.clone().filter(|_| https),
            mutual_tls: mutual_tls.get(&port).cloned().filter(|_| https),
            protocol,
        };
        (port, claim)
    };
    Ok(Contribution { ports: ports.into_iter().map(claim).collect(), cidr_origin, ssl_policy_origin })
}

fn default_ports(prefers_tls: bool) -> BTreeMap<i32, Protocol> {
    BTreeMap::from([if prefers_tls { (443, Protocol::Https) } else { (80, Protocol::Http) }])
}

fn explicit_certificates(member: &MemberView<'_>) -> Vec<String> {
    let by_params = member.params.and_then(|params| params.certificate_arn.as_ref());
    match by_params.filter(|arns| !arns.is_empty()) {
        Some(arns) => arns.clone(),
        None => member.annotations.list("certificate-arn").unwrap_or_default(),
    }
}

fn ssl_policy(member: &MemberView<'_>) -> Option<(String, Origin)> {
    let by_params = member.params.and_then(|params| params.ssl_policy.clone());
    if let Some(policy) = by_params.filter(|policy| !policy.is_empty()) {
        return Some((policy, member.params_origin("sslPolicy")));
    }
    let policy = member.annotations.string("ssl-policy")?;
    Some((policy.to_owned(), member.origin("ssl-policy")))
}

fn sources(member: &MemberView<'_>) -> Result<(Sources, Origin), Halt> {
    let params = member.params;
    let non_empty = |list: &&Vec<String>| !list.is_empty();
    let by_params = params.and_then(|params| params.inbound_cidrs.as_ref()).filter(non_empty);
    let (cidrs, origin) = match by_params {
        Some(cidrs) => (cidrs.clone(), member.params_origin("inboundCIDRs")),
        None => {
            (member.annotations.list("inbound-cidrs").unwrap_or_default(), member.origin("inbound-cidrs"))
        }
    };
    let mut sources = Sources { prefix_lists: prefix_lists(member), ..Sources::default() };
    for cidr in cidrs {
        let Some(parsed) = parse::cidr(&cidr) else {
            let hint = "write for example 10.0.0.0/8 or 2001:db8::/32";
            return Err(origin.error(format!("{cidr:?} is not a CIDR")).hint(hint).into());
        };
        // why: EC2 stores the canonical form; anything else would differ from what is there for ever
        let canonical = parsed.trunc().to_string();
        let family = if canonical.contains(':') { &mut sources.ipv6 } else { &mut sources.ipv4 };
        family.insert(canonical);
    }
    Ok((sources, origin))
}

fn prefix_lists(member: &MemberView<'_>) -> BTreeSet<String> {
    let params = member.params;
    let non_empty = |list: &&Vec<String>| !list.is_empty();
    let current = params.and_then(|params| params.prefix_lists_ids.as_ref()).filter(non_empty);
    let legacy = params.and_then(|params| params.prefix_lists_ids_legacy.as_ref()).filter(non_empty);
    if let Some(lists) = current.or(legacy) {
        return lists.iter().cloned().collect();
    }
    let lists = member.annotations.list("security-group-prefix-lists");
    lists.unwrap_or_default().into_iter().collect()
}

fn mutual_tls(
    scope: &Scope<'_>,
    member: &MemberView<'_>,
) -> Result<BTreeMap<i32, MutualAuthentication>, Halt> {
    let wanted = parse_mutual_tls(&member.annotations).map_err(|fault| member.blame(fault))?;
    let named: BTreeSet<&str> = wanted.values().filter_map(store_name).collect();
    let known = if named.is_empty() {
        BTreeMap::new()
    } else {
        let names: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        let found = scope.facts.trust_stores(&names)??;
        if let Some(missing) = named.iter().find(|name| !found.contains_key(**name)) {
            let problem = format!("there is no trust store named {missing:?}");
            return Err(member.origin(MUTUAL_TLS).error(problem).into());
        }
        found.clone()
    };
    Ok(wanted.into_iter().map(|(port, mode)| (port, authentication(mode, &known))).collect())
}

fn store_name(mode: &MutualTls) -> Option<&str> {
    match mode {
        MutualTls::Verify { trust_store, .. } if !trust_store.starts_with("arn:") => Some(trust_store),
        MutualTls::Verify { .. } | MutualTls::Off | MutualTls::Passthrough => None,
    }
}

fn authentication(mode: MutualTls, stores: &BTreeMap<String, String>) -> MutualAuthentication {
    let plain =
        |mode: &str| MutualAuthentication { mode: mode.to_owned(), ..MutualAuthentication::default() };
    match mode {
        MutualTls::Off => plain("off"),
        MutualTls::Passthrough => plain("passthrough"),
        MutualTls::Verify { trust_store, ignore_expiry, advertise } => MutualAuthentication {
            trust_store_arn: Some(stores.get(&trust_store).cloned().unwrap_or(trust_store)),
            ignore_client_certificate_expiry: Some(ignore_expiry),
            advertise_trust_store_ca_names: Some(advertise.unwrap_or_else(|| "off".to_owned())),
            ..plain("verify")
        },
    }
}

/// Merges the contributions port by port. A member whose protocol contradicts loses the port; one whose other settings
/// contradict loses only those.
pub(super) fn merge(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    contributions: &BTreeMap<usize, Contribution>,
) -> Result<BTreeMap<i32, Port>, Halt> {
    let numbers: BTreeSet<i32> =
        contributions.values().flat_map(|contribution| contribution.ports.keys().copied()).collect();
    let mut ports = BTreeMap::new();
    for number in numbers {
        ports.insert(number, merge_port(scope, ledger, contributions, number)?);
    }
    Ok(ports)
}

fn merge_port(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    contributions: &BTreeMap<usize, Contribution>,
    number: i32,
) -> Result<Port, Halt> {
    let mut agreed = Agreed::default();
    for member in &scope.members {
        let Some(contribution) = contributions.get(&member.index) else { continue };
        let Some(claim) = contribution.ports.get(&number) else { continue };
        agreed.hear(&mut Court { ledger: &mut *ledger, member, number }, contribution, claim)?;
    }
    Ok(agreed.into_port(scope.config))
}

/// A value and the member that gave it.
type Given<T> = Option<(T, String)>;

/// What the members heard so far want of one port.
#[derive(Default)]
struct Agreed<'c> {
    protocol: Given<Protocol>,
    /// IPv4 and IPv6.
    cidrs: Given<(BTreeSet<String>, BTreeSet<String>)>,
    prefix_lists: Given<BTreeSet<String>>,
    ssl_policy: Given<String>,
    mutual_tls: Given<MutualAuthentication>,
    certificates: Vec<&'c [String]>,
    members: Vec<usize>,
}

impl<'c> Agreed<'c> {
    fn hear(
        &mut self,
        court: &mut Court<'_, '_>,
        contribution: &'c Contribution,
        claim: &'c PortClaim,
    ) -> Result<(), Halt> {
        let member = court.member;
        let protocol = Some(claim.protocol.clone());
        if !court.hear(&mut self.protocol, protocol, &member.origin("listen-ports"), "protocol")? {
            return Ok(());
        }
        let Sources { ipv4, ipv6, prefix_lists } = claim.sources.clone();
        let cidrs = Some((ipv4, ipv6)).filter(|(ipv4, ipv6)| !ipv4.is_empty() || !ipv6.is_empty());
        court.hear(&mut self.cidrs, cidrs, &contribution.cidr_origin, "inbound CIDRs")?;
        let lists = Some(prefix_lists).filter(|lists| !lists.is_empty());
        let origin = member.origin("security-group-prefix-lists");
        court.hear(&mut self.prefix_lists, lists, &origin, "prefix lists")?;
        let origin = contribution.ssl_policy_origin.clone().unwrap_or_else(|| member.origin("ssl-policy"));
        court.hear(&mut self.ssl_policy, claim.ssl_policy.clone(), &origin, "TLS policy")?;
        let mutual_tls = claim.mutual_tls.clone();
        court.hear(&mut self.mutual_tls, mutual_tls, &member.origin(MUTUAL_TLS), "mutual TLS")?;
        self.certificates.push(&claim.certificates);
        self.members.push(member.index);
        Ok(())
    }

    /// The port; what nobody asks for is as the settings of the controller have it.
    fn into_port(self, config: &Config) -> Port {
        let protocol = self.protocol.map_or(Protocol::Http, |(protocol, _)| protocol);
        let (ipv4, ipv6) = self.cidrs.map(|(cidrs, _)| cidrs).unwrap_or_default();
        let prefix_lists = self.prefix_lists.map(|(lists, _)| lists).unwrap_or_default();
        let https = protocol == Protocol::Https;
        let default_policy = || https.then(|| config.default_ssl_policy.clone());
        let default_mutual_tls = || {
            let reset = https && config.features.enhanced_default_behavior;
            reset.then(|| authentication(MutualTls::Off, &BTreeMap::new()))
        };
        let sources = Sources { ipv4, ipv6, prefix_lists };
        Port {
            protocol,
            restricted: sources != Sources::default(),
            sources: open_unless_restricted(sources),
            kept_rules: Vec::new(),
            certificates: certificates::merge(&self.certificates),
            policy_chosen: self.ssl_policy.is_some(),
            ssl_policy: self.ssl_policy.map(|(policy, _)| policy).or_else(default_policy),
            mutual_tls: self.mutual_tls.map(|(mode, _)| mode).or_else(default_mutual_tls),
            members: self.members,
        }
    }
}

fn open_unless_restricted(mut sources: Sources) -> Sources {
    if sources == Sources::default() {
        sources.ipv4.insert("0.0.0.0/0".to_owned());
        sources.ipv6.insert("::/0".to_owned());
    }
    sources
}

/// Decides between members that want different things of one port: the first has the say.
struct Court<'c, 'a> {
    ledger: &'c mut Ledger,
    member: &'c MemberView<'a>,
    number: i32,
}

impl Court<'_, '_> {
    /// Whether the member may have what it wants.
    fn hear<T: PartialEq + std::fmt::Debug>(
        &mut self,
        given: &mut Given<T>,
        wanted: Option<T>,
        origin: &Origin,
        what: &str,
    ) -> Result<bool, Halt> {
        let Some(wanted) = wanted else { return Ok(true) };
        match given {
            None => *given = Some((wanted, self.member.key.to_string())),
            Some((first, _)) if *first == wanted => {}
            Some((first, winner)) => {
                let mine = format!("{what} {wanted:?} on port {}", self.number);
                let finding = contradicts(origin, &mine, &format!("{first:?}"), winner);
                self.ledger.tell(self.member.index, finding)?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}
