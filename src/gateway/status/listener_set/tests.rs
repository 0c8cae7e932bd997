use super::super::super::Controller;
use super::super::super::fixture::{LENIENT, World};
use super::super::tests::{describe, moment};
use super::*;

fn world(allowed: &str, listeners: &str) -> World {
    World::read(&format!(
        "kind: Gateway\nname: a/edge\nspec: {{allowedListeners: {{namespaces: {allowed}}}, listeners: [{{name: http, port: 80, protocol: HTTP}}]}}\n---\nkind: ListenerSet\nname: a/set\nspec: {{parentRef: {{name: edge}}, listeners: {listeners}}}\n"
    ))
}

fn status(world: &World, old: &ListenerSetStatus, is_active: bool) -> Option<ListenerSetStatus> {
    let sets = world.sorted_sets(LENIENT);
    let offer = world.offer(Controller::Alb, LENIENT);
    let outcomes = set_outcomes(&offer, &sets);
    set_status(old, &outcomes[&ObjectKey::namespaced("a", "set")], &BTreeMap::new(), is_active, moment(3, 10))
}

#[test]
fn a_set_tells_what_became_of_it() {
    let good = "[{name: x, port: 81, protocol: HTTP}]";
    let mixed = "[{name: x, port: 81, protocol: HTTP}, {name: z, port: 80, protocol: HTTPS}]";
    let bad = "[{name: z, port: 80, protocol: HTTPS}]";
    let odd = "{from: Selector, selector: {matchExpressions: [{key: a, operator: Like}]}}";
    let pending = "Programmed=False Pending \"Parent gateway not yet programmed\"";
    let rejected = "\"Parent Gateway rejected ListenerSet\"";
    let cases = [
        (
            "{from: All}",
            good,
            true,
            vec!["Accepted=True Accepted \"Accepted\"", "Programmed=True Programmed \"Programmed\""],
        ),
        ("{from: All}", good, false, vec!["Accepted=True Accepted \"Accepted\"", pending]),
        (
            "{from: All}",
            mixed,
            true,
            vec![
                "Accepted=True ListenersNotValid \"Some listeners are not valid\"",
                "Programmed=True Programmed \"Programmed\"",
            ],
        ),
        (
            "{from: All}",
            bad,
            true,
            vec![
                "Accepted=False ListenersNotValid \"Some listeners are not valid\"",
                "Programmed=False ListenersNotValid \"No valid listeners to materialize\"",
            ],
        ),
        (
            "{from: All}",
            bad,
            false,
            vec!["Accepted=False ListenersNotValid \"Some listeners are not valid\"", pending],
        ),
        (
            odd,
            good,
            true,
            vec![
                "Accepted=Unknown Pending \"allowedListeners of the Gateway: label selector has operator `Like` for key `a`, expected In, NotIn, Exists or DoesNotExist\"",
            ],
        ),
    ];
    for (allowed, listeners, is_active, expected) in cases {
        let found = status(&world(allowed, listeners), &ListenerSetStatus::default(), is_active).unwrap();
        assert_eq!(describe(&found.conditions), expected, "{allowed} {listeners} {is_active}");
    }
    let found = status(&world("{from: None}", good), &ListenerSetStatus::default(), true).unwrap();
    assert_eq!(
        describe(&found.conditions),
        [format!("Accepted=False NotAllowed {rejected}"), format!("Programmed=False NotAllowed {rejected}")]
    );
    assert!(found.listeners.is_empty());
}

#[test]
fn listeners_of_a_set_have_conditions_as_those_of_a_gateway() {
    let mixed =
        world("{from: All}", "[{name: x, port: 81, protocol: HTTP}, {name: z, port: 80, protocol: HTTPS}]");
    let found = status(&mixed, &ListenerSetStatus::default(), true).unwrap();
    let programmed: Vec<&str> = found.listeners.iter().map(|one| one.conditions[3].reason.as_str()).collect();
    assert_eq!(programmed, ["Programmed", "ProtocolConflict"]);
    assert_eq!(status(&mixed, &found, true), None);
    assert!(status(&mixed, &found, false).is_some());
}
