//! Listeners: one per port number, with their protocols.

use super::actions;
use super::context::ServiceContext;
use super::target_groups::{self, TargetGroupReader};
use crate::annotations::service as keys;
use crate::api::{ObjectKey, ServicePort};
use crate::aws_api::Attributes;
use crate::aws_api::elbv2::{ForwardAction, Protocol, TargetGroupTuple, TargetType};
use crate::facts::{BuildError, MissingLookups};
use crate::finding::{Finding, Findings, Part, compared, enumerate};
use crate::settings::tls_secrets::{self, TlsSecrets};
use crate::settings::{NlbListenerSettings, ports};
use std::collections::{BTreeMap, BTreeSet};

const ALPN_POLICIES: [&str; 5] = ["None", "HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred"];

/// What annotations say about all listeners.
struct ListenerAnnotations {
    certificates: Vec<String>,
    tls: TlsSecrets,
    tls_ports: BTreeSet<String>,
    quic_ports: BTreeSet<String>,
    tls_to_targets: bool,
    ssl_policy: String,
    /// Numbers of the ports where TCP and UDP become one listener.
    merged: BTreeSet<i32>,
}

/// What speaks at a port, and what the targets speak.
struct Protocols {
    listener: Protocol,
    target_group: Protocol,
}

/// The listeners, warnings about what has no effect on them, and the Secrets with their certificates.
pub(super) fn read<'a>(
    context: &ServiceContext<'a>,
    target_groups: &mut TargetGroupReader<'_, 'a>,
) -> Result<(Vec<NlbListenerSettings>, Findings, TlsSecrets), BuildError> {
    let mut findings = Findings::default();
    let merges = merges_tcp_udp(context);
    let merged = if merges { find_merged(context, &mut findings)? } else { BTreeSet::new() };
    let annotations = read_annotations(context, merged)?;
    let (mut seen, mut questions) = (BTreeSet::new(), MissingLookups::default());
    let mut listeners = Vec::new();
    for port in ports::ports(context.service) {
        let is_first = seen.insert(port.port);
        if merges && !is_first {
            continue;
        }
        let listener = read_one(context, &annotations, port, target_groups, &mut findings);
        let Some(listener) = questions.collect(listener)? else { continue };
        if is_first {
            listeners.push(listener);
        } else {
            findings.push(warn_dropped(context, port));
        }
    }
    questions.ask()?;
    findings.extend(find_unused_keys(context, &listeners, target_groups));
    Ok((listeners, findings, annotations.tls))
}

fn read_one<'a>(
    context: &ServiceContext<'a>,
    annotations: &ListenerAnnotations,
    port: &'a ServicePort,
    target_groups: &mut TargetGroupReader<'_, 'a>,
    findings: &mut Findings,
) -> Result<NlbListenerSettings, BuildError> {
    let protocols = decide_protocols(context, annotations, port)?;
    let forward = read_forward(context, &protocols, port, target_groups)?;
    let is_tls = protocols.listener == Protocol::Tls;
    Ok(NlbListenerSettings {
        id: port.port.to_string().into(),
        port: port.port,
        forward,
        alpn_policy: if is_tls { context.choice(keys::ALPN_POLICY, &ALPN_POLICIES)? } else { None },
        certificates: if is_tls { annotations.certificates.clone() } else { Vec::new() },
        ssl_policy: is_tls.then(|| annotations.ssl_policy.clone()),
        attributes: read_attributes(context, &protocols.listener, port, findings)?,
        protocol: protocols.listener,
    })
}

fn read_annotations(
    context: &ServiceContext<'_>,
    merged: BTreeSet<i32>,
) -> Result<ListenerAnnotations, BuildError> {
    let tls_ports = context.list(keys::SSL_PORTS).unwrap_or_default();
    let known = ports::ports(context.service);
    let is_known: BTreeSet<String> =
        known.iter().flat_map(|port| [ports::name(port).to_owned(), port.port.to_string()]).collect();
    if let Some(unknown) = tls_ports.iter().find(|listed| !is_known.contains(*listed)) {
        let names = known.iter().map(ports::name).filter(|name| !name.is_empty());
        let message = format!("{unknown:?} is neither the name nor the number of a port of the Service");
        return Err(context.error(keys::SSL_PORTS, message).suggest(unknown, names).into());
    }
    let tls = read_secrets(context).map_err(|error| error.within(Part::Certificates))?;
    let mut certificates = context.list(keys::SSL_CERT).unwrap_or_default();
    for arn in &tls.arns {
        if !certificates.contains(arn) {
            certificates.push(arn.clone());
        }
    }
    let policy = context.string(keys::SSL_POLICY).unwrap_or(&context.config.default_ssl_policy);
    Ok(ListenerAnnotations {
        certificates,
        tls,
        tls_ports: tls_ports.into_iter().collect(),
        quic_ports: context.list(keys::QUIC_PORTS).unwrap_or_default().into_iter().collect(),
        tls_to_targets: context.string(keys::BACKEND_PROTOCOL) == Some("ssl"),
        ssl_policy: policy.to_owned(),
        merged,
    })
}

