#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::facts::group::{explicit_group, implicit_group, load_group};
use serde_json::{Value, json};

fn put(stores: &Stores, name: &str, class: Option<&str>, annotations: &Value, finalizers: &[&str]) {
    let ingress: Ingress = serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": name, "annotations": annotations, "finalizers": finalizers},
        "spec": {"ingressClassName": class},
    }))
    .unwrap();
    stores.ingresses.apply(ObjectKey::of(&ingress), ingress);
}

fn put_class(stores: &Stores, name: &str, group: Option<&str>, is_default: bool) {
    let params =
        json!({"metadata": {"name": name}, "spec": {"group": group.map(|name| json!({"name": name}))}});
    stores.ingress_class_params.apply(ObjectKey::cluster(name), serde_json::from_value(params).unwrap());
    let class = json!({
        "metadata": {
            "name": name,
            "annotations": {"ingressclass.kubernetes.io/is-default-class": is_default.to_string()},
        },
        "spec": {
            "controller": "ingress.k8s.aws/alb",
            "parameters": {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": name},
        },
    });
    stores.ingress_classes.apply(ObjectKey::cluster(name), serde_json::from_value(class).unwrap());
}

/// Members and departing members of a group, of the candidates and of all.
fn found(stores: &Stores, group: &StackId) -> [Vec<String>; 2] {
    let (classes, config) = (Classes::of(stores), Config::default());
    [classes.candidates(stores, group), stores.ingresses.list()].map(|ingresses| {
        let group = load_group(group, &ingresses, &classes.view(), &config);
        let members = group.members.into_iter().map(|member| member.key.to_string());
        members
            .chain(
                group
                    .departing
                    .iter()
                    .map(|departing_ingress| format!("- {}", ObjectKey::of(&**departing_ingress))),
            )
            .collect()
    })
}

#[test]
fn a_group_is_found_wherever_its_ingresses_say_so() {
    let stores = Stores::new(&Config::default());
    put_class(&stores, "alb", None, false);
    put_class(&stores, "shared", Some("by-class"), false);
    put_class(&stores, "usual", Some("by-default"), true);
    let named = |name: &str| json!({"alb.ingress.kubernetes.io/group.name": name});
    put(&stores, "alone", Some("alb"), &json!({}), &[]);
    put(&stores, "member", Some("alb"), &named("team"), &[]);
    put(&stores, "leaver", Some("alb"), &named("other"), &["group.ingress.k8s.aws/team"]);
    put(&stores, "by-class", Some("shared"), &named("team"), &[]);
    put(&stores, "by-default", None, &json!({}), &[]);
    put(&stores, "lost", Some("nobody"), &named("other"), &["group.ingress.k8s.aws/team"]);
    let cases = [
        (explicit_group("team"), vec!["shop/lost", "shop/member", "- shop/leaver"]),
        (explicit_group("other"), vec!["shop/leaver"]),
        (explicit_group("by-class"), vec!["shop/by-class"]),
        (explicit_group("by-default"), vec!["shop/by-default"]),
        (implicit_group(&ObjectKey::namespaced("shop", "alone")), vec!["shop/alone"]),
        (implicit_group(&ObjectKey::namespaced("shop", "member")), vec![]),
        (explicit_group("nobody"), vec![]),
    ];
    for (group, expected) in cases {
        let [by_place, by_all] = found(&stores, &group);
        assert_eq!(
            (by_place, &by_all),
            (by_all.clone(), &expected.iter().map(|&name| name.to_owned()).collect()),
            "{group}"
        );
    }
}

#[test]
fn a_group_among_ten_thousand_ingresses_looks_at_its_own() {
    let stores = Stores::new(&Config::default());
    put_class(&stores, "alb", None, false);
    for number in 0..10_000 {
        let group = json!({"alb.ingress.kubernetes.io/group.name": format!("team-{}", number / 2)});
        put(&stores, &format!("web-{number}"), Some("alb"), &group, &[]);
    }
    let classes = Classes::of(&stores);
    assert_eq!(classes.candidates(&stores, &explicit_group("team-7")).len(), 2);
    let alone = implicit_group(&ObjectKey::namespaced("shop", "web-7"));
    assert_eq!(classes.candidates(&stores, &alone).len(), 1);
}
