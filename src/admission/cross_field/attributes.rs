//! Attributes of a Service's load balancer and target groups beside annotations for the same thing. One of the two is not
//! built, whichever it is.

use super::IngressChecks;
use crate::annotations::service as keys;
use crate::api::Service;
use crate::finding::Finding;
use crate::settings::ports;

const PROXY_PROTOCOL: &str = "proxy_protocol_v2.enabled";
const ACCESS_LOG: &str = "access_logs.s3.enabled";

/// Both are given, and differ.
pub(super) fn of_service(checks: &IngressChecks<'_, '_>, service: &Service) -> Vec<Finding> {
    let mut findings = of_balancer(checks);
    findings.extend(of_scheme(checks));
    findings.extend(of_targets(checks, service));
    if !checks.is_true(keys::ACCESS_LOG_ENABLED) {
        let idle = [keys::ACCESS_LOG_BUCKET, keys::ACCESS_LOG_PREFIX];
        findings.extend(checks.idle_without(idle, keys::ACCESS_LOG_ENABLED));
    }
    if checks.is(keys::PROXY_PROTOCOL, "*") {
        findings.extend(checks.idle_beside([keys::PROXY_PROTOCOL_PORTS], keys::PROXY_PROTOCOL));
    }
    findings
}

fn of_balancer(checks: &IngressChecks<'_, '_>) -> Vec<Finding> {
    let flag = |suffix: &str| checks.annotations.boolean(suffix).ok().flatten().map(|on| on.to_string());
    let text = |suffix: &str| checks.annotations.string(suffix).map(str::to_owned);
    let logs = checks.is_true(keys::ACCESS_LOG_ENABLED);
    let older = [
        (keys::CROSS_ZONE, "load_balancing.cross_zone.enabled", flag(keys::CROSS_ZONE)),
        (keys::ACCESS_LOG_ENABLED, ACCESS_LOG, flag(keys::ACCESS_LOG_ENABLED)),
        (keys::ACCESS_LOG_BUCKET, "access_logs.s3.bucket", text(keys::ACCESS_LOG_BUCKET).filter(|_| logs)),
        (keys::ACCESS_LOG_PREFIX, "access_logs.s3.prefix", text(keys::ACCESS_LOG_PREFIX).filter(|_| logs)),
    ];
    let given = checks.annotations.map(keys::ATTRIBUTES).ok().flatten().unwrap_or_default();
    let differing = older.into_iter().filter_map(|(suffix, key, value)| {
        let (value, attribute) = (value?, given.get(key)?);
        (value != *attribute).then(|| contradiction(checks, suffix, &value, key, attribute, keys::ATTRIBUTES))
    });
    differing.collect()
}

/// `suffix` says `value`, but the attribute in another annotation says something else.
fn contradiction(
    checks: &IngressChecks<'_, '_>,
    suffix: &str,
    value: &str,
    key: &str,
    attribute: &str,
    place: &str,
) -> Finding {
    let place = checks.annotations.key(place);
    let problem = format!("{value:?} contradicts {key}={attribute} in {place}");
    let finding = Finding::error(checks.object, problem).at(checks.annotations.key(suffix));
    finding.hint("say it in one place only")
}

fn of_scheme(checks: &IngressChecks<'_, '_>) -> Option<Finding> {
    let internal = checks.annotations.boolean(keys::INTERNAL).ok().flatten()?;
    let scheme = checks.annotations.string(keys::SCHEME)?;
    let meant = if internal { "internal" } else { "internet-facing" };
    let is_known = matches!(scheme, "internal" | "internet-facing");
    let problem = format!("\"{internal}\" contradicts {}: {scheme}", checks.annotations.key(keys::SCHEME));
    (is_known && scheme != meant).then(|| {
        Finding::error(checks.object, problem)
            .at(checks.annotations.key(keys::INTERNAL))
            .hint("say it in one place only")
    })
}

/// Proxy protocol of target groups.
fn of_targets(checks: &IngressChecks<'_, '_>, service: &Service) -> Vec<Finding> {
    let listed = checks.annotations.list(keys::PROXY_PROTOCOL_PORTS);
    let is_for_all = checks.is(keys::PROXY_PROTOCOL, "*");
    let wanted = |port: i32| match &listed {
        _ if is_for_all => Some(true),
        Some(listed) => Some(listed.contains(&port.to_string())),
        None => None,
    };
    let suffix = if is_for_all { keys::PROXY_PROTOCOL } else { keys::PROXY_PROTOCOL_PORTS };
    let value = checks.annotations.string(suffix).unwrap_or_default();
    let mut findings = Vec::new();
    for port in ports::ports(service) {
        let Some(wanted) = wanted(port.port) else { continue };
        let of_port = format!("{}.{}", keys::TARGET_GROUP_ATTRIBUTES, port.port);
        let given = [of_port.as_str(), keys::TARGET_GROUP_ATTRIBUTES].into_iter().find_map(|place| {
            let attribute = checks.annotations.map(place).ok().flatten()?.remove(PROXY_PROTOCOL)?;
            Some((place, attribute)).filter(|(_, attribute)| !attribute.is_empty())
        });
        if let Some((place, attribute)) = given.filter(|(_, attribute)| *attribute != wanted.to_string()) {
            findings.push(contradiction(checks, suffix, value, PROXY_PROTOCOL, &attribute, place));
        }
    }
    findings.dedup();
    findings
}
