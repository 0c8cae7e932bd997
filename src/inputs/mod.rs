//! Layer 1: what one build may look at.
//!
//! A build is a pure function of the objects it is given and of [`Facts`]. When it needs to know something that is not
//! among the facts, it stops with [`Halt::Lacking`] and names the [`Query`]; the shell asks, adds the answer and builds
//! again. So what a build needs is said once, by the build itself, and nothing is looked up that is not used.

pub mod cost;
mod facts;
pub mod group;
mod live;
mod query;

pub use facts::{ExistingLoadBalancer, Facts, LookupFailure};
pub use live::{LiveListener, LiveRule, LiveStack, LiveTargetGroup};
pub use query::{Query, SubnetQuery};

use crate::finding::{Finding, Part};

/// Why a build stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// A fact is missing; ask and build again.
    Lacking(Query),
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
            Self::Lacking(query) => Self::Lacking(query),
            Self::Finding(finding) => Self::Finding(Box::new(finding.within(part))),
            Self::Unanswered(failure) => {
                Self::Unanswered(LookupFailure { part: failure.part.or(Some(part)), ..failure })
            }
        }
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
