//! Health check settings of target groups: defaults by kind, and what may be set.
//! Source: the parameters of `CreateTargetGroup` in the API reference.

use crate::refusal::{CallResult, bad_value, ensure};
use aws_load_balancer_controller::aws_api::elbv2::{HealthCheck, Matcher, Protocol, TargetGroup, TargetType};

/// No setting at all.
pub(crate) fn none() -> HealthCheck {
    HealthCheck::default()
}

/// What is given, over what was, over AWS's defaults for this target group.
pub(crate) fn normalize(
    group: &TargetGroup,
    given: &HealthCheck,
    previous: Option<&HealthCheck>,
) -> CallResult<HealthCheck> {
    let kind = Kind::of(group);
    let protocol = given.protocol.clone().or_else(|| previous.and_then(|p| p.protocol.clone()));
    let protocol = protocol.unwrap_or_else(|| kind.default_protocol(group));
    kind.check_protocol(&protocol, given)?;
    let web = protocol != Protocol::Tcp;
    let defaults = kind.defaults(&protocol);
    let was = previous.cloned().unwrap_or_default();
    let pick = |given: Option<i32>, was: Option<i32>, default| given.or(was).or(Some(default));
    let normalized = HealthCheck {
        port: given.port.clone().or(was.port).or_else(|| Some("traffic-port".to_owned())),
        path: if web { given.path.clone().or(was.path).or(Some(defaults.path.to_owned())) } else { None },
        matcher: if web { given.matcher.clone().or(was.matcher).or(Some(defaults.matcher)) } else { None },
        interval_seconds: pick(given.interval_seconds, was.interval_seconds, 30),
        timeout_seconds: pick(given.timeout_seconds, was.timeout_seconds, defaults.timeout),
        healthy_threshold: pick(given.healthy_threshold, was.healthy_threshold, 5),
        unhealthy_threshold: pick(given.unhealthy_threshold, was.unhealthy_threshold, 2),
        protocol: Some(protocol),
    };
    kind.check(&normalized)?;
    Ok(normalized)
}

/// What decides the defaults and limits of a health check.
#[derive(Clone, Copy)]
struct Kind {
    /// Of a network load balancer.
    network: bool,
    grpc: bool,
    alb: bool,
}

struct Defaults {
    timeout: i32,
    path: &'static str,
    matcher: Matcher,
}

impl Kind {
    fn of(group: &TargetGroup) -> Self {
        Self {
            network: !matches!(group.protocol, Some(Protocol::Http | Protocol::Https)),
            grpc: group.protocol_version.as_deref() == Some("GRPC"),
            alb: group.target_type == TargetType::Alb,
        }
    }

    fn default_protocol(self, group: &TargetGroup) -> Protocol {
        match &group.protocol {
            _ if self.alb => Protocol::Http,
            Some(protocol) if !self.network => protocol.clone(),
            _ => Protocol::Tcp,
        }
    }

    fn defaults(self, protocol: &Protocol) -> Defaults {
        let timeout = match (self.network, protocol) {
            (false, _) => 5,
            (true, Protocol::Http) => 6,
            (true, _) => 10,
        };
        let http = if self.network { "200-399" } else { "200" };
        let matcher = if self.grpc {
            Matcher { http_code: None, grpc_code: Some("12".to_owned()) }
        } else {
            Matcher { http_code: Some(http.to_owned()), grpc_code: None }
        };
        Defaults { timeout, path: if self.grpc { "/AWS.ALB/healthcheck" } else { "/" }, matcher }
    }

    fn check_protocol(self, protocol: &Protocol, given: &HealthCheck) -> CallResult<()> {
        let known = matches!(protocol, Protocol::Http | Protocol::Https | Protocol::Tcp);
        ensure(known, || {
            bad_value(format!("Health check protocol '{protocol}' must be one of 'HTTP, HTTPS, TCP'"))
        })?;
        let tcp = *protocol == Protocol::Tcp;
        ensure(!tcp || self.network && !self.alb, || {
            bad_value("Health check protocol 'TCP' is not supported for this target group")
        })?;
        ensure(!tcp || given.path.is_none(), || {
            bad_value("Health check path cannot be specified for health checks with the protocol 'TCP'")
        })?;
        ensure(!tcp || given.matcher.is_none(), || {
            bad_value("Matcher cannot be specified for health checks with the protocol 'TCP'")
        })
    }

    fn check(self, check: &HealthCheck) -> CallResult<()> {
        let port = check.port.as_deref().unwrap_or_default();
        let port_fits = port == "traffic-port" || port.parse::<u16>().is_ok_and(|port| port > 0);
        ensure(port_fits, || {
            bad_value(format!(
                "Health check port '{port}' must be 'traffic-port' or a number between '1' and '65535'"
            ))
        })?;
        let path = check.path.as_deref().unwrap_or("/");
        ensure(path.starts_with('/') && path.len() <= 1024, || {
            bad_value(format!("Health check path '{path}' must begin with a '/' character"))
        })?;
        self.check_times(check)?;
        check.matcher.as_ref().map_or(Ok(()), |matcher| self.check_matcher(matcher))
    }

    fn check_times(self, check: &HealthCheck) -> CallResult<()> {
        let (interval, timeout) =
            (check.interval_seconds.unwrap_or_default(), check.timeout_seconds.unwrap_or_default());
        for (name, value, low, high) in [
            ("interval", interval, 5, 300),
            ("timeout", timeout, 2, 120),
            ("healthy threshold count", check.healthy_threshold.unwrap_or_default(), 2, 10),
            ("unhealthy threshold count", check.unhealthy_threshold.unwrap_or_default(), 2, 10),
        ] {
            ensure((low..=high).contains(&value), || {
                bad_value(format!(
                    "Health check {name} '{value}' must be between '{low}' and '{high}' inclusive"
                ))
            })?;
        }
        ensure(timeout < interval || self.network && timeout == interval, || {
            bad_value(format!(
                "Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
            ))
        })
    }

    fn check_matcher(self, matcher: &Matcher) -> CallResult<()> {
        let (codes, other, name) = if self.grpc {
            (&matcher.grpc_code, &matcher.http_code, "gRPC")
        } else {
            (&matcher.http_code, &matcher.grpc_code, "HTTP")
        };
        let range = match (self.grpc, self.network) {
            (true, _) => 0..=99,
            (false, true) => 200..=599,
            (false, false) => 200..=499,
        };
        let codes = codes.as_deref().filter(|_| other.is_none());
        let codes = codes
            .ok_or_else(|| bad_value(format!("Matcher must have a {name} code for this target group")))?;
        let number = |text: &str| text.trim().parse::<u32>().is_ok_and(|code| range.contains(&code));
        let fits = codes.split(',').all(|part| part.split('-').count() <= 2 && part.split('-').all(number));
        ensure(fits, || {
            let (low, high) = (range.start(), range.end());
            bad_value(format!(
                "Health check matcher {name} code '{codes}' must be within '{low}' and '{high}' inclusive"
            ))
        })
    }
}
