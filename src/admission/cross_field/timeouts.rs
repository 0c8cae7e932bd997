//! Health checks whose timeout does not fit into their interval.

use super::IngressChecks;
use crate::annotations::service as keys;
use crate::finding::Finding;

/// Two annotations, and what counts without them.
struct TimeoutAndInterval<'t> {
    timeout: &'t str,
    interval: &'t str,
    default_timeout: i64,
    default_interval: i64,
    /// Whether both may be equal, as for network load balancers.
    may_be_equal: bool,
    /// Whether what is not said here may be said elsewhere: on a Service, or by another member of the group.
    is_open: bool,
}

pub(super) fn of_ingress(checks: &IngressChecks<'_, '_>, is_alone: bool) -> Vec<Finding> {
    let of_targets = TimeoutAndInterval {
        timeout: "healthcheck-timeout-seconds",
        interval: "healthcheck-interval-seconds",
        default_timeout: 5,
        default_interval: 15,
        may_be_equal: false,
        is_open: true,
    };
    let of_front = TimeoutAndInterval {
        timeout: "frontend-nlb-healthcheck-timeout-seconds",
        interval: "frontend-nlb-healthcheck-interval-seconds",
        default_timeout: 5,
        default_interval: 15,
        may_be_equal: true,
        is_open: !is_alone,
    };
    [of_targets, of_front].iter().filter_map(|times| checks.times(times)).collect()
}

/// `asks_nodes`: kube-proxy answers health checks, as with `externalTrafficPolicy: Local`.
pub(super) fn of_service(checks: &IngressChecks<'_, '_>, asks_nodes: bool) -> Option<Finding> {
    checks.times(&TimeoutAndInterval {
        timeout: keys::HEALTH_CHECK_TIMEOUT,
        interval: keys::HEALTH_CHECK_INTERVAL,
        default_timeout: if asks_nodes { 6 } else { 10 },
        default_interval: 10,
        may_be_equal: true,
        is_open: false,
    })
}

impl IngressChecks<'_, '_> {
    fn times(&self, times: &TimeoutAndInterval<'_>) -> Option<Finding> {
        let given = |suffix: &str| self.annotations.int64(suffix).ok();
        let (timeout, interval) = (given(times.timeout)?, given(times.interval)?);
        let wait = timeout.unwrap_or(times.default_timeout);
        let between = interval.unwrap_or(times.default_interval);
        let fits = wait < between || (times.may_be_equal && wait == between);
        if fits || (timeout.is_none() && interval.is_none()) {
            return None;
        }
        let problem = times.problem(timeout.is_some(), wait, between, |suffix| self.annotations.key(suffix));
        let is_certain = !times.is_open || (timeout.is_some() && interval.is_some());
        let finding = if is_certain { Finding::error } else { Finding::warning }(self.object, problem);
        let blamed = if timeout.is_some() { times.timeout } else { times.interval };
        Some(finding.at(self.annotations.key(blamed)))
    }
}

impl TimeoutAndInterval<'_> {
    /// `has_timeout`: it is the timeout that is given, so it is to blame.
    fn problem(&self, has_timeout: bool, wait: i64, between: i64, key: impl Fn(&str) -> String) -> String {
        let (most, least) =
            if self.may_be_equal { ("at most", "at least") } else { ("less than", "more than") };
        if has_timeout {
            let key = key(self.interval);
            format!("{wait} is too long, expected {most} the interval of {between} ({key})")
        } else {
            let key = key(self.timeout);
            format!("{between} is too short, expected {least} the timeout of {wait} ({key})")
        }
    }
}
