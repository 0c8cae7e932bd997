#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;

#[test]
fn a_binding_is_found_by_everything_that_changes_about_it() {
    let binding: TargetGroupBinding = serde_json::from_value(json!({
        "metadata": {
            "namespace": "shop", "name": "tgb",
            "labels": {"ingress.k8s.aws/stack": "team"},
        },
        "spec": {
            "targetGroupARN": "arn:tg", "iamRoleArnToAssume": "arn:role", "targetType": "instance",
            "serviceRef": {"name": "web", "port": 80},
        },
    }))
    .unwrap();
    let team = StackId { owner: Owner::Ingress, namespace: String::new(), name: "team".to_owned() };
    let expected = [
        ObjectKey::cluster("arn:tg"),
        ObjectKey::cluster("arn:role"),
        bindings_of_service(&ObjectKey::namespaced("shop", "web")),
        bindings_of_nodes(),
        bindings_of_stack(&team),
    ];
    assert_eq!(of_binding(&binding), expected);
}

#[test]
fn a_binding_is_of_the_stack_whose_labels_it_carries() {
    for owner in Owner::VARIANTS {
        for namespace in ["", "shop"] {
            let stack = StackId { owner: *owner, namespace: namespace.to_owned(), name: "web".to_owned() };
            let binding: TargetGroupBinding = serde_json::from_value(json!({
                "metadata": {"namespace": "shop", "name": "tgb", "labels": stack.labels()},
                "spec": {"serviceRef": {"name": "web", "port": 80}},
            }))
            .unwrap();
            assert_eq!(stack_of(&binding), Some(stack));
        }
    }
}

#[test]
fn names_in_actions_are_found_whether_or_not_they_are_json() {
    let names = |text: &'static str| quoted_names(text).collect::<Vec<_>>();
    assert_eq!(names(r#"{"serviceName":"api","x":1}"#), ["api", "x"]);
    assert_eq!(names(r#"oops "api" "web""#), ["api", "web"]);
    assert_eq!(names(r#"{"Name":"Not A Name"}"#), Vec::<&str>::new());
}
