//! Rules of ALB listeners, from the rules of HTTPRoutes and GRPCRoutes.
//!
//! Every match of a rule and every host of its route on the port is one rule of the listener, in the order of [`precedence`].
//! Strictly, the rules of a listener of the Gateway are only for its own host: they come in the order of the listeners' hosts, and
//! after those of one listener nothing else answers for its host.

pub mod action;
pub mod condition;
pub mod precedence;
pub mod transform;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::action::{Authentication, FixedResponse, Place, RuleAction};
use self::condition::Condition;
use self::precedence::{Precedence, Specifics};
use self::transform::Transform;
use super::GatewayOptions;
use super::attachment::{Attached, ListenerIndex, Offer, PortRoute, PortRoutes};
use super::backends::LoadedRule;
use super::hostname::{HostSet, Specificity};
use super::listeners::Judged;
use super::route::{Route, RouteProblem, RouteRules};
use crate::api::gateway::{GrpcRouteMatch, GrpcRouteRule, HttpRouteMatch, HttpRouteRule, Protocol};
use crate::api::gateway_config::ListenerRuleConfiguration;

/// A rule of a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it comes from.
    pub origin: RuleOrigin,
    /// Which requests it is for; at least one condition.
    pub conditions: Vec<Condition>,
    /// How their host or path is changed.
    pub transforms: Vec<Transform>,
    /// Who is admitted.
    pub authentication: Option<Authentication>,
    /// What becomes of them.
    pub action: RuleAction,
    /// Its ListenerRuleConfiguration, which has its tags.
    pub configuration: Option<Arc<ListenerRuleConfiguration>>,
    /// Why it does not do what the route asks.
    pub refusal: Option<RouteProblem>,
}

/// What a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOrigin {
    /// A rule of a route.
    Route {
        /// Which of the routes that were handed in.
        route: usize,
        /// Which of its rules.
        rule: usize,
        /// Which of its matches; `None` if it has none.
        match_: Option<usize>,
    },
    /// The end of a listener's rules.
    End(ListenerIndex),
}

/// A route with everything its rules refer to.
#[derive(Clone, Copy, Debug)]
pub struct Loaded<'a> {
    /// The route.
    pub route: &'a Route<'a>,
    /// Its rules, in its order.
    pub rules: &'a [LoadedRule],
}

/// The rules of a listener, and what could not be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expanded {
    /// In the order of their priorities.
    pub rules: Vec<Rule>,
    /// Which route has a rule that is not served as it asks, and why.
    pub problems: Vec<(usize, RouteProblem)>,
}

/// The rules of a port. `routes` are those that the port's routes are numbers of.
pub fn expand(
    port: &PortRoutes,
    offer: &Offer<'_>,
    routes: &[Loaded<'_>],
    options: GatewayOptions,
) -> Expanded {
    let listeners = RuleListeners::new(port, offer);
    let Some(first) = listeners.by_index.values().next() else { return Expanded::default() };
    let place = Place { port: first.listener.port, is_https: first.listener.protocol == Protocol::Https };
    let mut expansion = Expansion { place, options, entries: Vec::new(), problems: BTreeSet::new() };
    for of_port in &port.routes {
        let Some(loaded) = routes.get(of_port.route) else { continue };
        for scope in scopes(of_port, loaded.route, &listeners, options) {
            expansion.add_route(of_port.route, *loaded, &scope);
        }
    }
    if options.strict {
        expansion.add_ends(&listeners);
    }
    expansion.finish()
}

/// The valid listeners of a port.
struct RuleListeners<'a> {
    by_index: BTreeMap<ListenerIndex, &'a Judged<'a>>,
    hosts: HostSet<'a>,
    /// Whether one is for all hosts.
    any: bool,
}

impl<'a> RuleListeners<'a> {
    fn new(port: &PortRoutes, offer: &'a Offer<'a>) -> Self {
        let by_index: BTreeMap<_, _> =
            port.listeners.iter().filter_map(|at| Some((*at, offer.listener(*at)?))).collect();
        let hosts = by_index.values().filter_map(|judged| judged.listener.hostname.as_deref()).collect();
        let any = by_index.values().any(|judged| judged.listener.hostname.is_none());
        Self { by_index, hosts, any }
    }

    /// Whether a host is that of a listener that is more specific than one with the host `own`.
    fn is_claimed(&self, hostname: Option<&str>, own: Option<&str>) -> bool {
        let owner = hostname.and_then(|hostname| self.hosts.closest(hostname));
        owner.is_some_and(|owner| Specificity::of(Some(owner)) < Specificity::of(own))
    }
}

