//! Which rules bindings need, so that what a security group needs is known without looking at every binding.

use crate::api::ObjectKey;
use crate::targets::networking::{Permission, Permissions, aggregate};
use crate::targets::view::ClusterView;
use std::collections::{BTreeMap, BTreeSet};

/// What bindings need, by binding and by security group.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// What each binding that was looked at since start needs.
    by_binding: BTreeMap<ObjectKey, RequiredRules>,
    /// By security group: what is needed, and by how many.
    by_group: BTreeMap<String, BTreeMap<Permission, usize>>,
    /// Bindings with networking whose needs are not known.
    unseen: BTreeSet<ObjectKey>,
    /// Bindings whose needs were told since it was last looked which there are: they may be gone, or need no rules any more.
    told: BTreeSet<ObjectKey>,
    /// How often bindings had changed when it was last looked which there are.
    version: u64,
}

/// why no maps: there is one for every binding, most have one rule of one group, and nodes of maps have room for eleven
#[derive(Clone, Debug, Default)]
struct RequiredRules {
    /// Security groups and their rules, in order.
    now: Box<[RequiredRule]>,
    /// What was needed before, until the targets have moved on.
    before: Box<[RequiredRule]>,
}

/// A rule, and the security group that shall have it.
pub(super) type RequiredRule = (String, Permission);

impl Needs {
    /// Whether it is known what a binding needs.
    pub(super) fn is_known(&self, binding: &ObjectKey) -> bool {
        self.by_binding.contains_key(binding)
    }

    /// What a binding needs, but for what it needed before.
    pub(super) fn of(&self, binding: &ObjectKey) -> impl Iterator<Item = &RequiredRule> {
        self.by_binding.get(binding).into_iter().flat_map(|needs| &needs.now)
    }

    /// Says what a binding needs. What it needed before is kept as far as it `stood`.
    pub(super) fn replace(
        &mut self,
        binding: &ObjectKey,
        now: Permissions,
        stood: impl Fn(&str, &Permission) -> bool,
    ) {
        let RequiredRules { now: former, before } = self.take(binding);
        let mut before = before.into_vec();
        before.extend(former.into_iter().filter(|(group, permission)| stood(group, permission)));
        before.sort_unstable();
        before.dedup();
        self.put(binding, RequiredRules { now: listed(now), before: before.into() });
    }

    /// Forgets what a binding needed before. Answers the groups that it needs, or needed, rules of.
    pub(super) fn mark_applied(&mut self, binding: &ObjectKey) -> BTreeSet<String> {
        if !self.is_known(binding) {
            return BTreeSet::new();
        }
        let RequiredRules { now, before } = self.take(binding);
        let groups = now.iter().chain(&before).map(|(group, _)| group.clone()).collect();
        self.put(binding, RequiredRules { now, before: Box::default() });
        groups
    }

    /// Says that a binding's needs need not be waited for, although they are not known.
    pub(super) fn waive(&mut self, binding: &ObjectKey) {
        self.unseen.remove(binding);
    }

    /// Whether it is known of every binding what it needs, or that its needs cannot be told.
    pub(super) fn is_complete(&self) -> bool {
        self.unseen.is_empty()
    }

    /// Looks at the bindings that have changed since the last time: forgets those that are gone or need no rules any more, and
    /// answers the groups that they had needs of. `waived`: what is not waited for; those that are gone are taken out.
    pub(super) fn follow<T>(
        &mut self,
        view: &dyn ClusterView,
        waived: &mut BTreeMap<ObjectKey, T>,
    ) -> BTreeSet<String> {
        let (version, changed) = view.changed_bindings(self.version);
        self.version = version;
        let mut changed = changed.unwrap_or_else(|| {
            let present = view.bindings();
            let known = self.by_binding.keys().chain(waived.keys()).chain(&self.unseen);
            known.cloned().chain(present.iter().map(|binding| ObjectKey::of(&**binding))).collect()
        });
        changed.append(&mut self.told);
        let mut groups = BTreeSet::new();
        for binding in changed {
            if view.binding(&binding).is_some_and(|binding| binding.spec.networking.is_some()) {
                if !self.is_known(&binding) && !waived.contains_key(&binding) {
                    self.unseen.insert(binding);
                }
                continue;
            }
            waived.remove(&binding);
            self.unseen.remove(&binding);
            let RequiredRules { now, before } = self.take(&binding);
            groups.extend(now.into_iter().chain(before).map(|(group, _)| group));
        }
        groups
    }

    /// Has all bindings looked at the next time, whether they have changed or not.
    pub(super) fn forget_looks(&mut self) {
        self.version = 0;
    }

    /// What all bindings need of a group together.
    pub(super) fn of_group(&self, group: &str, restricted: bool) -> BTreeSet<Permission> {
        let Some(counted) = self.by_group.get(group) else { return BTreeSet::new() };
        let needed = Permissions::from([(group.to_owned(), counted.keys().cloned().collect())]);
        aggregate([&needed], restricted).remove(group).unwrap_or_default()
    }

    fn take(&mut self, binding: &ObjectKey) -> RequiredRules {
        let needs = self.by_binding.remove(binding).unwrap_or_default();
        for (group, permission) in each(&needs) {
            let Some(counted) = self.by_group.get_mut(group) else { continue };
            if let Some(count) = counted.get_mut(permission) {
                *count -= 1;
                if *count == 0 {
                    counted.remove(permission);
                }
            }
            if counted.is_empty() {
                self.by_group.remove(group);
            }
        }
        needs
    }

    fn put(&mut self, binding: &ObjectKey, needs: RequiredRules) {
        for (group, permission) in each(&needs) {
            let counted = self.by_group.entry(group.clone()).or_default();
            *counted.entry(permission.clone()).or_default() += 1;
        }
        self.unseen.remove(binding);
        self.told.insert(binding.clone());
        self.by_binding.insert(binding.clone(), needs);
    }
}

fn each(needs: &RequiredRules) -> impl Iterator<Item = &RequiredRule> {
    needs.now.iter().chain(&needs.before)
}

fn listed(permissions: Permissions) -> Box<[RequiredRule]> {
    let of_group = |(group, permissions): (String, BTreeSet<Permission>)| {
        permissions.into_iter().map(move |permission| (group.clone(), permission))
    };
    permissions.into_iter().flat_map(of_group).collect()
}

#[cfg(test)]
mod tests;
