use super::super::fixture::World;
use super::*;

#[test]
fn a_filter_admits_namespaces() {
    let world = World::read(
        "kind: Namespace\nname: red\nmetadata: {labels: {team: red}}\n---\nkind: Namespace\nname: plain\n",
    );
    let none = FromNamespaces::None;
    let same = FromNamespaces::Same;
    let selector = "{from: Selector, selector: {matchLabels: {team: red}}}";
    let cases = [
        ("null", &same, "home", Some(true)),
        ("null", &same, "red", Some(false)),
        ("null", &none, "home", Some(false)),
        ("{}", &same, "home", Some(true)),
        ("{from: All}", &none, "red", Some(true)),
        ("{from: Same}", &none, "home", Some(true)),
        ("{from: Same}", &none, "red", Some(false)),
        ("{from: None}", &same, "home", Some(false)),
        ("{from: Sometimes}", &same, "home", Some(false)),
        (selector, &none, "red", Some(true)),
        (selector, &none, "plain", Some(false)),
        (selector, &none, "absent", Some(false)),
        ("{from: Selector}", &none, "red", Some(false)),
        ("{from: Selector, selector: {}}", &none, "plain", Some(true)),
        ("{from: Selector, selector: {matchExpressions: [{key: a, operator: Like}]}}", &none, "red", None),
        ("{from: Selector, selector: {matchExpressions: [{key: a, operator: Like}]}}", &none, "absent", None),
    ];
    for (filter, default, namespace, expected) in cases {
        let filter: Option<NamespaceFilter> = serde_saphyr::from_str(filter).unwrap();
        let admitted = admits(filter.as_ref(), default.clone(), "home", namespace, &world);
        assert_eq!(admitted.ok(), expected, "{filter:?} {namespace}");
    }
}
