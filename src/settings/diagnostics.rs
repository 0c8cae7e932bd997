//! What is wrong with what several contributors want together, contributor by contributor.

use crate::api::ObjectKey;
use crate::facts::BuildError;
use crate::finding::{Finding, ObjectRef, Part};
use std::collections::{BTreeMap, BTreeSet};

/// Something that is built, but does not do what its owner expects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContributorWarning {
    /// What kind of thing.
    pub kind: WarningKind,
    /// The thing, and what is wrong with it: a warning.
    pub finding: Finding,
}

/// Kinds of [`ContributorWarning`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningKind {
    /// A rule or a setting has no effect.
    WithoutEffect,
    /// A setting is not used because that of the class wins. Told when the object is checked, not by an event: whoever makes the class
    /// means it so.
    Overridden,
    /// A Secret cannot be used as it is; others are, or the certificate that it had before.
    UnusableSecret,
    /// A backend is missing, so that requests are answered with 503.
    NoBackend,
    /// A backend has no targets unless somebody makes EndpointSlices for this Service, which stands for a DNS name.
    ExternalName(ObjectKey),
    /// A backend has no targets unless somebody makes EndpointSlices for this Service, which has no selector.
    Selectorless(ObjectKey),
}

impl ContributorWarning {
    /// A rule or a setting that has no effect.
    pub fn without_effect(finding: Finding) -> Self {
        Self { kind: WarningKind::WithoutEffect, finding }
    }

    /// Whether it can be told from the objects alone, without looking for EndpointSlices.
    pub fn is_evident(&self) -> bool {
        !matches!(self.kind, WarningKind::Selectorless(_))
    }
}

/// Findings and warnings by contributor.
///
/// With one contributor the first mistake ends the build, as upstream does. With several, mistakes are collected and the build
/// goes on without what they concern.
#[derive(Debug)]
pub struct Diagnostics {
    /// The contributors, in order; each is named by its place here.
    objects: Vec<ObjectRef>,
    lenient: bool,
    findings: BTreeMap<usize, Vec<Finding>>,
    warnings: BTreeMap<usize, BTreeSet<ContributorWarning>>,
    excluded: BTreeSet<usize>,
    /// What is being built.
    part: Part,
    has_failed_lookup: bool,
}

impl Diagnostics {
    /// `lenient`: the build goes on after a mistake.
    pub fn new(objects: Vec<ObjectRef>, lenient: bool) -> Self {
        Self {
            objects,
            lenient,
            findings: BTreeMap::new(),
            warnings: BTreeMap::new(),
            excluded: BTreeSet::new(),
            part: Part::Listener,
            has_failed_lookup: false,
        }
    }

    /// Whether the build goes on after a mistake.
    pub fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// Says what is being built from now on, so that mistakes are told apart.
    pub fn begin(&mut self, part: Part) {
        self.part = part;
    }

    /// What is being built.
    pub fn part(&self) -> Part {
        self.part
    }

    /// A setting of a contributor is not used.
    ///
    /// Errors: the finding, unless the build goes on after a mistake.
    pub fn report(&mut self, contributor: usize, finding: Finding) -> Result<(), BuildError> {
        let finding = finding.within(self.part);
        if !self.lenient {
            return Err(finding.into());
        }
        let findings = self.findings.entry(contributor).or_default();
        if !findings.contains(&finding) {
            findings.push(finding);
        }
        Ok(())
    }

    /// A contributor cannot be built and keeps what it has.
    ///
    /// Errors: as [`Self::report`].
    pub fn exclude(&mut self, contributor: usize, finding: Finding) -> Result<(), BuildError> {
        self.report(contributor, finding)?;
        self.excluded.insert(contributor);
        Ok(())
    }

    /// The value of a result. A mistake excludes the contributor, and is no error if the build goes on.
    pub fn catch<T>(
        &mut self,
        contributor: usize,
        result: Result<T, BuildError>,
    ) -> Result<Option<T>, BuildError> {
        match self.split(contributor, result)? {
            Ok(value) => Ok(Some(value)),
            Err(finding) => self.exclude(contributor, finding).map(|()| None),
        }
    }

    /// Like [`Self::catch`], but a mistake costs the contributor only this setting.
    pub fn catch_setting<T>(
        &mut self,
        contributor: usize,
        result: Result<T, BuildError>,
    ) -> Result<Option<T>, BuildError> {
        match self.split(contributor, result)? {
            Ok(value) => Ok(Some(value)),
            Err(finding) => self.report(contributor, finding).map(|()| None),
        }
    }

    /// Whether a look-up failed, so that the same build may come further when it is tried again.
    pub fn has_failed_lookup(&self) -> bool {
        self.has_failed_lookup
    }

    fn split<T>(
        &mut self,
        contributor: usize,
        result: Result<T, BuildError>,
    ) -> Result<Result<T, Finding>, BuildError> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(BuildError::Invalid(finding)) => Ok(Err(*finding)),
            Err(BuildError::LookupFailed(failure)) if self.lenient => {
                self.has_failed_lookup = true;
                let object = self.objects.get(contributor).cloned().unwrap_or_default();
                Ok(Err(Finding { part: failure.part, ..Finding::error(&object, failure.message) }))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a contributor cannot be built.
    pub fn is_excluded(&self, contributor: usize) -> bool {
        self.excluded.contains(&contributor)
    }

    /// Contributors that cannot be built.
    pub fn excluded(&self) -> &BTreeSet<usize> {
        &self.excluded
    }

    /// Something is built of a contributor that it likely does not mean.
    pub fn warn(&mut self, contributor: usize, warning: ContributorWarning) {
        self.warnings.entry(contributor).or_default().insert(warning);
    }

    /// The warnings of a contributor, which are removed.
    pub fn take_warnings(&mut self, contributor: usize) -> Vec<ContributorWarning> {
        self.warnings.remove(&contributor).into_iter().flatten().collect()
    }

    /// The findings of a contributor, which are removed.
    pub fn take_findings(&mut self, contributor: usize) -> Vec<Finding> {
        self.findings.remove(&contributor).unwrap_or_default()
    }
}