/// Hosts for which a route has rules, and the host of the listener that they come after.
struct Scope {
    listener: Option<Specificity>,
    hostnames: Vec<Option<String>>,
}

fn scopes(
    of_port: &PortRoute,
    route: &Route<'_>,
    listeners: &RuleListeners<'_>,
    options: GatewayOptions,
) -> Vec<Scope> {
    if !options.strict {
        return vec![Scope { listener: None, hostnames: or_any(of_port.hostnames(route)) }];
    }
    let of_listener = |attached: &Attached| {
        let own = listeners.by_index.get(&attached.at)?.listener.hostname.as_deref();
        let hostnames = if attached.hostnames.is_empty() { route.hostnames } else { &attached.hostnames };
        let mut hostnames = or_any(hostnames.to_vec());
        hostnames.retain(|hostname| !listeners.is_claimed(hostname.as_deref(), own));
        Some(Scope { listener: Some(Specificity::of(own)), hostnames })
    };
    of_port.listeners.iter().filter_map(of_listener).collect()
}

/// The hosts, or that all are meant. An empty host stands for all.
fn or_any(hostnames: Vec<String>) -> Vec<Option<String>> {
    let hostnames: BTreeSet<Option<String>> = hostnames
        .into_iter()
        .map(|hostname| Some(hostname).filter(|hostname| !hostname.is_empty()))
        .collect();
    if hostnames.is_empty() { vec![None] } else { hostnames.into_iter().collect() }
}

struct Expansion {
    place: Place,
    options: GatewayOptions,
    entries: Vec<(Key, Rule)>,
    problems: BTreeSet<(usize, RouteProblem)>,
}

/// Order of rules: by listener where that counts, its end (with its host) after what belongs to routes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    listener: Option<Specificity>,
    end: Option<String>,
    rule: Option<Precedence>,
}

/// One match of a rule of either kind.
#[derive(Clone, Copy)]
enum RequestMatch<'a> {
    Http(&'a HttpRouteRule, Option<&'a HttpRouteMatch>),
    Grpc(&'a GrpcRouteRule, Option<&'a GrpcRouteMatch>),
}

impl Expansion {
    fn add_route(&mut self, index: usize, loaded: Loaded<'_>, scope: &Scope) {
        match loaded.route.rules {
            RouteRules::Http(rules) => {
                for (number, rule) in rules.iter().enumerate() {
                    let matches =
                        or_none(&rule.matches).map(|(at, found)| (at, RequestMatch::Http(rule, found)));
                    self.add_rule(index, number, loaded, scope, matches);
                }
            }
            RouteRules::Grpc(rules) => {
                for (number, rule) in rules.iter().enumerate() {
                    let matches =
                        or_none(&rule.matches).map(|(at, found)| (at, RequestMatch::Grpc(rule, found)));
                    self.add_rule(index, number, loaded, scope, matches);
                }
            }
            RouteRules::L4(_) => {}
        }
    }

    fn add_rule<'a>(
        &mut self,
        index: usize,
        number: usize,
        loaded: Loaded<'_>,
        scope: &Scope,
        matches: impl Iterator<Item = (Option<usize>, RequestMatch<'a>)>,
    ) {
        let Some(rule) = loaded.rules.get(number) else { return };
        for (at, found) in matches {
            let origin = RuleOrigin::Route { route: index, rule: number, match_: at };
            for hostname in &scope.hostnames {
                match self.conditions(found, at, rule, hostname.as_deref()) {
                    Ok(conditions) => {
                        let mut made = self.make(origin, found, rule, conditions);
                        made.close_unless_expressible();
                        self.note(index, made.refusal.as_ref());
                        let key = key(loaded.route, number, at, scope, hostname.as_deref(), found);
                        self.entries.push((key, made));
                    }
                    Err(problem) => self.note(index, Some(&problem)),
                }
            }
        }
    }

    fn note(&mut self, route: usize, problem: Option<&RouteProblem>) {
        self.problems.extend(problem.map(|problem| (route, problem.clone())));
    }

    /// Which requests one match, of this number, and one host are about. An error says that they cannot be told apart.
    fn conditions(
        &self,
        found: RequestMatch<'_>,
        at: Option<usize>,
        loaded: &LoadedRule,
        hostname: Option<&str>,
    ) -> Result<Vec<Condition>, RouteProblem> {
        let mut conditions: Vec<Condition> =
            hostname.map(|hostname| condition::host(hostname, self.options)).into_iter().collect();
        match found {
            RequestMatch::Http(_, Some(found)) => conditions.extend(condition::http(found, self.options)?),
            RequestMatch::Http(_, None) => {}
            RequestMatch::Grpc(_, found) => conditions.extend(condition::grpc(found, self.options)?),
        }
        conditions.extend(condition::of_configuration(loaded.configuration.as_deref(), at));
        if conditions.is_empty() {
            conditions.push(condition::any_path());
        }
        Ok(conditions)
    }

