//! What is found in the fields of one object.

use super::super::cidr::{self, CidrError};
use super::super::region;
use crate::annotations::attributes::{self, ResourceKind};
use crate::annotations::value::{ItemKind, MapKind, ValueFinding, ValueKind};
use crate::api::gateway_config::ConfiguredAttribute;
use crate::config::Config;
use crate::facts::BuildError;
use crate::finding::{Finding, ObjectRef, Severity, alternatives, compared, shorten};
use crate::settings::{Origin, tags};
use std::collections::{BTreeMap, BTreeSet};

/// The findings of one object, in the order they are made.
pub(super) struct FieldFindings<'c> {
    /// Settings of the controller.
    pub config: &'c Config,
    /// Whose fields they are.
    pub object: ObjectRef,
    found: Vec<Finding>,
}

impl<'c> FieldFindings<'c> {
    pub fn new(config: &'c Config, object: ObjectRef) -> Self {
        Self { config, object, found: Vec::new() }
    }

    pub fn finish(self) -> Vec<Finding> {
        self.found
    }

    pub fn add(&mut self, field: &str, value_finding: ValueFinding) {
        let ValueFinding { severity, problem, hint } = value_finding;
        let finding = match severity {
            Severity::Error => Finding::error(&self.object, problem),
            Severity::Warning => Finding::warning(&self.object, problem),
        };
        self.found.push(Finding { hint: hint.map(shorten), ..finding.at(field) });
    }

    pub fn add_all(&mut self, field: &str, value_findings: impl IntoIterator<Item = ValueFinding>) {
        value_findings.into_iter().for_each(|value_finding| self.add(field, value_finding));
    }

    pub fn error(&mut self, field: &str, problem: impl Into<String>) {
        self.add(field, ValueFinding::error(problem));
    }

    pub fn warn(&mut self, field: &str, problem: impl Into<String>) {
        self.add(field, ValueFinding::warning(problem));
    }

    /// What a build would say.
    pub fn add_built(&mut self, built: Result<(), BuildError>) {
        if let Err(BuildError::Invalid(finding)) = built {
            self.found.push(Finding { part: None, ..*finding });
        }
    }

    /// A text of a kind; an empty one counts as absent.
    pub fn text(&mut self, field: &str, text: Option<&String>, kind: ValueKind) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        let of_region = region::check(text, self.config);
        self.add_all(field, kind.check("", text).into_iter().chain(of_region));
    }

    /// One text of a kind that lists are made of.
    pub fn item(&mut self, field: &str, item: &str, kind: ItemKind) {
        let takes_commas = matches!(kind, ItemKind::Subnet | ItemKind::SecurityGroup);
        if item.contains(',') && !takes_commas {
            self.error(field, format!("{item:?} has a comma in it, expected one value an entry"));
        } else if item.trim().is_empty() {
            self.error(field, "is empty");
        } else {
            let of_region = region::check(item, self.config);
            self.add_all(field, ValueKind::List(kind).check("", item).into_iter().chain(of_region));
        }
    }

    /// Texts of a kind, one an entry.
    pub fn items(&mut self, field: &str, items: Option<&Vec<String>>, kind: ItemKind) {
        for (index, item) in items.into_iter().flatten().enumerate() {
            self.item(&format!("{field}[{index}]"), item, kind);
        }
    }

    /// Entries that are there twice.
    pub fn repeated<'k>(
        &mut self,
        field: &str,
        severity: Severity,
        keys: impl IntoIterator<Item = (usize, &'k str)>,
    ) {
        let mut seen = BTreeSet::new();
        for (index, key) in keys {
            if !seen.insert(key) {
                let value_finding = ValueFinding::error(format!("{key:?} is given twice"));
                self.add(&format!("{field}[{index}]"), ValueFinding { severity, ..value_finding });
            }
        }
    }

    /// An address range.
    pub fn cidr(&mut self, field: &str, text: &str) {
        let (value_finding, right) = match cidr::check(text) {
            None => return,
            Some(CidrError::Unreadable(right)) => {
                (ValueFinding::error(format!("{text:?} {}", cidr::PROBLEM)), right)
            }
            Some(CidrError::HostBits(right)) => {
                let problem = format!("{text:?} has bits outside of its prefix");
                (ValueFinding::warning(problem), Some(right))
            }
            Some(CidrError::Spelling(right)) => {
                (ValueFinding::warning(format!("{text:?} is not as AWS spells it")), Some(right))
            }
        };
        let hint = match right {
            Some(right) => format!("did you mean `{right}`?"),
            None => "write for example 10.0.0.0/8 or 2001:db8::/32".to_owned(),
        };
        self.add(field, value_finding.hint(hint));
    }

    /// Attributes of something that is one of these kinds.
    pub fn attributes(
        &mut self,
        field: &str,
        kinds: &[ResourceKind],
        given: Option<&Vec<ConfiguredAttribute>>,
    ) {
        let given = given.map(Vec::as_slice).unwrap_or_default();
        let mut mistakes = 0;
        for (index, attribute) in given.iter().enumerate() {
            let value_finding = check_attribute(mistakes, kinds, &attribute.key, &attribute.value);
            mistakes += usize::from(value_finding.is_some());
            self.add_all(&format!("{field}[{index}]"), value_finding);
        }
        // why: one of two values of a key is dropped without a word
        let keys = given.iter().map(|attribute| attribute.key.as_str());
        self.repeated(field, Severity::Error, keys.enumerate());
    }

    /// Tags of an AWS resource.
    pub fn tags(&mut self, field: &str, given: Option<&BTreeMap<String, String>>) {
        let Some(given) = given else { return };
        for (key, value) in given {
            self.add_all(&format!("{field}[{key}]"), MapKind::Tags.check_pair(key, value));
        }
        let origin = Origin::field(&self.object, field);
        self.add_built(tags::check(given, &origin, self.config));
    }

    /// A text outside of a closed set.
    pub fn not_one_of(&mut self, field: &str, index: usize, value: &str, allowed: &[&str]) {
        let problem = format!("{value:?} is not one of {}", alternatives(allowed));
        let finding = Finding::error(&self.object, problem).at(field);
        self.found.push(finding.suggest(value, compared(index, allowed.iter().copied())));
    }
}

/// What is wrong with an attribute, behind so many mistakes, of something that is one of these kinds: nothing, if it is right for
/// one of them.
fn check_attribute(mistakes: usize, kinds: &[ResourceKind], key: &str, value: &str) -> Option<ValueFinding> {
    let has = |kind: &ResourceKind| kind.attributes().iter().any(|attribute| attribute.key == key);
    let owners: Vec<ResourceKind> = kinds.iter().copied().filter(has).collect();
    let candidates = if owners.is_empty() { kinds } else { owners.as_slice() };
    let mut found = Vec::new();
    for kind in candidates {
        found.push(attributes::check_after(mistakes, *kind, key, value)?);
    }
    // why: of two kinds that both lack the key, the one with a similar key is meant
    let at = found.iter().position(|value_finding| value_finding.hint.is_some()).unwrap_or(0);
    found.into_iter().nth(at)
}
