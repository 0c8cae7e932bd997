#![allow(clippy::unwrap_used, clippy::panic)]
//! What holds for every input: nothing panics, no name is used twice, no object is larger than the API server takes. And what must
//! not be lost without a word: restrictions, members of groups, settings of classes.

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
        let input = MigrationInput { ingresses: vec![ingress("web", &one, &paths), ingress("other", &other, &paths)], ..MigrationInput::default() };
        let config = Config::default();
        let migration = translate(&input, MigrationOptions { is_dry_run: true, with_services: true, in_place: false }, &config);
        let mut names = BTreeSet::new();
        for object in migration.objects() {
            let name = (object["kind"].to_string(), object["metadata"].to_string());
            prop_assert!(names.insert(name), "{object}");
            prop_assert!(length(object, "/spec/rules") <= 16 && length(object, "/spec/hostnames") <= 16);
        }
        let compared = verify::compare(&migration, &input, &config);
        prop_assert_eq!(compared.len(), migration.sources.len());
        for one in compared {
            prop_assert!(!matches!(one.obstacle, Some(verify::Obstacle::Unanswered(_))), "{}", one);
        }
        cutover::guide(&migration, true);
    }
}

#[test]
fn an_ingress_of_many_hosts_and_paths_is_split_and_stays_the_same() {
    let paths: Vec<(String, String, String)> =
        (0..50).map(|at| (format!("h{}.example", at % 20), format!("/p{at}"), "Prefix".to_owned())).collect();
    let target = [("alb.ingress.kubernetes.io/target-type".to_owned(), "ip".to_owned())];
    let input =
        MigrationInput { ingresses: vec![ingress("web", &target, &paths)], ..MigrationInput::default() };
    let config = Config::default();
    let migration = translate(&input, MigrationOptions::default(), &config);
    assert!(migration.routes.len() > 16);
    let [compared] = <[verify::Compared; 1]>::try_from(verify::compare(&migration, &input, &config)).unwrap();
    assert_eq!(compared.obstacle, None);
    assert!(!compared.changes_traffic(), "{compared}");
}

/// An Ingress with one path, whose backend is a port of a Service of the same name as the Ingress.
fn one_path(name: &str, class: &str, port: &Value, annotations: &[(&str, &str)]) -> Arc<Ingress> {
    let full = |key: &str| {
        if key.contains('/') { key.to_owned() } else { format!("alb.ingress.kubernetes.io/{key}") }
    };
    let mut all: BTreeMap<String, &str> =
        annotations.iter().map(|(key, value)| (full(key), *value)).collect();
    all.entry(full("target-type")).or_insert("ip");
    let backend = json!({"service": {"name": name, "port": port}});
    let path = json!({"path": format!("/{name}"), "pathType": "Exact", "backend": backend});
    let object = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "shop", "annotations": all},
        "spec": {"ingressClassName": class, "rules": [{"http": {"paths": [path]}}]},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

fn translated(ingresses: Vec<Arc<Ingress>>) -> (MigrationInput, Migration) {
    let input = MigrationInput { ingresses, ..MigrationInput::default() };
    let migration = translate(&input, MigrationOptions::default(), &Config::default());
    (input, migration)
}

fn only_compared(input: &MigrationInput, migration: &Migration) -> verify::Compared {
    let compared = verify::compare(migration, input, &Config::default());
    <[verify::Compared; 1]>::try_from(compared).unwrap().into_iter().next().unwrap()
}

fn number() -> Value {
    json!({"number": 80})
}

