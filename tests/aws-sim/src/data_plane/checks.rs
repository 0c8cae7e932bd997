//! Health checks that really probe.
//! Sources: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html>

use super::{
    Place, Shared, upstream,
    upstream::Unreachable,
    view::{GroupView, View, attribute, is_on},
};
use crate::elb::TargetKey;
use aws_load_balancer_controller::aws_api::elbv2::{HealthCheck, Protocol, TargetHealthState};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Version, header::USER_AGENT};
use http_body_util::{BodyExt as _, Empty};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// How often it is looked which checks are due.
const TICK: Duration = Duration::from_millis(10);

/// What is known of all targets.
#[derive(Debug, Default)]
pub(super) struct Checks {
    targets: BTreeMap<Place, Target>,
}

#[derive(Debug)]
struct Target {
    state: TargetHealthState,
    /// AWS's reason code, of what is not healthy.
    reason: Option<&'static str>,
    /// Results in a row that say otherwise than the state.
    against: i32,
    due: Instant,
    busy: bool,
}

/// What a probe found.
type Found = Result<(), &'static str>;

impl Checks {
    /// What was found of a target; `initial` before anything was.
    pub(super) fn state(&self, place: &Place) -> TargetHealthState {
        self.targets.get(place).map_or(TargetHealthState::Initial, |target| target.state.clone())
    }

    /// Takes up new targets, forgets those that are gone, and answers which are to be checked now.
    fn due(&mut self, view: &View, now: Instant) -> Vec<Place> {
        let used = view.groups.iter().filter(|(_, group)| !group.described.load_balancer_arns.is_empty());
        let all: BTreeSet<Place> = used
            .flat_map(|(arn, group)| group.targets.keys().map(|key| (arn.clone(), key.clone())))
            .collect();
        self.targets.retain(|place, _| all.contains(place));
        for place in all {
            self.targets.entry(place).or_insert(Target {
                state: TargetHealthState::Initial,
                reason: None,
                against: 0,
                due: now,
                busy: false,
            });
        }
        let due = self.targets.iter_mut().filter(|(_, target)| target.due <= now && !target.busy);
        due.map(|(place, target)| {
            target.busy = true;
            place.clone()
        })
        .collect()
    }

    /// Notes a result; whether the target has just become unhealthy.
    fn note(&mut self, place: &Place, check: &HealthCheck, found: Found, next: Instant) -> bool {
        let Some(target) = self.targets.get_mut(place) else { return false };
        (target.busy, target.due) = (false, next);
        let healthy = target.state == TargetHealthState::Healthy;
        if found.is_ok() == healthy && target.state != TargetHealthState::Initial {
            target.against = 0;
            return false;
        }
        target.against += 1;
        // The first check of a new target that passes makes it healthy.
        let enough = match (&target.state, found) {
            (TargetHealthState::Initial, Ok(())) => 1,
            (_, Ok(())) => check.healthy_threshold.unwrap_or(5),
            (_, Err(_)) => check.unhealthy_threshold.unwrap_or(2),
        };
        if target.against < enough {
            return false;
        }
        target.against = 0;
        target.state = if found.is_ok() { TargetHealthState::Healthy } else { TargetHealthState::Unhealthy };
        target.reason = found.err();
        healthy
    }

    /// All results, for `DescribeTargetHealth`.
    fn measured(&self) -> BTreeMap<Place, (TargetHealthState, Option<&'static str>)> {
        let all = self.targets.iter();
        all.map(|(place, target)| (place.clone(), (target.state.clone(), target.reason))).collect()
    }
}

/// Checks targets as long as the data plane runs.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let view = shared.view();
        let due = shared.checks.lock().due(&view, Instant::now());
        for place in due {
            shared.spawn(check(Arc::clone(&shared), Arc::clone(&view), place));
        }
        let measured = shared.checks.lock().measured();
        shared.sim.world(|world| world.settings.health.measured = Some(measured));
    }
}

async fn check(shared: Arc<Shared>, view: Arc<View>, place: Place) {
    let Some(group) = view.groups.get(&place.0) else { return };
    let check = &group.described.health_check;
    let started = Instant::now();
    let limit = Duration::from_secs(u64::try_from(check.timeout_seconds.unwrap_or(5)).unwrap_or(5));
    let found = tokio::time::timeout(limit, probe(&shared, &view, group, &place.1)).await;
    let found = found.unwrap_or(Err("Target.Timeout"));
    let interval = Duration::from_secs(u64::try_from(check.interval_seconds.unwrap_or(30)).unwrap_or(30));
    let next = started + interval / shared.settings.lock().pace.max(1);
    let lost = shared.checks.lock().note(&place, check, found, next.max(Instant::now()));
    // AWS's default for an NLB; an ALB never does.
    if lost && is_on(&group.attributes, "target_health_state.unhealthy.connection_termination.enabled") {
        shared.connections.cut(&place);
    }
}

