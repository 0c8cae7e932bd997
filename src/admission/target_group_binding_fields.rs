//! Fields of a TargetGroupBinding that can be judged without AWS and without other objects: what no reconcile could use is an
//! error, what has no effect is a warning.

use super::cidr::{self, CidrError};
use super::region;
use crate::annotations::value::{TextKind, ValueKind, is_arn, is_id, is_label};
use crate::api::meta::EXCLUDE_NODE_LABEL;
use crate::api::target_group_binding::{
    NetworkingIngressRule, NetworkingPeer, TargetGroupBindingSpec, TargetGroupIpAddressType,
    TargetGroupProtocol, TargetType,
};
use crate::api::{IntOrString, TargetGroupBinding, selector};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

const PORTS: RangeInclusive<i32> = 1..=65_535;
/// The longest name that fits into the condition type of a readiness gate.
const MAX_GATE_NAME: usize = 63;
/// The longest name that fits into the name of the ConfigMap in which targets of a shared target group are listed.
const MAX_SHARED_NAME: usize = 237;
/// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
const EXTERNAL_ID_LENGTH: RangeInclusive<usize> = 2..=1224;

/// A binding, as findings name it.
pub fn binding_ref(binding: &TargetGroupBinding) -> ObjectRef {
    let meta = |text: &Option<String>| text.clone().unwrap_or_default();
    ObjectRef {
        kind: "TargetGroupBinding",
        namespace: meta(&binding.metadata.namespace),
        name: meta(&binding.metadata.name),
    }
}

/// What is wrong with a binding. `old`: what it was before, in an update.
pub fn check(
    config: &Config,
    binding: &TargetGroupBinding,
    old: Option<&TargetGroupBinding>,
) -> Vec<Finding> {
    let object = binding_ref(binding);
    let checks = BindingChecks { config, object: &object, spec: &binding.spec };
    let mut findings = checks.target_group();
    findings.extend(checks.service());
    findings.extend(checks.targets());
    findings.extend(checks.role());
    findings.extend(checks.networking());
    findings.extend(checks.name());
    if let Some(old) = old {
        findings.extend(checks.sharing(&old.spec));
        findings.extend(checks.protocol_change(&old.spec));
    }
    findings
}

struct BindingChecks<'c> {
    config: &'c Config,
    object: &'c ObjectRef,
    spec: &'c TargetGroupBindingSpec,
}

