//! Layer 1: what one build may look at.
//!
//! A build is a pure function of the objects it is given and of [`Facts`]. When it needs to know something that is not among
//! the facts, it stops with [`BuildError::MissingFacts`] and names each [`Lookup`]; the shell asks, adds the answers and builds
//! again. Parts that do not depend on each other ask together ([`MissingLookups`]), so that a build is not repeated for each.
//! So what a build needs is said once, by the build itself, and nothing is looked up that is not used.

mod answers;
pub mod cost;
pub mod group;
mod live_stack;
mod lookup;
pub mod object_refs;

pub use answers::{ExistingLoadBalancer, FactResult, Facts, LookupFailure, SecretCertificate};
pub use live_stack::{LiveListener, LiveRule, LiveStack, LiveTargetGroup};
pub use lookup::{Lookup, SubnetLookup};

use crate::finding::{Finding, Part};
use std::collections::BTreeSet;

/// Why a build stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// Facts are missing; ask and build again.
    MissingFacts(Vec<Lookup>),
    /// The user must change something.
    Invalid(Box<Finding>),
    /// A fact could not be had; nobody's mistake, try again later.
    LookupFailed(LookupFailure),
}

impl BuildError {
    /// Says what could not be built, unless that is said more precisely already.
    #[must_use]
    pub fn within(self, part: Part) -> Self {
        match self {
            Self::MissingFacts(lookups) => Self::MissingFacts(lookups),
            Self::Invalid(finding) => Self::Invalid(Box::new(finding.within(part))),
            Self::LookupFailed(failure) => {
                Self::LookupFailed(LookupFailure { part: failure.part.or(Some(part)), ..failure })
            }
        }
    }
}

impl From<Lookup> for BuildError {
    fn from(lookup: Lookup) -> Self {
        Self::MissingFacts(vec![lookup])
    }
}

/// The questions of parts of a build that do not depend on each other.
#[derive(Debug, Default)]
pub struct MissingLookups(BTreeSet<Lookup>);

impl MissingLookups {
    /// What a part came to; `None`: it lacks facts, which are asked for with those of the other parts.
    ///
    /// Errors: what stops the build. While facts are missing these are asked for first: with them an earlier part may stop it.
    pub fn collect<T>(&mut self, part: Result<T, BuildError>) -> Result<Option<T>, BuildError> {
        match part {
            Ok(value) => Ok(Some(value)),
            Err(BuildError::MissingFacts(lookups)) => {
                self.0.extend(lookups);
                Ok(None)
            }
            Err(build_error) => {
                self.ask()?;
                Err(build_error)
            }
        }
    }

    /// Asks what the parts lack; nothing happens if they lack nothing.
    pub fn ask(&mut self) -> Result<(), BuildError> {
        let lookups = std::mem::take(&mut self.0);
        if lookups.is_empty() { Ok(()) } else { Err(BuildError::MissingFacts(lookups.into_iter().collect())) }
    }
}

impl From<Finding> for BuildError {
    fn from(finding: Finding) -> Self {
        Self::Invalid(Box::new(finding))
    }
}

impl From<LookupFailure> for BuildError {
    fn from(failure: LookupFailure) -> Self {
        Self::LookupFailed(failure)
    }
}
