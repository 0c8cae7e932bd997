//! TargetGroupBindings, and at last whatever nobody asked for (upstream: `target_group_binding_synthesizer.go` and the
//! second halves of the others).

use super::Diff;
use super::plan_builder::Phase;
use crate::api::{ObjectKey, TargetGroupBinding, meta};
use crate::aws_api::Ref;
use crate::aws_api::ec2::DeleteSecurityGroup;
use crate::aws_api::elbv2::{DeleteTargetGroup, ListenerAction, TargetGroup};
use crate::model::{Binding, BindingPeer, Resources};
use crate::plan::binding::{is_same, render_binding};
use crate::plan::{BindingWrite, LeavingBinding, Op, Quota, Stage, Step, StepId};
use std::collections::BTreeMap;

const STAGE: Stage = Stage::Bindings;

impl<'a> Diff<'a> {
    pub(super) fn bindings(&mut self, desired: &'a Resources<Binding>) {
        let actual = self.actual;
        let (mut by_arn, mut by_key) = (BTreeMap::new(), BTreeMap::new());
        for observed in &actual.bindings {
            by_arn.extend(observed.spec.target_group_arn.as_deref().map(|arn| (arn, observed)));
            by_key.entry(ObjectKey::of(observed)).or_insert(observed);
        }
        for (id, binding) in desired {
            let write = BindingWrite::new(self.bound_binding(binding), &self.stack.id.labels());
            // why: one that has the wanted name but another target group, which cannot be changed
            let same_name = by_key.get(&write.key()).copied();
            let bound = write.binding.target_group_arn.known().and_then(|arn| by_arn.get(arn));
            match bound.copied() {
                Some(observed) if !meta::is_being_deleted(observed) => {
                    self.claimed_bindings.insert(ObjectKey::of(observed));
                    self.update_binding(id.as_str(), write, observed);
                }
                observed => {
                    let in_the_way = observed.or(same_name);
                    self.claimed_bindings.extend(in_the_way.map(ObjectKey::of));
                    let why = "its target group is gone";
                    let gone = in_the_way
                        .map(|observed| self.delete_binding(Phase::Bindings, (observed, None), &[], why));
                    self.create_binding(id.as_str(), write, gone);
                }
            }
        }
    }

    fn bound_binding(&self, binding: &Binding) -> Binding {
        let mut binding = binding.clone();
        binding.target_group_arn.bind(&self.known);
        let peers = binding.networking.iter_mut().flatten().flat_map(|rule| &mut rule.from);
        for peer in peers {
            if let BindingPeer::SecurityGroup(group) = peer {
                group.bind(&self.known);
            }
        }
        binding
    }

    /// New target groups behind a load balancer that serves already are bound before it sends traffic to them.
    fn create_binding(&mut self, id: &str, write: BindingWrite, after: Option<StepId>) {
        let is_new = write.binding.target_group_arn.known().is_none();
        let is_early = is_new && after.is_none() && !self.load_balancers.is_empty();
        let phase = if is_early { Phase::EarlyBindings } else { Phase::Bindings };
        let (key, target_group) = (write.key(), write.binding.target_group_arn.clone());
        let step = Step::new(STAGE, id, Op::CreateBinding(Box::new(write)), "does not exist").after(after);
        let created = self.builder.emit(phase, step);
        if let (true, Ref::Pending(symbol)) = (is_early, target_group) {
            self.bound_early.insert(symbol, created);
            let op = Op::AwaitBindingObserved(key);
            let step = Step::new(STAGE, id, op, "targets before traffic").after([created]);
            self.builder.emit(Phase::AwaitEarlyBindings, step);
        }
    }

    fn update_binding(&mut self, id: &str, write: BindingWrite, observed: &TargetGroupBinding) {
        let wanted = render_binding(&write, &self.known);
        if wanted.is_ok_and(|wanted| is_same(&wanted, observed)) {
            return;
        }
        let op = Op::PatchBinding { write: Box::new(write), observed: Box::new(observed.clone()) };
        let patched = self.builder.emit(Phase::Bindings, Step::new(STAGE, id, op, "spec or labels differ"));
        let op = Op::AwaitBindingObserved(ObjectKey::of(observed));
        let step = Step::new(STAGE, id, op, "targets follow").after([patched]);
        self.builder.emit(Phase::Bindings, step);
    }

