//! Ports of a Service, by number or name.

use crate::api::{IntOrString, ObjectKey, Service, ServicePort};
use std::collections::BTreeMap;
use std::ops::Deref;

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

/// The number of a port of a Service, looked up among the Services that there are when it is asked for.
pub fn numbers<S: Deref<Target = Service>>(
    services: impl Fn(&ObjectKey) -> Option<S> + Send + Sync,
) -> impl Fn(&ObjectKey, &IntOrString) -> Option<i32> + Send + Sync {
    move |service, port| find(&*services(service)?, port).map(|found| found.port)
}

/// The ports of a Service by number and by name, for those who look for many.
#[derive(Clone, Debug, Default)]
pub struct PortIndex<'a> {
    by_number: BTreeMap<i32, &'a ServicePort>,
    by_name: BTreeMap<&'a str, &'a ServicePort>,
}

impl<'a> PortIndex<'a> {
    /// Of several ports with one number, or one name, the first counts.
    pub fn of(service: &'a Service) -> Self {
        let mut index = Self::default();
        for port in ports(service) {
            index.by_number.entry(port.port).or_insert(port);
            index.by_name.entry(name(port)).or_insert(port);
        }
        index
    }

    /// The port that [`find`] finds.
    pub fn find(&self, port: &IntOrString) -> Option<&'a ServicePort> {
        match port {
            IntOrString::Int(number) => self.by_number.get(number).copied(),
            IntOrString::String(name) => self.by_name.get(name.as_str()).copied(),
        }
    }
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

/// A port as text: the number, or the name.
pub fn show_port(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}
