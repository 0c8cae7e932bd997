//! Security groups that users name, and the inbound rules of the one that the controller creates.
//!
//! Upstream: `pkg/networking/security_group_resolver.go`.

use super::Origin;
use crate::annotations::value::MAX_RULES;
use crate::aws_api::Ref;
use crate::aws_api::ec2::{IngressRule, RuleSource, SecurityGroup as FoundSecurityGroup};
use crate::config::Config;
use crate::facts::{BuildError, Facts, LookupFailure};
use crate::finding::{Finding, enumerate};
use std::collections::BTreeSet;

/// Ids of the security groups that a list of ids (`sg-…`) and `Name` tags means: ids first, then names, each in AWS's
/// order. A name stands for all groups that carry it; whatever is not found is an error, and so is an id given twice.
pub fn resolve(listed: &[String], origin: &Origin, facts: &Facts) -> Result<Vec<String>, BuildError> {
    let (ids, names): (Vec<&String>, Vec<&String>) = listed.iter().partition(|item| item.starts_with("sg-"));
    let mut found = Vec::new();
    let mut missing = Vec::new();
    if !ids.is_empty() {
        let groups = find_by_id(&unique(&ids), facts)?;
        missing.extend(not_among(&ids, groups.iter().map(|group| group.id.as_str())));
        found.extend(groups.iter().map(|group| group.id.clone()));
    }
    if !names.is_empty() {
        let groups = facts.security_groups_by_name(&unique(&names))??;
        missing.extend(not_among(&names, groups.iter().filter_map(name_tag)));
        found.extend(groups.iter().map(|group| group.id.clone()));
    }
    if let Some(finding) = judge(&ids, &missing, origin) {
        return Err(finding.into());
    }
    Ok(found)
}

fn judge(ids: &[&String], missing: &[String], origin: &Origin) -> Option<Finding> {
    if !missing.is_empty() {
        let hint = "give ids (sg-…), or values of the tag Name of security groups in the cluster's VPC";
        return Some(origin.error(format!("no security group is called {}", enumerate(missing))).hint(hint));
    }
    let mut told = BTreeSet::new();
    let repeated = ids.iter().find(|id| !told.insert(*id));
    repeated.map(|id| origin.error(format!("security group {id} is listed twice")))
}

fn find_by_id<'a>(ids: &Vec<String>, facts: &'a Facts) -> Result<&'a [FoundSecurityGroup], BuildError> {
    match facts.security_groups_by_id(ids)? {
        Ok(groups) => Ok(groups),
        Err(failure) if is_unknown_id(&failure) => Ok(&[]),
        Err(failure) => Err(failure.into()),
    }
}

/// EC2 refuses the whole request when one id is unknown or malformed.
fn is_unknown_id(failure: &LookupFailure) -> bool {
    failure.code.as_deref().is_some_and(|code| code.starts_with("InvalidGroup"))
}

fn unique(items: &[&String]) -> Vec<String> {
    items.iter().copied().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

fn not_among<'a>(asked: &[&String], found: impl Iterator<Item = &'a str>) -> Vec<String> {
    let found: BTreeSet<&str> = found.collect();
    let missing = unique(asked).into_iter().filter(|item| !found.contains(item.as_str()));
    missing.collect()
}

fn name_tag(group: &FoundSecurityGroup) -> Option<&str> {
    group.tags.get("Name").map(String::as_str)
}

/// How many sources the rules of a security group have, whichever port they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// IPv4 ranges.
    pub ipv4: usize,
    /// IPv6 ranges.
    pub ipv6: usize,
    /// Prefix lists, of either family.
    pub prefix_lists: usize,
}

/// Refuses more rules than a security group can have, one for each port and source. AWS counts those of each address family
/// on their own.
pub fn check_count(ports: usize, sources: Sources, origin: &Origin) -> Result<(), BuildError> {
    let Sources { ipv4, ipv6, prefix_lists } = sources;
    let most = ipv4.max(ipv6).max(prefix_lists.div_ceil(2));
    let rules = ports.saturating_mul(most);
    if most <= 1 || rules <= MAX_RULES {
        return Ok(());
    }
    let problem = format!(
        "{most} sources on {ports} ports make {rules} rules of one security group, expected at most {MAX_RULES}"
    );
    Err(origin.error(problem).hint("use fewer ranges, wider ones, or a prefix list").into())
}

/// The shared backend security group: the one that `--backend-security-group` names, or the cluster's own.
///
/// Errors: [`BuildError::MissingFacts`] asks for the latter, which brings it into being; so ask only when it is used.
pub fn backend_group(facts: &Facts, config: &Config) -> Result<Ref, BuildError> {
    if !config.backend_security_group.is_empty() {
        return Ok(Ref::from(config.backend_security_group.as_str()));
    }
    Ok(Ref::from(facts.backend_security_group()??.as_str()))
}

/// A rule from one source to one port; `protocol` in lower case.
pub fn rule_to_port(protocol: &str, port: i32, source: RuleSource) -> IngressRule {
    IngressRule {
        protocol: protocol.to_owned(),
        from_port: Some(port),
        to_port: Some(port),
        source,
        description: None,
    }
}

/// Lets the path MTU be discovered: "fragmentation needed" of ICMP, "packet too big" of ICMPv6.
pub fn icmp_rule(source: RuleSource) -> IngressRule {
    let (protocol, kind, code) =
        if matches!(source, RuleSource::Ipv6(_)) { ("icmpv6", 2, 0) } else { ("icmp", 3, 4) };
    IngressRule {
        protocol: protocol.to_owned(),
        from_port: Some(kind),
        to_port: Some(code),
        source,
        description: None,
    }
}

/// Whether a CIDR is of the IPv6 family; the syntax is AWS's to judge.
pub fn is_ipv6_cidr(cidr: &str) -> bool {
    cidr.contains(':')
}

/// A CIDR as the source of a rule.
pub fn cidr_source(cidr: &str) -> RuleSource {
    if is_ipv6_cidr(cidr) { RuleSource::Ipv6(cidr.to_owned()) } else { RuleSource::Ipv4(cidr.to_owned()) }
}

#[cfg(test)]
mod tests;
