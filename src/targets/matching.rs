//! Which wanted endpoint is which target.
//!
//! Upstream's `matchPodEndpointWithTargets` and `matchNodePortEndpointWithTargets`. A zone is never part of an identity.

use super::endpoints::{Backing, Endpoint};
use super::target_group_state::TargetRecord;
use std::collections::BTreeMap;

/// Endpoints and targets side by side, each list in the order of the identities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching<'a> {
    /// Endpoints that are targets.
    pub pairs: Vec<(&'a Endpoint, &'a TargetRecord)>,
    /// Endpoints that are no targets yet.
    pub missing: Vec<&'a Endpoint>,
    /// Targets that are no endpoints any more.
    pub surplus: Vec<&'a TargetRecord>,
}

/// Matches endpoints with targets that do not drain. Of several with the same identity the last counts.
pub fn match_targets<'a>(
    endpoints: &'a [Endpoint],
    records: impl IntoIterator<Item = &'a TargetRecord>,
) -> Matching<'a> {
    let with_nodes = endpoints.iter().any(|endpoint| matches!(endpoint.backing, Backing::Node(_)));
    let wanted: BTreeMap<String, &Endpoint> =
        endpoints.iter().map(|endpoint| (endpoint.identity(), endpoint)).collect();
    let mut present: BTreeMap<String, &TargetRecord> = records
        .into_iter()
        .map(|record| (if with_nodes { record.id_and_port() } else { record.identity() }, record))
        .collect();
    let mut matching = Matching::default();
    for (identity, endpoint) in wanted {
        match present.remove(&identity) {
            Some(record) => matching.pairs.push((endpoint, record)),
            None => matching.missing.push(endpoint),
        }
    }
    matching.surplus = present.into_values().collect();
    matching
}

#[cfg(test)]
mod tests;
