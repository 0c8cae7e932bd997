//! The `actions.<protocol>-<port>` annotations: a listener's traffic split between target groups.

use super::context::ServiceContext;
use super::target_groups::TargetGroupReader;
use crate::api::{IntOrString, Service, ServicePort};
use crate::aws_api::Ref;
use crate::aws_api::elbv2::{ForwardAction, Protocol, TargetGroupStickiness, TargetGroupTuple};
use crate::facts::{BuildError, MissingLookups};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The annotation as written. Keys are lower-cased before they are matched.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct ForwardAnnotation {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "forwardconfig")]
    forward: Option<ForwardConfig>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct ForwardConfig {
    #[serde(rename = "baseserviceweight")]
    base_weight: Option<i32>,
    #[serde(rename = "targetgroups")]
    entries: Vec<WeightedTargetGroup>,
    #[serde(rename = "targetgroupstickinessconfig")]
    stickiness: Option<Stickiness>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct WeightedTargetGroup {
    #[serde(rename = "targetgrouparn")]
    arn: Option<String>,
    #[serde(rename = "servicename")]
    service: Option<String>,
    #[serde(rename = "serviceport")]
    port: Option<IntOrString>,
    decrypt: Option<bool>,
    weight: Option<i32>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Stickiness {
    enabled: Option<bool>,
}

/// The listener that an action belongs to.
pub(super) struct ActionListener<'p, 'a> {
    pub context: &'p ServiceContext<'a>,
    /// Suffix of the annotation.
    pub suffix: &'p str,
    /// The Service port of the listener.
    pub port: &'a ServicePort,
    /// The listener's protocol.
    pub protocol: &'p Protocol,
    /// Protocol of the own target group.
    pub target_group: &'p Protocol,
}

/// The action that an annotation gives, checked; `None` without one.
pub(super) fn parse(
    context: &ServiceContext<'_>,
    suffix: &str,
) -> Result<Option<ForwardAnnotation>, BuildError> {
    let expected = "a JSON object {\"type\": \"forward\", \"forwardConfig\": {…}}";
    // why: serde takes an array for a struct, which Go does not
    if context.string(suffix).is_some_and(|text| !text.trim_start().starts_with('{')) {
        return Err(context.invalid(suffix, expected).into());
    }
    let action: Option<ForwardAnnotation> =
        context.annotations.json(suffix, expected).map_err(|error| error.found_on(&context.object))?;
    if let Some(problem) = action.as_ref().and_then(find_problem) {
        return Err(context.error(suffix, problem).into());
    }
    Ok(action)
}

fn find_problem(action: &ForwardAnnotation) -> Option<String> {
    if action.kind != "forward" {
        return Some(format!("type is {:?}, expected forward", action.kind));
    }
    let Some(forward) = &action.forward else { return Some("forwardConfig is missing".to_owned()) };
    let problem = |(at, entry)| {
        let problem = find_entry_problem(entry, forward.entries.len() > 1)?;
        Some(format!("forwardConfig.targetGroups[{at}] {problem}"))
    };
    forward.entries.iter().enumerate().find_map(problem)
}

fn find_entry_problem(entry: &WeightedTargetGroup, one_of_several: bool) -> Option<String> {
    let WeightedTargetGroup { arn, service, port, decrypt: _, weight } = entry;
    if arn.is_some() == service.is_some() {
        return Some("needs either targetGroupARN or serviceName".to_owned());
    }
    if service.is_some() && port.is_none() {
        return Some("lacks servicePort".to_owned());
    }
    match weight {
        Some(weight) if !(0..=999).contains(weight) => {
            Some(format!("has weight {weight}, expected 0 to 999"))
        }
        None if one_of_several => Some("lacks weight, which each of several entries needs".to_owned()),
        _ => None,
    }
}

/// The forward action: the Service's own target group first, then the annotation's entries in their order.
pub(super) fn read_forward<'a>(
    listener: &ActionListener<'_, 'a>,
    action: &ForwardAnnotation,
    target_groups: &mut TargetGroupReader<'_, 'a>,
) -> Result<ForwardAction, BuildError> {
    let ActionListener { context, port, .. } = listener;
    let forward = action.forward.clone().unwrap_or_default();
    let services = find_services(listener, &forward)?;
    let own = target_groups.read(context.service, port, listener.target_group)?;
    let mut tuples = vec![TargetGroupTuple { target_group: own, weight: forward.base_weight }];
    for entry in &forward.entries {
        let target_group = resolve_entry(listener, entry, &services, target_groups)?;
        tuples.push(TargetGroupTuple { target_group, weight: entry.weight });
    }
    let plain = !context.config.features.weighted_target_groups;
    if plain && tuples.len() > 1 {
        let message =
            "traffic cannot be split between target groups while feature gate WeightedTargetGroups is off";
        return Err(context.error(listener.suffix, message).into());
    }
    let stickiness = forward
        .stickiness
        .map(|stickiness| TargetGroupStickiness { enabled: stickiness.enabled, duration_seconds: None });
    Ok(ForwardAction { target_groups: tuples, stickiness, plain })
}

type Services<'a> = BTreeMap<String, &'a Service>;

fn find_services<'a>(
    listener: &ActionListener<'_, 'a>,
    forward: &ForwardConfig,
) -> Result<Services<'a>, BuildError> {
    let (mut services, mut questions) = (Services::new(), MissingLookups::default());
    for name in forward.entries.iter().filter_map(|entry| entry.service.as_ref()) {
        let service = questions.collect(find_service(listener, name))?;
        services.extend(service.map(|service| (name.clone(), service)));
    }
    questions.ask()?;
    Ok(services)
}

fn find_service<'a>(listener: &ActionListener<'_, 'a>, name: &str) -> Result<&'a Service, BuildError> {
    let context = listener.context;
    let namespace = &context.object.namespace;
    let found = context.facts.service(namespace, name)??.as_deref();
    found.ok_or_else(|| {
        let message = format!("Service {name:?} does not exist in namespace {namespace}");
        context.error(listener.suffix, message).into()
    })
}

fn resolve_entry<'a>(
    listener: &ActionListener<'_, 'a>,
    entry: &WeightedTargetGroup,
    services: &Services<'a>,
    target_groups: &mut TargetGroupReader<'_, 'a>,
) -> Result<Ref, BuildError> {
    let context = listener.context;
    let (Some(name), Some(wanted)) = (&entry.service, &entry.port) else {
        return Ok(Ref::from(entry.arn.clone().unwrap_or_default()));
    };
    let Some(service) = services.get(name) else { return Ok(Ref::default()) };
    let port = context.find_port(service, wanted).ok_or_else(|| {
        let wanted = match wanted {
            IntOrString::Int(number) => number.to_string(),
            IntOrString::String(name) => format!("{name:?}"),
        };
        context.error(listener.suffix, format!("Service {name:?} has no port {wanted}"))
    })?;
    let decrypts = *listener.protocol == Protocol::Tls && entry.decrypt == Some(true);
    let protocol = if decrypts { &Protocol::Tcp } else { listener.protocol };
    target_groups.read_of_action(service, port, protocol)
}
