//! Which Ingresses are ours, and which group each belongs to.
//!
//! Upstream: `pkg/ingress/{class_loader,group_loader,finalizer,reference_indexer}.go`. On purpose different: an Ingress whose
//! class or order is wrong makes only itself a [`Member::defect`], where upstream fails the load of its whole group (or, with
//! several default classes, of every group).

mod aside;
mod class;
mod references;

pub use class::{
    ClassProblem, ClassView, Namespaces, class_annotation_matches, classify, effective_class_name, find_class,
};
pub use references::{USE_ANNOTATION, backends, secret_reference, service_references};

use super::cost::too_costly_ingress;
use super::object_refs::ingress_ref;
use crate::annotations::ingress::of as annotations_of;
use crate::api::meta::{INGRESS_FINALIZER, INGRESS_GROUP_FINALIZER_PREFIX, has_finalizer};
use crate::api::{Ingress, IngressClassParams, ObjectKey};
use crate::config::Config;
use crate::finding::{Finding, ObjectRef};
use crate::model::{Binding, Owner, Resources, StackId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Highest magnitude of `group.order`.
const MAX_ORDER: i32 = 1000;
/// Longest group name.
const MAX_GROUP_NAME: usize = 63;

/// An Ingress group: everything that shares one ALB.
#[derive(Clone, Debug)]
pub struct IngressGroup {
    /// Identity of the group and of its stack.
    pub id: StackId,
    /// Active members in group order.
    pub members: Vec<Member>,
    /// Ingresses that left but still carry the group's finalizer, by key.
    pub departing: Vec<Arc<Ingress>>,
}

impl IngressGroup {
    /// All its Ingresses, those that left included.
    pub fn ingresses(&self) -> impl Iterator<Item = &Arc<Ingress>> {
        self.members.iter().map(|member| &member.ingress).chain(&self.departing)
    }

    /// Its members; of a group without members, the Ingresses that left.
    pub fn members_or_departing(&self) -> impl Iterator<Item = &Arc<Ingress>> {
        let departing = self.departing.iter().filter(|_| self.members.is_empty());
        self.members.iter().map(|member| &member.ingress).chain(departing)
    }
}

/// An Ingress that belongs to a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The Ingress as the API server has it.
    pub ingress: Arc<Ingress>,
    /// Parameters of its class.
    pub params: Option<Arc<IngressClassParams>>,
    /// Why it cannot even be placed: its class is invalid, its order is, or it is too costly. It keeps what it has.
    pub defect: Option<Finding>,
    /// What AWS refused when it was deployed a moment ago. It keeps what it has.
    pub refusal: Option<AwsRefusal>,
}

/// Why AWS does not take what a member wants.
#[derive(Clone, Debug)]
pub struct AwsRefusal {
    /// In AWS's words.
    pub finding: Finding,
    /// Bindings that the member wanted: those of target groups that AWS took may not be seen yet.
    pub bindings: Resources<Binding>,
    /// First and last priority of the rules that it wanted on each listener. They stay its own, so that the rules of the
    /// others do not move to and fro as often as it is tried again.
    pub priorities: Resources<(i32, i32)>,
}

impl Member {
    /// The Ingress as findings name it.
    pub fn object(&self) -> ObjectRef {
        ingress_ref(&self.ingress)
    }
}

/// Why an Ingress has no group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupProblem {
    /// Its class cannot be used.
    #[error(transparent)]
    Class(#[from] ClassProblem),
    /// The name of its group.
    #[error("invalid ingress group: name {name:?} {problem}")]
    Name {
        /// The name that is no group's.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
        /// Annotation key, or field of the class's parameters.
        field: String,
    },
}

impl GroupProblem {
    /// The problem as a finding about the Ingress.
    pub fn found_on(&self, ingress: &Ingress) -> Finding {
        let finding = Finding::error(&ingress_ref(ingress), self.to_string());
        match self {
            Self::Class(problem) => finding.at(problem.field()),
            Self::Name { field, .. } => finding.at(field.clone()),
        }
    }
}

/// Groups that a change of an Ingress concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concerned {
    /// Groups to reconcile.
    pub groups: BTreeSet<StackId>,
    /// Why its own group is not among them; told as a `FailedLoadGroupID` event.
    pub problem: Option<Finding>,
}

/// Identity of an explicit group.
pub fn explicit_group(name: impl Into<String>) -> StackId {
    StackId { owner: Owner::Ingress, namespace: String::new(), name: name.into() }
}

