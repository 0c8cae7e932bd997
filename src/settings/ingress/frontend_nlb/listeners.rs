//! Listeners and target groups of the frontend NLB, one pair a port.

use crate::annotations::parse;
use crate::aws_api::elbv2::{ForwardAction, Protocol, TargetGroupTuple, TargetType};
use crate::aws_api::{Attributes, SymbolKind, Tags};
use crate::facts::BuildError;
use crate::model::{LOAD_BALANCER_ID, ResourceId};
use crate::settings::health_check::TRAFFIC_PORT;
use crate::settings::ingress::context::{GroupContext, MemberView};
use crate::settings::ingress::listeners::Listeners;
use crate::settings::ingress::merge::contradicts;
use crate::settings::{
    Backend, Diagnostics, HealthCheckDefaults, HealthCheckSettings, LoadBalancerBackend, LoadBalancerNaming,
    NlbListenerSettings, Origin, SuccessCodes, TargetGroupSettings,
};
use std::collections::BTreeMap;

const MAPPING: &str = "frontend-nlb-listener-port-mapping";

/// A value that a member gave, and the member.
type FrontendValue<T> = Option<(T, String)>;

/// What members say about the health check of one port.
#[derive(Clone, Debug, Default)]
struct MemberHealthCheck {
    port: FrontendValue<String>,
    protocol: FrontendValue<Protocol>,
    path: FrontendValue<String>,
    codes: FrontendValue<String>,
    interval: FrontendValue<i32>,
    timeout: FrontendValue<i32>,
    healthy: FrontendValue<i32>,
    unhealthy: FrontendValue<i32>,
}

/// Target groups and listeners of the NLB, one pair for each port.
pub(super) fn read<'a>(
    group: &GroupContext<'a>,
    diagnostics: &mut Diagnostics,
    listeners: &Listeners,
    tags: &Tags,
) -> Result<(Vec<TargetGroupSettings<'a>>, Vec<NlbListenerSettings>), BuildError> {
    let mut merged: BTreeMap<i32, (FrontendValue<i32>, MemberHealthCheck)> = BTreeMap::new();
    for member in group.members_with_settings() {
        let requested = requested_ports(member, listeners);
        let Some((mapping, check)) = diagnostics.catch_setting(member.index, requested)? else { continue };
        for (nlb_port, alb_port) in mapping {
            let (target, all) = merged.entry(nlb_port).or_default();
            let mut merge = HealthCheckMerge { diagnostics: &mut *diagnostics, member };
            let wanted = Some((alb_port, member.key.to_string()));
            merge.one(target, wanted, MAPPING)?;
            merge.check(all, check.clone())?;
        }
    }
    let ports = merged.into_iter().filter_map(|(port, (target, check))| Some((port, target?.0, check)));
    Ok(ports.map(|(port, alb_port, check)| read_port(group, (port, alb_port), check, tags)).unzip())
}

/// NLB port to ALB port, and the health check.
fn requested_ports(
    member: &MemberView<'_>,
    ports: &Listeners,
) -> Result<(BTreeMap<i32, i32>, MemberHealthCheck), BuildError> {
    let own = |port: &i32| ports.get(port).is_some_and(|port| port.has(member.index));
    let mapping = member.annotations.map(MAPPING).map_err(|error| member.blame(error))?.unwrap_or_default();
    if mapping.is_empty() {
        let identity = ports.keys().filter(|port| own(port)).map(|port| (*port, *port)).collect();
        return Ok((identity, parse_check(member)?));
    }
    let origin = member.origin(MAPPING);
    let number = |text: &str| -> Result<i32, BuildError> {
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
        return Ok((chosen, MemberHealthCheck::default()));
    }
    Ok((chosen, parse_check(member)?))
}

