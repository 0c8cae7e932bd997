//! What rules do, in a form in which both sides can be compared.

use super::rules::RequestPattern;
use crate::admission::permissive_facts::PermissiveAws;
use crate::api::IntOrString;
use crate::aws_api::Ref;
use crate::aws_api::elbv2::{
    AuthenticationSession, ForwardAction, ListenerAction, RedirectAction, RuleTransform,
};
use crate::config::Config;
use crate::facts::{Facts, Lookup};
use crate::model::{Binding, ResourceId, Stack};
use std::collections::BTreeMap;

/// The names of target groups that stand for the same on both sides: the port of a Service, or the name in AWS.
pub(super) struct TargetGroupNames(BTreeMap<String, String>);

impl TargetGroupNames {
    pub fn of(stack: &Stack, aws: &PermissiveAws, config: &Config) -> Self {
        let one = |(id, binding): (&ResourceId, &Binding)| {
            let port = port_number(binding, aws, config);
            (id.as_str().to_owned(), format!("{}/{}:{port}", binding.namespace, binding.service_name))
        };
        Self(stack.bindings.iter().map(one).collect())
    }

    /// That of a target group of the stack.
    pub fn get(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    fn of_ref(&self, target: &Ref) -> String {
        match target {
            Ref::Pending(symbol) => self.get(&symbol.id),
            Ref::Known(arn) => {
                let name = arn
                    .split_once("targetgroup/")
                    .map_or(arn.as_str(), |(_, rest)| rest.split('/').next().unwrap_or(rest));
                format!("target group {name}")
            }
        }
    }
}

/// The port of the Service of a binding, by number where it is named.
fn port_number(binding: &Binding, aws: &PermissiveAws, config: &Config) -> String {
    let named = match &binding.service_port {
        IntOrString::Int(number) => return number.to_string(),
        IntOrString::String(name) => name,
    };
    let key = (binding.namespace.clone(), binding.service_name.clone());
    let mut facts = Facts::default();
    aws.answer(Lookup::Service { namespace: key.0.clone(), name: key.1.clone() }, &mut facts, config);
    let service = facts.services.get(&key).and_then(|found| found.clone().ok().flatten());
    let ports =
        service.iter().flat_map(|service| service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()));
    let number = ports.clone().find(|port| port.name.as_ref() == Some(named)).map(|port| port.port);
    number.map_or_else(|| named.clone(), |number| number.to_string())
}

/// What a rule does with requests for a path, as a text.
pub(super) fn describe(
    actions: &[ListenerAction],
    transforms: &[RuleTransform],
    path: &RequestPattern,
    names: &TargetGroupNames,
) -> String {
    let mut parts: Vec<String> =
        transforms.iter().flat_map(|transform| describe_transform(transform, path)).collect();
    parts.sort();
    parts.extend(actions.iter().map(|action| describe_action(action, names)));
    parts.join(", then ")
}

fn describe_transform(transform: &RuleTransform, path: &RequestPattern) -> Vec<String> {
    let is_path = transform.kind == "url-rewrite";
    let rewrites = transform.rewrites.iter().filter_map(|(regex, replace)| {
        let of_prefix = PrefixRewrite::of(regex, replace).filter(|_| is_path);
        match of_prefix.and_then(|rewrite| rewrite.describe(path)) {
            Some(text) => Some(text).filter(|text| !text.is_empty()),
            None if is_path && matches_whole(regex, path) => Some(format!("path as a whole is {replace}")),
            None => {
                let what = if is_path { "path" } else { "host" };
                Some(format!("{what} {} is {replace}", plain_regex(regex)))
            }
        }
    });
    rewrites.collect()
}

