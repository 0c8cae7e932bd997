//! Attributes of load balancers, target groups and listeners: which there are, and which values they accept.
//! Source: the tables of `LoadBalancerAttribute`, `TargetGroupAttribute` and `ListenerAttribute` in the ELBv2 API reference.

use super::value::ValueFinding;
use crate::finding::{compared, did_you_mean, likely};

/// What the attributes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// An application load balancer.
    Application,
    /// A network load balancer.
    Network,
    /// A target group of an ALB.
    ApplicationTargets,
    /// A target group of an NLB.
    NetworkTargets,
    /// A listener of an ALB.
    ApplicationListener,
    /// A listener of an NLB.
    NetworkListener,
}

impl ResourceKind {
    const ALL: [Self; 6] = [
        Self::Application,
        Self::Network,
        Self::ApplicationTargets,
        Self::NetworkTargets,
        Self::ApplicationListener,
        Self::NetworkListener,
    ];

    /// As messages name it, in the plural.
    pub fn name(self) -> &'static str {
        match self {
            Self::Application => "Application Load Balancers",
            Self::Network => "Network Load Balancers",
            Self::ApplicationTargets => "target groups of Application Load Balancers",
            Self::NetworkTargets => "target groups of Network Load Balancers",
            Self::ApplicationListener => "listeners of Application Load Balancers",
            Self::NetworkListener => "listeners of Network Load Balancers",
        }
    }

    /// The attributes that AWS knows of the resource.
    pub fn attributes(self) -> &'static [AttributeDefinition] {
        match self {
            Self::Application => APPLICATION,
            Self::Network => NETWORK,
            Self::ApplicationTargets => APPLICATION_TARGETS,
            Self::NetworkTargets => NETWORK_TARGETS,
            Self::ApplicationListener => APPLICATION_LISTENER,
            Self::NetworkListener => NETWORK_LISTENER,
        }
    }

    fn find(self, key: &str) -> Option<&'static AttributeDefinition> {
        self.attributes().iter().find(|attribute| attribute.key == key)
    }
}

/// An attribute that AWS knows.
#[derive(Clone, Copy, Debug)]
pub struct AttributeDefinition {
    /// Its key in AWS.
    pub key: &'static str,
    /// What it accepts.
    pub accepts: Accepts,
}

/// The values of an attribute.
#[derive(Clone, Copy, Debug)]
pub enum Accepts {
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number in a range.
    Number(u32, u32),
    /// Zero, or a whole number in a range.
    ZeroOr(u32, u32),
    /// `off`, or a whole number in a range.
    OffOr(u32, u32),
    /// Any text, also none.
    Text,
}

const BOOLEAN: Accepts = Accepts::OneOf(&["true", "false"]);
const ON_OFF: Accepts = Accepts::OneOf(&["on", "off"]);
const COOKIE_SECONDS: Accepts = Accepts::Number(1, 604_800);

const fn attribute(key: &'static str, accepts: Accepts) -> AttributeDefinition {
    AttributeDefinition { key, accepts }
}

const APPLICATION: &[AttributeDefinition] = &[
    attribute("access_logs.s3.bucket", Accepts::Text),
    attribute("access_logs.s3.enabled", BOOLEAN),
    attribute("access_logs.s3.prefix", Accepts::Text),
    attribute("client_keep_alive.seconds", Accepts::Number(60, 604_800)),
    attribute("connection_logs.s3.bucket", Accepts::Text),
    attribute("connection_logs.s3.enabled", BOOLEAN),
    attribute("connection_logs.s3.prefix", Accepts::Text),
    attribute("deletion_protection.enabled", BOOLEAN),
    attribute("health_check_logs.s3.bucket", Accepts::Text),
    attribute("health_check_logs.s3.enabled", BOOLEAN),
    attribute("health_check_logs.s3.prefix", Accepts::Text),
    attribute("idle_timeout.timeout_seconds", Accepts::Number(1, 4000)),
    attribute("ipv6.deny_all_igw_traffic", BOOLEAN),
    attribute("load_balancing.cross_zone.enabled", Accepts::OneOf(&["true"])),
    attribute("routing.http.desync_mitigation_mode", Accepts::OneOf(&["monitor", "defensive", "strictest"])),
    attribute("routing.http.drop_invalid_header_fields.enabled", BOOLEAN),
    attribute("routing.http.preserve_host_header.enabled", BOOLEAN),
    attribute("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", BOOLEAN),
    attribute("routing.http.xff_client_port.enabled", BOOLEAN),
    attribute("routing.http.xff_header_processing.mode", Accepts::OneOf(&["append", "preserve", "remove"])),
    attribute("routing.http2.enabled", BOOLEAN),
    attribute("waf.fail_open.enabled", BOOLEAN),
    attribute("zonal_shift.config.enabled", BOOLEAN),
];

