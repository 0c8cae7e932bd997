//! What rules do, in a form in which both sides can be compared.

use crate::admission::permissive_facts::PermissiveAws;
use crate::api::IntOrString;
use crate::aws_api::Ref;
use crate::aws_api::elbv2::{ForwardAction, ListenerAction, RedirectAction, RuleTransform};
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

/// What a rule does, as a text.
pub(super) fn describe(
    actions: &[ListenerAction],
    transforms: &[RuleTransform],
    names: &TargetGroupNames,
) -> String {
    let mut parts: Vec<String> = transforms.iter().map(transform).collect();
    parts.sort();
    parts.extend(actions.iter().map(|action| describe_action(action, names)));
    parts.join(", then ")
}

fn transform(transform: &RuleTransform) -> String {
    let what = if transform.kind == "url-rewrite" { "path" } else { "host" };
    let rewrites = transform
        .rewrites
        .iter()
        .map(|(regex, replace)| format!("{what} {} is {replace}", plain_regex(regex)));
    rewrites.collect::<Vec<_>>().join(", ")
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
        ListenerAction::AuthenticateCognito(login) => format!("log in ({login:?})"),
        ListenerAction::AuthenticateOidc(login) => format!("log in ({login:?})"),
        ListenerAction::JwtValidation(token) => format!("check the token ({token:?})"),
    }
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
