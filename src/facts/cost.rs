//! What an object costs to build, estimated from its lists before anything is built.
//!
//! What multiplies is what costs: every port with every source range, every path with its rule. An object beyond [`MOST`] asks
//! for many times what AWS takes, so it is refused, or put aside until it changes, instead of being built in vain.

use crate::annotations::ingress::of as of_ingress_annotations;
use crate::annotations::service::SOURCE_RANGES;
use crate::annotations::{Annotations, NLB_PREFIX};
use crate::api::ObjectKey;
use crate::facts::object_refs::ingress_ref;
use crate::finding::{Finding, ObjectRef};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Security group rules, or rules of a load balancer, of one object. AWS takes a thousand in all security groups of a load
/// balancer, and a hundred rules of a listener unless its quota was raised.
pub const MOST: usize = 10_000;
/// Bytes of one rule with what it is made from.
const RULE: usize = 128;

/// Begins what is said of an object that is not built because of what it would cost.
const TOO_COSTLY: &str = "too costly to be built";

/// Whether a finding says that an object is not built because of what it would cost.
pub fn is_of_cost(finding: &Finding) -> bool {
    finding.message.starts_with(TOO_COSTLY)
}

/// Why a Service is too costly to be built.
pub fn too_costly_service(service: &Service) -> Option<Finding> {
    let (ports, ranges) = (ports(service), source_ranges(service));
    let rules = ports.saturating_mul(ranges);
    (rules > MOST).then(|| {
        let key = ObjectKey::of(service);
        let object =
            ObjectRef { kind: "Service", namespace: key.namespace().to_owned(), name: key.name().to_owned() };
        let problem = format!(
            "{TOO_COSTLY}: {ports} ports for {ranges} source ranges are {rules} security group rules, at most \
             {MOST} are tried and AWS takes 1000"
        );
        Finding::error(&object, problem).hint("name wider ranges, or a prefix list in security-group-prefix-lists")
    })
}

/// Why an Ingress is too costly to be built.
pub fn too_costly_ingress(ingress: &Ingress) -> Option<Finding> {
    let (paths, ports, ranges) = (paths(ingress), listen_ports(ingress), inbound_ranges(ingress));
    let object = ingress_ref(ingress);
    if paths > MOST {
        let problem = format!(
            "{TOO_COSTLY}: {paths} paths, at most {MOST} are tried and a listener holds 100 rules by default"
        );
        return Some(Finding::error(&object, problem).hint("spread them over several Ingress groups"));
    }
    let rules = ports.saturating_mul(ranges);
    (rules > MOST).then(|| {
        let problem = format!(
            "{TOO_COSTLY}: {ports} ports for {ranges} inbound CIDRs are {rules} security group rules, at most \
             {MOST} are tried and AWS takes 1000"
        );
        Finding::error(&object, problem).hint("name wider CIDRs, or a prefix list in security-group-prefix-lists")
    })
}

/// Why an Ingress is put aside whose group asks for so many paths in all.
pub fn too_costly_in_group(ingress: &Ingress, total: usize) -> Finding {
    let own = paths(ingress);
    let problem = format!(
        "{TOO_COSTLY}: {own} of the {total} paths of its group are its own, more than any other member's that is built; at most \
         {MOST} are tried, and a listener holds 100 rules by default"
    );
    Finding::error(&ingress_ref(ingress), problem).hint("spread them over several Ingress groups")
}

/// Which of several have to be put aside so that the others come to at most [`MOST`] rules in all, each with what all that were left
/// before it come to. `costs` are rules, in the order of importance: the costliest go first, and of equals the last.
pub fn exceeding(costs: &[usize]) -> Vec<(usize, usize)> {
    let mut total: usize = costs.iter().sum();
    let mut aside = Vec::new();
    if total <= MOST {
        return aside;
    }
    let mut order: Vec<(usize, usize)> = costs.iter().copied().enumerate().collect();
    order.sort_by_key(|(number, cost)| Reverse((*cost, *number)));
    for (number, cost) in order {
        if total <= MOST {
            break;
        }
        aside.push((number, total));
        total -= cost;
    }
    aside
}

/// Bytes that a build of the Service works on.
pub fn size_of_service(service: &Service) -> usize {
    let rules = ports(service).saturating_mul(source_ranges(service));
    rules.saturating_mul(RULE) + bytes(service.metadata.annotations.as_ref())
}

/// Bytes that a build with the Ingress as a member works on.
pub fn size_of_ingress(ingress: &Ingress) -> usize {
    let rules = listen_ports(ingress).saturating_mul(inbound_ranges(ingress)) + paths(ingress);
    rules.saturating_mul(RULE) + bytes(ingress.metadata.annotations.as_ref())
}

fn bytes(annotations: Option<&BTreeMap<String, String>>) -> usize {
    annotations.into_iter().flatten().map(|(key, value)| key.len() + value.len()).sum()
}

fn ports(service: &Service) -> usize {
    service.spec.as_ref().and_then(|spec| spec.ports.as_ref()).map_or(0, Vec::len)
}

fn source_ranges(service: &Service) -> usize {
    let annotations = Annotations::new(NLB_PREFIX, service.metadata.annotations.as_ref());
    let named = service.spec.as_ref().and_then(|spec| spec.load_balancer_source_ranges.as_ref());
    named.map_or(0, Vec::len).max(items(annotations.string(SOURCE_RANGES))).max(1)
}

/// Paths of an Ingress; a rule without any counts as one.
pub fn paths(ingress: &Ingress) -> usize {
    let rules = ingress.spec.as_ref().and_then(|spec| spec.rules.as_ref()).into_iter().flatten();
    rules.map(|rule| rule.http.as_ref().map_or(1, |http| http.paths.len())).sum()
}

fn listen_ports(ingress: &Ingress) -> usize {
    let annotations = of_ingress_annotations(ingress.metadata.annotations.as_ref());
    annotations.string("listen-ports").map_or(1, |text| text.matches(':').count()).max(1)
}

fn inbound_ranges(ingress: &Ingress) -> usize {
    let annotations = of_ingress_annotations(ingress.metadata.annotations.as_ref());
    items(annotations.string("inbound-cidrs")).max(1)
}

/// Items of a list as annotations write it.
fn items(text: Option<&str>) -> usize {
    text.map_or(0, |text| text.split(',').filter(|item| !item.trim().is_empty()).count())
}

#[cfg(test)]
mod tests;
