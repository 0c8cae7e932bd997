//! ARNs of another region: what a load balancer uses must be in its own.

use crate::annotations::value::ValueFinding;
use crate::config::Config;

/// Services whose resources a load balancer only finds in its own region.
const REGIONAL: &[&str] = &["acm", "elasticloadbalancing", "wafv2"];

/// Reports ARNs in a text, whatever stands around them. Without a region nothing is known.
pub fn check(text: &str, config: &Config) -> Vec<ValueFinding> {
    let ours = config.region.as_str();
    let parts = text.split(|c: char| c == ',' || c == '"' || c.is_whitespace());
    let foreign = parts.filter_map(|arn| Some((arn, region_of(arn)?)));
    foreign
        .filter(|(_, region)| !ours.is_empty() && *region != ours)
        .map(|(arn, region)| {
            ValueFinding::error(format!("{arn:?} is in {region}, but the load balancer is in {ours}"))
        })
        .collect()
}

/// The region of an ARN, if it matters.
fn region_of(arn: &str) -> Option<&str> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(4, ':').skip(1);
    let (service, region) = (parts.next()?, parts.next()?);
    (REGIONAL.contains(&service) && !region.is_empty()).then_some(region)
}

#[cfg(test)]
mod tests;
