//! Managed security groups and their ingress rules (upstream: `pkg/deploy/ec2`, `pkg/networking/security_group_reconciler.go`).

use super::matching::{Match, match_resources};
use super::plan_builder::Phase;
use super::{Diff, DiffError, symbol};
use crate::aws_api::ec2::{
    self, AuthorizeIngress, CreateSecurityGroup, IngressRule, RevokeIngress, RuleSource,
};
use crate::aws_api::{Ref, SymbolKind};
use crate::model::{ResourceId, Resources, SecurityGroup};
use crate::plan::{Quota, Stage, Step};
use std::collections::BTreeMap;

const STAGE: Stage = Stage::SecurityGroups;

/// What makes two rules the same rule for EC2; the description does not.
type Identity = (String, i32, i32, RuleSource);

impl<'a> Diff<'a> {
    pub(super) fn security_groups(&mut self, desired: &'a Resources<SecurityGroup>) -> Result<(), DiffError> {
        let found = match_resources(&self.stack.id, desired, &self.actual.security_groups, |_, _| false)?;
        self.surplus_security_groups = found.surplus;
        let (existing, missing): (Vec<_>, Vec<_>) =
            found.matches.into_iter().partition(|one| !one.kept.is_empty());
        for Match { id, desired, .. } in missing {
            self.create_security_group(id, desired);
        }
        for Match { id, desired, kept, .. } in existing {
            if let Some((group, others)) = kept.split_first() {
                self.know(SymbolKind::SecurityGroupId, id, &group.id);
                self.update_security_group(id, desired, group);
                self.surplus_security_groups.extend(others);
            }
        }
        Ok(())
    }

    fn create_security_group(&mut self, id: &ResourceId, desired: &SecurityGroup) {
        let SecurityGroup { name, description, tags, ingress } = desired;
        let request = CreateSecurityGroup {
            name: name.clone(),
            description: description.clone(),
            vpc_id: self.config().vpc_id.clone(),
            tags: self.resource_tags(id, tags),
        };
        let step = Step::aws(STAGE, id.as_str(), request, "does not exist")
            .binding([symbol(SymbolKind::SecurityGroupId, id)]);
        self.builder.emit(Phase::SecurityGroups, step);
        self.ingress_rules(id, &id.pending(SymbolKind::SecurityGroupId), ingress, &[]);
    }

    fn update_security_group(
        &mut self,
        id: &ResourceId,
        desired: &SecurityGroup,
        actual: &ec2::SecurityGroup,
    ) {
        // why: EC2 can change neither name nor description, and upstream does not replace the group for them
        let SecurityGroup { name: _, description: _, tags, ingress } = desired;
        self.security_group_tags(id.as_str(), &actual.id, &self.resource_tags(id, tags), &actual.tags);
        self.ingress_rules(id, &Ref::from(actual.id.as_str()), ingress, &actual.ingress);
    }

    /// Grants before it revokes, unless the group is full.
    fn ingress_rules(
        &mut self,
        id: &ResourceId,
        group: &Ref,
        wanted: &[IngressRule],
        observed: &[IngressRule],
    ) {
        let wanted: BTreeMap<Identity, IngressRule> =
            wanted.iter().map(|rule| self.bound_rule(rule)).map(|rule| (identity(&rule), rule)).collect();
        let observed: BTreeMap<Identity, &IngressRule> =
            observed.iter().map(|rule| (identity(rule), rule)).collect();
        let grant: Vec<_> = minus(&wanted, &observed).cloned().collect();
        let revoke: Vec<_> = minus(&observed, &wanted).map(|rule| (*rule).clone()).collect();
        let full = group.known().is_some_and(|group| {
            self.context.exhausted_quotas.is_exhausted(&Quota::IngressRulesOf(group.to_owned()))
        });
        let grant = (!grant.is_empty()).then(|| {
            let request = AuthorizeIngress { group_id: group.clone(), rules: grant };
            Step::aws(STAGE, id.as_str(), request, "rules are missing")
        });
        let revoke = (!revoke.is_empty()).then(|| {
            let request = RevokeIngress { group_id: group.clone(), rules: revoke };
            Step::aws(STAGE, id.as_str(), request, "rules nobody asked for")
        });
        let (first, second) = if full { (revoke, grant) } else { (grant, revoke) };
        let first = first.map(|step| self.builder.emit(Phase::SecurityGroups, step));
        if let Some(step) = second {
            self.builder.emit(Phase::SecurityGroups, step.after(first));
        }
    }

    fn bound_rule(&self, rule: &IngressRule) -> IngressRule {
        let mut rule = rule.clone();
        if let RuleSource::SecurityGroup(group) = &mut rule.source {
            group.bind(&self.known);
        }
        rule
    }
}

fn identity(rule: &IngressRule) -> Identity {
    let IngressRule { protocol, from_port, to_port, source, description: _ } = rule;
    (protocol.clone(), from_port.unwrap_or(0), to_port.unwrap_or(0), source.clone())
}

fn minus<'m, K: Ord, V, W>(
    these: &'m BTreeMap<K, V>,
    those: &'m BTreeMap<K, W>,
) -> impl Iterator<Item = &'m V> {
    these.iter().filter(|(key, _)| !those.contains_key(*key)).map(|(_, value)| value)
}
