use std::fmt::Write;

use super::super::fixture::{LENIENT, World};
use super::*;

fn sets(allowed: &str, sets: &[(&str, &str)]) -> World {
    let mut text = format!(
        "kind: Gateway\nname: infra/edge\nspec: {{allowedListeners: {allowed}}}\n---\nkind: Namespace\nname: team\nmetadata: {{labels: {{open: 'yes'}}}}\n"
    );
    for (name, rest) in sets {
        write!(text, "---\nkind: ListenerSet\nname: {name}\n{rest}\n").unwrap();
    }
    World::read(&text)
}

fn names_of(sets: &[&ListenerSet]) -> Vec<String> {
    sets.iter().map(|set| ObjectKey::of(*set).to_string()).collect()
}

#[test]
fn a_gateway_admits_sets_by_their_namespace() {
    let team = ("team/set", "spec: {parentRef: {name: edge, namespace: infra}}");
    let own = ("infra/set", "spec: {parentRef: {name: edge, kind: Gateway}}");
    let cases = [
        ("null", vec![], vec!["infra/set", "team/set"]),
        ("{}", vec![], vec!["infra/set", "team/set"]),
        ("{namespaces: {}}", vec![], vec!["infra/set", "team/set"]),
        ("{namespaces: {from: None}}", vec![], vec!["infra/set", "team/set"]),
        ("{namespaces: {from: Same}}", vec!["infra/set"], vec!["team/set"]),
        ("{namespaces: {from: All}}", vec!["infra/set", "team/set"], vec![]),
        (
            "{namespaces: {from: Selector, selector: {matchLabels: {open: 'yes'}}}}",
            vec!["team/set"],
            vec!["infra/set"],
        ),
        ("{namespaces: {from: Selector}}", vec![], vec!["infra/set", "team/set"]),
        ("{namespaces: {from: Never}}", vec![], vec!["infra/set", "team/set"]),
    ];
    for (allowed, accepted, rejected) in cases {
        let world = sets(allowed, &[team, own]);
        let sorted = world.sorted_sets(LENIENT);
        assert_eq!(
            (names_of(&sorted.accepted), names_of(&sorted.rejected)),
            (own_all(accepted), own_all(rejected)),
            "{allowed}"
        );
    }
}

fn own_all(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn sets_of_others_are_nobodys() {
    let cases = [
        ("infra/a", "spec: {parentRef: {name: other}}"),
        ("team/b", "spec: {parentRef: {name: edge}}"),
        ("infra/c", "spec: {parentRef: {name: edge, kind: Service}}"),
        ("infra/d", ""),
    ];
    let world = sets("{namespaces: {from: All}}", &cases);
    let sorted = world.sorted_sets(LENIENT);
    assert!(sorted.accepted.is_empty() && sorted.rejected.is_empty());
    let world = sets("{namespaces: {from: All}}", &[("infra/set", "spec: {parentRef: {name: edge}}")]);
    assert!(world.sorted_sets(GatewayOptions::default()).accepted.is_empty(), "the gate is off");
}

#[test]
fn a_selector_without_a_meaning_decides_nothing() {
    let allowed = "{namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Like}]}}}";
    let world = sets(allowed, &[("infra/set", "spec: {parentRef: {name: edge}}")]);
    let sorted = world.sorted_sets(LENIENT);
    assert_eq!((sorted.accepted.len(), sorted.rejected.len(), sorted.undecided.len()), (0, 0, 1));
}

#[test]
fn the_oldest_set_comes_first_then_by_name() {
    let set = |created: &str| {
        format!(
            "metadata: {{creationTimestamp: '2026-01-01T00:00:{created}Z'}}\nspec: {{parentRef: {{name: edge, namespace: infra}}}}"
        )
    };
    let (old, young, later_in_second) = (set("01"), set("05"), set("05.9"));
    let all = [
        ("z/young", young.as_str()),
        ("a/later", later_in_second.as_str()),
        ("z/old", old.as_str()),
        ("b/young", young.as_str()),
    ];
    let world = sets("{namespaces: {from: All}}", &all);
    assert_eq!(names_of(&world.sorted_sets(LENIENT).accepted), ["z/old", "a/later", "b/young", "z/young"]);
}
