//! What each member wants of the listeners, and what becomes of it port by port (upstream's
//! `pkg/ingress/model_build_listener.go` and the merge in `model_builder.go`).

use super::certificates;
use super::context::{GroupContext, MemberView};
use super::merge::contradicts;
use crate::annotations::ingress::listen_ports::parse_listen_ports;
use crate::annotations::ingress::mutual_tls::{MutualTls, SUFFIX as MUTUAL_TLS, parse_mutual_tls};
use crate::annotations::parse;
use crate::api::ObjectKey;
use crate::aws_api::elbv2::{MutualAuthentication, Protocol};
use crate::aws_api::{Attributes, Ref, SymbolKind, Tags};
use crate::config::Config;
use crate::facts::BuildError;
use crate::finding::{Finding, Part};
use crate::model::{RequestedCertificate, ResourceId};
use crate::settings::alb::{AlbListenerSettings, ClientSources, ListenerPart, ListenerSetting};
use crate::settings::{Diagnostics, Origin};
use std::collections::{BTreeMap, BTreeSet};

/// Listeners of the ALB by port, as all members together want them.
pub type Listeners = BTreeMap<i32, AlbListenerSettings>;

/// What one member wants of one port.
#[derive(Clone, Debug)]
pub(super) struct MemberListener {
    pub protocol: Protocol,
    pub sources: ClientSources,
    pub certificates: Vec<Ref>,
    pub ssl_policy: Option<String>,
    pub mutual_tls: Option<MutualAuthentication>,
}

/// What one member wants of all listeners.
#[derive(Clone, Debug)]
pub(super) struct MemberListeners {
    pub ports: BTreeMap<i32, MemberListener>,
    cidr_origin: Origin,
    ssl_policy_origin: Option<Origin>,
    /// The certificate that is to be made for the member.
    pub requested: Option<(ResourceId, RequestedCertificate)>,
    /// Secrets that were read.
    pub secrets: BTreeSet<ObjectKey>,
    /// What is wrong with Secrets.
    pub unusable_secrets: Vec<Finding>,
}

/// What a member wants of the listeners.
pub(super) fn member_listeners(
    group: &GroupContext<'_>,
    member: &MemberView<'_>,
) -> Result<MemberListeners, BuildError> {
    member.check_lengths()?;
    let from_secrets = certificates::from_secrets(group, member)?.unwrap_or_default();
    let by_arn = explicit_certificates(member);
    let explicit: Vec<Ref> = if from_secrets.secrets.is_empty() {
        by_arn
    } else {
        from_secrets.arns.iter().map(|arn| Ref::from(arn.as_str())).collect()
    };
    let (ssl_policy, ssl_policy_origin) = match ssl_policy(member) {
        Some((policy, origin)) => (Some(policy), Some(origin)),
        None => (None, None),
    };
    let (sources, cidr_origin) = sources(member)?;
    let mutual_tls = mutual_tls(group, member)?;
    let ports = parse_listen_ports(&member.annotations).map_err(|fault| member.blame(fault))?;
    let is_requested = explicit.is_empty() && certificates::is_wanted(group, member);
    let ports = ports.unwrap_or_else(|| default_ports(!explicit.is_empty() || is_requested));
    let any_https = ports.values().any(|protocol| *protocol == Protocol::Https);
    // why: without an HTTPS listener nobody would use it
    let requested = if any_https && is_requested {
        Some(certificates::requested(group, member).map_err(|error| error.within(Part::Certificates))?)
    } else {
        None
    };
    let certificates = match &requested {
        Some((id, _)) => vec![id.pending(SymbolKind::CertificateArn)],
        None if any_https && explicit.is_empty() => {
            certificates::discover(group, member).map_err(|error| error.within(Part::Certificates))?
        }
        None => explicit,
    };
    let claim = |(port, protocol): (i32, Protocol)| {
        let https = protocol == Protocol::Https;
        let claim = MemberListener {
            sources: sources.clone(),
            certificates: if https { certificates.clone() } else { Vec::new() },
            ssl_policy: ssl_policy.clone().filter(|_| https),
            mutual_tls: mutual_tls.get(&port).cloned().filter(|_| https),
            protocol,
        };
        (port, claim)
    };
    let ports = ports.into_iter().map(claim).collect();
    let (secrets, unusable_secrets) = (from_secrets.secrets, from_secrets.unusable);
    Ok(MemberListeners { ports, cidr_origin, ssl_policy_origin, requested, secrets, unusable_secrets })
}

fn default_ports(prefers_tls: bool) -> BTreeMap<i32, Protocol> {
    BTreeMap::from([if prefers_tls { (443, Protocol::Https) } else { (80, Protocol::Http) }])
}

