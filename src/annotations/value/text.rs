//! Texts with a form of their own.

use super::list::is_port;
use super::{ValueFinding, is_id_tail, not_one_of};
use crate::annotations::parse;

/// A form of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Name of a load balancer.
    LoadBalancerName,
    /// Name of an Ingress group.
    GroupName,
    /// Name of a TLS security policy.
    SslPolicy,
    /// Port of a health check.
    HealthCheckPort,
    /// `traffic-port` or a number.
    TrafficPort,
    /// Path of a health check.
    Path,
    /// HTTP status codes of an NLB's health check.
    NetworkSuccessCodes,
    /// HTTP or gRPC status codes of an ALB's health check.
    ApplicationSuccessCodes,
    /// gRPC status codes of an ALB's health check.
    GrpcSuccessCodes,
    /// Id of a pool of customer-owned addresses.
    CustomerOwnedPool,
    /// Id of an IPAM pool.
    IpamPool,
    /// ARN of a private certificate authority.
    CertificateAuthority,
    /// ARN of a WAFv2 web ACL, or `none`.
    WebAclArn,
    /// Name of a WAFv2 web ACL, or `none`.
    WebAclName,
    /// Id of a WAF Classic web ACL, or `none`.
    ClassicAclId,
    /// OAuth scopes.
    Scope,
    /// Name of a cookie.
    CookieName,
    /// Name of an S3 bucket.
    Bucket,
    /// Prefix within an S3 bucket.
    BucketPrefix,
    /// What a TLS listener speaks to its targets.
    BackendProtocol,
    /// Whatever the controller writes.
    Anything,
}

/// Security policies that are known; AWS adds more.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>
const SSL_POLICIES: &[&str] = &[
    "ELBSecurityPolicy-2015-05",
    "ELBSecurityPolicy-2016-08",
    "ELBSecurityPolicy-FS-1-1-2019-08",
    "ELBSecurityPolicy-FS-1-2-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2020-10",
    "ELBSecurityPolicy-FS-2018-06",
    "ELBSecurityPolicy-TLS-1-0-2015-04",
    "ELBSecurityPolicy-TLS-1-1-2017-01",
    "ELBSecurityPolicy-TLS-1-2-2017-01",
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-1-2021-06",
    "ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
];

impl TextKind {
    /// What is wrong with a text.
    pub(super) fn check(self, value: &str) -> Option<ValueFinding> {
        let expected = match self {
            Self::LoadBalancerName => return check_name(value),
            Self::SslPolicy => return check_ssl_policy(value),
            // why: works upstream, though hardly as meant
            Self::WebAclArn if value.is_empty() => {
                return Some(ValueFinding::warning("is empty, expected the ARN of a web ACL, or none"));
            }
            Self::BackendProtocol => return check_backend_protocol(value),
            Self::NetworkSuccessCodes => return check_codes(value, &[(200, 599)]),
            Self::ApplicationSuccessCodes => return check_codes(value, &[(0, 99), (200, 499)]),
            Self::GrpcSuccessCodes => return check_codes(value, &[(0, 99)]),
            Self::GroupName if !is_group_name(value) => {
                "1 to 63 of a-z, 0-9, '-' and '.', with a letter or digit at either end"
            }
            Self::HealthCheckPort if value != "traffic-port" && !is_port(value) => {
                "traffic-port, a number from 1 to 65535, or the name of a port"
            }
            Self::TrafficPort if value != "traffic-port" && !super::list::is_port_number(value) => {
                "traffic-port or a number from 1 to 65535"
            }
            Self::Path if !is_path(value) => "a path: a slash and at most 1023 further characters, no blanks",
            Self::CustomerOwnedPool if !has_alphanumeric_tail(value, "ipv4pool-coip-") => {
                "the id of a customer-owned pool (ipv4pool-coip-…)"
            }
            // why: empty counts as absent, upstream and here
            Self::IpamPool if !value.is_empty() && !has_alphanumeric_tail(value, "ipam-pool-") => {
                "the id of an IPAM pool (ipam-pool-…)"
            }
            Self::CertificateAuthority
                if !value.is_empty() && !is_arn(value, "acm-pca", "certificate-authority/") =>
            {
                "the ARN of a private certificate authority"
            }
            Self::WebAclArn if value != "none" && !is_web_acl(value) => {
                "the ARN of a regional WAFv2 web ACL, or none"
            }
            Self::WebAclName if !value.is_empty() && !is_word(value, 128) => "the name of a web ACL, or none",
            Self::ClassicAclId if !value.is_empty() && !is_word(value, 128) => "the id of a web ACL, or none",
            Self::Scope if !is_scope(value) => "OAuth scopes with one blank in between",
            Self::CookieName if !is_cookie_name(value) => "the name of a cookie",
            Self::Bucket if !is_bucket(value) => "the name of an S3 bucket",
            Self::BucketPrefix
                if value.starts_with('/')
                    || value.chars().any(char::is_control)
                    || value.contains("AWSLogs") =>
            {
                "a prefix within a bucket: no slash at its start, no AWSLogs in it"
            }
            _ => return None,
        };
        Some(ValueFinding::error(format!("{value:?} is not {expected}")).or_suggest(self, value))
    }

