//! What `DescribeTargetHealth` finds, which follows from time alone.

use super::{Registration, TargetGroupState, TargetKey};
use crate::{World, refusal::CallResult};
use aws_load_balancer_controller::aws_api::{
    Ref,
    elbv2::{DescribeTargetHealth, Target, TargetHealth, TargetHealthState},
};
use std::time::Duration;

impl World {
    pub(crate) fn describe_target_health(
        &mut self,
        request: &DescribeTargetHealth,
    ) -> CallResult<Vec<TargetHealth>> {
        let now = self.now();
        self.elb.target_group_mut(&request.arn)?.draining.retain(|_, (_, until)| *until > now);
        let group = self.elb.target_group(&request.arn)?;
        if request.targets.is_empty() {
            let keys = group.targets.keys().chain(group.draining.keys());
            return Ok(keys.map(|key| self.health_of(group, key)).collect());
        }
        request.targets.iter().map(|target| Ok(self.health_of(group, &group.key_of(target)?))).collect()
    }

    fn health_of(&self, group: &TargetGroupState, key: &TargetKey) -> TargetHealth {
        if let Some(registration) = group.targets.get(key) {
            let state = self.state_of(group, key, registration);
            let measured = self.settings.health.measured.as_ref();
            let found = measured.and_then(|all| all.get(&(group.described.arn.clone(), key.clone()))?.1);
            let found = found.filter(|_| state == TargetHealthState::Unhealthy);
            let reason = found
                .map(|code| (code, "Health checks failed"))
                .or_else(|| self.reason_of(group, &state, registration));
            return health(key, Some(registration), state, reason);
        }
        if let Some((registration, _)) = group.draining.get(key) {
            let reason = ("Target.DeregistrationInProgress", "Target deregistration is in progress");
            return health(key, Some(registration), TargetHealthState::Draining, Some(reason));
        }
        let reason = ("Target.NotRegistered", "Target is not registered to the target group");
        health(key, None, TargetHealthState::Unused, Some(reason))
    }

    fn state_of(
        &self,
        group: &TargetGroupState,
        key: &TargetKey,
        registration: &Registration,
    ) -> TargetHealthState {
        let told = &self.settings.health.of;
        if group.used_by.is_empty() {
            TargetHealthState::Unused
        } else if let Some(state) =
            told.get(&key.id).or_else(|| told.get(&format!("{}:{}", key.id, key.port)))
        {
            state.clone()
        } else if let Some(measured) = &self.settings.health.measured {
            let place = (group.described.arn.clone(), key.clone());
            measured.get(&place).map_or(TargetHealthState::Initial, |(state, _)| state.clone())
        } else if self.now() < self.checked_since(group, registration) + self.settings.delays.initial {
            TargetHealthState::Initial
        } else {
            self.settings.health.default.clone()
        }
    }

    /// Since when a target is checked: once it is registered, its group is used, and a load balancer is there to check.
    fn checked_since(&self, group: &TargetGroupState, registration: &Registration) -> Duration {
        let users = group.used_by.iter().filter_map(|arn| self.elb.load_balancers.get(arn));
        let ready = users.map(|lb| lb.ready).min().unwrap_or_default();
        registration.at.max(group.used_since).max(ready)
    }

    fn reason_of(
        &self,
        group: &TargetGroupState,
        state: &TargetHealthState,
        registration: &Registration,
    ) -> Option<(&'static str, &'static str)> {
        let waited = self.now().saturating_sub(self.checked_since(group, registration));
        match state {
            TargetHealthState::Initial if waited < self.settings.delays.initial / 2 => {
                Some(("Elb.RegistrationInProgress", "Target registration is in progress"))
            }
            TargetHealthState::Initial => {
                Some(("Elb.InitialHealthChecking", "Initial health checks in progress"))
            }
            TargetHealthState::Unhealthy => Some(("Target.FailedHealthChecks", "Health checks failed")),
            TargetHealthState::Unused => Some((
                "Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer",
            )),
            TargetHealthState::Unavailable => {
                Some(("Target.HealthCheckDisabled", "Health checks are not enabled for this target group"))
            }
            _ => None,
        }
    }
}

fn health(
    key: &TargetKey,
    registration: Option<&Registration>,
    state: TargetHealthState,
    reason: Option<(&str, &str)>,
) -> TargetHealth {
    let target = Target {
        id: Ref::from(key.id.as_str()),
        port: Some(key.port),
        availability_zone: registration.and_then(|known| known.zone.clone()),
        quic_server_id: registration.and_then(|known| known.quic_server_id.clone()),
    };
    TargetHealth {
        target,
        state,
        reason: reason.map(|(code, _)| code.to_owned()),
        description: reason.map(|(_, words)| words.to_owned()),
    }
}