fn explicit_certificates(member: &MemberView<'_>) -> Vec<Ref> {
    let by_params = member.params.and_then(|params| params.certificate_arn.as_ref());
    let arns = match by_params.filter(|arns| !arns.is_empty()) {
        Some(arns) => arns.clone(),
        None => member.annotations.list("certificate-arn").unwrap_or_default(),
    };
    arns.into_iter().map(Ref::from).collect()
}

fn ssl_policy(member: &MemberView<'_>) -> Option<(String, Origin)> {
    let by_params = member.params.and_then(|params| params.ssl_policy.clone());
    if let Some(policy) = by_params.filter(|policy| !policy.is_empty()) {
        return Some((policy, member.params_origin("sslPolicy")));
    }
    let policy = member.annotations.string("ssl-policy")?;
    Some((policy.to_owned(), member.origin("ssl-policy")))
}

fn sources(member: &MemberView<'_>) -> Result<(ClientSources, Origin), BuildError> {
    let params = member.params;
    let non_empty = |list: &&Vec<String>| !list.is_empty();
    let by_params = params.and_then(|params| params.inbound_cidrs.as_ref()).filter(non_empty);
    let (cidrs, origin) = match by_params {
        Some(cidrs) => (cidrs.clone(), member.params_origin("inboundCIDRs")),
        None => {
            (member.annotations.list("inbound-cidrs").unwrap_or_default(), member.origin("inbound-cidrs"))
        }
    };
    let mut sources = ClientSources { prefix_lists: prefix_lists(member), ..ClientSources::default() };
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
    group: &GroupContext<'_>,
    member: &MemberView<'_>,
) -> Result<BTreeMap<i32, MutualAuthentication>, BuildError> {
    let wanted = parse_mutual_tls(&member.annotations).map_err(|fault| member.blame(fault))?;
    let named: BTreeSet<&str> = wanted.values().filter_map(store_name).collect();
    let known = if named.is_empty() {
        BTreeMap::new()
    } else {
        let names: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        let found = group.facts.trust_stores(&names)??;
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
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    contributions: &BTreeMap<usize, MemberListeners>,
) -> Result<Listeners, BuildError> {
    let numbers: BTreeSet<i32> =
        contributions.values().flat_map(|contribution| contribution.ports.keys().copied()).collect();
    let mut ports = BTreeMap::new();
    for number in numbers {
        ports.insert(number, merge_port(group, diagnostics, contributions, number)?);
    }
    Ok(ports)
}

fn merge_port(
    group: &GroupContext<'_>,
    diagnostics: &mut Diagnostics,
    contributions: &BTreeMap<usize, MemberListeners>,
    number: i32,
) -> Result<AlbListenerSettings, BuildError> {
    let mut merged = MergedSettings::default();
    for member in &group.members {
        let Some(contribution) = contributions.get(&member.index) else { continue };
        let Some(claim) = contribution.ports.get(&number) else { continue };
        merged.set(
            &mut ListenerMerge { diagnostics: &mut *diagnostics, member, number },
            contribution,
            claim,
        )?;
    }
    Ok(merged.into_listener(group.config))
}

/// A value and the member that gave it.
type MemberValue<T> = Option<(T, String)>;

/// What the members heard so far want of one port.
#[derive(Default)]
struct MergedSettings<'c> {
    protocol: MemberValue<Protocol>,
    /// IPv4 and IPv6.
    cidrs: MemberValue<(BTreeSet<String>, BTreeSet<String>)>,
    prefix_lists: MemberValue<BTreeSet<String>>,
    ssl_policy: MemberValue<String>,
    mutual_tls: MemberValue<MutualAuthentication>,
    certificates: Vec<&'c [Ref]>,
    members: Vec<usize>,
}

impl<'c> MergedSettings<'c> {
    fn set(
        &mut self,
        merge: &mut ListenerMerge<'_, '_>,
        contribution: &'c MemberListeners,
        claim: &'c MemberListener,
    ) -> Result<(), BuildError> {
        let member = merge.member;
        let protocol = Some(claim.protocol.clone());
        if !merge.set(&mut self.protocol, protocol, &member.origin("listen-ports"), "protocol")? {
            return Ok(());
        }
        let ClientSources { ipv4, ipv6, prefix_lists } = claim.sources.clone();
        let cidrs = Some((ipv4, ipv6)).filter(|(ipv4, ipv6)| !ipv4.is_empty() || !ipv6.is_empty());
        merge.set(&mut self.cidrs, cidrs, &contribution.cidr_origin, "inbound CIDRs")?;
        let lists = Some(prefix_lists).filter(|lists| !lists.is_empty());
        let origin = member.origin("security-group-prefix-lists");
        merge.set(&mut self.prefix_lists, lists, &origin, "prefix lists")?;
        let origin = contribution.ssl_policy_origin.clone().unwrap_or_else(|| member.origin("ssl-policy"));
        merge.set(&mut self.ssl_policy, claim.ssl_policy.clone(), &origin, "TLS policy")?;
        let mutual_tls = claim.mutual_tls.clone();
        merge.set(&mut self.mutual_tls, mutual_tls, &member.origin(MUTUAL_TLS), "mutual TLS")?;
        self.certificates.push(&claim.certificates);
        self.members.push(member.index);
        Ok(())
    }