const NETWORK: &[AttributeDefinition] = &[
    attribute("access_logs.s3.bucket", Accepts::Text),
    attribute("access_logs.s3.enabled", BOOLEAN),
    attribute("access_logs.s3.prefix", Accepts::Text),
    attribute("deletion_protection.enabled", BOOLEAN),
    attribute(
        "dns_record.client_routing_policy",
        Accepts::OneOf(&[
            "any_availability_zone",
            "availability_zone_affinity",
            "partial_availability_zone_affinity",
        ]),
    ),
    attribute("ipv6.deny_all_igw_traffic", BOOLEAN),
    attribute("load_balancing.cross_zone.enabled", BOOLEAN),
    attribute("secondary_ips.auto_assigned.per_subnet", Accepts::Number(0, 7)),
    attribute("zonal_shift.config.enabled", BOOLEAN),
];

const CROSS_ZONE_OF_TARGETS: AttributeDefinition = attribute(
    "load_balancing.cross_zone.enabled",
    Accepts::OneOf(&["true", "false", "use_load_balancer_configuration"]),
);
const DRAINING: AttributeDefinition =
    attribute("deregistration_delay.timeout_seconds", Accepts::Number(0, 3600));
const FAILOVER_COUNT: AttributeDefinition =
    attribute("target_group_health.dns_failover.minimum_healthy_targets.count", Accepts::OffOr(1, 1_000_000));
const FAILOVER_PERCENTAGE: AttributeDefinition =
    attribute("target_group_health.dns_failover.minimum_healthy_targets.percentage", Accepts::OffOr(1, 100));
const ROUTING_COUNT: AttributeDefinition = attribute(
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
    Accepts::OffOr(1, 1_000_000),
);
const ROUTING_PERCENTAGE: AttributeDefinition = attribute(
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
    Accepts::OffOr(1, 100),
);

