//! Which load balancer has a DNS name, and what it listens on.
//!
//! A DNS name begins with the name of its load balancer, so one call for one load balancer answers. Only where that finds nothing
//! the region's are listed, once a minute at most for all names. Upstream lists them each time.

use crate::aws::{Cloud, pages};
use crate::aws_api::CloudError;
use crate::aws_api::elbv2::{DescribeListeners, DescribeLoadBalancers, LoadBalancer as Found};
use crate::global_accelerator::{AcceleratorFacts, AcceleratorLookup, LoadBalancer, ServedPort};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// For how long an ARN is believed, as upstream.
const BELIEVED: Duration = Duration::from_mins(5);
/// What a list of the region did not show is not looked for again before.
const LIST_KEPT: Duration = Duration::from_mins(1);
/// ARNs that are remembered.
const MOST: usize = 4096;
/// Longest name of a load balancer.
const LONGEST_NAME: usize = 32;

/// Load balancers by DNS name.
#[derive(Debug, Default)]
pub struct LoadBalancers {
    /// ARNs, and since when they are known.
    known: Mutex<BTreeMap<String, (String, Instant)>>,
    /// When all load balancers of the region were listed, and what was found, by DNS names in lower case.
    listed: Mutex<Option<(Instant, BTreeMap<String, LoadBalancer>)>>,
}

impl LoadBalancers {
    /// Finds out what a build lacks.
    pub async fn look_up(
        &self,
        cloud: &dyn Cloud,
        lookup: AcceleratorLookup,
        facts: &mut AcceleratorFacts,
    ) -> Result<(), CloudError> {
        match lookup {
            AcceleratorLookup::LoadBalancer(host) => {
                let found = self.find(cloud, &host).await?;
                facts.load_balancers.insert(host, found);
            }
            AcceleratorLookup::Listeners(arn) => {
                let served = list_ports(cloud, &arn).await?;
                facts.listeners.insert(arn, served);
            }
        }
        Ok(())
    }

    async fn find(&self, cloud: &dyn Cloud, host: &str) -> Result<LoadBalancer, CloudError> {
        if let Some(arn) = self.remembered(host) {
            return Ok(LoadBalancer::Ready(arn));
        }
        let found = match find_by_name(cloud, host).await? {
            None => self.find_in_region(cloud, host).await?,
            Some(found) => state_of(found),
        };
        if let LoadBalancer::Ready(arn) = &found {
            self.remember(host, arn);
        }
        Ok(found)
    }

    async fn find_in_region(&self, cloud: &dyn Cloud, host: &str) -> Result<LoadBalancer, CloudError> {
        let host = host.to_ascii_lowercase();
        if let Some((since, all)) = &*self.listed.lock()
            && since.elapsed() < LIST_KEPT
        {
            return Ok(all.get(&host).cloned().unwrap_or(LoadBalancer::Unknown));
        }
        let all = pages::all(cloud, DescribeLoadBalancers::default()).await?;
        let by_name = |found: Found| (found.dns_name.to_ascii_lowercase(), state_of(found));
        let all: BTreeMap<_, _> = all.into_iter().map(by_name).collect();
        let found = all.get(&host).cloned().unwrap_or(LoadBalancer::Unknown);
        *self.listed.lock() = Some((Instant::now(), all));
        Ok(found)
    }

    fn remembered(&self, host: &str) -> Option<String> {
        let known = self.known.lock();
        known.get(host).filter(|(_, since)| since.elapsed() < BELIEVED).map(|(arn, _)| arn.clone())
    }

    fn remember(&self, host: &str, arn: &str) {
        let mut known = self.known.lock();
        if known.len() >= MOST {
            known.retain(|_, (_, since)| since.elapsed() < BELIEVED);
        }
        if known.len() < MOST {
            known.insert(host.to_owned(), (arn.to_owned(), Instant::now()));
        }
    }
}

fn state_of(found: Found) -> LoadBalancer {
    if found.state == "provisioning" { LoadBalancer::Provisioning } else { LoadBalancer::Ready(found.arn) }
}

async fn find_by_name(cloud: &dyn Cloud, host: &str) -> Result<Option<Found>, CloudError> {
    let Some(name) = name_of(host) else { return Ok(None) };
    let request = DescribeLoadBalancers { names: vec![name], ..DescribeLoadBalancers::default() };
    match pages::all(cloud, request).await {
        // why: Gateways show DNS names in lower case
        Ok(all) => Ok(all.into_iter().find(|found| found.dns_name.eq_ignore_ascii_case(host))),
        Err(error) if error.is(&["LoadBalancerNotFound"]) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name of the load balancer of a DNS name: `[dualstack.][internal-]<name>-<number>.…`.
fn name_of(host: &str) -> Option<String> {
    let host = host.strip_prefix("dualstack.").unwrap_or(host);
    let label = host.split('.').next()?;
    let label = label.strip_prefix("internal-").unwrap_or(label);
    let (name, _) = label.rsplit_once('-')?;
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| name.to_owned())
}

async fn list_ports(cloud: &dyn Cloud, arn: &str) -> Result<Vec<ServedPort>, CloudError> {
    let request = DescribeListeners { load_balancer_arn: arn.into(), ..DescribeListeners::default() };
    let all = pages::all(cloud, request).await?;
    Ok(all.into_iter().map(|listener| (listener.protocol.to_string(), listener.port)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_name_begins_with_the_name() {
        for (host, name) in [
            (
                "k8s-shop-web-0123456789-0123456789abcdef.elb.us-west-2.amazonaws.com",
                "k8s-shop-web-0123456789",
            ),
            (
                "internal-k8s-shop-web-0123456789-1234567890.us-west-2.elb.amazonaws.com",
                "k8s-shop-web-0123456789",
            ),
            ("dualstack.web-12.us-west-2.elb.amazonaws.com", "web"),
        ] {
            assert_eq!(name_of(host).as_deref(), Some(name), "{host}");
        }
        for host in ["", "web.example.com", "-1.elb.amazonaws.com", "a_b-1.example.com"] {
            assert_eq!(name_of(host), None, "{host}");
        }
    }
}