    /// The form, for the reference documentation.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::LoadBalancerName => {
                "name: 1 to 32 letters, digits and hyphens, none at either end, not `internal-…`"
            }
            Self::GroupName => "name: 1 to 63 of `a-z`, `0-9`, `-` and `.`",
            Self::SslPolicy => "name of a security policy",
            Self::HealthCheckPort => "`traffic-port`, a number, or the name of a port of the Service",
            Self::TrafficPort => "`traffic-port` or a number",
            Self::Path => "path",
            Self::NetworkSuccessCodes => "status codes and ranges of them, 200 to 599",
            Self::ApplicationSuccessCodes => {
                "status codes and ranges of them, 200 to 499 for HTTP, 0 to 99 for gRPC"
            }
            Self::GrpcSuccessCodes => "status codes and ranges of them, 0 to 99",
            Self::CustomerOwnedPool => "id of a pool (`ipv4pool-coip-…`)",
            Self::IpamPool => "id of a pool (`ipam-pool-…`)",
            Self::CertificateAuthority => "ARN of a private certificate authority",
            Self::WebAclArn => "ARN of a regional WAFv2 web ACL, or `none`",
            Self::WebAclName => "name of a WAFv2 web ACL, or `none`",
            Self::ClassicAclId => "id of a WAF Classic web ACL, or `none`",
            Self::Scope => "OAuth scopes with blanks in between",
            Self::CookieName => "name of a cookie",
            Self::Bucket => "name of an S3 bucket",
            Self::BucketPrefix => "prefix within the bucket",
            Self::BackendProtocol => "`ssl`, `tcp`",
            Self::Anything => "text",
        }
    }
}

impl ValueFinding {
    fn or_suggest(self, kind: TextKind, value: &str) -> Self {
        match kind {
            TextKind::HealthCheckPort | TextKind::TrafficPort => self.suggest(value, &["traffic-port"]),
            TextKind::Path if !value.starts_with('/') && is_path(&format!("/{value}")) => {
                self.hint(format!("did you mean `/{value}`?"))
            }
            _ => self,
        }
    }
}

/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
fn check_name(value: &str) -> Option<ValueFinding> {
    let length = value.chars().count();
    let is_plain = |c: char| c.is_ascii_alphanumeric();
    let problem = if !(1..=32).contains(&length) {
        format!("{value:?} has {length} characters, expected 1 to 32")
    } else if !value.chars().all(|c| is_plain(c) || c == '-') {
        format!("{value:?} is not a name, expected letters, digits and hyphens")
    } else if !value.starts_with(is_plain) || !value.ends_with(is_plain) {
        format!("{value:?} is not a name, expected a letter or digit at either end")
    } else if value.starts_with("internal-") {
        format!("{value:?} starts with internal-, which is reserved")
    } else {
        return None;
    };
    Some(ValueFinding::error(problem))
}

