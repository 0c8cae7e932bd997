//! Keeps the ingress rules of the targets' security groups.
//!
//! Upstream's `networking_manager.go` and `security_group_reconciler.go`: the same rules in the end. On the way there a
//! rule that may still be needed stays: what a binding needed before is kept until its targets have moved on, nothing is
//! revoked before every binding has been looked at once since start, nor from a remembered list of rules. Only the
//! groups that a change concerns are touched, so that one broken group is not everybody's problem.

use super::interfaces::NetworkError;
use crate::api::ObjectKey;
use crate::api::meta::KUBERNETES_CLUSTER_TAG_PREFIX;
use crate::aws::{Cloud, pages, send};
use crate::cloud::CloudError;
use crate::cloud::ec2::{
    AuthorizeIngress, DescribeSecurityGroups, Filter, IngressRule, RevokeIngress, SecurityGroup,
};
use crate::config::Config;
use crate::targets::networking::{Permissions, RuleChange, aggregate, covers, diff_rules};
use crate::targets::view::ClusterView;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a group's rules are remembered.
const KEPT_FOR: Duration = Duration::from_mins(10);
/// Most values of one filter.
const GROUPS_PER_CALL: usize = 200;
/// Answers that mean: the rules are not what we thought.
const OUTDATED: &[&str] = &["InvalidPermission.Duplicate", "InvalidPermission.NotFound"];
/// The answer that means: revoke first.
const FULL: &str = "RulesPerSecurityGroupLimitExceeded";
/// The answer that means: there is no such group.
const GONE: &str = "InvalidGroup.NotFound";

/// Rules for the targets of all bindings.
pub struct TargetRules {
    cloud: Arc<dyn Cloud>,
    config: Arc<Config>,
    state: Mutex<State>,
    /// One call at a time about a group; calls about others do not wait.
    turns: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Default)]
struct State {
    /// What each binding that was looked at since start needs.
    needs: BTreeMap<ObjectKey, Needs>,
    /// Groups that have, or may have, rules of ours.
    tracked: BTreeSet<String>,
    /// Rules as last read or written.
    rules: BTreeMap<String, (Instant, Vec<IngressRule>)>,
    /// Groups to compare again as soon as that is possible: not every binding had been looked at, or a call failed.
    owed: BTreeSet<String>,
    /// Whether the tagged groups were looked for, and what is no longer needed revoked everywhere.
    is_swept: bool,
}

#[derive(Default)]
struct Needs {
    now: Permissions,
    /// What was needed before, until the targets have moved on.
    before: Permissions,
}

impl TargetRules {
    /// Asks nothing until it is asked.
    pub fn new(cloud: Arc<dyn Cloud>, config: Arc<Config>) -> Self {
        Self { cloud, config, state: Mutex::default(), turns: Mutex::default() }
    }

    /// Grants what a binding needs. Nothing is revoked, also not what it needed before.
    pub async fn grant(&self, binding: &ObjectKey, needs: Permissions) -> Result<(), NetworkError> {
        let groups: BTreeSet<String> = needs.keys().cloned().collect();
        {
            let mut state = self.state.lock();
            state.tracked.extend(groups.iter().cloned());
            let entry = state.needs.entry(binding.clone()).or_default();
            let before = std::mem::replace(&mut entry.now, needs);
            merge(&mut entry.before, before);
        }
        self.keep(groups, false).await
    }

    /// Says that a binding's targets have moved on: what it does not need any more is revoked.
    pub async fn settle(&self, binding: &ObjectKey, view: &dyn ClusterView) -> Result<(), NetworkError> {
        let (groups, is_complete, is_swept) = {
            let mut state = self.state.lock();
            let mut groups = state.forget_missing(view);
            if let Some(needs) = state.needs.get_mut(binding) {
                groups.extend(std::mem::take(&mut needs.before).into_keys());
                groups.extend(needs.now.keys().cloned());
            }
            let is_complete = state.is_complete(view);
            state.owed.append(&mut groups);
            if is_complete {
                groups.append(&mut state.owed);
            }
            (groups, is_complete, state.is_swept)
        };
        match (is_complete, is_swept) {
            (false, _) => Ok(()),
            (true, true) => self.keep(groups, true).await,
            (true, false) => self.sweep().await,
        }
    }

    /// Whether every binding has been looked at, so that it is known what nobody needs.
    pub fn may_revoke(&self, view: &dyn ClusterView) -> bool {
        self.state.lock().is_complete(view)
    }

