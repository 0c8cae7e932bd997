//! Keeps the ingress rules of the targets' security groups.
//!
//! Upstream's `networking_manager.go` and `security_group_reconciler.go`: the same rules in the end. On the way there a
//! rule that may still be needed stays: what a binding needed before is kept until its targets have moved on, nothing is
//! revoked before every binding has been looked at once since start, nor from a remembered list of rules. Only the
//! groups that a change concerns are touched, so that one broken group is not everybody's problem. A rule that AWS refuses
//! is the problem of the bindings that need it; all other rules of the group are made.

use super::batch::{Batch, BatchResult, RefusalReason, is_about_items, send_parts};
use super::interfaces::{NetworkError, RefusedRule};
use super::needs::Needs;
use super::refused_items::{RefusedItems, RetryState};
use super::traits::BindingApi;
use crate::api::ObjectKey;
use crate::api::meta::KUBERNETES_CLUSTER_TAG_PREFIX;
use crate::api::target_group_binding::Networking;
use crate::aws::{Cloud, pages, send};
use crate::aws_api::CloudError;
use crate::aws_api::ec2::{
    AuthorizeIngress, DescribeSecurityGroups, Filter, IngressRule, RevokeIngress, RuleSource, SecurityGroup,
};
use crate::config::Config;
use crate::targets::networking::others::NeedsOfOthers;
use crate::targets::networking::{
    Permission, Permissions, RuleChange, covers, diff_rules, is_for_same_peer, sources_of,
};
use crate::targets::view::ClusterView;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a group's rules are remembered.
const KEPT_FOR: Duration = Duration::from_mins(10);
/// Most values of one filter.
const GROUPS_PER_CALL: usize = 200;
/// How long a group that failed for one binding is left alone by the others, and by audits at first …
const FAILED_FOR: Duration = Duration::from_mins(1);
/// … and at most by audits. Each failure doubles it.
const FAILED_FOR_AT_MOST: Duration = Duration::from_mins(16);
/// Answers that mean: the rules are not what we thought.
const OUTDATED: &[&str] = &["InvalidPermission.Duplicate", "InvalidPermission.NotFound"];
/// The answer that means: there is no room for more rules.
const FULL: &str = "RulesPerSecurityGroupLimitExceeded";
/// The answer that means: there is no such group, or none that a rule names.
const GONE: &str = "InvalidGroup.NotFound";

/// Rules for the targets of all bindings.
pub struct TargetRules {
    cloud: Arc<dyn Cloud>,
    config: Arc<Config>,
    /// Tells the bindings of other namespaces, where only one is watched: another installation may serve them.
    others: Option<Arc<dyn BindingApi>>,
    state: Mutex<TargetRulesState>,
    /// One call at a time about a group; calls about others do not wait.
    turns: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

struct TargetRulesState {
    /// What the bindings need.
    needs: Needs,
    /// Sources that bindings name whose needs cannot be told: their rules are not revoked.
    claims: BTreeMap<ObjectKey, BTreeSet<RuleSource>>,
    /// Groups that have, or may have, rules of ours.
    tracked: BTreeSet<String>,
    /// Rules as last read or written.
    rules: BTreeMap<String, (Instant, Vec<IngressRule>)>,
    /// Rules that AWS refused.
    refused_items: RefusedItems<Permission>,
    /// Groups to compare again as soon as that is possible: not every binding had been looked at, or a call failed.
    owed: BTreeSet<String>,
    /// When groups failed, and for how long audits leave them alone.
    failed: BTreeMap<String, (Instant, Duration)>,
    /// Whether the tagged groups were looked for, and what is no longer needed revoked everywhere.
    is_swept: bool,
}

impl TargetRules {
    /// Asks nothing until it is asked.
    pub fn new(cloud: Arc<dyn Cloud>, config: Arc<Config>) -> Self {
        let state = TargetRulesState {
            needs: Needs::default(),
            claims: BTreeMap::new(),
            tracked: BTreeSet::new(),
            rules: BTreeMap::new(),
            refused_items: RefusedItems::new(&[FULL]),
            owed: BTreeSet::new(),
            failed: BTreeMap::new(),
            is_swept: false,
        };
        Self { cloud, config, others: None, state: Mutex::new(state), turns: Mutex::default() }
    }

    /// Never revokes what bindings of namespaces need that are not watched here.
    #[must_use]
    pub fn beside_others(self, api: Arc<dyn BindingApi>) -> Self {
        let others = (!self.config.watch_namespace.is_empty()).then_some(api);
        Self { others, ..self }
    }