/// Identity of the group that an Ingress is on its own.
pub fn implicit_group(key: &ObjectKey) -> StackId {
    StackId { owner: Owner::Ingress, namespace: key.namespace().to_owned(), name: key.name().to_owned() }
}

/// The finalizer that members of a group carry.
pub fn finalizer(group: &StackId) -> String {
    if group.namespace.is_empty() {
        format!("{INGRESS_GROUP_FINALIZER_PREFIX}{}", group.name)
    } else {
        INGRESS_FINALIZER.to_owned()
    }
}

/// Whether an Ingress carries the finalizer of a group.
pub fn has_group_finalizer(ingress: &Ingress, group: &StackId) -> bool {
    let owned = group.namespace.is_empty() || implicit_group(&ObjectKey::of(ingress)) == *group;
    owned && has_finalizer(ingress, &finalizer(group))
}

/// Groups whose finalizers an Ingress carries.
pub fn groups_of_finalizers(ingress: &Ingress) -> BTreeSet<StackId> {
    let finalizers = ingress.metadata.finalizers.iter().flatten();
    finalizers
        .filter_map(|finalizer| match finalizer.strip_prefix(INGRESS_GROUP_FINALIZER_PREFIX) {
            Some(name) => Some(explicit_group(name)),
            None => (finalizer == INGRESS_FINALIZER).then(|| implicit_group(&ObjectKey::of(ingress))),
        })
        .collect()
}

/// The group of an Ingress of ours with these parameters: the parameters' group, else the annotation's, else its own.
pub fn group_of(ingress: &Ingress, params: Option<&IngressClassParams>) -> Result<StackId, GroupProblem> {
    let annotations = annotations_of(ingress.metadata.annotations.as_ref());
    let by_params = params.and_then(|params| params.spec.group.as_ref()).map(|group| group.name.as_str());
    let (name, field) = match (by_params, annotations.string("group.name")) {
        (Some(name), _) => (name, "IngressClassParams spec.group.name".to_owned()),
        (None, Some(name)) => (name, annotations.key("group.name")),
        (None, None) => return Ok(implicit_group(&ObjectKey::of(ingress))),
    };
    match check_group_name(name) {
        Ok(()) => Ok(explicit_group(name)),
        Err(problem) => Err(GroupProblem::Name { name: name.to_owned(), problem, field }),
    }
}

/// Whether a text can name a group, and if not, why.
pub fn check_group_name(name: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends_well = name.starts_with(plain) && name.ends_with(plain);
    if !ends_well || !name.chars().all(|c| plain(c) || c == '-' || c == '.') {
        return Err("must consist of a-z, 0-9, '-' and '.', and start and end with a letter or digit");
    }
    if name.len() > MAX_GROUP_NAME {
        return Err("must have no more than 63 characters");
    }
    Ok(())
}

/// The group an Ingress belongs to now; `None` if it is not ours or being deleted.
pub fn current_group(
    ingress: &Ingress,
    view: &ClassView<'_>,
    config: &Config,
) -> Result<Option<StackId>, GroupProblem> {
    Ok(place(ingress, view, config)?.map(|(group, _)| group))
}

/// The groups to reconcile after an Ingress changed.
pub fn concerned_groups(ingress: &Ingress, view: &ClassView<'_>, config: &Config) -> Concerned {
    let mut groups = groups_of_finalizers(ingress);
    match current_group(ingress, view, config) {
        Ok(group) => {
            groups.extend(group);
            Concerned { groups, problem: None }
        }
        Err(problem) => Concerned { groups, problem: Some(problem.found_on(ingress)) },
    }
}

/// Whether an update of an Ingress can matter: a resync, or a change of annotations, spec or deletion.
pub fn is_relevant_update(old: &Ingress, new: &Ingress) -> bool {
    let (before, after) = (&old.metadata, &new.metadata);
    before.resource_version == after.resource_version
        || before.annotations.as_ref().filter(|map| !map.is_empty())
            != after.annotations.as_ref().filter(|map| !map.is_empty())
        || before.deletion_timestamp.is_some() != after.deletion_timestamp.is_some()
        || old.spec != new.spec
}

/// Where the explicit groups that an Ingress may belong to look for it: under the name it gives, those it carries finalizers of,
/// and its class, whose parameters may name another.
///
/// why: a group must not look at every Ingress of the cluster
pub fn places(ingress: &Ingress) -> Vec<ObjectKey> {
    let annotations = annotations_of(ingress.metadata.annotations.as_ref());
    let marked = groups_of_finalizers(ingress).into_iter().filter(|group| group.namespace.is_empty());
    let named = marked.map(|group| group.name).chain(annotations.string("group.name").map(str::to_owned));
    let class = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_deref());
    let mut places: BTreeSet<ObjectKey> = named.map(ObjectKey::cluster).collect();
    places.insert(place_of_class(class.unwrap_or_default()));
    places.into_iter().collect()
}

