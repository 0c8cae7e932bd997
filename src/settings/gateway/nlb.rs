//! The NLB of a Gateway.

use super::listeners::PortContext;
use super::target_group::{RouteTargetGroupReader, add_share};
use super::{AddOns, GatewayContext, GatewayReport};
use crate::aws_api::elbv2::{ForwardAction, Protocol, TargetGroupStickiness, TargetGroupTuple};
use crate::facts::{BuildError, MissingLookups};
use crate::finding::Part;
use crate::gateway::attachment::PortRoutes;
use crate::gateway::backends::shares_problem;
use crate::gateway::l4;
use crate::gateway::route::{Route, RouteProblem};
use crate::settings::{NlbListenerSettings, NlbSettings};

/// The settings of an NLB, and what was found on the way, beside what the report says already.
pub(super) fn read<'a>(
    context: &GatewayContext<'a>,
    add_ons: AddOns,
    mut report: GatewayReport,
) -> Result<(NlbSettings<'a>, GatewayReport), BuildError> {
    let (load_balancer, subnets) = context.load_balancer(add_ons)?;
    let mut target_groups = RouteTargetGroupReader::new(context, &load_balancer.ip_address_type);
    let mut listeners = Vec::new();
    let mut missing_lookups = MissingLookups::default();
    for (port, routes) in context.view.ports {
        let mut reader = NlbPortReader { context, target_groups: &mut target_groups, report: &mut report };
        let read = reader.read(*port, routes).map_err(|error| error.within(Part::Listeners));
        listeners.extend(missing_lookups.collect(read)?.flatten());
    }
    missing_lookups.ask()?;
    let target_groups = target_groups.finish();
    report.retained_target_groups = target_groups.retained;
    report.sources.target_groups = target_groups.routes;
    let settings = NlbSettings {
        load_balancer,
        subnets,
        manages_target_rules: true,
        target_groups: target_groups.settings,
        listeners,
    };
    Ok((settings, report))
}

/// Reads the ports of an NLB, one after the other.
struct NlbPortReader<'r, 'c, 'a> {
    context: &'c GatewayContext<'a>,
    target_groups: &'r mut RouteTargetGroupReader<'c, 'a>,
    report: &'r mut GatewayReport,
}

impl<'a> NlbPortReader<'_, '_, 'a> {
    /// The listener of a port. `None`: nothing is served there, or it keeps what AWS has of it.
    fn read(&mut self, port: i32, routes: &'a PortRoutes) -> Result<Option<NlbListenerSettings>, BuildError> {
        if self.context.view.undecided_ports.contains(&port) {
            self.report.retained_ports.insert(port);
            return Ok(None);
        }
        match self.listener(port, routes) {
            Err(BuildError::Invalid(finding)) => {
                self.report.listeners.insert(port, finding.within(Part::Listeners));
                self.report.retained_ports.insert(port);
                Ok(None)
            }
            read => read,
        }
    }

    fn listener(
        &mut self,
        port: i32,
        routes: &'a PortRoutes,
    ) -> Result<Option<NlbListenerSettings>, BuildError> {
        let at = PortContext::new(self.context, port, routes)?;
        let protocol = quic(&at)?;
        let Some(forward) = self.forward(&at, &protocol)? else { return Ok(None) };
        let is_tls = protocol == Protocol::Tls;
        let alpn = at.configuration.and_then(|configuration| configuration.alpn_policy);
        Ok(Some(NlbListenerSettings {
            id: port.to_string().into(),
            port,
            forward,
            certificates: if is_tls { at.certificates()? } else { Vec::new() },
            ssl_policy: is_tls.then(|| at.ssl_policy()),
            alpn_policy: is_tls.then(|| alpn.map_or("None", <&str>::from)),
            attributes: at.attributes(),
            protocol,
        }))
    }

