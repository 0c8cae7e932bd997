//! Rules of HTTPRoutes and GRPCRoutes, as far as the rules of an ALB can have them.

use super::conditions::{self, MatchPlace};
use super::field_findings::FieldFindings;
use super::{GatewaySource, options};
use crate::annotations::value::ValueFinding;
use crate::api::gateway::{
    FilterType, GrpcRouteRule, HttpRouteFilter, HttpRouteRule, LocalObjectReference, MatchType, PathMatchType,
};
use crate::api::gateway_config::{GROUP, LISTENER_RULE_CONFIGURATION_KIND};
use crate::finding::{compared, did_you_mean, likely};
use crate::gateway::backends::LoadedRule;
use crate::gateway::route::Route;
use crate::gateway::rules::action::{Place, decide_grpc, decide_http};
use crate::gateway::rules::{condition, transform};
use std::collections::BTreeSet;

/// Where a rule can do most. What it cannot do on HTTP listeners is told when it is attached to one.
const PLACE: Place = Place { port: 443, is_https: true };
/// Filters that rules of an ALB can have.
const HTTP_FILTERS: [&str; 3] = ["RequestRedirect", "URLRewrite", "ExtensionRef"];
const GRPC_FILTERS: [&str; 1] = ["ExtensionRef"];

pub(super) fn check_http(
    findings: &mut FieldFindings<'_>,
    route: &Route<'_>,
    rules: &[HttpRouteRule],
    source: &dyn GatewaySource,
) {
    let options = options(findings.config);
    for (number, rule) in rules.iter().enumerate() {
        let field = format!("spec.rules[{number}]");
        let extensions = rule.filters.iter().map(|filter| (&filter.type_, filter.extension_ref.as_ref()));
        let loaded = load(findings, &field, route, extensions, source);
        if let Err(problem) = decide_http(&rule.filters, &loaded, PLACE) {
            let given = rule.filters.iter().map(|filter| &filter.type_);
            filter_problem(findings, &field, number, (given, &HTTP_FILTERS), problem.message);
        }
        let matches = (0..).zip(&rule.matches);
        let mut told = BTreeSet::new();
        for found in rule.matches.iter().map(Some).chain(rule.matches.is_empty().then_some(None)) {
            if let Err(problem) = transform::of_filters(&rule.filters, found, options)
                && told.insert(problem.message.clone())
            {
                findings.error(&format!("{field}.filters"), problem.message);
            }
        }
        for (at, found) in matches {
            let place = MatchPlace { field: format!("{field}.matches[{at}]"), at, number, loaded: &loaded };
            path_type(findings, &place, found.path.as_ref().and_then(|path| path.type_.as_ref()));
            exact_path(findings, &place, found.path.as_ref());
            if !options.strict {
                for (at, parameter) in found.query_params.iter().enumerate() {
                    let field = format!("{}.queryParams[{at}]", place.field);
                    compared_as_text(findings, &field, parameter.type_.as_ref(), "parameters of the query");
                }
            }
            conditions::check(findings, route, &place, condition::http(found, options));
        }
        rewrites(findings, &field, &rule.filters);
    }
}

pub(super) fn check_grpc(
    findings: &mut FieldFindings<'_>,
    route: &Route<'_>,
    rules: &[GrpcRouteRule],
    source: &dyn GatewaySource,
) {
    let options = options(findings.config);
    for (number, rule) in rules.iter().enumerate() {
        let field = format!("spec.rules[{number}]");
        let extensions = rule.filters.iter().map(|filter| (&filter.type_, filter.extension_ref.as_ref()));
        let loaded = load(findings, &field, route, extensions, source);
        if let Err(problem) = decide_grpc(&rule.filters, &loaded, PLACE) {
            let given = rule.filters.iter().map(|filter| &filter.type_);
            filter_problem(findings, &field, number, (given, &GRPC_FILTERS), problem.message);
        }
        for (at, found) in (0..).zip(&rule.matches) {
            let place = MatchPlace { field: format!("{field}.matches[{at}]"), at, number, loaded: &loaded };
            if !options.strict {
                let method = found.method.as_ref().and_then(|method| method.type_.as_ref());
                let field = format!("{}.method", place.field);
                compared_as_text(findings, &field, method, "services and methods");
                for (at, header) in found.headers.iter().enumerate() {
                    let field = format!("{}.headers[{at}]", place.field);
                    compared_as_text(findings, &field, header.type_.as_ref(), "headers of GRPCRoutes");
                }
            }
            conditions::check(findings, route, &place, condition::grpc(Some(found), options));
        }
    }
}