    /// Grants what a binding needs. Nothing is revoked, also not what it needed before.
    pub async fn grant(&self, binding: &ObjectKey, needs: Permissions) -> Result<(), NetworkError> {
        let groups: BTreeSet<String> = needs.keys().cloned().collect();
        {
            let mut state = self.state.lock();
            state.tracked.extend(groups.iter().cloned());
            state.claims.remove(binding);
            state.replace_needs(binding, needs);
        }
        one(self.keep(groups, false).await.into_values().collect())?;
        self.state.lock().refused(binding)
    }

    /// Says that it cannot be told which rules a binding needs. Unless it was known before, the rules of the sources that
    /// the binding names stay; all others may be revoked.
    pub fn mark_needs_unknown(&self, binding: &ObjectKey, networking: &Networking) {
        let mut state = self.state.lock();
        if !state.needs.is_known(binding) {
            state.needs.waive(binding);
            state.claims.insert(binding.clone(), sources_of(networking));
        }
    }

    /// Says that a binding's targets have moved on: what it does not need any more is revoked. What fails in groups of
    /// other bindings only is tried again later.
    pub async fn revoke_unneeded(
        &self,
        binding: &ObjectKey,
        view: &dyn ClusterView,
    ) -> Result<(), NetworkError> {
        let (own, groups, is_complete, is_swept) = {
            let mut state = self.state.lock();
            let is_complete = state.is_complete(view);
            let own = state.needs.mark_applied(binding);
            state.owed.extend(own.iter().cloned());
            let groups = if is_complete { state.take_owed(&own) } else { BTreeSet::new() };
            (own, groups, is_complete, state.is_swept)
        };
        let mut failures = match (is_complete, is_swept) {
            (false, _) => BTreeMap::new(),
            (true, true) => self.keep(groups, true).await,
            (true, false) => self.sweep().await?,
        };
        failures.retain(|group, failure| {
            let is_own = own.contains(group);
            if !is_own {
                tracing::warn!(%group, %failure, "rules of a security group not kept");
            }
            is_own
        });
        one(failures.into_values().collect())?;
        self.state.lock().refused(binding)
    }

    /// Whether every binding has been looked at, so that it is known what nobody needs.
    pub fn may_revoke(&self, view: &dyn ClusterView) -> bool {
        self.state.lock().is_complete(view)
    }

    /// Revokes everywhere what nobody needs. For when the rules of a group keep it from being deleted; does nothing until
    /// every binding has been looked at.
    pub async fn collect_garbage(&self, view: &dyn ClusterView) -> Result<(), NetworkError> {
        if self.may_revoke(view) { one(self.sweep().await?.into_values().collect()) } else { Ok(()) }
    }

    /// Compares all groups with AWS again, for drift made by others.
    pub async fn audit(&self, view: &dyn ClusterView) -> Result<(), NetworkError> {
        let (groups, is_complete): (BTreeSet<String>, bool) = {
            let mut state = self.state.lock();
            state.rules.clear();
            // why: a reconcile that was under way may have told needs of a binding that had gone
            state.needs.forget_looks();
            // why: what AWS refused is not to be tried sooner because of an audit
            let groups = state.tracked.iter().filter(|group| !state.is_resting(group)).cloned().collect();
            (groups, state.is_complete(view) && state.is_swept)
        };
        self.read_all(&groups).await?;
        one(self.keep(groups, is_complete).await.into_values().collect())
    }

    /// Looks for groups that may have rules of ours, and keeps the rules of all; answers what failed, by group.
    async fn sweep(&self) -> Result<BTreeMap<String, NetworkError>, NetworkError> {
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
        let failures = self.keep(groups, true).await;
        // why: a group that failed is owed, so it is not forgotten
        self.state.lock().is_swept = true;
        Ok(failures)
    }

    async fn find_tagged(&self) -> Result<Vec<SecurityGroup>, CloudError> {
        let tag = format!("tag:{KUBERNETES_CLUSTER_TAG_PREFIX}{}", self.config.cluster_name);
        let filters =
            vec![Filter::new(tag, ["owned", "shared"]), Filter::new("vpc-id", [self.config.vpc_id.clone()])];
        pages::all(&*self.cloud, DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() })
            .await
    }