/// Whether `^/a/.*` matches the whole of every path that a pattern is true of.
fn matches_whole(regex: &str, path: &RequestPattern) -> bool {
    let body = regex.strip_suffix('$').unwrap_or(regex);
    let stem = body.strip_prefix('^').and_then(|body| body.strip_suffix(".*"));
    let is_plain = |stem: &str| stem.chars().all(|c| c.is_ascii_alphanumeric() || "/-_".contains(c));
    match (stem.filter(|stem| is_plain(stem)), path) {
        (Some(stem), RequestPattern::Glob(path)) => path.starts_with(stem),
        _ => false,
    }
}

/// A rewrite of the first elements of a path.
struct PrefixRewrite {
    prefix: String,
    /// What the prefix alone becomes; `None`: it stays.
    alone: Option<String>,
    /// What stands for the prefix where more follows.
    before_more: String,
}

impl PrefixRewrite {
    /// Reads `^/a/(.*)$` and `^/a`, as people write them, and `(^/a(/)?)`, as the controller does for a prefix of an HTTPRoute.
    fn of(regex: &str, replace: &str) -> Option<Self> {
        let without_slash = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
        let is_plain =
            |text: &str| !text.contains(['(', ')', '[', ']', '*', '+', '?', '|', '$', '^', '.', '{', '}']);
        let plain =
            |text: &str| Some(text.replace('\\', "")).filter(|text| is_plain(text) && text.starts_with('/'));
        if let Some(prefix) = regex.strip_prefix("(^").and_then(|rest| rest.strip_suffix("(/)?)")) {
            let stem = replace.strip_suffix("$2").unwrap_or(replace);
            let before_more = if replace.ends_with("$2") { stem.to_owned() } else { without_slash(stem) };
            return Some(Self { prefix: plain(prefix)?, alone: Some(stem.to_owned()), before_more });
        }
        let body = regex.strip_prefix('^')?;
        if let Some(prefix) = ["/(.*)$", "/(.*)", "/(.+)$"].into_iter().find_map(|end| body.strip_suffix(end))
        {
            let stem = replace.strip_suffix("$1").filter(|stem| stem.ends_with('/'))?;
            return Some(Self { prefix: plain(prefix)?, alone: None, before_more: without_slash(stem) });
        }
        let is_whole = !replace.contains('$') && !replace.ends_with('/');
        let prefix = plain(body).filter(|prefix| is_whole && !prefix.ends_with('/'))?;
        Some(Self { prefix, alone: Some(replace.to_owned()), before_more: replace.to_owned() })
    }

    /// What it does to requests for a path, empty if nothing; `None`: that depends on the request.
    fn describe(&self, path: &RequestPattern) -> Option<String> {
        let RequestPattern::Glob(path) = path else { return None };
        if *path == self.prefix {
            return Some(self.alone.as_ref().map(|alone| format!("path is {alone}")).unwrap_or_default());
        }
        let rest = path.strip_prefix(&self.prefix)?;
        rest.starts_with('/').then(|| format!("path {}/ becomes {}/", self.prefix, self.before_more))
    }
}

/// One spelling of regular expressions that match the same.
fn plain_regex(regex: &str) -> String {
    let whole = ["^([^?]*)", "^.*$", "^.*", ".*", ".+", "^(.*)$", "(.*)"];
    if whole.contains(&regex) { "as a whole".to_owned() } else { format!("/{regex}/") }
}

fn describe_action(action: &ListenerAction, names: &TargetGroupNames) -> String {
    match action {
        ListenerAction::Forward(forward) => describe_forward(forward, names),
        ListenerAction::Redirect(redirect) => describe_redirect(redirect),
        ListenerAction::FixedResponse(answer) => {
            let kind = answer.content_type.as_deref().unwrap_or("text/plain");
            let body = answer.message_body.as_deref().unwrap_or_default();
            let body = if body.is_empty() { String::new() } else { format!(" {kind} {body:?}") };
            format!("answer {}{body}", answer.status_code)
        }
        ListenerAction::AuthenticateCognito(login) => format!(
            "log in at {} of {} as {} ({})",
            login.user_pool_domain,
            login.user_pool_arn,
            login.user_pool_client_id,
            session(&login.session)
        ),
        ListenerAction::AuthenticateOidc(login) => format!(
            "log in at {} ({}, {}, {}; {})",
            login.issuer,
            login.authorization_endpoint,
            login.token_endpoint,
            login.user_info_endpoint,
            session(&login.session)
        ),
        ListenerAction::JwtValidation(token) => {
            format!(
                "check the token of {} ({}; {:?})",
                token.issuer, token.jwks_endpoint, token.additional_claims
            )
        }
    }
}

