//! Listeners and target groups of the frontend NLB, one pair a port.

use crate::annotations::parse;
use crate::build::Origin;
use crate::build::ingress::listener::Port;
use crate::build::ingress::scope::{FRONTEND_NLB_ID, LOAD_BALANCER_ID, Ledger, MemberView, Scope};
use crate::build::ingress::settle::contradicts;
use crate::build::names::{FrontendNlbTargetGroup, frontend_nlb_target_group};
use crate::cloud::elbv2::{
    ForwardAction, HealthCheck, IpAddressType, ListenerAction, Matcher, Protocol, TargetGroupTuple,
    TargetType,
};
use crate::cloud::{Attributes, SymbolKind, Tags};
use crate::inputs::Halt;
use crate::model::{AlbTarget, Listener, ResourceId, Stack, TargetGroup};
use std::collections::BTreeMap;

const MAPPING: &str = "frontend-nlb-listener-port-mapping";
const TRAFFIC_PORT: &str = "traffic-port";

/// A value that a member gave, and the member.
type Given<T> = Option<(T, String)>;

/// What members say about the health check of one port.
#[derive(Clone, Debug, Default)]
struct Check {
    port: Given<String>,
    protocol: Given<Protocol>,
    path: Given<String>,
    codes: Given<String>,
    interval: Given<i32>,
    timeout: Given<i32>,
    healthy: Given<i32>,
    unhealthy: Given<i32>,
}

/// Builds all ports of the NLB.
pub(super) fn build(
    scope: &Scope<'_>,
    ledger: &mut Ledger,
    ports: &BTreeMap<i32, Port>,
    tags: &Tags,
    stack: &mut Stack,
) -> Result<(), Halt> {
    let mut merged: BTreeMap<i32, (Given<i32>, Check)> = BTreeMap::new();
    for member in scope.settlers() {
        let wishes = wishes(member, ports);
        let Some((mapping, check)) = ledger.attempt_setting(member, wishes)? else { continue };
        for (nlb_port, alb_port) in mapping {
            let (target, all) = merged.entry(nlb_port).or_default();
            let mut merge = Merge { ledger: &mut *ledger, member };
            let wanted = Some((alb_port, member.key.to_string()));
            merge.one(target, wanted, MAPPING)?;
            merge.check(all, check.clone())?;
        }
    }
    for (port, (target, check)) in merged {
        let Some((alb_port, _)) = target else { continue };
        add_port(scope, port, alb_port, check, tags, stack);
    }
    Ok(())
}

/// NLB port to ALB port, and the health check.
fn wishes(member: &MemberView<'_>, ports: &BTreeMap<i32, Port>) -> Result<(BTreeMap<i32, i32>, Check), Halt> {
    let own = |port: &i32| ports.get(port).is_some_and(|port| port.has(member.index));
    let mapping = member.annotations.map(MAPPING).map_err(|error| member.blame(error))?.unwrap_or_default();
    if mapping.is_empty() {
        let identity = ports.keys().filter(|port| own(port)).map(|port| (*port, *port)).collect();
        return Ok((identity, parse_check(member)?));
    }
    let origin = member.origin(MAPPING);
    let number = |text: &str| -> Result<i32, Halt> {
        let problem = || origin.error(format!("{text:?} is not a port, expected NLB port=ALB port"));
        parse::int32(text).ok_or_else(|| problem().into())
    };
    let mut chosen = BTreeMap::new();
    for (nlb_port, alb_port) in &mapping {
        let (nlb_port, alb_port) = (number(nlb_port)?, number(alb_port)?);
        if own(&alb_port) {
            chosen.insert(nlb_port, alb_port);
        }
    }
    if chosen.is_empty() {
        return Ok((chosen, Check::default()));
    }
    Ok((chosen, parse_check(member)?))
}

fn parse_check(member: &MemberView<'_>) -> Result<Check, Halt> {
    let annotations = &member.annotations;
    let by = |suffix: &str| format!("frontend-nlb-{suffix}");
    let who = || member.key.to_string();
    let text = |suffix: &str| annotations.string(&by(suffix)).map(|text| (text.to_owned(), who()));
    let number = |suffix: &str| -> Result<Given<i32>, Halt> {
        let number = annotations.int32(&by(suffix)).map_err(|error| member.blame(error))?;
        Ok(number.map(|number| (number, who())))
    };
    let refuse = |suffix: &str, expected: &str| member.blame(annotations.error(&by(suffix), expected));
    let port = text("healthcheck-port");
    if let Some((port, _)) = &port
        && port != TRAFFIC_PORT
        && parse::int32(port).is_none()
    {
        return Err(refuse("healthcheck-port", "traffic-port or a number").into());
    }
    let protocol = match annotations.string(&by("healthcheck-protocol")) {
        None => None,
        Some("HTTP") => Some((Protocol::Http, who())),
        Some("HTTPS") => Some((Protocol::Https, who())),
        Some(_) => return Err(refuse("healthcheck-protocol", "one of HTTP, HTTPS").into()),
    };
    Ok(Check {
        port,
        protocol,
        path: text("healthcheck-path"),
        codes: text("healthcheck-success-codes"),
        interval: number("healthcheck-interval-seconds")?,
        timeout: number("healthcheck-timeout-seconds")?,
        healthy: number("healthcheck-healthy-threshold-count")?,
        unhealthy: number("healthcheck-unhealthy-threshold-count")?,
    })
}

