//! Target groups, and ALBs as targets of a frontend NLB (upstream: `target_group_*.go`, `frontend_nlb_target_synthesizer.go`).

use super::matching::{Match, match_resources};
use super::plan_builder::Phase;
use super::{Diff, DiffError, symbol};
use crate::aws_api::elbv2::{
    self, CreateTargetGroup, DeregisterTargets, HealthCheck, ModifyTargetGroup, ModifyTargetGroupAttributes,
    Protocol, RegisterTargets, Target,
};
use crate::aws_api::{Attributes, Ref, SymbolKind};
use crate::config::Config;
use crate::model::{AlbTarget, ResourceId, Resources, TargetGroup};
use crate::plan::{Stage, Step, StepId, actual};
use std::collections::BTreeMap;
use std::time::Duration;

const STAGE: Stage = Stage::TargetGroups;

/// How long an ALB that cannot be registered yet is given; typically it is not active yet.
const ALB_RETRY: Duration = Duration::from_secs(15);

/// Attributes that a new target group has without being told.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html>
const DEFAULTS: [(&str, &str); 1] = [("proxy_protocol_v2.enabled", "false")];

impl<'a> Diff<'a> {
    pub(super) fn target_groups(&mut self, desired: &'a Resources<TargetGroup>) -> Result<(), DiffError> {
        let config = self.config();
        let found =
            match_resources(&self.stack.id, desired, &self.actual.target_groups, |desired, actual| {
                must_replace(desired, &actual.entity, config)
            })?;
        self.surplus_target_groups = found.surplus;
        let (missing, existing): (Vec<_>, Vec<_>) =
            found.matches.into_iter().partition(|one| one.kept.is_empty());
        for Match { id, desired, replaced, .. } in missing {
            let why = if replaced.is_empty() { "does not exist" } else { "must be replaced" };
            self.create_target_group(id, desired, why);
            self.surplus_target_groups.extend(replaced);
        }
        for Match { id, desired, kept, replaced } in existing {
            self.surplus_target_groups.extend(replaced);
            if let Some(bound) = most_used(&kept) {
                self.know(SymbolKind::TargetGroupArn, id, &bound.entity.arn);
            }
            for actual in kept {
                self.update_target_group(id, desired, actual);
            }
        }
        self.detach_albs_of_surplus();
        Ok(())
    }

    fn create_target_group(&mut self, id: &ResourceId, desired: &TargetGroup, why: &str) {
        let TargetGroup {
            name,
            target_type,
            port,
            protocol,
            protocol_version,
            ip_address_type,
            health_check,
            target_control_port,
            attributes,
            tags,
        } = desired;
        let request = CreateTargetGroup {
            name: name.clone(),
            target_type: target_type.clone(),
            port: *port,
            protocol: protocol.clone(),
            protocol_version: protocol_version.clone(),
            ip_address_type: ip_address_type.clone(),
            vpc_id: self.config().vpc_id.clone(),
            health_check: health_check.clone(),
            target_control_port: *target_control_port,
            tags: self.resource_tags(id, tags),
        };
        let step =
            Step::aws(STAGE, id.as_str(), request, why).binding([symbol(SymbolKind::TargetGroupArn, id)]);
        self.builder.emit(Phase::TargetGroups, step);
        let defaults = DEFAULTS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.target_group_attributes(id, &id.pending(SymbolKind::TargetGroupArn), attributes, &defaults);
    }

    fn update_target_group(&mut self, id: &ResourceId, desired: &TargetGroup, actual: &actual::TargetGroup) {
        let actual::TargetGroup { entity, tags: observed_tags, attributes: observed, targets: _ } = actual;
        // why: AWS can change none of these (name, port, address type), and upstream keeps the target group when they
        // differ; the others decide about replacement
        let TargetGroup {
            name: _,
            target_type: _,
            port: _,
            protocol: _,
            protocol_version: _,
            ip_address_type: _,
            health_check,
            target_control_port: _,
            attributes,
            tags,
        } = desired;
        let arn = Ref::from(entity.arn.as_str());
        let tags = self.resource_tags(id, tags);
        self.elbv2_tags((Phase::TargetGroups, STAGE), id.as_str(), &arn, (&tags, observed_tags), true);
        if let Some(wanted) = health_check
            && differs(wanted, &entity.health_check)
        {
            let request = ModifyTargetGroup { arn: arn.clone(), health_check: wanted.clone() };
            let step = Step::aws(STAGE, id.as_str(), request, "health check differs");
            self.builder.emit(Phase::TargetGroups, step);
        }
        self.target_group_attributes(id, &arn, attributes, observed);
    }

    fn target_group_attributes(
        &mut self,
        id: &ResourceId,
        arn: &Ref,
        wanted: &Attributes,
        observed: &Attributes,
    ) {
        let attributes = changed_attributes(wanted, observed);
        if !attributes.is_empty() {
            let request = ModifyTargetGroupAttributes { arn: arn.clone(), attributes };
            let step = Step::aws(STAGE, id.as_str(), request, "attributes differ");
            self.builder.emit(Phase::TargetGroups, step);
        }
    }

    /// A target group that goes must let go of its ALB first: an ALB that is a target cannot be deleted.
    fn detach_albs_of_surplus(&mut self) {
        for group in self.surplus_target_groups.clone() {
            for target in &group.targets {
                self.detach_alb(group, target, "its target group goes");
            }
        }
    }

    /// Takes a leaving ALB out of every target group, and answers the steps that do.
    pub(super) fn detach_alb_everywhere(&mut self, alb: &str) -> Vec<StepId> {
        let actual = self.actual;
        for group in &actual.target_groups {
            for target in group.targets.iter().filter(|target| target.id.known() == Some(alb)) {
                self.detach_alb(group, target, "the ALB goes");
            }
        }
        self.detached.get(alb).cloned().unwrap_or_default()
    }

