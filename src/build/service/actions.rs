//! The `actions.<protocol>-<port>` annotations: a listener's traffic split between target groups.

use super::context::Context;
use super::target_groups::{self, Backend};
use crate::api::{IntOrString, Service, ServicePort};
use crate::cloud::elbv2::{ForwardAction, Protocol, TargetGroupStickiness, TargetGroupTuple};
use crate::cloud::{Ref, SymbolKind};
use crate::inputs::{Halt, Questions};
use crate::model::Stack;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The annotation as written. Keys are lower-cased before they are matched.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Action {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "forwardconfig")]
    forward: Option<Forward>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Forward {
    #[serde(rename = "baseserviceweight")]
    base_weight: Option<i32>,
    #[serde(rename = "targetgroups")]
    entries: Vec<Entry>,
    #[serde(rename = "targetgroupstickinessconfig")]
    stickiness: Option<Stickiness>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Entry {
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
pub(super) struct Place<'p, 'a> {
    pub context: &'p Context<'a>,
    pub backend: &'p Backend<'p>,
    /// Suffix of the annotation.
    pub suffix: &'p str,
    /// The Service port of the listener.
    pub port: &'p ServicePort,
    /// The listener's protocol.
    pub listener: &'p Protocol,
    /// Protocol of the own target group.
    pub target_group: &'p Protocol,
}

/// The action that an annotation gives, checked; `None` without one.
pub(super) fn parse(context: &Context<'_>, suffix: &str) -> Result<Option<Action>, Halt> {
    let expected = "a JSON object {\"type\": \"forward\", \"forwardConfig\": {…}}";
    let action: Option<Action> =
        context.annotations.json(suffix, expected).map_err(|error| error.found_on(&context.object))?;
    if let Some(problem) = action.as_ref().and_then(find_problem) {
        return Err(context.error(suffix, problem).into());
    }
    Ok(action)
}

fn find_problem(action: &Action) -> Option<String> {
    if action.kind != "forward" {
        return Some(format!("type is {:?}, expected \"forward\"", action.kind));
    }
    let Some(forward) = &action.forward else { return Some("forwardConfig is missing".to_owned()) };
    let problem = |(at, entry)| {
        let problem = find_entry_problem(entry, forward.entries.len() > 1)?;
        Some(format!("forwardConfig.targetGroups[{at}] {problem}"))
    };
    forward.entries.iter().enumerate().find_map(problem)
}

fn find_entry_problem(entry: &Entry, one_of_several: bool) -> Option<String> {
    let Entry { arn, service, port, decrypt: _, weight } = entry;
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
pub(super) fn build_forward(
    place: &Place<'_, '_>,
    action: &Action,
    stack: &mut Stack,
) -> Result<ForwardAction, Halt> {
    let Place { context, backend, port, .. } = place;
    let forward = action.forward.clone().unwrap_or_default();
    let services = find_services(place, &forward)?;
    let own =
        target_groups::ensure(context, backend, context.service, port, place.target_group, None, stack)?;
    let mut target_groups = vec![TargetGroupTuple {
        target_group: own.pending(SymbolKind::TargetGroupArn),
        weight: forward.base_weight,
    }];
    for entry in &forward.entries {
        let target_group = resolve_entry(place, entry, &services, stack)?;
        target_groups.push(TargetGroupTuple { target_group, weight: entry.weight });
    }
    let plain = !context.config.features.weighted_target_groups;
    if plain && target_groups.len() > 1 {
        let message =
            "traffic cannot be split between target groups while feature gate WeightedTargetGroups is off";
        return Err(context.error(place.suffix, message).into());
    }
    let stickiness = forward
        .stickiness
        .map(|stickiness| TargetGroupStickiness { enabled: stickiness.enabled, duration_seconds: None });
    Ok(ForwardAction { target_groups, stickiness, plain })
}

type Services<'a> = BTreeMap<String, &'a Arc<Service>>;

fn find_services<'a>(place: &Place<'_, 'a>, forward: &Forward) -> Result<Services<'a>, Halt> {
    let (mut services, mut questions) = (Services::new(), Questions::default());
    for name in forward.entries.iter().filter_map(|entry| entry.service.as_ref()) {
        let service = questions.collect(find_service(place, name))?;
        services.extend(service.map(|service| (name.clone(), service)));
    }
    questions.ask()?;
    Ok(services)
}

fn find_service<'a>(place: &Place<'_, 'a>, name: &str) -> Result<&'a Arc<Service>, Halt> {
    let context = place.context;
    let namespace = &context.object.namespace;
    let found = context.facts.service(namespace, name)??.as_ref();
    found.ok_or_else(|| {
        let message = format!("Service {name:?} does not exist in namespace {namespace}");
        context.error(place.suffix, message).into()
    })
}

fn resolve_entry(
    place: &Place<'_, '_>,
    entry: &Entry,
    services: &Services<'_>,
    stack: &mut Stack,
) -> Result<Ref, Halt> {
    let Place { context, backend, .. } = place;
    let (Some(name), Some(wanted)) = (&entry.service, &entry.port) else {
        return Ok(Ref::from(entry.arn.clone().unwrap_or_default()));
    };
    let Some(service) = services.get(name) else { return Ok(Ref::default()) };
    let port = context.find_port(service, wanted).ok_or_else(|| {
        let wanted = match wanted {
            IntOrString::Int(number) => number.to_string(),
            IntOrString::String(name) => format!("{name:?}"),
        };
        context.error(place.suffix, format!("Service {name:?} has no port {wanted}"))
    })?;
    let decrypts = *place.listener == Protocol::Tls && entry.decrypt == Some(true);
    let protocol = if decrypts { &Protocol::Tcp } else { place.listener };
    let base = Some(context.service);
    let id = target_groups::ensure(context, backend, service, port, protocol, base, stack)?;
    Ok(id.pending(SymbolKind::TargetGroupArn))
}
