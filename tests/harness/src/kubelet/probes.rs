//! Readiness and liveness probes of a container.

use std::{net::SocketAddr, time::Duration};

use k8s_openapi::{
    api::core::v1::{Container, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use tokio::{net::TcpStream, time::timeout};

use crate::http::get;

/// What probes say of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It shall get traffic.
    Ready,
    /// It shall not.
    NotReady,
    /// It has to be restarted.
    Dead,
}

/// The probes of a container.
#[derive(Debug, Default)]
pub(super) struct Probes {
    readiness: Option<Course>,
    liveness: Option<Course>,
}

/// A probe, and what it has found.
#[derive(Debug)]
struct Course {
    what: What,
    delay: Duration,
    period: Duration,
    limit: Duration,
    failures_wanted: i32,
    successes_wanted: i32,
    due: Duration,
    failures: i32,
    successes: i32,
    passes: bool,
}

#[derive(Debug)]
enum What {
    Http {
        port: u16,
        path: String,
    },
    Tcp {
        port: u16,
    },
    /// Commands do not run here, and pass.
    Command,
}

impl Probes {
    pub(super) fn of(container: &Container) -> Self {
        let course =
            |probe: &Option<Probe>, passes| probe.as_ref().map(|probe| Course::of(container, probe, passes));
        Self {
            readiness: course(&container.readiness_probe, false),
            liveness: course(&container.liveness_probe, true),
        }
    }

    /// The container has been restarted.
    pub(super) fn reset(&mut self) {
        for (course, passes) in [(&mut self.readiness, false), (&mut self.liveness, true)] {
            if let Some(course) = course {
                (course.due, course.failures, course.successes) = (course.delay, 0, 0);
                course.passes = passes;
            }
        }
    }

    /// Makes the probes that are due.
    pub(super) async fn look(
        &mut self,
        age: Duration,
        locate: impl Fn(u16) -> Option<SocketAddr>,
    ) -> Verdict {
        for course in [&mut self.readiness, &mut self.liveness].into_iter().flatten() {
            if age >= course.due {
                let passed = course.what.passes(&locate, course.limit).await;
                course.note(passed, age);
            }
        }
        match (&self.readiness, &self.liveness) {
            (_, Some(liveness)) if !liveness.passes => Verdict::Dead,
            (Some(readiness), _) if !readiness.passes => Verdict::NotReady,
            _ => Verdict::Ready,
        }
    }
}

impl Course {
    fn of(container: &Container, probe: &Probe, passes: bool) -> Self {
        let number = |port: &IntOrString| match port {
            IntOrString::Int(number) => u16::try_from(*number).unwrap_or_default(),
            IntOrString::String(name) => {
                let mut ports = container.ports.iter().flatten();
                let found =
                    ports.find(|port| port.name.as_ref() == Some(name)).map(|port| port.container_port);
                found.and_then(|port| u16::try_from(port).ok()).unwrap_or_default()
            }
        };
        let seconds = |given: Option<i32>, usual: u64| {
            Duration::from_secs(given.and_then(|given| u64::try_from(given).ok()).unwrap_or(usual))
        };
        let what = match (&probe.http_get, &probe.tcp_socket, &probe.grpc) {
            (Some(get), ..) => What::Http {
                port: number(&get.port),
                path: get.path.clone().unwrap_or_else(|| "/".to_owned()),
            },
            (_, Some(tcp), _) => What::Tcp { port: number(&tcp.port) },
            (_, _, Some(grpc)) => What::Tcp { port: u16::try_from(grpc.port).unwrap_or_default() },
            _ => What::Command,
        };
        let delay = seconds(probe.initial_delay_seconds, 0);
        Self {
            what,
            delay,
            period: seconds(probe.period_seconds, 10),
            limit: seconds(probe.timeout_seconds, 1),
            failures_wanted: probe.failure_threshold.unwrap_or(3),
            successes_wanted: probe.success_threshold.unwrap_or(1),
            due: delay,
            failures: 0,
            successes: 0,
            passes,
        }
    }

    fn note(&mut self, passed: bool, age: Duration) {
        // why: until it has passed, a probe is repeated at once, as kubelets do with those of readiness
        let wait =
            if self.passes || passed { self.period } else { self.period.min(Duration::from_millis(200)) };
        self.due = age + wait;
        if passed {
            (self.successes, self.failures) = (self.successes + 1, 0);
            self.passes = self.passes || self.successes >= self.successes_wanted;
        } else {
            (self.failures, self.successes) = (self.failures + 1, 0);
            self.passes = self.passes && self.failures < self.failures_wanted;
        }
    }
}

impl What {
    async fn passes(&self, locate: impl Fn(u16) -> Option<SocketAddr>, limit: Duration) -> bool {
        match self {
            Self::Command => true,
            Self::Tcp { port } => {
                let Some(at) = locate(*port) else { return false };
                matches!(timeout(limit, TcpStream::connect(at)).await, Ok(Ok(_)))
            }
            Self::Http { port, path } => {
                let Some(at) = locate(*port) else { return false };
                matches!(timeout(limit, get(at, path)).await, Ok(Ok((200..400, _))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn container(probes: &serde_json::Value) -> Container {
        let mut container = json!({"name": "a", "ports": [{"name": "web", "containerPort": 8080}]});
        for (name, probe) in probes.as_object().unwrap() {
            container[name] = probe.clone();
        }
        serde_json::from_value(container).unwrap()
    }

    #[test]
    fn thresholds_decide_what_a_probe_says() {
        let probe = json!({"tcpSocket": {"port": "web"}, "failureThreshold": 2, "successThreshold": 2, "periodSeconds": 4});
        let mut probes = Probes::of(&container(&json!({"readinessProbe": probe})));
        let course = probes.readiness.as_mut().unwrap();
        assert!(matches!(course.what, What::Tcp { port: 8080 }));
        for (step, (passed, says)) in [
            (true, false),
            (true, true),
            (false, true),
            (true, true),
            (false, true),
            (false, false),
            (true, false),
        ]
        .into_iter()
        .enumerate()
        {
            course.note(passed, Duration::ZERO);
            assert_eq!(course.passes, says, "step {step}");
        }
    }

    #[tokio::test]
    async fn a_container_that_fails_its_liveness_probe_is_dead_and_begins_anew() {
        let liveness = json!({"tcpSocket": {"port": 9}, "failureThreshold": 2, "periodSeconds": 1, "initialDelaySeconds": 5});
        let mut probes = Probes::of(&container(&json!({"livenessProbe": liveness})));
        let at = Duration::from_secs;
        let nowhere = |_| None;
        for (second, verdict) in [(0, Verdict::Ready), (5, Verdict::Ready), (6, Verdict::Dead)] {
            assert_eq!(probes.look(at(second), nowhere).await, verdict, "second {second}");
        }
        probes.reset();
        assert_eq!(probes.look(at(0), nowhere).await, Verdict::Ready);
    }
}
