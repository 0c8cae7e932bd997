//! Where traffic to pods and nodes arrives: the lookups behind security-group rules.

use super::simulation::Simulation;
use aws_load_balancer_controller::aws::send;
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::aws_api::ec2::{DescribeInstances, NetworkInterface};
use aws_load_balancer_controller::deploy::targets::interfaces::{InterfaceFinder, NetworkError};
use aws_load_balancer_controller::targets::view::{BranchInterface, ClusterView, NodeView, PodView};
use std::sync::Arc;

struct Scene {
    simulation: Simulation,
    finder: InterfaceFinder,
    group: String,
}

impl Scene {
    async fn new() -> Self {
        let simulation = Simulation::new(|_| ()).await;
        simulation.join_nodes();
        let finder = InterfaceFinder::new(Arc::new(simulation.sim.clone()), simulation.config.clone());
        let group = simulation.sim.world(|world| world.id("SG_NODES").to_owned());
        Self { simulation, finder, group }
    }

    /// A pod with this address on `node-0`, which carries this label.
    fn pod(&self, ip: &str, label: Option<(&str, &str)>) -> Arc<PodView> {
        self.simulation.cluster.edit(|objects| {
            let node = Arc::make_mut(objects.nodes.get_mut("node-0").unwrap());
            node.labels = label.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        });
        let pod = self.simulation.pod(0, &[]);
        Arc::new(PodView { ip: Some(ip.into()), node: Some("node-0".into()), ..pod })
    }

    async fn groups(&self, pods: &[Arc<PodView>]) -> Result<Vec<(String, usize)>, NetworkError> {
        let groups = self.finder.groups_of_pods(pods, &*self.simulation.cluster).await?;
        Ok(groups.into_iter().map(|(group, pods)| (group, pods.len())).collect())
    }

    fn node_ip(&self) -> String {
        self.simulation.sim.world(|world| world.nodes()[0].ip.clone())
    }

    async fn interface(&self) -> NetworkInterface {
        let instance_id = self.simulation.sim.world(|world| world.nodes()[0].instance_id.clone());
        let request = DescribeInstances { instance_ids: vec![instance_id], ..DescribeInstances::default() };
        let found = send(&self.simulation.sim, request).await.unwrap();
        self.simulation.sim.clear_calls();
        found.items[0].network_interfaces[0].clone()
    }
}

const COMPUTE: &str = "eks.amazonaws.com/compute-type";

#[tokio::test(start_paused = true)]
async fn pods_of_instances_are_found_by_address_and_asked_about_once() {
    let scene = Scene::new().await;
    let in_prefix = scene.pod(&scene.simulation.address(3), None);
    let on_node = Arc::new(PodView { uid: "other".into(), ..(*scene.pod(&scene.node_ip(), None)).clone() });
    let expected = vec![(scene.group.clone(), 2)];
    assert_eq!(scene.groups(&[in_prefix.clone(), on_node.clone()]).await, Ok(expected.clone()));
    assert_eq!(scene.simulation.called(), [Action::DescribeInstances]);
    assert_eq!(scene.groups(&[in_prefix, on_node]).await, Ok(expected));
    assert_eq!(scene.simulation.called().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_no_interface_knows_is_named_after_a_second_look() {
    let scene = Scene::new().await;
    let lost = scene.pod("10.9.9.9", None);
    let error = scene.groups(&[lost]).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot resolve pod ENI for pods: [shop/web-0]");
    assert_eq!(scene.simulation.called(), [Action::DescribeInstances, Action::DescribeInstances]);
}

#[tokio::test(start_paused = true)]
async fn pods_with_an_interface_of_their_own_are_found_by_its_id() {
    let scene = Scene::new().await;
    let interface = scene.interface().await;
    let own = BranchInterface {
        id: interface.id.as_str().into(),
        private_ip: "10.9.9.9".into(),
        ..BranchInterface::default()
    };
    let pod = Arc::new(PodView { branch_interfaces: [own].into(), ..(*scene.pod("10.9.9.9", None)).clone() });
    assert_eq!(scene.groups(&[pod]).await, Ok(vec![(scene.group.clone(), 1)]));
    assert_eq!(scene.simulation.called(), [Action::DescribeNetworkInterfaces]);
}

#[tokio::test(start_paused = true)]
async fn pods_without_instance_are_found_in_the_vpc_or_have_no_interface() {
    let scene = Scene::new().await;
    let fargate = scene.pod(&scene.node_ip(), Some((COMPUTE, "fargate")));
    assert_eq!(scene.groups(&[fargate]).await, Ok(vec![(scene.group.clone(), 1)]));
    let hyperpod =
        scene.pod(&scene.simulation.address(3), Some(("sagemaker.amazonaws.com/compute-type", "hyperpod")));
    let hyperpod = Arc::new(PodView { uid: "hyperpod".into(), ..(*hyperpod).clone() });
    assert_eq!(scene.groups(&[hyperpod]).await, Ok(vec![(scene.group.clone(), 1)]));
    let hybrid = scene.pod("192.168.1.1", Some((COMPUTE, "hybrid")));
    let hybrid = Arc::new(PodView { uid: "hybrid".into(), ..(*hybrid).clone() });
    assert_eq!(scene.groups(&[hybrid]).await, Ok(vec![]));
}

#[tokio::test(start_paused = true)]
async fn nodes_are_found_by_instance_and_one_that_vanished_is_named() {
    let scene = Scene::new().await;
    let nodes = scene.simulation.cluster.nodes();
    let groups = scene.finder.groups_of_nodes(&nodes).await.unwrap();
    assert_eq!(groups, [scene.group.clone()].into());
    let gone = NodeView {
        name: "gone".into(),
        provider_id: "aws:///us-west-2a/i-0123456789abcdef0".into(),
        ..NodeView::default()
    };
    let with_gone: Vec<_> = nodes.into_iter().chain([Arc::new(gone)]).collect();
    let error = scene.finder.groups_of_nodes(&with_gone).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot resolve node ENI for nodes: [gone]");
}