    /// Revokes everywhere what nobody needs. For when the rules of a group keep it from being deleted; does nothing until
    /// every binding has been looked at.
    pub async fn collect_garbage(&self, view: &dyn ClusterView) -> Result<(), NetworkError> {
        if self.may_revoke(view) { self.sweep().await } else { Ok(()) }
    }

    /// Compares all groups with AWS again, for drift made by others.
    pub async fn audit(&self, view: &dyn ClusterView) -> Result<(), NetworkError> {
        let (groups, is_complete) = {
            let mut state = self.state.lock();
            state.rules.clear();
            (state.tracked.clone(), state.is_complete(view) && state.is_swept)
        };
        self.read_all(&groups).await?;
        self.keep(groups, is_complete).await
    }

    async fn sweep(&self) -> Result<(), NetworkError> {
        if !self.state.lock().is_swept {
            let found = self.find_tagged().await?;
            let now = Instant::now();
            let mut state = self.state.lock();
            for group in found {
                state.tracked.insert(group.id.clone());
                state.rules.insert(group.id, (now, group.ingress));
            }
        }
        let groups = self.state.lock().tracked.clone();
        self.keep(groups, true).await?;
        self.state.lock().is_swept = true;
        Ok(())
    }

    async fn find_tagged(&self) -> Result<Vec<SecurityGroup>, CloudError> {
        let tag = format!("tag:{KUBERNETES_CLUSTER_TAG_PREFIX}{}", self.config.cluster_name);
        let filters =
            vec![Filter::new(tag, ["owned", "shared"]), Filter::new("vpc-id", [self.config.vpc_id.clone()])];
        pages::all(&*self.cloud, DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() })
            .await
    }

    /// Makes the rules of groups what is needed. A failing group does not keep the others from being worked on.
    async fn keep(&self, groups: BTreeSet<String>, may_revoke: bool) -> Result<(), NetworkError> {
        let mut failures = Vec::new();
        for group in groups {
            if let Err(failure) = self.keep_group(&group, may_revoke).await {
                self.state.lock().owed.insert(group);
                failures.push(failure);
            }
        }
        match failures.len() {
            0 => Ok(()),
            1 => failures.pop().map_or(Ok(()), Err),
            _ => Err(NetworkError::Several(failures.iter().map(ToString::to_string).collect())),
        }
    }

    async fn keep_group(&self, group: &str, may_revoke: bool) -> Result<(), NetworkError> {
        let turn = self.turns.lock().entry(group.to_owned()).or_default().clone();
        let _turn = turn.lock().await;
        let kept = self.try_to_keep(group, may_revoke).await;
        // why: the error is handed on below
        if kept.is_err() {
            // why: a change whose answer was lost may have been made; what was remembered is no longer to be believed
            self.state.lock().rules.remove(group);
        }
        kept
    }

    async fn try_to_keep(&self, group: &str, may_revoke: bool) -> Result<(), NetworkError> {
        let mut revoke_first = false;
        match self.change_rules(group, may_revoke, revoke_first).await {
            Err(NetworkError::Cloud(error)) if error.is(OUTDATED) || error.is(&[FULL]) => {
                revoke_first = error.is(&[FULL]);
            }
            Err(NetworkError::Cloud(error)) if error.is(&[GONE]) => return self.on_gone(group, error),
            answer => return answer,
        }
        self.state.lock().rules.remove(group);
        self.change_rules(group, may_revoke, revoke_first).await
    }

    /// A group that is gone is a problem only for those who need it.
    fn on_gone(&self, group: &str, error: CloudError) -> Result<(), NetworkError> {
        let mut state = self.state.lock();
        state.rules.remove(group);
        if state.desired(&self.config).get(group).is_some_and(|needed| !needed.is_empty()) {
            return Err(error.into());
        }
        state.tracked.remove(group);
        Ok(())
    }

    async fn change_rules(
        &self,
        group: &str,
        may_revoke: bool,
        revoke_first: bool,
    ) -> Result<(), NetworkError> {
        let (mut change, is_remembered) = self.compare(group, may_revoke).await?;
        if is_remembered && !change.revoke.is_empty() {
            // why: never revoke from memory; somebody may have changed the rules meanwhile
            self.state.lock().rules.remove(group);
            change = self.compare(group, may_revoke).await?.0;
        }
        let RuleChange { grant, revoke } = change;
        if revoke_first {
            self.revoke(group, revoke).await?;
            return self.authorize(group, grant).await;
        }
        self.authorize(group, grant).await?;
        self.revoke(group, revoke).await
    }

    /// What to change, and whether the rules it is based on were remembered.
    async fn compare(&self, group: &str, may_revoke: bool) -> Result<(RuleChange, bool), NetworkError> {
        let remembered = {
            let state = self.state.lock();
            let kept = state.rules.get(group).filter(|(since, _)| since.elapsed() < KEPT_FOR);
            kept.map(|(_, rules)| rules.clone())
        };
        let is_remembered = remembered.is_some();
        let rules = match remembered {
            Some(rules) => rules,
            None => self.read(group).await?,
        };
        // why: what is needed is read last, so that whoever comes after us finds our needs served by the call before
        let desired = self.state.lock().desired(&self.config).remove(group).unwrap_or_default();
        let mut change = diff_rules(&rules, &desired);
        if !may_revoke {
            change.revoke.clear();
            // why: while not everybody's needs are known, a wide rule must not get a narrow one beside it
            change.grant.retain(|wanted| !rules.iter().any(|rule| covers(rule, wanted)));
        }
        Ok((change, is_remembered))
    }

    /// Reads the rules of many groups at once; those that are gone are left out.
    async fn read_all(&self, groups: &BTreeSet<String>) -> Result<(), CloudError> {
        let groups: Vec<String> = groups.iter().cloned().collect();
        for chunk in groups.chunks(GROUPS_PER_CALL) {
            let filters = vec![Filter::new("group-id", chunk.to_vec())];
            let request = DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() };
            let (found, now) = (pages::all(&*self.cloud, request).await?, Instant::now());
            let mut state = self.state.lock();
            state.rules.extend(found.into_iter().map(|group| (group.id, (now, group.ingress))));
        }
        Ok(())
    }

    async fn read(&self, group: &str) -> Result<Vec<IngressRule>, NetworkError> {
        let request =
            DescribeSecurityGroups { group_ids: vec![group.to_owned()], ..DescribeSecurityGroups::default() };
        let found = pages::all(&*self.cloud, request).await?;
        let found = found.into_iter().find(|found| found.id == group);
        let rules = found.ok_or_else(|| NetworkError::NoSuchGroups(vec![group.to_owned()]))?.ingress;
        self.state.lock().rules.insert(group.to_owned(), (Instant::now(), rules.clone()));
        Ok(rules)
    }

    async fn authorize(&self, group: &str, rules: Vec<IngressRule>) -> Result<(), NetworkError> {
        if rules.is_empty() {
            return Ok(());
        }
        send(&*self.cloud, AuthorizeIngress { group_id: group.into(), rules: rules.clone() }).await?;
        if let Some((_, known)) = self.state.lock().rules.get_mut(group) {
            known.extend(rules);
        }
        Ok(())
    }

    async fn revoke(&self, group: &str, rules: Vec<IngressRule>) -> Result<(), NetworkError> {
        if rules.is_empty() {
            return Ok(());
        }
        send(&*self.cloud, RevokeIngress { group_id: group.into(), rules: rules.clone() }).await?;
        if let Some((_, known)) = self.state.lock().rules.get_mut(group) {
            known.retain(|rule| !rules.contains(rule));
        }
        Ok(())
    }
}

