//! Security groups of a load balancer: those that users list, or one that the controller creates, and the shared backend
//! group.
//!
//! Upstream: `pkg/networking/backend_sg_provider.go`.

use crate::aws_api::{Ref, SymbolKind};
use crate::config::Config;
use crate::facts::{BuildError, Facts};
use crate::model::{ResourceId, SecurityGroup, Stack};
use crate::settings::security_groups::backend_group;
use crate::settings::{Origin, SecurityGroupSettings};
use std::collections::BTreeSet;

/// Resource id of the managed frontend security group.
pub const MANAGED_ID: &str = "ManagedLBSecurityGroup";
/// Description of managed frontend security groups.
const MANAGED_DESCRIPTION: &str = "[k8s] Managed SecurityGroup for LoadBalancer";

/// The security groups of a load balancer.
#[derive(Clone, Debug, Default)]
pub struct SecurityGroups {
    /// Those of the load balancer, in order.
    pub attached: Vec<Ref>,
    /// The one to create.
    pub managed: Option<SecurityGroup>,
    /// The source of the traffic to the targets; `None`: the rules of targets are not managed by it.
    pub target_rule_source: Option<Ref>,
    /// Whether the group is used that all load balancers of the cluster share.
    pub uses_backend_group: bool,
}

impl SecurityGroups {
    /// The security groups that settings ask for. `stack`: the other load balancers.
    ///
    /// Errors: [`BuildError::MissingFacts`] asks for the shared backend group, which brings it into being, so it is asked for only when
    /// it is used.
    pub fn build(
        settings: &SecurityGroupSettings,
        facts: &Facts,
        config: &Config,
        stack: &Stack,
    ) -> Result<Self, BuildError> {
        match settings {
            SecurityGroupSettings::None => Ok(Self::default()),
            SecurityGroupSettings::SameAs(id) => {
                let other = stack.load_balancers.get(id).map(|other| other.security_groups.clone());
                Ok(Self { attached: other.unwrap_or_default(), ..Self::default() })
            }
            SecurityGroupSettings::Managed { name, tags, ingress } => {
                let mut seen = BTreeSet::new();
                let group = SecurityGroup {
                    name: name.clone(),
                    description: MANAGED_DESCRIPTION.to_owned(),
                    tags: tags.clone(),
                    ingress: ingress.iter().filter(|rule| seen.insert(*rule)).cloned().collect(),
                };
                Self::managed(group, facts, config)
            }
            SecurityGroupSettings::Listed { ids, manages_target_rules } => {
                Self::listed(ids, manages_target_rules.as_ref(), facts, config)
            }
            SecurityGroupSettings::Live(ids) => Self::live(ids, facts, config),
        }
    }

    fn managed(group: SecurityGroup, facts: &Facts, config: &Config) -> Result<Self, BuildError> {
        let own = ResourceId::from(MANAGED_ID).pending(SymbolKind::SecurityGroupId);
        let shared =
            config.enable_backend_security_group.then(|| backend_group(facts, config)).transpose()?;
        Ok(Self {
            attached: std::iter::once(own.clone()).chain(shared.clone()).collect(),
            managed: Some(group),
            uses_backend_group: shared.is_some(),
            target_rule_source: Some(shared.unwrap_or(own)),
        })
    }

    fn listed(
        ids: &[String],
        manages_target_rules: Option<&Origin>,
        facts: &Facts,
        config: &Config,
    ) -> Result<Self, BuildError> {
        let mut attached = references(ids);
        let Some(origin) = manages_target_rules else { return Ok(Self { attached, ..Self::default() }) };
        if !config.enable_backend_security_group {
            let message = "rules of targets cannot be managed for listed security groups without the backend security group";
            let hint = "start the controller with --enable-backend-security-group=true";
            return Err(origin.error(message).hint(hint).into());
        }
        let shared = backend_group(facts, config)?;
        attached.push(shared.clone());
        Ok(Self { attached, managed: None, target_rule_source: Some(shared), uses_backend_group: true })
    }

    fn live(ids: &[String], facts: &Facts, config: &Config) -> Result<Self, BuildError> {
        let attached = references(ids);
        if !config.enable_backend_security_group {
            return Ok(Self { attached, ..Self::default() });
        }
        let shared = Some(backend_group(facts, config)?).filter(|shared| attached.contains(shared));
        Ok(Self { attached, managed: None, uses_backend_group: shared.is_some(), target_rule_source: shared })
    }
}

fn references(ids: &[String]) -> Vec<Ref> {
    ids.iter().map(|id| Ref::from(id.as_str())).collect()
}

#[cfg(test)]
mod tests;