    fn delete_bindings(&mut self) {
        let actual = self.actual;
        let claimed = std::mem::take(&mut self.claimed_bindings);
        let surplus: BTreeMap<&str, &TargetGroup> = self
            .surplus_target_groups
            .iter()
            .map(|group| (group.entity.arn.as_str(), &group.entity))
            .collect();
        let mut gone: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
        for observed in actual.bindings.iter().filter(|observed| !claimed.contains(&ObjectKey::of(*observed)))
        {
            let arn = observed.spec.target_group_arn.as_deref().unwrap_or_default();
            let after = self.releases_of(arn);
            let phase = self.phase_of_release(arn, Phase::DeleteBindings);
            let group = surplus.get(arn).filter(|group| self.goes_unused(group, observed));
            let leaving = (observed, group.map(|_| arn));
            let step = self.delete_binding(phase, leaving, &after, "nobody asked for it");
            gone.entry(arn).or_default().push(step);
        }
        for (arn, steps) in gone {
            self.releases.entry(arn.to_owned()).or_default().extend(steps);
        }
    }

    fn delete_binding(
        &mut self,
        phase: Phase,
        (observed, target_group): (&TargetGroupBinding, Option<&str>),
        after: &[StepId],
        why: &str,
    ) -> StepId {
        let key = ObjectKey::of(observed);
        let until = if target_group.is_some() { "rules are revoked" } else { "targets are deregistered" };
        let leaving = LeavingBinding { key: key.clone(), target_group: target_group.map(str::to_owned) };
        let mut after = after.to_vec();
        if !meta::is_being_deleted(observed) {
            let op = Op::DeleteBinding(leaving.clone());
            let step = Step::new(STAGE, key.to_string(), op, why).after(after);
            after = vec![self.builder.emit(phase, step)];
        }
        let op = Op::AwaitBindingGone(leaving);
        let step = Step::new(STAGE, key.to_string(), op, until).after(after);
        self.builder.emit(phase, step)
    }

    /// Whether no load balancer uses a target group that goes by the time its binding goes. One that a load balancer goes on
    /// using is left by its targets first, so that requests under way come to their end.
    fn goes_unused(&self, group: &TargetGroup, observed: &TargetGroupBinding) -> bool {
        let users = &group.load_balancer_arns;
        let is_unused = users.iter().all(|user| self.deleted_load_balancers.contains(user.as_str()));
        // why: what was known before a load balancer began to use it is not to be believed
        let is_certain = !users.is_empty() || self.load_balancers.is_empty();
        let is_shared = observed.spec.multi_cluster_target_group == Some(true);
        is_unused && is_certain && !is_shared && !self.in_use.contains(&group.arn)
    }

    /// The steps that bind the target groups these actions forward to, where that has to come first.
    pub(super) fn bindings_before(&self, actions: &[ListenerAction]) -> Vec<StepId> {
        let forwards = actions.iter().filter_map(|action| match action {
            ListenerAction::Forward(forward) => Some(&forward.target_groups),
            _ => None,
        });
        let pending = forwards.flatten().filter_map(|tuple| match &tuple.target_group {
            Ref::Pending(symbol) => self.bound_early.get(symbol).copied(),
            Ref::Known(_) => None,
        });
        pending.collect()
    }

    /// Deletes the bindings, target groups and security groups that nobody asked for, once nothing uses them.
    pub(super) fn delete_surplus(&mut self) {
        self.delete_bindings();
        for group in std::mem::take(&mut self.surplus_target_groups) {
            let arn = group.entity.arn.as_str();
            let request = DeleteTargetGroup { arn: arn.into() };
            let step = Step::aws(Stage::TargetGroups, arn, request, "nobody asked for it")
                .after(self.releases_of(arn));
            self.builder.emit(self.phase_of_release(arn, Phase::DeleteTargetGroups), step);
        }
        for group in std::mem::take(&mut self.surplus_security_groups) {
            let request = DeleteSecurityGroup { group_id: group.id.as_str().into() };
            let step = Step::aws(Stage::SecurityGroups, group.id.as_str(), request, "nobody asked for it")
                .after(self.releases_of(&group.id));
            self.builder.emit(Phase::DeleteSecurityGroups, step);
        }
    }

    /// When there is no room for more target groups, those that nothing uses any more go early.
    fn phase_of_release(&self, arn: &str, usual: Phase) -> Phase {
        let must_free = self.context.exhausted_quotas.is_exhausted(&Quota::TargetGroups);
        let is_free = self
            .releases_of(arn)
            .into_iter()
            .all(|step| self.builder.phase_of(step).is_some_and(|phase| phase <= Phase::Frees));
        if must_free && is_free && !self.in_use.contains(arn) { Phase::Frees } else { usual }
    }
}
