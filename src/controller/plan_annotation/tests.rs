#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

/// The changes of members that carry these plans, by name.
fn changed(carried: &[Option<&str>], plan: Option<&str>) -> Vec<(String, Option<String>)> {
    let members: Vec<(ObjectKey, Ingress)> = carried
        .iter()
        .enumerate()
        .map(|(place, plan)| {
            let mut ingress = Ingress::default();
            let annotation = plan.map(|plan| (ANNOTATION.to_owned(), plan.to_owned()));
            ingress.metadata.annotations = Some(annotation.into_iter().collect());
            (ObjectKey::namespaced("shop", place.to_string()), ingress)
        })
        .collect();
    let changes = changes(members.iter().map(|(key, ingress)| (key, ingress)), plan);
    changes.into_iter().map(|(key, plan)| (key.name().to_owned(), plan.map(str::to_owned))).collect()
}

#[test]
fn the_plan_stands_on_the_first_member_only_and_is_written_when_it_differs() {
    let write = |name: &str, plan: Option<&str>| (name.to_owned(), plan.map(str::to_owned));
    let cases = [
        (vec![None, None], Some("{}"), vec![write("0", Some("{}"))]),
        (vec![Some("{}"), None], Some("{}"), vec![]),
        (vec![Some("old"), Some("{}")], Some("{}"), vec![write("0", Some("{}")), write("1", None)]),
        (vec![Some("{}"), Some("x")], None, vec![write("0", None), write("1", None)]),
        (vec![None, None], None, vec![]),
        (vec![], Some("{}"), vec![]),
    ];
    for (carried, plan, expected) in cases {
        assert_eq!(changed(&carried, plan), expected, "{carried:?} with {plan:?}");
    }
}