impl State {
    /// What all bindings need together.
    fn desired(&self, config: &Config) -> Permissions {
        let needs = self.needs.values().flat_map(|needs| [&needs.now, &needs.before]);
        aggregate(needs, !config.disable_restricted_sg_rules)
    }

    /// Forgets bindings that are gone or need no rules any more; answers the groups they had needs of.
    fn forget_missing(&mut self, view: &dyn ClusterView) -> BTreeSet<String> {
        let present = bindings_with_networking(view);
        let gone: Vec<ObjectKey> =
            self.needs.keys().filter(|binding| !present.contains(*binding)).cloned().collect();
        let gone = gone.into_iter().filter_map(|binding| self.needs.remove(&binding));
        gone.flat_map(|needs| needs.now.into_keys().chain(needs.before.into_keys())).collect()
    }

    /// Whether every binding has been looked at.
    fn is_complete(&self, view: &dyn ClusterView) -> bool {
        bindings_with_networking(view).iter().all(|binding| self.needs.contains_key(binding))
    }
}

fn bindings_with_networking(view: &dyn ClusterView) -> BTreeSet<ObjectKey> {
    let bindings = view.bindings();
    let with_networking = bindings.iter().filter(|binding| binding.spec.networking.is_some());
    with_networking.map(|binding| ObjectKey::of(&**binding)).collect()
}

fn merge(into: &mut Permissions, from: Permissions) {
    for (group, permissions) in from {
        into.entry(group).or_default().extend(permissions);
    }
}
