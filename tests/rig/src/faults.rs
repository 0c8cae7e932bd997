//! What may happen to a leader while pods come and go: how long it takes until all is as it should be, and what it costs.

use crate::{ApiServer, Replica, Rig, fixtures, load, replica::Writes, rig::Pace};
use aws_load_balancer_controller::{
    aws::throttle::Throttles,
    aws_api::{Request, elbv2::TargetHealthState},
};
use aws_sim::{Calls, Effect, Fault};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;

/// How long AWS refuses everything, and how long the API server is away.
pub const OUTAGE: Duration = Duration::from_mins(1);
/// Between the change of pods and what happens then.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The leader is killed, and another process started.
    Restart,
    /// The leader cannot reach the API server any more, and a second replica takes the lease.
    LeaseLost,
    /// AWS refuses every call as throttled.
    Throttled,
    /// The API server answers nobody.
    ApiServerAway,
    /// Watches break, and what changed since is told to nobody: everything is listed again.
    TooOld,
}

/// Everything that happens, in this order.
pub const MISHAPS: [Mishap; 5] =
    [Mishap::Restart, Mishap::LeaseLost, Mishap::Throttled, Mishap::ApiServerAway, Mishap::TooOld];

impl Mishap {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restart => "the leader is killed and started again at once",
            Self::LeaseLost => "the leader loses the API server, a second replica takes over",
            Self::Throttled => "AWS refuses every call as throttled for a minute",
            Self::ApiServerAway => "the API server is away for a minute",
            Self::TooOld => "watches break twice, each time with a history that is gone",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Aftermath {
    /// From its end until nothing was left to do.
    pub steady: Duration,
    /// Targets that were deregistered although their pods went on serving.
    pub lost: usize,
    /// Pods that serve and are no targets in the end.
    pub missing: usize,
    /// Targets in the end whose pods had gone.
    pub left_behind: usize,
    /// Calls of AWS.
    pub calls: load::Count,
}

/// A cluster under a leader, with pods that change.
pub struct Cluster {
    rig: Rig,
    writes: Writes,
    leader: Replica,
    /// The pods of each Service.
    pods: Vec<[usize; 2]>,
    /// The number of the next new pod.
    next: usize,
}

impl Cluster {
    /// So many Services of one port with two pods each, which are served, at the pace of AWS from now on.
    ///
    /// # Panics
    /// If the replica runs already.
    pub async fn of(services: usize) -> Self {
        let mut rig = Rig::new(load::options());
        rig.seed();
        let pods: Vec<[usize; 2]> = (0..services).map(|number| [2 * number, 2 * number + 1]).collect();
        for (number, pods) in pods.iter().enumerate() {
            let annotations = [("aws-load-balancer-nlb-target-type", "ip")];
            rig.api.put(fixtures::load_balancer(&load::service(number), &[80], &annotations));
            rig.serve(&load::service(number), pods);
        }
        rig.start().await;
        rig.run_until_idle().await;
        rig.kill().await;
        rig.options.pace = Some(Pace::documented());
        rig.options.throttles = Throttles::default();
        let writes = Writes::default();
        let mut leader = rig.replica("first", &writes);
        leader.take_turns();
        rig.run_until_idle().await;
        Self { rig, writes, leader, next: 2 * services, pods }
    }

    /// Has each of so many Services get a new pod for an old one while this happens.
    pub async fn suffer(&mut self, mishap: Mishap, changes: usize) -> Aftermath {
        self.rig.aws.clear_calls();
        self.change_pods(0..changes / 2);
        sleep(UNDER_WAY).await;
        self.strike(mishap, changes).await;
        let steady = self.rig.run_until_idle().await;
        self.judge(steady)
    }

    async fn strike(&mut self, mishap: Mishap, changes: usize) {
        let later = changes / 2..changes;
        match mishap {
            Mishap::Restart => {
                self.leader = self.rig.replica("restarted", &self.writes);
                self.change_pods(later);
                self.leader.take_turns();
            }
            Mishap::LeaseLost => {
                let mut second = self.rig.replica("second", &self.writes);
                second.take_turns();
                self.leader.line.cut();
                self.change_pods(later);
                self.leader = second;
            }
            Mishap::Throttled => {
                self.rig.aws.arm(Fault::on(Calls::All, Effect::Throttle));
                self.change_pods(later);
                sleep(OUTAGE).await;
                self.rig.aws.disarm();
            }
            Mishap::ApiServerAway => {
                self.rig.api.go_away();
                self.change_pods(later);
                sleep(OUTAGE).await;
                self.rig.api.come_back();
            }
            Mishap::TooOld => {
                let middle = later.start.midpoint(later.end);
                self.change_pods(later.start..middle);
                forget(&self.rig.api);
                sleep(UNDER_WAY).await;
                self.change_pods(middle..later.end);
                forget(&self.rig.api);
            }
        }
    }

    fn change_pods(&mut self, services: std::ops::Range<usize>) {
        for number in services {
            let Some([old, kept]) = self.pods.get(number).copied() else { continue };
            let new = self.next;
            self.next += 1;
            self.pods[number] = [kept, new];
            self.rig.serve(&load::service(number), &[kept, new]);
            self.rig.remove_pod(&load::service(number), old);
        }
    }

    fn judge(&self, steady: Duration) -> Aftermath {
        let serving: BTreeSet<String> = self
            .rig
            .aws
            .world(|world| self.pods.iter().flatten().map(|pod| fixtures::address(world, *pod)).collect());
        let mut lost = 0;
        for call in self.rig.aws.calls() {
            let Request::DeregisterTargets(request) = call.request else { continue };
            let known = request.targets.iter().filter_map(|target| target.id.known());
            lost += known.filter(|address| serving.contains(*address)).count();
        }
        let registered = self.rig.target_addresses();
        Aftermath {
            steady,
            lost,
            missing: serving.difference(&registered).count(),
            left_behind: registered.difference(&serving).count(),
            calls: self.rig.count(),
        }
    }
}

/// Breaks all watches, and something has changed before they are begun again, so that their history is gone.
pub fn forget(api: &ApiServer) {
    api.edit("namespaces", "", fixtures::NAMESPACE, |namespace| {
        let count = namespace["metadata"]["labels"].as_object().map_or(0, serde_json::Map::len);
        namespace["metadata"]["labels"][format!("change-{count}")] = "yes".into();
    });
    api.compact();
}

impl Rig {
    /// The addresses that are targets of some target group, those that are being drained left out.
    pub fn target_addresses(&self) -> BTreeSet<String> {
        let targets = self.owned_resources().targets.into_values().flatten();
        let registered = targets.filter(|target| target.state != TargetHealthState::Draining);
        registered.map(|target| target.target.id.known().unwrap_or_default().to_owned()).collect()
    }
}
