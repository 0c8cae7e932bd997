//! Ports of a Service, by number or name.

use crate::api::{IntOrString, Service, ServicePort};

/// The ports of a Service.
pub fn ports(service: &Service) -> &[ServicePort] {
    service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default()
}

/// The first port with this number, or with this name. A text is always a name, also when it looks like a number.
pub fn find<'a>(service: &'a Service, port: &IntOrString) -> Option<&'a ServicePort> {
    ports(service).iter().find(|candidate| match port {
        IntOrString::Int(number) => candidate.port == *number,
        IntOrString::String(name) => self::name(candidate) == name,
    })
}

/// The port's name, empty if it has none.
pub fn name(port: &ServicePort) -> &str {
    port.name.as_deref().unwrap_or_default()
}

/// `targetPort`, which is the Service port when nothing is said (the API server fills it in).
pub fn target_port(port: &ServicePort) -> IntOrString {
    port.target_port.clone().unwrap_or(IntOrString::Int(port.port))
}

/// `nodePort`, 0 if none is allocated.
pub fn node_port(port: &ServicePort) -> i32 {
    port.node_port.unwrap_or_default()
}

/// The transport protocol, `TCP` when nothing is said (the API server fills it in).
pub fn protocol(port: &ServicePort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}
