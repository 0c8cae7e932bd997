//! IngressClassParams: what its schema cannot say.
//!
//! Matches upstream's `webhooks/elbv2/ingressclassparams_validator.go`.

use super::{Admitted, Change, Denial, ingress_class_params_fields};
use crate::annotations::parse;
use crate::config::Config;
use crate::finding::enumerate;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Checks a new or changed object; all mistakes at once. An update that leaves the spec as it was is never refused.
pub fn check(config: &Config, change: &Change<'_>) -> Result<Admitted, Denial> {
    if change.is_of_no_concern() {
        return Ok(Admitted::unchanged());
    }
    let check = if check_inbound_cidrs(change.object).is_empty() {
        "checkSubnetSelectors"
    } else {
        "checkInboundCIDRs"
    };
    match invalid_fields(change.object).as_slice() {
        [] => change.check_object(config, "fields", ingress_class_params_fields::params_ref, |params, _| {
            ingress_class_params_fields::check(config, params)
        }),
        [one] => Err(Denial::new(check, one)),
        many => Err(Denial::new(check, format!("[{}]", enumerate(many)))),
    }
}

/// What upstream's checks say, each with its field in front.
pub fn invalid_fields(object: &Value) -> Vec<String> {
    let mut mistakes = check_inbound_cidrs(object);
    mistakes.extend(check_subnets(object));
    mistakes
}

fn check_inbound_cidrs(object: &Value) -> Vec<String> {
    let cidrs = object.pointer("/spec/inboundCIDRs").and_then(Value::as_array).into_iter().flatten();
    let check = |(index, cidr): (usize, &Value)| {
        let cidr = cidr.as_str().unwrap_or_default();
        let hint = cidr_error(cidr)?;
        Some(format!("spec.inboundCIDRs[{index}]: Invalid value: \"{cidr}\": {hint}"))
    };
    cidrs.enumerate().filter_map(check).collect()
}

fn cidr_error(cidr: &str) -> Option<String> {
    if let Ok(address) = cidr.parse::<IpAddr>() {
        let length = if address.is_ipv4() { 32 } else { 64 };
        return Some(format!("could not be parsed as a CIDR (did you mean \"{cidr}/{length}\")"));
    }
    match parse::cidr(cidr) {
        None => Some("could not be parsed as a CIDR".to_owned()),
        Some(net) if net.addr() != net.network() => {
            Some(format!("network contains bits outside prefix (did you mean \"{}\")", net.trunc()))
        }
        Some(_) => None,
    }
}

fn check_subnets(object: &Value) -> Vec<String> {
    let Some(subnets) = object.pointer("/spec/subnets").filter(|subnets| !subnets.is_null()) else {
        return Vec::new();
    };
    let ids = subnets.get("ids").and_then(Value::as_array);
    let tags = subnets.get("tags").and_then(Value::as_object);
    match (ids, tags) {
        (None, None) => vec!["spec.subnets: Required value: must have either `ids` or `tags`".to_owned()],
        (Some(_), Some(_)) => {
            vec!["spec.subnets.tags: Forbidden: may not have both `ids` and `tags` set".to_owned()]
        }
        (Some(ids), None) => duplicates(ids)
            .map(|(index, id)| format!("spec.subnets.ids[{index}]: Duplicate value: \"{id}\""))
            .collect(),
        (None, Some(tags)) if tags.is_empty() => {
            vec!["spec.subnets.tags: Required value: must have at least one tag key".to_owned()]
        }
        (None, Some(tags)) => tags.iter().flat_map(|(key, values)| check_tag_values(key, values)).collect(),
    }
}

fn check_tag_values(key: &str, values: &Value) -> Vec<String> {
    let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
    duplicates(values)
        .map(|(index, value)| format!("spec.subnets.tags[{key}][{index}]: Duplicate value: \"{value}\""))
        .collect()
}

fn duplicates(values: &[Value]) -> impl Iterator<Item = (usize, &str)> {
    let mut seen = BTreeSet::new();
    values.iter().enumerate().filter_map(move |(index, value)| {
        let value = value.as_str()?;
        (!seen.insert(value)).then_some((index, value))
    })
}

#[cfg(test)]
mod tests;