const APPLICATION_TARGETS: &[AttributeDefinition] = &[
    DRAINING,
    attribute("load_balancing.algorithm.anomaly_mitigation", ON_OFF),
    attribute(
        "load_balancing.algorithm.type",
        Accepts::OneOf(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    ),
    CROSS_ZONE_OF_TARGETS,
    attribute("slow_start.duration_seconds", Accepts::ZeroOr(30, 900)),
    attribute("stickiness.app_cookie.cookie_name", Accepts::Text),
    attribute("stickiness.app_cookie.duration_seconds", COOKIE_SECONDS),
    attribute("stickiness.enabled", BOOLEAN),
    attribute("stickiness.lb_cookie.duration_seconds", COOKIE_SECONDS),
    attribute("stickiness.type", Accepts::OneOf(&["lb_cookie", "app_cookie"])),
    FAILOVER_COUNT,
    FAILOVER_PERCENTAGE,
    ROUTING_COUNT,
    ROUTING_PERCENTAGE,
];

const NETWORK_TARGETS: &[AttributeDefinition] = &[
    attribute("deregistration_delay.connection_termination.enabled", BOOLEAN),
    DRAINING,
    CROSS_ZONE_OF_TARGETS,
    attribute("preserve_client_ip.enabled", BOOLEAN),
    attribute("proxy_protocol_v2.enabled", BOOLEAN),
    attribute("stickiness.enabled", BOOLEAN),
    attribute(
        "stickiness.type",
        Accepts::OneOf(&["source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"]),
    ),
    FAILOVER_COUNT,
    FAILOVER_PERCENTAGE,
    ROUTING_COUNT,
    ROUTING_PERCENTAGE,
    attribute("target_health_state.unhealthy.connection_termination.enabled", BOOLEAN),
    attribute("target_health_state.unhealthy.draining_interval_seconds", Accepts::Number(0, 360_000)),
];

const APPLICATION_LISTENER: &[AttributeDefinition] = &[
    attribute("routing.http.request.x_amzn_mtls_clientcert.header_name", Accepts::Text),
    attribute("routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", Accepts::Text),
    attribute("routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", Accepts::Text),
    attribute("routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name", Accepts::Text),
    attribute("routing.http.request.x_amzn_mtls_clientcert_subject.header_name", Accepts::Text),
    attribute("routing.http.request.x_amzn_mtls_clientcert_validity.header_name", Accepts::Text),
    attribute("routing.http.request.x_amzn_tls_cipher_suite.header_name", Accepts::Text),
    attribute("routing.http.request.x_amzn_tls_version.header_name", Accepts::Text),
    attribute(
        "routing.http.response.access_control_allow_credentials.header_value",
        Accepts::OneOf(&["true", ""]),
    ),
    attribute("routing.http.response.access_control_allow_headers.header_value", Accepts::Text),
    attribute("routing.http.response.access_control_allow_methods.header_value", Accepts::Text),
    attribute("routing.http.response.access_control_allow_origin.header_value", Accepts::Text),
    attribute("routing.http.response.access_control_expose_headers.header_value", Accepts::Text),
    attribute("routing.http.response.access_control_max_age.header_value", Accepts::Text),
    attribute("routing.http.response.content_security_policy.header_value", Accepts::Text),
    attribute("routing.http.response.server.enabled", BOOLEAN),
    attribute("routing.http.response.strict_transport_security.header_value", Accepts::Text),
    attribute("routing.http.response.x_content_type_options.header_value", Accepts::OneOf(&["nosniff", ""])),
    attribute("routing.http.response.x_frame_options.header_value", Accepts::Text),
];

const NETWORK_LISTENER: &[AttributeDefinition] =
    &[attribute("tcp.idle_timeout.seconds", Accepts::Number(60, 6000))];

/// What is wrong with one attribute of a bearer.
///
/// AWS adds attributes: an unknown key that resembles none only gives a warning. A key that is nearly a known one, or belongs to
/// another kind of bearer, is refused.
pub fn check(resource_kind: ResourceKind, key: &str, value: &str) -> Option<ValueFinding> {
    check_after(0, resource_kind, key, value)
}

/// The same behind so many mistakes: behind many, no unknown key resembles any.
pub fn check_after(
    mistakes: usize,
    resource_kind: ResourceKind,
    key: &str,
    value: &str,
) -> Option<ValueFinding> {
    if let Some(attribute) = resource_kind.find(key) {
        return attribute.check(value);
    }
    if let Some(owner) = ResourceKind::ALL.into_iter().find(|other| other.find(key).is_some()) {
        let problem = format!("{key:?} is an attribute of {}, not of {}", owner.name(), resource_kind.name());
        return Some(ValueFinding::error(problem));
    }
    let known = resource_kind.attributes().iter().map(|attribute| attribute.key);
    let unknown = format!("{key:?} is not a known attribute of {}", resource_kind.name());
    let meant = likely(key, compared(mistakes, known), &[]);
    if meant.is_empty() && is_well_formed(key) {
        return Some(ValueFinding::warning(unknown));
    }
    let value_finding = ValueFinding::error(unknown);
    Some(match did_you_mean(&meant) {
        Some(hint) => value_finding.hint(hint),
        None => value_finding,
    })
}

/// Dotted words in lower case, as all keys of AWS are.
fn is_well_formed(key: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    key.contains('.') && key.split('.').all(is_word)
}

impl AttributeDefinition {
    fn check(&self, value: &str) -> Option<ValueFinding> {
        let number = value.parse::<u32>().ok();
        let is_right = match self.accepts {
            Accepts::OneOf(allowed) => allowed.contains(&value),
            Accepts::Number(low, high) => number.is_some_and(|number| (low..=high).contains(&number)),
            Accepts::ZeroOr(low, high) => number.is_some_and(|n| n == 0 || (low..=high).contains(&n)),
            Accepts::OffOr(low, high) => value == "off" || number.is_some_and(|n| (low..=high).contains(&n)),
            Accepts::Text => true,
        };
        if is_right {
            return None;
        }
        let value_finding =
            ValueFinding::error(format!("{} is {value:?}, expected {}", self.key, self.accepts));
        Some(match self.accepts {
            Accepts::OneOf(allowed) => value_finding.suggest(value, allowed),
            _ => value_finding,
        })
    }
}

impl std::fmt::Display for Accepts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneOf(allowed) => f.write_str(&crate::finding::alternatives(allowed)),
            Self::Number(low, high) => write!(f, "{low} to {high}"),
            Self::ZeroOr(low, high) => write!(f, "0, or {low} to {high}"),
            Self::OffOr(low, high) => write!(f, "off, or {low} to {high}"),
            Self::Text => f.write_str("a text"),
        }
    }
}

#[cfg(test)]
mod tests;