    /// The port; what nobody asks for is as the settings of the controller have it.
    fn into_listener(self, config: &Config) -> AlbListenerSettings {
        let protocol = self.protocol.map_or(Protocol::Http, |(protocol, _)| protocol);
        let (ipv4, ipv6) = self.cidrs.map(|(cidrs, _)| cidrs).unwrap_or_default();
        let prefix_lists = self.prefix_lists.map(|(lists, _)| lists).unwrap_or_default();
        let https = protocol == Protocol::Https;
        let default_policy = || https.then(|| config.default_ssl_policy.clone());
        let default_mutual_tls = || {
            let reset = https && config.features.enhanced_default_behavior;
            reset.then(|| authentication(MutualTls::Off, &BTreeMap::new()))
        };
        let sources = ClientSources { ipv4, ipv6, prefix_lists };
        AlbListenerSettings {
            protocol,
            restricted: sources != ClientSources::default(),
            sources: open_unless_restricted(sources),
            retained_ingress: Vec::new(),
            certificates: certificates::merge(&self.certificates),
            policy_chosen: self.ssl_policy.is_some(),
            ssl_policy: self.ssl_policy.map(|(policy, _)| policy).or_else(default_policy),
            mutual_tls: self.mutual_tls.map(|(mode, _)| mode).or_else(default_mutual_tls),
            contributors: self.members,
            attributes: Attributes::new(),
            tags: Tags::new(),
            tags_complete: true,
        }
    }
}

fn open_unless_restricted(mut sources: ClientSources) -> ClientSources {
    if sources == ClientSources::default() {
        sources.ipv4.insert("0.0.0.0/0".to_owned());
        sources.ipv6.insert("::/0".to_owned());
    }
    sources
}

/// Decides between members that want different things of one port: the first has the say.
struct ListenerMerge<'c, 'a> {
    diagnostics: &'c mut Diagnostics,
    member: &'c MemberView<'a>,
    number: i32,
}

impl ListenerMerge<'_, '_> {
    /// Whether the member may have what it wants.
    fn set<T: PartialEq + std::fmt::Debug>(
        &mut self,
        given: &mut MemberValue<T>,
        wanted: Option<T>,
        origin: &Origin,
        what: &str,
    ) -> Result<bool, BuildError> {
        let Some(wanted) = wanted else { return Ok(true) };
        match given {
            None => *given = Some((wanted, self.member.key.to_string())),
            Some((first, _)) if *first == wanted => {}
            Some((first, winner)) => {
                let mine = format!("{what} {wanted:?} on port {}", self.number);
                let finding = contradicts(origin, &mine, &format!("{first:?}"), winner);
                self.diagnostics.report(self.member.index, finding)?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What AWS calls a certificate in a refusal; nothing if it has no ARN yet.
fn name_of(certificate: &Ref) -> String {
    certificate.known().unwrap_or_default().to_owned()
}

impl MemberListeners {
    /// What the member gives to each listener, to tell whose setting AWS refuses.
    pub fn settings<'m>(&'m self, member: &'m MemberView<'_>) -> impl Iterator<Item = ListenerSetting> + 'm {
        self.ports.iter().flat_map(|(port, listener)| {
            let trust_store = listener.mutual_tls.as_ref().and_then(|mode| mode.trust_store_arn.clone());
            let certificates =
                listener.certificates.iter().map(|one| (ListenerPart::Certificate, name_of(one)));
            let policy = listener.ssl_policy.iter().map(|policy| (ListenerPart::SslPolicy, policy.clone()));
            let stores = trust_store.into_iter().map(|arn| (ListenerPart::TrustStore, arn));
            let exists = std::iter::once((ListenerPart::Port, String::new()));
            let all = exists.chain(certificates).chain(policy).chain(stores);
            all.map(|(part, name)| ListenerSetting { port: *port, from: member.key.clone(), part, name })
        })
    }
}
