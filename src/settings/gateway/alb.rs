//! The ALB of a Gateway.

use super::listeners::PortContext;
use super::rule::RuleReader;
use super::target_group::RouteTargetGroupReader;
use super::{AddOns, GatewayContext, GatewayReport, protection};
use crate::aws_api::elbv2::Protocol;
use crate::aws_api::{Ref, Tags};
use crate::facts::{BuildError, MissingLookups};
use crate::finding::Part;
use crate::gateway::attachment::PortRoutes;
use crate::gateway::rules::{Loaded, RuleOrigin, expand};
use crate::model::Resources;
use crate::settings::AlbSettings;
use crate::settings::alb::{AlbListenerSettings, ClientSources, Contribution, RuleSettings};
use std::collections::{BTreeMap, BTreeSet};

/// The Gateway is the only one who brings anything.
const GATEWAY: usize = 0;

/// The settings of an ALB, and what was found on the way, beside what the report says already.
pub(super) fn read<'a>(
    context: &GatewayContext<'a>,
    add_ons: AddOns,
    mut report: GatewayReport,
) -> Result<(AlbSettings<'a>, GatewayReport), BuildError> {
    let (load_balancer, _) = context.load_balancer(add_ons)?;
    let mut target_groups = RouteTargetGroupReader::new(context, &load_balancer.ip_address_type);
    let (mut listeners, mut rules) = (BTreeMap::new(), BTreeMap::new());
    let mut missing_lookups = MissingLookups::default();
    for (port, routes) in context.view.ports {
        let mut reader = AlbPortReader { context, target_groups: &mut target_groups, report: &mut report };
        let read = reader.read(*port, routes, &load_balancer.tags);
        let Some(read) = missing_lookups.collect(read)? else { continue };
        if let Some((listener, of_listener)) = read {
            listeners.insert(*port, listener);
            rules.insert(*port, of_listener);
        }
    }
    missing_lookups.ask()?;
    let target_groups = target_groups.finish();
    report.retained_target_groups = target_groups.retained;
    report.sources.target_groups = target_groups.routes;
    let contribution =
        Contribution { rules, target_groups: target_groups.settings, ..Contribution::default() };
    let settings = AlbSettings {
        certificates: Resources::new(),
        retained_certificates: BTreeSet::new(),
        load_balancer,
        tags_complete: true,
        listeners,
        ssl_redirect: None,
        drops_needless_rules: false,
        contributions: BTreeMap::from([(GATEWAY, contribution)]),
        protection: protection::read(context, add_ons),
        frontend_nlb: None,
        listener_settings: Vec::new(),
    };
    Ok((settings, report))
}

/// Reads the ports of an ALB, one after the other.
struct AlbPortReader<'r, 'c, 'a> {
    context: &'c GatewayContext<'a>,
    target_groups: &'r mut RouteTargetGroupReader<'c, 'a>,
    report: &'r mut GatewayReport,
}

impl<'a> AlbPortReader<'_, '_, 'a> {
    /// The listener and the rules of a port. `None`: there is none, or it keeps what AWS has of it.
    fn read(
        &mut self,
        port: i32,
        routes: &'a PortRoutes,
        tags: &Tags,
    ) -> Result<Option<(AlbListenerSettings, Vec<RuleSettings>)>, BuildError> {
        if self.context.view.undecided_ports.contains(&port) {
            self.report.retained_ports.insert(port);
            return Ok(None);
        }
        // why unless strict: upstream has no listener where no route is attached
        if routes.routes.is_empty() && !self.context.view.options.strict {
            return Ok(None);
        }
        let read = PortContext::new(self.context, port, routes).and_then(|at| Ok((listener(&at, tags)?, at)));
        let (listener, at) = match read {
            Ok(read) => read,
            Err(BuildError::Invalid(finding)) => {
                self.report.listeners.insert(port, finding.within(Part::Listener));
                self.report.retained_ports.insert(port);
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        let rules = self.rules(&at)?;
        Ok(Some((listener, rules)))
    }

    fn rules(&mut self, at: &PortContext<'_, 'a>) -> Result<Vec<RuleSettings>, BuildError> {
        let view = &self.context.view;
        let loaded: Vec<Loaded<'_>> =
            view.routes.iter().zip(view.loaded).map(|(route, rules)| Loaded { route, rules }).collect();
        let expanded = expand(at.routes, view.offer, &loaded, view.options);
        for (route, problem) in expanded.problems {
            self.report.note(route, problem);
        }
        let mut reader = RuleReader {
            context: self.context,
            target_groups: self.target_groups,
            report: self.report,
            port: at.port,
            listener: &at.protocol,
            live_forwards: None,
        };
        let mut missing_lookups = MissingLookups::default();
        let mut rules = Vec::with_capacity(expanded.rules.len());
        let mut routes = Vec::with_capacity(expanded.rules.len());
        for rule in &expanded.rules {
            let read = reader.read(rule).map_err(|error| error.within(Part::Rules));
            let Some(read) = missing_lookups.collect(read)?.flatten() else { continue };
            rules.push(RuleSettings { position: None, rule: read });
            routes.push(match rule.origin {
                RuleOrigin::Route { route, .. } => Some(route),
                RuleOrigin::End(_) => None,
            });
        }
        self.report.sources.rules.insert(at.port, routes);
        missing_lookups.ask()?;
        Ok(rules)
    }
}

fn listener(at: &PortContext<'_, '_>, tags: &Tags) -> Result<AlbListenerSettings, BuildError> {
    let is_https = at.protocol == Protocol::Https;
    Ok(AlbListenerSettings {
        protocol: at.protocol.clone(),
        sources: ClientSources::default(),
        restricted: false,
        retained_ingress: Vec::new(),
        certificates: if is_https {
            at.certificates()?.into_iter().map(Ref::from).collect()
        } else {
            Vec::new()
        },
        ssl_policy: is_https.then(|| at.ssl_policy()),
        policy_chosen: false,
        mutual_tls: if is_https { at.mutual_tls()? } else { None },
        contributors: vec![GATEWAY],
        attributes: at.attributes(),
        tags: tags.clone(),
        tags_complete: true,
    })
}