impl BindingChecks<'_> {
    fn error(&self, field: &str, problem: impl Into<String>) -> Finding {
        Finding::error(self.object, problem).at(format!("spec.{field}"))
    }

    fn warning(&self, field: &str, problem: impl Into<String>) -> Finding {
        Finding::warning(self.object, problem).at(format!("spec.{field}"))
    }

    fn target_group(&self) -> Vec<Finding> {
        let arn = self.spec.target_group_arn.as_deref().filter(|arn| !arn.is_empty());
        let name = self.spec.target_group_name.as_deref().filter(|name| !name.is_empty());
        let mut findings = Vec::new();
        if let Some(arn) = arn.filter(|arn| !is_arn(arn, "elasticloadbalancing", "targetgroup/")) {
            findings.push(self.error("targetGroupARN", format!("{arn:?} is not the ARN of a target group")));
        }
        let foreign = region::check(arn.unwrap_or_default(), self.config);
        findings.extend(
            foreign.into_iter().map(|value_finding| self.error("targetGroupARN", value_finding.problem)),
        );
        let named = arn.and_then(|arn| arn.split('/').nth(1));
        match (named, name) {
            (Some(named), Some(name)) if named != name => {
                let problem = format!("{name:?} has no effect: targetGroupARN is that of {named:?}");
                findings.push(self.warning("targetGroupName", problem));
            }
            (None, Some(name)) => {
                let value_findings = ValueKind::Text(TextKind::LoadBalancerName).check("", name);
                findings.extend(
                    value_findings
                        .into_iter()
                        .map(|value_finding| self.error("targetGroupName", value_finding.problem)),
                );
            }
            _ => {}
        }
        findings
    }

    fn service(&self) -> Vec<Finding> {
        let service = &self.spec.service_ref;
        let mut findings = Vec::new();
        if !is_label(&service.name) {
            let problem = format!("{:?} is not the name of a Service", service.name);
            findings.push(self.error("serviceRef.name", problem));
        }
        let problem = match &service.port {
            IntOrString::Int(number) if !PORTS.contains(number) => {
                Some(format!("{number} is out of range, expected 1 to 65535"))
            }
            IntOrString::String(name) if !is_port_name(name) => {
                Some(format!("{name:?} is not the name of a port"))
            }
            _ => None,
        };
        findings.extend(problem.map(|problem| self.error("serviceRef.port", problem)));
        findings
    }

    fn targets(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(Err(error)) = self.spec.node_selector.as_ref().map(selector::check) {
            findings.push(self.error("nodeSelector", error.to_string()));
        }
        let is_quic = matches!(
            self.spec.target_group_protocol,
            Some(TargetGroupProtocol::Quic | TargetGroupProtocol::TcpQuic)
        );
        if is_quic && self.has_instances() {
            findings.push(self.error("targetGroupProtocol", "QUIC needs target type ip"));
        }
        findings.extend(self.excluded_nodes());
        findings
    }

    /// Nodes that a selector wants, but that are never targets.
    fn excluded_nodes(&self) -> Option<Finding> {
        let selector = self.spec.node_selector.as_ref()?;
        let by_label = selector.match_labels.iter().flatten().map(|(key, _)| key);
        let wants = |operator: &str| matches!(operator, "In" | "Exists");
        let by_expression = selector.match_expressions.iter().flatten();
        let by_expression = by_expression.filter(|one| wants(&one.operator)).map(|one| &one.key);
        let excluded = by_label.chain(by_expression).find(|key| *key == EXCLUDE_NODE_LABEL)?;
        Some(self.warning("nodeSelector", format!("asks for nodes with {excluded}, which are never targets")))
    }

    fn has_instances(&self) -> bool {
        self.spec.target_type == Some(TargetType::Instance)
    }

    fn role(&self) -> Vec<Finding> {
        let role = self.spec.iam_role_arn_to_assume.as_deref().filter(|role| !role.is_empty());
        let external = self.spec.assume_role_external_id.as_deref().filter(|id| !id.is_empty());
        let mut findings = Vec::new();
        if let Some(role) = role.filter(|role| !is_role(role)) {
            findings
                .push(self.error("iamRoleArnToAssume", format!("{role:?} is not the ARN of an IAM role")));
        }
        match (role, external) {
            (None, Some(_)) => findings
                .push(self.warning("assumeRoleExternalId", "has no effect without spec.iamRoleArnToAssume")),
            (Some(_), Some(id)) if !is_external_id(id) => {
                let problem =
                    format!("{id:?} is not an external id, expected 2 to 1224 letters, digits and +=,.@:/-_");
                findings.push(self.error("assumeRoleExternalId", problem));
            }
            _ => {}
        }
        findings
    }

    fn networking(&self) -> Vec<Finding> {
        let rules = self.spec.networking.iter().flat_map(|networking| networking.ingress.iter().flatten());
        rules
            .enumerate()
            .flat_map(|(index, rule)| self.rule(&format!("networking.ingress[{index}]"), rule))
            .collect()
    }

    fn rule(&self, field: &str, rule: &NetworkingIngressRule) -> Vec<Finding> {
        let mut findings = Vec::new();
        if rule.from.is_empty() {
            findings.push(self.warning(&format!("{field}.from"), "is empty, so the rule lets nobody in"));
        }
        if rule.ports.is_empty() {
            findings.push(self.warning(&format!("{field}.ports"), "is empty, so the rule lets nobody in"));
        }
        let mut told = BTreeSet::new();
        for (index, port) in rule.ports.iter().enumerate() {
            if !told.insert(format!("{port:?}")) {
                findings.push(self.warning(&format!("{field}.ports[{index}]"), "is the same as one before"));
            }
        }
        for (index, peer) in rule.from.iter().enumerate() {
            findings.extend(self.peer(&format!("{field}.from[{index}]"), peer));
        }
        for (index, port) in rule.ports.iter().enumerate() {
            let field = format!("{field}.ports[{index}].port");
            findings.extend(port.port.as_ref().and_then(|port| self.port(&field, port)));
        }
        findings
    }

    fn peer(&self, field: &str, peer: &NetworkingPeer) -> Option<Finding> {
        match (&peer.ip_block, &peer.security_group) {
            (None, None) => {
                Some(self.error(field, "has neither ipBlock nor securityGroup, expected one of them"))
            }
            (Some(_), Some(_)) => {
                Some(self.warning(&format!("{field}.ipBlock"), "has no effect beside securityGroup"))
            }
            (Some(block), None) => self.cidr(&format!("{field}.ipBlock.cidr"), &block.cidr),
            (None, Some(group)) => {
                let problem = format!("{:?} is not the id of a security group (sg-…)", group.group_id);
                let field = format!("{field}.securityGroup.groupID");
                (!is_id(&group.group_id, "sg-")).then(|| self.error(&field, problem))
            }
        }
    }

    fn cidr(&self, field: &str, cidr: &str) -> Option<Finding> {
        let problem = format!("{cidr:?} {}", cidr::PROBLEM);
        let (finding, right) = match cidr::check(cidr) {
            None => return self.family(field, cidr),
            Some(CidrError::Unreadable(right)) => (self.error(field, problem), right),
            // why: AWS takes it and cuts the bits off
            Some(CidrError::HostBits(right)) => {
                (self.warning(field, format!("{cidr:?} has bits outside of its prefix")), Some(right))
            }
            Some(CidrError::Spelling(right)) => {
                (self.warning(field, format!("{cidr:?} is not as AWS spells it")), Some(right))
            }
        };
        Some(match right {
            Some(right) => finding.hint(format!("did you mean `{right}`?")),
            None => finding,
        })
    }

    /// A range of the family that the targets do not have.
    fn family(&self, field: &str, cidr: &str) -> Option<Finding> {
        let targets = self.spec.ip_address_type?;
        let fits = cidr.contains(':') == (targets == TargetGroupIpAddressType::Ipv6);
        let problem = format!("{cidr:?} has no effect: the targets have {targets} addresses");
        (!fits).then(|| self.warning(field, problem))
    }

    fn port(&self, field: &str, port: &IntOrString) -> Option<Finding> {
        match port {
            IntOrString::Int(number) if !(0..=65_535).contains(number) => {
                Some(self.error(field, format!("{number} is out of range, expected 0 to 65535")))
            }
            IntOrString::String(name) if self.has_instances() => {
                Some(self.error(field, format!("{name:?} is a name, which only targets of type ip have")))
            }
            IntOrString::String(name) if !is_port_name(name) => {
                Some(self.error(field, format!("{name:?} is not the name of a port")))
            }
            _ => None,
        }
    }

    fn name(&self) -> Option<Finding> {
        let (length, is_shared) = (self.object.name.len(), is_shared(self.spec));
        if is_shared && length > MAX_SHARED_NAME {
            let problem = format!(
                "the name has {length} characters, expected at most {MAX_SHARED_NAME} where target groups are shared"
            );
            return Some(Finding::error(self.object, problem).at("metadata.name"));
        }
        let problem = format!(
            "the name has {length} characters; with more than {MAX_GATE_NAME} pods cannot have its readiness gate"
        );
        let is_ip = self.spec.target_type != Some(TargetType::Instance);
        (is_ip && length > MAX_GATE_NAME).then(|| Finding::warning(self.object, problem).at("metadata.name"))
    }

    fn sharing(&self, old: &TargetGroupBindingSpec) -> Option<Finding> {
        let problem = "stops sharing the target group: targets of other clusters are deregistered";
        (is_shared(old) && !is_shared(self.spec)).then(|| self.warning("multiClusterTargetGroup", problem))
    }

    fn protocol_change(&self, old: &TargetGroupBindingSpec) -> Option<Finding> {
        let (was, is) = (old.target_group_protocol?, self.spec.target_group_protocol?);
        let problem = format!("changes from {was} to {is}, but the protocol of a target group never changes");
        (was != is).then(|| self.warning("targetGroupProtocol", problem))
    }
}

fn is_shared(spec: &TargetGroupBindingSpec) -> bool {
    spec.multi_cluster_target_group == Some(true)
}

fn is_port_name(text: &str) -> bool {
    is_label(text) && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// `arn:PARTITION:iam::ACCOUNT:role/…`.
fn is_role(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, _, account, resource] = parts.as_slice() else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let has_name = resource.strip_prefix("role/").is_some_and(|name| !name.is_empty());
    *arn == "arn" && partition.starts_with("aws") && *service == "iam" && is_account && has_name
}

fn is_external_id(text: &str) -> bool {
    EXTERNAL_ID_LENGTH.contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@:/-_".contains(c))
}

#[cfg(test)]
mod tests;
