//! The plans that an Ingress and its Gateway carry in annotations, compared field by field.
//!
//! A plan is the stack as JSON ([`crate::model::marshal`]): `{"id", "resources": {type: {id: {…}}}}`. Matches the web console of upstream's
//! `lbc-migrate`, whose answers have the same form. One difference: of several target groups of one Service and port, upstream keeps one by
//! chance; here each is compared.

mod known;

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

pub use known::GivenHealthChecks;

/// Type of target groups in plans.
const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
/// Type of bindings in plans.
const BINDING: &str = "K8S::ElasticLoadBalancingV2::TargetGroupBinding";
/// Type of load balancers in plans.
const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
/// Where the tag stands that says what a Gateway was migrated from.
const MIGRATED_FROM: &str = "spec.tags.gateway.k8s.aws/migrated-from";

/// PlanFields by their path, whose parts are joined by dots. Lists are values.
type PlanFields = BTreeMap<String, Value>;

/// A plan: fields by type and id of their resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlannedResources(BTreeMap<String, BTreeMap<String, PlanFields>>);

/// Why a plan cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanTextError {
    /// It is no JSON.
    #[error("invalid stack JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// It is not of the form of a stack.
    #[error("invalid stack JSON: {0} is not {1}")]
    Form(&'static str, &'static str),
    /// A resource is no object.
    #[error("failed to parse resource {0}/{1}: it is not an object")]
    Resource(String, String),
}

/// How the sides of a field relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldStatus {
    /// Both are the same; the order of lists does not count.
    Same,
    /// Both are there and differ.
    Changed,
    /// Only the Gateway has it.
    Added,
    /// Only the Ingress has it.
    Removed,
}

/// A field of both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldComparison {
    /// Type of the resource.
    pub resource_type: String,
    /// By which the sides were matched.
    pub correlation_id: String,
    /// Its id in the plan of the Ingress.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ingress_resource_id: String,
    /// Its id in the plan of the Gateway.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gateway_resource_id: String,
    /// The path of the field.
    pub field: String,
    /// What the Ingress has.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub ingress: Value,
    /// What the Gateway has.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub gateway: Value,
    /// How they relate.
    pub status: FieldStatus,
    /// Whether every migration brings it about.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
    /// Why it is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub known_cause: &'static str,
}

/// How many fields there are of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StatusCounts {
    /// PlanFields that are the same.
    pub same: usize,
    /// PlanFields that differ.
    pub changed: usize,
    /// PlanFields that only the Gateway has.
    pub added: usize,
    /// PlanFields that only the Ingress has.
    pub removed: usize,
}

/// All fields of two plans.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PlanComparison {
    /// The fields by type, id and path; `None`: there are none.
    pub entries: Option<Vec<FieldComparison>>,
    /// How many there are of each status.
    pub summary: StatusCounts,
}

impl PlannedResources {
    /// Reads the annotation.
    pub fn read(text: &str) -> Result<Self, PlanTextError> {
        let mut members = match serde_json::from_str(text)? {
            Value::Object(members) => members,
            Value::Null => Map::new(),
            _ => return Err(PlanTextError::Form("the plan", "an object")),
        };
        if !matches!(take(&mut members, "id"), Value::Null | Value::String(_)) {
            return Err(PlanTextError::Form("id", "a text"));
        }
        let mut read = BTreeMap::new();
        for (kind, resources) in object_or_null(take(&mut members, "resources"), "resources")? {
            let mut of_kind = BTreeMap::new();
            for (id, resource) in object_or_null(resources, "a member of resources")? {
                let fields = match resource {
                    Value::Object(members) => flatten(members),
                    Value::Null => PlanFields::new(),
                    _ => return Err(PlanTextError::Resource(kind, id)),
                };
                of_kind.insert(id, fields);
            }
            read.insert(kind, of_kind);
        }
        Ok(Self(read))
    }

    /// What the load balancer was migrated from, as its tag says.
    pub fn migrated_from(&self) -> Option<&str> {
        let mut tags =
            self.0.get(LOAD_BALANCER)?.values().filter_map(|fields| fields.get(MIGRATED_FROM)?.as_str());
        tags.find(|tag| !tag.is_empty())
    }

    /// Service and port that a target group or its binding is for; other resources are matched by their id.
    fn correlation_id(&self, kind: &str, id: &str) -> String {
        let service_and_port = || {
            let binding = self.0.get(BINDING)?.get(id)?;
            let name = binding.get("spec.template.spec.serviceRef.name")?.as_str()?;
            let port = match binding.get("spec.template.spec.serviceRef.port")? {
                Value::Null => return None,
                Value::String(name) => name.clone(),
                number => number.to_string(),
            };
            (!name.is_empty()).then(|| format!("{name}:{port}"))
        };
        let is_matched_by_service = kind == TARGET_GROUP || kind == BINDING;
        is_matched_by_service.then(service_and_port).flatten().unwrap_or_else(|| id.to_owned())
    }

    /// The resources of a type, by what they are matched by.
    fn correlated(&self, kind: &str) -> BTreeMap<String, Vec<(&str, &PlanFields)>> {
        let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (id, fields) in self.0.get(kind).into_iter().flatten() {
            found.entry(self.correlation_id(kind, id)).or_default().push((id.as_str(), fields));
        }
        found
    }
}

