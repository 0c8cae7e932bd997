//! Ingress rules of security groups.

use super::security_group::is_allowed;
use crate::{
    World,
    refusal::{CallResult, ensure, refuse},
};
use aws_load_balancer_controller::aws_api::{
    Ref,
    ec2::{AuthorizeIngress, IngressRule, RevokeIngress, RuleSource},
};
use ipnet::IpNet;
use std::collections::BTreeSet;

impl World {
    /// Adds rules to a group: all of them or none.
    pub(crate) fn authorize_ingress(&mut self, request: &AuthorizeIngress) -> CallResult<()> {
        let group = self.security_group(&request.group_id)?;
        let rules = self.normalize_rules(&request.rules, &group.vpc_id)?;
        if let Some(rule) =
            rules.iter().find(|rule| group.ingress.iter().any(|known| identity(known) == identity(rule)))
        {
            return Err(refuse(
                "InvalidPermission.Duplicate",
                format!("the specified rule \"{}\" already exists", words(rule)),
            ));
        }
        let most = self.settings.quotas.rules_per_security_group;
        let (ipv4, ipv6) = self.weights(group.ingress.iter().chain(&rules));
        ensure(ipv4.max(ipv6) <= most, || {
            refuse(
                "RulesPerSecurityGroupLimitExceeded",
                "The maximum number of rules per security group has been reached.",
            )
        })?;
        self.security_group_mut(&request.group_id)?.ingress.extend(rules);
        Ok(())
    }

    /// Takes rules away from a group: all of them or none.
    pub(crate) fn revoke_ingress(&mut self, request: &RevokeIngress) -> CallResult<()> {
        let vpc_id = self.security_group(&request.group_id)?.vpc_id.clone();
        let rules = self.normalize_rules(&request.rules, &vpc_id)?;
        let group = self.security_group_mut(&request.group_id)?;
        let gone: BTreeSet<_> = rules.iter().map(identity).collect();
        let known = group.ingress.iter().map(identity).collect();
        ensure(gone.is_subset(&known), || {
            refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
        })?;
        group.ingress.retain(|rule| !gone.contains(&identity(rule)));
        Ok(())
    }

    /// Rules of a group in this VPC as EC2 keeps them.
    fn normalize_rules(&self, rules: &[IngressRule], vpc_id: &str) -> CallResult<Vec<IngressRule>> {
        ensure(!rules.is_empty(), || {
            refuse("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
        })?;
        let normalized: Vec<_> =
            rules.iter().map(|rule| self.normalize_rule(rule, vpc_id)).collect::<CallResult<_>>()?;
        let distinct: BTreeSet<_> = normalized.iter().map(identity).collect();
        ensure(distinct.len() == normalized.len(), || {
            refuse("InvalidParameterValue", "The same permission must not appear multiple times")
        })?;
        Ok(normalized)
    }

    fn normalize_rule(&self, rule: &IngressRule, vpc_id: &str) -> CallResult<IngressRule> {
        let protocol = normalize_protocol(&rule.protocol);
        let all = protocol == "-1";
        check_ports(&protocol, rule)?;
        let description = rule.description.clone().filter(|text| !text.is_empty());
        let fits = |text: &String| text.chars().count() <= 255 && text.chars().all(is_allowed);
        ensure(description.as_ref().is_none_or(fits), || {
            refuse(
                "InvalidParameterValue",
                "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
            )
        })?;
        Ok(IngressRule {
            protocol,
            from_port: rule.from_port.filter(|_| !all),
            to_port: rule.to_port.filter(|_| !all),
            source: self.normalize_source(&rule.source, vpc_id)?,
            description,
        })
    }

    fn normalize_source(&self, source: &RuleSource, vpc_id: &str) -> CallResult<RuleSource> {
        match source {
            RuleSource::Ipv4(cidr) => normalize_cidr(cidr).map(RuleSource::Ipv4),
            RuleSource::Ipv6(cidr) => normalize_cidr(cidr).map(RuleSource::Ipv6),
            RuleSource::SecurityGroup(id) => {
                let group = self.security_group(id)?;
                // Source: the answer of EC2 for a group of a VPC that is not peered
                ensure(group.vpc_id == vpc_id, || {
                    refuse(
                        "InvalidGroup.NotFound",
                        "You have specified two resources that belong to different networks.",
                    )
                })?;
                let id = group.id.clone();
                Ok(RuleSource::SecurityGroup(Ref::from(id)))
            }
            RuleSource::PrefixList(id) => {
                ensure(self.ec2.prefix_lists.contains_key(id), || {
                    refuse(
                        "InvalidPrefixListID.NotFound",
                        format!("The prefix list ID '{id}' does not exist"),
                    )
                })?;
                Ok(source.clone())
            }
            RuleSource::None => Ok(RuleSource::None),
        }
    }

    /// What rules weigh against the quota for IPv4 and IPv6: groups count for both, a prefix list as often as it may have
    /// entries.
    fn weights<'a>(&self, rules: impl Iterator<Item = &'a IngressRule>) -> (usize, usize) {
        rules.fold((0, 0), |(ipv4, ipv6), rule| match &rule.source {
            RuleSource::Ipv4(_) => (ipv4 + 1, ipv6),
            RuleSource::Ipv6(_) => (ipv4, ipv6 + 1),
            RuleSource::PrefixList(id) => {
                let entries = self.ec2.prefix_lists.get(id).copied().unwrap_or(1);
                (ipv4 + entries, ipv6 + entries)
            }
            RuleSource::SecurityGroup(_) | RuleSource::None => (ipv4 + 1, ipv6 + 1),
        })
    }
}

/// What tells one rule of a group from another; the description does not.
fn identity(rule: &IngressRule) -> IngressRule {
    IngressRule { description: None, ..rule.clone() }
}

fn normalize_protocol(protocol: &str) -> String {
    let name = match protocol.to_ascii_lowercase().as_str() {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        "all" => "-1",
        other => return other.to_owned(),
    };
    name.to_owned()
}

fn check_ports(protocol: &str, rule: &IngressRule) -> CallResult<()> {
    if !matches!(protocol, "tcp" | "udp") {
        return Ok(());
    }
    let (Some(from), Some(to)) = (rule.from_port, rule.to_port) else {
        return Err(refuse(
            "InvalidParameterValue",
            format!(
                "Invalid value 'Must specify both from and to ports with {}' for portRange.",
                protocol.to_uppercase()
            ),
        ));
    };
    ensure(0 <= from && from <= to && to <= 65535, || {
        refuse("InvalidParameterValue", format!("Invalid value '{from}-{to}' for portRange."))
    })
}

/// A CIDR with its host bits cleared.
fn normalize_cidr(cidr: &str) -> CallResult<String> {
    let net = cidr.parse::<IpNet>().map(|net| net.trunc().to_string());
    net.map_err(|_| refuse("InvalidParameterValue", format!("CIDR block {cidr} is malformed")))
}

fn words(rule: &IngressRule) -> String {
    let peer = match &rule.source {
        RuleSource::Ipv4(peer) | RuleSource::Ipv6(peer) | RuleSource::PrefixList(peer) => peer.clone(),
        RuleSource::SecurityGroup(id) => id.to_string(),
        RuleSource::None => String::new(),
    };
    match (rule.protocol.as_str(), rule.from_port, rule.to_port) {
        ("-1", ..) => format!("peer: {peer}, ALL, ALLOW"),
        (protocol, from, to) => {
            let (from, to) = (from.unwrap_or(-1), to.unwrap_or(-1));
            format!("peer: {peer}, {}, from port: {from}, to port: {to}, ALLOW", protocol.to_uppercase())
        }
    }
}