/// Merges what one more member says: what is not said yet is taken over.
struct Merge<'m, 'a> {
    ledger: &'m mut Ledger,
    member: &'m MemberView<'a>,
}

impl Merge<'_, '_> {
    fn check(&mut self, all: &mut Check, more: Check) -> Result<(), Halt> {
        let Check { port, protocol, path, codes, interval, timeout, healthy, unhealthy } = more;
        self.one(&mut all.port, port, "frontend-nlb-healthcheck-port")?;
        self.one(&mut all.protocol, protocol, "frontend-nlb-healthcheck-protocol")?;
        self.one(&mut all.path, path, "frontend-nlb-healthcheck-path")?;
        self.one(&mut all.codes, codes, "frontend-nlb-healthcheck-success-codes")?;
        self.one(&mut all.interval, interval, "frontend-nlb-healthcheck-interval-seconds")?;
        self.one(&mut all.timeout, timeout, "frontend-nlb-healthcheck-timeout-seconds")?;
        self.one(&mut all.healthy, healthy, "frontend-nlb-healthcheck-healthy-threshold-count")?;
        self.one(&mut all.unhealthy, unhealthy, "frontend-nlb-healthcheck-unhealthy-threshold-count")
    }

    fn one<T: PartialEq + ToString>(
        &mut self,
        said: &mut Given<T>,
        more: Given<T>,
        suffix: &str,
    ) -> Result<(), Halt> {
        let Some((value, who)) = more else { return Ok(()) };
        match said {
            None => *said = Some((value, who)),
            Some((first, winner)) if *first != value => {
                let origin: Origin = self.member.origin(suffix);
                let finding = contradicts(&origin, &value.to_string(), &first.to_string(), winner);
                self.ledger.tell(self.member.index, finding)?;
            }
            Some(_) => {}
        }
        Ok(())
    }
}

fn add_port(scope: &Scope<'_>, port: i32, alb_port: i32, check: Check, tags: &Tags, stack: &mut Stack) {
    let target_group_id = ResourceId::from(format!("FrontendNlb-tg-TCP-{port}"));
    let listener_id = ResourceId::from(format!("FrontendNlb-ls-TCP-{port}"));
    let target_group = target_group_id.pending(SymbolKind::TargetGroupArn);
    let forward = ForwardAction {
        target_groups: vec![TargetGroupTuple { target_group, weight: None }],
        stickiness: None,
        plain: !scope.config.features.weighted_target_groups,
    };
    let listener = Listener {
        load_balancer: ResourceId::from(FRONTEND_NLB_ID),
        port,
        protocol: Protocol::Tcp,
        default_actions: vec![ListenerAction::Forward(forward)],
        certificates: Vec::new(),
        ssl_policy: None,
        alpn_policy: Vec::new(),
        mutual_authentication: None,
        attributes: Attributes::new(),
        tags: tags.clone(),
    };
    let target = AlbTarget { load_balancer: ResourceId::from(LOAD_BALANCER_ID), port: alb_port };
    stack.listeners.insert(listener_id, listener);
    stack.alb_targets.insert(target_group_id.clone(), target);
    stack.target_groups.insert(target_group_id, build_target_group(scope, port, check, tags));
}

fn build_target_group(scope: &Scope<'_>, port: i32, check: Check, tags: &Tags) -> TargetGroup {
    let health_check = build_health_check(check);
    let name = frontend_nlb_target_group(
        &scope.config.cluster_name,
        &FrontendNlbTargetGroup {
            group: scope.stack,
            port,
            health_check_port: health_check.port.as_deref().unwrap_or(TRAFFIC_PORT),
            health_check_protocol: health_check.protocol.as_ref().unwrap_or(&Protocol::Http),
        },
    );
    TargetGroup {
        name,
        target_type: TargetType::Alb,
        port: Some(port),
        protocol: Protocol::Tcp,
        protocol_version: None,
        ip_address_type: IpAddressType::Ipv4,
        health_check: Some(health_check),
        target_control_port: None,
        attributes: Attributes::new(),
        tags: tags.clone(),
    }
}

fn build_health_check(check: Check) -> HealthCheck {
    let Check { port, protocol, path, codes, interval, timeout, healthy, unhealthy } = check;
    let codes = or(codes, "200".to_owned());
    HealthCheck {
        port: Some(or(port, TRAFFIC_PORT.to_owned())),
        protocol: Some(or(protocol, Protocol::Http)),
        path: Some(or(path, "/".to_owned())),
        matcher: Some(Matcher { http_code: Some(codes), grpc_code: None }),
        interval_seconds: Some(or(interval, 15)),
        timeout_seconds: Some(or(timeout, 5)),
        healthy_threshold: Some(or(healthy, 2)),
        unhealthy_threshold: Some(or(unhealthy, 2)),
    }
}

fn or<T>(given: Given<T>, default: T) -> T {
    given.map_or(default, |(value, _)| value)
}