    /// Makes the rules of groups what is needed; answers what failed, by group. A failing group does not keep the others
    /// from being worked on.
    async fn keep(&self, groups: BTreeSet<String>, may_revoke: bool) -> BTreeMap<String, NetworkError> {
        let mut failures = BTreeMap::new();
        for group in groups {
            let kept = self.keep_group(&group, may_revoke).await;
            let mut state = self.state.lock();
            match kept {
                Ok(()) => drop(state.failed.remove(&group)),
                Err(failure) => {
                    state.owed.insert(group.clone());
                    state.note_failed(&group);
                    failures.insert(group, failure);
                }
            }
        }
        failures
    }

    async fn keep_group(&self, group: &str, may_revoke: bool) -> Result<(), NetworkError> {
        let turn = self.turns.lock().entry(group.to_owned()).or_default().clone();
        let _turn = turn.lock().await;
        let kept = match self.try_to_keep(group, may_revoke).await {
            Err(failure) if is_gone(&failure) => self.on_gone(group, failure),
            answer => answer,
        };
        // why: the error is handed on below
        if kept.is_err() {
            // why: a change whose answer was lost may have been made; what was remembered is no longer to be believed
            self.state.lock().rules.remove(group);
        }
        kept
    }

    /// Sends each change in one call; if one is refused, reads the rules afresh and sends what is left in parts.
    async fn try_to_keep(&self, group: &str, may_revoke: bool) -> Result<(), NetworkError> {
        let plain = RuleUpdate { may_revoke, revoke_first: false, in_parts: false };
        let revoke_first = match self.change_rules(group, plain).await {
            Err(NetworkError::Cloud(error)) if is_read(&error) => return Err(error.into()),
            Err(NetworkError::Cloud(error)) if error.is(&[FULL]) => true,
            Err(NetworkError::Cloud(error)) if is_about_items(&error) => false,
            answer => return answer,
        };
        self.state.lock().rules.remove(group);
        self.change_rules(group, RuleUpdate { may_revoke, revoke_first, in_parts: true }).await
    }

    /// A group that is gone is a problem only for those who need it.
    fn on_gone(&self, group: &str, failure: NetworkError) -> Result<(), NetworkError> {
        let mut state = self.state.lock();
        state.rules.remove(group);
        if !state.desired(group, &self.config).is_empty() {
            return Err(failure);
        }
        state.tracked.remove(group);
        Ok(())
    }

    async fn change_rules(&self, group: &str, attempt: RuleUpdate) -> Result<(), NetworkError> {
        let RuleUpdate { may_revoke, revoke_first, in_parts } = attempt;
        let (mut change, is_remembered) = self.compare(group, may_revoke).await?;
        if is_remembered && !change.revoke.is_empty() {
            // why: never revoke from memory; somebody may have changed the rules meanwhile
            self.state.lock().rules.remove(group);
            change = self.compare(group, may_revoke).await?.0;
        }
        let RuleChange { mut grant, mut revoke } = change;
        self.spare_others(&mut revoke).await;
        if revoke_first || (!revoke.is_empty() && self.state.lock().refused_items.is_full(group)) {
            // why: a rule that takes another's place must find the room that the other leaves
            grant.sort_by_key(|rule| !revoke.iter().any(|old| is_for_same_peer(old, rule)));
            self.revoke(group, revoke, in_parts).await?;
            return self.authorize(group, grant, in_parts).await;
        }
        self.authorize(group, grant, in_parts).await?;
        let revoke = self.state.lock().without_substitutes(group, revoke);
        self.revoke(group, revoke, in_parts).await
    }