/// The rule with its ListenerRuleConfiguration, if that is known. Says of extensions that nobody knows that they have no effect.
fn load<'f>(
    findings: &mut FieldFindings<'_>,
    field: &str,
    route: &Route<'_>,
    extensions: impl Iterator<Item = (&'f FilterType, Option<&'f LocalObjectReference>)>,
    source: &dyn GatewaySource,
) -> LoadedRule {
    let mut rule = LoadedRule::default();
    for (at, (type_, extension)) in extensions.enumerate() {
        let Some(extension) = extension.filter(|_| *type_ == FilterType::ExtensionRef) else { continue };
        let field = format!("{field}.filters[{at}].extensionRef");
        let expected =
            [("group", &extension.group, GROUP), ("kind", &extension.kind, LISTENER_RULE_CONFIGURATION_KIND)];
        let mut is_ours = true;
        for (part, given, right) in expected.into_iter().filter(|(_, given, right)| given.as_str() != *right)
        {
            is_ours = false;
            let hint = format!("write {right}");
            let problem = format!("{given:?} is not {right}, so the filter has no effect");
            findings.add(&format!("{field}.{part}"), ValueFinding::warning(problem).hint(hint));
        }
        if is_ours && rule.configuration.is_none() {
            let key = route.id.key.sibling(extension.name.as_str());
            rule.configuration = source.known_listener_rule_configuration(&key);
        }
    }
    rule
}

/// Why the filters of a rule cannot be had, in the words of the route's status.
fn filter_problem<'f>(
    findings: &mut FieldFindings<'_>,
    field: &str,
    number: usize,
    (mut given, supported): (impl Iterator<Item = &'f FilterType>, &[&str]),
    message: String,
) {
    let unknown = given.find_map(|type_| match type_ {
        FilterType::Other(text) => Some(text.clone()),
        _ => None,
    });
    let hint = unknown
        .and_then(|given| did_you_mean(&likely(&given, compared(number, supported.iter().copied()), &[])));
    findings.add(&format!("{field}.filters"), ValueFinding { hint, ..ValueFinding::error(message) });
}

fn path_type(findings: &mut FieldFindings<'_>, place: &MatchPlace<'_>, type_: Option<&PathMatchType>) {
    if let Some(PathMatchType::Other(given)) = type_ {
        let field = format!("{}.path.type", place.field);
        let allowed = ["Exact", "PathPrefix", "RegularExpression"];
        findings.not_one_of(&field, place.number, given, &allowed);
    }
}

/// why: an ALB takes them for patterns
fn exact_path(
    findings: &mut FieldFindings<'_>,
    place: &MatchPlace<'_>,
    path: Option<&crate::api::gateway::HttpPathMatch>,
) {
    let Some(path) = path.filter(|path| path.type_ == Some(PathMatchType::Exact)) else { return };
    let value = path.value.as_deref().unwrap_or_default();
    if value.contains(['*', '?']) {
        let problem =
            format!("{value:?} is not compared exactly: * and ? stand for any text in paths of an ALB");
        findings.warn(&format!("{}.path.value", place.field), problem);
    }
}

fn compared_as_text(findings: &mut FieldFindings<'_>, field: &str, type_: Option<&MatchType>, what: &str) {
    if let Some(type_) = type_.filter(|type_| **type_ != MatchType::Exact) {
        let problem = format!("{type_} is compared as a text: an ALB has no regular expressions for {what}");
        findings.warn(&format!("{field}.type"), problem);
    }
}

/// Rewrites and redirects beside each other: the redirect alone counts.
fn rewrites(findings: &mut FieldFindings<'_>, field: &str, filters: &[HttpRouteFilter]) {
    let redirects = filters.iter().any(|filter| filter.type_ == FilterType::RequestRedirect);
    for (at, filter) in filters.iter().enumerate() {
        if redirects && filter.type_ == FilterType::UrlRewrite {
            findings.warn(
                &format!("{field}.filters[{at}]"),
                "URLRewrite beside RequestRedirect changes what is redirected, and no backend sees it",
            );
        }
    }
}
