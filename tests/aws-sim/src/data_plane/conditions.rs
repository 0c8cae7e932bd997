//! Which rule of a listener answers a request.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>

use super::patterns::{Case, expression, matches_wildcards};
use aws_load_balancer_controller::aws_api::elbv2::{Rule, RuleCondition, ValuesOrRegexes};
use http::HeaderMap;
use ipnet::IpNet;
use std::net::IpAddr;

/// A request as conditions see it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// The host, without the port if that is the listener's.
    pub(super) host: &'a str,
    /// The path as it was sent.
    pub(super) path: &'a str,
    /// The query as it was sent, without the question mark.
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// Where the connection comes from.
    pub(super) client: IpAddr,
}

/// The first rule, in the order given, all of whose conditions hold.
pub(super) fn choose<'a>(rules: &'a [Rule], asked: &Asked<'_>) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.conditions.iter().all(|condition| holds(condition, asked)))
}

/// Whether one of a condition's values fits.
fn holds(condition: &RuleCondition, asked: &Asked<'_>) -> bool {
    match condition {
        RuleCondition::HostHeader(values) => fits(values, asked.host, Case::Ignored),
        RuleCondition::PathPattern(values) => fits(values, &normal_path(asked.path), Case::Matters),
        RuleCondition::HttpHeader { name, values } => {
            let given = asked.headers.get_all(name.as_str()).into_iter();
            given.filter_map(|value| value.to_str().ok()).any(|value| fits(values, value, Case::Ignored))
        }
        RuleCondition::HttpRequestMethod(methods) => methods.iter().any(|method| method == asked.method),
        RuleCondition::QueryString(pairs) => pairs.iter().any(|(key, value)| {
            let like = |pattern: &str, text: &str| matches_wildcards(pattern, text, Case::Ignored);
            parameters(asked.query)
                .any(|(name, given)| key.as_ref().is_none_or(|key| like(key, name)) && like(value, given))
        }),
        RuleCondition::SourceIp(cidrs) => cidrs
            .iter()
            .any(|cidr| cidr.parse::<IpNet>().is_ok_and(|net| net.trunc().contains(&asked.client))),
    }
}

fn fits(accepted: &ValuesOrRegexes, text: &str, case: Case) -> bool {
    let regex = |pattern: &String| expression(pattern, case).is_some_and(|regex| regex.is_match(text));
    accepted.values.iter().any(|pattern| matches_wildcards(pattern, text, case))
        || accepted.regexes.iter().any(regex)
}

/// The parameters of a query, undecoded.
fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The path as path patterns see it: unreserved characters decoded, dot segments removed (RFC 3986, section 6.2.2).
fn normal_path(path: &str) -> String {
    let decoded = decode_unreserved(path);
    if !decoded.contains("/.") {
        return decoded;
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = decoded.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

fn decode_unreserved(path: &str) -> String {
    let mut decoded = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).map(char::from);
        let unreserved = code.filter(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c));
        decoded.push(unreserved.unwrap_or('%'));
        rest = if unreserved.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    decoded + rest
}

#[cfg(test)]
mod tests;