/// A member by its name, in capitals or not, as Go reads JSON.
fn take(members: &mut Map<String, Value>, name: &str) -> Value {
    let found = members.keys().rev().find(|key| key.eq_ignore_ascii_case(name)).cloned();
    found.and_then(|key| members.remove(&key)).unwrap_or(Value::Null)
}

fn object_or_null(value: Value, name: &'static str) -> Result<Map<String, Value>, PlanTextError> {
    match value {
        Value::Object(members) => Ok(members),
        Value::Null => Ok(Map::new()),
        _ => Err(PlanTextError::Form(name, "an object")),
    }
}

/// The values with their paths. Objects without members vanish.
fn flatten(members: Map<String, Value>) -> PlanFields {
    let mut fields = PlanFields::new();
    let mut open: Vec<(String, Value)> = members.into_iter().collect();
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                open.extend(members.into_iter().map(|(name, value)| (format!("{path}.{name}"), value)));
            }
            value => {
                fields.insert(path, as_go_reads(value));
            }
        }
    }
    fields
}

/// Whole numbers are told without a fraction, because JSON has one kind of number for Go.
fn as_go_reads(value: Value) -> Value {
    /// Whole numbers up to this are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(as_go_reads).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, as_go_reads(value))).collect())
        }
        value => value,
    }
}

/// Whether two values are the same where the order of lists does not count.
fn is_same(one: &Value, other: &Value) -> bool {
    one == other || canonical(one) == canonical(other)
}

/// The value with every list in one order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(canonical).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> =
                members.iter().map(|(name, value)| (name.clone(), canonical(value))).collect();
            sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(sorted.into_iter().collect())
        }
        value => value.clone(),
    }
}

/// Compares the plan of an Ingress with that of its Gateway.
///
/// `given`: which health-check settings the Ingress that carries the plan gives itself.
pub fn compare(
    ingress: &PlannedResources,
    gateway: &PlannedResources,
    given: GivenHealthChecks,
) -> PlanComparison {
    let mut entries = Vec::new();
    let kinds: BTreeSet<&String> = ingress.0.keys().chain(gateway.0.keys()).collect();
    for kind in kinds {
        let (mut ours, mut theirs) = (ingress.correlated(kind), gateway.correlated(kind));
        let ids: BTreeSet<String> = ours.keys().chain(theirs.keys()).cloned().collect();
        for id in ids {
            let (ours, theirs) = (ours.remove(&id), theirs.remove(&id));
            for pair in pairs(&ours.unwrap_or_default(), &theirs.unwrap_or_default()) {
                compare_fields(kind, &id, pair, &mut entries);
            }
        }
    }
    let mut summary = StatusCounts::default();
    for entry in &mut entries {
        entry.known_cause = known::cause(entry, given).unwrap_or("");
        entry.known = !entry.known_cause.is_empty();
        *match entry.status {
            FieldStatus::Same => &mut summary.same,
            FieldStatus::Changed => &mut summary.changed,
            FieldStatus::Added => &mut summary.added,
            FieldStatus::Removed => &mut summary.removed,
        } += 1;
    }
    PlanComparison { entries: Some(entries).filter(|entries| !entries.is_empty()), summary }
}

/// A resource of a side with its id there.
type PlanSide<'a> = Option<(&'a str, &'a PlanFields)>;

/// Resources of one Service and port, in pairs. Where a side has more than the other, they are compared with the last of the other.
fn pairs<'a>(
    ours: &[(&'a str, &'a PlanFields)],
    theirs: &[(&'a str, &'a PlanFields)],
) -> Vec<(PlanSide<'a>, PlanSide<'a>)> {
    let at = |side: &[(&'a str, &'a PlanFields)], place| side.get(place).or(side.last()).copied();
    (0..ours.len().max(theirs.len())).map(|place| (at(ours, place), at(theirs, place))).collect()
}

fn compare_fields(
    kind: &str,
    id: &str,
    (ours, theirs): (PlanSide, PlanSide),
    entries: &mut Vec<FieldComparison>,
) {
    let nothing = PlanFields::new();
    let ours_of = ours.map_or(&nothing, |(_, fields)| fields);
    let theirs_of = theirs.map_or(&nothing, |(_, fields)| fields);
    let paths: BTreeSet<&String> = ours_of.keys().chain(theirs_of.keys()).collect();
    for path in paths {
        let (one, other) = (ours_of.get(path), theirs_of.get(path));
        let status = match (one, other) {
            (Some(one), Some(other)) if is_same(one, other) => FieldStatus::Same,
            (Some(_), Some(_)) => FieldStatus::Changed,
            (None, _) => FieldStatus::Added,
            (_, None) => FieldStatus::Removed,
        };
        entries.push(FieldComparison {
            resource_type: kind.to_owned(),
            correlation_id: id.to_owned(),
            ingress_resource_id: ours.map_or_else(String::new, |(id, _)| id.to_owned()),
            gateway_resource_id: theirs.map_or_else(String::new, |(id, _)| id.to_owned()),
            field: path.clone(),
            ingress: one.cloned().unwrap_or(Value::Null),
            gateway: other.cloned().unwrap_or(Value::Null),
            status,
            known: false,
            known_cause: "",
        });
    }
}

#[cfg(test)]
mod tests;
