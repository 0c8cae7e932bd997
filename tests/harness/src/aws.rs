//! The AWS account of a test: the simulator, over HTTP for the controller and in process for us.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use aws_load_balancer_controller::aws_api::{
    Operation, Ref,
    ec2::DescribeSecurityGroups,
    elbv2::{
        DescribeListeners, DescribeLoadBalancers, DescribeRules, DescribeTargetGroups, DescribeTargetHealth,
        Listener, LoadBalancer, Rule, TargetGroup, TargetHealthState,
    },
};
use aws_sim::{Clock, DataPlane, Delays, Network, PlaneSettings, Sim, World};
use tokio::task::AbortHandle;

use crate::{FakeNode, wait::eventually};

/// An account with one VPC: a public and a private subnet in each of three zones, and an instance for each of three nodes.
#[derive(Debug)]
pub struct Aws {
    sim: Sim,
    endpoint: SocketAddr,
    /// What was there before the controller.
    given: BTreeSet<String>,
    task: AbortHandle,
    plane: Option<Arc<DataPlane>>,
}

/// How many calls the controller has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// All of them.
    pub all: usize,
    /// Those that were meant to change something.
    pub writes: usize,
}

impl Aws {
    /// Builds the account and listens on a free port.
    pub async fn start() -> Result<Self> {
        Self::start_with(None).await
    }

    /// As [`Aws::start`], with load balancers that carry traffic if settings for that are given.
    pub async fn start_with(traffic: Option<PlaneSettings>) -> Result<Self> {
        let mut world = World::demo().with_clock(Clock::running());
        world.settings.delays = Delays::visible();
        let sim = Sim::new(world);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = listener.local_addr()?;
        let plane = traffic.map(|settings| DataPlane::start(sim.clone(), settings, Network::default()));
        let plane = plane.transpose()?.map(Arc::new);
        let serving = aws_sim::http::serve_with(sim.clone(), plane.clone(), listener);
        let task = tokio::spawn(serving).abort_handle();
        let mut this = Self { sim, endpoint, given: BTreeSet::new(), task, plane };
        this.given = this.resources()?;
        Ok(this)
    }

    /// Where the AWS APIs answer.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.endpoint)
    }

    /// The traffic side of the load balancers, if there is one.
    pub fn plane(&self) -> Option<&Arc<DataPlane>> {
        self.plane.as_ref()
    }

    /// The simulator, for tests that break things.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// How many calls were made over HTTP.
    pub fn count_calls(&self) -> Calls {
        self.sim.world(|world| Calls { all: world.calls().len(), writes: world.writes().count() })
    }

    /// Waits until nobody has called for a while.
    pub async fn quiet(&self, pause: Duration, deadline: Duration) -> Result<Calls> {
        let mut last = (self.count_calls(), Instant::now());
        eventually("AWS is left in peace", deadline, || {
            let calls = self.count_calls();
            if calls != last.0 {
                last = (calls, Instant::now());
            }
            let pause_so_far = last.1.elapsed();
            std::future::ready(if pause_so_far < pause {
                Err(anyhow!("called {pause_so_far:?} ago"))
            } else {
                Ok(calls)
            })
        })
        .await
    }

    /// The VPC.
    pub fn vpc_id(&self) -> String {
        self.sim.world(|world| world.id("VPC").to_owned())
    }

    /// A node for each instance.
    pub fn nodes(&self) -> Vec<FakeNode> {
        let describe = |node: &aws_sim::world_builder::Node| FakeNode {
            name: node.name.clone(),
            provider_id: node.provider_id(),
            zone: node.zone.clone(),
            internal_ip: node.ip.clone(),
            pod_cidr: node.pod_cidr.clone(),
        };
        self.sim.world(|world| world.nodes().iter().map(describe).collect())
    }

    /// All load balancers.
    pub fn load_balancers(&self) -> Result<Vec<LoadBalancer>> {
        Ok(self.ask(DescribeLoadBalancers::default())?.items)
    }

    /// All target groups.
    pub fn target_groups(&self) -> Result<Vec<TargetGroup>> {
        Ok(self.ask(DescribeTargetGroups::default())?.items)
    }

    /// The targets of a target group by id (which is an address or an instance), with their health.
    pub fn targets(&self, arn: &str) -> Result<BTreeMap<String, TargetHealthState>> {
        let healths =
            self.ask(DescribeTargetHealth { arn: Ref::Known(arn.to_owned()), targets: Vec::new() })?;
        let known = healths
            .into_iter()
            .filter_map(|health| Some((health.target.id.known()?.to_owned(), health.state)));
        Ok(known.collect())
    }

    /// The listeners of a load balancer.
    pub fn listeners(&self, arn: &str) -> Result<Vec<Listener>> {
        Ok(self.ask(DescribeListeners { load_balancer_arn: Ref::Known(arn.to_owned()), marker: None })?.items)
    }

    /// The rules of a listener, without the default one.
    pub fn rules(&self, arn: &str) -> Result<Vec<Rule>> {
        let mut rules =
            self.ask(DescribeRules { listener_arn: Ref::Known(arn.to_owned()), marker: None })?.items;
        rules.retain(|rule| rule.priority.is_some());
        Ok(rules)
    }

    /// What the controller has made and not taken away.
    pub fn leftovers(&self) -> Result<Vec<String>> {
        Ok(self.resources()?.difference(&self.given).cloned().collect())
    }

    /// Everything a controller may create, by name. Listeners and rules do not outlive their load balancer.
    fn resources(&self) -> Result<BTreeSet<String>> {
        let mut all = BTreeSet::new();
        all.extend(
            self.load_balancers()?.into_iter().map(|balancer| format!("load balancer {}", balancer.name)),
        );
        all.extend(self.target_groups()?.into_iter().map(|group| format!("target group {}", group.name)));
        for group in self.ask(DescribeSecurityGroups::default())?.items {
            let rules =
                group.ingress.iter().map(|rule| format!("rule of security group {}: {rule:?}", group.name));
            all.extend(rules);
            all.insert(format!("security group {}", group.name));
        }
        Ok(all)
    }

    /// Asks without leaving a trace in the log of calls.
    fn ask<O: Operation>(&self, operation: O) -> Result<O::Output> {
        let request = operation.into();
        let response = self.sim.world(|world| world.perform(&request))?;
        O::output(response).context("the answer belongs to another operation")
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.task.abort();
    }
}