async fn probe(shared: &Shared, view: &View, group: &GroupView, key: &TargetKey) -> Found {
    let check = &group.described.health_check;
    let port = check.port.as_deref().and_then(|port| port.parse().ok()).unwrap_or(key.port);
    let key = TargetKey { id: key.id.clone(), port };
    let mut stream = upstream::dial(shared, view, group, &key, None).await.map_err(|error| match error {
        Unreachable::Refused => "Target.FailedHealthChecks",
        Unreachable::Lost => "Target.Timeout",
    })?;
    if is_on(&group.attributes, "proxy_protocol_v2.enabled") {
        upstream::send_local_header(&mut stream).await.map_err(|_| "Target.FailedHealthChecks")?;
    }
    match &check.protocol {
        Some(Protocol::Http) => ask(group, upstream::plain(stream)).await,
        Some(Protocol::Https) => {
            let stream = upstream::secure(stream).await.map_err(|_| "Target.FailedHealthChecks")?;
            ask(group, stream).await
        }
        _ => Ok(()),
    }
}

/// One request, whose answer the matcher has to accept.
async fn ask(group: &GroupView, stream: upstream::Stream) -> Found {
    let check = &group.described.health_check;
    let matcher = check.matcher.clone().unwrap_or_default();
    let version = group.described.protocol_version.as_deref();
    let grpc = matcher.grpc_code.is_some();
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = if grpc { Method::POST } else { Method::GET };
    let path = check.path.as_deref().unwrap_or("/");
    let uri = format!("http://target{path}").parse().map_err(|_| "Target.FailedHealthChecks")?;
    *request.uri_mut() = uri;
    if matches!(version, Some("HTTP2" | "GRPC")) {
        *request.version_mut() = Version::HTTP_2;
    }
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, http::HeaderValue::from_static("ELB-HealthChecker/2.0"));
    if grpc {
        headers.insert("content-type", http::HeaderValue::from_static("application/grpc"));
        headers.insert("te", http::HeaderValue::from_static("trailers"));
    }
    let (answer, _connection) =
        upstream::send(stream, request).await.map_err(|_| "Target.FailedHealthChecks")?;
    let status = answer.status();
    let early = answer.headers().get("grpc-status").cloned();
    let body = answer.into_body().collect().await.map_err(|_| "Target.FailedHealthChecks")?;
    let found = if grpc {
        let late = body.trailers().and_then(|trailers| trailers.get("grpc-status")).cloned();
        let code = late.or(early).and_then(|code| code.to_str().ok()?.parse().ok());
        code.filter(|_| status == StatusCode::OK).unwrap_or(u16::MAX)
    } else {
        status.as_u16()
    };
    let accepted = matcher.grpc_code.or(matcher.http_code).unwrap_or_else(|| "200".to_owned());
    if accepts(&accepted, found) { Ok(()) } else { Err("Target.ResponseCodeMismatch") }
}

/// Whether a matcher, such as `200,204-299`, has a code.
fn accepts(matcher: &str, code: u16) -> bool {
    matcher.split(',').any(|part| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u16>().ok();
        number(low).zip(number(high)).is_some_and(|(low, high)| (low..=high).contains(&code))
    })
}

/// Whether clients' addresses are kept as the source of what goes to a target.
pub(super) fn preserves_client(group: &GroupView) -> bool {
    attribute(&group.attributes, "preserve_client_ip.enabled") == "true"
}

#[cfg(test)]
mod tests {
    use super::*;
    use TargetHealthState::{Healthy, Initial, Unhealthy};

    #[test]
    fn matchers_have_lists_and_ranges() {
        for (matcher, code, fits) in [
            ("200", 200, true),
            ("200", 201, false),
            ("200,204", 204, true),
            ("200-299", 250, true),
            ("200-299,404", 404, true),
            ("200 - 299", 300, false),
            ("0-99", 12, true),
            ("x", 0, false),
        ] {
            assert_eq!(accepts(matcher, code), fits, "{matcher} {code}");
        }
    }

    #[test]
    fn thresholds_decide() {
        let place: Place = ("arn".into(), TargetKey { id: "a".into(), port: 1 });
        let check = HealthCheck {
            healthy_threshold: Some(3),
            unhealthy_threshold: Some(2),
            ..HealthCheck::default()
        };
        let now = Instant::now();
        let target =
            Target { state: TargetHealthState::Initial, reason: None, against: 0, due: now, busy: false };
        let mut checks = Checks { targets: BTreeMap::from([(place.clone(), target)]) };
        let bad = Err("Target.Timeout");
        for (step, (found, state, lost)) in [
            (bad, Initial, false),
            (Ok(()), Healthy, false),
            (bad, Healthy, false),
            (Ok(()), Healthy, false),
            (bad, Healthy, false),
            (bad, Unhealthy, true),
            (Ok(()), Unhealthy, false),
            (Ok(()), Unhealthy, false),
            (bad, Unhealthy, false),
            (Ok(()), Unhealthy, false),
            (Ok(()), Unhealthy, false),
            (Ok(()), Healthy, false),
        ]
        .into_iter()
        .enumerate()
        {
            let lost_now = checks.note(&place, &check, found, now);
            assert_eq!((checks.state(&place), lost_now), (state, lost), "step {step}");
        }
    }
}
