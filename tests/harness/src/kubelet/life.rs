//! The life of one pod: from being scheduled to being gone.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_sim::data_plane::{Address, claim};
use k8s_openapi::{
    api::core::v1::{Container, Pod},
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use rustix::process::Signal;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    SYSTEM, Shared,
    echo_server::EchoServer,
    probes::{Probes, Verdict},
};
use crate::{
    daemon::{Daemon, Program},
    http::free_address,
};

/// How often a pod is looked at.
const TICK: Duration = Duration::from_millis(50);
/// What is added to ports that only the administrator may have.
const UNPRIVILEGED: u16 = 10_000;

struct Life {
    shared: Arc<Shared>,
    pod: watch::Receiver<Pod>,
    ip: IpAddr,
    host: String,
    program: Option<Program>,
    process: Option<Daemon>,
    probes: Probes,
    restarts: i32,
    started: Instant,
    /// What was last written: containers ready, pod ready, restarts.
    written: Option<(bool, bool, i32)>,
    _address: Address,
}

/// Runs a pod until it is gone. What fails is tried again, as a kubelet does.
pub(super) async fn live(shared: Arc<Shared>, pod: watch::Receiver<Pod>) {
    let mut told = String::new();
    let life = loop {
        match Life::begin(&shared, pod.clone()).await {
            Ok(life) => break life,
            Err(error) => {
                let message = format!("pod {} cannot start yet: {error:#}", pod.borrow().name_any());
                // why: what a pod waits for may take many attempts
                if message != told {
                    eprintln!("{message}");
                }
                told = message;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        if pod.has_changed().is_err() {
            return;
        }
    };
    life.run().await;
}

impl Life {
    async fn begin(shared: &Arc<Shared>, pod: watch::Receiver<Pod>) -> Result<Self> {
        let object = pod.borrow().clone();
        let spec = object.spec.clone().context("a pod without a spec")?;
        let node = spec.node_name.clone().context("a pod without a node")?;
        let container = spec.containers.first().context("a pod without containers")?;
        let echo_server = EchoServer::of(shared, &object, container).await?;
        let (ip, host) = shared.take_address(&node).await?;
        let address = claim().await;
        let program = if object.namespace().as_deref() == Some(SYSTEM) {
            None
        } else if let Some(echo_server) = echo_server {
            Some(echo_server.program(shared, &object, container, ip).await?)
        } else {
            Some(program(shared, &object, container, ip, &address).await?)
        };
        // why: what is no process answers no probe
        let probes =
            program.as_ref().map_or_else(|| Probes::of(&Container::default()), |_| Probes::of(container));
        Ok(Self {
            shared: Arc::clone(shared),
            pod,
            ip,
            host,
            program,
            process: None,
            probes,
            restarts: -1,
            started: Instant::now(),
            written: None,
            _address: address,
        })
    }

    async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let gone = tokio::select! {
                _ = ticks.tick() => self.pod.has_changed().is_err(),
                changed = self.pod.changed() => changed.is_err(),
            };
            let pod = self.pod.borrow().clone();
            if gone || pod.metadata.deletion_timestamp.is_some() {
                self.end(&pod, gone).await;
                return;
            }
            if let Err(error) = self.look_after(&pod).await {
                eprintln!("pod {}: {error:#}", pod.name_any());
            }
        }
    }

    async fn look_after(&mut self, pod: &Pod) -> Result<()> {
        if let Some(program) = &self.program
            && self.process.as_mut().is_none_or(|process| process.check().is_err())
        {
            self.process = Some(Daemon::start(program, &self.shared.logs)?);
            (self.restarts, self.started) = (self.restarts + 1, Instant::now());
            self.probes.reset();
        }
        let (shared, ip) = (Arc::clone(&self.shared), self.ip);
        let verdict = self.probes.look(self.started.elapsed(), |port| shared.locate(ip, port)).await;
        if verdict == Verdict::Dead
            && let Some(mut process) = self.process.take()
        {
            process.kill().await?;
        }
        self.write(pod, verdict == Verdict::Ready).await
    }

    /// Writes the status, if it has changed.
    async fn write(&mut self, pod: &Pod, containers_ready: bool) -> Result<()> {
        let spec = pod.spec.as_ref().context("a pod without a spec")?;
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let true_ones: Vec<_> =
            conditions.filter(|known| known.status == "True").map(|known| &known.type_).collect();
        let gates = spec.readiness_gates.iter().flatten();
        let ready =
            containers_ready && gates.into_iter().all(|gate| true_ones.contains(&&gate.condition_type));
        let now = (containers_ready, ready, self.restarts.max(0));
        if self.written == Some(now) {
            return Ok(());
        }
        let time = Timestamp::now().to_string();
        let condition = |kind: &str, is_so: bool| {
            let status = if is_so { "True" } else { "False" };
            json!({"type": kind, "status": status, "lastTransitionTime": time})
        };
        let containers = spec.containers.iter().map(|container| {
            json!({"name": container.name, "image": container.image, "imageID": "", "ready": containers_ready,
                "restartCount": now.2, "started": true, "state": {"running": {"startedAt": time}}})
        });
        let status = json!({"status": {
            "phase": "Running",
            "startTime": time,
            "hostIP": self.host,
            "hostIPs": [{"ip": self.host}],
            "podIP": self.ip,
            "podIPs": [{"ip": self.ip}],
            "conditions": [condition("Initialized", true), condition("PodReadyToStartContainers", true),
                condition("ContainersReady", containers_ready), condition("Ready", ready)],
            "containerStatuses": containers.collect::<Vec<_>>(),
        }});
        let patch = Patch::Strategic(status);
        match self.api(pod).patch_status(&pod.name_any(), &PatchParams::default(), &patch).await {
            Ok(_) => self.written = Some(now),
            // It is about to be told.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// `preStop`, SIGTERM, and SIGKILL when the grace period is over; then the object goes.
    async fn end(mut self, pod: &Pod, gone: bool) {
        let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or(30);
        let grace = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let over = Instant::now() + grace;
        if let Some(mut process) = self.process.take() {
            if !gone {
                tokio::time::sleep(pre_stop(pod).min(grace)).await;
            }
            let left = over.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
            if process.terminate(left).await.is_err() {
                // One that does not end by itself is killed when this is dropped, at the latest.
                drop(process.signal(Signal::KILL));
            }
        }
        self.shared.give_back(self.ip);
        let preconditions = Preconditions { uid: pod.uid(), resource_version: None };
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(preconditions),
            ..DeleteParams::default()
        };
        if gone {
            return;
        }
        loop {
            match self.api(pod).delete(&pod.name_any(), &params).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return,
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    }

    fn api(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(self.shared.client.clone(), &pod.namespace().unwrap_or_default())
    }
}

/// The command line of a container, and where its ports are.
async fn program(
    shared: &Shared,
    pod: &Pod,
    container: &Container,
    ip: IpAddr,
    address: &Address,
) -> Result<Program> {
    let mut args = vec![pod.name_any()];
    for (number, protocol) in ports(container) {
        let number = u16::try_from(number)?;
        let at = match (address.is_exclusive(), number) {
            (true, 1024..) => SocketAddr::new(address.ip(), number),
            (true, _) => SocketAddr::new(address.ip(), number + UNPRIVILEGED),
            (false, _) => free_address().await?,
        };
        args.extend([protocol.to_owned(), at.to_string()]);
        shared.network.map_port((ip, number).into(), at);
    }
    Ok(Program::new(pod.name_any(), shared.program.clone()).args(args))
}

/// The ports of a container, and what it serves there. A name server of the conformance suite names none.
fn ports(container: &Container) -> Vec<(i32, &'static str)> {
    if container.image.as_deref().is_some_and(|image| image.contains("/coredns:")) {
        return vec![(53, "dns")];
    }
    let served = container.ports.iter().flatten().map(|port| {
        let raw = port.name.as_deref().is_some_and(|name| name.starts_with("tcp"));
        let protocol = match port.protocol.as_deref() {
            Some("UDP") => "udp",
            _ if raw => "tcp",
            _ => "http",
        };
        (port.container_port, protocol)
    });
    served.collect()
}

/// How long the first container's `preStop` takes: the native sleep, or the command `sleep`.
fn pre_stop(pod: &Pod) -> Duration {
    let hook = || pod.spec.as_ref()?.containers.first()?.lifecycle.as_ref()?.pre_stop.as_ref();
    let native = || Some(hook()?.sleep.as_ref()?.seconds);
    let command = || {
        let command = hook()?.exec.as_ref()?.command.clone()?.join(" ");
        command.rsplit_once("sleep ")?.1.split_whitespace().next()?.parse().ok()
    };
    Duration::from_secs(
        native().or_else(command).and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_container_serves_what_its_ports_say() {
        let port =
            |name: &str, protocol: &str| json!({"containerPort": 9, "name": name, "protocol": protocol});
        for (image, port, expected) in [
            ("registry.example.com/echo:1", port("web", "TCP"), (9, "http")),
            ("registry.example.com/echo:1", port("tcp", "TCP"), (9, "tcp")),
            ("registry.example.com/echo:1", port("web", "UDP"), (9, "udp")),
            ("registry.k8s.io/coredns/coredns:v1.12.2", port("web", "TCP"), (53, "dns")),
        ] {
            let container = json!({"name": "a", "image": image, "ports": [port]});
            let container: Container = serde_json::from_value(container).unwrap();
            assert_eq!(ports(&container), [expected], "{image} {port}");
        }
    }

    #[test]
    fn pre_stop_sleeps_natively_or_by_a_command() {
        for (lifecycle, seconds) in [
            (json!({"preStop": {"sleep": {"seconds": 7}}}), 7),
            (json!({"preStop": {"exec": {"command": ["sleep", "25"]}}}), 25),
            (json!({"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 270 && nginx -s quit"]}}}), 270),
            (json!({"preStop": {"exec": {"command": ["true"]}}}), 0),
            (json!({"postStart": {"exec": {"command": ["sleep", "3"]}}}), 0),
            (json!(null), 0),
        ] {
            let spec = json!({"spec": {"containers": [{"name": "a", "lifecycle": lifecycle}]}});
            let pod: Pod = serde_json::from_value(spec).unwrap();
            assert_eq!(pre_stop(&pod), Duration::from_secs(seconds), "{lifecycle}");
        }
    }
}