/// The certificates of the Secrets that the annotation names.
///
/// With certificates by ARN the listeners have something to serve with, so that Secrets that cannot be used stop nothing.
fn read_secrets(context: &ServiceContext<'_>) -> Result<TlsSecrets, BuildError> {
    let named = context.list(keys::SSL_SECRET).filter(|_| context.config.features.secret_certificates);
    let origin = context.origin(keys::SSL_SECRET);
    let namespace = context.object.namespace.as_str();
    let secrets: BTreeSet<ObjectKey> =
        named.iter().flatten().map(|name| ObjectKey::namespaced(namespace, name.as_str())).collect();
    let in_order = named.iter().flatten().map(|name| ObjectKey::namespaced(namespace, name.as_str()));
    let read = tls_secrets::read(in_order.map(|secret| (secret, origin.clone())), context.facts);
    let has_others = context.list(keys::SSL_CERT).is_some_and(|arns| !arns.is_empty());
    match read {
        Err(BuildError::Invalid(finding)) if has_others => {
            Ok(TlsSecrets { arns: Vec::new(), unusable: vec![*finding], secrets })
        }
        read => read,
    }
}

/// Whether a list names the port, by name or number.
fn is_listed(port: &ServicePort, list: &BTreeSet<String>) -> bool {
    list.contains(ports::name(port)) || list.contains(&port.port.to_string())
}

/// A value that is no boolean counts as absent, as it does upstream.
fn merges_tcp_udp(context: &ServiceContext<'_>) -> bool {
    let given = context.annotations.boolean(keys::TCP_UDP_LISTENER).ok().flatten();
    given.unwrap_or(context.config.features.enable_tcp_udp_listener)
}

/// Numbers that stand in the spec twice, once for TCP and once for UDP. Other repetitions are mistakes.
fn find_merged(context: &ServiceContext<'_>, findings: &mut Findings) -> Result<BTreeSet<i32>, BuildError> {
    let mut by_number: BTreeMap<i32, Vec<&ServicePort>> = BTreeMap::new();
    for port in ports::ports(context.service) {
        by_number.entry(port.port).or_default().push(port);
    }
    let mut merged = BTreeSet::new();
    for (number, group) in by_number.into_iter().filter(|(_, group)| group.len() > 1) {
        let protocols: Vec<&str> = group.iter().map(|port| ports::protocol(port)).collect();
        if !matches!(protocols[..], ["TCP", "UDP"] | ["UDP", "TCP"]) {
            let message =
                format!("port {number} has the protocols {}, expected TCP and UDP", enumerate(protocols));
            return Err(context.error(keys::TCP_UDP_LISTENER, message).into());
        }
        findings.extend(warn_different_targets(context, number, &group));
        merged.insert(number);
    }
    Ok(merged)
}

fn warn_different_targets(
    context: &ServiceContext<'_>,
    number: i32,
    group: &[&ServicePort],
) -> Option<Finding> {
    let target = |port: &&ServicePort| (ports::target_port(port), ports::node_port(port));
    let [first, second] = group else { return None };
    let by_ip = target_groups::decide_type(context, context.service, first) == Ok(TargetType::Ip);
    let same = target(first).0 == target(second).0 && (by_ip || target(first).1 == target(second).1);
    (!same).then(|| {
        let message = format!(
            "TCP and UDP of port {number} have different targets; those of {} count",
            ports::protocol(first)
        );
        context.warning(keys::TCP_UDP_LISTENER, message)
    })
}

fn decide_protocols(
    context: &ServiceContext<'_>,
    annotations: &ListenerAnnotations,
    port: &ServicePort,
) -> Result<Protocols, BuildError> {
    let plain = if annotations.merged.contains(&port.port) {
        Protocol::TcpUdp
    } else {
        Protocol::from(ports::protocol(port))
    };
    check_not_in_the_clear(context, annotations, port)?;
    let mut protocols = Protocols { listener: plain.clone(), target_group: plain.clone() };
    if !matches!(plain, Protocol::Udp | Protocol::TcpUdp) && wants_tls(annotations, port) {
        protocols.listener = Protocol::Tls;
        if annotations.tls_to_targets {
            protocols.target_group = Protocol::Tls;
        }
    }
    if !is_listed(port, &annotations.quic_ports) {
        return Ok(protocols);
    }
    let quic = match protocols.listener {
        Protocol::Udp => Protocol::Quic,
        Protocol::TcpUdp => Protocol::TcpQuic,
        other => {
            let message = format!("port {} speaks {other}, expected UDP", port.port);
            return Err(context.error(keys::QUIC_PORTS, message).into());
        }
    };
    Ok(Protocols { listener: quic.clone(), target_group: quic })
}

