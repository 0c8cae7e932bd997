//! Actions: what answers requests.

use super::objects::put;
use super::written::{TargetGroup, WrittenAction, WrittenFixedResponse, WrittenForward, WrittenRedirect};
use crate::annotations::parse;
use crate::api::IntOrString;
use serde_json::{Map as Fields, Value, json};

/// What answers requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TranslatedAction {
    /// Filters of the rule.
    pub filters: Vec<Value>,
    /// Backends of the rule.
    pub backends: Vec<Value>,
    /// What stands in its ListenerRuleConfiguration.
    pub action: Option<Value>,
    /// Services among the backends, with their ports.
    pub services: Vec<(String, i32)>,
    /// The Service that alone is behind it, whose annotations say who is admitted.
    pub lone_service: Option<String>,
}

impl TranslatedAction {
    /// A port of a Service answers.
    pub fn service(name: &str, port: i32) -> Self {
        Self {
            backends: vec![json!({"name": name, "port": port})],
            services: vec![(name.to_owned(), port)],
            lone_service: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

/// An action. Outer errors: it cannot be read; inner ones: Gateway API has nothing like it.
pub fn translate(
    action: WrittenAction,
    name: &str,
    named_port: &dyn Fn(&str, &str) -> Result<i32, String>,
) -> Result<Result<TranslatedAction, String>, String> {
    match action.type_.as_str() {
        "forward" => forward(action, name, named_port).map(Ok),
        "redirect" => {
            let redirect = action
                .redirectconfig
                .ok_or_else(|| format!("redirect action {name:?} missing redirectConfig"))?;
            redirected(&redirect, name)
        }
        "fixed-response" => {
            let answer = action.fixedresponseconfig;
            let answer = answer
                .ok_or_else(|| format!("fixed-response action {name:?} missing fixedResponseConfig"))?;
            fixed_response(&answer, name)
        }
        other => Err(format!("unsupported action type {other:?}")),
    }
}

fn forward(
    action: WrittenAction,
    name: &str,
    named_port: &dyn Fn(&str, &str) -> Result<i32, String>,
) -> Result<TranslatedAction, String> {
    let WrittenAction { targetgrouparn, targetgroupname, forwardconfig, .. } = action;
    let forward = if targetgrouparn.is_some() || targetgroupname.is_some() {
        let only = TargetGroup { targetgrouparn, targetgroupname, ..TargetGroup::default() };
        WrittenForward { targetgroups: vec![only], ..WrittenForward::default() }
    } else {
        forwardconfig.ok_or_else(|| format!("forward action {name:?} missing forwardConfig"))?
    };
    let mut answered = TranslatedAction::default();
    for target in &forward.targetgroups {
        let backend = backend(target, &mut answered.services, named_port);
        answered.backends.push(backend.map_err(|problem| format!("forward action {name:?}: {problem}"))?);
    }
    if let ([(service, _)], [_]) = (answered.services.as_slice(), forward.targetgroups.as_slice()) {
        answered.lone_service = Some(service.clone());
    }
    if let Some(stickiness) = forward.targetgroupstickinessconfig {
        let mut config = Fields::new();
        put(&mut config, "enabled", stickiness.enabled);
        put(&mut config, "durationSeconds", stickiness.durationseconds);
        let forward = json!({"targetGroupStickinessConfig": config});
        answered.action = Some(json!({"type": "forward", "forwardConfig": forward}));
    }
    Ok(answered)
}

fn backend(
    target: &TargetGroup,
    services: &mut Vec<(String, i32)>,
    named_port: &dyn Fn(&str, &str) -> Result<i32, String>,
) -> Result<Value, String> {
    let mut fields = Fields::new();
    if let Some(service) = &target.servicename {
        let port = match &target.serviceport {
            None => return Err(format!("service {service:?} missing servicePort")),
            Some(IntOrString::Int(number)) => *number,
            Some(IntOrString::String(text)) => match parse::int32(text) {
                Some(number) => number,
                None => named_port(service, text)?,
            },
        };
        put(&mut fields, "name", service.as_str());
        put(&mut fields, "port", port);
        services.push((service.clone(), port));
    } else {
        let of_arn = target.targetgrouparn.as_deref().map(name_of_arn);
        let name = target.targetgroupname.as_deref().or(of_arn);
        let name = name.ok_or("targetGroupTuple has no serviceName, targetGroupName, or targetGroupARN")?;
        put(&mut fields, "kind", "TargetGroupName");
        put(&mut fields, "name", name);
    }
    put(&mut fields, "weight", target.weight);
    Ok(Value::Object(fields))
}

/// The name in the ARN of a target group; the text itself if it is none.
fn name_of_arn(arn: &str) -> &str {
    match arn.split_once("targetgroup/") {
        Some((_, rest)) => rest.split('/').next().unwrap_or(rest),
        None => arn,
    }
}

/// Status codes of redirects that HTTPRoutes have.
const REDIRECT_CODES: [i32; 5] = [301, 302, 303, 307, 308];

fn redirected(redirect: &WrittenRedirect, name: &str) -> Result<Result<TranslatedAction, String>, String> {
    // why dropped: that is what counts without the field
    let given = |text: &Option<String>, default: &[&str]| {
        text.clone().filter(|text| !default.contains(&text.as_str()))
    };
    let mut filter = Fields::new();
    if let Some(host) = given(&redirect.host, &["#{host}"]) {
        if !is_host(&host) {
            return Ok(Err(format!(
                "the redirect is to host {host:?}, and HTTPRoutes take plain host names only"
            )));
        }
        put(&mut filter, "hostname", host.to_lowercase());
    }
    let path = given(&redirect.path, &["/#{path}"]);
    if let Some(path) = path {
        if path.contains(['*', '?']) {
            return Ok(Err(format!(
                "the redirect is to path {path:?}, and paths of HTTPRoutes have no wildcards"
            )));
        }
        put(&mut filter, "path", json!({"type": "ReplaceFullPath", "replaceFullPath": path}));
    }
    if let Some(port) = given(&redirect.port, &["#{port}"]) {
        let number = parse::int32(&port).filter(|number| (1..=65535).contains(number));
        let number = number.ok_or_else(|| {
            format!("redirect action {name:?}: invalid port {port:?}: expected 1 to 65535 or #{{port}}")
        })?;
        put(&mut filter, "port", number);
    }
    if let Some(protocol) = given(&redirect.protocol, &["#{protocol}"]) {
        let scheme = protocol.to_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(format!(
                "redirect action {name:?}: invalid protocol {protocol:?}: expected HTTP, HTTPS or #{{protocol}}"
            ));
        }
        put(&mut filter, "scheme", scheme);
    }
    if !redirect.statuscode.is_empty() {
        let text = redirect.statuscode.strip_prefix("HTTP_").filter(|code| matches!(*code, "301" | "302"));
        let code = parse::int32(text.unwrap_or(&redirect.statuscode));
        let code = code.ok_or_else(|| {
            format!("redirect action {name:?}: unsupported redirect status code {:?}", redirect.statuscode)
        })?;
        if !REDIRECT_CODES.contains(&code) {
            return Ok(Err(format!(
                "the redirect has status code {code}, and HTTPRoutes have 301, 302, 303, 307 and 308"
            )));
        }
        put(&mut filter, "statusCode", code);
    }
    let query = given(&redirect.query, &["#{query}"]);
    let action = query.map(|query| json!({"type": "redirect", "redirectConfig": {"query": query}}));
    let filters = vec![json!({"type": "RequestRedirect", "requestRedirect": filter})];
    Ok(Ok(TranslatedAction { filters, action, ..TranslatedAction::default() }))
}

/// Whether a text is a host without wildcards, as HTTPRoutes take them where a host is put in.
pub fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Types of bodies that ALBs answer with.
const CONTENT_TYPES: [&str; 5] =
    ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

fn fixed_response(
    answer: &WrittenFixedResponse,
    name: &str,
) -> Result<Result<TranslatedAction, String>, String> {
    let code = parse::int32(&answer.statuscode);
    let code = code.ok_or_else(|| {
        format!(
            "fixed-response action {name:?}: invalid statusCode {:?}: expected a number",
            answer.statuscode
        )
    })?;
    if !matches!(code, 200..=299 | 400..=599) {
        return Ok(Err(format!(
            "the answer has status code {code}, and an ALB answers with 2XX, 4XX or 5XX"
        )));
    }
    if let Some(odd) = answer.contenttype.as_deref().filter(|text| !CONTENT_TYPES.contains(text)) {
        let expected = crate::finding::alternatives(&CONTENT_TYPES);
        return Ok(Err(format!("the answer has content type {odd:?}, expected one of {expected}")));
    }
    let mut config = Fields::new();
    put(&mut config, "statusCode", code);
    put(&mut config, "contentType", answer.contenttype.clone());
    put(&mut config, "messageBody", answer.messagebody.clone());
    let action = json!({"type": "fixed-response", "fixedResponseConfig": config});
    Ok(Ok(TranslatedAction { action: Some(action), ..TranslatedAction::default() }))
}
