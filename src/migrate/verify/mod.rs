//! The proof: the load balancer of today's objects and that of the generated ones, built by the controller's own builders and compared.
//!
//! What AWS and the cluster would say is taken to fit both ([`PermissiveAws`]), so every difference is one between the objects.

mod answer;
mod rules;
mod services;
mod settings;
mod world;

use super::{Group, GroupMember, Migration, MigrationInput, Source};
use crate::admission::dry_build::build_group;
use crate::admission::permissive_facts::PermissiveAws;
use crate::api::ObjectKey;
use crate::builder::gateway::BuiltGateway;
use crate::builder::ingress::{BuiltGroup, MemberOutcome};
use crate::config::Config;
use crate::facts::group::{self, IngressGroup, explicit_group, implicit_group, parse_order};
use crate::gateway::Controller;
use crate::model::{LOAD_BALANCER_ID, ResourceId, Stack};
use answer::{TargetGroupNames, describe};
use rules::{Atom, MOST_CHANGES, RequestPattern, atoms, changes, name_alike};
use services::compare_service;
use std::fmt;
pub(super) use world::GeneratedObjects;

/// How much a difference weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Requests are answered as before.
    Setting,
    /// Requests may be answered differently.
    Traffic,
}

/// Something that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub what: String,
    /// The annotation that says it; empty: none.
    pub annotation: String,
    /// Today; empty: nothing.
    pub before: String,
    /// Afterwards; empty: nothing.
    pub after: String,
    /// Why; empty: nothing is known.
    pub reason: String,
    /// How much it weighs.
    pub weight: Weight,
}

/// Why two load balancers cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Today's controller makes nothing of the objects as they are.
    Today(String),
    /// What it makes of them cannot be told, because a question to the cluster or to AWS has no answer here.
    Unanswered(String),
    /// Nothing is made of the generated objects.
    Generated(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Today(problem) => {
                write!(f, "not compared, because the controller does not build it today: {problem}")
            }
            Self::Unanswered(problem) => {
                write!(f, "not compared, because what the controller builds today cannot be told: {problem}")
            }
            Self::Generated(problem) => write!(f, "the generated objects cannot be built: {problem}"),
        }
    }
}

/// A source and its Gateway.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What is migrated, for people.
    pub source: String,
    /// The Gateway.
    pub gateway: ObjectKey,
    /// Why the two could not be compared; then there are no differences.
    pub obstacle: Option<Obstacle>,
    /// The differences.
    pub differences: Vec<Difference>,
}

impl Compared {
    /// Whether requests would be answered differently, or that cannot be ruled out because nothing could be compared.
    pub fn changes_traffic(&self) -> bool {
        self.obstacle.is_some() || self.differences.iter().any(|found| found.weight == Weight::Traffic)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| if text.is_empty() { "not set".to_owned() } else { text.to_owned() };
        let mark = if self.weight == Weight::Traffic { '!' } else { '~' };
        write!(f, "  {mark} {}: {} -> {}", self.what, shown(&self.before), shown(&self.after))?;
        if !self.annotation.is_empty() {
            write!(f, " [{}]", self.annotation)?;
        }
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, gateway, obstacle, differences } = self;
        let result = match obstacle {
            Some(obstacle) => obstacle.to_string(),
            None if differences.is_empty() => "the same load balancer".to_owned(),
            None if self.changes_traffic() => "traffic would change".to_owned(),
            None => "the same traffic, with other settings".to_owned(),
        };
        writeln!(f, "{source} -> Gateway {gateway}: {result}")?;
        differences.iter().try_for_each(|found| found.fmt(f))
    }
}

/// Compares every Gateway with what it is generated from.
pub fn compare(migration: &Migration, input: &MigrationInput, config: &Config) -> Vec<Compared> {
    let world = GeneratedObjects::of(migration, input);
    let one = |(gateway, source): &(ObjectKey, Source)| {
        let compared = match source {
            Source::Group(group) => compare_group(group, gateway, &world, config),
            Source::Service(service) => compare_service(service, gateway, &world, config),
        };
        let source = match source {
            Source::Group(group) if group.is_named => format!("Ingress group {}", group.name),
            Source::Group(group) => format!("Ingress {}/{}", group.namespace, group.name),
            Source::Service(service) => format!("Service {}", ObjectKey::of(&**service)),
        };
        let (obstacle, differences) = match compared {
            Ok(differences) => (None, differences),
            Err(obstacle) => (Some(obstacle), Vec::new()),
        };
        Compared { source, gateway: gateway.clone(), obstacle, differences }
    };
    migration.sources.iter().map(one).collect()
}

/// Errors: why the two cannot be compared.
fn compare_group(
    group: &Group,
    gateway: &ObjectKey,
    world: &GeneratedObjects,
    config: &Config,
) -> Result<Vec<Difference>, Obstacle> {
    let ingresses = group.members_of_today().into_iter().map(|member| &*member.ingress);
    let aws = PermissiveAws::for_group(ingresses).with_known_services(&world.services);
    let unanswered = || Obstacle::Unanswered("it cannot be built without its cluster".to_owned());
    let built = build_group(&ingress_group(group), &aws, config).ok_or_else(unanswered)?;
    let Some(today) = &built.stack else {
        let findings = built.members.iter().map(|member| problems_of_member(&built, &member.key));
        let findings = findings.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
        let has_failed = built.has_failed_lookup;
        return Err(if has_failed { Obstacle::Unanswered(findings) } else { Obstacle::Today(findings) });
    };
    let generated = world.build(gateway, Controller::Alb, &aws, config).map_err(Obstacle::Generated)?;
    let mut differences = refused_today(group, &built);
    differences.extend(problems_of(&generated));
    compare_stacks(today, &generated.stack, &aws, config, &mut differences);
    Ok(differences)
}

