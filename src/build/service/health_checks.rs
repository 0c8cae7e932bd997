//! Health checks of target groups.

use super::context::{Context, identity};
use crate::annotations::{parse, service as keys};
use crate::api::{IntOrString, Service};
use crate::build::ports;
use crate::cloud::elbv2::{HealthCheck, Matcher, Protocol, TargetType};
use crate::inputs::Halt;

/// The port that means: where the traffic goes.
pub(super) const TRAFFIC_PORT: &str = "traffic-port";
const SUCCESS_CODES: &str = "200-399";

/// What counts where annotations say nothing.
struct Defaults {
    protocol: Protocol,
    port: String,
    path: &'static str,
    timeout: i32,
    threshold: i32,
}

/// The health check of a target group of `service`.
pub(super) fn build(
    context: &Context<'_>,
    service: &Service,
    target_type: &TargetType,
) -> Result<HealthCheck, Halt> {
    let defaults = decide_defaults(context, service, target_type);
    let advanced = context.config.features.nlb_health_check_advanced_config;
    let protocol = decide_protocol(context, defaults.protocol)?;
    let is_http = protocol != Protocol::Tcp;
    let text = |suffix, default| context.string(suffix).unwrap_or(default).to_owned();
    let codes = || Matcher {
        http_code: Some(text(keys::HEALTH_CHECK_SUCCESS_CODES, SUCCESS_CODES)),
        grpc_code: None,
    };
    let number = |suffix, default| Ok::<_, Halt>(Some(context.int32(suffix)?.unwrap_or(default)));
    Ok(HealthCheck {
        path: is_http.then(|| text(keys::HEALTH_CHECK_PATH, defaults.path)),
        matcher: (is_http && advanced).then(codes),
        port: Some(decide_port(context, service, target_type, &defaults.port)?),
        interval_seconds: number(keys::HEALTH_CHECK_INTERVAL, 10)?,
        timeout_seconds: if advanced {
            number(keys::HEALTH_CHECK_TIMEOUT, defaults.timeout)?
        } else {
            Some(defaults.timeout)
        },
        healthy_threshold: number(keys::HEALTHY_THRESHOLD, defaults.threshold)?,
        unhealthy_threshold: number(keys::UNHEALTHY_THRESHOLD, defaults.threshold)?,
        protocol: Some(protocol),
    })
}

/// With `externalTrafficPolicy: Local` kube-proxy answers on a port of its own whether a node has pods.
fn decide_defaults(context: &Context<'_>, service: &Service, target_type: &TargetType) -> Defaults {
    let spec = service.spec.as_ref();
    let is_local = spec.and_then(|spec| spec.external_traffic_policy.as_deref()) == Some("Local");
    let is_balanced = spec.and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer");
    if *target_type == TargetType::Instance && is_local && is_balanced {
        let port = context.service.spec.as_ref().and_then(|spec| spec.health_check_node_port);
        return Defaults {
            protocol: Protocol::Http,
            port: port.unwrap_or_default().to_string(),
            path: "/healthz",
            timeout: 6,
            threshold: 2,
        };
    }
    Defaults { protocol: Protocol::Tcp, port: TRAFFIC_PORT.to_owned(), path: "/", timeout: 10, threshold: 3 }
}

fn decide_protocol(context: &Context<'_>, default: Protocol) -> Result<Protocol, Halt> {
    let Some(value) = context.string(keys::HEALTH_CHECK_PROTOCOL) else { return Ok(default) };
    match Protocol::from(value.to_uppercase().as_str()) {
        known @ (Protocol::Tcp | Protocol::Http | Protocol::Https) => Ok(known),
        _ => Err(context.not_one_of(keys::HEALTH_CHECK_PROTOCOL, value, &["tcp", "http", "https"]).into()),
    }
}

/// `traffic-port`, a number, or the name of a port of `service`, which stands for the port of its targets.
fn decide_port(
    context: &Context<'_>,
    service: &Service,
    target_type: &TargetType,
    default: &str,
) -> Result<String, Halt> {
    let given = context.string(keys::HEALTH_CHECK_PORT).unwrap_or(default);
    if given == TRAFFIC_PORT {
        return Ok(given.to_owned());
    }
    if let Some(number) = parse::int32(given) {
        return Ok(number.to_string());
    }
    let Some(port) = context.find_port(service, &IntOrString::String(given.to_owned())) else {
        let names = ports::ports(service).iter().map(ports::name).filter(|name| !name.is_empty());
        let name = identity(service).name;
        let message = format!(
            "{given:?} is neither {TRAFFIC_PORT}, a number, nor the name of a port of Service {name:?}"
        );
        let known = names.chain([TRAFFIC_PORT]);
        return Err(context.error(keys::HEALTH_CHECK_PORT, message).suggest(given, known).into());
    };
    match (target_type, ports::target_port(port)) {
        (TargetType::Instance, _) => Ok(ports::node_port(port).to_string()),
        (_, IntOrString::Int(number)) => Ok(number.to_string()),
        (_, IntOrString::String(target)) => {
            let message = format!("port {given:?} has the named target port {target:?}, expected a number");
            Err(context.error(keys::HEALTH_CHECK_PORT, message).hint("give the number of the port").into())
        }
    }
}
