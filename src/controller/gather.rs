//! Gather and build: answers a build's questions until it has no more.

use super::facts::FactSource;
use crate::finding::{Finding, Part};
use crate::inputs::{Facts, Halt, Query};
use crate::model::StackId;
use std::collections::BTreeSet;

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildFailure {
    /// The user must change something.
    #[error("{0}")]
    Finding(Box<Finding>),
    /// AWS or the API server did not answer.
    #[error("{0}")]
    Unanswered(crate::inputs::LookupFailure),
    /// The build asked again for what it was told: our mistake.
    #[error("the build asked twice for {0:?}")]
    AskedTwice(Query),
}

impl BuildFailure {
    /// What could not be built.
    pub fn part(&self) -> Option<Part> {
        match self {
            Self::Finding(finding) => finding.part,
            Self::Unanswered(failure) => failure.part,
            Self::AskedTwice(_) => None,
        }
    }
}

/// Builds, asking for facts as the build names them.
pub async fn build<T>(
    source: &FactSource,
    stack: &StackId,
    build: impl Fn(&Facts) -> Result<T, Halt>,
) -> Result<T, BuildFailure> {
    build_from(Facts::default(), source, stack, 0, build).await
}

/// Like [`build`], with facts that are known beforehand; each saves one more attempt. `size` is that of what is built from, in
/// bytes: what is costly runs where it holds up nobody else.
pub async fn build_from<T>(
    mut facts: Facts,
    source: &FactSource,
    stack: &StackId,
    size: usize,
    build: impl Fn(&Facts) -> Result<T, Halt>,
) -> Result<T, BuildFailure> {
    let mut asked = BTreeSet::new();
    loop {
        match source.pool.run_here(size, || build(&facts)).await {
            Ok(built) => return Ok(built),
            Err(Halt::Finding(finding)) => return Err(BuildFailure::Finding(finding)),
            Err(Halt::Unanswered(failure)) => return Err(BuildFailure::Unanswered(failure)),
            Err(Halt::Lacking(queries)) => {
                for query in queries {
                    if !asked.insert(query.clone()) {
                        return Err(BuildFailure::AskedTwice(query));
                    }
                    source.answer(stack, query, &mut facts).await;
                }
            }
        }
    }
}
