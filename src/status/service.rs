//! The status of Services: where their load balancer can be reached.
//!
//! Upstream: `controllers/service`. A status that already says the same is left alone, by upstream's measure of sameness:
//! one entry with the host name, as many ports, and each of the spec's port numbers among them.

use crate::api::{Service, ServicePort};
use crate::settings::ports;
use k8s_openapi::api::core::v1::{LoadBalancerIngress, LoadBalancerStatus, PortStatus};
use std::collections::BTreeSet;

/// `status.loadBalancer` to write for a load balancer's DNS name; `None`: it says so already.
pub fn reachable(service: &Service, dns_name: &str) -> Option<LoadBalancerStatus> {
    let host = dns_name.to_lowercase();
    if says(service, &host) {
        return None;
    }
    let ingress = LoadBalancerIngress {
        hostname: Some(host),
        ports: Some(wanted_ports(service)),
        ..LoadBalancerIngress::default()
    };
    Some(LoadBalancerStatus { ingress: Some(vec![ingress]) })
}

/// `status.loadBalancer` to write when there is no load balancer any more; `None`: it says so already.
pub fn unreachable(service: &Service) -> Option<LoadBalancerStatus> {
    let clear = entries(service).is_empty();
    (!clear).then(LoadBalancerStatus::default)
}

fn entries(service: &Service) -> &[LoadBalancerIngress] {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    status.and_then(|status| status.ingress.as_deref()).unwrap_or_default()
}

fn says(service: &Service, host: &str) -> bool {
    let [entry] = entries(service) else { return false };
    let known = entry.ports.as_deref().unwrap_or_default();
    let wanted = wanted_ports(service);
    let numbers: BTreeSet<i32> = known.iter().map(|port| port.port).collect();
    entry.ip.as_deref().unwrap_or_default().is_empty()
        && entry.hostname.as_deref() == Some(host)
        && known.len() == wanted.len()
        && wanted.iter().all(|port| numbers.contains(&port.port))
}

fn wanted_ports(service: &Service) -> Vec<PortStatus> {
    let status = |port: &ServicePort| PortStatus {
        error: None,
        port: port.port,
        protocol: ports::protocol(port).to_owned(),
    };
    ports::ports(service).iter().map(status).collect()
}

#[cfg(test)]
mod tests;