    /// To the backends of the route that the port serves. `None`: none of them gets anything, or the port waits.
    fn forward(
        &mut self,
        at: &PortContext<'_, 'a>,
        protocol: &Protocol,
    ) -> Result<Option<ForwardAction>, BuildError> {
        let view = &self.context.view;
        let Some(number) = l4::winner(at.routes, view.routes) else { return Ok(None) };
        let (Some(route), Some(loaded)) = (view.routes.get(number), view.loaded.get(number)) else {
            return Ok(None);
        };
        if loaded.iter().any(|rule| !rule.waits_for.is_empty()) {
            self.report.retained_ports.insert(at.port);
            return Ok(None);
        }
        let backends = l4::backends(loaded);
        let excess = shares_problem(backends.iter().map(|backend| backend.share()));
        if let Some(excess) = &excess {
            self.report.note(number, RouteProblem::unsupported(excess.as_str()));
        }
        if (excess.is_some() || loaded.iter().any(|rule| rule.kept_shares.is_some()))
            && self.is_live(at.port)?
        {
            self.report.retained_ports.insert(at.port);
            return Ok(None);
        }
        let backends = if excess.is_some() { Vec::new() } else { backends };
        let is_quic = matches!(protocol, Protocol::Quic | Protocol::TcpQuic);
        let mut tuples = Vec::new();
        for backend in &backends {
            let (target_group, problem) = self.target_groups.read(route, backend, protocol)?;
            if let Some(problem) = problem {
                self.report.note(number, problem);
            }
            if let Some(target_group) = target_group {
                add_share(&mut tuples, target_group, (!is_quic).then_some(backend.weight));
            }
        }
        if backends.iter().all(|backend| backend.weight == 0) || tuples.is_empty() {
            return Ok(self.closing(at, route, protocol));
        }
        let sticky = at.configuration.and_then(|configuration| configuration.target_group_stickiness);
        let stickiness =
            sticky.map(|enabled| TargetGroupStickiness { enabled: Some(enabled), duration_seconds: None });
        let plain = !self.context.config.features.weighted_target_groups && tuples.len() == 1;
        Ok(Some(ForwardAction { target_groups: tuples, stickiness, plain }))
    }

    /// Whether AWS has a listener on a port.
    fn is_live(&self, port: i32) -> Result<bool, BuildError> {
        let live = self.context.facts.live_stack(&self.context.stack)??;
        Ok(live.listeners.iter().any(|live| live.listener.port == port))
    }

    /// To nowhere, so that connections are accepted and closed, as Gateway API wants it.
    ///
    /// why only in strict mode: upstream has no listener then
    fn closing(
        &mut self,
        at: &PortContext<'_, 'a>,
        route: &'a Route<'a>,
        protocol: &Protocol,
    ) -> Option<ForwardAction> {
        let features = &self.context.config.features;
        let is_quic = matches!(protocol, Protocol::Quic | Protocol::TcpQuic);
        if !features.gateway_api_strict || is_quic {
            return None;
        }
        let target_group = self.target_groups.missing(route, at.port, protocol);
        let target_groups = vec![TargetGroupTuple { target_group, weight: Some(1) }];
        Some(ForwardAction { target_groups, stickiness: None, plain: !features.weighted_target_groups })
    }
}

/// The protocol of the listener, with QUIC where the configuration asks for it.
fn quic(at: &PortContext<'_, '_>) -> Result<Protocol, BuildError> {
    let is_wanted = at.configuration.and_then(|configuration| configuration.quic_enabled) == Some(true);
    match &at.protocol {
        plain if !is_wanted => Ok(plain.clone()),
        Protocol::Udp => Ok(Protocol::Quic),
        Protocol::TcpUdp => Ok(Protocol::TcpQuic),
        other => Err(at.origin("quicEnabled").error(quic_refusal(other.as_str())).into()),
    }
}

/// Why a listener of a protocol has no QUIC. The text is upstream's.
pub fn quic_refusal(protocol: &str) -> String {
    format!("QUIC protocol upgrade not supported for protocol {protocol}")
}
