//! Which protocols and ports a load balancer serves, for a listener that does not say.

use super::endpoints::{EndpointTarget, ReadyEndpoint, host_of_ingress};
use super::{AcceleratorFacts, AcceleratorLookup};
use crate::api::gateway::{Gateway, Protocol as GatewayProtocol};
use crate::api::global_accelerator::AcceleratorProtocol;
use crate::api::{Ingress, ObjectKey, Service};
use std::collections::{BTreeMap, BTreeSet};

/// Ports by protocol.
pub type Ports = BTreeMap<AcceleratorProtocol, BTreeSet<i32>>;

/// Why the ports cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryError {
    /// This must be known first.
    Missing(AcceleratorLookup),
    /// The load balancer serves nothing yet.
    NotYet(String),
    /// They cannot be listened on.
    Impossible(String),
}

use DiscoveryError::{Impossible, Missing, NotYet};

/// The protocols and ports behind an endpoint; at least one.
pub fn discover(endpoint: &ReadyEndpoint, facts: &AcceleratorFacts) -> Result<Ports, DiscoveryError> {
    let ports = match &endpoint.named {
        EndpointTarget::Service(service) => of_service(service)?,
        EndpointTarget::Ingress(ingress) => of_ingress(ingress)?,
        EndpointTarget::Gateway(gateway) => of_gateway(gateway),
        EndpointTarget::Id(arn) => of_load_balancer(arn, facts)?,
    };
    if ports.is_empty() {
        return Err(NotYet("its load balancer has no listeners".to_owned()));
    }
    Ok(ports)
}

fn protocol(is_udp: bool) -> AcceleratorProtocol {
    if is_udp { AcceleratorProtocol::Udp } else { AcceleratorProtocol::Tcp }
}

/// The ports in the status of a Service, which the controller writes with the DNS name.
fn of_service(service: &Service) -> Result<Ports, DiscoveryError> {
    let key = ObjectKey::of(service);
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entry = status.and_then(|status| status.ingress.as_ref()).and_then(|entries| entries.first());
    let mut ports = Ports::new();
    let mut seen = BTreeSet::new();
    for port in entry.and_then(|entry| entry.ports.as_ref()).into_iter().flatten() {
        if !seen.insert(port.port) {
            return Err(Impossible(format!(
                "auto-discovery does not support TCP_UDP services on the same port {} for endpoint {key}: give protocol and portRanges",
                port.port
            )));
        }
        ports.entry(protocol(port.protocol == "UDP")).or_default().insert(port.port);
    }
    if ports.is_empty() {
        return Err(NotYet(format!("no port information available in service status for endpoint {key}")));
    }
    Ok(ports)
}

/// The ports in the status of an Ingress, of the entry of its ALB.
fn of_ingress(ingress: &Ingress) -> Result<Ports, DiscoveryError> {
    let host = host_of_ingress(ingress);
    let status = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entries = status.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
    let own = entries.filter(|entry| entry.hostname == host && entry.ports.is_some());
    let ports: BTreeSet<i32> =
        own.take(1).flat_map(|entry| entry.ports.iter().flatten()).map(|port| port.port).collect();
    if ports.is_empty() {
        return Err(NotYet(format!("no valid ports found for ingress {}", ObjectKey::of(ingress))));
    }
    Ok(Ports::from([(AcceleratorProtocol::Tcp, ports)]))
}

/// The ports of the listeners of a Gateway.
fn of_gateway(gateway: &Gateway) -> Ports {
    let mut ports = Ports::new();
    for listener in &gateway.spec.listeners {
        let is_udp = listener.protocol == GatewayProtocol::Udp;
        ports.entry(protocol(is_udp)).or_default().insert(listener.port);
    }
    ports
}

/// The listeners of a load balancer that is named by its ARN.
fn of_load_balancer(arn: &str, facts: &AcceleratorFacts) -> Result<Ports, DiscoveryError> {
    let Some(served) = facts.listeners.get(arn) else {
        return Err(Missing(AcceleratorLookup::Listeners(arn.to_owned())));
    };
    let mut ports = Ports::new();
    for (name, port) in served {
        let protocol = match name.as_str() {
            "HTTP" | "HTTPS" | "TCP" | "TLS" => AcceleratorProtocol::Tcp,
            "UDP" => AcceleratorProtocol::Udp,
            other => {
                return Err(Impossible(format!(
                    "listener protocol {other} is not supported by Global Accelerator for load balancer {arn}: give protocol and portRanges"
                )));
            }
        };
        ports.entry(protocol).or_default().insert(*port);
    }
    if ports.is_empty() {
        return Err(NotYet(format!("no listeners found for load balancer ARN {arn}")));
    }
    Ok(ports)
}