    fn make(
        &self,
        origin: RuleOrigin,
        found: RequestMatch<'_>,
        loaded: &LoadedRule,
        conditions: Vec<Condition>,
    ) -> Rule {
        let decided = match found {
            RequestMatch::Http(rule, _) => action::decide_http(&rule.filters, loaded, self.place),
            RequestMatch::Grpc(rule, _) => action::decide_grpc(&rule.filters, loaded, self.place),
        };
        let transforms = match found {
            RequestMatch::Http(rule, found) => transform::of_filters(&rule.filters, found, self.options),
            RequestMatch::Grpc(..) => Ok(Vec::new()),
        };
        let decided = decided.and_then(|decided| transforms.map(|transforms| (decided, transforms)));
        let mut made = Rule::nothing(origin, conditions);
        made.configuration.clone_from(&loaded.configuration);
        match decided {
            Ok((decided, transforms)) => {
                made.transforms = transforms;
                made.authentication = decided.authentication;
                made.action = decided.action;
                made.refusal = decided.refusal;
            }
            Err(problem) => made.refusal = Some(problem),
        }
        made
    }

    /// After the rules of a listener nothing else answers for its host, if another listener would.
    fn add_ends(&mut self, listeners: &RuleListeners<'_>) {
        for (at, judged) in &listeners.by_index {
            let Some(own) = judged.listener.hostname.as_deref() else { continue };
            if !listeners.any && listeners.hosts.wider(own).is_none() {
                continue;
            }
            let mut rule = Rule::nothing(RuleOrigin::End(*at), vec![condition::host(own, self.options)]);
            rule.action = RuleAction::FixedResponse(FixedResponse::status(404));
            let listener = Some(Specificity::of(Some(own)));
            self.entries.push((Key { listener, end: Some(own.to_owned()), rule: None }, rule));
        }
    }

    fn finish(mut self) -> Expanded {
        self.entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        let rules = self.entries.into_iter().map(|(_, rule)| rule).collect();
        Expanded { rules, problems: self.problems.into_iter().collect() }
    }
}

impl Rule {
    /// Has a rule answer 500 whose conditions ELB cannot have together, without those.
    ///
    /// why not no rule at all: requests would come to another rule, which may not ask who is there
    fn close_unless_expressible(&mut self) {
        let is_source_ip = |condition: &Condition| matches!(condition, Condition::SourceIp(_));
        if self.conditions.iter().filter(|condition| is_source_ip(condition)).count() < 2 {
            return;
        }
        self.conditions.retain(|condition| !is_source_ip(condition));
        if self.conditions.is_empty() {
            self.conditions.push(condition::any_path());
        }
        self.transforms.clear();
        self.authentication = None;
        self.action = RuleAction::FixedResponse(FixedResponse::status(500));
        let message =
            "a rule can have one source-ip condition, the ListenerRuleConfiguration has several for a match";
        self.refusal = Some(RouteProblem::unsupported(message));
    }

    /// A rule that answers 500.
    fn nothing(origin: RuleOrigin, conditions: Vec<Condition>) -> Self {
        Self {
            origin,
            conditions,
            transforms: Vec::new(),
            authentication: None,
            action: RuleAction::FixedResponse(FixedResponse::status(500)),
            configuration: None,
            refusal: None,
        }
    }
}

fn key(
    route: &Route<'_>,
    rule: usize,
    at: Option<usize>,
    scope: &Scope,
    hostname: Option<&str>,
    found: RequestMatch<'_>,
) -> Key {
    let specifics = match found {
        RequestMatch::Http(_, found) => Specifics::of_http(found),
        RequestMatch::Grpc(_, found) => Specifics::of_grpc(found),
    };
    let rule = Precedence::new(route, rule, at, hostname, specifics);
    Key { listener: scope.listener, end: None, rule: Some(rule) }
}

/// The matches with their numbers, or that there are none.
fn or_none<T>(matches: &[T]) -> impl Iterator<Item = (Option<usize>, Option<&T>)> {
    let none = matches.is_empty().then_some((None, None));
    matches.iter().enumerate().map(|(at, found)| (Some(at), Some(found))).chain(none)
}

#[cfg(test)]
mod tests;
