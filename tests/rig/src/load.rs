//! Many Services and many Ingress groups, and what a controller needed for them.

use crate::{
    Options, Rig, fixtures,
    rig::{Pace, seldom},
};
use aws_load_balancer_controller::{
    aws::throttle::Throttles,
    aws_api::{Action, Request},
};
use aws_sim::{Settings, WorldBuilder};
use std::{collections::BTreeMap, time::Duration};

/// Nodes of the account: enough addresses for ten thousand pods.
const NODES: usize = 30;

/// An account without limits on numbers.
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.quotas.application_load_balancers = 10_000;
    settings.quotas.network_load_balancers = 10_000;
    settings.quotas.target_groups = 100_000;
    settings.quotas.security_groups = 100_000;
    settings
}

/// Such an account, and a controller with its defaults.
pub fn options() -> Options {
    Options {
        world: WorldBuilder::new("demo").nodes(NODES).settings(settings()).build(),
        audit: seldom(),
        ..Options::default()
    }
}

/// The same at the pace that AWS documents, with the rate limits that the controller has by default.
pub fn paced() -> Options {
    Options { throttles: Throttles::default(), pace: Some(Pace::documented()), ..options() }
}

/// How many reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Calls that change nothing.
    pub reads: usize,
    /// Calls that change something.
    pub writes: usize,
}

/// The name of a Service of a crowd.
pub fn service(number: usize) -> String {
    format!("service-{number:04}")
}

/// The name of a group of a crowd.
pub fn group(number: usize) -> String {
    format!("group-{number:03}")
}

/// Pod `rank` of a Service with room for so many.
pub fn pod(service: usize, rank: usize, room: usize) -> usize {
    service * room + rank
}

impl Rig {
    /// Adds Services of type LoadBalancer with two ports and so many ready pods each.
    pub fn add_services(&self, services: usize, pods: usize) {
        let annotations = [("aws-load-balancer-nlb-target-type", "ip")];
        for number in 0..services {
            let name = service(number);
            self.api.put(fixtures::load_balancer(&name, &[80, 443], &annotations));
            let pods: Vec<usize> = (0..pods).map(|rank| pod(number, rank, pods + 1)).collect();
            self.serve(&name, &pods);
        }
    }

    /// Adds Ingress groups with one path to each of so many Services, which have two pods each.
    pub fn add_groups(&self, groups: usize, services: usize) {
        self.add_groups_from(0, groups, services);
    }

    /// As [`Rig::add_groups`], numbered from `first`.
    pub fn add_groups_from(&self, first: usize, groups: usize, services: usize) {
        for number in first..first + groups {
            let names: Vec<String> = (0..services).map(|rank| service(number * services + rank)).collect();
            for (rank, name) in names.iter().enumerate() {
                self.api.put(fixtures::cluster_service(name, &[80]));
                let first = (number * services + rank) * 2;
                self.serve(name, &[first, first + 1]);
            }
            self.api.put(ingress(number, &names, "/"));
        }
    }

    /// Calls since the log was cleared.
    pub fn count(&self) -> Count {
        let writes = self.writes().len();
        Count { reads: self.calls().len() - writes, writes }
    }

    /// Calls since the log was cleared, by operation.
    pub fn count_by_operation(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for action in self.calls() {
            *counts.entry(action.name()).or_default() += 1;
        }
        counts
    }

    /// How long ago, at the last call, the log of calls was begun.
    pub fn last_call(&self, since: Duration) -> Duration {
        let last = self.aws.world(|world| world.calls().last().map(|call| call.at));
        last.map_or(Duration::ZERO, |last| last.saturating_sub(since))
    }

    /// When each address was first registered.
    pub fn registrations(&self) -> BTreeMap<String, Duration> {
        let mut first = BTreeMap::new();
        for call in self.aws.calls().into_iter().filter(|call| call.action() == Action::RegisterTargets) {
            let Request::RegisterTargets(request) = call.request else { continue };
            for target in request.targets {
                if let Some(id) = target.id.known() {
                    first.entry(id.to_owned()).or_insert(call.at);
                }
            }
        }
        first
    }
}

/// An Ingress of a group, with a path to each Service.
pub fn ingress(number: usize, services: &[String], prefix: &str) -> serde_json::Value {
    let (name, host) = (group(number), format!("{}.example.com", group(number)));
    let annotations = [("group.name", name.as_str()), ("target-type", "ip")];
    let paths: Vec<String> = services.iter().map(|service| format!("{prefix}{service}")).collect();
    let rules: Vec<(&str, &str, &str)> = paths
        .iter()
        .zip(services)
        .map(|(path, service)| (host.as_str(), path.as_str(), service.as_str()))
        .collect();
    fixtures::ingress(&name, &annotations, &rules)
}