    fn detach_alb(&mut self, group: &actual::TargetGroup, target: &Target, why: &str) {
        let alb = target.id.known().unwrap_or_default().to_owned();
        let request =
            DeregisterTargets { arn: group.entity.arn.as_str().into(), targets: vec![target.clone()] };
        let known = self.detached.entry(alb).or_default();
        let is_noted = known.iter().any(|id| self.builder.is_request(*id, &request));
        if !is_noted {
            let step = Step::aws(Stage::AlbTargets, group.entity.arn.as_str(), request, why);
            known.push(self.builder.emit(Phase::DetachAlbs, step));
        }
    }

    pub(super) fn alb_targets(&mut self, desired: &'a Resources<AlbTarget>) {
        let groups = &self.actual.target_groups;
        let by_arn: BTreeMap<&str, &actual::TargetGroup> =
            groups.iter().rev().map(|group| (group.entity.arn.as_str(), group)).collect();
        for (id, AlbTarget { load_balancer, port }) in desired {
            let arn = self.reference(SymbolKind::TargetGroupArn, id);
            let alb = self.bound(load_balancer);
            let actual = arn.known().and_then(|arn| by_arn.get(arn)).copied();
            let targets = actual.map(|group| group.targets.as_slice()).unwrap_or_default();
            let is_wanted = |target: &&Target| target.id == alb && target.port == Some(*port);
            let (present, others): (Vec<_>, Vec<_>) = targets.iter().partition(is_wanted);
            if !present.is_empty() {
                continue;
            }
            if let Some(group) = actual {
                for target in others {
                    self.detach_alb(group, target, "another ALB or port is wanted");
                }
            }
            let target = Target { id: alb, port: Some(*port), ..Target::default() };
            let step = Step::aws(
                Stage::AlbTargets,
                id.as_str(),
                RegisterTargets { arn, targets: vec![target] },
                "the ALB is not a target",
            );
            self.builder.emit(Phase::AttachAlbs, step.or_revisit(ALB_RETRY));
        }
    }
}

/// Attributes that are missing or different. Attributes nobody asks for stay as they are.
pub(super) fn changed_attributes(wanted: &Attributes, observed: &Attributes) -> Attributes {
    wanted
        .iter()
        .filter(|(key, value)| observed.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The one that load balancers use, else the last.
fn most_used<'a>(kept: &[&'a actual::TargetGroup]) -> Option<&'a actual::TargetGroup> {
    let used = kept.iter().rev().find(|group| !group.entity.load_balancer_arns.is_empty());
    used.or(kept.last()).copied()
}

fn must_replace(desired: &TargetGroup, actual: &elbv2::TargetGroup, config: &Config) -> bool {
    let version_differs =
        desired.protocol_version.is_some() && desired.protocol_version != actual.protocol_version;
    desired.target_type != actual.target_type
        || actual.protocol.as_ref() != Some(&desired.protocol)
        || version_differs
        || desired.target_control_port != actual.target_control_port
        || must_replace_for_health_check(desired, actual, config)
}

/// Without the gate, health checks of network load balancers are taken for unchangeable, as they once were.
fn must_replace_for_health_check(
    desired: &TargetGroup,
    actual: &elbv2::TargetGroup,
    config: &Config,
) -> bool {
    use Protocol::{Quic, Tcp, TcpQuic, TcpUdp, Tls, Udp};
    let is_network = matches!(desired.protocol, Tcp | Udp | Tls | TcpUdp | Quic | TcpQuic);
    let Some(wanted) = &desired.health_check else { return false };
    let observed = &actual.health_check;
    is_network
        && !config.features.nlb_health_check_advanced_config
        && (wanted.protocol.as_ref().is_some_and(|protocol| observed.protocol.as_ref() != Some(protocol))
            || matcher_differs(wanted, observed)
            || is_other(wanted.interval_seconds.as_ref(), observed.interval_seconds.as_ref())
            || is_other(wanted.timeout_seconds.as_ref(), observed.timeout_seconds.as_ref()))
}

fn differs(wanted: &HealthCheck, observed: &HealthCheck) -> bool {
    let HealthCheck {
        port,
        protocol,
        path,
        matcher: _,
        interval_seconds,
        timeout_seconds,
        healthy_threshold,
        unhealthy_threshold,
    } = wanted;
    is_other(port.as_ref(), observed.port.as_ref())
        || is_other(protocol.as_ref(), observed.protocol.as_ref())
        || is_other(path.as_ref(), observed.path.as_ref())
        || matcher_differs(wanted, observed)
        || is_other(interval_seconds.as_ref(), observed.interval_seconds.as_ref())
        || is_other(timeout_seconds.as_ref(), observed.timeout_seconds.as_ref())
        || is_other(healthy_threshold.as_ref(), observed.healthy_threshold.as_ref())
        || is_other(unhealthy_threshold.as_ref(), observed.unhealthy_threshold.as_ref())
}

/// Unset means: whatever AWS has.
fn is_other<T: PartialEq>(wanted: Option<&T>, observed: Option<&T>) -> bool {
    wanted.is_some() && wanted != observed
}

fn matcher_differs(wanted: &HealthCheck, observed: &HealthCheck) -> bool {
    let codes = |check: &HealthCheck| {
        check.matcher.as_ref().map(|matcher| {
            let elbv2::Matcher { http_code, grpc_code } = matcher;
            (http_code.clone().unwrap_or_default(), grpc_code.clone().unwrap_or_default())
        })
    };
    wanted.matcher.is_some() && codes(wanted) != codes(observed)
}
