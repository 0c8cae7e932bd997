//! Transforms of a rule, and where a redirect leads.
//! Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html>

use super::patterns::{Case, expression};
use aws_load_balancer_controller::aws_api::elbv2::{RedirectAction, RuleTransform};
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// A group of the expression in a replacement: `$1` or `${1}`.
static GROUPS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\$(?:\{(\d+)\}|(\d))").ok());

/// What of a request a rule may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
}

/// What the transforms of a rule make of a request; `None` where a path would not begin with a slash, which AWS answers with 500.
pub(super) fn transform(transforms: &[RuleTransform], mut to: Destination) -> Option<Destination> {
    for transform in transforms {
        for (pattern, replacement) in &transform.rewrites {
            if transform.kind == "url-rewrite" {
                to.target = rewrite(pattern, replacement, &to.target);
            } else {
                to.host = rewrite(pattern, replacement, &to.host);
            }
        }
    }
    to.target.starts_with('/').then_some(to)
}

/// The text with the first match replaced; unchanged if nothing matches.
fn rewrite(pattern: &str, replacement: &str, text: &str) -> String {
    let (Some(regex), Some(groups)) = (expression(pattern, Case::Matters), GROUPS.as_ref()) else {
        return text.to_owned();
    };
    let fill = |found: &Captures<'_>| {
        let group = |name: &Captures<'_>| {
            let number = name.get(1).or_else(|| name.get(2)).and_then(|number| number.as_str().parse().ok());
            number.and_then(|number: usize| found.get(number)).map_or("", |group| group.as_str()).to_owned()
        };
        groups.replace_all(replacement, group).into_owned()
    };
    regex.replace(text, fill).into_owned()
}

/// What a request came with, for the keywords of a redirect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    /// `http` or `https`.
    pub(super) protocol: &'a str,
    /// Without a port.
    pub(super) host: &'a str,
    /// The listener's.
    pub(super) port: i32,
    /// With its leading slash.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

/// The `Location` of a redirect.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html>
pub(super) fn location(redirect: &RedirectAction, from: &Origin<'_>) -> String {
    let fill = |text: &Option<String>, unset: &str| {
        let path = from.path.strip_prefix('/').unwrap_or(from.path);
        text.as_deref()
            .unwrap_or(unset)
            .replace("#{protocol}", from.protocol)
            .replace("#{host}", from.host)
            .replace("#{port}", &from.port.to_string())
            .replace("#{path}", path)
            .replace("#{query}", from.query)
    };
    let protocol = fill(&redirect.protocol, "#{protocol}").to_lowercase();
    let (host, port) = (fill(&redirect.host, "#{host}"), fill(&redirect.port, "#{port}"));
    let (path, query) = (fill(&redirect.path, "/#{path}"), fill(&redirect.query, "#{query}"));
    let query = if query.is_empty() { query } else { format!("?{query}") };
    format!("{protocol}://{host}:{port}{path}{query}")
}

/// The host without its port, and the port.
pub(super) fn split_host(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (host, None),
        },
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_change_host_and_path() {
        for (kind, pattern, replacement, host, target) in [
            ("url-rewrite", "^/api/(.*)", "/$1", "h", Some("/v1/users?x=1")),
            ("url-rewrite", "^/api", "/v2", "h", Some("/v2/v1/users?x=1")),
            ("url-rewrite", "^/other", "/v2", "h", Some("/api/v1/users?x=1")),
            ("url-rewrite", r"\?.*$", "", "h", Some("/api/v1/users")),
            ("url-rewrite", "^/(api)/(v1)", "/${2}/$1", "h", Some("/v1/api/users?x=1")),
            ("url-rewrite", "^/api(/v1)?(/none)?", "$1$2/x", "h", Some("/v1/x/users?x=1")),
            ("url-rewrite", "^/", "", "h", None),
            ("host-header-rewrite", "^(.*)$", "$1.internal", "h.internal", Some("/api/v1/users?x=1")),
            ("host-header-rewrite", "x", "y", "h", Some("/api/v1/users?x=1")),
        ] {
            let rule =
                RuleTransform { kind: kind.into(), rewrites: vec![(pattern.into(), replacement.into())] };
            let from = Destination { host: "h".into(), target: "/api/v1/users?x=1".into() };
            let to = transform(&[rule], from);
            let wanted = target.map(|target| Destination { host: host.into(), target: target.into() });
            assert_eq!(to, wanted, "{kind} {pattern} → {replacement}");
        }
    }

    #[test]
    fn redirects_keep_what_they_do_not_name() {
        let all = |protocol: &str, host: &str, port: &str, path: &str, query: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            RedirectAction {
                protocol: some(protocol),
                host: some(host),
                port: some(port),
                path: some(path),
                query: some(query),
                status_code: "HTTP_301".into(),
            }
        };
        let from = Origin { protocol: "http", host: "a.example", port: 80, path: "/x/y", query: "q=1" };
        for (redirect, to) in [
            (all("", "", "", "", ""), "http://a.example:80/x/y?q=1"),
            (all("HTTPS", "", "443", "", ""), "https://a.example:443/x/y?q=1"),
            (all("#{protocol}", "b.#{host}", "", "", ""), "http://b.a.example:80/x/y?q=1"),
            (all("", "", "", "/new/#{path}", ""), "http://a.example:80/new/x/y?q=1"),
            (all("", "", "8#{port}", "/", "#{query}&r=2"), "http://a.example:880/?q=1&r=2"),
            (
                all("", "#{host}.#{port}", "", "/#{host}", "p=#{path}"),
                "http://a.example.80:80/a.example?p=x/y",
            ),
        ] {
            assert_eq!(location(&redirect, &from), to, "{redirect:?}");
        }
    }

    #[test]
    fn hosts_split_at_their_port() {
        for (text, host, port) in [
            ("a", "a", None),
            ("a:80", "a", Some(80)),
            ("a:b", "a:b", None),
            ("[::1]", "[::1]", None),
            ("[::1]:443", "[::1]", Some(443)),
            ("", "", None),
        ] {
            assert_eq!(split_host(text), (host, port), "{text}");
        }
    }
}
