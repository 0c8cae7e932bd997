//! Gather and build: answers a build's questions until it has no more.

use super::fact_source::FactSource;
use crate::facts::{BuildError, Facts, Lookup};
use crate::finding::{Finding, Part};
use crate::model::StackId;
use std::collections::BTreeSet;

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The user must change something.
    #[error("{0}")]
    Invalid(Box<Finding>),
    /// AWS or the API server did not answer.
    #[error("{0}")]
    LookupFailed(crate::facts::LookupFailure),
    /// The build asked again for what it was told: our mistake.
    #[error("the build asked twice for {0:?}")]
    RepeatedLookup(Lookup),
}

impl GatherError {
    /// What could not be built.
    pub fn part(&self) -> Option<Part> {
        match self {
            Self::Invalid(finding) => finding.part,
            Self::LookupFailed(failure) => failure.part,
            Self::RepeatedLookup(_) => None,
        }
    }
}

/// Builds, asking for facts as the build names them.
pub async fn build<T>(
    source: &FactSource,
    stack: &StackId,
    build: impl Fn(&Facts) -> Result<T, BuildError>,
) -> Result<T, GatherError> {
    build_from(Facts::default(), source, stack, 0, build).await
}

/// Like [`build`], with facts that are known beforehand; each saves one more attempt. `size` is that of what is built from, in
/// bytes: what is costly runs where it holds up nobody else.
pub async fn build_from<T>(
    mut facts: Facts,
    source: &FactSource,
    stack: &StackId,
    size: usize,
    build: impl Fn(&Facts) -> Result<T, BuildError>,
) -> Result<T, GatherError> {
    let mut asked = BTreeSet::new();
    loop {
        match source.pool.run_here(size, || build(&facts)).await {
            Ok(built) => {
                source.note_secrets(stack, &asked);
                return Ok(built);
            }
            Err(BuildError::Invalid(finding)) => {
                source.note_secrets(stack, &asked);
                return Err(GatherError::Invalid(finding));
            }
            Err(BuildError::LookupFailed(failure)) => {
                source.note_secrets(stack, &asked);
                return Err(GatherError::LookupFailed(failure));
            }
            Err(BuildError::MissingFacts(lookups)) => {
                for lookup in lookups {
                    if !asked.insert(lookup.clone()) {
                        return Err(GatherError::RepeatedLookup(lookup));
                    }
                    source.answer(stack, lookup, &mut facts).await;
                }
            }
        }
    }
}
