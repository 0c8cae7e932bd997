//! A simulated AWS with one network load balancer, a cluster in memory, and the binding controller between them.

use super::test_cluster::TestCluster;
use aws_load_balancer_controller::api::meta::READINESS_GATE_PREFIX;
use aws_load_balancer_controller::api::{ObjectKey, TargetGroupBinding, Time};
use aws_load_balancer_controller::aws::{Cloud, send};
use aws_load_balancer_controller::aws_api::ec2::{DescribeSecurityGroups, IngressRule};
use aws_load_balancer_controller::aws_api::elbv2::{
    CreateTargetGroup, DescribeTargetHealth, LoadBalancerType, Protocol, Target, TargetHealth,
    TargetHealthState, TargetType,
};
use aws_load_balancer_controller::aws_api::{Action, Request};
use aws_load_balancer_controller::config::Config;
use aws_load_balancer_controller::controller::ReconcileResult;
use aws_load_balancer_controller::controller::target_group_binding::{
    BindingController, BindingDependencies,
};
use aws_load_balancer_controller::deploy::targets::traits::NoMetrics;
use aws_load_balancer_controller::targets::view::{EndpointView, GateView, NodeView, PodView, Readiness};
use aws_sim::contract::{TestAccount, forward_to, listener_on};
use aws_sim::{Delays, Settings, Sim, WorldBuilder};
use futures::FutureExt;
use rig::rig::OneName;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait between passes that still counts as coming back soon.
const SOON: Duration = Duration::from_mins(1);

/// Where a test plays.
pub(crate) struct Simulation {
    pub sim: Sim,
    pub cluster: Arc<TestCluster>,
    pub controller: BindingController,
    pub config: Arc<Config>,
    pub arn: String,
    pub target_type: &'static str,
    first_address: String,
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced("shop", name)
}