fn session(session: &AuthenticationSession) -> String {
    let text = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
    let extra: Vec<String> =
        session.extra_params.iter().map(|(key, value)| format!(", {key}={value}")).collect();
    let extra = extra.concat();
    format!(
        "scope {}, otherwise {}, cookie {} for {} s{}",
        text(&session.scope, "openid"),
        text(&session.on_unauthenticated_request, "authenticate"),
        text(&session.session_cookie_name, "AWSELBAuthSessionCookie"),
        session.session_timeout.unwrap_or(604_800),
        extra
    )
}

fn describe_forward(forward: &ForwardAction, names: &TargetGroupNames) -> String {
    let is_alone = forward.target_groups.len() == 1;
    let mut targets: Vec<String> = forward
        .target_groups
        .iter()
        .map(|target| {
            let name = names.of_ref(&target.target_group);
            if is_alone { name } else { format!("{name} ({})", target.weight.unwrap_or(1)) }
        })
        .collect();
    targets.sort();
    let sticky = forward.stickiness.as_ref().filter(|sticky| sticky.enabled == Some(true) && !is_alone);
    let sticky =
        sticky.map(|sticky| format!(", clients stay for {} s", sticky.duration_seconds.unwrap_or(3600)));
    format!("forward to {}{}", targets.join(" and "), sticky.unwrap_or_default())
}

fn describe_redirect(redirect: &RedirectAction) -> String {
    let part = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
    let protocol =
        part(&redirect.protocol, "#{protocol}").to_uppercase().replace("#{PROTOCOL}", "#{protocol}");
    format!(
        "redirect {} to {protocol}://{}:{}{}?{}",
        redirect.status_code.trim_start_matches("HTTP_"),
        part(&redirect.host, "#{host}").to_lowercase(),
        part(&redirect.port, "#{port}"),
        part(&redirect.path, "/#{path}"),
        part(&redirect.query, "#{query}"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rewrites_of_a_prefix_are_the_same_however_they_are_written() {
        let cases = [
            ("^/api/(.*)$", "/v1/$1", "/api/*", "path /api/ becomes /v1/"),
            ("(^/api(/)?)", "/v1/", "/api/*", "path /api/ becomes /v1/"),
            ("(^/api(/)?)", "/v1$2", "/api/*", "path /api/ becomes /v1/"),
            ("^/api", "/v1", "/api/*", "path /api/ becomes /v1/"),
            ("^/api/(.*)$", "/$1", "/api/*", "path /api/ becomes /"),
            ("(^/api(/)?)", "/", "/api/*", "path /api/ becomes /"),
            ("^/api", "/v1", "/api", "path is /v1"),
            ("(^/api(/)?)", "/v1$2", "/api", "path is /v1"),
        ];
        for (regex, replace, path, expected) in cases {
            let rewrite = PrefixRewrite::of(regex, replace).unwrap();
            assert_eq!(
                rewrite.describe(&RequestPattern::Glob(path.to_owned())).unwrap(),
                expected,
                "{regex} {replace} {path}"
            );
        }
        let stays = PrefixRewrite::of("^/api/(.*)$", "/v1/$1").unwrap();
        assert_eq!(stays.describe(&RequestPattern::Glob("/api".to_owned())).unwrap(), "");
        assert!(PrefixRewrite::of("^/a.*", "/b").is_none());
    }
}
