//! Routes that are put aside because their Gateway would be too costly to be built with them.
//!
//! The costliest go first, so that whoever asks for little is served whatever others of a shared Gateway ask for.

use super::attachment::{Outcome, ParentOutcome};
use super::route::{Route, RouteProblem, RouteRules};
use crate::facts::cost::{MOST, exceeding};

/// Refuses as few routes as need be. `outcomes` has, of each route, what became of its wishes to attach.
pub fn put_aside(routes: &[Route<'_>], outcomes: &mut [Vec<ParentOutcome>]) {
    let mut attached: Vec<(&Route<'_>, &mut Vec<ParentOutcome>)> = routes.iter().zip(outcomes).collect();
    // why: the oldest has precedence in Gateway API
    attached.sort_by(|(a, _), (b, _)| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let costs: Vec<usize> = attached.iter().map(|(route, outcomes)| cost(route.rules, outcomes)).collect();
    for (number, total) in exceeding(&costs) {
        let (Some((_, outcomes)), Some(own)) = (attached.get_mut(number), costs.get(number)) else {
            continue;
        };
        let is_attached = |one: &&mut ParentOutcome| matches!(one.outcome, Outcome::Attached(_));
        for outcome in outcomes.iter_mut().filter(is_attached) {
            outcome.outcome = Outcome::Refused(vec![too_costly(*own, total)]);
        }
    }
}

/// Rules of listeners that a route comes to.
fn cost(rules: RouteRules<'_>, outcomes: &[ParentOutcome]) -> usize {
    let listeners = outcomes.iter().map(|outcome| match &outcome.outcome {
        Outcome::Attached(listeners) => listeners.len(),
        Outcome::Refused(_) | Outcome::Undecided(_) => 0,
    });
    rules.matches().saturating_mul(listeners.sum())
}

fn too_costly(own: usize, total: usize) -> RouteProblem {
    RouteProblem::unsupported(format!(
        "too costly to be built: {own} of the {total} rules of its Gateway would be its own, more than any other route's that is \
         built; at most {MOST} are tried, and a listener holds 100 rules by default; spread them over several Gateways"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::attachment::{Attached, ListenerIndex};
    use super::super::route::{RouteId, RouteKind};
    use super::*;
    use crate::api::ObjectKey;
    use crate::api::gateway::{HttpRouteMatch, HttpRouteRule};

    fn rule(matches: usize) -> HttpRouteRule {
        HttpRouteRule { matches: vec![HttpRouteMatch::default(); matches], ..HttpRouteRule::default() }
    }

    fn attached(listeners: usize) -> Vec<ParentOutcome> {
        let at = |listener| Attached { at: ListenerIndex { parent: 0, listener }, hostnames: Vec::new() };
        let outcome = Outcome::Attached((0..listeners).map(at).collect());
        vec![ParentOutcome { index: 0, outcome, undecided: Vec::new() }]
    }

    /// Matches and listeners of each route, and which routes are put aside.
    type Case = (&'static [(usize, usize)], &'static [usize]);

    #[test]
    fn the_costliest_routes_of_a_gateway_that_is_too_costly_are_put_aside() {
        let cases: &[Case] = &[
            (&[(4000, 1), (6000, 1)], &[]),
            (&[(4000, 1), (6001, 1)], &[1]),
            (&[(100, 64), (10, 64), (5000, 1)], &[0]),
            (&[(20_000, 1), (10_000, 2), (1, 1)], &[0, 1]),
            (&[(0, 1), (6000, 1), (6000, 1)], &[2]),
        ];
        for (given, expected) in cases {
            let rules: Vec<[HttpRouteRule; 1]> = given.iter().map(|(matches, _)| [rule(*matches)]).collect();
            let routes: Vec<Route<'_>> = rules
                .iter()
                .enumerate()
                .map(|(number, rules)| Route {
                    id: RouteId {
                        key: ObjectKey::namespaced("shop", format!("route-{number}").as_str()),
                        kind: RouteKind::Http,
                    },
                    generation: 1,
                    created: None,
                    parents: &[],
                    hostnames: &[],
                    rules: RouteRules::Http(rules),
                    status: None,
                })
                .collect();
            let mut outcomes: Vec<_> = given.iter().map(|(_, listeners)| attached(*listeners)).collect();
            put_aside(&routes, &mut outcomes);
            let is_refused = |number: &usize| matches!(outcomes[*number][0].outcome, Outcome::Refused(_));
            let refused: Vec<usize> = (0..given.len()).filter(is_refused).collect();
            assert_eq!(refused, *expected, "{given:?}");
        }
    }
}