/// The places where the Ingresses of an explicit group are; others may be there, too.
pub fn places_of_group(name: &str, view: &ClassView<'_>) -> BTreeSet<ObjectKey> {
    let mut places = BTreeSet::from([ObjectKey::cluster(name)]);
    for class in view.classes.iter().filter(|class| view.group_by_class(class) == Some(name)) {
        let class = class.metadata.name.as_deref().unwrap_or_default();
        // why: it may be the default class, of Ingresses that name none
        places.extend([place_of_class(class), place_of_class("")]);
    }
    places
}

/// Where the Ingresses of a class are; of the empty name: those that name none.
///
/// why: no namespace is spelt like this
pub fn place_of_class(name: &str) -> ObjectKey {
    ObjectKey::namespaced("class/", name)
}

/// Gathers a group from all Ingresses, or from those in its places.
pub fn load_group<'a>(
    id: &StackId,
    ingresses: impl IntoIterator<Item = &'a Arc<Ingress>>,
    view: &ClassView<'_>,
    config: &Config,
) -> IngressGroup {
    let mut members: BTreeMap<(i32, String), Member> = BTreeMap::new();
    let mut departing: BTreeMap<String, Arc<Ingress>> = BTreeMap::new();
    for ingress in ingresses {
        let sort_key = ObjectKey::of(ingress.as_ref()).to_string();
        match relate(id, ingress, view, config) {
            Relation::Member(params, defect) => {
                let (order, disorder) = match parse_order(ingress) {
                    Ok(order) => (order, None),
                    Err(finding) => (0, Some(*finding)),
                };
                let key = ObjectKey::of(ingress.as_ref());
                let defect = defect.or(disorder).or_else(|| too_costly_ingress(ingress));
                let member = Member { key, ingress: Arc::clone(ingress), params, defect, refusal: None };
                members.insert((order, sort_key), member);
            }
            Relation::Departing => {
                departing.insert(sort_key, Arc::clone(ingress));
            }
            Relation::Unrelated => {}
        }
    }
    let mut members: Vec<Member> = members.into_values().collect();
    aside::put_aside(&mut members);
    IngressGroup { id: id.clone(), members, departing: departing.into_values().collect() }
}

enum Relation {
    Member(Option<Arc<IngressClassParams>>, Option<Finding>),
    Departing,
    Unrelated,
}

fn relate(id: &StackId, ingress: &Ingress, view: &ClassView<'_>, config: &Config) -> Relation {
    let marked = has_group_finalizer(ingress, id);
    match place(ingress, view, config) {
        Ok(Some((group, params))) if group == *id => Relation::Member(params, None),
        Err(problem @ GroupProblem::Class(_)) if marked => {
            Relation::Member(None, Some(problem.found_on(ingress)))
        }
        Ok(_) | Err(GroupProblem::Name { .. }) if marked => Relation::Departing,
        Ok(_) | Err(_) => Relation::Unrelated,
    }
}

type MemberOrder = (StackId, Option<Arc<IngressClassParams>>);

fn place(
    ingress: &Ingress,
    view: &ClassView<'_>,
    config: &Config,
) -> Result<Option<MemberOrder>, GroupProblem> {
    let Some(params) = classify(ingress, view, config)? else { return Ok(None) };
    let group = group_of(ingress, params.as_deref())?;
    Ok(Some((group, params)))
}

/// The place of an Ingress within its group.
pub fn parse_order(ingress: &Ingress) -> Result<i32, Box<Finding>> {
    let annotations = annotations_of(ingress.metadata.annotations.as_ref());
    let order = annotations.int32("group.order").map(Option::unwrap_or_default);
    let order = order.ok().filter(|order| (-MAX_ORDER..=MAX_ORDER).contains(order));
    order.ok_or_else(|| {
        let expected = format!("a whole number from -{MAX_ORDER} to {MAX_ORDER}");
        let error = annotations.error("group.order", expected);
        let refusal = error.value_finding();
        let finding = Finding::error(&ingress_ref(ingress), refusal.problem).at(error.key);
        Box::new(Finding { hint: refusal.hint, ..finding })
    })
}

#[cfg(test)]
mod tests;
