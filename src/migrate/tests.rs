#![allow(clippy::unwrap_used, clippy::panic)]
//! What holds for every input: nothing panics, no name is used twice, no object is larger than the API server takes.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn ingress(name: &str, annotations: &[(String, String)], paths: &[(String, String, String)]) -> Arc<Ingress> {
    let rules: Vec<Value> = paths
        .iter()
        .map(|(host, path, type_)| {
            let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
            let path = json!({"path": path, "pathType": type_, "backend": backend});
            json!({"host": host, "http": {"paths": [path]}})
        })
        .collect();
    let annotations: BTreeMap<&String, &String> =
        annotations.iter().map(|(key, value)| (key, value)).collect();
    let object = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "shop", "annotations": annotations},
        "spec": {"ingressClassName": "alb", "rules": rules},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

/// An annotation that the table knows, with a value that is right for it, for another one, or for none.
fn annotation() -> impl Strategy<Value = (String, String)> {
    let rows: Vec<(String, Vec<&'static str>)> = crate::annotations::table::rows()
        .filter(|row| row.is_read_from("Ingress"))
        .map(|row| {
            (
                row.key().replace("<name>", "web").replace("<PROTOCOL>-<port>", "HTTP-80"),
                row.examples.to_vec(),
            )
        })
        .collect();
    let examples: Vec<&'static str> = rows.iter().flat_map(|(_, examples)| examples.clone()).collect();
    let right = prop::sample::select(rows.clone())
        .prop_flat_map(|(key, examples)| (Just(key), prop::sample::select(examples)));
    let wrong = (prop::sample::select(rows), prop::sample::select(examples))
        .prop_map(|((key, _), value)| (key, value));
    prop_oneof![3 => right, 1 => wrong].prop_map(|(key, value)| (key, value.to_owned()))
}

fn path() -> impl Strategy<Value = (String, String, String)> {
    let type_ = "(Exact|Prefix|ImplementationSpecific)";
    ("(|a\\.example|\\*\\.example|B\\.example)", "/(|\\*|a|a/\\*|a\\*b|\\?|a//b|ä)", type_)
}

fn length(object: &Value, pointer: &str) -> usize {
    object.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
}

proptest! {
    #[test]
    fn whatever_is_asked_for_comes_out_in_objects_of_their_own(
        one in prop::collection::vec(annotation(), 0..6),
        other in prop::collection::vec(annotation(), 0..6),
        paths in prop::collection::vec(path(), 0..40),
    ) {
        let input = Input { ingresses: vec![ingress("web", &one, &paths), ingress("other", &other, &paths)], ..Input::default() };
        let config = Config::default();
        let migration = translate(&input, Options { is_dry_run: true, with_services: true }, &config);
        let mut names = BTreeSet::new();
        for object in migration.objects() {
            let name = (object["kind"].to_string(), object["metadata"].to_string());
            prop_assert!(names.insert(name), "{object}");
            prop_assert!(length(object, "/spec/rules") <= 16 && length(object, "/spec/hostnames") <= 16);
        }
        verify::compare(&migration, &input, &config);
        cutover::guide(&migration, true);
    }
}

#[test]
fn an_ingress_of_many_hosts_and_paths_is_split_and_stays_the_same() {
    let paths: Vec<(String, String, String)> =
        (0..50).map(|at| (format!("h{}.example", at % 20), format!("/p{at}"), "Prefix".to_owned())).collect();
    let target = [("alb.ingress.kubernetes.io/target-type".to_owned(), "ip".to_owned())];
    let input = Input { ingresses: vec![ingress("web", &target, &paths)], ..Input::default() };
    let config = Config::default();
    let migration = translate(&input, Options::default(), &config);
    assert!(migration.routes.len() > 16);
    let [compared] = <[verify::Compared; 1]>::try_from(verify::compare(&migration, &input, &config)).unwrap();
    assert!(!compared.changes_traffic(), "{compared}");
}