/// why: upstream passes over the certificate, and the port that shall speak TLS serves in the clear
fn check_not_in_the_clear(
    context: &ServiceContext<'_>,
    annotations: &ListenerAnnotations,
    port: &ServicePort,
) -> Result<(), BuildError> {
    if !annotations.merged.contains(&port.port) || !wants_tls(annotations, port) {
        return Ok(());
    }
    let message = format!(
        "port {} is TCP and UDP in one listener, which has no certificate, so that it would serve in the clear",
        port.port
    );
    let key = context.annotations.key(keys::TCP_UDP_LISTENER);
    let ports = context.annotations.key(keys::SSL_PORTS);
    let hint = format!("take UDP off the port, set {key} to \"false\", or name other ports in {ports}");
    let is_by_arn = context.string(keys::SSL_CERT).is_some();
    let suffix = if is_by_arn { keys::SSL_CERT } else { keys::SSL_SECRET };
    Err(context.error(suffix, message).hint(hint).into())
}

fn wants_tls(annotations: &ListenerAnnotations, port: &ServicePort) -> bool {
    !annotations.certificates.is_empty()
        && (annotations.tls_ports.is_empty() || is_listed(port, &annotations.tls_ports))
}

fn read_forward<'a>(
    context: &ServiceContext<'a>,
    protocols: &Protocols,
    port: &'a ServicePort,
    target_groups: &mut TargetGroupReader<'_, 'a>,
) -> Result<ForwardAction, BuildError> {
    let suffix = format!("{}.{}-{}", keys::ACTIONS, protocols.listener, port.port);
    let Some(action) = actions::parse(context, &suffix)? else {
        let target_group = target_groups.read(context.service, port, &protocols.target_group)?;
        return Ok(ForwardAction {
            target_groups: vec![TargetGroupTuple { target_group, weight: None }],
            stickiness: None,
            plain: !context.config.features.weighted_target_groups,
        });
    };
    let listener = actions::ActionListener {
        context,
        suffix: &suffix,
        port,
        protocol: &protocols.listener,
        target_group: &protocols.target_group,
    };
    actions::read_forward(&listener, &action, target_groups)
}

/// Attributes of a TLS listener are checked, but do not reach AWS: it has none, and upstream never sends any.
fn read_attributes(
    context: &ServiceContext<'_>,
    protocol: &Protocol,
    port: &ServicePort,
    findings: &mut Findings,
) -> Result<Attributes, BuildError> {
    let suffix = format!("{}.{protocol}-{}", keys::LISTENER_ATTRIBUTES, port.port);
    let attributes = context.map(&suffix)?.unwrap_or_default();
    if *protocol == Protocol::Tls && !attributes.is_empty() {
        findings.push(context.warning(&suffix, "TLS listeners have no attributes"));
        return Ok(Attributes::new());
    }
    Ok(attributes)
}

fn warn_dropped(context: &ServiceContext<'_>, port: &ServicePort) -> Finding {
    let key = context.annotations.key(keys::TCP_UDP_LISTENER);
    let message = format!(
        "port {} stands in the spec more than once; its {} entry gets no listener",
        port.port,
        ports::protocol(port)
    );
    Finding::warning(&context.object, message).at("spec.ports").hint(format!("set {key}: \"true\""))
}

/// Keys made for one listener or target group that no listener or target group of the Service has.
fn find_unused_keys(
    context: &ServiceContext<'_>,
    listeners: &[NlbListenerSettings],
    target_groups: &TargetGroupReader<'_, '_>,
) -> Vec<Finding> {
    let listeners: BTreeMap<i32, String> =
        listeners.iter().map(|it| (it.port, format!("{}-{}", it.protocol, it.port))).collect();
    let listeners: Vec<&str> = listeners.values().map(String::as_str).collect();
    let target_ports: Vec<String> = target_groups.service_ports().map(|port| port.to_string()).collect();
    let target_ports: Vec<&str> = target_ports.iter().map(String::as_str).collect();
    let families = [
        (keys::ACTIONS, &listeners),
        (keys::LISTENER_ATTRIBUTES, &listeners),
        (keys::TARGET_GROUP_ATTRIBUTES, &target_ports),
    ];
    let families = families.map(|(family, known)| {
        let is_known: BTreeSet<&str> = known.iter().copied().collect();
        (format!("{}.", context.annotations.key(family)), known, is_known, enumerate(known))
    });
    let mut unused = Vec::new();
    for key in context.service.metadata.annotations.iter().flatten().map(|(key, _)| key) {
        for (prefix, known, is_known, shown) in &families {
            let rest = key.strip_prefix(prefix.as_str()).filter(|rest| !is_known.contains(rest));
            let Some(rest) = rest else { continue };
            let message = format!("has no effect: there is no {rest:?}, but {shown}");
            let finding = Finding::warning(&context.object, message).at(key);
            unused.push(finding.suggest(rest, compared(unused.len(), known.iter().copied())));
        }
    }
    unused
}