fn parse_check(member: &MemberView<'_>) -> Result<MemberHealthCheck, BuildError> {
    let annotations = &member.annotations;
    let by = |suffix: &str| format!("frontend-nlb-{suffix}");
    let who = || member.key.to_string();
    let text = |suffix: &str| annotations.string(&by(suffix)).map(|text| (text.to_owned(), who()));
    let number = |suffix: &str| -> Result<FrontendValue<i32>, BuildError> {
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
    Ok(MemberHealthCheck {
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
struct HealthCheckMerge<'m, 'a> {
    diagnostics: &'m mut Diagnostics,
    member: &'m MemberView<'a>,
}

impl HealthCheckMerge<'_, '_> {
    fn check(&mut self, all: &mut MemberHealthCheck, more: MemberHealthCheck) -> Result<(), BuildError> {
        let MemberHealthCheck { port, protocol, path, codes, interval, timeout, healthy, unhealthy } = more;
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
        said: &mut FrontendValue<T>,
        more: FrontendValue<T>,
        suffix: &str,
    ) -> Result<(), BuildError> {
        let Some((value, who)) = more else { return Ok(()) };
        match said {
            None => *said = Some((value, who)),
            Some((first, winner)) if *first != value => {
                let origin: Origin = self.member.origin(suffix);
                let finding = contradicts(&origin, &value.to_string(), &first.to_string(), winner);
                self.diagnostics.report(self.member.index, finding)?;
            }
            Some(_) => {}
        }
        Ok(())
    }
}

fn read_port<'a>(
    group: &GroupContext<'a>,
    (port, alb_port): (i32, i32),
    check: MemberHealthCheck,
    tags: &Tags,
) -> (TargetGroupSettings<'a>, NlbListenerSettings) {
    let id = ResourceId::from(format!("FrontendNlb-tg-TCP-{port}"));
    let target_group = id.pending(SymbolKind::TargetGroupArn);
    let backend = LoadBalancerBackend {
        load_balancer: ResourceId::from(LOAD_BALANCER_ID).pending(SymbolKind::LoadBalancerArn),
        naming: LoadBalancerNaming::Ingress(group.stack),
        port,
        listener_port: alb_port,
    };
    let target_groups = TargetGroupSettings {
        id,
        backend: Backend::LoadBalancer(backend),
        target_type: TargetType::Alb,
        protocol: Protocol::Tcp,
        protocol_version: None,
        health_check: check.into_settings().or(defaults()),
        target_control_port: None,
        named_control_port: None,
        attributes: Attributes::new(),
        tags: tags.clone(),
    };
    let listener = NlbListenerSettings {
        id: ResourceId::from(format!("FrontendNlb-ls-TCP-{port}")),
        port,
        protocol: Protocol::Tcp,
        forward: ForwardAction {
            target_groups: vec![TargetGroupTuple { target_group, weight: None }],
            stickiness: None,
            plain: !group.config.features.weighted_target_groups,
        },
        certificates: Vec::new(),
        ssl_policy: None,
        alpn_policy: None,
        attributes: Attributes::new(),
    };
    (target_groups, listener)
}

fn defaults() -> HealthCheckDefaults {
    HealthCheckDefaults {
        port: TRAFFIC_PORT.to_owned(),
        protocol: Protocol::Http,
        path: "/",
        success_codes: SuccessCodes::Http("200"),
        interval_seconds: 15,
        timeout_seconds: 5,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
    }
}

impl MemberHealthCheck {
    fn into_settings(self) -> HealthCheckSettings {
        let Self { port, protocol, path, codes, interval, timeout, healthy, unhealthy } = self;
        HealthCheckSettings {
            port: value(port),
            protocol: value(protocol),
            path: value(path),
            success_codes: value(codes),
            interval_seconds: value(interval),
            timeout_seconds: value(timeout),
            healthy_threshold: value(healthy),
            unhealthy_threshold: value(unhealthy),
        }
    }
}

fn value<T>(given: FrontendValue<T>) -> Option<T> {
    given.map(|(value, _)| value)
}
