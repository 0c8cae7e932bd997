//! Lists and their items.

use super::{ValueFinding, is_id_tail};
use crate::annotations::parse;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

/// More zones than any region has; a load balancer has one subnet in each.
const MAX_ZONES: usize = 200;
/// More Secrets than a load balancer has certificates.
const MAX_SECRETS: usize = 200;
/// More security groups than AWS lets a network interface have. Source: as for [`MAX_RULES`].
const MAX_SECURITY_GROUPS: usize = 100;
/// Rules of one address family that a security group can have: the quota times the groups of an interface is at most this.
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
pub const MAX_RULES: usize = 1000;

/// What a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// Subnet ids and values of the tag `Name`.
    Subnet,
    /// Security group ids and values of the tag `Name`.
    SecurityGroup,
    /// Elastic IP allocations.
    Allocation,
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// `auto_assigned` or IPv6 prefixes.
    SourceNatPrefix,
    /// Address ranges.
    Cidr,
    /// Managed prefix lists.
    PrefixList,
    /// Certificates in ACM or IAM.
    Certificate,
    /// Names or numbers of ports of the Service.
    Port,
    /// Numbers of ports of the Service.
    PortNumber,
    /// Names of containers.
    Container,
    /// Names of Secrets of the same namespace.
    SecretName,
}

impl ItemKind {
    /// What is wrong with a list.
    pub(super) fn check(self, value: &str) -> Vec<ValueFinding> {
        let items = parse::list(value);
        let mut value_findings: Vec<ValueFinding> =
            items.iter().filter_map(|item| self.check_item(item)).collect();
        if items.is_empty() {
            value_findings.push(self.check_not_empty());
        }
        value_findings.extend(self.find_repeated(&items));
        value_findings
    }

    /// Why a list has more items than AWS could ever take.
    pub(super) fn excess(self, value: &str) -> Option<String> {
        // why: an item takes a character and a comma at least
        let most = self.most_items().filter(|most| value.len() > *most)?;
        let count = parse::list(value).len();
        (count > most).then(|| format!("lists {count} items, expected at most {most}"))
    }

    /// The most items that AWS could ever take, all quotas raised; `None`: no such limit is known.
    fn most_items(self) -> Option<usize> {
        match self {
            Self::Subnet | Self::Allocation | Self::Ipv4 | Self::Ipv6 | Self::SourceNatPrefix => {
                Some(MAX_ZONES)
            }
            Self::SecurityGroup => Some(MAX_SECURITY_GROUPS),
            // why: the ranges of both families, each with a limit of its own
            Self::Cidr => Some(2 * MAX_RULES),
            Self::PrefixList => Some(MAX_RULES),
            Self::SecretName => Some(MAX_SECRETS),
            Self::Certificate | Self::Port | Self::PortNumber | Self::Container => None,
        }
    }

    /// What items are, in the plural.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Subnet => "subnet ids (`subnet-…`) or values of the tag `Name`",
            Self::SecurityGroup => "security group ids (`sg-…`) or values of the tag `Name`",
            Self::Allocation => "Elastic IP allocations (`eipalloc-…`), one per subnet",
            Self::Ipv4 => "IPv4 addresses, one per subnet",
            Self::Ipv6 => "IPv6 addresses, one per subnet",
            Self::SourceNatPrefix => "`auto_assigned` or IPv6 prefixes of length 80, one per subnet",
            Self::Cidr => "CIDRs",
            Self::PrefixList => "prefix list ids (`pl-…`)",
            Self::Certificate => "certificate ARNs (ACM or IAM)",
            Self::Port => "names or numbers of ports of the Service",
            Self::PortNumber => "port numbers of the Service",
            Self::Container => "container names",
            Self::SecretName => "names of Secrets of the same namespace",
        }
    }

    /// why: an empty list of these counts as absent, or has no effect, and works upstream.
    fn check_not_empty(self) -> ValueFinding {
        let problem = format!("is empty, expected a list of {}", self.describe().replace('`', ""));
        match self {
            Self::Subnet => ValueFinding::error(problem),
            _ => ValueFinding::warning(problem),
        }
    }

    fn check_item(self, item: &str) -> Option<ValueFinding> {
        let expected = match self {
            Self::Subnet => return check_id_or_name(item, "subnet-", "a subnet id"),
            Self::SecurityGroup => return check_id_or_name(item, "sg-", "a security group id"),
            Self::Allocation if !is_id(item, "eipalloc-") => {
                "an allocation id (eipalloc- and hexadecimal digits)"
            }
            Self::Ipv4 if item.parse::<Ipv4Addr>().is_err() && !is_mapped(item) => "an IPv4 address",
            Self::Ipv6 if item.parse::<Ipv6Addr>().is_err() => "an IPv6 address",
            Self::SourceNatPrefix if !is_source_nat_prefix(item) => {
                "auto_assigned or an IPv6 prefix of length 80"
            }
            Self::Cidr => return check_cidr(item),
            Self::PrefixList if !is_id(item, "pl-") => "a prefix list id (pl- and hexadecimal digits)",
            Self::Certificate if !is_certificate(item) => {
                "the ARN of a certificate in ACM or IAM (arn:aws:acm:REGION:ACCOUNT:certificate/ID)"
            }
            Self::Port if !is_port(item) => "the name or number of a port",
            Self::PortNumber if !is_port_number(item) => "a port number from 1 to 65535",
            Self::Container if !is_label(item) => "the name of a container",
            Self::SecretName if !is_subdomain(item) => "the name of a Secret of the same namespace",
            _ => return None,
        };
        Some(ValueFinding::error(format!("{item:?} is not {expected}")))
    }

    fn find_repeated(self, items: &[String]) -> Option<ValueFinding> {
        let mut seen = BTreeSet::new();
        let repeated = items.iter().find(|item| !seen.insert(item.as_str()))?;
        let problem = format!("{repeated:?} is listed twice");
        match self {
            // why: a name stands for another subnet each time; certificates and the rest collapse.
            Self::Subnet if !repeated.starts_with("subnet-") => None,
            Self::SourceNatPrefix if repeated == "auto_assigned" => None,
            Self::Subnet | Self::Allocation | Self::Ipv4 | Self::Ipv6 | Self::SourceNatPrefix => {
                Some(ValueFinding::error(problem))
            }
            Self::SecurityGroup if repeated.starts_with("sg-") => Some(ValueFinding::error(problem)),
            Self::Certificate => None,
            _ => Some(ValueFinding::warning(problem)),
        }
    }
}

