//! Targets of type `instance`: nodes, reached through node ports.

use super::stage::{Stage, key};
use aws_load_balancer_controller::aws::{Cloud, send};
use aws_load_balancer_controller::cloud::Action;
use aws_load_balancer_controller::cloud::elbv2::{
    CreateTargetGroup, DescribeTargetHealth, LoadBalancerType, Protocol, TargetHealthState, TargetType,
};
use aws_load_balancer_controller::controller::Verdict;
use aws_load_balancer_controller::targets::view::Readiness;
use aws_sim::contract::{Ground, forward_to, listener_on};
use aws_sim::{Calls, Effect, Fault};
use std::sync::Arc;

/// A stage whose binding is one of nodes; node port 30080.
pub(crate) async fn nodes_stage() -> Stage {
    let mut stage = Stage::new(|_| ()).await;
    let ids = stage.sim.world(|world| world.ids().clone());
    let ground = Ground::new(Arc::new(stage.sim.clone()), ids);
    let request = CreateTargetGroup {
        name: "nodes".to_owned(),
        target_type: TargetType::Instance,
        ..ground.ip_group(Protocol::Tcp)
    };
    stage.arn = ground.send(request).await.unwrap().arn;
    let mut balancer = ground.internal(LoadBalancerType::Network);
    "for-nodes".clone_into(&mut balancer.name);
    let balancer = ground.send(balancer).await.unwrap();
    ground.send(listener_on(&balancer, 80, vec![forward_to([stage.arn.as_str()])])).await.unwrap();
    stage.target_type = "instance";
    stage.join_nodes();
    serve_on(&stage, 30080);
    stage
}

fn serve_on(stage: &Stage, node_port: u16) {
    let text = format!(
        "metadata: {{name: web, namespace: shop}}\nspec: {{type: NodePort, ports: [{{port: 80, nodePort: {node_port}}}]}}"
    );
    stage.cluster.edit(|objects| {
        let service = serde_saphyr::from_str(&text).unwrap();
        objects.services.insert(key("web"), Arc::new(service));
    });
}

/// Ports of the targets that do not drain.
pub(crate) async fn ports(stage: &Stage) -> Vec<i32> {
    let copy = aws_sim::Sim::new(stage.sim.snapshot());
    let cloud: &dyn Cloud = &copy;
    let request = DescribeTargetHealth { arn: stage.arn.as_str().into(), targets: Vec::new() };
    let health = send(cloud, request).await.unwrap().into_iter();
    let present = health.filter(|health| health.state != TargetHealthState::Draining);
    present.map(|health| health.target.port.unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_ready_node_is_a_target_and_nobody_polls() {
    let stage = nodes_stage().await;
    stage.bind("bind", &stage.networking("30080"));
    stage.settle("bind").await;
    assert_eq!(ports(&stage).await, [30080, 30080, 30080]);
    assert_eq!(stage.rules(), ["30080-30080"]);
    stage.cluster.edit(|objects| {
        Arc::make_mut(objects.nodes.get_mut("node-1").unwrap()).ready = Readiness::False;
    });
    stage.sim.clear_calls();
    stage.settle("bind").await;
    assert_eq!(ports(&stage).await.len(), 2);
    // why the read: the last healthy targets would stay
    assert_eq!(stage.called(), [Action::DescribeTargetHealth, Action::DeregisterTargets]);
}

#[tokio::test(start_paused = true)]
async fn a_new_node_port_serves_before_the_old_one_goes() {
    let stage = nodes_stage().await;
    stage.bind("bind", "");
    stage.settle("bind").await;
    stage.wait(std::time::Duration::from_secs(5)).await;
    serve_on(&stage, 30090);
    stage.once("bind").await;
    assert_eq!(ports(&stage).await.len(), 6, "both, until the new ones are healthy");
    stage.settle("bind").await;
    assert_eq!(ports(&stage).await, [30090, 30090, 30090]);
}

#[tokio::test(start_paused = true)]
async fn without_rules_no_node_is_registered() {
    let stage = nodes_stage().await;
    stage
        .sim
        .arm(Fault::on(Calls::Of(Action::AuthorizeIngress), Effect::fail("UnauthorizedOperation")).times(9));
    stage.bind("bind", &stage.networking("30080"));
    assert_eq!(stage.once("bind").await, Verdict::Retry);
    assert!(ports(&stage).await.is_empty());
    let (reason, message) = stage.cluster.events("bind").remove(0);
    assert_eq!(reason, "FailedReconcile");
    assert!(message.starts_with("Failed reconcile due to AuthorizeSecurityGroupIngress"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_service_without_node_ports_is_told() {
    let stage = nodes_stage().await;
    stage.cluster.edit(|objects| {
        let service = "metadata: {name: web, namespace: shop}\nspec: {type: ClusterIP, ports: [{port: 80}]}";
        objects.services.insert(key("web"), Arc::new(serde_saphyr::from_str(service).unwrap()));
    });
    stage.bind("bind", "");
    assert_eq!(stage.once("bind").await, Verdict::Retry);
    let text = "Failed reconcile due to service type must be either 'NodePort' or 'LoadBalancer': shop/web";
    assert_eq!(stage.cluster.events("bind"), [("FailedReconcile", text.to_owned())]);
}
