//! An Ingress group's ALB: from its members to the stack (upstream's `pkg/ingress`).
//!
//! Every member is compiled on its own. In a group of one, a mistake ends the build, as upstream does. In a larger group the
//! others go on (upstream freezes all of them):
//! - a member that cannot be built keeps what AWS has of it ([`keep`]), or is left out if there is nothing;
//! - a setting of the whole group is the lower-ordered member's where members disagree; where the only say is a mistake, what
//!   is live stays;
//! - deletion protection holds up the deletion of the load balancer, not a member's leaving.

mod attributes;
mod auth;
mod backend;
mod certificates;
mod compile;
mod doubt;
mod frontend_nlb;
mod health_check;
mod keep;
mod listener;
mod load_balancer;
mod network;
mod optimizer;
mod outcome;
mod overruled;
mod owners;
mod priorities;
mod protection;
mod reach;
mod rules;
mod scope;
mod settle;
mod sources;
mod tags;
mod target_group;

pub use backend::MISSING_ACTION;
pub use doubt::{Doubt, DoubtKind};
pub use outcome::{MemberOutcome, Verdict};
pub use owners::{ListenerPart, Owners, Share};
pub use sources::{SharedPart, ValueKind};

use crate::annotations::ingress::of as annotations_of;
use crate::annotations::parse;
use crate::api::{Ingress, ObjectKey};
use crate::build::Origin;
use crate::cloud::elbv2::{ListenerAction, Protocol};
use crate::config::Config;
use crate::finding::{Finding, Part};
use crate::inputs::group::{IngressGroup, ingress_ref};
use crate::inputs::{Facts, Halt, LiveStack, Questions};
use crate::model::{Listener, ResourceId, Stack};
use compile::Compiled;
use keep::Keeper;
use listener::{Contribution, Port};
use load_balancer::Front;
use optimizer::Draft;
use outcome::outcomes;
use reach::Line;
use scope::{LOAD_BALANCER_ID, Ledger, MemberView, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// What a build of a group yields.
#[derive(Clone, Debug)]
pub struct BuiltGroup {
    /// The wanted world. `None`: it cannot be made out, so everything stays as it is (see [`Self::releases`] for leavers).
    pub stack: Option<Stack>,
    /// What became of each active member, in group order.
    pub members: Vec<MemberOutcome>,
    /// Leavers that must keep the group's finalizer for now, and why.
    pub held: Vec<(ObjectKey, Finding)>,
    /// Listener ports of the ALB, ascending.
    pub listener_ports: Vec<i32>,
    /// Secrets that were read; changes of them concern the group.
    pub secrets: BTreeSet<ObjectKey>,
    /// Whether the stack needs the shared backend security group.
    pub uses_backend_security_group: bool,
    /// Whose the parts of the stack are.
    pub owners: Owners,
    /// Whether a look-up failed, so that the same build may come further when it is tried again.
    pub has_failed_lookup: bool,
}

/// Builds a group.
///
/// Errors: only [`Halt::Lacking`]; every other failure is told by the members' outcomes.
pub fn build(group: &IngressGroup, facts: &Facts, config: &Config) -> Result<BuiltGroup, Halt> {
    let held = held_leavers(group);
    if group.members.is_empty() {
        // why: with protection on, the load balancer must not be deleted; leavers without it may leave before
        let stack = held.is_empty().then(|| Stack::empty(group.id.clone()));
        return Ok(BuiltGroup { held, ..BuiltGroup::of(stack) });
    }
    let lenient = group.members.len() + group.leavers.len() > 1;
    let scope = Scope::new(group, facts, config);
    let mut ledger = Ledger::new(lenient);
    let owners = Owners::of_settings(sources::settings(&scope));
    let result = GroupBuild { scope: &scope, ledger: &mut ledger, owners, lost: BTreeMap::new() }.run();
    let result = result.map_err(|halt| halt.within(ledger.part()));
    let has_failed_lookup = ledger.has_failed_lookup() || matches!(result, Err(Halt::Unanswered(_)));
    let built = match result {
        Ok(Some(built)) => Ok(BuiltGroup { members: outcomes(&scope, &mut ledger, None), ..built }),
        Ok(None) => Ok(BuiltGroup { members: outcomes(&scope, &mut ledger, None), ..BuiltGroup::of(None) }),
        Err(halt @ Halt::Lacking(_)) => Err(halt),
        Err(Halt::Finding(finding)) => Ok(blocked(&scope, &mut ledger, &finding)),
        Err(Halt::Unanswered(failure)) => {
            let object = scope.members.first().map(|member| member.object.clone()).unwrap_or_default();
            let finding = Finding { part: failure.part, ..Finding::error(&object, failure.message) };
            Ok(blocked(&scope, &mut ledger, &finding))
        }
    };
    built.map(|built| BuiltGroup { has_failed_lookup, ..built })
}

impl BuiltGroup {
    fn of(stack: Option<Stack>) -> Self {
        Self {
            stack,
            members: Vec::new(),
            held: Vec::new(),
            listener_ports: Vec::new(),
            secrets: BTreeSet::new(),
            uses_backend_security_group: false,
            owners: Owners::default(),
            has_failed_lookup: false,
        }
    }

    /// Whether a leaver may lose the group's finalizer once the stack (if there is one) is deployed.
    pub fn releases(&self, leaver: &ObjectKey) -> bool {
        let held = self.held.iter().any(|(key, _)| key == leaver);
        !held && (self.stack.is_some() || self.members.is_empty())
    }

    /// The members whose wishes AWS refused.
    pub fn refused(&self) -> Vec<&ObjectKey> {
        let refused = self.members.iter().filter(|member| member.verdict == Verdict::Refused);
        refused.map(|member| &member.key).collect()
    }

    /// Notes that AWS refuses settings of members whose other wishes it takes.
    pub fn withhold(&mut self, refused: &BTreeMap<ObjectKey, Vec<Finding>>) {
        for member in &mut self.members {
            let Some(findings) = refused.get(&member.key) else { continue };
            member.findings.extend(findings.iter().cloned());
            if member.verdict.is_served() {
                member.verdict = Verdict::Withheld;
            }
        }
    }

    /// Whether all that is not served is too costly to be built.
    pub fn is_whole_but_for_those_put_aside(&self) -> bool {
        let is_aside = |member: &MemberOutcome| member.verdict == Verdict::PutAside;
        let others = self.members.iter().filter(|member| member.verdict != Verdict::Built);
        !self.is_whole() && self.held.is_empty() && others.into_iter().all(is_aside)
    }

    /// Whether every member is served and nobody is held.
    pub fn is_whole(&self) -> bool {
        self.held.is_empty() && self.members.iter().all(|member| member.verdict == Verdict::Built)
    }
}

fn blocked(scope: &Scope<'_>, ledger: &mut Ledger, finding: &Finding) -> BuiltGroup {
    BuiltGroup { members: outcomes(scope, ledger, Some(finding)), ..BuiltGroup::of(None) }
}

/// Deleted Ingresses whose annotation protects the load balancer that would go with them.
fn held_leavers(group: &IngressGroup) -> Vec<(ObjectKey, Finding)> {
    if !group.members.is_empty() {
        return Vec::new();
    }
    let leavers = group.leavers.iter().filter(|leaver| leaver.metadata.deletion_timestamp.is_some());
    leavers.filter_map(|leaver| Some((ObjectKey::of(leaver.as_ref()), protection_of(leaver)?))).collect()
}

fn protection_of(ingress: &Ingress) -> Option<Finding> {
    const SUFFIX: &str = "load-balancer-attributes";
    const KEY: &str = "deletion_protection.enabled";
    let annotations = annotations_of(ingress.metadata.annotations.as_ref());
    let finding =
        |problem: String| Finding::error(&ingress_ref(ingress), problem).at(annotations.key(SUFFIX));
    let attributes = match annotations.map(SUFFIX) {
        Ok(attributes) => attributes.unwrap_or_default(),
        Err(error) => return Some(finding(error.to_string())),
    };
    let value = attributes.get(KEY)?;
    match parse::boolean(value) {
        Some(false) => None,
        Some(true) => {
            let problem = format!("{KEY}=true holds up the deletion of the load balancer");
            Some(
                finding(problem)
                    .hint(format!("set it to false to let the Ingress {} go", ObjectKey::of(ingress))),
            )
        }
        None => Some(finding(format!("{KEY} is {value:?}, expected true or false"))),
    }
}

struct GroupBuild<'b, 'a> {
    scope: &'b Scope<'a>,
    ledger: &'b mut Ledger,
    owners: Owners,
    /// HTTPS ports that are not there because AWS refuses what these members want.
    lost: BTreeMap<i32, usize>,
}

impl<'b> GroupBuild<'b, '_> {
    fn run(mut self) -> Result<Option<BuiltGroup>, Halt> {
        let mut ports = self.ports()?;
        if let Some(live) = self.live()? {
            Keeper::new(self.scope, live, self.broken()).keep_ports(&mut ports);
        }
        self.drop_bare_https(&mut ports)?;
        self.ledger.begin(Part::LoadBalancer);
        let front = load_balancer::build(self.scope, self.ledger, &ports)?;
        self.ledger.begin(Part::SslRedirect);
        let ssl_redirect = load_balancer::build_ssl_redirect(self.scope, self.ledger, &ports, &self.lost)?;
        self.ledger.begin(Part::Rules);
        let compiled = self.compile(&front, &ports, ssl_redirect)?;
        if compiled.is_empty() && self.scope.live_load_balancer()?.is_none() {
            return Ok(None);
        }
        self.assemble(front, &ports, ssl_redirect, compiled).map(Some)
    }

    fn broken(&self) -> BTreeSet<usize> {
        self.ledger.broken().collect()
    }

    /// What AWS has; asked for only when a member is broken.
    fn live(&self) -> Result<Option<&'b LiveStack>, Halt> {
        if !self.ledger.has_broken() {
            return Ok(None);
        }
        let live = self.scope.facts.live_stack(self.scope.stack)??;
        Ok(Some(live.as_ref()))
    }

    fn ports(&mut self) -> Result<BTreeMap<i32, Port>, Halt> {
        let mut contributions: BTreeMap<usize, Contribution> = BTreeMap::new();
        let mut questions = Questions::default();
        for member in &self.scope.members {
            let refusal = member.refusal.map(|refusal| &refusal.finding);
            if let Some(finding) = member.defect.or(refusal) {
                self.ledger.give_up(member.index, finding.clone())?;
                self.note_lost(member)?;
                continue;
            }
            let wanted = listener::contribution(self.scope, member);
            if let Some(contribution) = questions.collect(self.ledger.attempt(member, wanted))?.flatten() {
                self.owners.note_contribution(member.key, &contribution);
                contributions.insert(member.index, contribution);
            }
        }
        questions.ask()?;
        listener::merge(self.scope, self.ledger, &contributions)
    }

    /// Notes the HTTPS ports that a member would bring if AWS did not refuse what it wants.
    fn note_lost(&mut self, member: &MemberView<'_>) -> Result<(), Halt> {
        if member.refusal.is_none() {
            return Ok(());
        }
        match listener::contribution(self.scope, member) {
            Ok(wanted) => {
                let ports = wanted.ports.iter().filter(|(_, claim)| claim.protocol == Protocol::Https);
                for (port, _) in ports {
                    self.lost.entry(*port).or_insert(member.index);
                }
                Ok(())
            }
            Err(Halt::Lacking(query)) => Err(Halt::Lacking(query)),
            Err(Halt::Finding(_) | Halt::Unanswered(_)) => Ok(()),
        }
    }

    /// In a group of one AWS refuses an HTTPS listener without certificates; in a larger one that would stop everybody.
    fn drop_bare_https(&mut self, ports: &mut BTreeMap<i32, Port>) -> Result<(), Halt> {
        if !self.ledger.is_lenient() {
            return Ok(());
        }
        for (number, port) in ports.extract_if(.., |_, port| port.is_https() && port.certificates.is_empty())
        {
            let members = port.members.iter().filter_map(|index| self.scope.members.get(*index));
            for member in members {
                let origin = Origin::field(&member.object, "spec.tls");
                let cause = scope::refusal_behind(self.scope, &self.lost, number);
                let problem = format!(
                    "port {number} is HTTPS, but no member of the group has a certificate for it{}",
                    cause.unwrap_or_default()
                );
                let hint = "name hosts that an issued certificate covers, or set certificate-arn";
                self.ledger.tell(member.index, origin.error(problem).hint(hint))?;
            }
        }
        Ok(())
    }

    fn compile(
        &mut self,
        front: &Front,
        ports: &BTreeMap<i32, Port>,
        ssl_redirect: Option<i32>,
    ) -> Result<BTreeMap<usize, Compiled>, Halt> {
        let (mut all, mut questions) = (BTreeMap::new(), Questions::default());
        for member in &self.scope.members {
            if self.ledger.is_broken(member.index) {
                continue;
            }
            let compiled = compile::compile(self.scope, member, front, ports, ssl_redirect);
            let compiled = questions.collect(self.ledger.attempt(member, compiled))?.flatten();
            all.extend(compiled.map(|compiled| (member.index, compiled)));
        }
        questions.ask()?;
        Ok(all)
    }

    fn assemble(
        mut self,
        front: Front,
        ports: &BTreeMap<i32, Port>,
        ssl_redirect: Option<i32>,
        compiled: BTreeMap<usize, Compiled>,
    ) -> Result<BuiltGroup, Halt> {
        overruled::tell(self.scope, self.ledger);
        self.ledger.begin(Part::Listener);
        let live = self.live()?;
        let keeper = live.map(|live| Keeper::new(self.scope, live, self.broken()));
        let mut stack = Stack::empty(self.scope.stack.clone());
        let uses_backend_security_group = front.uses_shared_security_group;
        self.add_listeners(&mut stack, ports, ssl_redirect, &compiled, keeper.as_ref())?;
        let mut secrets = BTreeSet::new();
        for (index, compiled) in compiled {
            secrets.extend(self.add_member(&mut stack, index, compiled));
        }
        if let Some(keeper) = &keeper {
            keeper.keep_target_groups(&mut stack);
        }
        self.ledger.begin(Part::Addons);
        stack.protection = protection::build(self.scope, self.ledger)?;
        self.ledger.begin(Part::FrontendNlb);
        frontend_nlb::build(self.scope, self.ledger, &front, ports, &mut stack)?;
        add_front(&mut stack, front, keeper.as_ref());
        Ok(BuiltGroup {
            listener_ports: ports.keys().copied().collect(),
            secrets,
            uses_backend_security_group,
            owners: self.owners,
            ..BuiltGroup::of(Some(stack))
        })
    }

    /// Adds a member's target groups and bindings. Answers the Secrets that it read.
    fn add_member(&mut self, stack: &mut Stack, index: usize, compiled: Compiled) -> BTreeSet<ObjectKey> {
        let Compiled { rules: _, default_actions: _, target_groups, bindings, secrets, doubts } = compiled;
        for doubt in doubts {
            self.ledger.doubt(index, doubt);
        }
        if let Some(member) = self.scope.members.get(index) {
            for id in target_groups.keys() {
                self.owners.note_target_group(id, member.key);
            }
        }
        // why: two Ingresses may arrive at one id (names are joined by dashes); the first has it, as upstream
        for (id, target_group) in target_groups {
            stack.target_groups.entry(id).or_insert(target_group);
        }
        for (id, binding) in bindings {
            stack.bindings.entry(id).or_insert(binding);
        }
        secrets
    }

    fn add_listeners(
        &mut self,
        stack: &mut Stack,
        ports: &BTreeMap<i32, Port>,
        ssl_redirect: Option<i32>,
        compiled: &BTreeMap<usize, Compiled>,
        keeper: Option<&Keeper<'_, '_>>,
    ) -> Result<(), Halt> {
        let mut lines = Vec::new();
        for (number, port) in ports {
            let id = ResourceId::from(number.to_string());
            let redirect = ssl_redirect.filter(|_| !port.is_https());
            let default = match redirect {
                Some(target) => (vec![compile::redirect_to(target)], None),
                None => self.default_actions(*number, port, compiled, keeper)?,
            };
            let listener = self.listener(*number, port, default.0.clone(), keeper)?;
            stack.listeners.insert(id.clone(), listener);
            if redirect.is_some() {
                lines.push(Line::new(*number, port, default, &[]));
                continue;
            }
            let drafts = match keeper {
                Some(keeper) => keeper.mix_rules(*number, compiled),
                None => wanted_rules(*number, compiled),
            };
            let mut line = Line::new(*number, port, default, &drafts);
            let drafts = optimizer::optimize(*number, port, drafts);
            line.note_built(&drafts);
            lines.push(line);
            for (priority, draft) in priorities::number(&self.scope.members, &id, drafts) {
                let owner = self.scope.members.get(draft.member).filter(|_| draft.kept.is_none());
                if let Some(member) = owner {
                    self.owners.note_rule(&id, priority, member.key);
                }
                stack.rules.insert((id.clone(), priority), draft.rule);
            }
        }
        self.doubt_rules(ports, ssl_redirect, compiled, &lines);
        Ok(())
    }

    /// Rules that no request reaches.
    fn doubt_rules(
        &mut self,
        ports: &BTreeMap<i32, Port>,
        ssl_redirect: Option<i32>,
        compiled: &BTreeMap<usize, Compiled>,
        lines: &[Line],
    ) {
        for (member, findings) in reach::check(&self.scope.members, lines) {
            for finding in findings {
                self.ledger.doubt(member, Doubt::without_effect(finding));
            }
        }
        let Some(redirect) = ssl_redirect else { return };
        let idle = compiled.iter().filter(|(_, compiled)| compiled.rules.is_empty());
        for member in idle.filter_map(|(index, _)| self.scope.members.get(*index)) {
            let own = ports.iter().filter(|(_, port)| port.has(member.index));
            let own = own.map(|(number, _)| *number).collect();
            if let Some(finding) = reach::unreached(member, &own, redirect) {
                self.ledger.doubt(member.index, Doubt::without_effect(finding));
            }
        }
    }

    fn listener(
        &mut self,
        number: i32,
        port: &Port,
        default_actions: Vec<ListenerAction>,
        keeper: Option<&Keeper<'_, '_>>,
    ) -> Result<Listener, Halt> {
        let (mut tags, complete) = tags::of_shared(self.scope, self.ledger, &port.members)?;
        if let Some(keeper) = keeper.filter(|_| !complete) {
            tags = keep::with_live(&tags, &keeper.listener_tags(number));
        }
        let identity = (port.protocol.as_str(), number);
        self.note_attributes(identity, port);
        Ok(Listener {
            load_balancer: ResourceId::from(LOAD_BALANCER_ID),
            port: number,
            protocol: port.protocol.clone(),
            default_actions,
            certificates: port.certificates.iter().cloned().map(Into::into).collect(),
            ssl_policy: port.ssl_policy.clone(),
            alpn_policy: Vec::new(),
            mutual_authentication: port.mutual_tls.clone(),
            attributes: attributes::of_listener(self.scope, self.ledger, identity, &port.members)?,
            tags,
        })
    }

    fn note_attributes(&mut self, (protocol, number): (&str, i32), port: &Port) {
        let suffix = format!("listener-attributes.{protocol}-{number}");
        for member in port.members.iter().filter_map(|index| self.scope.members.get(*index)) {
            let given = member.annotations.map(&suffix).ok().flatten().unwrap_or_default();
            self.owners.note_attributes(number, member.key, given.keys());
        }
    }

    /// The default backend of the first member that has one, and that member; the others are told.
    fn default_actions(
        &mut self,
        number: i32,
        port: &Port,
        compiled: &BTreeMap<usize, Compiled>,
        keeper: Option<&Keeper<'_, '_>>,
    ) -> Result<(Vec<ListenerAction>, Option<usize>), Halt> {
        let mut chosen: Option<(&[ListenerAction], &MemberView<'_>)> = None;
        for member in self.scope.members.iter().filter(|member| port.has(member.index)) {
            let wanted = compiled.get(&member.index).and_then(|wanted| wanted.default_actions.get(&number));
            match (&chosen, wanted) {
                (_, None) => {}
                (None, Some(actions)) => {
                    self.owners.note_default_actions(number, member.key, actions);
                    chosen = Some((actions, member));
                }
                (Some((_, winner)), Some(_)) => {
                    let winner = winner.key;
                    let problem =
                        format!("Ingress {winner} has the default backend of port {number} already");
                    let finding = Finding::error(&member.object, problem).at("spec.defaultBackend");
                    self.ledger.tell(member.index, finding)?;
                }
            }
        }
        let kept = || keeper.and_then(|keeper| keeper.default_actions(number, port));
        Ok(match chosen {
            Some((actions, member)) => (actions.to_vec(), Some(member.index)),
            None => (kept().unwrap_or_else(|| vec![compile::not_found()]), None),
        })
    }
}

fn wanted_rules(number: i32, compiled: &BTreeMap<usize, Compiled>) -> Vec<Draft> {
    let drafts = compiled.iter().flat_map(|(member, compiled)| {
        let rules = compiled.rules.get(&number).into_iter().flatten();
        rules.map(|(at, rule)| Draft { member: *member, rule: rule.clone(), at: Some(*at), kept: None })
    });
    drafts.collect()
}

fn add_front(stack: &mut Stack, front: Front, keeper: Option<&Keeper<'_, '_>>) {
    let Front { mut load_balancer, managed_security_group, tags_complete, .. } = front;
    let keeper = keeper.filter(|_| !tags_complete);
    if let Some(keeper) = keeper {
        load_balancer.tags = keep::with_live(&load_balancer.tags, &keeper.load_balancer_tags());
    }
    if let Some(mut group) = managed_security_group {
        if let Some(keeper) = keeper {
            group.tags = keep::with_live(&group.tags, &keeper.security_group_tags());
        }
        stack.security_groups.insert(ResourceId::from(crate::build::security_groups::MANAGED_ID), group);
    }
    stack.load_balancers.insert(ResourceId::from(LOAD_BALANCER_ID), load_balancer);
}

#[cfg(test)]
pub(crate) mod tests;
