//! Targets of type `instance`: nodes, reached through node ports.

use super::simulation::{Simulation, key};
use aws_load_balancer_controller::aws::{Cloud, send};
use aws_load_balancer_controller::aws_api::Action;
use aws_load_balancer_controller::aws_api::elbv2::{
    CreateTargetGroup, DescribeTargetHealth, LoadBalancerType, Protocol, TargetHealthState, TargetType,
};
use aws_load_balancer_controller::controller::ReconcileResult;
use aws_load_balancer_controller::targets::view::Readiness;
use aws_sim::contract::{TestAccount, forward_to, listener_on};
use aws_sim::{Calls, Effect, Fault};
use std::sync::Arc;

/// A stage whose binding is one of nodes; node port 30080.
pub(crate) async fn nodes_stage() -> Simulation {
    let mut simulation = Simulation::new(|_| ()).await;
    let ids = simulation.sim.world(|world| world.ids().clone());
    let account = TestAccount::new(Arc::new(simulation.sim.clone()), ids);
    let request = CreateTargetGroup {
        name: "nodes".to_owned(),
        target_type: TargetType::Instance,
        ..account.ip_group(Protocol::Tcp)
    };
    simulation.arn = account.send(request).await.unwrap().arn;
    let mut balancer = account.internal(LoadBalancerType::Network);
    "for-nodes".clone_into(&mut balancer.name);
    let balancer = account.send(balancer).await.unwrap();
    account.send(listener_on(&balancer, 80, vec![forward_to([simulation.arn.as_str()])])).await.unwrap();
    simulation.target_type = "instance";
    simulation.join_nodes();
    serve_on(&simulation, 30080);
    simulation
}

fn serve_on(simulation: &Simulation, node_port: u16) {
    let text = format!(
        "metadata: {{name: web, namespace: shop}}\nspec: {{type: NodePort, ports: [{{port: 80, nodePort: {node_port}}}]}}"
    );
    simulation.cluster.edit(|objects| {
        let service = serde_saphyr::from_str(&text).unwrap();
        objects.services.insert(key("web"), Arc::new(service));
    });
}

/// Ports of the targets that do not drain.
pub(crate) async fn ports(simulation: &Simulation) -> Vec<i32> {
    let copy = aws_sim::Sim::new(simulation.sim.snapshot());
    let cloud: &dyn Cloud = &copy;
    let request = DescribeTargetHealth { arn: simulation.arn.as_str().into(), targets: Vec::new() };
    let health = send(cloud, request).await.unwrap().into_iter();
    let present = health.filter(|health| health.state != TargetHealthState::Draining);
    present.map(|health| health.target.port.unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_ready_node_is_a_target_and_nobody_polls() {
    let simulation = nodes_stage().await;
    simulation.bind("bind", &simulation.networking("30080"));
    simulation.run_until_idle("bind").await;
    assert_eq!(ports(&simulation).await, [30080, 30080, 30080]);
    assert_eq!(simulation.rules(), ["30080-30080"]);
    simulation.cluster.edit(|objects| {
        Arc::make_mut(objects.nodes.get_mut("node-1").unwrap()).ready = Readiness::False;
    });
    simulation.sim.clear_calls();
    simulation.run_until_idle("bind").await;
    assert_eq!(ports(&simulation).await.len(), 2);
    // why the read: the last healthy targets would stay
    assert_eq!(simulation.called(), [Action::DescribeTargetHealth, Action::DeregisterTargets]);
}

#[tokio::test(start_paused = true)]
async fn a_new_node_port_serves_before_the_old_one_goes() {
    let simulation = nodes_stage().await;
    simulation.bind("bind", "");
    simulation.run_until_idle("bind").await;
    simulation.wait(std::time::Duration::from_secs(5)).await;
    serve_on(&simulation, 30090);
    simulation.once("bind").await;
    assert_eq!(ports(&simulation).await.len(), 6, "both, until the new ones are healthy");
    simulation.run_until_idle("bind").await;
    assert_eq!(ports(&simulation).await, [30090, 30090, 30090]);
}

#[tokio::test(start_paused = true)]
async fn without_rules_no_node_is_registered() {
    let simulation = nodes_stage().await;
    simulation
        .sim
        .arm(Fault::on(Calls::Of(Action::AuthorizeIngress), Effect::fail("UnauthorizedOperation")).times(9));
    simulation.bind("bind", &simulation.networking("30080"));
    assert_eq!(simulation.once("bind").await, ReconcileResult::Retry);
    assert!(ports(&simulation).await.is_empty());
    let (reason, message) = simulation.cluster.events("bind").remove(0);
    assert_eq!(reason, "FailedReconcile");
    assert!(message.starts_with("Failed reconcile due to AuthorizeSecurityGroupIngress"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_service_without_node_ports_is_told() {
    let simulation = nodes_stage().await;
    simulation.cluster.edit(|objects| {
        let service = "metadata: {name: web, namespace: shop}\nspec: {type: ClusterIP, ports: [{port: 80}]}";
        objects.services.insert(key("web"), Arc::new(serde_saphyr::from_str(service).unwrap()));
    });
    simulation.bind("bind", "");
    assert_eq!(simulation.once("bind").await, ReconcileResult::Retry);
    let text = "Failed reconcile due to service type must be either 'NodePort' or 'LoadBalancer': shop/web";
    assert_eq!(simulation.cluster.events("bind"), [("FailedReconcile", text.to_owned())]);
}
