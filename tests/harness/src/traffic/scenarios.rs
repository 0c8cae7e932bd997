//! What changes under load.

use std::{pin::Pin, time::Duration};

use anyhow::Result;

use super::{Front, Stage};

/// What happens; answers how many targets there are in the end.
pub type Change = for<'a> fn(&'a Stage<'a>) -> Pin<Box<dyn Future<Output = Result<usize>> + Send + 'a>>;

/// One scenario.
pub struct Scenario {
    /// A short name, which also is that of its namespace.
    pub id: &'static str,
    /// What the table says.
    pub title: &'static str,
    /// Which load balancer requests go through.
    pub front: Front,
    /// How many pods there are in the beginning.
    pub replicas: usize,
    /// What happens.
    pub change: Change,
}

/// How long a controller may take to begin with what it was told.
const TAKEN_UP: Duration = Duration::from_secs(10);

/// All of them, in the order of the table.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "rollout-nlb",
        title: "rollout of 3 pods, NLB",
        front: Front::Nlb,
        replicas: 3,
        change: |stage| Box::pin(roll_out(stage)),
    },
    Scenario {
        id: "rollout-alb",
        title: "rollout of 3 pods, ALB",
        front: Front::Alb,
        replicas: 3,
        change: |stage| Box::pin(roll_out(stage)),
    },
    Scenario {
        id: "scale",
        title: "scale 10 → 3, NLB",
        front: Front::Nlb,
        replicas: 10,
        change: |stage| Box::pin(scale(stage)),
    },
    Scenario {
        id: "node-drain",
        title: "drain of a node with a third of the pods, NLB",
        front: Front::Nlb,
        replicas: 3,
        change: |stage| Box::pin(drain_node(stage)),
    },
    Scenario {
        id: "selector-flip",
        title: "the Service selects other pods (blue/green), NLB",
        front: Front::Nlb,
        replicas: 2,
        change: |stage| Box::pin(flip_selector(stage)),
    },
    Scenario {
        id: "target-type-flip",
        title: "target type ip → instance, NLB",
        front: Front::Nlb,
        replicas: 2,
        change: |stage| Box::pin(flip_target_type(stage)),
    },
    Scenario {
        id: "service-port",
        title: "the Service's port changes, ALB",
        front: Front::Alb,
        replicas: 2,
        change: |stage| Box::pin(change_port(stage)),
    },
    Scenario {
        id: "backend-renamed",
        title: "another Service in the Ingress, ALB",
        front: Front::Alb,
        replicas: 2,
        change: |stage| Box::pin(rename_backend(stage)),
    },
    Scenario {
        id: "controller-restart",
        title: "the controller is killed and restarted during a rollout, NLB",
        front: Front::Nlb,
        replicas: 3,
        change: |stage| Box::pin(restart_controller(stage)),
    },
    Scenario {
        id: "leader-loss",
        title: "the leader is killed during a rollout and a second replica takes over, NLB",
        front: Front::Nlb,
        replicas: 3,
        change: |stage| Box::pin(lose_leader(stage)),
    },
];

async fn roll_out(stage: &Stage<'_>) -> Result<usize> {
    stage.kubectl(&["rollout", "restart", "deployment/blue"]).await?;
    stage.rolled_out("blue").await?;
    Ok(3)
}

async fn scale(stage: &Stage<'_>) -> Result<usize> {
    stage.kubectl(&["scale", "deployment/blue", "--replicas=3"]).await?;
    Ok(3)
}

async fn drain_node(stage: &Stage<'_>) -> Result<usize> {
    let query = ["get", "pods", "-o", "jsonpath={.items[0].spec.nodeName}"];
    let node = stage.kubectl(&query).await?;
    let node = node.trim();
    let drain =
        ["drain", node, "--ignore-daemonsets", "--force", "--pod-selector=app=blue", "--timeout=300s"];
    stage.kubectl(&drain).await?;
    stage.rolled_out("blue").await?;
    stage.kubectl(&["uncordon", node]).await?;
    Ok(3)
}

async fn flip_selector(stage: &Stage<'_>) -> Result<usize> {
    stage.deploy("green", 2).await?;
    let flip = ["patch", "service", "nlb", "--patch", r#"{"spec": {"selector": {"app": "green"}}}"#];
    stage.kubectl(&flip).await?;
    tokio::time::sleep(TAKEN_UP).await;
    Ok(2)
}

/// Every node is a target then.
async fn flip_target_type(stage: &Stage<'_>) -> Result<usize> {
    let kind = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type=instance";
    stage.kubectl(&["annotate", "service", "nlb", "--overwrite", kind]).await?;
    // why: for a moment there are two pods among the targets still, and then three nodes
    Ok(3)
}

async fn change_port(stage: &Stage<'_>) -> Result<usize> {
    let change = r#"[{"op": "replace", "path": "/spec/ports/0/port", "value": 8080}]"#;
    stage.kubectl(&["patch", "service", "web", "--type=json", "--patch", change]).await?;
    tokio::time::sleep(TAKEN_UP).await;
    Ok(2)
}

async fn rename_backend(stage: &Stage<'_>) -> Result<usize> {
    let path = "/spec/rules/0/http/paths/0/backend/service/name";
    let change = format!(r#"[{{"op": "replace", "path": "{path}", "value": "renamed"}}]"#);
    stage.kubectl(&["patch", "ingress", "alb", "--type=json", "--patch", &change]).await?;
    tokio::time::sleep(TAKEN_UP).await;
    Ok(2)
}

async fn restart_controller(stage: &Stage<'_>) -> Result<usize> {
    stage.kubectl(&["rollout", "restart", "deployment/blue"]).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let controller = stage.controller()?;
    let mut controller = controller.lock().await;
    controller.restart().await?;
    controller.ready(stage.walk.patience).await?;
    drop(controller);
    stage.rolled_out("blue").await?;
    Ok(3)
}

async fn lose_leader(stage: &Stage<'_>) -> Result<usize> {
    let second = stage.walk.launch_replica("controller-2").await?;
    stage.kubectl(&["rollout", "restart", "deployment/blue"]).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let first = stage.controller()?;
    first.lock().await.kill9().await?;
    let rolled_out = stage.rolled_out("blue").await;
    // why: the next scenario begins with the first, and with it alone
    drop(second);
    let mut first = first.lock().await;
    first.start()?;
    first.ready(stage.walk.patience).await?;
    rolled_out?;
    Ok(3)
}
