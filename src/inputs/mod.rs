//! Layer 1: what one build may look at.
//!
//! A build is a pure function of the objects it is given and of [`Facts`]. When it needs to know something that is not
//! among the facts, it stops with [`Halt::Lacking`] and names each [`Query`]; the shell asks, adds the answers and builds
//! again. Parts that do not depend on each other ask together ([`Questions`]), so that a build is not repeated for each. So what a build needs is said once, by the build itself, and nothing is looked up that is not used.

pub mod cost;
mod facts;
pub mod group;
mod live;
mod query;

pub use facts::{ExistingLoadBalancer, Facts, LookupFailure};
pub use live::{LiveListener, LiveRule, LiveStack, LiveTargetGroup};
pub use query::{Query, SubnetQuery};

use crate::finding::{Finding, Part};
use std::collections::BTreeSet;

/// Why a build stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Facts are missing; ask and build again.
    Lacking(Vec<Query>),
    /// The user must change something.
    Finding(Box<Finding>),
    /// A fact could not be had; nobody's mistake, try again later.
    Unanswered(LookupFailure),
}

impl Halt {
    /// Says what could not be built, unless that is said more precisely already.
    #[must_use]
    pub fn within(self, part: Part) -> Self {
        match self {
            Self::Lacking(queries) => Self::Lacking(queries),
            Self::Finding(finding) => Self::Finding(Box::new(finding.within(part))),
            Self::Unanswered(failure) => {
                Self::Unanswered(LookupFailure { part: failure.part.or(Some(part)), ..failure })
            }
        }
    }
}

impl From<Query> for Halt {
    fn from(query: Query) -> Self {
        Self::Lacking(vec![query])
    }
}

/// The questions of parts of a build that do not depend on each other.
#[derive(Debug, Default)]
pub struct Questions(BTreeSet<Query>);

impl Questions {
    /// What a part came to; `None`: it lacks facts, which are asked for with those of the other parts.
    ///
    /// Errors: what stops the build. While facts are missing these are asked for first: with them an earlier part may stop it.
    pub fn collect<T>(&mut self, part: Result<T, Halt>) -> Result<Option<T>, Halt> {
        match part {
            Ok(value) => Ok(Some(value)),
            Err(Halt::Lacking(queries)) => {
                self.0.extend(queries);
                Ok(None)
            }
            Err(halt) => {
                self.ask()?;
                Err(halt)
            }
        }
    }

    /// Asks what the parts lack; nothing happens if they lack nothing.
    pub fn ask(&mut self) -> Result<(), Halt> {
        let queries = std::mem::take(&mut self.0);
        if queries.is_empty() { Ok(()) } else { Err(Halt::Lacking(queries.into_iter().collect())) }
    }
}

impl From<Finding> for Halt {
    fn from(finding: Finding) -> Self {
        Self::Finding(Box::new(finding))
    }
}

impl From<LookupFailure> for Halt {
    fn from(failure: LookupFailure) -> Self {
        Self::Unanswered(failure)
    }
}
