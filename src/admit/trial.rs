//! Trial builds: what the real builder finds wrong with an object that AWS would do everything for.
//!
//! The builder stops at the first mistake. To find all of them, the annotation it blames is taken out (or set right, where
//! the builder says how), and it builds again.

use super::benevolent::World;
use crate::api::{IntOrString, Service, ServicePort};
use crate::build::{self, Built};
use crate::cloud::elbv2::{LoadBalancerType, Scheme};
use crate::config::Config;
use crate::finding::{Finding, Findings};
use crate::inputs::{Facts, Halt};
use std::collections::BTreeMap;

/// The most questions a build asks.
const MAX_QUESTIONS: usize = 256;
/// The most mistakes that are looked for.
const MAX_MISTAKES: usize = 24;
/// Node ports that a Service will be given.
const FIRST_NODE_PORT: i32 = 30_000;

/// Builds a Service until nothing is wrong any more. `is_new`: it has no load balancer yet.
pub fn try_service(service: &Service, is_new: bool, config: &Config) -> Vec<Finding> {
    let mut service = completed(service);
    let mut findings = Vec::new();
    for _ in 0..MAX_MISTAKES {
        match build_in_some_world(&service, is_new, config) {
            Ok(found) => {
                findings.extend(found);
                break;
            }
            Err(finding) => {
                let repaired = repair(service.metadata.annotations.as_mut(), &finding);
                if !is_consequence(&finding, &findings) {
                    findings.push(*finding);
                }
                if !repaired {
                    break;
                }
            }
        }
    }
    findings
}

/// The stack a Service would get where nothing is wrong with it; an update sees its load balancer.
pub fn build_service(
    service: &Service,
    world: &World,
    config: &Config,
) -> Result<Option<Built>, Box<Finding>> {
    let mut facts = Facts::default();
    for _ in 0..MAX_QUESTIONS {
        match build::service::build(service, &facts, config) {
            Ok(built) => return Ok(Some(built)),
            Err(Halt::Lacking(query)) => world.answer(query, &mut facts, config),
            Err(Halt::Finding(finding)) => return Err(finding),
            Err(Halt::Unanswered(_)) => return Ok(None),
        }
    }
    Ok(None)
}

/// What the first world that can build it has to say, else what is wrong in a world without a load balancer.
fn build_in_some_world(service: &Service, is_new: bool, config: &Config) -> Result<Findings, Box<Finding>> {
    let found = |built: Option<Built>| built.map(|built| built.findings).unwrap_or_default();
    let first = build_service(service, &World::for_service(service), config);
    if is_new || first.is_ok() {
        return first.map(found);
    }
    for scheme in [Scheme::InternetFacing, Scheme::Internal] {
        for has_security_groups in [true, false] {
            let world = World::for_service(service);
            let world = world.with_existing(LoadBalancerType::Network, scheme.clone(), has_security_groups);
            if let Ok(built) = build_service(service, &world, config) {
                return Ok(found(built));
            }
        }
    }
    first.map(found)
}

/// Sets the blamed annotation right, or takes it out; `false`: there is none.
fn repair(annotations: Option<&mut BTreeMap<String, String>>, finding: &Finding) -> bool {
    let (Some(annotations), Some(field)) = (annotations, &finding.field) else { return false };
    let Some(value) = annotations.get_mut(field) else { return false };
    match proposal(finding) {
        Some(right) if right != value.as_str() && finding.message.starts_with(&format!("{value:?}")) => {
            right.clone_into(value);
        }
        _ => {
            annotations.remove(field);
        }
    }
    true
}

/// The value that a finding proposes instead of the whole annotation.
fn proposal(finding: &Finding) -> Option<&str> {
    finding.hint.as_deref()?.strip_prefix("did you mean `")?.strip_suffix("`?")
}

/// Whether a finding follows from one before: it asks to set an annotation that was wrong and has been taken out.
fn is_consequence(finding: &Finding, earlier: &[Finding]) -> bool {
    let asks_for = |field: &str| finding.hint.as_deref().is_some_and(|hint| hint.contains(field));
    earlier.iter().filter_map(|earlier| earlier.field.as_deref()).any(asks_for)
}

/// The Service as the API server will store it: with node ports, which it hands out after admission.
fn completed(service: &Service) -> Service {
    let mut service = service.clone();
    let Some(spec) = service.spec.as_mut() else { return service };
    let has_node_ports = match spec.type_.as_deref() {
        Some("LoadBalancer") => spec.allocate_load_balancer_node_ports != Some(false),
        Some("NodePort") => true,
        _ => false,
    };
    if has_node_ports {
        spec.ports.iter_mut().flatten().zip(FIRST_NODE_PORT..).for_each(|(port, number)| fill(port, number));
    }
    if spec.external_traffic_policy.as_deref() == Some("Local") {
        spec.health_check_node_port.get_or_insert(FIRST_NODE_PORT - 1);
    }
    service
}

fn fill(port: &mut ServicePort, number: i32) {
    if port.node_port.unwrap_or_default() == 0 {
        port.node_port = Some(number);
    }
    port.target_port.get_or_insert(IntOrString::Int(port.port));
}

#[cfg(test)]
mod tests;