/// What today's controller says against a member; empty: nothing.
fn problems_of_member(built: &BuiltGroup, key: &ObjectKey) -> String {
    let refused = built.members.iter().filter(|member| member.key == *key && !member.state.is_served());
    let findings = refused.flat_map(MemberOutcome::diagnostics);
    findings.map(|finding| finding.to_string()).collect::<Vec<_>>().join("; ")
}

/// Members that today's controller refuses, and that would be served after the migration.
fn refused_today(group: &Group, built: &BuiltGroup) -> Vec<Difference> {
    let is_refused = |member: &&GroupMember| {
        built.members.iter().any(|found| found.key == member.key && !found.state.is_served())
    };
    let serves = |member: &&GroupMember| {
        let spec = member.ingress.spec.as_ref();
        spec.is_some_and(|spec| {
            spec.default_backend.is_some() || spec.rules.iter().flatten().next().is_some()
        })
    };
    let difference = |member: &GroupMember| Difference {
        what: format!("Ingress {}", member.key),
        annotation: String::new(),
        before: "refused".to_owned(),
        after: "served".to_owned(),
        reason: format!("today: {}", problems_of_member(built, &member.key)),
        weight: Weight::Traffic,
    };
    group.members.iter().filter(is_refused).filter(serves).map(difference).collect()
}

/// What is wrong with the generated objects.
pub(super) fn problems_of(built: &BuiltGateway) -> Vec<Difference> {
    let routes = built.report.routes.values().flatten().map(|problem| problem.message.clone());
    routes
        .chain(built.report.listeners.values().map(ToString::to_string))
        .map(|problem| unusable(&problem))
        .collect()
}

fn unusable(problem: &str) -> Difference {
    Difference {
        what: "generated objects".to_owned(),
        annotation: String::new(),
        before: "accepted".to_owned(),
        after: "refused".to_owned(),
        reason: problem.to_owned(),
        weight: Weight::Traffic,
    }
}

fn ingress_group(group: &Group) -> IngressGroup {
    let member = |member: &GroupMember| group::Member {
        key: member.key.clone(),
        ingress: member.ingress.clone(),
        params: member.params.clone(),
        defect: parse_order(&member.ingress).err().map(|finding| *finding),
        refusal: None,
    };
    let id = match group.members.first() {
        Some(first) if !group.is_named => implicit_group(&first.key),
        _ => explicit_group(group.name.as_str()),
    };
    IngressGroup {
        id,
        members: group.members_of_today().into_iter().map(member).collect(),
        departing: Vec::new(),
    }
}

pub(super) fn compare_stacks(
    today: &Stack,
    generated: &Stack,
    aws: &PermissiveAws,
    config: &Config,
    into: &mut Vec<Difference>,
) {
    let (names, new_names) =
        (TargetGroupNames::of(today, aws, config), TargetGroupNames::of(generated, aws, config));
    settings::load_balancers(today, generated, LOAD_BALANCER_ID, into);
    let others = today.load_balancers.keys().filter(|id| id.as_str() != LOAD_BALANCER_ID);
    into.extend(others.map(|id| Difference {
        what: format!("load balancer {id}"),
        annotation: "enable-frontend-nlb".to_owned(),
        before: "there".to_owned(),
        after: String::new(),
        reason: "no equivalent: a Gateway has no NLB in front of its ALB".to_owned(),
        weight: Weight::Traffic,
    }));
    for port in settings::listeners(today, generated, LOAD_BALANCER_ID, into) {
        let before = listener_atoms(today, port, Some(LOAD_BALANCER_ID), &names);
        let mut after = listener_atoms(generated, port, None, &new_names);
        name_alike(&before, &mut after);
        match changes(&before, &after) {
            None => into.push(unusable("there are too many rules to compare")),
            Some(changes) => {
                into.extend(changes.found.into_iter().map(|change| Difference {
                    what: format!("listener {port}, requests for {}", change.requests),
                    annotation: String::new(),
                    before: change.before,
                    after: change.after,
                    reason: change.reason,
                    weight: Weight::Traffic,
                }));
                into.extend(changes.has_more.then(|| more_changes(port)));
            }
        }
    }
    settings::target_groups((today, &names), (generated, &new_names), into);
}

/// Stands for the changes of a listener that are not listed.
fn more_changes(port: i32) -> Difference {
    Difference {
        what: format!("listener {port}, requests for others"),
        annotation: String::new(),
        before: "answered".to_owned(),
        after: "answered differently".to_owned(),
        reason: format!("there are more changes than the {MOST_CHANGES} that are listed"),
        weight: Weight::Traffic,
    }
}

/// What a listener answers, in order.
fn listener_atoms(
    stack: &Stack,
    port: i32,
    load_balancer: Option<&str>,
    names: &TargetGroupNames,
) -> Vec<Atom> {
    let is_it = |found: &crate::model::Listener| {
        found.port == port && load_balancer.is_none_or(|id| found.load_balancer.as_str() == id)
    };
    let Some((id, listener)) = stack.listeners.iter().find(|(_, found)| is_it(found)) else {
        return Vec::new();
    };
    let first = (id.clone(), i32::MIN);
    let own = stack.rules.range(first..).take_while(|((of, _), _): &(&(ResourceId, i32), _)| of == id);
    let mut all: Vec<Atom> = own
        .flat_map(|(_, rule)| {
            let mut atoms = atoms(&rule.conditions, "");
            for atom in &mut atoms {
                atom.answer = describe(&rule.actions, &rule.transforms, &atom.path, names);
            }
            atoms
        })
        .collect();
    all.push(Atom::default(describe(&listener.default_actions, &[], &RequestPattern::Any, names)));
    all
}