/// why: plain HTTP over TCP is what `http` asks for, and what the controller builds
fn check_backend_protocol(value: &str) -> Option<ValueFinding> {
    match value {
        "ssl" | "tcp" => None,
        "http" => Some(ValueFinding::warning("\"http\" is not one of ssl or tcp; it counts as tcp")),
        "https" | "tls" => Some(not_one_of(value, &["ssl", "tcp"]).hint("did you mean `ssl`?")),
        other => Some(not_one_of(other, &["ssl", "tcp"])),
    }
}

fn check_ssl_policy(value: &str) -> Option<ValueFinding> {
    if SSL_POLICIES.contains(&value) {
        return None;
    }
    let is_well_formed = is_word(value, 128) && value.len() > 3;
    let problem = format!("{value:?} is not a known security policy");
    let value_finding =
        if is_well_formed { ValueFinding::warning(problem) } else { ValueFinding::error(problem) };
    Some(value_finding.suggest(value, SSL_POLICIES))
}

fn is_group_name(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_allowed = value.chars().all(|c| is_plain(c) || c == '-' || c == '.');
    value.len() <= 63 && value.starts_with(is_plain) && value.ends_with(is_plain) && is_allowed
}

fn is_path(value: &str) -> bool {
    value.starts_with('/')
        && value.chars().count() <= 1024
        && !value.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Codes and ranges of codes, each within one of `ranges`.
fn check_codes(value: &str, ranges: &[(i32, i32)]) -> Option<ValueFinding> {
    let is_code =
        |text: &str| !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| parse::int32(text).filter(|_| is_code(text));
    let is_span = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (Some(low), Some(high)) = (number(low.trim()), number(high.trim())) else { return false };
        low <= high && ranges.iter().any(|(first, last)| *first <= low && high <= *last)
    };
    let wrong = value.split(',').map(str::trim).find(|part| !is_span(part))?;
    let allowed: Vec<String> = ranges.iter().map(|(first, last)| format!("{first} to {last}")).collect();
    let problem = format!("{wrong:?} is not a status code or range of them within {}", allowed.join(" or "));
    Some(ValueFinding::error(problem))
}

fn has_alphanumeric_tail(value: &str, prefix: &str) -> bool {
    value.strip_prefix(prefix).is_some_and(|tail| {
        is_id_tail(tail) || (!tail.is_empty() && tail.chars().all(|c| c.is_ascii_alphanumeric()))
    })
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:PREFIX…`.
pub fn is_arn(value: &str, service: &str, prefix: &str) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let [arn, partition, named, region, account, resource] = parts.as_slice() else { return false };
    *arn == "arn"
        && partition.starts_with("aws")
        && *named == service
        && !region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && resource
            .strip_prefix(prefix)
            .is_some_and(|tail| !tail.is_empty() && !tail.contains(char::is_whitespace))
}

fn is_web_acl(value: &str) -> bool {
    is_arn(value, "wafv2", "regional/webacl/")
}

fn is_word(value: &str, limit: usize) -> bool {
    !value.is_empty()
        && value.len() <= limit
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// Source: RFC 6749, section 3.3.
fn is_scope(value: &str) -> bool {
    let is_token = |token: &str| {
        !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    value.split(' ').all(is_token)
}

/// Source: RFC 6265, section 4.1.1.
fn is_cookie_name(value: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    !value.is_empty() && value.bytes().all(is_allowed)
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn is_bucket(value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&value.len())
        && value.starts_with(is_plain)
        && value.ends_with(is_plain)
        && value.chars().all(|c| is_plain(c) || "-._".contains(c))
}
