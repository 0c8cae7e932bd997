//! Attributes of load balancers, target groups and listeners: which exist, their defaults, and the values they accept.
//! Source: the tables of `LoadBalancerAttribute`, `TargetGroupAttribute` and `ListenerAttribute` in the API reference.

use crate::{
    World,
    elb::uses::STICKINESS,
    refusal::{CallResult, bad_configuration, bad_value, ensure},
};
use aws_load_balancer_controller::aws_api::{
    Attributes,
    elbv2::{
        DescribeListenerAttributes, DescribeLoadBalancerAttributes, DescribeTargetGroupAttributes,
        IpAddressType, LoadBalancer, LoadBalancerType, ModifyListenerAttributes,
        ModifyLoadBalancerAttributes, ModifyTargetGroupAttributes, Protocol, Scheme, TargetType,
    },
};

type Defaults = &'static [(&'static str, &'static str)];

/// Attributes that one call may set.
const PER_CALL: usize = 20;

const DENY_IGW: &str = "ipv6.deny_all_igw_traffic";

const APPLICATION: Defaults = &[
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("health_check_logs.s3.bucket", ""),
    ("health_check_logs.s3.enabled", "false"),
    ("health_check_logs.s3.prefix", ""),
    ("idle_timeout.timeout_seconds", "60"),
    ("load_balancing.cross_zone.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

const NETWORK: Defaults = &[
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("load_balancing.cross_zone.enabled", "false"),
    ("secondary_ips.auto_assigned.per_subnet", "0"),
    ("zonal_shift.config.enabled", "false"),
];

const TARGET_GROUP: Defaults = &[
    ("deregistration_delay.timeout_seconds", "300"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("stickiness.enabled", "false"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
];

const TARGET_GROUP_HTTP: Defaults = &[
    ("load_balancing.algorithm.anomaly_mitigation", "off"),
    ("load_balancing.algorithm.type", "round_robin"),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.app_cookie.cookie_name", ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.type", "lb_cookie"),
];

const TARGET_GROUP_NETWORK: Defaults =
    &[("proxy_protocol_v2.enabled", "false"), ("stickiness.type", "source_ip")];

const TARGET_GROUP_NOT_ALB: Defaults = &[
    ("target_health_state.unhealthy.connection_termination.enabled", "true"),
    ("target_health_state.unhealthy.draining_interval_seconds", "0"),
];

const LISTENER_HTTP: Defaults = &[
    ("routing.http.response.access_control_allow_credentials.header_value", ""),
    ("routing.http.response.access_control_allow_headers.header_value", ""),
    ("routing.http.response.access_control_allow_methods.header_value", ""),
    ("routing.http.response.access_control_allow_origin.header_value", ""),
    ("routing.http.response.access_control_expose_headers.header_value", ""),
    ("routing.http.response.access_control_max_age.header_value", ""),
    ("routing.http.response.content_security_policy.header_value", ""),
    ("routing.http.response.server.enabled", "true"),
    ("routing.http.response.strict_transport_security.header_value", ""),
    ("routing.http.response.x_content_type_options.header_value", ""),
    ("routing.http.response.x_frame_options.header_value", ""),
];

const LISTENER_HTTPS: Defaults = &[
    ("routing.http.request.x_amzn_mtls_clientcert.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_subject.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_validity.header_name", ""),
    ("routing.http.request.x_amzn_tls_cipher_suite.header_name", ""),
    ("routing.http.request.x_amzn_tls_version.header_name", ""),
];

const LISTENER_TCP: Defaults = &[("tcp.idle_timeout.seconds", "350")];

/// Attributes with a number in a range.
const RANGES: &[(&str, u32, u32)] = &[
    ("client_keep_alive.seconds", 60, 604_800),
    ("deregistration_delay.timeout_seconds", 0, 3600),
    ("idle_timeout.timeout_seconds", 1, 4000),
    ("secondary_ips.auto_assigned.per_subnet", 0, 7),
    ("stickiness.app_cookie.duration_seconds", 1, 604_800),
    ("stickiness.lb_cookie.duration_seconds", 1, 604_800),
    ("target_health_state.unhealthy.draining_interval_seconds", 0, 360_000),
    ("tcp.idle_timeout.seconds", 60, 6000),
];

/// Attributes with a closed set of values.
const CHOICES: &[(&str, &[&str])] = &[
    (
        "dns_record.client_routing_policy",
        &["availability_zone_affinity", "partial_availability_zone_affinity", "any_availability_zone"],
    ),
    (DENY_IGW, &["true", "false"]),
    ("load_balancing.algorithm.anomaly_mitigation", &["on", "off"]),
    ("load_balancing.algorithm.type", &["round_robin", "least_outstanding_requests", "weighted_random"]),
    ("routing.http.desync_mitigation_mode", &["monitor", "defensive", "strictest"]),
    ("routing.http.xff_header_processing.mode", &["append", "preserve", "remove"]),
];

/// What a fresh load balancer has.
pub(crate) fn load_balancer_defaults(lb: &LoadBalancer) -> Attributes {
    let table = if lb.kind == LoadBalancerType::Application { APPLICATION } else { NETWORK };
    let mut attributes = collect(&[table]);
    follow_address_family(&mut attributes, lb);
    attributes
}

/// Adds or removes what exists for dual stack only.
pub(crate) fn follow_address_family(attributes: &mut Attributes, lb: &LoadBalancer) {
    if lb.ip_address_type == IpAddressType::Ipv4 {
        attributes.remove(DENY_IGW);
    } else {
        let deny = if lb.scheme == Scheme::Internal { "true" } else { "false" };
        attributes.entry(DENY_IGW.to_owned()).or_insert_with(|| deny.to_owned());
    }
}

/// What a fresh target group has.
pub(crate) fn target_group_defaults(target_type: &TargetType, protocol: &Protocol) -> Attributes {
    if matches!(protocol, Protocol::Http | Protocol::Https) {
        return collect(&[TARGET_GROUP, TARGET_GROUP_HTTP]);
    }
    let not_alb = if *target_type == TargetType::Alb { &[] } else { TARGET_GROUP_NOT_ALB };
    let mut attributes = collect(&[TARGET_GROUP, TARGET_GROUP_NETWORK, not_alb]);
    let source_is_lost = *target_type == TargetType::Ip && matches!(protocol, Protocol::Tcp | Protocol::Tls);
    for (key, value) in [
        ("preserve_client_ip.enabled", !source_is_lost),
        ("deregistration_delay.connection_termination.enabled", carries_datagrams(protocol)),
    ] {
        attributes.insert(key.to_owned(), value.to_string());
    }
    attributes
}

/// What a fresh listener has.
pub(crate) fn listener_defaults(protocol: &Protocol) -> Attributes {
    match protocol {
        Protocol::Http => collect(&[LISTENER_HTTP]),
        Protocol::Https => collect(&[LISTENER_HTTP, LISTENER_HTTPS]),
        Protocol::Tcp | Protocol::TcpUdp | Protocol::TcpQuic => collect(&[LISTENER_TCP]),
        _ => Attributes::new(),
    }
}

/// Whether a protocol has no connections that could be cut.
pub(crate) fn carries_datagrams(protocol: &Protocol) -> bool {
    matches!(protocol, Protocol::Udp | Protocol::TcpUdp | Protocol::Quic | Protocol::TcpQuic)
}

impl World {
    pub(crate) fn describe_load_balancer_attributes(
        &self,
        request: &DescribeLoadBalancerAttributes,
    ) -> CallResult<Attributes> {
        Ok(self.elb.load_balancer(&request.arn)?.attributes.clone())
    }

    pub(crate) fn describe_target_group_attributes(
        &self,
        request: &DescribeTargetGroupAttributes,
    ) -> CallResult<Attributes> {
        Ok(self.elb.target_group(&request.arn)?.attributes.clone())
    }

    pub(crate) fn describe_listener_attributes(
        &self,
        request: &DescribeListenerAttributes,
    ) -> CallResult<Attributes> {
        Ok(self.elb.listener(&request.arn)?.attributes.clone())
    }

    pub(crate) fn modify_load_balancer_attributes(
        &mut self,
        request: &ModifyLoadBalancerAttributes,
    ) -> CallResult<()> {
        let lb = self.elb.load_balancer_mut(&request.arn)?;
        let after = overlay("Load balancer", &lb.attributes, &request.attributes)?;
        let value = |key: &str| after.get(key).map(String::as_str);
        let cross_zone = value("load_balancing.cross_zone.enabled") == Some("true");
        ensure(cross_zone || lb.described.kind != LoadBalancerType::Application, || {
            bad_configuration(
                "Cross-zone load balancing cannot be disabled for load balancers of type 'application'",
            )
        })?;
        for logs in ["access_logs", "connection_logs", "health_check_logs"] {
            let on = value(&format!("{logs}.s3.enabled")) == Some("true");
            let bucket = format!("{logs}.s3.bucket");
            ensure(!on || value(&bucket).is_some_and(|name| !name.is_empty()), || {
                bad_configuration(format!("The value of '{bucket}' cannot be empty"))
            })?;
        }
        lb.attributes = after;
        Ok(())
    }

    pub(crate) fn modify_target_group_attributes(
        &mut self,
        request: &ModifyTargetGroupAttributes,
    ) -> CallResult<()> {
        let group = self.elb.target_group(&request.arn)?;
        let after = overlay("Target group", &group.attributes, &request.attributes)?;
        let preserves = after.get("preserve_client_ip.enabled").is_none_or(|value| value == "true");
        let datagrams = group.described.protocol.as_ref().is_some_and(carries_datagrams);
        ensure(preserves || !datagrams, || {
            bad_configuration(
                "Client IP preservation cannot be disabled for target groups with the protocols UDP, TCP_UDP, QUIC and TCP_QUIC",
            )
        })?;
        let is_on = |attributes: &Attributes| attributes.get(STICKINESS).is_some_and(|on| on == "true");
        let is_application = after.contains_key("stickiness.lb_cookie.duration_seconds");
        let becomes_sticky = is_application && is_on(&after) && !is_on(&group.attributes);
        let arn = group.described.arn.clone();
        if becomes_sticky {
            self.check_target_stickiness(&arn)?;
        }
        self.elb.target_group_mut(&request.arn)?.attributes = after;
        Ok(())
    }

    pub(crate) fn modify_listener_attributes(
        &mut self,
        request: &ModifyListenerAttributes,
    ) -> CallResult<()> {
        let listener = self.elb.listener_mut(&request.arn)?;
        listener.attributes = overlay("Listener", &listener.attributes, &request.attributes)?;
        Ok(())
    }
}

/// The attributes after a change, if every key exists here and every value is acceptable.
fn overlay(kind: &str, current: &Attributes, changes: &Attributes) -> CallResult<Attributes> {
    ensure(!changes.is_empty(), || {
        bad_value(
            "1 validation error detected: Value null at 'attributes' failed to satisfy constraint: Member must not be null",
        )
    })?;
    ensure(changes.len() <= PER_CALL, || {
        bad_value(format!(
            "1 validation error detected: Value at 'attributes' failed to satisfy constraint: Member must have length less than or equal to {PER_CALL}"
        ))
    })?;
    let mut after = current.clone();
    for (key, value) in changes {
        ensure(current.contains_key(key), || {
            bad_value(format!("{kind} attribute key '{key}' is not recognized"))
        })?;
        check_value(current, key, value)?;
        after.insert(key.clone(), value.clone());
    }
    Ok(after)
}

fn check_value(current: &Attributes, key: &str, value: &str) -> CallResult<()> {
    let number = value.parse::<u32>().ok();
    if let Some((_, low, high)) = RANGES.iter().find(|(name, ..)| *name == key) {
        return ensure(number.is_some_and(|n| (*low..=*high).contains(&n)), || {
            bad_value(format!("The value of '{key}' must be between '{low}' and '{high}' inclusive"))
        });
    }
    if key == "slow_start.duration_seconds" {
        return ensure(number.is_some_and(|n| n == 0 || (30..=900).contains(&n)), || {
            bad_value(format!("The value of '{key}' must be '0' or between '30' and '900' inclusive"))
        });
    }
    let choices = choices(current, key);
    ensure(choices.is_empty() || choices.contains(&value), || {
        bad_value(format!("The value of '{key}' must be one of '{}'", choices.join(", ")))
    })
}

/// The closed set of values of an attribute; empty: any text.
fn choices(current: &Attributes, key: &str) -> &'static [&'static str] {
    let is_http_target_group = current.contains_key("stickiness.lb_cookie.duration_seconds");
    match key {
        "stickiness.type" if is_http_target_group => &["lb_cookie", "app_cookie"],
        "stickiness.type" => &["source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"],
        "load_balancing.cross_zone.enabled" if current.contains_key("stickiness.enabled") => {
            &["true", "false", "use_load_balancer_configuration"]
        }
        _ if key.ends_with(".enabled") => &["true", "false"],
        _ => CHOICES.iter().find(|(name, _)| *name == key).map_or(&[], |(_, values)| values),
    }
}

fn collect(tables: &[Defaults]) -> Attributes {
    let rows = tables.iter().copied().flatten();
    rows.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