    /// Leaves out what bindings of other namespaces may rely on; all of it where they cannot be read.
    async fn spare_others(&self, revoke: &mut Vec<IngressRule>) {
        let Some(api) = self.others.as_ref().filter(|_| !revoke.is_empty()) else { return };
        match api.read_bindings_outside(&self.config.watch_namespace).await {
            Ok(bindings) => {
                let others = bindings.iter().filter_map(|binding| binding.spec.networking.as_ref());
                let needs = NeedsOfOthers::of(others);
                revoke.retain(|rule| !needs.rely_on(rule));
            }
            Err(error) => {
                tracing::warn!(%error, rules = revoke.len(), "rules stay: who else needs them is not known");
                revoke.clear();
            }
        }
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
        let desired = self.state.lock().desired(group, &self.config);
        self.state.lock().refused_items.retain(group, |refused| {
            desired.contains(refused) || rules.iter().any(|rule| Permission::of_rule(rule) == *refused)
        });
        let mut change = diff_rules(&rules, &desired);
        if !may_revoke {
            change.revoke.clear();
            // why: while not everybody's needs are known, a wide rule must not get a narrow one beside it
            change.grant.retain(|wanted| !rules.iter().any(|rule| covers(rule, wanted)));
        }
        change.revoke.retain(|rule| !self.state.lock().is_claimed(rule));
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

    async fn authorize(
        &self,
        group: &str,
        rules: Vec<IngressRule>,
        in_parts: bool,
    ) -> Result<(), NetworkError> {
        self.send(&GroupRuleChange { rules: self, group, is_grant: true }, rules, in_parts).await
    }

    async fn revoke(&self, group: &str, rules: Vec<IngressRule>, in_parts: bool) -> Result<(), NetworkError> {
        self.send(&GroupRuleChange { rules: self, group, is_grant: false }, rules, in_parts).await
    }

    /// Sends rules in one call, or in parts; those that were refused before follow, each alone.
    async fn send(
        &self,
        change: &GroupRuleChange<'_>,
        rules: Vec<IngressRule>,
        in_parts: bool,
    ) -> Result<(), NetworkError> {
        let (mut fresh, mut parts) = (Vec::new(), Vec::new());
        for rule in rules {
            match self.state.lock().refused_items.turn(change.group, &Permission::of_rule(&rule)) {
                RetryState::Fresh => fresh.push(rule),
                RetryState::Due => parts.push(vec![rule]),
                RetryState::Later => {}
            }
        }
        if in_parts {
            parts.insert(0, fresh);
        } else if !fresh.is_empty() {
            change.send(&fresh).await?;
        }
        let BatchResult { refused, failure } = send_parts(change, parts).await;
        let mut state = self.state.lock();
        for (rule, error) in refused {
            state.refused_items.note(change.group, Permission::of_rule(&rule), error);
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// How rules are changed.
#[derive(Clone, Copy)]
struct RuleUpdate {
    may_revoke: bool,
    /// Whether room must be made before anything is granted.
    revoke_first: bool,
    /// Whether a refused call is sent again in parts.
    in_parts: bool,
}

/// Granting or revoking rules of one group.
struct GroupRuleChange<'a> {
    rules: &'a TargetRules,
    group: &'a str,
    is_grant: bool,
}

impl GroupRuleChange<'_> {
    async fn call(&self, rules: &[IngressRule]) -> Result<(), CloudError> {
        let (cloud, group_id, rules) = (&*self.rules.cloud, self.group.into(), rules.to_vec());
        if self.is_grant {
            send(cloud, AuthorizeIngress { group_id, rules }).await
        } else {
            send(cloud, RevokeIngress { group_id, rules }).await
        }
    }

    fn note(&self, rules: &[IngressRule]) {
        let mut state = self.rules.state.lock();
        let done: BTreeSet<Permission> = rules.iter().map(Permission::of_rule).collect();
        state.refused_items.retain(self.group, |refused| !done.contains(refused));
        if !self.is_grant {
            state.refused_items.note_room(self.group);
        }
        let Some((_, known)) = state.rules.get_mut(self.group) else { return };
        known.retain(|rule| !rules.contains(rule));
        if self.is_grant {
            known.extend(rules.iter().cloned());
        }
    }
}

impl Batch for GroupRuleChange<'_> {
    type Item = IngressRule;

    fn send<'a>(&'a self, rules: &'a [IngressRule]) -> BoxFuture<'a, Result<(), CloudError>> {
        Box::pin(async move {
            let answer = self.call(rules).await;
            let is_done = |error: &CloudError| rules.len() == 1 && self.blame(error) == RefusalReason::Done;
            if answer.as_ref().map_or_else(is_done, |()| true) {
                self.note(rules);
            }
            answer
        })
    }

    fn blame(&self, error: &CloudError) -> RefusalReason {
        match error.code() {
            Some(code) if OUTDATED.contains(&code) => RefusalReason::Done,
            Some(FULL) => RefusalReason::Quota,
            _ if is_about_items(error) => RefusalReason::Item,
            _ => RefusalReason::Call,
        }
    }

    /// why: IPv4 and IPv6 rules have a quota each, a security group counts for both, a prefix list several times
    fn room_of(&self, rule: &IngressRule) -> usize {
        match &rule.source {
            RuleSource::Ipv4(_) => 0,
            RuleSource::Ipv6(_) => 1,
            RuleSource::SecurityGroup(_) => 2,
            RuleSource::PrefixList(_) => 3,
            RuleSource::None => 4,
        }
    }
}

/// Whether the group itself is not there.
fn is_gone(failure: &NetworkError) -> bool {
    match failure {
        NetworkError::Cloud(error) => is_read(error) && error.is(&[GONE]),
        NetworkError::NoSuchGroups(_) => true,
        _ => false,
    }
}

/// Whether it was reading the group that failed.
fn is_read(error: &CloudError) -> bool {
    error.operation() == "DescribeSecurityGroups"
}

/// Several failures as one.
fn one(mut failures: Vec<NetworkError>) -> Result<(), NetworkError> {
    match failures.len() {
        0 => Ok(()),
        1 => failures.pop().map_or(Ok(()), Err),
        _ => Err(NetworkError::Several(failures.iter().map(ToString::to_string).collect())),
    }
}

impl TargetRulesState {
    /// What all bindings need of a group together.
    fn desired(&self, group: &str, config: &Config) -> BTreeSet<Permission> {
        self.needs.of_group(group, !config.disable_restricted_sg_rules)
    }

