use super::*;
use serde_json::json;

fn plan(resources: &Value) -> PlannedResources {
    PlannedResources::read(&json!({"id": "shop/web", "resources": resources}).to_string()).unwrap()
}

fn compared(ingress: &Value, gateway: &Value) -> Vec<Value> {
    let compared = compare(&plan(ingress), &plan(gateway), GivenHealthChecks::default());
    compared.entries.into_iter().flatten().map(|entry| serde_json::to_value(entry).unwrap()).collect()
}

fn bound(id: &str, service: &str, fields: &Value) -> Value {
    json!({
        TARGET_GROUP: {id: {"spec": fields}},
        BINDING: {id: {"spec": {"template": {"spec": {"serviceRef": {"name": service, "port": 80}}}}}},
    })
}

#[test]
fn what_is_no_stack_is_refused_and_what_is_empty_is_read() {
    let refused = [
        "",
        "[]",
        "7",
        r#"{"id":1}"#,
        r#"{"resources":[]}"#,
        r#"{"resources":{"A":1}}"#,
        r#"{"resources":{"A":{"b":1}}}"#,
    ];
    assert!(refused.iter().all(|text| PlannedResources::read(text).is_err()));
    for text in ["null", "{}", r#"{"id":null,"resources":null}"#, r#"{"Resources":{"A":null}}"#] {
        assert!(PlannedResources::read(text).unwrap().0.values().all(BTreeMap::is_empty), "{text}");
    }
    let nothing =
        compare(&PlannedResources::default(), &PlannedResources::default(), GivenHealthChecks::default());
    assert_eq!(serde_json::to_value(nothing).unwrap()["entries"], Value::Null);
}

#[test]
fn lists_are_the_same_in_any_order_and_fields_of_one_side_are_told() {
    let ingress = json!({"T": {"a": {"list": [[2, 1], [3]], "gone": null, "empty": {}, "whole": 1.0}}});
    let gateway = json!({"T": {"a": {"list": [[3], [1, 2]], "new": 1, "whole": 1}}});
    let statuses: Vec<_> = compared(&ingress, &gateway)
        .into_iter()
        .map(|entry| {
            (entry["field"].as_str().unwrap().to_owned(), entry["status"].as_str().unwrap().to_owned())
        })
        .collect();
    let expected = [("gone", "removed"), ("list", "same"), ("new", "added"), ("whole", "same")];
    assert_eq!(statuses, expected.map(|(field, status)| (field.to_owned(), status.to_owned())));
}

#[test]
fn target_groups_are_matched_by_service_and_each_of_them_is_compared() {
    let ingress = bound("ns/web:80", "web", &json!({"port": 80}));
    let mut gateway = bound("one", "web", &json!({"port": 80}));
    gateway[TARGET_GROUP]["two"] = json!({"spec": {"port": 81}});
    gateway[BINDING]["two"] = gateway[BINDING]["one"].clone();
    let ports: Vec<_> = compared(&ingress, &gateway)
        .into_iter()
        .filter(|entry| entry["field"] == "spec.port")
        .map(|entry| {
            json!([
                entry["correlationId"],
                entry["ingressResourceId"],
                entry["gatewayResourceId"],
                entry["status"]
            ])
        })
        .collect();
    let expected =
        [json!(["web:80", "ns/web:80", "one", "same"]), json!(["web:80", "ns/web:80", "two", "changed"])];
    assert_eq!(ports, expected);
}

#[test]
fn what_every_migration_brings_about_is_known() {
    let group = |name: &str, count: u32| {
        bound("tg", "web", &json!({"name": name, "healthCheckConfig": {"healthyThresholdCount": count}}))
    };
    let (ingress, gateway) = (group("k8s-shop-web-0123456789", 2), group("k8s-shop-web-abcdef0123", 3));
    assert!(
        compared(&ingress, &gateway)
            .iter()
            .filter(|entry| entry["status"] == "changed")
            .all(|entry| entry["known"] == true)
    );
    let annotation = "alb.ingress.kubernetes.io/healthy-threshold-count".to_owned();
    let given = GivenHealthChecks::of([&annotation]);
    let compared = compare(&plan(&ingress), &plan(&gateway), given);
    let unknown: Vec<_> = compared
        .entries
        .unwrap()
        .into_iter()
        .filter(|entry| entry.status == FieldStatus::Changed && !entry.known)
        .collect();
    assert_eq!(
        unknown.iter().map(|entry| entry.field.as_str()).collect::<Vec<_>>(),
        ["spec.healthCheckConfig.healthyThresholdCount"]
    );
}

#[test]
fn actions_that_differ_by_name_and_weight_alone_are_known() {
    let reference = |id: &str| format!("#/resources/{TARGET_GROUP}/{id}/status/targetGroupARN");
    let rule = |id: &str, extra: Value| {
        let mut group = json!({"targetGroupARN": {"$ref": reference(id)}});
        group.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"AWS::ElasticLoadBalancingV2::ListenerRule": {"80:1": {"spec": {"actions": [{"targetGroups": [group]}]}}}})
    };
    let known = |one: Value, other: Value| compared(&one, &other)[0]["known"] == true;
    assert!(known(rule("a", json!({})), rule("b", json!({"weight": 1}))));
    assert!(!known(rule("a", json!({})), rule("b", json!({"weight": 2}))));
}

#[test]
fn the_tag_tells_what_was_migrated() {
    let tagged = |tag: &str| json!({LOAD_BALANCER: {"LoadBalancer": {"spec": {"tags": {"gateway.k8s.aws/migrated-from": tag}}}}});
    assert_eq!(plan(&tagged("ingress/shop/web")).migrated_from(), Some("ingress/shop/web"));
    assert_eq!(plan(&tagged("")).migrated_from(), None);
}
