//! What a visitor of the demo may type while it keeps running: nothing but what the demo has built itself.

use anyhow::{Context, Result};

use super::Walkthrough;
use crate::assets::controller_binary;

/// Commands that look around, in the order in which they are shown.
const LOOKS: &[&str] = &[
    "kubectl get services,ingresses,targetgroupbindings -A",
    "kubectl describe service svc-nlb-ip-type",
    "kubectl scale deployment/deploy-echo --replicas=4",
    "aws-load-balancer-controller plan",
    "aws-load-balancer-controller doctor",
    "aws-load-balancer-controller annotations scheme",
    "helm list -n kube-system",
];

/// What prepares a shell: where the cluster is, where AWS is, and where the programs are.
pub fn exports(walk: &Walkthrough) -> Result<Vec<String>> {
    let mut folders = Vec::new();
    for program in [walk.cluster.binary("kubectl")?, walk.cluster.binary("helm")?, controller_binary()?] {
        let folder = program.parent().context("a program without a folder")?.display().to_string();
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    Ok(vec![
        format!("export KUBECONFIG={}", walk.cluster.kubeconfig().display()),
        format!("export AWS_ENDPOINT_URL={} AWS_REGION=us-west-2", walk.aws.endpoint()),
        "export AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo".to_owned(),
        format!("export PATH={}:$PATH", folders.join(":")),
    ])
}

/// The commands, one a line.
pub fn looks() -> &'static [&'static str] {
    LOOKS
}

/// Where the listeners of the load balancers can be reached, one a line.
pub fn urls(walk: &Walkthrough) -> Vec<String> {
    let reachable = walk.aws.plane().map(|plane| plane.reachable()).unwrap_or_default();
    let lines = reachable.into_iter().filter_map(|at| {
        let scheme = if matches!(at.protocol.as_str(), "HTTPS" | "TLS") { "https" } else { "http" };
        let address = at.addresses().first().copied()?;
        Some(format!("{scheme}://{address}/  {} {} of {}", at.protocol, at.port, at.dns_name))
    });
    lines.collect()
}