    fn replace_needs(&mut self, binding: &ObjectKey, needs: Permissions) {
        let mut of_bindings = std::mem::take(&mut self.needs);
        // why: what AWS refused never stood, so no target relies on it
        of_bindings.replace(binding, needs, |group, needed| self.refusal(group, needed).is_none());
        self.needs = of_bindings;
    }

    fn note_failed(&mut self, group: &str) {
        let former = self.failed.get(group).map(|(_, pause)| *pause);
        let pause = former.map_or(FAILED_FOR, |pause| (pause * 2).min(FAILED_FOR_AT_MOST));
        self.failed.insert(group.to_owned(), (Instant::now(), pause));
    }

    /// Whether a group failed so short a time ago that audits leave it alone.
    fn is_resting(&self, group: &str) -> bool {
        self.failed.get(group).is_some_and(|(at, pause)| at.elapsed() < *pause)
    }

    /// Takes the owed groups out, but for those of others that failed a moment ago.
    fn take_owed(&mut self, own: &BTreeSet<String>) -> BTreeSet<String> {
        let has_failed =
            |group: &String| self.failed.get(group).is_some_and(|(at, _)| at.elapsed() < FAILED_FOR);
        let owed = std::mem::take(&mut self.owed);
        let (later, now) = owed.into_iter().partition(|group| has_failed(group) && !own.contains(group));
        self.owed = later;
        now
    }

    /// An error if AWS refused a rule that a binding needs and that no other rule stands in for.
    fn refused(&self, binding: &ObjectKey) -> Result<(), NetworkError> {
        let refused: Vec<RefusedRule> =
            self.needs.of(binding).filter_map(|(group, needed)| self.refusal(group, needed)).collect();
        if refused.is_empty() { Ok(()) } else { Err(NetworkError::Refused(refused)) }
    }

    fn refusal(&self, group: &str, needed: &Permission) -> Option<RefusedRule> {
        let mut refused = self.refused_items.of(group);
        let (_, error) = refused.find(|(refused, _)| refused.covers(needed))?;
        let mut present = self.rules.get(group).into_iter().flat_map(|(_, rules)| rules);
        let is_granted = present.any(|rule| Permission::of_rule(rule).covers(needed));
        let field = None;
        let rule =
            RefusedRule { group: group.to_owned(), permission: needed.clone(), error: error.clone(), field };
        (!is_granted).then_some(rule)
    }

    /// Leaves out rules that serve in place of a refused one for the same peer.
    fn without_substitutes(&self, group: &str, mut rules: Vec<IngressRule>) -> Vec<IngressRule> {
        rules.retain(|rule| {
            let rule = Permission::of_rule(rule);
            !self.refused_items.of(group).any(|(refused, _)| refused.is_for_same_peer(&rule))
        });
        rules
    }

    /// Whether a binding whose needs cannot be told names the source of a rule.
    fn is_claimed(&self, rule: &IngressRule) -> bool {
        let source = Permission::of_rule(rule).source;
        self.claims.values().any(|sources| sources.contains(&source))
    }

    /// Whether every binding has been looked at. Forgets those that are gone or need no rules any more.
    fn is_complete(&mut self, view: &dyn ClusterView) -> bool {
        let mut left = self.needs.follow(view, &mut self.claims);
        self.owed.append(&mut left);
        self.needs.is_complete()
    }
}
