//! The status of Ingresses and the events of their groups (upstream's `controllers/ingress`).
//!
//! A status that says the same is left alone, by upstream's measure of sameness: as many entries, and the same port numbers by
//! host name.

use super::event::{Event, Reason};
use crate::api::Ingress;
use crate::builder::ingress::{MemberOutcome, MemberState};
use crate::finding::{Finding, Severity};
use crate::settings::ContributorWarning;
use k8s_openapi::api::networking::v1::{IngressLoadBalancerIngress, IngressPortStatus};
use std::collections::{BTreeMap, BTreeSet};

/// The most causes that one event names.
const MAX_CAUSES: usize = 10;

/// Where a group can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses<'a> {
    /// DNS name of the ALB.
    pub alb: &'a str,
    /// Listener ports of the ALB, ascending.
    pub ports: &'a [i32],
    /// DNS name of the NLB in front of it.
    pub nlb: Option<&'a str>,
}

/// `status.loadBalancer.ingress` to write for a member; `None`: it says so already, or must not say so.
///
/// A member that is not served gets no address; one it has is kept up to date, because its old rules still serve it.
pub fn reachable(
    ingress: &Ingress,
    state: MemberState,
    addresses: &Addresses<'_>,
) -> Option<Vec<IngressLoadBalancerIngress>> {
    let current = entries(ingress);
    if current.is_empty() && !state.is_served() {
        return None;
    }
    let wanted = wanted_entries(current, addresses);
    (!same(current, &wanted)).then_some(wanted)
}

/// The event of a member after its group was deployed, or could not be built.
///
/// `None`: nothing to say; the mistakes of others are told on their own objects.
pub fn event_of(outcome: &MemberOutcome, deployed: bool) -> Option<Event> {
    let errors: Vec<&Finding> =
        outcome.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    if errors.is_empty() {
        return deployed.then(Event::reconciled);
    }
    let told: Vec<String> = errors.iter().take(MAX_CAUSES).map(ToString::to_string).collect();
    let cause = match errors.len().saturating_sub(MAX_CAUSES) {
        0 => told.join("; "),
        more => format!("{}; and {more} more", told.join("; ")),
    };
    let reason = match outcome.state {
        MemberState::Unplaceable => Reason::FailedLoadGroupID,
        MemberState::Refused | MemberState::PartlyRefused => Reason::FailedDeployModel,
        MemberState::Built
        | MemberState::Degraded
        | MemberState::Invalid
        | MemberState::TooCostly
        | MemberState::Blocked => Reason::FailedBuildModel,
    };
    Some(Event::warning(reason, &cause))
}

/// Warnings as the text of one event; `None`: there are none.
pub fn list(warnings: &[&ContributorWarning]) -> Option<String> {
    let text = warnings.iter().map(|warning| warning.finding.to_string()).collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then_some(text)
}

fn entries(ingress: &Ingress) -> &[IngressLoadBalancerIngress] {
    let status = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    status.and_then(|status| status.ingress.as_deref()).unwrap_or_default()
}

fn wanted_entries(
    current: &[IngressLoadBalancerIngress],
    addresses: &Addresses<'_>,
) -> Vec<IngressLoadBalancerIngress> {
    let Addresses { alb, ports, nlb } = addresses;
    let alb = alb.to_lowercase();
    let mut wanted = match current {
        [entry] if names_only(entry, &alb) => current.to_vec(),
        _ => {
            vec![IngressLoadBalancerIngress { hostname: Some(alb), ..IngressLoadBalancerIngress::default() }]
        }
    };
    if let Some(entry) = wanted.first_mut()
        && !ports.is_empty()
    {
        entry.ports = Some(ports.iter().copied().map(port_status).collect());
    }
    if let Some(nlb) = nlb.map(str::to_lowercase)
        && !wanted.iter().any(|entry| entry.hostname.as_ref() == Some(&nlb))
    {
        wanted.push(IngressLoadBalancerIngress {
            hostname: Some(nlb),
            ..IngressLoadBalancerIngress::default()
        });
    }
    wanted
}

fn names_only(entry: &IngressLoadBalancerIngress, host: &str) -> bool {
    entry.ip.as_deref().unwrap_or_default().is_empty() && entry.hostname.as_deref() == Some(host)
}

/// why: upstream leaves the protocol empty, and the API server keeps it so
fn port_status(port: i32) -> IngressPortStatus {
    IngressPortStatus { error: None, port, protocol: String::new() }
}

fn same(a: &[IngressLoadBalancerIngress], b: &[IngressLoadBalancerIngress]) -> bool {
    a.len() == b.len() && ports_by_host(a) == ports_by_host(b)
}

fn ports_by_host(entries: &[IngressLoadBalancerIngress]) -> BTreeMap<&str, BTreeSet<i32>> {
    let named = entries.iter().filter_map(|entry| {
        let host = entry.hostname.as_deref().filter(|host| !host.is_empty())?;
        Some((host, entry.ports.iter().flatten().map(|port| port.port).collect()))
    });
    named.collect()
}

#[cfg(test)]
mod tests;