#[test]
fn a_rule_whose_condition_restricts_nothing_is_not_made() {
    let cases = [
        (r#"[{"field": "source-ip"}]"#, "needs sourceIPConfig"),
        (
            r#"[{"field": "source-ip", "sourceIpsConfig": {"values": ["10.0.0.0/8"]}}]"#,
            "needs sourceIPConfig",
        ),
        (r#"[{"field": "source-ip", "sourceIPConfig": {"values": []}}]"#, "no values in sourceIPConfig"),
        (
            r#"[{"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X"}}]"#,
            "no values in httpHeader",
        ),
        (r#"[{"field": "path-pattern", "pathPatternConfig": {}}]"#, "no values in pathPatternConfig"),
        (r#"[{"field": "host-header", "hostHeaderConfig": {}}]"#, "no values in hostHeaderConfig"),
        (r#"[{"field": "http-request-method"}]"#, "needs httpRequestMethodConfig"),
        (r#"[{"field": "query-string", "queryStringConfig": {}}]"#, "no values in queryStringConfig"),
    ];
    for (conditions, expected) in cases {
        let (_, migration) =
            translated(vec![one_path("web", "alb", &number(), &[("conditions.web", conditions)])]);
        assert!(migration.routes.is_empty(), "{conditions}: {:?}", migration.routes);
        let [error] = migration.errors.as_slice() else { panic!("{conditions}: {:?}", migration.errors) };
        assert!(error.contains("ingress shop/web") && error.contains(expected), "{conditions}: {error}");
    }
    let whole = r#"[{"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}}]"#;
    let (_, migration) = translated(vec![one_path("web", "alb", &number(), &[("conditions.web", whole)])]);
    assert!(migration.errors.is_empty() && migration.routes.len() == 1);
}

#[test]
fn a_listener_whose_client_certificates_cannot_be_read_is_not_made() {
    let https = [("listen-ports", r#"[{"HTTPS": 443}]"#), ("certificate-arn", "arn:cert")];
    for mutual in [
        "{",
        r#"[{"port": 443, "mode": "verfy", "trustStore": "clients"}]"#,
        r#"[{"port": 443, "mode": "verify"}]"#,
    ] {
        let mut annotations = https.to_vec();
        annotations.push(("mutual-authentication", mutual));
        let (_, migration) = translated(vec![one_path("web", "alb", &number(), &annotations)]);
        assert!(migration.gateways.is_empty(), "{mutual}");
        let [error] = migration.errors.as_slice() else { panic!("{mutual}: {:?}", migration.errors) };
        assert!(error.contains("mutual-authentication"), "{error}");
    }
}

#[test]
fn a_member_that_is_refused_today_does_not_keep_the_others_from_being_compared() {
    let both =
        r#"[{"field": "host-header", "hostHeaderConfig": {"values": ["a.example"], "regexValues": ["b"]}}]"#;
    let (input, migration) = translated(vec![
        one_path("fine", "alb", &number(), &[("group.name", "team")]),
        one_path("odd", "alb", &number(), &[("group.name", "team"), ("conditions.odd", both)]),
    ]);
    let compared = only_compared(&input, &migration);
    assert_eq!(compared.obstacle, None);
    assert!(compared.changes_traffic());
    let refused = compared.differences.iter().find(|found| found.what == "Ingress shop/odd").unwrap();
    assert_eq!((refused.before.as_str(), refused.after.as_str()), ("refused", "served"));
    assert!(compared.differences.iter().any(|found| found.what.starts_with("targets of shop/fine:80")));
}

#[test]
fn what_could_not_be_compared_counts_as_changed() {
    for obstacle in [verify::Obstacle::Today, verify::Obstacle::Unanswered, verify::Obstacle::Generated] {
        let compared = verify::Compared {
            source: String::new(),
            gateway: ObjectKey::namespaced("shop", "web"),
            obstacle: Some(obstacle("unknown".to_owned())),
            differences: Vec::new(),
        };
        assert!(compared.changes_traffic(), "{compared}");
    }
}

#[test]
fn a_group_that_loses_a_member_is_not_the_same_load_balancer() {
    let (input, migration) = translated(vec![
        one_path("kept", "alb", &number(), &[("group.name", "team")]),
        one_path("lost", "alb", &json!({"name": "http"}), &[("group.name", "team")]),
    ]);
    assert_eq!(migration.errors.len(), 1);
    let compared = only_compared(&input, &migration);
    assert_eq!(compared.obstacle, None);
    let lost = compared.differences.iter().find(|found| found.what == "listener 80, requests for /lost");
    assert!(lost.unwrap().before.contains("forward to shop/lost"), "{compared}");
}

#[test]
fn the_class_annotation_is_read_as_the_controller_reads_it() {
    let class = |name: &str, controller: &str| {
        let object = json!({"metadata": {"name": name}, "spec": {"controller": controller}});
        Arc::new(serde_json::from_value::<IngressClass>(object).unwrap())
    };
    // configured class, annotation, spec.ingressClassName; whether the Ingress is ours
    let cases = [
        ("alb", "alb", "nginx", true),
        ("alb", "nginx", "alb", false),
        ("web", "web", "alb", true),
        ("web", "alb", "alb", false),
        ("", "alb", "nginx", true),
        ("", "nginx", "alb", false),
    ];
    for (configured, annotation, named, is_ours) in cases {
        let ingress = one_path("web", named, &number(), &[("kubernetes.io/ingress.class", annotation)]);
        let classes = vec![class("alb", "ingress.k8s.aws/alb"), class("nginx", "k8s.io/ingress-nginx")];
        let input = MigrationInput { ingresses: vec![ingress], classes, ..MigrationInput::default() };
        let config = Config { ingress_class: configured.to_owned(), ..Config::default() };
        let migration = translate(&input, MigrationOptions::default(), &config);
        assert_eq!(migration.gateways.len() == 1, is_ours, "{configured} {annotation} {named}");
    }
}

#[test]
fn members_of_different_classes_keep_their_own_target_types_and_tags() {
    let class = |name: &str| {
        let parameters = json!({"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": name});
        let spec = json!({"controller": "ingress.k8s.aws/alb", "parameters": parameters});
        Arc::new(
            serde_json::from_value::<IngressClass>(json!({"metadata": {"name": name}, "spec": spec}))
                .unwrap(),
        )
    };
    let params = |name: &str, kind: &str| {
        let spec = json!({"targetType": kind, "tags": [{"key": name, "value": "yes"}]});
        Arc::new(
            serde_json::from_value::<IngressClassParams>(json!({"metadata": {"name": name}, "spec": spec}))
                .unwrap(),
        )
    };
    let input = MigrationInput {
        ingresses: ["one", "two"]
            .map(|name| one_path(name, name, &number(), &[("group.name", "team")]))
            .to_vec(),
        classes: vec![class("one"), class("two")],
        params: vec![params("one", "instance"), params("two", "ip")],
        ..MigrationInput::default()
    };
    let migration = translate(&input, MigrationOptions::default(), &Config::default());
    let [one, two] = migration.target_groups.as_slice() else { panic!("{:?}", migration.target_groups) };
    for (object, name, other, kind) in [(one, "one", "two", "instance"), (two, "two", "one", "ip")] {
        let given = &object["spec"]["defaultConfiguration"];
        assert_eq!((&given["targetType"], &given["tags"][name]), (&json!(kind), &json!("yes")));
        assert_eq!(given["tags"].get(other), None, "{object}");
    }
}