impl Simulation {
    /// A stage with a Service `web` without endpoints, and no binding. Targets are `initial` for three seconds.
    pub(crate) async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let delays =
            Delays { initial: Duration::from_secs(3), draining: Duration::from_secs(5), ..Delays::default() };
        let settings = Settings { delays, ..Settings::default() };
        let sim = Sim::new(WorldBuilder::new("demo").settings(settings).build());
        let ids = sim.world(|world| world.ids().clone());
        let mut config =
            Config { cluster_name: "demo".to_owned(), vpc_id: ids["VPC"].clone(), ..Config::default() };
        change(&mut config);
        let account = TestAccount::new(Arc::new(sim.clone()), ids);
        let group = CreateTargetGroup { target_type: TargetType::Ip, ..account.ip_group(Protocol::Tcp) };
        let arn = account.send(group).await.unwrap().arn;
        let balancer = account.send(account.internal(LoadBalancerType::Network)).await.unwrap();
        account.send(listener_on(&balancer, 80, vec![forward_to([arn.as_str()])])).await.unwrap();
        let cluster = Arc::new(TestCluster::default());
        let node = sim.world(|world| world.nodes()[0].clone());
        cluster.edit(|objects| {
            let view = NodeView {
                name: "node-a".into(),
                ready: Readiness::True,
                provider_id: node.provider_id().into(),
                ..NodeView::default()
            };
            objects.nodes.insert("node-a".to_owned(), Arc::new(view));
            let service = serde_saphyr::from_str(
                "metadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}",
            );
            objects.services.insert(key("web"), Arc::new(service.unwrap()));
        });
        let first_address = node.pod_cidr.split('/').next().unwrap().to_owned();
        let config = Arc::new(config);
        let controller = controller(&sim, &cluster, &config);
        sim.clear_calls();
        Self { sim, cluster, controller, config, arn, target_type: "ip", first_address }
    }

    /// Kills the controller and starts another.
    pub(crate) fn restart(&mut self) {
        self.sim.revive();
        self.cluster.catch_up();
        self.controller = controller(&self.sim, &self.cluster, &self.config);
    }

    // ---- the cluster ------------------------------------------------------------------------------------------------

    /// Adds a binding of the Service `web`; `spec`: more fields, as YAML.
    pub(crate) fn bind(&self, name: &str, spec: &str) {
        let (arn, kind) = (&self.arn, self.target_type);
        let text = format!(
            "apiVersion: elbv2.k8s.aws/v1beta1\nkind: TargetGroupBinding\n\
             metadata: {{name: {name}, namespace: shop, generation: 1, resourceVersion: '0'}}\n\
             spec: {{targetGroupARN: '{arn}', targetType: {kind}, targetGroupProtocol: TCP, serviceRef: {{name: web, port: 80}}{spec}}}"
        );
        let binding: TargetGroupBinding = serde_saphyr::from_str(&text).unwrap();
        self.cluster.edit(|objects| {
            let old = objects.bindings.get(&key(name)).cloned();
            let mut binding = binding.clone();
            if let Some(old) = old {
                binding.metadata = old.metadata.clone();
                binding.metadata.generation = old.metadata.generation.map(|generation| generation + 1);
                binding.status.clone_from(&old.status);
            }
            objects.bindings.insert(key(name), Arc::new(binding));
        });
    }

    /// The nodes of the simulated AWS as nodes of the cluster: `node-0`, `node-1` …, all ready.
    pub(crate) fn join_nodes(&self) {
        let nodes = self.sim.world(|world| world.nodes().to_vec());
        self.cluster.edit(|objects| {
            objects.nodes.clear();
            for (n, node) in nodes.iter().enumerate() {
                let name = format!("node-{n}");
                let view = NodeView {
                    name: name.as_str().into(),
                    uid: format!("uid-{name}").into(),
                    ready: Readiness::True,
                    provider_id: node.provider_id().into(),
                    internal_ips: [node.ip.as_str().into()].into(),
                    ..NodeView::default()
                };
                objects.nodes.insert(name, Arc::new(view));
            }
        });
    }

    /// Asks the API server to delete a binding.
    pub(crate) fn unbind(&self, name: &str) {
        self.cluster.edit(|objects| {
            let binding = Arc::make_mut(objects.bindings.get_mut(&key(name)).unwrap());
            binding.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        });
    }

    /// The rules that let the load balancer reach a port, as a field of a binding's spec.
    pub(crate) fn networking(&self, port: &str) -> String {
        let group = self.sim.world(|world| world.id("SG_1").to_owned());
        format!(
            ", networking: {{ingress: [{{from: [{{securityGroup: {{groupID: {group}}}}}], ports: [{{port: {port}}}]}}]}}"
        )
    }

    /// The address of pod number `n`.
    pub(crate) fn address(&self, n: u8) -> String {
        let (start, last) = self.first_address.rsplit_once('.').unwrap();
        format!("{start}.{}", last.parse::<u8>().unwrap() + n)
    }

    /// A pod, number `n` of its node, with a readiness gate for each of these bindings.
    pub(crate) fn pod(&self, n: u8, gates: &[&str]) -> PodView {
        let gate = |name: &&str| GateView {
            condition_type: format!("{READINESS_GATE_PREFIX}{name}").into(),
            condition: None,
        };
        PodView {
            key: key(&format!("web-{n}")),
            uid: format!("uid-{n}").into(),
            created_at: 1_700_000_000,
            ip: Some(self.address(n).into()),
            node: Some("node-a".into()),
            containers_ready: true,
            named_ports: [("http".into(), 8080)].into(),
            gates: gates.iter().map(gate).collect(),
            ..PodView::default()
        }
    }

    /// Makes these pods, and no others, the ready endpoints of the Service `web`. Pods that are no endpoints stay alive.
    pub(crate) fn serve(&self, pods: &[PodView]) {
        self.serve_as("web", pods);
    }

    /// As [`Simulation::serve`], for any Service.
    pub(crate) fn serve_as(&self, service: &str, pods: &[PodView]) {
        self.cluster.edit(|objects| {
            for pod in pods {
                objects.pods.entry(pod.key.clone()).or_insert_with(|| Arc::new(pod.clone()));
            }
            objects.endpoints.insert(key(service), pods.iter().map(endpoint_of).collect());
        });
    }

    /// Removes a pod.
    pub(crate) fn kill(&self, n: u8) {
        let pod = key(&format!("web-{n}"));
        self.cluster.edit(|objects| {
            objects.pods.remove(&pod);
            for endpoints in objects.endpoints.values_mut() {
                endpoints.retain(|endpoint| endpoint.pod != pod);
            }
        });
    }

    /// Status of a pod's gate.
    pub(crate) fn gate(&self, n: u8) -> Option<String> {
        self.cluster.look(|objects| {
            let pod = objects.pods.get(&key(&format!("web-{n}")))?;
            Some(pod.gates.first()?.condition.as_ref()?.status.to_string())
        })
    }

    // ---- AWS --------------------------------------------------------------------------------------------------------

    /// Registered targets as numbers of pods, draining ones left out; reads past the log of calls.
    pub(crate) fn targets(&self) -> BTreeSet<u8> {
        self.described(|state| *state != TargetHealthState::Draining)
    }

    /// Healthy targets as numbers of pods.
    pub(crate) fn healthy(&self) -> BTreeSet<u8> {
        self.described(|state| *state == TargetHealthState::Healthy)
    }

    fn described(&self, wanted: impl Fn(&TargetHealthState) -> bool) -> BTreeSet<u8> {
        let request = DescribeTargetHealth { arn: self.arn.as_str().into(), targets: Vec::new() };
        // why: a copy of the world, so that looking is neither logged nor hit by faults
        let copy = Sim::new(self.sim.snapshot());
        let health: Vec<TargetHealth> = send(&copy, request).now_or_never().unwrap().unwrap();
        let wanted = health.into_iter().filter(|health| wanted(&health.state));
        wanted.map(|health| self.number_of(&health.target)).collect()
    }

    fn number_of(&self, target: &Target) -> u8 {
        let last = |text: &str| text.rsplit('.').next().unwrap().parse::<u8>().unwrap();
        last(target.id.known().unwrap()) - last(&self.first_address)
    }

    /// Ingress rules of the nodes' security group that are ours, as `from-to`.
    pub(crate) fn rules(&self) -> Vec<String> {
        let shown = |rule: IngressRule| format!("{}-{}", rule.from_port.unwrap(), rule.to_port.unwrap());
        let mut shown: Vec<String> = self.our_rules().into_iter().map(shown).collect();
        shown.sort();
        shown
    }

    /// Ingress rules of the nodes' security group that are ours.
    pub(crate) fn our_rules(&self) -> Vec<IngressRule> {
        let ours = Some("elbv2.k8s.aws/targetGroupBinding=shared");
        self.node_rules().into_iter().filter(|rule| rule.description.as_deref() == ours).collect()
    }

    /// How many ingress rules the nodes' security group has.
    pub(crate) fn all_rules(&self) -> usize {
        self.node_rules().len()
    }

    fn node_rules(&self) -> Vec<IngressRule> {
        let copy = Sim::new(self.sim.snapshot());
        let id = self.sim.world(|world| world.id("SG_NODES").to_owned());
        let request = DescribeSecurityGroups { group_ids: vec![id], ..DescribeSecurityGroups::default() };
        let found = send(&copy, request).now_or_never().unwrap().unwrap();
        found.items.into_iter().flat_map(|group| group.ingress).collect()
    }

    /// Targets in the RegisterTargets calls since the log was cleared, also those that failed.
    pub(crate) fn registered(&self) -> Vec<Target> {
        let requests = self.sim.calls().into_iter().filter_map(|call| match call.request {
            Request::RegisterTargets(request) => Some(request.targets),
            _ => None,
        });
        requests.flatten().collect()
    }

    /// Operations called since the log was cleared.
    pub(crate) fn called(&self) -> Vec<Action> {
        self.sim.calls().iter().map(aws_sim::Call::action).collect()
    }

    /// Sends a request in somebody else's name.
    pub(crate) async fn interfere(&self, request: impl Into<Request>) {
        self.sim.call(request.into()).await.unwrap();
    }

    // ---- time -------------------------------------------------------------------------------------------------------

    /// Lets time pass.
    pub(crate) async fn wait(&self, time: Duration) {
        tokio::time::advance(time).await;
        self.sim.advance(time);
    }

    /// Reconciles a binding once.
    pub(crate) async fn once(&self, name: &str) -> ReconcileResult {
        self.controller.reconcile(&key(name)).await
    }

    /// Reconciles a binding until there is nothing to come back for soon; `watch` looks after every pass. Answers how long
    /// that took.
    pub(crate) async fn run_until_idle_watching(&self, name: &str, mut watch: impl FnMut(&Self)) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..1000 {
            let result = self.once(name).await;
            watch(self);
            let pause = match result {
                ReconcileResult::Done
                | ReconcileResult::DoneUntil(_)
                | ReconcileResult::MissingReference(_)
                | ReconcileResult::Gone
                | ReconcileResult::TooCostly => {
                    return took;
                }
                ReconcileResult::RequeueAfter(pause) if pause > SOON => return took,
                ReconcileResult::RequeueAfter(pause) => pause,
                ReconcileResult::Retry | ReconcileResult::AwaitChange => Duration::from_secs(1),
            };
            took += pause;
            self.wait(pause).await;
        }
        panic!("the binding never settles: {:?}", self.cluster.events(name));
    }

    /// As [`Simulation::run_until_idle_watching`], without looking.
    pub(crate) async fn run_until_idle(&self, name: &str) -> Duration {
        self.run_until_idle_watching(name, |_| ()).await
    }
}

pub(crate) fn endpoint_of(pod: &PodView) -> EndpointView {
    EndpointView {
        address: pod.ip.clone().unwrap(),
        pod: pod.key.clone(),
        is_ready: true,
        is_terminating: false,
    }
}

fn controller(sim: &Sim, cluster: &Arc<TestCluster>, config: &Arc<Config>) -> BindingController {
    let ports = BindingDependencies {
        view: cluster.clone(),
        api: cluster.clone(),
        cloud: Arc::new(sim.clone()),
        clouds: Arc::new(OneName(Arc::new(sim.clone()))),
        metrics: Arc::new(NoMetrics),
        leaving: Arc::default(),
    };
    BindingController::new(config.clone(), ports)
}
