//! Health checks of target groups.

use super::names::ObjectIdentity;
use super::{Sourced, ports};
use crate::annotations::parse;
use crate::api::{IntOrString, Service, ServicePort};
use crate::aws_api::elbv2::{HealthCheck, Matcher, Protocol, TargetType};
use crate::facts::BuildError;
use crate::finding::Finding;

/// The port that means: where the traffic goes.
pub const TRAFFIC_PORT: &str = "traffic-port";

/// What users say about a health check; `None`: nothing.
#[derive(Clone, Debug, Default)]
pub struct HealthCheckSettings {
    /// `traffic-port`, a number, or the number that a port name stands for (see [`resolve_port`]).
    pub port: Option<String>,
    /// Protocol of the checks.
    pub protocol: Option<Protocol>,
    /// Path that HTTP checks ask for.
    pub path: Option<String>,
    /// Success codes, of HTTP or of gRPC as the target group has it.
    pub success_codes: Option<String>,
    /// Seconds between checks.
    pub interval_seconds: Option<i32>,
    /// Seconds until a check fails.
    pub timeout_seconds: Option<i32>,
    /// Successes until healthy.
    pub healthy_threshold: Option<i32>,
    /// Failures until unhealthy.
    pub unhealthy_threshold: Option<i32>,
}

/// What counts where users say nothing.
#[derive(Clone, Debug)]
pub struct HealthCheckDefaults {
    /// Port, or `traffic-port`.
    pub port: String,
    /// Protocol of the checks.
    pub protocol: Protocol,
    /// Path that HTTP checks ask for.
    pub path: &'static str,
    /// Codes that count as healthy.
    pub success_codes: SuccessCodes,
    /// Seconds between checks.
    pub interval_seconds: i32,
    /// Seconds until a check fails.
    pub timeout_seconds: i32,
    /// Successes until healthy.
    pub healthy_threshold: i32,
    /// Failures until unhealthy.
    pub unhealthy_threshold: i32,
}

/// Which success codes a health check has, and those that count where users say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuccessCodes {
    /// Status codes of HTTP.
    Http(&'static str),
    /// Status codes of gRPC.
    Grpc(&'static str),
    /// They are left to AWS.
    Unset,
}

impl HealthCheckSettings {
    /// The health check. A check by TCP has neither path nor success codes.
    pub fn or(self, defaults: HealthCheckDefaults) -> HealthCheck {
        let protocol = self.protocol.unwrap_or(defaults.protocol);
        let asks = protocol != Protocol::Tcp;
        let codes = |default: &str| Some(self.success_codes.clone().unwrap_or_else(|| default.to_owned()));
        let matcher = match defaults.success_codes {
            SuccessCodes::Http(default) => Some(Matcher { http_code: codes(default), grpc_code: None }),
            SuccessCodes::Grpc(default) => Some(Matcher { http_code: None, grpc_code: codes(default) }),
            SuccessCodes::Unset => None,
        };
        HealthCheck {
            port: Some(self.port.unwrap_or(defaults.port)),
            path: asks.then(|| self.path.unwrap_or_else(|| defaults.path.to_owned())),
            matcher: matcher.filter(|_| asks),
            interval_seconds: Some(self.interval_seconds.unwrap_or(defaults.interval_seconds)),
            timeout_seconds: Some(self.timeout_seconds.unwrap_or(defaults.timeout_seconds)),
            healthy_threshold: Some(self.healthy_threshold.unwrap_or(defaults.healthy_threshold)),
            unhealthy_threshold: Some(self.unhealthy_threshold.unwrap_or(defaults.unhealthy_threshold)),
            protocol: Some(protocol),
        }
    }
}

/// The port of a health check: `traffic-port`, a number, or the name of a port of `service`, which stands for where the
/// targets of that port listen. `find` looks a name up among the ports of the Service.
pub fn resolve_port<'s>(
    given: &Sourced<&str>,
    service: &Service,
    target_type: &TargetType,
    find: impl FnOnce(&IntOrString) -> Option<&'s ServicePort>,
) -> Result<String, BuildError> {
    let Sourced { value, origin } = given;
    if *value == TRAFFIC_PORT {
        return Ok(TRAFFIC_PORT.to_owned());
    }
    if let Some(number) = parse::int32(value) {
        return Ok(number.to_string());
    }
    let port = find(&IntOrString::String((*value).to_owned())).ok_or_else(|| unknown_port(given, service))?;
    match port_on_target(target_type, port) {
        IntOrString::Int(number) => Ok(number.to_string()),
        IntOrString::String(target) => {
            let message = format!("port {value:?} has the named target port {target:?}, expected a number");
            Err(origin.error(message).hint("give the number of the port").into())
        }
    }
}

fn unknown_port(given: &Sourced<&str>, service: &Service) -> Finding {
    let Sourced { value, origin } = given;
    let names = ports::ports(service).iter().map(ports::name).filter(|name| !name.is_empty());
    let name = ObjectIdentity::of(service).name;
    let message =
        format!("{value:?} is neither {TRAFFIC_PORT}, a number, nor the name of a port of Service {name:?}");
    origin.error(message).suggest(value, names.chain([TRAFFIC_PORT]))
}

/// Where requests to a target go: the node port, or the target port.
pub fn port_on_target(target_type: &TargetType, port: &ServicePort) -> IntOrString {
    match target_type {
        TargetType::Instance => IntOrString::Int(ports::node_port(port)),
        _ => ports::target_port(port),
    }
}