/// An id of AWS: a prefix and hexadecimal digits.
pub fn is_id(item: &str, prefix: &str) -> bool {
    item.strip_prefix(prefix).is_some_and(is_id_tail)
}

fn check_id_or_name(item: &str, prefix: &str, what: &str) -> Option<ValueFinding> {
    let is_name = !item.starts_with(prefix) && item.chars().count() <= 256;
    if is_name || is_id(item, prefix) {
        return None;
    }
    let expected = format!("{prefix} and 8 or 17 hexadecimal digits, or a value of the tag Name");
    Some(ValueFinding::error(format!("{item:?} is not {what}, expected {expected}")))
}

/// why: an IPv4 address in IPv6 clothes is IPv4 to upstream's parser.
fn is_mapped(item: &str) -> bool {
    item.parse::<Ipv6Addr>().is_ok_and(|address| address.to_ipv4_mapped().is_some())
}

fn is_source_nat_prefix(item: &str) -> bool {
    item == "auto_assigned"
        || parse::cidr(item).is_some_and(|net| net.addr().is_ipv6() && net.prefix_len() == 80)
}

fn check_cidr(item: &str) -> Option<ValueFinding> {
    let Some(net) = parse::cidr(item) else {
        let value_finding = ValueFinding::error(format!("{item:?} is not a CIDR"));
        return Some(match item.parse::<std::net::IpAddr>() {
            Ok(address) if address.is_ipv4() => value_finding.hint(format!("did you mean `{item}/32`?")),
            Ok(_) => value_finding.hint(format!("did you mean `{item}/128`?")),
            Err(_) => value_finding.hint("write for example 10.0.0.0/8 or 2001:db8::/32"),
        });
    };
    let network = net.trunc();
    (network != net).then(|| {
        ValueFinding::warning(format!("{item:?} has bits outside of its prefix"))
            .hint(format!("did you mean `{network}`?"))
    })
}

/// `arn:PARTITION:acm:REGION:ACCOUNT:certificate/ID` or `arn:PARTITION:iam::ACCOUNT:server-certificate/NAME`.
fn is_certificate(item: &str) -> bool {
    let parts: Vec<&str> = item.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_resource = match *service {
        "acm" => !region.is_empty() && has_tail(resource, "certificate/"),
        "iam" => region.is_empty() && has_tail(resource, "server-certificate/"),
        _ => false,
    };
    *arn == "arn" && partition.starts_with("aws") && is_account && is_resource
}

fn has_tail(resource: &str, prefix: &str) -> bool {
    resource.strip_prefix(prefix).is_some_and(|tail| !tail.is_empty() && !tail.contains(char::is_whitespace))
}

/// A port number, or a name as Services give their ports. `*` is neither.
pub(super) fn is_port(item: &str) -> bool {
    is_port_number(item) || (is_label(item) && item.bytes().any(|byte| byte.is_ascii_lowercase()))
}

pub(super) fn is_port_number(item: &str) -> bool {
    parse::int32(item).is_some_and(|number| (1..=65535).contains(&number))
}

/// A DNS subdomain: labels and dots, as most objects are named.
fn is_subdomain(item: &str) -> bool {
    item.len() <= 253 && item.split('.').all(is_label)
}

/// A DNS label.
pub fn is_label(item: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    item.len() <= 63
        && item.starts_with(is_plain)
        && item.ends_with(is_plain)
        && item.chars().all(|c| is_plain(c) || c == '-')
}
