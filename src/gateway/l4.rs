//! What an NLB listener serves: the rules of one route.

use super::attachment::PortRoutes;
use super::backends::{LoadedRule, Weighted};
use super::route::Route;

/// The route that a port serves: the oldest, then by namespace and name, whatever its kind.
pub fn winner(port: &PortRoutes, routes: &[Route<'_>]) -> Option<usize> {
    let attached =
        port.routes.iter().filter_map(|attached| Some((attached.route, routes.get(attached.route)?)));
    let first = attached.min_by_key(|(_, route)| {
        let created = route.created.map(jiff::Timestamp::as_millisecond);
        (created, route.id.key.to_string(), route.id.kind)
    });
    first.map(|(index, _)| index)
}

/// The backends of a route, of all its rules in order. If none of them gets requests there is no listener.
///
/// A rule that is refused is left out, and one whose shares cannot be had.
pub fn backends(rules: &[LoadedRule]) -> Vec<&Weighted> {
    let served = rules.iter().filter(|rule| rule.refusal.is_none() && rule.kept_shares.is_none());
    served.flat_map(|rule| &rule.backends).collect()
}

#[cfg(test)]
mod tests;
