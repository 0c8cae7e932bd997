//! Conditions of rules: which requests they are for.

use super::super::GatewayOptions;
use super::super::hostname::regex_with_port;
use super::super::route::RouteProblem;
use crate::api::gateway::{
    GrpcMethodMatch, GrpcRouteMatch, HttpPathMatch, HttpRouteMatch, MatchType, PathMatchType, ValueMatch,
};
use crate::api::gateway_config::{ListenerRuleConditionField, ListenerRuleConfiguration};

/// A condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The host has to fit.
    Host(Pattern),
    /// The path has to fit.
    Path(Pattern),
    /// A header has to fit.
    Header {
        /// Name of the header.
        name: String,
        /// What its value has to be.
        value: Pattern,
    },
    /// A parameter of the query.
    Query {
        /// Name of the query parameter.
        key: String,
        /// What its value has to be.
        value: String,
    },
    /// The method has to be this one.
    Method(String),
    /// The address of the client, in one of these ranges.
    SourceIp(Vec<String>),
}

/// What a text is compared with; one of several has to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Texts in which `*` and `?` stand for others.
    Values(Vec<String>),
    /// Regular expressions, one of which has to match.
    Regex(Vec<String>),
}

fn one_value(value: impl Into<String>) -> Pattern {
    Pattern::Values(vec![value.into()])
}

fn one_regex(value: impl Into<String>) -> Pattern {
    Pattern::Regex(vec![value.into()])
}

/// The condition for a host. Strictly, whatever port the client names beside it.
pub fn host(hostname: &str, options: GatewayOptions) -> Condition {
    Condition::Host(if options.strict { one_regex(regex_with_port(hostname)) } else { one_value(hostname) })
}

/// The condition that every request meets.
pub fn any_path() -> Condition {
    Condition::Path(one_value("/*"))
}

/// The conditions of a match of an HTTPRoute.
pub fn http(found: &HttpRouteMatch, options: GatewayOptions) -> Result<Vec<Condition>, RouteProblem> {
    let mut conditions = vec![Condition::Path(path(found.path.as_ref())?)];
    for header in &found.headers {
        conditions.push(http_header(header)?);
    }
    for parameter in &found.query_params {
        conditions.push(query(parameter, options)?);
    }
    conditions.extend(found.method.clone().map(Condition::Method));
    Ok(conditions)
}

fn path(found: Option<&HttpPathMatch>) -> Result<Pattern, RouteProblem> {
    let value = found.and_then(|found| found.value.as_deref()).unwrap_or("/");
    match found.and_then(|found| found.type_.as_ref()) {
        None | Some(PathMatchType::PathPrefix) => prefix(value),
        Some(PathMatchType::Exact) => Ok(one_value(value)),
        Some(PathMatchType::RegularExpression) => Ok(one_regex(value)),
        Some(PathMatchType::Other(type_)) => {
            Err(RouteProblem::unsupported(format!("Unsupported path match type: {type_}")))
        }
    }
}

fn prefix(value: &str) -> Result<Pattern, RouteProblem> {
    if value.contains(['*', '?']) {
        return Err(RouteProblem::unsupported(format!("prefix path shouldn't contain wildcards: {value}")));
    }
    if matches!(value, "" | "/") {
        return Ok(one_value("/*"));
    }
    let trimmed = value.strip_suffix('/').unwrap_or(value);
    Ok(Pattern::Values(vec![trimmed.to_owned(), format!("{trimmed}/*")]))
}

fn http_header(header: &ValueMatch) -> Result<Condition, RouteProblem> {
    let value = match &header.type_ {
        None | Some(MatchType::Exact) => Pattern::Values(split_values(&header.value)),
        Some(MatchType::RegularExpression) => one_regex(header.value.as_str()),
        Some(MatchType::Other(type_)) => {
            return Err(RouteProblem::unsupported(format!("Unsupported header match type: {type_}")));
        }
    };
    Ok(Condition::Header { name: header.name.clone(), value })
}

/// why only strictly refused: upstream compares regular expressions as texts.
fn query(parameter: &ValueMatch, options: GatewayOptions) -> Result<Condition, RouteProblem> {
    match &parameter.type_ {
        Some(type_) if options.strict && *type_ != MatchType::Exact => {
            Err(RouteProblem::unsupported(format!("Unsupported query parameter match type: {type_}")))
        }
        _ => Ok(Condition::Query { key: parameter.name.clone(), value: parameter.value.clone() }),
    }
}

/// The conditions of a match of a GRPCRoute; without one, of all calls.
///
/// why regular expressions are only strictly refused: upstream compares them as texts.
pub fn grpc(found: Option<&GrpcRouteMatch>, options: GatewayOptions) -> Result<Vec<Condition>, RouteProblem> {
    let method = found.and_then(|found| found.method.as_ref());
    let mut conditions = vec![match method {
        None => any_path(),
        Some(method) => Condition::Path(one_value(grpc_path(method, options)?)),
    }];
    for header in found.iter().flat_map(|found| &found.headers) {
        check_grpc_type("header", header.type_.as_ref(), options)?;
        let value = Pattern::Values(split_values(&header.value));
        conditions.push(Condition::Header { name: header.name.clone(), value });
    }
    Ok(conditions)
}

fn grpc_path(method: &GrpcMethodMatch, options: GatewayOptions) -> Result<String, RouteProblem> {
    check_grpc_type("method", method.type_.as_ref(), options)?;
    match (method.service.as_deref(), method.method.as_deref()) {
        (Some(service), Some(method)) => Ok(format!("/{service}/{method}")),
        (Some(service), None) => Ok(format!("/{service}/*")),
        (None, Some(method)) => Ok(format!("/*/{method}")),
        (None, None) => {
            Err(RouteProblem::unsupported("Invalid grpc method match: neither service nor method is set"))
        }
    }
}

fn check_grpc_type(
    what: &str,
    type_: Option<&MatchType>,
    options: GatewayOptions,
) -> Result<(), RouteProblem> {
    match type_ {
        Some(type_) if options.strict && *type_ != MatchType::Exact => {
            Err(RouteProblem::unsupported(format!("Unsupported {what} match type: {type_}")))
        }
        _ => Ok(()),
    }
}

/// The values of a header match: texts between commas. A backslash makes the next letter an ordinary one; at the end it stands
/// for itself.
fn split_values(text: &str) -> Vec<String> {
    let (mut values, mut current) = (Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => current.push(letters.next().unwrap_or('\\')),
            ',' => values.push(std::mem::take(&mut current)),
            _ => current.push(letter),
        }
    }
    values.push(current);
    values
}

/// What a ListenerRuleConfiguration adds to the conditions of a match; once for each time that it names the match.
pub fn of_configuration(
    configuration: Option<&ListenerRuleConfiguration>,
    at: Option<usize>,
) -> Vec<Condition> {
    let at = at.and_then(|at| i64::try_from(at).ok());
    let added = configuration.into_iter().flat_map(|found| found.spec.conditions.iter().flatten());
    let mut conditions = Vec::new();
    for condition in added {
        let ListenerRuleConditionField::SourceIp = condition.field;
        let Some(ranges) = &condition.source_ip_config else { continue };
        let times = match &condition.match_indexes {
            None => 1,
            Some(indexes) => indexes.iter().filter(|index| Some(**index) == at).count(),
        };
        conditions.extend(std::iter::repeat_n(Condition::SourceIp(ranges.values.clone()), times));
    }
    conditions
}

#[cfg(test)]
mod tests;
